//! Leader election on a virtual clock: candidates whose clocks run at different speeds, an API server that answers late,
//! loses answers after doing what was asked, or does not answer at all.

use std::time::{Duration, Instant};

use egress::lease::{Beat, Elector, Pulse, Record, Seen, Step, Timing};

const TIMING: Timing = Timing { duration: Duration::from_secs(15) };

/// The API server: the Lease, and its version.
#[derive(Default)]
struct Server {
    lease: Option<Record>,
    version: u64,
}

impl Server {
    fn read(&self) -> Option<Seen> {
        Some(Seen { record: self.lease.clone()?, version: self.version.to_string().into() })
    }

    /// A write holds only on the version it was made from.
    fn write(&mut self, version: Option<&str>, record: Record) -> Result<Seen, ()> {
        let there = self.lease.is_some().then(|| self.version.to_string());
        if there.as_deref() != version {
            return Err(());
        }
        self.lease = Some(record);
        self.version += 1;
        self.read().ok_or(())
    }
}

/// A replica. Its clock shows `begin` plus true time times `rate` in thousandths.
struct Replica {
    name: &'static str,
    elector: Elector,
    begin: Instant,
    rate: u32,
    /// A call under way: until when (true time), what was asked, and when it was sent by the own clock.
    call: Option<(Duration, Step, Instant)>,
    frozen: bool,
}

impl Replica {
    fn new(name: &'static str, rate: u32, offset: u64) -> Self {
        let begin = Instant::now() + Duration::from_secs(offset);
        Self { name, elector: Elector::new(name, TIMING, begin), begin, rate, call: None, frozen: false }
    }

    fn now(&self, time: Duration) -> Instant {
        self.begin + time * self.rate / 1000
    }

    fn leads(&self, time: Duration) -> bool {
        self.elector.leads(self.now(time)).is_some()
    }

    /// One step at a moment of true time. `trouble` out of 100 calls fail, half of them after they were done.
    fn step(&mut self, time: Duration, server: &mut Server, random: &mut fastrand::Rng, trouble: u8) {
        if self.frozen {
            return;
        }
        let now = self.now(time);
        let Some((until, step, sent)) = self.call.clone() else {
            let step = self.elector.step(now);
            if !matches!(step, Step::Sleep(_)) {
                // The server takes a call at once, and answers after up to two seconds.
                self.call = Some((time + Duration::from_millis(random.u64(1..2000)), step, now));
            }
            return;
        };
        if time < until {
            return;
        }
        self.call = None;
        let (fails, done) = (random.u8(0..100) < trouble, random.bool());
        match step {
            Step::Sleep(_) => {}
            Step::Read => self.elector.read(now, if fails { Err(()) } else { Ok(server.read()) }),
            Step::Create | Step::Replace { .. } if fails && !done => self.elector.wrote(sent, now, Err(())),
            Step::Create => self.write(server, None, 0, (sent, now, fails)),
            Step::Replace { version, transitions, .. } => {
                self.write(server, Some(&version), transitions, (sent, now, fails));
            }
        }
    }

    fn write(
        &mut self,
        server: &mut Server,
        version: Option<&str>,
        transitions: i32,
        at: (Instant, Instant, bool),
    ) {
        let (sent, now, lost) = at;
        let renewed = Some(format!("{sent:?}").into());
        let record = Record { holder: self.name.into(), transitions, acquired: None, renewed };
        let answer = server.write(version, record);
        self.elector.wrote(sent, now, if lost { Err(()) } else { answer });
    }
}

const TICK: Duration = Duration::from_millis(50);

/// Runs for so many seconds; fails when two lead at once. Gives how many ticks each led.
fn run(replicas: &mut [Replica], seconds: u64, seed: u64, trouble: u8) -> Vec<u32> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut server = Server::default();
    let mut led = vec![0; replicas.len()];
    let mut time = Duration::ZERO;
    while time < Duration::from_secs(seconds) {
        for replica in &mut *replicas {
            // A process that is stopped for up to a minute and goes on, now and then.
            if random.u16(..) < 20 {
                replica.frozen = !replica.frozen;
            }
            replica.step(time, &mut server, &mut random, trouble);
        }
        let leaders: Vec<&str> = replicas.iter().filter(|one| one.leads(time)).map(|one| one.name).collect();
        assert!(leaders.len() <= 1, "{leaders:?} lead at {time:?}, seed {seed}");
        for (replica, led) in replicas.iter().zip(&mut led) {
            *led += u32::from(replica.leads(time));
        }
        time += TICK;
    }
    led
}

#[test]
fn two_never_lead_at_once_though_clocks_differ_and_answers_get_lost() {
    let mut total = 0;
    for seed in 0..60 {
        // A quarter slower and a fifth faster, and what the clocks show is hours apart.
        let mut replicas =
            [Replica::new("a", 750, 0), Replica::new("b", 1000, 7000), Replica::new("c", 1200, 30)];
        total += run(&mut replicas, 600, seed, 30).iter().sum::<u32>();
    }
    assert!(total > 60 * 12_000 / 2, "somebody leads most of the time: {total}");
}

#[test]
fn one_leads_from_its_first_write_and_keeps_the_lease() {
    let mut replicas = [Replica::new("a", 1000, 0)];
    let mut server = Server::default();
    let mut random = fastrand::Rng::with_seed(1);
    let (mut time, mut first) = (Duration::ZERO, None);
    while time < Duration::from_secs(120) {
        replicas[0].step(time, &mut server, &mut random, 0);
        if replicas[0].leads(time) {
            first.get_or_insert(time);
        } else {
            assert_eq!(first, None, "it lost the lease at {time:?}");
        }
        time += TICK;
    }
    assert!(first.is_some_and(|first| first < Duration::from_secs(5)), "{first:?}");
    assert_eq!(server.lease.map(|lease| (lease.holder, lease.transitions)), Some(("a".into(), 0)));
}

fn seen(holder: &str, renewed: &str, version: &str) -> Seen {
    let record =
        Record { holder: holder.into(), transitions: 3, acquired: None, renewed: Some(renewed.into()) };
    Seen { record, version: version.into() }
}

#[test]
fn a_lease_that_does_not_change_is_taken_after_its_duration_by_our_clock() {
    let begin = Instant::now();
    let mut elector = Elector::new("b", TIMING, begin);
    let mut taken = None;
    for tenths in 0..400 {
        let now = begin + Duration::from_millis(tenths * 100);
        match elector.step(now) {
            // What it says of its time is long ago, or far away: no matter.
            Step::Read => elector.read(now, Ok(Some(seen("a", "1970-01-01T00:00:00Z", "7")))),
            Step::Replace { version, transitions, acquire } => {
                assert_eq!((&*version, transitions, acquire), ("7", 4, true));
                taken = Some(now - begin);
                break;
            }
            Step::Sleep(_) | Step::Create => {}
        }
        assert_eq!(elector.leads(now), None);
    }
    let taken = taken.expect("it is taken");
    assert!((15.0..=17.5).contains(&taken.as_secs_f64()), "{taken:?}");
}

#[test]
fn a_lease_given_up_is_taken_at_the_next_look() {
    let begin = Instant::now();
    let mut elector = Elector::new("b", TIMING, begin);
    assert_eq!(elector.step(begin), Step::Read);
    elector.read(begin, Ok(Some(seen("", "x", "9"))));
    let acquire = true;
    assert_eq!(elector.step(begin), Step::Replace { version: "9".into(), transitions: 4, acquire });
}

#[test]
fn a_leader_counts_from_before_it_sent_and_stops_at_two_thirds() {
    let begin = Instant::now();
    let mut elector = Elector::new("a", TIMING, begin);
    elector.read(begin, Ok(None));
    assert_eq!(elector.step(begin), Step::Create);
    elector.wrote(begin, begin + Duration::from_secs(4), Ok(seen("a", "x", "1")));
    assert!(elector.leads(begin + Duration::from_millis(9999)).is_some());
    assert_eq!(elector.leads(begin + Duration::from_secs(10)), None, "though the answer came at 4 s");
}

#[test]
fn whoever_releases_leads_no_more_and_only_a_leader_can() {
    let begin = Instant::now();
    let mut elector = Elector::new("a", TIMING, begin);
    assert_eq!(elector.release(begin), None);
    elector.read(begin, Ok(None));
    elector.wrote(begin, begin, Ok(seen("a", "x", "1")));
    assert_eq!(elector.release(begin).map(|seen| seen.version), Some("1".into()));
    assert_eq!(elector.leads(begin), None);
}

/// A Lease of kube-ovn-controller.
fn foreign(holder: &str, renewed: &str, seconds: i32) -> Beat {
    let lease = serde_json::json!({"metadata": {"name": "kube-ovn-controller"},
        "spec": {"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": seconds}});
    Beat::of(&serde_json::from_value(lease).expect("a Lease"))
}

/// A controller whose Lease is asked for every two seconds.
struct Asked {
    pulse: Pulse,
    begin: Instant,
    seconds: u64,
}

impl Asked {
    fn new() -> Self {
        Self { pulse: Pulse::default(), begin: Instant::now(), seconds: 0 }
    }

    /// Asks for so long, gets this form each time; gives after how many seconds it counted as dead.
    fn for_seconds(&mut self, seconds: u64, holder: &str, renewed: &str) -> Option<u64> {
        let mut died = None;
        for second in (0..seconds).step_by(2) {
            self.pulse
                .beat(foreign(holder, renewed, 15), self.begin + Duration::from_secs(self.seconds + second));
            died = died.or((!self.pulse.is_alive()).then_some(second));
        }
        self.seconds += seconds;
        died
    }

    /// No answers for so long.
    fn nothing(&mut self, seconds: u64) {
        self.pulse.missed();
        self.seconds += seconds;
    }
}

#[test]
fn a_controller_is_alive_until_its_lease_did_not_change_for_three_durations_of_our_clock() {
    let mut asked = Asked::new();
    assert!(!asked.pulse.is_alive(), "nobody was ever there");
    // Its time is long ago: whether its clock is wrong or it is dead is not known yet.
    assert_eq!(asked.for_seconds(60, "x", "2020-01-01T00:00:00.000000Z"), Some(46));
    assert_eq!(asked.for_seconds(40, "x", "2020-01-01T00:00:02.000000Z"), None, "renewed");
    assert_eq!(asked.for_seconds(2, "", "2020-01-01T00:00:04.000000Z"), Some(0), "given up");
    asked.for_seconds(2, "x", "2020-01-01T00:00:06.000000Z");
    asked.pulse.gone(asked.begin + Duration::from_secs(asked.seconds));
    assert!(!asked.pulse.is_alive(), "deleted");
}

#[test]
fn silence_counts_only_while_answers_come() {
    let mut asked = Asked::new();
    assert_eq!(asked.for_seconds(40, "x", "2020-01-01T00:00:00.000000Z"), None);
    // The API server was away: a controller that is alive could not renew either, and has not done it yet.
    asked.nothing(300);
    assert!(asked.pulse.is_alive());
    assert_eq!(asked.for_seconds(60, "x", "2020-01-01T00:00:00.000000Z"), Some(46), "counted anew");
    // One that was dead is not alive because we did not look.
    asked.nothing(300);
    assert_eq!(asked.for_seconds(2, "x", "2020-01-01T00:00:00.000000Z"), Some(0));
    assert_eq!(asked.for_seconds(2, "x", "2020-01-01T00:00:02.000000Z"), None);
    // Answers that are far apart without one that failed, as of a process that was stopped.
    asked.for_seconds(40, "x", "2020-01-01T00:00:04.000000Z");
    asked.seconds += 60;
    assert_eq!(asked.for_seconds(40, "x", "2020-01-01T00:00:04.000000Z"), None);
}

#[test]
fn a_duration_is_believed_up_to_ten_minutes() {
    let begin = Instant::now();
    let mut pulse = Pulse::default();
    for second in (0..=1810).step_by(5) {
        pulse
            .beat(foreign("x", "2020-01-01T00:00:06.000000Z", i32::MAX), begin + Duration::from_secs(second));
        assert_eq!(pulse.is_alive(), second < 1800, "at {second} s");
    }
}

#[test]
fn who_is_not_fit_does_not_stand_and_stands_as_soon_as_it_is() {
    let begin = Instant::now();
    let at = |millis| begin + Duration::from_millis(millis);
    let mut elector = Elector::new("a", TIMING, begin);
    assert_eq!(elector.fit(begin, false), Duration::ZERO);
    assert_eq!(elector.step(begin), Step::Read, "to know who leads");
    elector.read(begin, Ok(None));
    assert!(matches!(elector.step(begin), Step::Sleep(_)));
    assert_eq!(elector.fit(at(300), false), Duration::from_millis(300));
    elector.fit(at(400), true);
    assert_eq!(elector.step(at(400)), Step::Read);
    elector.read(at(400), Ok(None));
    assert_eq!(elector.step(at(400)), Step::Create);
    elector.wrote(at(400), at(500), Ok(seen("a", "x", "1")));
    // Who leads and is not fit for a moment goes on leading.
    elector.fit(at(3000), false);
    assert!(matches!(elector.step(at(3000)), Step::Read));
    elector.read(at(3000), Ok(Some(seen("a", "x", "1"))));
    assert!(matches!(elector.step(at(3000)), Step::Replace { acquire: false, .. }));
    assert!(elector.leads(at(3000)).is_some());
}

#[test]
fn who_looks_once_judges_by_the_time_of_renewal() {
    let now = "2026-03-01T10:00:00Z".parse().expect("a time");
    let recent = |renewed| foreign("a", renewed, 15).is_recent(now);
    // Three durations, and a minute for clocks that differ.
    assert!(recent("2026-03-01T09:59:50.000000Z") && recent("2026-03-01T09:58:20.000000Z"));
    assert!(!recent("2026-03-01T09:58:10.000000Z"));
    assert!(recent("2026-03-01T10:05:00.000000Z"), "a clock that is ahead");
    assert!(!foreign("", "2026-03-01T09:59:59.000000Z", 15).is_recent(now), "nobody holds it");
}

//! One run: everybody comes up, life gets hard for a while, half of the peers fall silent.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::Load;
use super::burden::{Quota, busy_cores};
use super::child::Process;
use super::judge::{Found, Told, ask, found, is_justified};

/// What makes it hard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Burden {
    /// Every core has somebody else who never sleeps.
    Busy,
    /// The same, but our process has real-time priority, if the system lets us.
    RealTime,
    /// Busy cores, and our process shares 20 % of a CPU with one who never sleeps.
    Quota,
    /// Our process is stopped for 0.5, 1, 2 and 5 detection times.
    Stops,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Sessions that went down although their peer was not told to fall silent.
    pub(crate) downs: usize,
    /// Those of them the wire does not justify.
    pub(crate) unjustified: usize,
    pub(crate) stalls: usize,
    pub(crate) lost: Duration,
    pub(crate) overflow: u64,
    /// The longest time between two packets of ours, and how many were beyond the detection time.
    pub(crate) longest: Duration,
    pub(crate) too_long: u64,
    /// The longest time between two packets of one peer.
    pub(crate) theirs: Duration,
    /// Silences: how many there were, and those found, sorted.
    pub(crate) silenced: usize,
    pub(crate) found: Vec<Duration>,
    pub(crate) late: usize,
    /// Stops that were not counted as lost.
    pub(crate) uncounted: usize,
    pub(crate) cpu: f64,
    pub(crate) note: String,
}

impl Outcome {
    pub(crate) fn failures(&self) -> Vec<String> {
        let count = [
            (self.unjustified, "sessions down that the wire does not justify"),
            (self.silenced - self.found.len(), "silences not found"),
            (self.late, "silences found too late"),
            (self.uncounted, "stops not counted as lost time"),
        ];
        let bad = count.iter().filter(|(count, _)| *count > 0);
        bad.map(|(count, what)| format!("{count} {what}")).collect()
    }
}

/// The processes of a run.
struct Lab {
    load: Load,
    peers: Process,
    ours: Process,
    told: Told,
}

/// Runs it for so long.
pub(crate) fn run(load: Load, burden: Burden, time: Duration) -> Outcome {
    let mut lab = Lab::start(load, burden);
    let mut outcome = Outcome::default();
    let busy = if burden == Burden::Stops { Vec::new() } else { busy_cores() };
    let shared = (burden == Burden::Quota).then(|| Process::helper(&[], &["burn".to_owned()]));
    let quota = shared.as_ref().map(|shared| Quota::of(&[lab.ours.pid(), shared.pid()]));
    lab.wait(Duration::from_secs(1).min(time));
    lab.peers.say("mark");
    let (lost_before, cpu_before, began) = (lab.lost()[0], lab.ours.cpu(), Instant::now());
    if burden == Burden::Stops {
        outcome.uncounted = lab.stops(time);
    } else {
        lab.wait(time);
    }
    outcome.cpu = (lab.ours.cpu() - cpu_before).as_secs_f64() / began.elapsed().as_secs_f64();
    let heard = ask(&mut lab.peers, "heard", |_| {});
    outcome.longest = Duration::from_nanos(heard[0]);
    (outcome.too_long, outcome.theirs) = (heard[1], Duration::from_nanos(heard[2]));
    lab.silence(&mut outcome);
    let lost = lab.lost();
    (outcome.lost, outcome.overflow) = (Duration::from_nanos(lost[0] - lost_before), lost[1]);
    outcome.stalls = lab.told.stalls();
    outcome.note = quota.as_ref().map(Quota::describe).unwrap_or_default();
    drop((quota, shared, busy));
    outcome
}

/// What to start a program by that shall run before all others; nothing if the system does not let us.
fn real_time() -> &'static [&'static str] {
    let allowed = Command::new("chrt").args(["-f", "10", "true"]).output();
    if allowed.is_ok_and(|ran| ran.status.success()) { &["chrt", "-f", "10"] } else { &[] }
}

impl Lab {
    /// Both processes, with every session up.
    fn start(load: Load, burden: Burden) -> Self {
        let words = |what: &str| [vec![what.to_owned()], load.words().to_vec()].concat();
        // The peers are the measure: nobody may hold them up.
        let first = real_time();
        let peers = Process::helper(first, &words("peers"));
        assert_eq!(peers.line(Duration::from_secs(10)).as_deref(), Some("ready"));
        let ours = Process::helper(if burden == Burden::RealTime { first } else { &[] }, &words("ours"));
        let mut lab = Self { load, peers, ours, told: Told::default() };
        let end = Instant::now() + Duration::from_secs(30);
        while lab.told.ups < load.sessions {
            assert!(Instant::now() < end, "{} of {} sessions came up", lab.told.ups, load.sessions);
            lab.wait(Duration::from_millis(100));
        }
        lab
    }

    /// Lets time go by and listens.
    fn wait(&mut self, time: Duration) {
        let told = &mut self.told;
        self.ours.until(Instant::now() + time, |line| told.take(line));
    }

    /// Nanoseconds lost so far, and datagrams.
    fn lost(&mut self) -> Vec<u64> {
        let told = &mut self.told;
        ask(&mut self.ours, "lost", |line| told.take(line))
    }

    /// Stops our process again and again, for 0.5, 1, 2 and 5 detection times. How many stops were not counted.
    fn stops(&mut self, time: Duration) -> usize {
        let (end, detection) = (Instant::now() + time, self.load.detection());
        let mut uncounted = 0;
        loop {
            for halves in [1, 2, 4, 10] {
                let stop = detection * halves / 2;
                let before = self.lost()[0];
                self.ours.signal(Signal::STOP);
                std::thread::sleep(stop);
                self.ours.signal(Signal::CONT);
                self.wait(detection * 4 + Duration::from_millis(100));
                let counted = Duration::from_nanos(self.lost()[0] - before);
                // It begins with the first packet that waits, or timer.
                uncounted += usize::from(counted + self.load.interval < stop);
            }
            if Instant::now() >= end {
                return uncounted;
            }
        }
    }

    /// Judges what went down so far; then half of the peers fall silent.
    fn silence(&mut self, outcome: &mut Outcome) {
        self.lost(); // everything told up to here is known
        outcome.downs = self.told.downs.len();
        outcome.unjustified = self.unjustified(0, false);
        let (load, before) = (self.load, outcome.downs);
        self.peers.say("silence");
        let silenced: Vec<usize> = (0..load.sessions).step_by(2).collect();
        outcome.silenced = silenced.len();
        let end = Instant::now() + load.detection() * 4 + Duration::from_secs(10);
        let is_down = |told: &Told, peer| told.downs.iter().skip(before).any(|down| down.peer == peer);
        while !silenced.iter().all(|peer| is_down(&self.told, *peer)) && Instant::now() < end {
            self.wait(Duration::from_millis(50));
        }
        self.wait(load.detection() * 2); // the other half stays up; the last stall is told
        let Self { peers, told, .. } = self;
        let found: Vec<Found> = silenced.iter().filter_map(|peer| found(peers, told, *peer, load)).collect();
        outcome.late = found.iter().filter(|found| found.is_late).count();
        outcome.unjustified += found.iter().filter(|found| found.is_early).count();
        outcome.found = found.iter().map(|found| found.after).collect();
        outcome.found.sort_unstable();
        let others = self.told.downs.iter().skip(before).filter(|down| down.peer % 2 == 1).count();
        outcome.downs += others;
        outcome.unjustified += self.unjustified(before, true);
    }

    /// How many sessions went down, from that place on, that the wire does not justify. Peers that were told to fall
    /// silent are judged by when they were found.
    fn unjustified(&mut self, from: usize, silenced: bool) -> usize {
        let Self { peers, told, load, .. } = self;
        let spoke = told.downs.iter().skip(from).filter(|down| !silenced || down.peer % 2 == 1);
        let bad = spoke.filter(|down| !is_justified(peers, down, *load));
        bad.inspect(|down| eprintln!("not justified: {down:?}")).count()
    }
}

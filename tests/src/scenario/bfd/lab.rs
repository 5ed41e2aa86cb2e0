//! The lab: one speaker, one router, both with BFD over IPv4 and IPv6.

use crate::bfd::judge::{Demands, Ends, judge, states};
use crate::bfd::packet::{Packet, read};
use crate::capture::Verdict;
use crate::fault::{During, Fault, Result, ensure};
use crate::matrix::bench::{Bench, S4, S6, Shape, Told, run, waiting};
use crate::router::{Bfd, BfdState, Config, Kind, Session};
use crate::wait;
use std::net::IpAddr;
use std::time::Duration;

/// How long anything may take that is not measured.
pub(super) const LIMIT: Duration = Duration::from_secs(15);

/// The router's addresses on the link.
pub(super) const NEAR: [&str; 2] = ["10.0.1.1", "fd00:1::1"];

/// A lab with BFD, while it runs.
pub(super) struct Duel<'a> {
    pub(super) bench: &'a mut Bench,
    /// Its addresses.
    pub(super) speaker: Vec<IpAddr>,
}

/// What a capture of it holds, once it is over.
pub(super) struct Seen {
    pub(super) packets: Vec<Packet>,
    pub(super) ends: Vec<Ends>,
    pub(super) verdict: Verdict,
}

/// Where both ends are, and what every packet of the speaker must have.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) shape: Shape,
    pub(super) speaker: &'static [&'static str],
    pub(super) router: &'static [&'static str],
    pub(super) demands: Demands<'static>,
}

impl Place {
    /// On the link, both families.
    pub(super) fn link() -> Self {
        Self { shape: Shape::Direct, speaker: &[S4, S6], router: &NEAR, demands: Demands::single(10) }
    }
}

/// Makes a lab, runs the steps, has all captured BFD of the speaker judged, then `after`. The steps return when the
/// speaker was away.
pub(super) fn duel(
    kind: Kind,
    place: Place,
    steps: impl FnOnce(&mut Duel<'_>) -> Result<Vec<(Duration, Duration)>>,
    after: impl FnOnce(&Seen) -> Result<()>,
) -> Result<()> {
    let (speaker, router) = (addresses(place.speaker)?, addresses(place.router)?);
    let ends = speaker.iter().zip(&router).map(|(ours, theirs)| Ends { ours: *ours, theirs: *theirs });
    let ends: Vec<Ends> = ends.collect();
    run(
        kind,
        place.shape,
        |bench| steps(&mut Duel { bench, speaker }),
        |away, verdict| {
            let packets = read(&verdict.file)?;
            for ends in &ends {
                let demands = Demands { away: &away, ..place.demands };
                let pace = judge(&packets, *ends, demands)
                    .map_err(|fault| Fault::new(format!("{fault}\n{}", story(&packets, *ends))))?;
                let (packets, gaps, late) = (pace.packets, pace.gaps.len(), pace.late);
                println!("{}: {packets} BFD packets, {gaps} regular gaps, latest {late} µs", ends.ours);
            }
            let verdict =
                Verdict { file: verdict.file.clone(), messages: verdict.messages.clone(), faults: vec![] };
            after(&Seen { packets, ends, verdict })
        },
    )
}

/// Both ends' states in order, for messages.
fn story(packets: &[Packet], ends: Ends) -> String {
    let back = Ends { ours: ends.theirs, theirs: ends.ours };
    format!("states of ours: {:?}\nof theirs: {:?}", states(packets, ends), states(packets, back))
}

fn addresses(texts: &[&str]) -> Result<Vec<IpAddr>> {
    texts.iter().map(|text| Ok(text.parse()?)).collect()
}

/// A router that waits for these with BFD at 100 ms × 3.
pub(super) fn with_bfd(speaker: &[&str], session: Session) -> Result<Config> {
    waiting(speaker, Session { bfd: Some(Bfd::new(100, 3)), ..session })
}

/// A speaker with BFD at 100 ms × 3 towards these.
pub(super) fn told(router: &[&'static str]) -> Told {
    Told::new(router).and(&["--enable-bfd", "--bfd-min-tx=100", "--bfd-min-rx=100"], "")
}

impl Duel<'_> {
    /// Waits until the router says this of all BFD sessions; returns how long that took.
    pub(super) fn bfd_becomes(&self, state: BfdState) -> Result<Duration> {
        let (_, took) = wait::until(&format!("BFD is {state:?}"), LIMIT, || {
            self.bench.router()?.bfd_is(&self.speaker, state)
        })?;
        Ok(took)
    }

    /// Waits until the router sends at this interval and gives up after that time, in milliseconds.
    pub(super) fn timers_become(&self, interval: u64, detection: u64) -> Result<()> {
        let want = (Duration::from_millis(interval), Duration::from_millis(detection));
        wait::until("the router's timers", LIMIT, || {
            let sessions = self.bench.router()?.bfd()?;
            let mut of = self.speaker.iter().map(|peer| sessions.get(peer));
            let are = of.all(|session| session.is_some_and(|said| (said.interval, said.detection) == want));
            ensure(are, || format!("not {want:?} but {sessions:?}"))
        })?;
        Ok(())
    }

    /// Has the speaker read another configuration file, put in place by rename.
    pub(super) fn reload(&self, text: &str) -> Result<()> {
        let (draft, file) = (self.bench.file("draft.toml"), self.bench.file("speaker.toml"));
        std::fs::write(&draft, text)?;
        std::fs::rename(&draft, &file).during("a new configuration file")
    }
}

impl Seen {
    /// Fails unless the speaker's packets showed this state with this diagnostic, in every session.
    pub(super) fn showed(&self, state: u64, diagnostic: u64) -> Result<()> {
        self.ends.iter().try_for_each(|ends| {
            let mut sent = self.packets.iter().filter(|packet| ends.sent(packet));
            let showed = sent.any(|packet| (packet.state, packet.diagnostic) == (state, diagnostic));
            ensure(showed, || {
                format!("no state {state} with diagnostic {diagnostic}: {}", story(&self.packets, *ends))
            })
        })
    }
}

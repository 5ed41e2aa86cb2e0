//! Silence against a second reckoning: the driver's rounds come when they will, and what the engine does is compared
//! with a list of all stalls and arrivals, each counted by hand.
#![allow(clippy::unwrap_used, reason = "test support: a failure is a failed test")]

use std::time::{Duration, Instant};

use bfd::engine::{Action, Datagram, Engine, Limits};
use bfd::packet::ControlPacket;
use bfd::session::{Hops, Path, Reason, Role, Settings};
use bfd::{DetectMult, Diagnostic, Discriminator, Micros, State};

const LOCAL: [u8; 4] = [10, 0, 0, 1];
const REMOTE: [u8; 4] = [10, 0, 0, 2];
const DETECTION: Duration = Duration::from_millis(150);
/// What the driver takes for a stall.
const LATE: Duration = Duration::from_millis(5);

struct World {
    engine: Engine,
    epoch: Instant,
    /// Told to the engine: from, to.
    stalls: Vec<(Instant, Instant)>,
    horizon: Instant,
    heard: Instant,
    down: Option<Reason>,
}

impl World {
    fn packet(&self, state: State) -> ControlPacket {
        let ours = self.engine.sessions().first().unwrap().discriminator;
        ControlPacket {
            diagnostic: Diagnostic::NONE,
            state,
            poll: false,
            fin: true,
            control_plane_independent: false,
            demand: false,
            detect_mult: DetectMult::DEFAULT,
            my_discriminator: Discriminator::new(99).unwrap(),
            your_discriminator: Some(ours),
            desired_min_tx: Micros(50_000),
            required_min_rx: Micros(50_000),
            required_min_echo_rx: Micros(0),
        }
    }

    fn hear(&mut self, state: State, (at, now): (Instant, Instant)) {
        let packet = self.packet(state).encode();
        let (source, destination) = (REMOTE.into(), LOCAL.into());
        let datagram = Datagram {
            payload: packet.as_bytes(),
            hops: Hops::Single,
            source,
            destination,
            interface: 1,
            ttl: 255,
            at,
        };
        let mut out = Vec::new();
        self.engine.receive(now, &datagram, &mut out);
        self.take(out);
        self.heard = self.heard.max(at);
    }

    fn take(&mut self, out: Vec<Action>) {
        for action in out {
            if let Action::Changed(_, _, change) = action
                && change.to == State::Down
            {
                self.down = Some(change.reason);
            }
        }
    }

    /// A session that is Up.
    fn new(seed: u64) -> Self {
        let mut engine = Engine::new(Limits::default(), seed);
        let epoch = Instant::now();
        let interval = Micros(50_000);
        let settings =
            Settings { desired_min_tx: interval, required_min_rx: interval, ..Settings::default() };
        let path =
            Path { hops: Hops::Single, local: Some(LOCAL.into()), remote: REMOTE.into(), interface: 0 };
        engine.open(epoch, path, (Role::Active, settings), &mut Vec::new()).unwrap();
        let mut world = Self { engine, epoch, stalls: vec![], horizon: epoch, heard: epoch, down: None };
        world.hear(State::Down, (epoch, epoch));
        world.hear(State::Init, (epoch, epoch));
        world
    }

    /// A round of the driver at `now`, with what arrived since the last; returns whether silence is over by our reckoning.
    fn round(&mut self, now: Instant, arrivals: &[Instant]) -> bool {
        let due = self.engine.next();
        for at in arrivals {
            self.hear(State::Up, (*at, now));
        }
        let first = due.into_iter().chain(arrivals.iter().copied()).min();
        if let Some(since) = first.map(|first| first.max(self.horizon))
            && now.saturating_duration_since(since) >= LATE
        {
            self.engine.stalled(since, now);
            self.stalls.push((since, now));
        }
        self.horizon = now;
        let mut out = Vec::new();
        self.engine.advance(now, &mut out);
        self.take(out);
        let lost = |(from, to): &(Instant, Instant)| to.saturating_duration_since((*from).max(self.heard));
        let lost: Duration = self.stalls.iter().map(lost).sum();
        now.saturating_duration_since(self.heard) >= DETECTION + lost
    }
}

#[test]
fn silence_is_what_was_listened_to_whenever_the_driver_ran() {
    let mut downs = 0;
    for seed in 0..800 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut world = World::new(seed);
        let mut now = world.epoch;
        let patience = rng.u64(60_000..400_000);
        let mut arrival = world.epoch + Duration::from_micros(rng.u64(1..=patience));
        for _ in 0..400 {
            let due = world.engine.next().unwrap();
            let late = match rng.u32(0..10) {
                0 => rng.u64(0..400_000),
                1..4 => rng.u64(0..12_000),
                _ => rng.u64(0..300),
            };
            // Woken early now and then, by a packet of somebody else's.
            let woken = now + Duration::from_micros(rng.u64(0..60_000));
            now = due.min(woken).max(now) + Duration::from_micros(late);
            let mut arrivals = Vec::new();
            while arrival <= now {
                arrivals.push(arrival);
                arrival += Duration::from_micros(rng.u64(1..=patience));
            }
            let over = world.round(now, &arrivals);
            assert_eq!(world.down.is_some(), over, "seed {seed}, {:?}", now - world.epoch);
            if over {
                assert_eq!(world.down, Some(Reason::Expired));
                downs += 1;
                break;
            }
        }
    }
    assert!((80..720).contains(&downs), "both ends of it were seen: {downs} of 800 went down");
}

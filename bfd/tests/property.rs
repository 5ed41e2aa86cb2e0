//! Whatever comes in whatever order: no panic, and nothing impossible to be seen.
#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use bfd::engine::{Action, Control, Datagram, Engine, Limits, SessionId};
use bfd::packet::{Auth, AuthKind, ControlPacket, Key, sign};
use bfd::session::{Hops, Path, Role, Settings};
use bfd::{DetectMult, Diagnostic, Discriminator, Micros, State};
use proptest::collection::vec;
use proptest::prelude::*;

/// As many as fit.
const SESSIONS: usize = 5;

/// Addresses are few, so that things meet.
fn address(number: u8) -> IpAddr {
    match number % 8 {
        7 => "fe80::7".parse().unwrap(),
        number => IpAddr::V4(Ipv4Addr::new(10, 0, 0, number)),
    }
}

#[derive(Clone, Debug)]
enum Step {
    Octets { from: u8, to: u8, octets: Vec<u8> },
    Packet { from: u8, to: u8, packet: ControlPacket, your: Your, spoil: Option<(usize, u8)>, age: u32 },
    Open { local: Option<u8>, remote: u8, role: bool, settings: Settings },
    Close(u32),
    Set(u32, Settings),
    Control(u32, Control),
    Allow(u8),
    Block(u8),
    Passive(Settings),
    Pass(Duration),
    Oversleep(Duration),
    Horizon(Duration),
}

/// Which discriminator a packet names.
#[derive(Clone, Debug)]
enum Your {
    AsItIs,
    OfSession(u32),
}

fn state() -> impl Strategy<Value = State> {
    prop::sample::select(vec![State::AdminDown, State::Down, State::Init, State::Up])
}

fn interval() -> impl Strategy<Value = Micros> {
    prop_oneof![Just(0), 1..2000_u32, 1000..2_000_000_u32, any::<u32>()].prop_map(Micros)
}

fn settings() -> impl Strategy<Value = Settings> {
    let key = Auth {
        kind: AuthKind::MeticulousKeyedSha1,
        key_id: 1,
        key: Key::new(AuthKind::KeyedSha1, b"k").unwrap(),
    };
    // A transmit interval of microseconds is legal, but would only make this slow.
    let tx = prop_oneof![500..2_000_000_u32, Just(u32::MAX), Just(0)].prop_map(Micros);
    (tx, interval(), 1..=255_u8, any::<[bool; 2]>(), prop::option::weighted(0.1, Just(key))).prop_map(
        |(desired_min_tx, required_min_rx, mult, [stable, low], auth)| Settings {
            desired_min_tx,
            required_min_rx,
            detect_mult: DetectMult::new(mult).unwrap(),
            min_ttl: if low { 0 } else { 255 },
            auth,
            stable_discriminator: stable,
            ..Settings::default()
        },
    )
}

fn packet() -> impl Strategy<Value = ControlPacket> {
    let bits = any::<[bool; 4]>();
    (state(), bits, 1..=255_u8, 1..4_u32, prop::option::of(1..4_u32), vec(interval(), 3), 0..32_u8).prop_map(
        |(state, [poll, fin, control_plane_independent, demand], mult, my, your, intervals, diagnostic)| {
            ControlPacket {
                diagnostic: Diagnostic(diagnostic),
                state,
                poll,
                fin,
                control_plane_independent,
                demand,
                detect_mult: DetectMult::new(mult).unwrap(),
                my_discriminator: Discriminator::new(my).unwrap(),
                your_discriminator: your.and_then(Discriminator::new),
                desired_min_tx: intervals[0],
                required_min_rx: intervals[1],
                required_min_echo_rx: intervals[2],
            }
        },
    )
}

fn control() -> impl Strategy<Value = Control> {
    prop_oneof![
        (state(), 0..32_u8).prop_map(|(state, diagnostic)| Control::Force(state, Diagnostic(diagnostic))),
        Just(Control::Release),
        Just(Control::Suspend),
        Just(Control::Resume),
        Just(Control::Activate),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0..12_u32;
    let time =
        prop_oneof![0..3_000_u64, 0..3_000_000_u64, 0..100_000_000_u64].prop_map(Duration::from_micros);
    let your = prop_oneof![Just(Your::AsItIs), id.clone().prop_map(Your::OfSession)];
    let spoil = prop::option::weighted(0.2, (0..60_usize, any::<u8>()));
    prop_oneof![
        1 => (any::<u8>(), any::<u8>(), vec(any::<u8>(), 0..80))
            .prop_map(|(from, to, octets)| Step::Octets { from, to, octets }),
        12 => (any::<u8>(), any::<u8>(), packet(), your, spoil, any::<u32>()).prop_map(
            |(from, to, packet, your, spoil, age)| Step::Packet { from, to, packet, your, spoil, age }
        ),
        2 => (prop::option::of(any::<u8>()), any::<u8>(), any::<bool>(), settings())
            .prop_map(|(local, remote, role, settings)| Step::Open { local, remote, role, settings }),
        1 => id.clone().prop_map(Step::Close),
        2 => (id.clone(), settings()).prop_map(|(id, settings)| Step::Set(id, settings)),
        2 => (id, control()).prop_map(|(id, control)| Step::Control(id, control)),
        2 => any::<u8>().prop_map(Step::Allow),
        1 => any::<u8>().prop_map(Step::Block),
        1 => settings().prop_map(Step::Passive),
        5 => time.clone().prop_map(Step::Pass),
        2 => time.clone().prop_map(Step::Oversleep),
        1 => time.prop_map(Step::Horizon),
    ]
}

struct Run {
    engine: Engine,
    now: Instant,
    out: Vec<Action>,
    /// Sessions that were opened and not closed.
    open: Vec<SessionId>,
}

impl Run {
    fn take(&mut self, step: Step) {
        let Self { engine, now, out, open } = self;
        match step {
            Step::Octets { from, to, octets } => receive(engine, (*now, *now), (from, to), &octets, out),
            Step::Packet { from, to, mut packet, your, spoil, age } => {
                if let Your::OfSession(id) = your
                    && let Some(status) = engine.session(SessionId(id))
                {
                    packet.your_discriminator = Some(status.discriminator);
                }
                let mut octets = match spoil {
                    Some((_, 0..50)) => sign(&packet, &key(), age).as_bytes().to_vec(),
                    _ => packet.encode().as_bytes().to_vec(),
                };
                if let Some((at, octet)) = spoil
                    && let Some(place) = octets.get_mut(at)
                {
                    *place = octet;
                }
                let at = now.checked_sub(Duration::from_micros(age.into())).unwrap_or(*now);
                receive(engine, (*now, at), (from, to), &octets, out);
            }
            Step::Open { local, remote, role, settings } => {
                let role = if role { Role::Active } else { Role::Passive };
                let (local, remote) = (local.map(address), address(remote));
                let path = Path { hops: Hops::Single, local, remote, interface: u32::from(remote.is_ipv6()) };
                open.extend(engine.open(*now, path, (role, settings), out));
            }
            Step::Close(id) => _ = engine.close(SessionId(id), out),
            Step::Set(id, settings) => _ = engine.set(*now, SessionId(id), settings, out),
            Step::Control(id, control) => _ = engine.control(*now, SessionId(id), control, out),
            Step::Allow(from) => engine.allow(address(from)),
            Step::Block(from) => engine.block(address(from)),
            Step::Passive(settings) => engine.set_passive(settings),
            Step::Pass(time) => self.pass(time),
            Step::Oversleep(time) => {
                let due = *now;
                *now += time;
                engine.stalled(due, *now);
                engine.advance(*now, out);
            }
            Step::Horizon(time) => engine.advance(now.checked_sub(time).unwrap_or(*now), out),
        }
        self.check();
    }

    /// As a driver would; bounded, for a millisecond may hold two packets of each session.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        let mut last = self.now;
        for _ in 0..200 {
            self.engine.advance(self.now, &mut self.out);
            let Some(next) = self.engine.next() else { break };
            assert!(next > self.now, "next is in the past after advance");
            assert!(next >= last, "next goes back");
            last = next;
            if next > until {
                break;
            }
            self.now = next;
        }
        self.now = until;
        self.engine.advance(self.now, &mut self.out);
        assert!(self.engine.next().is_none_or(|next| next > self.now));
    }

    fn check(&mut self) {
        for action in self.out.drain(..) {
            match action {
                Action::Transmit(id, encoded) => {
                    let (packet, _) = ControlPacket::decode(encoded.as_bytes()).unwrap();
                    assert!(!packet.demand && (!packet.poll || !packet.fin), "{packet:?}");
                    assert!(
                        packet.state == State::Up || packet.desired_min_tx >= Micros::SECOND,
                        "{packet:?}"
                    );
                    assert!(self.open.contains(&id), "a session that is not there speaks");
                }
                Action::Opened(id, _) => self.open.push(id),
                Action::Closed(id, _) => self.open.retain(|open| *open != id),
                Action::Changed(id, _, change) => {
                    assert_ne!(change.from, change.to);
                    assert!(self.open.contains(&id));
                }
            }
        }
        let sessions = self.engine.sessions();
        assert!(sessions.len() <= SESSIONS);
        assert!(sessions.iter().map(|status| status.id).eq(self.open.iter().copied()));
        for status in sessions {
            let known = status.remote_discriminator.is_some();
            assert!(known || matches!(status.state, State::Down | State::AdminDown), "{status:?}");
            assert!(!status.forced || !matches!(status.state, State::Init | State::Up), "{status:?}");
            assert!(status.state == State::Up || status.desired_min_tx >= Micros::SECOND, "{status:?}");
            assert!(status.state == State::Up || status.pending_min_tx.is_none(), "{status:?}");
            assert!(
                status.history.len() <= 8 && status.history.iter().all(|entry| entry.state != State::Init)
            );
            assert!(status.last_heard.is_none_or(|at| at <= self.now));
            let silent = status.role == Role::Passive && !known;
            assert!(!(silent || status.suspended) || status.transmit_interval.is_zero(), "{status:?}");
        }
        let counters = self.engine.counters();
        let refused = counters.invalid + counters.ttl + counters.unknown + counters.auth + counters.dropped;
        assert!(refused <= counters.received);
    }
}

fn key() -> Auth {
    Auth { kind: AuthKind::MeticulousKeyedSha1, key_id: 1, key: Key::new(AuthKind::KeyedSha1, b"k").unwrap() }
}

fn receive(
    engine: &mut Engine,
    (now, at): (Instant, Instant),
    (from, to): (u8, u8),
    payload: &[u8],
    out: &mut Vec<Action>,
) {
    let (source, destination) = (address(from), address(to));
    let interface = u32::from(source.is_ipv6());
    let datagram = Datagram { payload, hops: Hops::Single, source, destination, interface, ttl: 255, at };
    engine.receive(now, &datagram, out);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_history_leaves_a_sound_engine(seed in any::<u64>(), steps in vec(step(), 1..120)) {
        let engine = Engine::new(Limits { sessions: SESSIONS }, seed);
        let mut run = Run { engine, now: Instant::now(), out: Vec::new(), open: Vec::new() };
        for step in steps {
            run.take(step);
        }
    }
}

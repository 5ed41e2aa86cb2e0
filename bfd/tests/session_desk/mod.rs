//! One engine with one session, and packets written by hand.
#![allow(clippy::unwrap_used, reason = "test support: a failure is a failed test")]
#![allow(dead_code, reason = "every test uses its part")]

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use bfd::engine::{Action, Control, Datagram, Engine, Limits, SessionId};
use bfd::packet::ControlPacket;
use bfd::session::{Change, Hops, Path, Role, Settings, Status};
use bfd::{DetectMult, Diagnostic, Discriminator, Micros, State};

pub(crate) const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
pub(crate) const REMOTE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
pub(crate) const PATH: Path = Path { hops: Hops::Single, local: Some(LOCAL), remote: REMOTE, interface: 0 };

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn micros(ms: u32) -> Micros {
    Micros::from_millis(ms).unwrap()
}

/// Intervals to send and to receive in milliseconds, and a multiplier.
pub(crate) fn settings(tx_ms: u32, rx_ms: u32, mult: u8) -> Settings {
    Settings {
        desired_min_tx: micros(tx_ms),
        required_min_rx: micros(rx_ms),
        detect_mult: DetectMult::new(mult).unwrap(),
        ..Settings::default()
    }
}

/// A packet of the other end: discriminator 99, a second and 3 for everything.
pub(crate) fn packet(state: State, your: Option<Discriminator>) -> ControlPacket {
    ControlPacket {
        diagnostic: Diagnostic::NONE,
        state,
        poll: false,
        fin: false,
        control_plane_independent: false,
        demand: false,
        detect_mult: DetectMult::DEFAULT,
        my_discriminator: Discriminator::new(99).unwrap(),
        your_discriminator: your,
        desired_min_tx: Micros::SECOND,
        required_min_rx: Micros::SECOND,
        required_min_echo_rx: Micros(0),
    }
}

pub(crate) struct Desk {
    pub(crate) engine: Engine,
    pub(crate) now: Instant,
    pub(crate) id: SessionId,
    /// What came out since it was asked for last.
    pub(crate) sent: Vec<(Instant, ControlPacket)>,
    pub(crate) raw: Vec<Vec<u8>>,
    pub(crate) changes: Vec<(Instant, Change)>,
    pub(crate) opened: Vec<(SessionId, Path)>,
    pub(crate) closed: Vec<SessionId>,
}

impl Desk {
    /// An engine without a session; its first would have number 1.
    pub(crate) fn bare(limits: Limits) -> Self {
        Self {
            engine: Engine::new(limits, 7),
            now: Instant::now(),
            id: SessionId(1),
            sent: Vec::new(),
            raw: Vec::new(),
            changes: Vec::new(),
            opened: Vec::new(),
            closed: Vec::new(),
        }
    }

    /// A session that just began; what it said at the start is forgotten.
    pub(crate) fn new(role: Role, settings: Settings) -> Self {
        let mut desk = Self::bare(Limits::default());
        desk.id = desk.open(PATH, role, settings);
        desk.clear();
        desk
    }

    /// The same, brought into a state by packets or by hand.
    pub(crate) fn in_state(state: State, settings: Settings) -> Self {
        let mut desk = Self::new(Role::Active, settings);
        match state {
            State::AdminDown => {
                desk.hear(packet(State::AdminDown, None));
                desk.control(Control::Force(State::AdminDown, Diagnostic::ADMIN_DOWN));
            }
            State::Down => desk.hear(packet(State::AdminDown, None)),
            State::Init => desk.hear(packet(State::Down, None)),
            State::Up => {
                desk.hear(packet(State::Down, None));
                desk.say(State::Init);
            }
        }
        assert_eq!(desk.status().state, state);
        desk.clear();
        desk
    }

    pub(crate) fn open(&mut self, path: Path, role: Role, settings: Settings) -> SessionId {
        let mut out = Vec::new();
        let id = self.engine.open(self.now, path, (role, settings), &mut out).unwrap();
        self.take(out);
        id
    }

    pub(crate) fn clear(&mut self) {
        self.sent.clear();
        self.raw.clear();
        self.changes.clear();
    }

    pub(crate) fn status(&self) -> Status {
        self.engine.session(self.id).unwrap()
    }

    /// What was said last.
    pub(crate) fn last(&self) -> ControlPacket {
        self.sent.last().unwrap().1
    }

    pub(crate) fn ours(&self) -> Option<Discriminator> {
        Some(self.status().discriminator)
    }

    /// Hears a packet of the other end.
    pub(crate) fn hear(&mut self, packet: ControlPacket) {
        self.octets(packet.encode().as_bytes());
    }

    /// Hears a packet in that state, with our discriminator.
    pub(crate) fn say(&mut self, state: State) {
        self.hear(packet(state, self.ours()));
    }

    pub(crate) fn octets(&mut self, payload: &[u8]) {
        let at = self.now;
        self.datagram(&Datagram {
            payload,
            hops: Hops::Single,
            source: REMOTE,
            destination: LOCAL,
            interface: 3,
            ttl: 255,
            at,
        });
    }

    pub(crate) fn datagram(&mut self, datagram: &Datagram<'_>) {
        let mut out = Vec::new();
        self.engine.receive(self.now, datagram, &mut out);
        self.take(out);
    }

    pub(crate) fn control(&mut self, what: Control) {
        let mut out = Vec::new();
        assert!(self.engine.control(self.now, self.id, what, &mut out));
        self.take(out);
    }

    pub(crate) fn set(&mut self, settings: Settings) {
        let mut out = Vec::new();
        assert!(self.engine.set(self.now, self.id, settings, &mut out));
        self.take(out);
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(next) = self.engine.next().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.advance();
        }
        self.now = until;
        self.advance();
    }

    pub(crate) fn advance(&mut self) {
        let mut out = Vec::new();
        self.engine.advance(self.now, &mut out);
        self.take(out);
        assert!(self.engine.next().is_none_or(|next| next > self.now), "still something is due");
    }

    /// Lets time pass while the other end says the same again and again.
    pub(crate) fn run_hearing(&mut self, time: Duration, every: Duration, packet: ControlPacket) {
        let until = self.now + time;
        while self.now < until {
            self.run(every.min(until - self.now));
            self.hear(packet);
        }
    }

    fn take(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Transmit(_, encoded) => {
                    self.raw.push(encoded.as_bytes().to_vec());
                    self.sent.push((self.now, ControlPacket::decode(encoded.as_bytes()).unwrap().0));
                }
                Action::Changed(_, _, change) => self.changes.push((self.now, change)),
                Action::Opened(id, path) => self.opened.push((id, path)),
                Action::Closed(id, _) => self.closed.push(id),
            }
        }
    }
}

/// How long it was between any two.
pub(crate) fn gaps(sent: &[(Instant, ControlPacket)]) -> Vec<Duration> {
    sent.windows(2).map(|pair| pair[1].0 - pair[0].0).collect()
}

/// Every interval is 75 to 100 % of what was negotiated, or to 90 %, and they are not all the same.
pub(crate) fn check_jitter(gaps: &[Duration], interval: Duration, most: u32) {
    assert!(gaps.len() > 100);
    for gap in gaps {
        assert!(*gap >= interval * 75 / 100, "{gap:?} of {interval:?}");
        assert!(*gap <= interval * most / 100, "{gap:?} of {interval:?}");
    }
    let (least, longest) = (gaps.iter().min().unwrap(), gaps.iter().max().unwrap());
    assert!(*longest - *least > interval / 10, "no jitter: {least:?} to {longest:?}");
    let mean = gaps.iter().sum::<Duration>() / u32::try_from(gaps.len()).unwrap();
    let middle = interval * (75 + most) / 200;
    assert!(mean > middle * 95 / 100 && mean < middle * 105 / 100, "{mean:?} of {interval:?} on average");
}

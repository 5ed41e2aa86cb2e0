//! One state machine and its clock, brought to any state by hand.
#![allow(dead_code, reason = "each test program uses its part")]

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use bgp::fsm::{Action, Config, ConnId, EndReason, Event, Peer, Restart, State};
use bgp::wire::{Capability, GracefulRestart, Message, Notification, Open};
use bgp::{Asn, Family, HoldTime, RouterId};

pub(crate) const CONN: ConnId = ConnId(1);
pub(crate) const OTHER: ConnId = ConnId(2);

pub(crate) fn asn(number: u32) -> Asn {
    Asn::new(number).expect("not zero")
}

pub(crate) fn id(last: u8) -> RouterId {
    RouterId::new(Ipv4Addr::new(10, 0, 0, last)).expect("not zero")
}

pub(crate) fn config() -> Config {
    Config {
        listen: true,
        ..Config::new(
            (asn(65001), id(1)),
            asn(65002),
            HoldTime::new(90).expect("legal"),
            vec![Family::IPV4_UNICAST],
        )
    }
}

pub(crate) fn their_open(hold: u16) -> Open {
    Open::new(asn(65002), HoldTime::new(hold).expect("legal"), id(2))
        .with(Capability::Multiprotocol(Family::IPV4_UNICAST))
}

/// Graceful restart as one side offers it. The octets: R is 8, N is 4; F is 0x80 (RFC 4724 §3, RFC 8538 §2).
pub(crate) fn graceful(flags: u8, time: u16, families: &[(Family, u8)]) -> Capability {
    Capability::GracefulRestart(GracefulRestart { flags, time, families: families.to_vec() })
}

/// Ours: 120 s, a first start, NOTIFICATIONs graceful or not.
pub(crate) fn restarting(notification: bool) -> Config {
    let (time, restarted, forwarding, long_lived) = (120, false, false, None);
    Config { restart: Some(Restart { time, restarted, forwarding, notification, long_lived }), ..config() }
}

/// A machine and its clock.
pub(crate) struct Lab {
    pub(crate) peer: Peer,
    pub(crate) now: Instant,
}

impl Lab {
    pub(crate) fn new(config: Config) -> Self {
        Self { peer: Peer::new(config, 7), now: Instant::now() }
    }

    pub(crate) fn feed(&mut self, event: Event) -> Vec<Action> {
        let mut out = Vec::new();
        self.peer.handle(self.now, event, &mut out);
        out
    }

    pub(crate) fn hear(&mut self, message: Message) -> Vec<Action> {
        self.feed(Event::Received(CONN, message))
    }

    /// Lets the clock run to the next deadline and says how long that took.
    pub(crate) fn tick(&mut self) -> (Duration, Vec<Action>) {
        let at = self.peer.next_deadline().expect("a deadline");
        let waited = at - self.now;
        self.now = at;
        (waited, self.feed(Event::Tick))
    }

    /// Lets the clock run, and says so to the machine at the end of it only.
    pub(crate) fn after(&mut self, span: Duration) -> Vec<Action> {
        self.now += span;
        self.feed(Event::Tick)
    }

    /// Established on a dialed connection with a peer that says `open`.
    pub(crate) fn up(config: Config, open: Open) -> Self {
        let mut lab = Self::new(config);
        lab.feed(Event::Start);
        lab.reconnect(CONN, open);
        lab
    }

    /// The dial under way succeeds and the session comes up: the actions that brings.
    pub(crate) fn reconnect(&mut self, conn: ConnId, open: Open) -> Vec<Action> {
        assert_eq!(self.peer.state(), State::Connect);
        self.feed(Event::Connected(conn));
        self.feed(Event::Received(conn, Message::Open(open)));
        let actions = self.feed(Event::Received(conn, Message::Keepalive));
        assert!(matches!(actions[0], Action::Up(of, _) if of == conn), "{actions:?}");
        actions[1..].to_vec()
    }

    /// Brought to a state on a dialed connection, the peer proposing `hold`.
    pub(crate) fn at(state: State, hold: u16) -> Self {
        let mut lab = Self::new(config());
        assert_eq!(lab.feed(Event::Start), [Action::Dial]);
        let ours = Message::Open(lab.peer.config().open());
        assert_eq!(lab.feed(Event::Connected(CONN)), [Action::Send(CONN, ours)]);
        if state >= State::OpenConfirm {
            let actions = lab.hear(Message::Open(their_open(hold)));
            assert_eq!(actions, [Action::Send(CONN, Message::Keepalive)]);
        }
        if state == State::Established {
            assert!(matches!(lab.hear(Message::Keepalive)[..], [Action::Up(CONN, _)]));
        }
        assert_eq!(lab.peer.state(), state);
        lab
    }
}

pub(crate) fn ended(was_up: bool, reason: EndReason) -> Action {
    Action::Ended { was_up, reason }
}

/// What ending a connection with a NOTIFICATION of ours looks like.
pub(crate) fn ends_with(conn: ConnId, note: &Notification, was_up: bool) -> Vec<Action> {
    vec![
        Action::Send(conn, Message::Notification(note.clone())),
        Action::Close(conn),
        ended(was_up, EndReason::Sent(note.clone())),
    ]
}

//! Dialing, accepting and retrying on a virtual clock, and what holds after any sequence of events.

mod lab;

use std::collections::HashMap;
use std::time::Duration;

use bgp::fsm::{Action, Config, ConnId, Direction, EndReason, Event, Peer, State};
use bgp::wire::{Context, Message, Notification, Update};
use proptest::collection::vec;
use proptest::prelude::*;

use lab::{CONN, Lab, OTHER, asn, config, ended, ends_with, id, their_open};

const COLLISION: (u8, u8) = (6, 7);

fn collision() -> Notification {
    Notification::new(COLLISION.0, COLLISION.1, &[])
}

fn refused() -> Event {
    Event::DialFailed("connection refused".to_owned())
}

/// The waits between failed dials, each from the failure to the next dial.
fn retries(seed: u64, count: usize) -> Vec<Duration> {
    let mut lab = Lab { peer: Peer::new(config(), seed), ..Lab::new(config()) };
    lab.feed(Event::Start);
    let mut waits = Vec::new();
    for _ in 0..count {
        let failed = ended(false, EndReason::DialFailed("connection refused".to_owned()));
        assert_eq!(lab.feed(refused()), [failed]);
        assert_eq!(lab.peer.state(), State::Active);
        let (waited, actions) = lab.tick();
        assert_eq!(actions, [Action::Dial]);
        waits.push(waited);
    }
    waits
}

#[test]
fn retries_grow_to_a_bound_and_differ_between_peers() {
    let all: Vec<Vec<Duration>> = (0..50).map(|seed| retries(seed, 12)).collect();
    for waits in &all {
        assert!(waits[0] < Duration::from_secs(1), "a first failure is retried at once: {waits:?}");
        assert!(waits[8..].iter().all(|wait| *wait >= Duration::from_secs(2)), "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(5)), "found again in 5 s: {waits:?}");
    }
    let mut last: Vec<Duration> = all.iter().map(|waits| waits[11]).collect();
    last.sort_unstable();
    last.dedup();
    assert!(last.len() > 10, "peers must not dial in step: {last:?}");
}

#[test]
fn a_good_session_starts_the_backoff_anew_and_a_short_one_does_not() {
    for (lived, soon) in [(60, true), (1, false)] {
        let mut lab = Lab::new(config());
        lab.feed(Event::Start);
        for _ in 0..8 {
            lab.feed(refused());
            lab.tick();
        }
        lab.feed(Event::Connected(CONN));
        lab.hear(Message::Open(their_open(0)));
        lab.hear(Message::Keepalive);
        lab.now += Duration::from_secs(lived);
        lab.feed(Event::Lost(CONN, "reset".to_owned()));
        assert_eq!(lab.tick().0 < Duration::from_secs(1), soon, "after {lived} s");
    }
}

#[test]
fn dial_now_does_not_wait_and_dials_anew_from_the_right_address() {
    let mut lab = Lab::new(config());
    assert_eq!(lab.feed(Event::DialNow), [], "not before start");
    lab.feed(Event::Start);
    assert_eq!(
        lab.feed(Event::DialNow),
        [Action::AbandonDial, Action::Dial],
        "the one under way may leave wrongly"
    );
    lab.feed(refused());
    assert_eq!(lab.feed(Event::DialNow), [Action::Dial]);
    lab.feed(Event::Connected(CONN));
    assert_eq!(lab.feed(Event::DialNow), [], "a connection has a chance");
    assert_eq!(lab.feed(Event::Start), [], "started is started");
}

#[test]
fn a_dial_nobody_answers_is_given_up_and_a_late_answer_is_closed() {
    let mut lab = Lab::new(config());
    lab.feed(Event::Start);
    let (waited, actions) = lab.tick();
    assert!(waited <= Duration::from_secs(5));
    assert_eq!(actions[0], Action::AbandonDial);
    assert!(matches!(&actions[1..], [Action::Ended { was_up: false, reason: EndReason::DialFailed(_) }]));
    assert_eq!(lab.feed(Event::Connected(CONN)), [Action::Close(CONN)]);
    assert_eq!(lab.tick().1, [Action::Dial]);
}

#[test]
fn a_peer_that_is_not_dialed_is_waited_for_without_a_deadline() {
    let mut lab = Lab::new(Config { dial: false, ..config() });
    assert_eq!(lab.feed(Event::Start), []);
    assert_eq!((lab.peer.state(), lab.peer.next_deadline()), (State::Active, None));
    assert!(matches!(lab.feed(Event::Accepted(CONN))[..], [Action::Send(CONN, Message::Open(_))]));
    lab.feed(Event::Lost(CONN, "reset".to_owned()));
    assert_eq!((lab.peer.state(), lab.peer.next_deadline()), (State::Active, None));
}

#[test]
fn a_connection_is_not_accepted_when_not_listening() {
    for state in [State::OpenSent, State::OpenConfirm, State::Established] {
        let mut lab = Lab::at(state, 90);
        lab.peer = Peer::new(Config { listen: false, ..config() }, 7);
        lab.feed(Event::Start);
        assert_eq!(lab.feed(Event::Accepted(OTHER)), [Action::Close(OTHER)], "{state}");
    }
}

#[test]
fn a_second_accepted_connection_takes_the_place_of_the_first() {
    let mut lab = Lab::new(config());
    lab.feed(Event::Start);
    lab.feed(Event::Accepted(CONN));
    let actions = lab.feed(Event::Accepted(OTHER));
    assert_eq!(actions[..2], [Action::Close(CONN), ended(false, EndReason::Replaced)]);
    assert!(matches!(actions[2..], [Action::Send(OTHER, Message::Open(_))]));
    assert_eq!(lab.hear(Message::Keepalive), [], "the old one is forgotten");
}

#[test]
fn rfc4271_6_8_an_established_session_is_probed_when_the_peer_dials_again() {
    let mut lab = Lab::at(State::Established, 90);
    let refusal = Message::Notification(collision());
    let want = [Action::Send(CONN, Message::Keepalive), Action::Send(OTHER, refusal), Action::Close(OTHER)];
    assert_eq!(lab.feed(Event::Accepted(OTHER)), want);
    assert_eq!(lab.peer.state(), State::Established);
}

#[test]
fn rfc4271_6_8_the_connection_of_the_higher_identifier_lives() {
    // Ours is 10.0.0.1 in AS 65001; theirs, and whether the one we dialed lives (RFC 6286 §2.3 for equal ones).
    for (theirs, peer_as, ours_lives) in
        [(2, 65002, false), (0, 65002, true), (1, 65002, false), (1, 64999, true)]
    {
        let mut lab = Lab::new(Config { peer_as: asn(peer_as), router_id: id(1), ..config() });
        lab.feed(Event::Start);
        lab.feed(Event::Connected(CONN));
        lab.feed(Event::Accepted(OTHER));
        let mut open = bgp::wire::Open::new(asn(peer_as), their_open(90).hold_time, id(theirs));
        open.my_as = 23456; // the capability counts
        lab.hear(Message::Open(open.clone()));
        let actions = lab.feed(Event::Received(OTHER, Message::Open(open)));
        let loser = if ours_lives { OTHER } else { CONN };
        assert_eq!(actions[1..], ends_with(loser, &collision(), false), "id {theirs} in AS {peer_as}");
    }
}

#[test]
fn an_established_session_drops_the_other_connection_and_the_dial_under_way() {
    let mut lab = Lab::new(config());
    lab.feed(Event::Start);
    lab.feed(Event::Accepted(CONN));
    lab.hear(Message::Open(their_open(90)));
    let actions = lab.hear(Message::Keepalive);
    assert!(matches!(actions[..], [Action::AbandonDial, Action::Up(CONN, _)]));

    let mut lab = Lab::at(State::OpenConfirm, 90);
    lab.feed(Event::Accepted(OTHER));
    let actions = lab.hear(Message::Keepalive);
    assert_eq!(actions[..3], ends_with(OTHER, &collision(), false));
    assert!(matches!(actions[3..], [Action::Up(CONN, _)]));
}

/// Any event, about any of a few connections; `u8` picks.
fn event() -> impl Strategy<Value = (u8, u8, u8, u64)> {
    (0..10u8, 0..4u8, 0..5u8, prop_oneof![Just(0u64), 1..2_000u64, 2_000..200_000u64])
}

fn message(pick: u8) -> Message {
    match pick {
        0 => Message::Open(their_open(9)),
        1 => Message::Keepalive,
        2 => Message::Update(Update::default()),
        3 => Message::Notification(Notification::hold_timer_expired()),
        _ => Message::Open(their_open(0)),
    }
}

/// What a driver that does as told knows.
#[derive(Default)]
struct Driver {
    /// Connections not closed yet, by who opened them.
    open: HashMap<ConnId, Direction>,
    dialing: bool,
    up: Option<ConnId>,
    next: u64,
}

impl Driver {
    fn event(&mut self, (kind, which, what, _): (u8, u8, u8, u64)) -> Event {
        let known = ConnId(self.next.saturating_sub(which.into())); // often alive, sometimes long gone
        match kind {
            0 => Event::Start,
            1 if what == 0 => Event::Stop(Notification::shutdown("bye")),
            1 => Event::Received(known, Message::Open(their_open(90))),
            2 => Event::DialNow,
            3 => Event::Connected(self.opened(Direction::Dialed)),
            4 => refused(),
            5 => Event::Accepted(self.opened(Direction::Accepted)),
            6 | 7 => Event::Received(known, message(what)),
            8 if what == 0 => {
                Event::Broken(known, Message::decode(&[0; 19], Context::default()).expect_err("type 0"))
            }
            8 if what == 1 => Event::Lost(known, "reset".to_owned()),
            _ => Event::Tick,
        }
    }

    fn opened(&mut self, direction: Direction) -> ConnId {
        self.next += 1;
        self.dialing &= direction != Direction::Dialed;
        self.open.insert(ConnId(self.next), direction);
        ConnId(self.next)
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Dial => assert!(!std::mem::replace(&mut self.dialing, true), "two dials at once"),
            Action::AbandonDial => assert!(std::mem::take(&mut self.dialing), "no dial to abandon"),
            Action::Send(id, _) => assert!(self.open.contains_key(id), "{action:?} after Close"),
            Action::Close(id) => assert!(self.open.remove(id).is_some(), "closed twice"),
            Action::Up(id, _) => {
                assert!(self.open.contains_key(id), "Up after Close");
                assert_eq!(self.up.replace(*id), None, "Up twice");
            }
            Action::Ended { was_up, .. } => {
                if *was_up {
                    let up = self.up.take().expect("ended without having been up");
                    assert!(!self.open.contains_key(&up), "ended, yet open");
                }
            }
            Action::Refresh(_) | Action::RefreshBegins(_) | Action::RefreshEnds(_) | Action::Update(_) => {
                assert!(self.up.is_some(), "{action:?} while down");
            }
            Action::Retain { .. } | Action::Purge(_) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_of_events_confuses_the_machine(
        seed in any::<u64>(), dial in any::<bool>(), listen in any::<bool>(), events in vec(event(), 0..120),
    ) {
        let mut lab = Lab::new(config());
        lab.peer = Peer::new(Config { dial, listen, ..config() }, seed);
        let (mut driver, mut started) = (Driver::default(), false);
        for picked in events {
            lab.now += Duration::from_millis(picked.3);
            let event = driver.event(picked);
            started = match event {
                Event::Start => true,
                Event::Stop(_) => false,
                _ => started,
            };
            driver.dialing &= !matches!(event, Event::DialFailed(_));
            let ticked = matches!(event, Event::Tick);
            lab.feed(event).iter().for_each(|action| driver.act(action));
            let open = |want: Direction| driver.open.values().filter(|have| **have == want).count();
            prop_assert!(open(Direction::Dialed) <= 1 && open(Direction::Accepted) <= 1);
            prop_assert_eq!(lab.peer.state() == State::Established, driver.up.is_some());
            prop_assert!(started || (driver.open.is_empty() && !driver.dialing && lab.peer.next_deadline().is_none()));
            let due = lab.peer.next_deadline();
            prop_assert!(!ticked || due.is_none_or(|at| at > lab.now), "a tick leaves nothing due: no busy loop");
            let waits = started && dial && driver.up.is_none();
            prop_assert!(!waits || due.is_some(), "a peer to be dialed is never forgotten");
        }
    }
}

//! What holds after any sequence of events, in any configuration.

mod lab;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bgp::Family;
use bgp::fsm::{Action, Bfd, BfdHold, Config, ConnId, Direction, Event, Peer, State};
use bgp::wire::{Capability, Context, Message, Notification, Update};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};

use lab::{Lab, config, graceful, restarting, their_open};

const V4: Family = Family::IPV4_UNICAST;

/// One event: its kind, the connection it is about, a variant, milliseconds since the one before.
type Pick = (u8, u8, u8, u64);

fn pick() -> impl Strategy<Value = Pick> {
    let which = prop_oneof![6 => Just(0u8), 1 => 1..4u8];
    let pause = prop_oneof![6 => Just(0u64), 6 => 1..2_000u64, 1 => 2_000..200_000u64];
    (0..18u8, which, 0..10u8, pause)
}

fn bfd(pause: u64) -> Bfd {
    let hold = Some(Duration::from_secs(30));
    match pause % 6 {
        0 => Bfd::Down { keep: true, hold },
        1 => Bfd::Silent,
        2 => Bfd::Awaited,
        3 => Bfd::Down { keep: false, hold: None },
        4 => Bfd::Down { keep: false, hold },
        _ => Bfd::Up,
    }
}

fn message(variant: u8) -> Message {
    match variant {
        0 => Message::Open(their_open(9)),
        1 => Message::Keepalive,
        2 => Message::Update(Update::end_of_rib(V4)),
        3 => Message::Notification(Notification::hold_timer_expired()),
        4 => Message::Open(their_open(0)),
        5 => Message::RouteRefresh { family: V4, subtype: 0 },
        6 => Message::RouteRefresh { family: V4, subtype: 1 },
        7 => Message::Notification(Notification::new(6, 9, &[6, 2])),
        10 => Message::RouteRefresh { family: V4, subtype: 2 },
        8 => Message::Open(their_open(30).with(graceful(12, 60, &[(V4, 0)]))),
        _ => {
            let open = their_open(30).with(Capability::EnhancedRouteRefresh);
            Message::Open(open.with(graceful(4, 60, &[(V4, 0x80), (Family::IPV6_UNICAST, 0x80)])))
        }
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
    /// Routes of a session that ended are kept.
    stale: bool,
    /// `Retain` came, and its `Ended` not yet.
    retaining: bool,
}

impl Driver {
    /// The events of a pick: one, or those that make a session, which chance alone hardly ever puts in a row.
    fn events(&mut self, pick: Pick) -> Vec<Event> {
        let (kind, _, variant, _) = pick;
        if kind < 15 {
            return vec![self.event(pick)];
        }
        let taken = if variant % 2 == 0 { Direction::Accepted } else { Direction::Dialed };
        let id = self.opened(taken);
        let connected = if variant % 2 == 0 { Event::Accepted(id) } else { Event::Connected(id) };
        let open = Event::Received(id, message([0, 4, 8, 9, 9][usize::from(variant / 2)]));
        vec![connected, open, Event::Received(id, Message::Keepalive)]
    }

    fn event(&mut self, (kind, which, variant, pause): Pick) -> Event {
        let known = ConnId(self.next.saturating_sub(which.into())); // often alive, sometimes long gone
        let note = || Notification::shutdown("bye");
        match kind {
            0 => Event::Start,
            1 => match variant {
                0 => Event::Stop(note()),
                1 => Event::Leave(note()),
                2 => Event::Abandon,
                3 => Event::Reset(note()),
                4 => Event::PrefixLimit { family: V4, limit: 7 },
                5 => Event::AskAgain,
                6 => Event::Wrote,
                7 => Event::Bfd(bfd(pause)),
                _ => Event::Blocked,
            },
            2 => Event::DialNow,
            3 => Event::Connected(self.opened(Direction::Dialed)),
            4 => Event::DialFailed("connection refused".to_owned()),
            5 => Event::Accepted(self.opened(Direction::Accepted)),
            6..=8 => Event::Received(known, message(variant)),
            9 | 10 => Event::Received(known, message([1, 1, 2, 5, 6, 6, 9, 10, 10, 1][usize::from(variant)])),
            11 if variant < 2 => {
                Event::Broken(known, Message::decode(&[0; 19], Context::default()).expect_err("type 0"))
            }
            11 if variant < 5 => Event::Lost(known, "reset".to_owned()),
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
                    self.stale = self.retaining; // a driver drops the rest
                }
                assert!(*was_up || !self.retaining, "routes of an attempt");
                self.retaining = false;
            }
            Action::Refresh(_) | Action::RefreshBegins(_) | Action::RefreshEnds(_) | Action::Update(_) => {
                assert!(self.up.is_some(), "{action:?} while down")
            }
            Action::Retain { time } => {
                assert!(
                    self.up.is_some_and(|up| !self.open.contains_key(&up)),
                    "kept while the session lives"
                );
                assert!(!self.retaining && !self.stale, "kept twice");
                assert!(*time > Duration::ZERO && *time <= Duration::from_secs(4095));
                self.retaining = true;
            }
            Action::Purge(family) => {
                assert!(family.is_none_or(|family| family == V4), "only one is exchanged");
                assert!(std::mem::take(&mut self.stale), "nothing is stale");
            }
        }
    }
}

/// The configurations told apart: who opens connections, what is offered.
fn configured(dial: bool, listen: bool, restart: u8) -> Config {
    let config = match restart {
        0 => config(),
        1 => restarting(false),
        _ => restarting(true),
    };
    Config { dial, listen, ..config }
}

/// What an action is called when they are counted.
fn name(action: &Action) -> &'static str {
    match action {
        Action::Dial => "dial",
        Action::AbandonDial => "abandon",
        Action::Send(_, _) => "send",
        Action::Close(_) => "close",
        Action::Up(_, _) => "up",
        Action::Ended { was_up: true, .. } => "down",
        Action::Ended { was_up: false, .. } => "failed",
        Action::Refresh(_) => "refresh",
        Action::RefreshBegins(_) => "begins",
        Action::RefreshEnds(_) => "ends",
        Action::Update(_) => "update",
        Action::Retain { .. } => "retain",
        Action::Purge(None) => "purge all",
        Action::Purge(Some(_)) => "purge one",
    }
}

type Case = ((u64, bool, bool, u8), Vec<Pick>);

/// What holds after every event.
fn hold(
    lab: &Lab,
    driver: &Driver,
    (started, dial, ticked): (bool, bool, bool),
) -> Result<(), TestCaseError> {
    prop_assert!(!driver.retaining, "kept, and nothing ended");
    let open = |want: Direction| driver.open.values().filter(|have| **have == want).count();
    prop_assert!(open(Direction::Dialed) <= 1 && open(Direction::Accepted) <= 1);
    prop_assert_eq!(lab.peer.state() == State::Established, driver.up.is_some());
    prop_assert!(driver.up.is_none() || driver.open.len() == 1, "a session beside a connection");
    let due = lab.peer.next_deadline();
    let rest = driver.open.is_empty() && !driver.dialing && !driver.stale && due.is_none();
    prop_assert!(started || rest, "stopped is stopped");
    prop_assert!(!ticked || due.is_none_or(|at| at > lab.now), "a tick leaves nothing due: no busy loop");
    let held = lab.peer.bfd_hold();
    prop_assert!(held == BfdHold::No || !driver.dialing, "dialed though BFD says no");
    let waits = started && dial && driver.up.is_none() && held != BfdHold::UntilUp;
    prop_assert!(!(waits || driver.stale) || due.is_some(), "a peer to be dialed or purged is not forgotten");
    Ok(())
}

fn check(
    ((seed, dial, listen, restart), picks): Case,
    count: &mut BTreeMap<&str, u64>,
) -> Result<(), TestCaseError> {
    let mut lab = Lab::new(config());
    lab.peer = Peer::new(configured(dial, listen, restart), seed);
    let (mut driver, mut started) = (Driver::default(), false);
    for picked in picks {
        lab.now += Duration::from_millis(picked.3);
        for event in driver.events(picked) {
            started = match event {
                Event::Start => true,
                Event::Stop(_) | Event::Leave(_) | Event::Abandon => false,
                _ => started,
            };
            driver.dialing &= !matches!(event, Event::DialFailed(_));
            let ticked = matches!(event, Event::Tick);
            for action in lab.feed(event) {
                *count.entry(name(&action)).or_default() += 1;
                driver.act(&action);
            }
            hold(&lab, &driver, (started, dial, ticked))?;
        }
    }
    Ok(())
}

#[test]
fn no_sequence_of_events_confuses_the_machine() {
    let config = ProptestConfig { cases: 8000, failure_persistence: None, ..ProptestConfig::default() };
    let case = ((any::<u64>(), any::<bool>(), any::<bool>(), 0..3u8), vec(pick(), 0..150));
    let count = RefCell::new(BTreeMap::new());
    let done = TestRunner::new(config).run(&case, |case| check(case, &mut count.borrow_mut()));
    assert!(done.is_ok(), "{}", done.unwrap_err());
    let count = count.into_inner();
    assert!(count.len() == 14 && count.values().all(|times| *times >= 50), "hardly reached: {count:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn with_nothing_else_happening_deadlines_only_move_on_and_come_to_rest_or_to_a_rhythm(
        seed in any::<u64>(), restart in 0..3u8, picks in vec(pick(), 0..60),
    ) {
        let mut lab = Lab::new(config());
        lab.peer = Peer::new(configured(true, true, restart), seed);
        let mut driver = Driver::default();
        for picked in picks {
            lab.now += Duration::from_millis(picked.3);
            for event in driver.events(picked) {
                driver.dialing &= !matches!(event, Event::DialFailed(_));
                lab.feed(event).iter().for_each(|action| driver.act(action));
            }
        }
        lab.feed(Event::Tick).iter().for_each(|action| driver.act(action));
        for _ in 0..50 {
            let Some(at) = lab.peer.next_deadline() else { break };
            prop_assert!(at > lab.now, "{:?} back", lab.now - at);
            prop_assert!(at - lab.now <= Duration::from_secs(4095));
            lab.now = at;
            lab.feed(Event::Tick).iter().for_each(|action| driver.act(action));
        }
    }
}

//! Dialing, accepting and retrying on a virtual clock.

mod lab;

use std::time::Duration;

use bgp::fsm::{Action, Config, EndReason, Event, Peer, State};
use bgp::wire::{Message, Notification, Update};

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
fn the_same_seed_gives_the_same_retries_and_their_bounds_double() {
    for seed in 0..20 {
        let waits = retries(seed, 10);
        assert_eq!(waits, retries(seed, 10));
        for (count, wait) in waits.into_iter().enumerate() {
            // Half a second, doubled to four, each a quarter up or down.
            let full = [500, 1000, 2000].get(count).copied().unwrap_or(4000);
            let bounds = Duration::from_millis(full * 3 / 4)..=Duration::from_millis(full * 5 / 4);
            assert!(bounds.contains(&wait), "failure {count}: {wait:?}");
        }
    }
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

    let mut lab = colliding(3);
    let actions = lab.hear(Message::Keepalive);
    assert_eq!(actions[..3], ends_with(OTHER, &collision(), false));
    assert!(matches!(actions[3..], [Action::Up(CONN, _)]));
}

/// The connection we dialed in `OpenConfirm`, the peer's one in `OpenSent`; the peer is 10.0.0.2.
fn colliding(ours: u8) -> Lab {
    let mut lab = Lab::new(Config { router_id: id(ours), ..config() });
    lab.feed(Event::Start);
    lab.feed(Event::Connected(CONN));
    lab.hear(Message::Open(their_open(90)));
    lab.feed(Event::Accepted(OTHER));
    lab
}

#[test]
fn rfc4271_6_8_a_connection_that_would_lose_waits_for_the_other_one() {
    // The other one comes up.
    let mut lab = colliding(1);
    assert_eq!(lab.hear(Message::Keepalive), []);
    assert_eq!(lab.peer.state(), State::OpenConfirm);
    let actions = lab.feed(Event::Received(OTHER, Message::Open(their_open(90))));
    assert_eq!(actions[1..], ends_with(CONN, &collision(), false));
    let actions = lab.feed(Event::Received(OTHER, Message::Keepalive));
    assert!(matches!(actions[..], [Action::Up(OTHER, _)]));

    // The other one ends, by whoever's doing.
    for event in [
        Event::Lost(OTHER, "reset".to_owned()),
        Event::Received(OTHER, Message::Notification(collision())),
        Event::Received(OTHER, Message::Keepalive),
    ] {
        let mut lab = colliding(1);
        lab.hear(Message::Keepalive);
        let actions = lab.feed(event);
        assert!(matches!(actions.last(), Some(Action::Up(CONN, _))), "{actions:?}");
    }

    // The other one says nothing until its time is up.
    let mut lab = colliding(1);
    let begun = lab.now;
    lab.hear(Message::Keepalive);
    while lab.peer.state() != State::Established {
        lab.tick();
        lab.hear(Message::Keepalive);
    }
    assert!(lab.now - begun <= Duration::from_secs(60));

    // The peer sends routes: for it the session is up.
    let mut lab = colliding(1);
    lab.hear(Message::Keepalive);
    let actions = lab.hear(Message::Update(Update::default()));
    assert_eq!(actions[..3], ends_with(OTHER, &collision(), false));
    assert!(matches!(actions[3..], [Action::Up(CONN, _), Action::Update(_)]), "{actions:?}");

    // Both end at once: none of them comes up for a moment.
    let mut lab = colliding(1);
    lab.hear(Message::Keepalive);
    let note = Notification::cease(4, "");
    let both = [ends_with(CONN, &note, false), ends_with(OTHER, &note, false)].concat();
    assert_eq!(lab.feed(Event::Reset(note)), both);
    // Nor where only the clock ends them: ours waits for the hold time of 90 s, the other one for a minute.
    let mut lab = colliding(1);
    lab.hear(Message::Keepalive);
    let actions = lab.after(Duration::from_secs(90));
    assert!(actions.iter().all(|action| !matches!(action, Action::Up(_, _))), "{actions:?}");
    assert_eq!(lab.peer.state(), State::Active);

    // Routes before the KEEPALIVE are as wrong as ever.
    let mut lab = colliding(1);
    let note = Notification::new(5, 2, &[2]);
    assert_eq!(lab.hear(Message::Update(Update::default())), ends_with(CONN, &note, false));
}

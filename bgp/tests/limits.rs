//! A peer that takes no octets, and one that announces too much, on a virtual clock (RFC 9687, RFC 4486).

mod lab;

use std::time::Duration;

use bgp::Family;
use bgp::fsm::{Action, Config, Event, PREFIX_LIMIT_IDLE, State};
use bgp::wire::{Message, Notification, Open};

use lab::{CONN, Lab, OTHER, config, ends_with, their_open};

/// A session with this hold time, on both sides.
fn session(hold: u16) -> Lab {
    let hold_time = bgp::HoldTime::new(hold).expect("legal");
    Lab::up(Config { hold_time, ..config() }, their_open(hold))
}

/// Lets `seconds` pass with a peer that talks all the time; what happens beside keepalives.
fn talk(lab: &mut Lab, seconds: u64) -> Vec<Action> {
    let end = lab.now + Duration::from_secs(seconds);
    let mut seen = Vec::new();
    while lab.now < end {
        lab.now += Duration::from_secs(1);
        lab.hear(Message::Keepalive);
        seen.extend(
            lab.feed(Event::Tick).into_iter().filter(|one| *one != Action::Send(CONN, Message::Keepalive)),
        );
    }
    seen
}

#[test]
fn rfc9687_4_4_octets_may_wait_eight_minutes_or_twice_the_hold_time() {
    for (hold, limit) in [(90, 480), (240, 480), (300, 600), (9, 480)] {
        let mut lab = session(hold);
        lab.feed(Event::Blocked);
        assert_eq!(talk(&mut lab, limit - 1), [], "hold time {hold}");
        let note = Notification::new(8, 0, &[]); // RFC 9687 §4: code 8, no subcode
        assert_eq!(talk(&mut lab, 1), ends_with(CONN, &note, true), "hold time {hold}");
    }
}

#[test]
fn rfc9687_4_3_octets_taken_start_it_anew_and_waiting_longer_does_not() {
    let mut lab = session(90);
    for _ in 0..5 {
        lab.feed(Event::Blocked);
        assert_eq!(talk(&mut lab, 479), []);
        lab.feed(Event::Wrote);
    }
    assert_eq!(talk(&mut lab, 2000), [], "everything has left");
    for _ in 0..8 {
        lab.feed(Event::Blocked);
        if lab.peer.state() == State::Established {
            talk(&mut lab, 60);
        }
    }
    assert_eq!(lab.peer.state(), State::Active, "said again, the peer is blocked no less");
}

#[test]
fn rfc9687_4_3_without_a_hold_time_and_before_the_session_nothing_runs() {
    let mut lab = session(0);
    lab.feed(Event::Blocked);
    assert_eq!(lab.peer.next_deadline(), None);
    for state in [State::Idle, State::Connect, State::OpenSent, State::OpenConfirm] {
        let mut lab = match state {
            State::Idle => Lab::new(config()),
            State::Connect => {
                let mut lab = Lab::new(config());
                lab.feed(Event::Start);
                lab
            }
            other => Lab::at(other, 90),
        };
        let before = lab.peer.next_deadline();
        lab.feed(Event::Blocked);
        assert_eq!(lab.peer.next_deadline(), before, "{state}");
    }
    // A new session begins with nothing waiting.
    let mut lab = session(90);
    lab.feed(Event::Blocked);
    lab.feed(Event::Lost(CONN, "reset".to_owned()));
    lab.tick();
    lab.reconnect(OTHER, their_open(90));
    let talks = |lab: &mut Lab| {
        lab.now += Duration::from_secs(60);
        lab.feed(Event::Received(OTHER, Message::Keepalive));
        lab.feed(Event::Tick);
        lab.peer.state()
    };
    assert!((0..20).all(|_| talks(&mut lab) == State::Established));
}

#[test]
fn rfc9687_4_3_a_silent_peer_is_the_hold_timers() {
    let mut lab = session(90);
    lab.feed(Event::Blocked);
    let actions = lab.after(Duration::from_secs(90));
    assert_eq!(actions[..3], ends_with(CONN, &Notification::hold_timer_expired(), true));
}

fn too_many() -> Event {
    Event::PrefixLimit { family: Family::IPV6_UNICAST, limit: 1000 }
}

#[test]
fn rfc4486_4_too_many_prefixes_tell_family_and_limit_and_leave_the_peer_alone_for_a_minute() {
    let mut lab = session(90);
    // By hand: AFI 2, SAFI 1, 1000.
    let note = Notification::new(6, 1, &[0, 2, 1, 0, 0, 3, 0xe8]);
    assert_eq!(lab.feed(too_many()), ends_with(CONN, &note, true));
    assert_eq!((lab.peer.state(), PREFIX_LIMIT_IDLE), (State::Idle, Duration::from_secs(60)));
    // Nothing brings it back earlier: not the way, not the peer.
    for _ in 0..5 {
        lab.now += Duration::from_secs(10);
        assert_eq!(lab.feed(Event::Tick), []);
        assert_eq!(lab.feed(Event::DialNow), []);
        assert_eq!(lab.feed(Event::Start), []);
        assert_eq!(lab.feed(Event::Reset(Notification::cease(4, ""))), []);
        assert_eq!(lab.feed(too_many()), []);
        let refusal = Notification::new(6, 5, &[]); // connection rejected
        let want = [Action::Send(OTHER, Message::Notification(refusal)), Action::Close(OTHER)];
        assert_eq!(lab.feed(Event::Accepted(OTHER)), want);
        assert_eq!(lab.peer.state(), State::Idle);
    }
    assert_eq!(lab.tick(), (Duration::from_secs(10), vec![Action::Dial]));
    assert_eq!(lab.peer.state(), State::Connect);
}

#[test]
fn a_peer_left_alone_is_let_in_again_by_its_administrator_or_its_time() {
    let mut lab = session(90);
    lab.feed(too_many());
    assert_eq!(lab.feed(Event::Stop(Notification::shutdown(""))), []);
    assert_eq!((lab.peer.state(), lab.peer.next_deadline()), (State::Idle, None));
    assert_eq!(lab.feed(Event::Start), [Action::Dial], "disabled and enabled");

    // One that is only waited for is let in when its time is over.
    let mut lab = Lab::new(Config { dial: false, ..config() });
    lab.feed(Event::Start);
    lab.feed(Event::Accepted(CONN));
    lab.hear(Message::Open(Open { ..their_open(90) }));
    lab.hear(Message::Keepalive);
    lab.feed(too_many());
    assert_eq!(lab.tick(), (PREFIX_LIMIT_IDLE, vec![]));
    assert_eq!((lab.peer.state(), lab.peer.next_deadline()), (State::Active, None));
    assert!(matches!(lab.feed(Event::Accepted(OTHER))[..], [Action::Send(OTHER, Message::Open(_))]));
}

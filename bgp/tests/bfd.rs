//! What BGP makes of what BFD says, on a virtual clock (RFC 5882 §3.2, §4.2, §4.3; RFC 9384; RFC 8538 §4).

mod lab;

use std::time::Duration;

use bgp::Family;
use bgp::fsm::{Action, Bfd, BfdHold, Config, ConnId, EndReason, Event, Peer, State};
use bgp::wire::{Message, Notification};

use lab::{CONN, Lab, OTHER, config, ended, ends_with, graceful, restarting, their_open};

const HOLD: Duration = Duration::from_secs(30);
/// RFC 9384 §3: Cease, subcode 10, no data.
fn bfd_down() -> Notification {
    Notification::new(6, 10, &[])
}

fn down(keep: bool) -> Event {
    Event::Bfd(Bfd::Down { keep, hold: Some(HOLD) })
}

/// Established with a peer that offers graceful restart with these flags; ours has N.
fn restarts(flags: u8) -> Lab {
    Lab::up(restarting(true), their_open(90).with(graceful(flags, 100, &[(Family::IPV4_UNICAST, 0x80)])))
}

#[test]
fn rfc9384_3_a_session_whose_way_is_dead_ends_at_once_with_bfd_down() {
    for keep in [true, false] {
        let mut lab = Lab::at(State::Established, 90);
        assert_eq!(lab.feed(down(keep)), ends_with(CONN, &bfd_down(), true));
        assert_eq!(lab.peer.state(), State::Active, "it may be dialed, but does not dial");
    }
}

#[test]
fn rfc5882_4_3_what_is_kept_after_a_notification_is_kept_where_bfd_may_have_died_with_its_control_plane() {
    let mut lab = restarts(4);
    let actions = lab.feed(down(true));
    let kept = Action::Retain { time: Duration::from_secs(100) };
    let [send, close, last] = <[Action; 3]>::try_from(ends_with(CONN, &bfd_down(), true)).expect("three");
    assert_eq!(actions, [send, close, kept, last]);
    // Back within its time, and stale until its End-of-RIB.
    assert_eq!(lab.feed(Event::Bfd(Bfd::Up)), [Action::Dial]);
    assert_eq!(
        lab.reconnect(OTHER, their_open(90).with(graceful(12, 100, &[(Family::IPV4_UNICAST, 0x80)]))),
        []
    );
    assert_eq!(lab.peer.state(), State::Established);
}

#[test]
fn rfc5882_4_3_nothing_is_kept_where_bfd_outlives_the_control_plane() {
    let mut lab = restarts(4);
    let hard = Notification::new(6, 9, &[6, 10]);
    assert_eq!(lab.feed(down(false)), ends_with(CONN, &hard, true));
    // Without N a plain Cease is as hard (RFC 4724 §4).
    for keep in [true, false] {
        assert_eq!(restarts(0).feed(down(keep)), ends_with(CONN, &bfd_down(), true));
    }
}

#[test]
fn rfc5882_4_3_a_way_that_dies_while_the_peer_restarts_ends_what_was_kept_for_it() {
    let restarting = || {
        let mut lab = restarts(4);
        lab.feed(Event::Lost(CONN, "reset".to_owned()));
        lab
    };
    assert_eq!(restarting().feed(down(false)), [Action::Purge(None)]);
    assert_eq!(restarting().feed(down(true)), [], "it may be on its way back");
}

#[test]
fn the_peer_is_dialed_at_once_when_bfd_is_back_whatever_the_backoff_was() {
    let mut lab = Lab::at(State::Established, 90);
    for conn in 2..10 {
        let actions = lab.feed(down(false));
        assert!(matches!(actions.last(), Some(Action::Ended { was_up: true, .. })), "{actions:?}");
        lab.now += Duration::from_millis(10);
        assert_eq!(lab.feed(Event::Tick), [], "nothing before the hold is over");
        assert_eq!(lab.feed(Event::Bfd(Bfd::Up)), [Action::Dial], "at the same moment");
        lab.reconnect(ConnId(conn), their_open(90));
    }
}

#[test]
fn without_bfd_the_peer_is_dialed_when_its_hold_is_over() {
    let mut lab = Lab::at(State::Established, 90);
    lab.feed(down(false));
    assert_eq!(lab.peer.bfd_hold(), BfdHold::Until(lab.now + HOLD));
    assert_eq!(lab.tick(), (HOLD, vec![Action::Dial]));
    assert_eq!(lab.peer.bfd_hold(), BfdHold::No);
    // From then on as without BFD: a failure is tried again in less than a second.
    lab.feed(Event::DialFailed("refused".to_owned()));
    let (waited, actions) = lab.tick();
    assert_eq!(actions, [Action::Dial]);
    assert!(waited < Duration::from_secs(1), "{waited:?}");
}

#[test]
fn a_dial_that_waits_for_its_turn_goes_out_when_bfd_comes_up() {
    let mut lab = Lab::new(config());
    lab.feed(Event::Start);
    for _ in 0..8 {
        lab.feed(Event::DialFailed("unreachable".to_owned()));
        lab.tick();
    }
    lab.feed(Event::DialFailed("unreachable".to_owned()));
    assert_eq!(lab.feed(Event::Bfd(Bfd::Up)), [Action::Dial]);
    // One whose SYN went into the dead way is sent anew.
    assert_eq!(lab.feed(Event::Bfd(Bfd::Up)), [Action::AbandonDial, Action::Dial]);
    lab.feed(Event::DialFailed("refused".to_owned())); // BGP is not there yet
    let (waited, _) = lab.tick();
    assert!(waited < Duration::from_secs(1), "the pauses begin anew: {waited:?}");
}

#[test]
fn while_it_holds_the_peer_is_let_in_if_it_dials() {
    let mut lab = Lab::at(State::Established, 90);
    lab.feed(down(false));
    let open = Message::Open(lab.peer.config().open());
    assert!(
        matches!(&lab.feed(Event::Accepted(OTHER))[..], [Action::Send(OTHER, Message::Open(_))]),
        "{open:?}"
    );
    let actions = lab.feed(Event::Lost(OTHER, "reset".to_owned()));
    assert_eq!(actions, [Action::Close(OTHER), ended(false, EndReason::Lost("reset".to_owned()))]);
    assert_eq!(lab.tick().0, HOLD, "and that changes nothing");
}

#[test]
fn strict_waits_from_the_start_and_again_after_every_failure() {
    let mut lab = Lab::new(config());
    assert_eq!(lab.feed(Event::Bfd(Bfd::Awaited)), []);
    assert_eq!(lab.feed(Event::Start), []);
    assert_eq!((lab.peer.state(), lab.peer.next_deadline()), (State::Idle, None));
    let rejected = Notification::new(6, 5, &[]);
    let refused = [Action::Send(OTHER, Message::Notification(rejected)), Action::Close(OTHER)];
    assert_eq!(lab.feed(Event::Accepted(OTHER)), refused);
    assert_eq!(lab.feed(Event::DialNow), [], "another way is not a good one");
    assert_eq!(lab.feed(Event::Bfd(Bfd::Up)), [Action::Dial]);
    lab.reconnect(CONN, their_open(90));
    let strict = Event::Bfd(Bfd::Down { keep: false, hold: None });
    assert_eq!(lab.feed(strict), ends_with(CONN, &bfd_down(), true));
    assert_eq!((lab.peer.state(), lab.peer.next_deadline()), (State::Idle, None), "for ever");
    assert_eq!(lab.feed(Event::Accepted(OTHER)), refused);
    assert_eq!(lab.feed(Event::Bfd(Bfd::Silent)), [Action::Dial], "strict no more");
}

#[test]
fn rfc5882_3_2_a_session_goes_on_when_bfd_is_taken_down_on_purpose() {
    for says in [Bfd::Silent, Bfd::Awaited] {
        let mut lab = Lab::at(State::Established, 90);
        lab.feed(Event::Bfd(Bfd::Up));
        assert_eq!(lab.feed(Event::Bfd(says)), []);
        assert_eq!(lab.peer.state(), State::Established);
    }
}

#[test]
fn who_is_stopped_or_left_alone_is_not_dialed_because_bfd_is_up() {
    let mut stopped = Lab::at(State::Established, 90);
    stopped.feed(Event::Stop(Notification::shutdown("")));
    for says in [Event::Bfd(Bfd::Up), down(false), Event::Bfd(Bfd::Up)] {
        assert_eq!(stopped.feed(says), []);
    }
    stopped.feed(down(false));
    assert_eq!(stopped.feed(Event::Start), [], "the hold outlives the stop");
    stopped.feed(Event::Stop(Notification::shutdown("")));
    stopped.now += HOLD;
    assert_eq!(stopped.feed(Event::Start), [Action::Dial], "but not its time");
    let mut alone = Lab::at(State::Established, 90);
    alone.feed(Event::PrefixLimit { family: Family::IPV4_UNICAST, limit: 1 });
    assert_eq!(alone.feed(Event::Bfd(Bfd::Up)), []);
    alone.feed(down(false));
    assert_eq!(alone.tick(), (HOLD, vec![]), "left alone for a minute");
    assert_eq!(alone.tick(), (HOLD, vec![Action::Dial]));
}

#[test]
fn who_takes_the_place_of_another_waits_as_that_did() {
    let mut lab = Lab::at(State::Established, 90);
    lab.feed(down(false));
    let next = Peer::new(Config { listen: false, ..config() }, 8).with_bfd_hold(lab.peer.bfd_hold());
    lab.peer = next;
    assert_eq!(lab.feed(Event::Start), []);
    assert_eq!(lab.peer.state(), State::Idle, "nobody can come in");
    assert_eq!(lab.tick(), (HOLD, vec![Action::Dial]));
}

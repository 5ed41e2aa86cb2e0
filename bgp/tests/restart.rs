//! What is kept of a peer that restarts gracefully, by whom and how long, on a virtual clock (RFC 4724, RFC 8538).

mod lab;

use std::time::Duration;

use bgp::Family;
use bgp::fsm::{Action, Config, ConnId, EndReason, Event, State};
use bgp::wire::notification::{cease, code};
use bgp::wire::{Capability, Message, Notification, Open, Update};

use lab::{CONN, Lab, OTHER, config, ended, ends_with, graceful, restarting, their_open};

const V4: Family = Family::IPV4_UNICAST;
const V6: Family = Family::IPV6_UNICAST;
const R: u8 = 8;
const N: u8 = 4;
const F: u8 = 0x80;
const THIRD: ConnId = ConnId(3);

/// The peer's OPEN with both families and graceful restart of `families` for 100 s.
fn theirs(flags: u8, families: &[(Family, u8)]) -> Open {
    their_open(0).with(Capability::Multiprotocol(V6)).with(graceful(flags, 100, families))
}

fn both(notification: bool) -> Config {
    Config { families: vec![V4, V6], ..restarting(notification) }
}

/// Established with a peer that keeps both families; no hold timer, so that other deadlines stand alone.
fn up(flags: u8) -> Lab {
    Lab::up(both(flags & N != 0), theirs(flags, &[(V4, F), (V6, F)]))
}

const RETAIN: Action = Action::Retain { time: Duration::from_secs(100) };
const PURGE: Action = Action::Purge(None);

fn lost() -> Event {
    Event::Lost(CONN, "reset".to_owned())
}

/// The session is lost, and the machine dials again.
fn lose(lab: &mut Lab) {
    let reason = EndReason::Lost("reset".to_owned());
    assert_eq!(lab.feed(lost()), [Action::Close(CONN), RETAIN, ended(true, reason)]);
    assert_eq!(lab.tick().1, [Action::Dial]);
}

/// Ticks until `until`, leaving out what the dialing does; every dial fails.
fn run(lab: &mut Lab, until: Duration) -> Vec<(Duration, Action)> {
    let (from, mut seen) = (lab.now, Vec::new());
    while lab.peer.next_deadline().is_some_and(|at| at <= from + until) {
        let actions = lab.tick().1;
        let since = lab.now - from;
        seen.extend(
            actions.into_iter().filter(|one| matches!(one, Action::Purge(_))).map(|one| (since, one)),
        );
        lab.feed(Event::DialFailed("refused".to_owned()));
    }
    lab.now = from + until;
    seen
}

#[test]
fn rfc4724_4_2_a_peer_that_is_back_in_time_loses_what_it_kept_at_its_end_of_rib_only() {
    let mut lab = up(0);
    lose(&mut lab);
    assert_eq!(run(&mut lab, Duration::from_secs(98)), []);
    lab.feed(Event::DialNow);
    assert_eq!(lab.reconnect(OTHER, theirs(R, &[(V4, F), (V6, F)])), []);
    let hear = |lab: &mut Lab, update: Update| lab.feed(Event::Received(OTHER, Message::Update(update)));
    let update = Update { nlri: vec!["10.0.0.0/8".parse().expect("a prefix")], ..Update::default() };
    assert_eq!(hear(&mut lab, update.clone()), [Action::Update(update)], "no marker");
    for family in [V6, V4] {
        let end = Update::end_of_rib(family);
        assert_eq!(hear(&mut lab, end.clone()), [Action::Update(end), Action::Purge(Some(family))]);
    }
    assert_eq!(lab.peer.next_deadline(), None, "nothing is stale any more");
    let again = Update::end_of_rib(V4);
    assert_eq!(hear(&mut lab, again.clone()), [Action::Update(again)], "a second marker means nothing");
}

#[test]
fn rfc4724_4_2_what_the_peer_did_not_keep_goes_at_once() {
    let gone = |families: &[Family]| families.iter().map(|of| Action::Purge(Some(*of))).collect::<Vec<_>>();
    let no_restart = their_open(0).with(Capability::Multiprotocol(V6));
    let cases = [
        ("F of one family is not set", theirs(R, &[(V4, 0), (V6, F)]), gone(&[V4])),
        ("one family is missing", theirs(R, &[(V4, F)]), gone(&[V6])),
        ("no family is listed", theirs(R, &[]), gone(&[V4, V6])),
        ("no capability", no_restart.clone(), gone(&[V4, V6])),
        (
            "a family is not exchanged any more",
            their_open(0).with(graceful(R, 100, &[(V6, F)])),
            gone(&[V4, V6]),
        ),
        ("R says nothing about forwarding", theirs(0, &[(V4, F), (V6, F)]), vec![]),
    ];
    for (what, open, want) in cases {
        let mut lab = up(0);
        lose(&mut lab);
        assert_eq!(lab.reconnect(OTHER, open), want, "{what}");
        assert_eq!(lab.peer.next_deadline().is_none(), want.len() == 2, "{what}");
    }
}

#[test]
fn rfc4724_4_2_a_peer_that_is_late_or_never_back_is_purged_when_its_restart_time_is_over() {
    let mut lab = up(0);
    lose(&mut lab);
    let dialed = Duration::from_secs(1); // `lose` let the first retry pass
    let seen = run(&mut lab, Duration::from_secs(300));
    let [(at, PURGE)] = &seen[..] else { panic!("{seen:?}") };
    assert!(*at <= Duration::from_secs(100) && *at + dialed >= Duration::from_secs(100), "{at:?}");
    // Late: there is nothing left to be sorted out.
    lab.feed(Event::DialNow);
    assert_eq!(lab.reconnect(OTHER, theirs(R, &[])), []);
}

#[test]
fn rfc4724_4_2_the_restart_time_runs_out_while_the_peer_still_negotiates() {
    let mut lab = Lab::up(both(false), their_open(90).with(graceful(0, 5, &[(V4, F)])));
    let time = Duration::from_secs(5);
    let reason = EndReason::Lost("reset".to_owned());
    assert_eq!(lab.feed(lost()), [Action::Close(CONN), Action::Retain { time }, ended(true, reason)]);
    lab.tick();
    lab.feed(Event::Connected(OTHER));
    lab.feed(Event::Received(OTHER, Message::Open(theirs(R, &[(V4, F), (V6, F)]))));
    assert_eq!(lab.tick().1, [PURGE]);
    assert_eq!(lab.peer.state(), State::OpenConfirm);
}

#[test]
fn rfc8538_4_1_a_peer_that_never_says_end_of_rib_is_purged_three_minutes_after_it_came_back() {
    let mut lab = up(0);
    lose(&mut lab);
    assert_eq!(lab.reconnect(OTHER, theirs(R, &[(V4, F), (V6, F)])), []);
    assert_eq!(lab.tick(), (Duration::from_secs(180), vec![PURGE]));
    assert_eq!((lab.peer.state(), lab.peer.next_deadline()), (State::Established, None));
}

#[test]
fn rfc4724_4_2_a_second_restart_drops_what_was_stale_of_the_first() {
    let mut lab = up(0);
    lose(&mut lab);
    assert_eq!(lab.reconnect(OTHER, theirs(R, &[(V4, F), (V6, F)])), []);
    let end = Update::end_of_rib(V4);
    lab.feed(Event::Received(OTHER, Message::Update(end)));
    let reason = EndReason::Lost("again".to_owned());
    let want = [Action::Close(OTHER), PURGE, RETAIN, ended(true, reason)];
    assert_eq!(lab.feed(Event::Lost(OTHER, "again".to_owned())), want);
    // A loss before it was up again changes nothing: the first deadline stands.
    lab.tick();
    lab.feed(Event::Connected(THIRD));
    assert_eq!(lab.feed(Event::Lost(THIRD, "x".to_owned())).len(), 2);
    let seen = run(&mut lab, Duration::from_secs(101));
    assert!(matches!(seen[..], [(_, PURGE)]), "{seen:?}");
}

#[test]
fn rfc4724_4_2_families_the_peer_does_not_list_are_not_kept() {
    let mut lab = Lab::up(both(false), theirs(0, &[(V6, F)]));
    let reason = EndReason::Lost("reset".to_owned());
    let want = [Action::Close(CONN), RETAIN, Action::Purge(Some(V4)), ended(true, reason)];
    assert_eq!(lab.feed(lost()), want);
}

#[test]
fn rfc4724_4_2_nothing_is_kept_of_a_peer_that_did_not_offer_it_or_was_not_offered_it() {
    let silent = their_open(0).with(Capability::Multiprotocol(V6));
    let offers = theirs(N, &[(V4, F), (V6, F)]);
    let cases = [
        ("it does not", both(true), silent),
        ("we do not", Config { families: vec![V4, V6], ..config() }, offers),
        ("it lists no family", both(true), theirs(N, &[])),
        ("it lists another", both(true), theirs(N, &[(Family { afi: 1, safi: 128 }, F)])),
        ("zero seconds", both(true), their_open(0).with(graceful(N, 0, &[(V4, F)]))),
    ];
    for (what, ours, open) in cases {
        let mut lab = Lab::up(ours, open);
        let want = [Action::Close(CONN), ended(true, EndReason::Lost("reset".to_owned()))];
        assert_eq!(lab.feed(lost()), want, "{what}");
    }
}

/// How a session with N on either side ends on each NOTIFICATION: what is kept.
fn keeps(ours: bool, theirs_n: u8, event: Event) -> bool {
    let mut lab = Lab::up(both(ours), theirs(theirs_n, &[(V4, F), (V6, F)]));
    let actions = lab.feed(event);
    assert!(matches!(actions.last(), Some(Action::Ended { was_up: true, .. })), "{actions:?}");
    actions.contains(&RETAIN)
}

#[test]
fn rfc8538_4_a_notification_is_graceful_only_if_both_say_so_and_a_hard_reset_never() {
    let heard = |note: Notification| Event::Received(CONN, Message::Notification(note));
    let reset = || Notification::cease(cease::ADMIN_RESET, "");
    let fault = || Message::decode(&[0; 19], bgp::wire::Context::default()).expect_err("type 0");
    for (ours, n) in [(true, N), (true, 0), (false, N), (false, 0)] {
        let agreed = ours && n == N;
        let kept = |event| keeps(ours, n, event);
        assert_eq!(kept(heard(reset())), agreed, "received");
        assert_eq!(kept(heard(Notification::hold_timer_expired())), agreed, "the peer's hold timer");
        assert_eq!(kept(Event::Reset(reset())), agreed, "sent");
        assert_eq!(kept(Event::Broken(CONN, fault())), agreed, "sent for a fault");
        assert_eq!(kept(Event::Received(CONN, Message::Open(their_open(0)))), agreed, "sent for an OPEN");
        assert!(!kept(heard(Notification::hard_reset(&reset()))), "a hard reset received");
        assert!(!kept(Event::Stop(reset())), "a stop");
        assert!(!kept(Event::Leave(reset())), "leaving");
        assert!(!kept(Event::Abandon), "we go");
        assert!(!kept(Event::PrefixLimit { family: V4, limit: 1 }), "too many prefixes");
        assert!(kept(lost()), "no NOTIFICATION at all");
    }
}

#[test]
fn rfc8538_4_an_expired_hold_timer_is_graceful_only_if_both_say_so() {
    for (ours, n) in [(true, N), (true, 0), (false, N)] {
        let open =
            their_open(9).with(Capability::Multiprotocol(V6)).with(graceful(n, 100, &[(V4, F), (V6, F)]));
        let actions = Lab::up(both(ours), open).after(Duration::from_secs(9));
        let note = Notification::hold_timer_expired();
        assert_eq!(actions[0], Action::Send(CONN, Message::Notification(note)));
        assert_eq!(actions.contains(&RETAIN), ours && n == N);
    }
}

#[test]
fn rfc8538_3_1_leaving_is_a_hard_reset_for_those_who_would_keep_routes_after_a_plain_one() {
    let note = Notification::shutdown("draining node-7");
    // By hand: Cease, Hard Reset; then Cease, Administrative Shutdown, 15 octets of text.
    let data = [&[6, 2, 15][..], b"draining node-7"].concat();
    let hard = Notification { code: code::CEASE, subcode: 9, data };
    for (ours, n, want) in [(true, N, &hard), (true, 0, &note), (false, N, &note)] {
        for event in [Event::Stop(note.clone()), Event::Leave(note.clone())] {
            let mut lab = Lab::up(both(ours), theirs(n, &[(V4, F), (V6, F)]));
            assert_eq!(lab.feed(event), ends_with(CONN, want, true));
            assert_eq!((lab.peer.state(), lab.peer.next_deadline()), (State::Idle, None));
        }
    }
    // Known from the OPEN on: the peer may still have what it kept of the session before.
    let mut lab = Lab::new(both(true));
    lab.feed(Event::Start);
    lab.feed(Event::Connected(CONN));
    lab.hear(Message::Open(theirs(N, &[(V4, F), (V6, F)])));
    assert_eq!(lab.feed(Event::Leave(note.clone())), ends_with(CONN, &hard, false));
    // Before its OPEN nobody knows.
    let mut lab = Lab::new(both(true));
    lab.feed(Event::Start);
    lab.feed(Event::Connected(CONN));
    assert_eq!(lab.feed(Event::Leave(note.clone())), ends_with(CONN, &note, false));
}

#[test]
fn a_stop_while_the_peer_is_away_keeps_nothing_of_it() {
    for event in
        [Event::Stop(Notification::shutdown("")), Event::Leave(Notification::shutdown("")), Event::Abandon]
    {
        let mut lab = up(N);
        lose(&mut lab);
        assert_eq!(lab.feed(event), [Action::AbandonDial, PURGE]);
        assert_eq!((lab.peer.state(), lab.peer.next_deadline()), (State::Idle, None));
    }
}

#[test]
fn rfc4724_4_2_staying_closes_without_a_word() {
    let mut lab = up(N);
    assert_eq!(lab.feed(Event::Abandon), [Action::Close(CONN), ended(true, EndReason::Abandoned)]);
    assert_eq!((lab.peer.state(), lab.peer.next_deadline()), (State::Idle, None));
    assert_eq!(lab.feed(Event::Start), [Action::Dial]);
}

#[test]
fn rfc4724_5_a_connection_from_a_peer_that_restarts_takes_the_place_of_the_session() {
    let mut lab = up(0);
    lab.now += Duration::from_secs(60);
    let actions = lab.feed(Event::Accepted(OTHER));
    // No NOTIFICATION: the peer would take it for one about its new session.
    assert_eq!(actions[..3], [Action::Close(CONN), RETAIN, ended(true, EndReason::Replaced)]);
    assert!(matches!(actions[3..], [Action::Send(OTHER, Message::Open(_))]), "{actions:?}");
    lab.feed(Event::Received(OTHER, Message::Open(theirs(R, &[(V4, F), (V6, F)]))));
    let actions = lab.feed(Event::Received(OTHER, Message::Keepalive));
    assert!(matches!(actions[..], [Action::Up(OTHER, _)]), "{actions:?}");
    assert_eq!(lab.feed(lost()), [], "the old connection is forgotten");
}

#[test]
fn rfc4271_6_8_a_connection_beside_a_session_is_refused_to_one_that_does_not_restart_or_right_after_it_came_up()
 {
    let refusal = Message::Notification(Notification::new(6, 7, &[]));
    let want = [Action::Send(CONN, Message::Keepalive), Action::Send(OTHER, refusal), Action::Close(OTHER)];
    let mut young = up(0);
    young.now += Duration::from_secs(2);
    let mut plain = Lab::up(both(true), their_open(0));
    plain.now += Duration::from_secs(60);
    let mut listless = Lab::up(both(true), theirs(0, &[]));
    listless.now += Duration::from_secs(60);
    for mut lab in [young, plain, listless] {
        assert_eq!(lab.feed(Event::Accepted(OTHER)), want);
        assert_eq!(lab.peer.state(), State::Established);
    }
}

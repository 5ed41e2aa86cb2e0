//! The state machine on a virtual clock: every message in every state, every timer, every fault of an OPEN.

mod lab;

use std::time::Duration;

use bgp::fsm::{Action, Config, EndReason, Event, State};
use bgp::wire::notification::{code, open};
use bgp::wire::{Capability, Context, Message, Notification, Open, Update};
use bgp::{Family, HoldTime};

use lab::{CONN, Lab, OTHER, asn, config, ended, ends_with, id, their_open};

const REFRESH: Message = Message::RouteRefresh { family: Family::IPV4_UNICAST, subtype: 0 };

#[test]
fn rfc6608_a_message_out_of_place_is_answered_with_the_state_it_came_in() {
    let open = || Message::Open(their_open(90));
    let update = || Message::Update(Update::default());
    let cases = [
        (State::OpenSent, 1, vec![update(), Message::Keepalive, REFRESH]),
        (State::OpenConfirm, 2, vec![open(), update(), REFRESH]),
        (State::Established, 3, vec![open()]),
    ];
    for (state, subcode, messages) in cases {
        for message in messages {
            let note = Notification::new(code::FSM, subcode, &[message.kind()]);
            let actions = Lab::at(state, 90).hear(message);
            assert_eq!(actions, ends_with(CONN, &note, state == State::Established), "{state}");
        }
    }
}

#[test]
fn rfc4271_8_2_2_messages_of_an_established_session_are_passed_on() {
    let mut lab = Lab::at(State::Established, 90);
    let update = Update { withdrawn: vec!["10.0.0.0/8".parse().expect("a prefix")], ..Update::default() };
    assert_eq!(lab.hear(Message::Update(update.clone())), [Action::Update(update)]);
    assert_eq!(lab.hear(REFRESH), [Action::Refresh(Family::IPV4_UNICAST)]);
    assert_eq!(lab.hear(Message::Keepalive), []);
    // Markers of an enhanced refresh and families not agreed on are ignored (RFC 7313 §5, RFC 2918 §4).
    assert_eq!(lab.hear(Message::RouteRefresh { family: Family::IPV4_UNICAST, subtype: 1 }), []);
    assert_eq!(lab.hear(Message::RouteRefresh { family: Family::IPV6_UNICAST, subtype: 0 }), []);
    assert_eq!(lab.peer.state(), State::Established);
}

#[test]
fn rfc4271_6_4_a_notification_is_never_answered_with_one() {
    for state in [State::OpenSent, State::OpenConfirm, State::Established] {
        let note = Notification::shutdown("maintenance");
        let actions = Lab::at(state, 90).hear(Message::Notification(note.clone()));
        let was_up = state == State::Established;
        assert_eq!(actions, [Action::Close(CONN), ended(was_up, EndReason::Received(note))], "{state}");
    }
}

/// The actions as if we had just sent their NOTIFICATION, once it is seen that the reason names the peer's fault and
/// the codes of our answer: an operator needs both.
fn blamed(mut actions: Vec<Action>, codes: &str) -> Vec<Action> {
    let Some(Action::Send(_, Message::Notification(note))) = actions.first().cloned() else { return actions };
    if let Some(Action::Ended { reason, .. }) = actions.last_mut() {
        let text = reason.to_string();
        assert!(matches!(reason, EndReason::Fault(_)) && text.contains("RFC"), "{text}");
        assert!(text.contains(codes), "{codes} is missing in {text:?}");
        *reason = EndReason::Sent(note);
    }
    actions
}

#[test]
fn a_broken_message_is_answered_with_its_fault_in_every_state() {
    for state in [State::OpenSent, State::OpenConfirm, State::Established] {
        let fault = Message::decode(&[0xff; 19], Context::default()).expect_err("type 255");
        let note = Notification::new(code::HEADER, 3, &[255]);
        let actions = Lab::at(state, 90).feed(Event::Broken(CONN, fault));
        assert_eq!(blamed(actions, "1/3"), ends_with(CONN, &note, state == State::Established), "{state}");
    }
}

#[test]
fn rfc4271_6_2_an_open_that_does_not_suit_is_refused() {
    let other_as = Open::new(asn(65003), HoldTime::new(90).expect("legal"), id(2));
    let no_as = Open { my_as: 0, capabilities: vec![], ..their_open(90) };
    let only_v6 = Open::new(asn(65002), HoldTime::new(90).expect("legal"), id(2))
        .with(Capability::Multiprotocol(Family::IPV6_UNICAST));
    let cases = [
        (other_as, open::BAD_PEER_AS, vec![]),
        (no_as, open::BAD_PEER_AS, vec![]),
        (only_v6, open::UNSUPPORTED_CAPABILITY, vec![1, 4, 0, 1, 0, 1]), // RFC 5492 §5: what we miss
    ];
    for (open, subcode, data) in cases {
        let note = Notification { code: code::OPEN, subcode, data };
        let actions = Lab::at(State::OpenSent, 90).hear(Message::Open(open));
        assert_eq!(blamed(actions, &format!("2/{subcode}")), ends_with(CONN, &note, false));
    }
}

#[test]
fn rfc4271_6_2_a_malformed_open_is_refused_with_its_subcode() {
    let octets = Message::Open(their_open(90)).encode(Context::default()).expect("short");
    // Version 3, hold times 1 and 2, identifier zero: where, what, and the answer.
    let cases = [(19, 3, 1), (23, 1, 6), (23, 2, 6), (24, 0, 3)];
    for (at, value, subcode) in cases {
        let mut octets = octets.clone();
        octets[at] = value;
        if at == 24 {
            octets[24..28].fill(0);
        }
        let fault = Message::decode(&octets, Context::default()).expect_err("refused");
        let data: &[u8] = if subcode == 1 { &[0, 4] } else { &[] };
        let note = Notification::new(code::OPEN, subcode, data);
        let actions = Lab::at(State::OpenSent, 90).feed(Event::Broken(CONN, fault));
        let blamed = blamed(actions, &format!("2/{subcode}"));
        assert_eq!(blamed, ends_with(CONN, &note, false), "octet {at} = {value}");
    }
}

#[test]
fn rfc6286_2_our_own_identifier_is_refused_within_one_as_only() {
    let equal = |peer_as: u32| {
        let mut lab = Lab::new(Config { peer_as: asn(peer_as), ..config() });
        lab.feed(Event::Start);
        lab.feed(Event::Connected(CONN));
        let open = Open::new(asn(peer_as), HoldTime::new(90).expect("legal"), id(1));
        lab.hear(Message::Open(open))
    };
    let note = Notification::new(code::OPEN, open::BAD_IDENTIFIER, &[]);
    assert_eq!(blamed(equal(65001), "2/3"), ends_with(CONN, &note, false));
    assert_eq!(equal(65002), [Action::Send(CONN, Message::Keepalive)]);
}

#[test]
fn rfc4760_8_an_open_without_families_means_ipv4_unicast() {
    let mut lab = Lab::at(State::OpenSent, 90);
    let open = Open { capabilities: vec![], ..their_open(90) };
    assert_eq!(lab.hear(Message::Open(open)), [Action::Send(CONN, Message::Keepalive)]);
    let actions = lab.hear(Message::Keepalive);
    let [Action::Up(_, with)] = &actions[..] else { panic!("{actions:?}") };
    assert_eq!(with.families, [Family::IPV4_UNICAST]);
    assert_eq!(with.context, Context { four_octet_as: false, max_message: 4096, internal: false });
    assert!(!with.route_refresh);
}

#[test]
fn rfc4271_4_2_the_lower_hold_time_holds_and_keepalives_come_three_times_as_often() {
    for (theirs, hold) in [(9, 9_u16), (90, 90), (180, 90)] {
        let mut lab = Lab::at(State::Established, theirs);
        let (up, mut keepalives) = (lab.now, 0);
        loop {
            let (waited, actions) = lab.tick();
            if actions == [Action::Send(CONN, Message::Keepalive)] {
                // A third, less up to a quarter of jitter (RFC 4271 §10).
                let (least, most) = (f64::from(hold) / 4.0 - 0.001, f64::from(hold) / 3.0 + 0.001);
                assert!((least..=most).contains(&waited.as_secs_f64()), "{waited:?} of {hold} s");
                keepalives += 1;
                continue;
            }
            // The peer was silent all the time: keepalives we send do not count.
            assert_eq!(actions[..3], ends_with(CONN, &Notification::hold_timer_expired(), true));
            assert_eq!(lab.now - up, Duration::from_secs(hold.into()));
            break assert!((3..=4).contains(&keepalives), "{keepalives} keepalives in {hold} s");
        }
    }
}

#[test]
fn rfc4271_6_5_every_keepalive_and_update_gives_the_peer_a_whole_hold_time_again() {
    let mut lab = Lab::at(State::Established, 9);
    for message in [Message::Keepalive, Message::Update(Update::default())].into_iter().cycle().take(10) {
        let silent_until = lab.now + Duration::from_secs(9) - Duration::from_millis(1);
        while lab.peer.next_deadline().is_some_and(|at| at <= silent_until) {
            assert_eq!(lab.tick().1, [Action::Send(CONN, Message::Keepalive)]);
        }
        lab.now = silent_until;
        assert_eq!(lab.feed(Event::Tick), []);
        lab.hear(message);
    }
    assert_eq!(lab.peer.state(), State::Established);
}

#[test]
fn rfc4271_4_4_a_hold_time_of_zero_means_no_keepalives_and_no_expiry() {
    assert_eq!(Lab::at(State::Established, 0).peer.next_deadline(), None);
    // Until then somebody has to notice a peer that accepts our OPEN and never says so.
    let mut lab = Lab::at(State::OpenConfirm, 0);
    let (waited, actions) = lab.tick();
    assert_eq!(actions[..3], ends_with(CONN, &Notification::hold_timer_expired(), false));
    assert!(waited <= Duration::from_secs(240));
}

#[test]
fn a_peer_that_takes_the_connection_and_says_nothing_is_given_up() {
    let (waited, actions) = Lab::at(State::OpenSent, 90).tick();
    assert_eq!(actions[..3], ends_with(CONN, &Notification::hold_timer_expired(), false));
    assert!(waited >= Duration::from_secs(3) && waited <= Duration::from_secs(240));
}

#[test]
fn rfc9003_stop_says_why_on_every_connection_and_stays_down() {
    let note = Notification::shutdown("draining node-7");
    assert_eq!((note.code, note.subcode, note.text()), (code::CEASE, 2, Some("draining node-7")));
    for state in [State::OpenSent, State::OpenConfirm, State::Established] {
        let mut lab = Lab::at(state, 90);
        let actions = lab.feed(Event::Stop(note.clone()));
        assert_eq!(actions, ends_with(CONN, &note, state == State::Established), "{state}");
        assert_eq!((lab.peer.state(), lab.peer.next_deadline()), (State::Idle, None));
        assert_eq!(lab.feed(Event::DialNow), []);
        assert_eq!(lab.feed(Event::Accepted(OTHER)), [Action::Close(OTHER)]);
        assert_eq!(lab.feed(Event::Start), [Action::Dial], "and starts again");
    }
}

#[test]
fn rfc4271_6_8_both_connections_hear_a_stop() {
    let mut lab = Lab::at(State::OpenConfirm, 90);
    lab.feed(Event::Accepted(OTHER));
    let note = Notification::shutdown("");
    let both = [ends_with(CONN, &note, false), ends_with(OTHER, &note, false)].concat();
    assert_eq!(lab.feed(Event::Stop(note)), both);
}

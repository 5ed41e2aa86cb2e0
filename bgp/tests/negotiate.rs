//! Our OPEN octet by octet, and what two OPENs settle.

mod lab;

use bgp::Family;
use bgp::fsm::{Action, Config, EndReason, Event, LocalRole, Negotiated, PeerRestart, Restart, negotiate};
use bgp::wire::{Capability, Context, Message, Notification, OpenFault, Role};

use lab::{CONN, Lab, OTHER, asn, config, ends_with, graceful, id, restarting, their_open};

const V4: Family = Family::IPV4_UNICAST;
const V6: Family = Family::IPV6_UNICAST;

/// The optional parameters of an OPEN, as octets in hexadecimal.
fn parameters(config: &Config) -> String {
    hex(&Message::Open(config.open()).encode(Context::default()).expect("short")[28..])
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn restart(restarted: bool, forwarding: bool, notification: bool) -> Option<Restart> {
    Some(Restart { time: 120, restarted, forwarding, notification, long_lived: None })
}

#[test]
fn an_open_says_what_is_always_on() {
    // 20 octets, one parameter of 18: AS 65001, route refresh, enhanced, extended messages, IPv4 unicast (RFC 5492 §4).
    let want = "14 0212 41040000fde9 0200 4600 0600 010400010001";
    assert_eq!(parameters(&config()), want.replace(' ', ""));
}

#[test]
fn rfc4724_3_the_capability_has_flags_twelve_bits_of_seconds_and_the_families() {
    let families = vec![V4, V6];
    let cases = [
        (restart(false, false, false), "400a0078000101000002 0100"),
        (restart(true, false, false), "400a8078000101000002 0100"),
        (restart(true, true, false), "400a8078000101800002 0180"),
        (restart(true, true, true), "400ac078000101800002 0180"),
        (restart(false, false, true), "400a4078000101000002 0100"),
    ];
    for (restart, want) in cases {
        let ours = Config { restart, families: families.clone(), ..config() };
        assert!(parameters(&ours).ends_with(&want.replace(' ', "")), "{restart:?}: {}", parameters(&ours));
    }
    let long =
        Restart { time: u16::MAX, long_lived: Some(u32::MAX), ..restart(false, true, false).expect("some") };
    // RFC 9494 §3: 24 bits of seconds per family, the same F.
    let ours = Config { restart: Some(long), ..config() };
    assert!(parameters(&ours).ends_with("40060fff000101804707000101 80ffffff".replace(' ', "").as_str()));
}

#[test]
fn rfc8950_4_and_rfc9234_4_1_are_offered_where_they_mean_something() {
    let role = Some(LocalRole { role: Role::Customer, strict: false });
    let ours = Config { extended_next_hop: true, role, families: vec![V6, V4], ..config() };
    // AFI 1, SAFI 1 in two octets, next hop AFI 2; role 3.
    assert!(parameters(&ours).ends_with("0506000100010002090103"), "{}", parameters(&ours));
    let v6_only = Config { families: vec![V6], ..ours.clone() };
    assert!(!parameters(&v6_only).contains("050600"), "no IPv4 prefixes, nothing to say");
    let internal = Config { peer_as: ours.local_as, ..ours };
    assert!(!parameters(&internal).contains("0901"), "no role within an AS");
}

#[test]
fn rfc4724_4_1_r_is_said_until_the_first_session_and_f_kept_from_then_on() {
    for (restarted, forwarding) in [(true, true), (true, false), (false, false)] {
        let ours = Config { restart: restart(restarted, forwarding, true), ..config() };
        let mut lab = Lab::new(ours.clone());
        let peer = || their_open(0).with(graceful(0, 100, &[(V4, 0x80)]));
        let said = |actions: &[Action]| match actions {
            [.., Action::Send(_, Message::Open(open))] => Message::Open(open.clone()),
            other => panic!("{other:?}"),
        };
        lab.feed(Event::Start);
        // Attempts that come to nothing do not count.
        let first = said(&lab.feed(Event::Connected(OTHER)));
        lab.feed(Event::Received(OTHER, Message::Open(peer())));
        lab.feed(Event::Lost(OTHER, "reset".to_owned()));
        lab.tick();
        assert_eq!(first, Message::Open(ours.open()));
        assert_eq!(said(&lab.feed(Event::Connected(CONN))), first);
        lab.hear(Message::Open(peer()));
        lab.hear(Message::Keepalive);
        lab.feed(Event::Lost(CONN, "reset".to_owned()));
        lab.tick();
        let later = said(&lab.feed(Event::Connected(OTHER))).encode(Context::default()).expect("short");
        let want = "40064078 00010180".replace(' ', "");
        assert!(hex(&later).ends_with(&want), "not restarted since, forwarding kept: {}", hex(&later));
        assert_eq!(lab.peer.config(), &ours, "what was configured stays comparable");
    }
}

fn settle(ours: &Config, capabilities: Vec<Capability>) -> Negotiated {
    let mut open = their_open(90);
    open.capabilities.extend(capabilities);
    negotiate(ours, &open).expect("they suit each other")
}

#[test]
fn nothing_is_settled_that_one_side_did_not_offer() {
    let role = Some(LocalRole { role: Role::Peer, strict: false });
    let all = Config { extended_next_hop: true, role, ..restarting(true) };
    let theirs = || {
        let entries = Capability::ExtendedNextHop(vec![(V6, 2), (V4, 2)]);
        vec![
            entries,
            Capability::EnhancedRouteRefresh,
            Capability::Role(Role::Peer),
            graceful(12, 90, &[(V4, 0x80)]),
        ]
    };
    let with = settle(&all, theirs());
    assert!(with.extended_next_hop && with.enhanced_refresh);
    assert_eq!(with.peer_role, Some(Role::Peer));
    let families = vec![(V4, true)];
    assert_eq!(with.restart, Some(PeerRestart { time: 90, restarted: true, notification: true, families }));

    let with = settle(&all, vec![]);
    assert!(
        !with.extended_next_hop
            && !with.enhanced_refresh
            && with.restart.is_none()
            && with.peer_role.is_none()
    );
    let with = settle(&config(), theirs());
    assert!(!with.extended_next_hop && with.restart.is_none() && with.peer_role.is_none());
    assert!(with.enhanced_refresh, "always offered");

    // IPv4 prefixes over IPv6 is one entry of several, and the family has to be exchanged.
    let other = vec![Capability::ExtendedNextHop(vec![(Family { afi: 1, safi: 128 }, 2), (V4, 1)])];
    assert!(!settle(&all, other).extended_next_hop);
    // N of one side only.
    let quiet = settle(&restarting(false), theirs()).restart.expect("both speak it");
    assert!(!quiet.notification);
    let quiet = settle(&all, vec![graceful(8, 90, &[])]).restart.expect("both speak it");
    assert_eq!((quiet.notification, quiet.families), (false, vec![]));
    // Of two capabilities the last one counts (RFC 4724 §3).
    let two = vec![graceful(12, 90, &[(V4, 0x80)]), graceful(0, 30, &[(V4, 0)])];
    assert_eq!(settle(&all, two).restart.expect("both speak it").time, 30);
}

#[test]
fn rfc9234_4_2_roles_have_to_be_counterparts() {
    use Role::{Customer, Peer, Provider, RouteServer, RouteServerClient};
    let pairs = [
        (Provider, Customer),
        (Customer, Provider),
        (RouteServer, RouteServerClient),
        (RouteServerClient, RouteServer),
        (Peer, Peer),
    ];
    for (ours, _) in pairs {
        for (theirs, _) in pairs {
            let config = Config { role: Some(LocalRole { role: ours, strict: false }), ..config() };
            let settled = negotiate(&config, &their_open(90).with(Capability::Role(theirs)));
            match pairs.contains(&(ours, theirs)) {
                true => assert_eq!(settled.expect("they go together").peer_role, Some(theirs)),
                false => {
                    assert!(matches!(settled, Err(OpenFault::RoleMismatch { .. })), "{ours:?} {theirs:?}")
                }
            }
        }
    }
}

#[test]
fn rfc9234_4_2_a_role_that_does_not_suit_is_refused_with_2_11() {
    let note = Notification::new(2, 11, &[]);
    let unassigned = Capability::Unknown { code: 9, value: vec![200] };
    let cases = [
        (false, vec![Capability::Role(Role::Customer)], true),
        (false, vec![unassigned], true),
        (false, vec![Capability::Role(Role::Provider), Capability::Role(Role::Peer)], true),
        (false, vec![Capability::Role(Role::Provider), Capability::Role(Role::Provider)], false),
        (false, vec![], false),
        (true, vec![], true),
        (true, vec![Capability::Role(Role::Provider)], false),
    ];
    for (strict, told, refused) in cases {
        let mut lab = Lab::new(Config { role: Some(LocalRole { role: Role::Customer, strict }), ..config() });
        lab.feed(Event::Start);
        lab.feed(Event::Connected(CONN));
        let mut open = their_open(90);
        open.capabilities.extend(told.clone());
        let mut actions = lab.hear(Message::Open(open));
        if let Some(Action::Ended { reason, .. }) = actions.last_mut() {
            assert!(reason.to_string().contains("RFC 9234"), "{reason}");
            *reason = EndReason::Sent(note.clone());
        }
        let want = if refused {
            ends_with(CONN, &note, false)
        } else {
            vec![Action::Send(CONN, Message::Keepalive)]
        };
        assert_eq!(actions, want, "strict {strict}, {told:?}");
    }
    // Within one AS roles mean nothing, in strict mode, too.
    let role = Some(LocalRole { role: Role::Customer, strict: true });
    let internal = Config { role, peer_as: asn(65001), ..config() };
    let open = bgp::wire::Open::new(asn(65001), their_open(90).hold_time, id(2));
    assert_eq!(negotiate(&internal, &open).expect("no role asked for").peer_role, None);
}

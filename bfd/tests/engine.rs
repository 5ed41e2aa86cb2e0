//! Whose packet it is, whether it is taken, and what bounds an engine (RFC 5880 §6.8.6, RFC 5881 §5, RFC 5883 §5).

mod session_desk;

use std::net::{IpAddr, Ipv4Addr};

use bfd::engine::{Counters, Datagram, Engine, Limits, OpenError, SessionId};
use bfd::packet::ControlPacket;
use bfd::session::{Hops, Path, Role, Settings};
use bfd::{Discriminator, Micros, State};
use session_desk::{Desk, LOCAL, PATH, REMOTE, packet, settings};

const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 3));

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// Hears a packet along another way than usual.
fn hear(desk: &mut Desk, packet: ControlPacket, change: impl FnOnce(&mut Datagram<'_>)) {
    let encoded = packet.encode();
    let mut datagram = Datagram {
        payload: encoded.as_bytes(),
        hops: Hops::Single,
        source: REMOTE,
        destination: LOCAL,
        interface: 3,
        ttl: 255,
        at: desk.now,
    };
    change(&mut datagram);
    desk.datagram(&datagram);
}

/// A desk without sessions, and one session for each of these paths.
fn desk(paths: &[Path]) -> (Desk, Vec<SessionId>) {
    let mut desk = Desk::bare(Limits::default());
    let ids = paths.iter().map(|path| desk.open(*path, Role::Passive, Settings::default())).collect();
    (desk, ids)
}

/// Which of the sessions have heard something.
fn heard(desk: &Desk) -> Vec<SessionId> {
    desk.engine.sessions().iter().filter(|status| status.received > 0).map(|status| status.id).collect()
}

#[test]
fn rfc5880_6_8_6_without_a_discriminator_the_addresses_decide_and_the_closest_fit_wins() {
    let any = Path { local: None, ..PATH };
    let paths = [
        any,
        Path { interface: 3, ..any },
        PATH,
        Path { interface: 3, ..PATH },
        Path { hops: Hops::Multi, ..any },
        Path { remote: OTHER, ..any },
    ];
    type Way = fn(&mut Datagram<'_>);
    let ways: [(Way, usize); 6] = [
        (|_| (), 3),
        (|way| way.interface = 4, 2),
        (|way| way.destination = OTHER, 1),
        (|way| (way.destination, way.interface) = (OTHER, 4), 0),
        (|way| way.hops = Hops::Multi, 4),
        (|way| way.source = OTHER, 5),
    ];
    for (way, expected) in ways {
        let (mut desk, ids) = desk(&paths);
        hear(&mut desk, packet(State::Down, None), way);
        assert_eq!(heard(&desk), [ids[expected]]);
    }
    let (mut desk, _) = desk(&paths[..1]);
    hear(&mut desk, packet(State::Down, None), |way| way.source = OTHER);
    assert!(heard(&desk).is_empty());
    assert_eq!(*desk.engine.counters(), Counters { received: 1, unknown: 1, ..Counters::default() });
}

#[test]
fn the_address_a_packet_was_sent_to_is_shown_where_the_path_does_not_say_it() {
    for (local, expected) in [(None, Some(LOCAL)), (Some(LOCAL), None)] {
        let (mut desk, _) = desk(&[Path { local, ..PATH }]);
        hear(&mut desk, packet(State::Down, None), |_| ());
        assert_eq!(desk.status().local_heard, expected);
    }
}

/// RFC 5880 §6.8.6 with the remote address of the session besides; any address of ours, any link.
#[test]
fn rfc5880_6_8_6_a_discriminator_decides_if_it_is_the_peers_who_says_it() {
    let (mut desk, ids) = desk(&[PATH, Path { remote: OTHER, ..PATH }]);
    let first = desk.engine.session(ids[0]).expect("it was opened").discriminator;
    let named = packet(State::Up, Some(first));
    hear(&mut desk, named, |way| (way.destination, way.interface) = (OTHER, 9));
    assert_eq!(heard(&desk), [ids[0]]);
    hear(&mut desk, named, |way| way.source = OTHER);
    hear(&mut desk, named, |way| way.hops = Hops::Multi);
    hear(&mut desk, packet(State::Up, Discriminator::new(12345)), |_| ());
    hear(&mut desk, packet(State::Init, Discriminator::new(12345)), |_| ());
    hear(&mut desk, packet(State::AdminDown, Discriminator::new(12345)), |_| ());
    assert_eq!(heard(&desk), [ids[0]]);
    assert_eq!(*desk.engine.counters(), Counters { received: 6, unknown: 5, ..Counters::default() });
}

/// The one knowing step off RFC 5880 §6.8.6: OVN goes on with the discriminator it knew.
#[test]
fn down_with_a_discriminator_of_yesterday_is_taken_by_address() {
    let (mut desk, ids) = desk(&[PATH, Path { remote: OTHER, ..PATH }]);
    hear(&mut desk, packet(State::Down, Discriminator::new(12345)), |_| ());
    assert_eq!(heard(&desk), [ids[0]]);
    // Another peer has the number now.
    let first = desk.engine.session(ids[0]).expect("it was opened").discriminator;
    hear(&mut desk, packet(State::Down, Some(first)), |way| way.source = OTHER);
    assert_eq!(heard(&desk), ids);
    hear(&mut desk, packet(State::Down, Discriminator::new(12345)), |way| way.source = LOCAL);
    assert_eq!(desk.engine.counters().unknown, 1);

    let mut desk = Desk::bare(Limits::default());
    desk.engine.allow(REMOTE);
    hear(&mut desk, packet(State::AdminDown, Discriminator::new(12345)), |_| ());
    hear(&mut desk, packet(State::Up, Discriminator::new(12345)), |_| ());
    assert_eq!(desk.engine.counters().unknown, 2);
    hear(&mut desk, packet(State::Down, Discriminator::new(12345)), |_| ());
    assert_eq!((desk.opened.len(), desk.status().state), (1, State::Init));
}

#[test]
fn rfc5881_5_ttl_is_what_the_session_asks_for_or_before_there_is_one_passive_sessions() {
    for (least, ttl, taken) in
        [(255, 255, true), (255, 254, false), (254, 254, true), (254, 253, false), (0, 0, true)]
    {
        let with = Settings { min_ttl: least, ..Settings::default() };
        let mut desk = Desk::new(Role::Passive, with.clone());
        hear(&mut desk, packet(State::Down, None), |way| way.ttl = ttl);
        assert_eq!(!heard(&desk).is_empty(), taken, "{ttl} of {least}");
        assert_eq!(desk.engine.counters().ttl, u64::from(!taken));

        let mut desk = Desk::bare(Limits::default());
        desk.engine.allow(REMOTE);
        desk.engine.set_passive(with);
        hear(&mut desk, packet(State::Down, None), |way| way.ttl = ttl);
        assert_eq!(!desk.opened.is_empty(), taken, "{ttl} of {least}");
        assert_eq!(desk.engine.counters().ttl, u64::from(!taken));
    }
}

#[test]
fn what_is_no_packet_is_counted_and_nothing_else() {
    let mut desk = Desk::new(Role::Active, Settings::default());
    desk.octets(&[]);
    desk.octets(&[0; 24]);
    desk.octets(&packet(State::Up, None).encode().as_bytes()[..23]);
    let mut said = packet(State::Up, None);
    said.poll = true;
    hear(&mut desk, said, |_| ()); // RFC 5880 §6.8.6: no discriminator, but neither Down nor AdminDown
    assert_eq!(*desk.engine.counters(), Counters { received: 4, invalid: 4, ..Counters::default() });
    assert!(desk.sent.is_empty() && heard(&desk).is_empty());
}

#[test]
fn only_allowed_addresses_make_sessions_and_the_list_is_literal() {
    let mut desk = Desk::bare(Limits::default());
    desk.engine.allow(address("0.0.0.0"));
    hear(&mut desk, packet(State::Down, None), |_| ());
    assert!(desk.opened.is_empty());
    desk.engine.set_passive(settings(300, 400, 5));
    desk.engine.set_passive(Settings { desired_min_tx: Micros(0), ..settings(1, 400, 5) });
    desk.engine.allow(REMOTE);
    desk.engine.allow(REMOTE);
    assert_eq!(desk.engine.allowed(), [address("0.0.0.0"), REMOTE]);
    // A group is no end of a session.
    hear(&mut desk, packet(State::Down, None), |way| way.destination = address("224.0.0.1"));
    assert_eq!((desk.opened.len(), desk.engine.counters().unknown), (0, 2));
    hear(&mut desk, packet(State::Down, None), |_| ());
    assert_eq!(desk.opened, [(SessionId(1), PATH)], "local is where the packet was sent to");
    assert_eq!(desk.engine.find(&PATH), Some(SessionId(1)));
    let status = desk.status();
    assert_eq!(
        (status.role, status.state, &status.settings),
        (Role::Passive, State::Init, &settings(300, 400, 5))
    );

    // Blocked, what stands is not touched; another address of ours makes another session, while it is allowed.
    hear(&mut desk, packet(State::Down, None), |way| way.destination = OTHER);
    assert_eq!(desk.opened.len(), 2);
    desk.engine.block(REMOTE);
    hear(&mut desk, packet(State::Down, None), |way| way.destination = address("10.0.0.9"));
    assert_eq!((desk.opened.len(), desk.engine.sessions().len()), (2, 2));
    desk.say(State::Up);
    assert_eq!(desk.status().state, State::Up);
}

#[test]
fn a_session_of_an_allowed_link_local_peer_is_on_its_link() {
    let mut desk = Desk::bare(Limits::default());
    let (local, remote) = (address("fe80::1"), address("fe80::2"));
    desk.engine.allow(remote);
    let way = |interface| {
        move |way: &mut Datagram<'_>| {
            (way.source, way.destination, way.interface) = (remote, local, interface);
        }
    };
    hear(&mut desk, packet(State::Down, None), way(3));
    hear(&mut desk, packet(State::Down, None), way(4));
    let path = |interface| Path { hops: Hops::Single, local: Some(local), remote, interface };
    assert_eq!(desk.opened, [(SessionId(1), path(3)), (SessionId(2), path(4))]);
    // The same address on another link is somebody else.
    let first = desk.engine.session(SessionId(1)).expect("it was opened").discriminator;
    hear(&mut desk, packet(State::Init, Some(first)), way(4));
    assert_eq!(desk.engine.counters().unknown, 1);
    // Nor is an address of ours that it speaks to anywhere else.
    let global = address("2001:db8::2");
    desk.engine.allow(global);
    hear(&mut desk, packet(State::Down, None), |way| {
        (way.source, way.destination, way.interface) = (global, local, 4);
    });
    let opened = Path { hops: Hops::Single, local: Some(local), remote: global, interface: 4 };
    assert_eq!(desk.opened.last(), Some(&(SessionId(3), opened)));
}

#[test]
fn memory_is_bounded_against_any_peer() {
    let mut desk = Desk::bare(Limits { sessions: 3 });
    for last in 1..=9 {
        desk.engine.allow(IpAddr::V4(Ipv4Addr::new(10, 0, 1, last)));
    }
    assert_eq!(desk.engine.allowed().len(), 3);
    for last in 1..=200 {
        let destination = IpAddr::V4(Ipv4Addr::new(10, 9, 0, last));
        let source = IpAddr::V4(Ipv4Addr::new(10, 0, 1, 1 + last % 3));
        hear(&mut desk, packet(State::Down, None), |way| {
            (way.source, way.destination) = (source, destination)
        });
    }
    assert_eq!(desk.engine.sessions().len(), 3);
    assert_eq!(desk.engine.counters().dropped, 197);
    let full = desk.engine.open(desk.now, PATH, (Role::Active, Settings::default()), &mut Vec::new());
    assert_eq!(full, Err(OpenError::Full(3)));
}

#[test]
fn a_path_that_cannot_carry_a_session_is_refused() {
    let path = |local: Option<&str>, remote: &str, interface| Path {
        hops: Hops::Single,
        local: local.map(address),
        remote: address(remote),
        interface,
    };
    let mut engine = Engine::new(Limits::default(), 1);
    let now = std::time::Instant::now();
    let mut open = |path| engine.open(now, path, (Role::Active, Settings::default()), &mut Vec::new());
    for bad in [
        path(None, "0.0.0.0", 0),
        path(None, "::", 0),
        path(None, "224.0.0.5", 0),
        path(None, "ff02::1", 3),
        path(None, "255.255.255.255", 0),
        path(Some("0.0.0.0"), "10.0.0.2", 0),
        path(Some("239.1.1.1"), "10.0.0.2", 0),
        path(Some("10.0.0.1"), "2001:db8::1", 0),
        path(Some("2001:db8::1"), "10.0.0.1", 0),
        path(Some("10.0.0.2"), "10.0.0.2", 0),
        path(None, "fe80::2", 0),
        path(Some("fe80::1"), "2001:db8::2", 0), // no socket can be bound to it without its link
    ] {
        assert!(matches!(open(bad), Err(OpenError::Path(_))), "{bad:?}");
    }
    for good in [path(None, "fe80::2", 1), path(Some("fe80::1"), "fe80::2", 1), path(None, "127.0.0.1", 0)] {
        assert!(open(good).is_ok(), "{good:?}");
    }
    let id = open(PATH).expect("a good path");
    assert_eq!(open(PATH), Err(OpenError::Exists(id)));
    let zero = Settings { desired_min_tx: Micros(0), ..Settings::default() };
    let path = Path { remote: OTHER, ..PATH };
    assert_eq!(engine.open(now, path, (Role::Active, zero), &mut Vec::new()), Err(OpenError::Interval));
    assert!(engine.sessions().is_sorted_by_key(|status| status.id));
}

/// FNV-1a over port, remote and local address as this file's reader can compute it anywhere: the number must not change
/// with a version of ours, or a restart for an upgrade would be a restart with another number.
#[test]
fn a_stable_discriminator_is_fixed_by_its_ends() {
    let with = Settings { stable_discriminator: true, ..Settings::default() };
    let multi = Path { hops: Hops::Multi, ..PATH };
    let mut desk = Desk::bare(Limits::default());
    for (path, expected) in [(PATH, STABLE_SINGLE), (multi, STABLE_MULTI)] {
        let id = desk.open(path, Role::Active, with.clone());
        assert_eq!(desk.engine.session(id).expect("it was opened").discriminator.get(), expected);
    }
    // The same ends on another link: the next number.
    let id = desk.open(Path { interface: 7, ..PATH }, Role::Active, with.clone());
    assert_eq!(desk.engine.session(id).expect("it was opened").discriminator.get(), STABLE_SINGLE + 1);
}

const STABLE_SINGLE: u32 = 0x189a_cf35;
const STABLE_MULTI: u32 = 0xc85c_13b3;

#[test]
fn a_closed_session_is_gone() {
    let mut desk = Desk::new(Role::Active, Settings::default());
    let mut out = Vec::new();
    assert!(desk.engine.close(desk.id, &mut out));
    assert!(!desk.engine.close(desk.id, &mut out));
    assert_eq!(out.len(), 1);
    assert!(desk.engine.next().is_none() && desk.engine.sessions().is_empty());
    assert_eq!(desk.engine.find(&PATH), None);
    hear(&mut desk, packet(State::Down, None), |_| ());
    assert_eq!(desk.engine.counters().unknown, 1);
    let id = desk.open(PATH, Role::Active, Settings::default());
    assert_eq!(id, SessionId(2), "no number is used twice");
}

#[test]
fn discriminators_never_collide() {
    for stable_discriminator in [false, true] {
        let with = Settings { stable_discriminator, ..Settings::default() };
        let mut desk = Desk::bare(Limits::default());
        for [high, low] in (0..4000_u16).map(u16::to_be_bytes) {
            let remote = IpAddr::V4(Ipv4Addr::new(10, 1, high, low));
            desk.open(Path { remote, ..PATH }, Role::Passive, with.clone());
        }
        let mut seen: Vec<_> = desk.engine.sessions().iter().map(|status| status.discriminator).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 4000);
    }
}

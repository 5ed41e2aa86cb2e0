//! A peer's OPEN: decoded and negotiated.

use std::net::Ipv4Addr;

use bgp::fsm::{Config, LocalRole, Restart, negotiate};
use bgp::wire::{Context, Message, Role};
use bgp::{Asn, Family, HoldTime, RouterId};

use crate::digest;

/// What we want of the peer, as the flags ask: everything that can be negotiated is on with all of them set.
#[must_use]
pub fn config(flags: u8) -> Config {
    let asn = |number| Asn::new(number).expect("not zero");
    let router_id = RouterId::new(Ipv4Addr::new(192, 0, 2, 1)).expect("not zero");
    let hold = HoldTime::new(if flags & 0x80 != 0 { 0 } else { 9 }).expect("legal");
    let peer_as = if flags & 1 != 0 { asn(65001) } else { asn(4_200_000_002) };
    let families = vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST];
    let restart = Restart {
        time: 120,
        restarted: true,
        forwarding: true,
        notification: flags & 0x40 != 0,
        long_lived: Some(3600),
    };
    Config {
        dial: flags & 2 != 0,
        listen: flags & 4 != 0,
        hostname: Some("fuzz".to_owned()),
        restart: (flags & 8 != 0).then_some(restart),
        extended_next_hop: flags & 0x10 != 0,
        role: (flags & 0x20 != 0).then_some(LocalRole { role: Role::Customer, strict: flags & 0x40 != 0 }),
        ..Config::new((asn(65001), router_id), peer_as, hold, families)
    }
}

/// The first octet is the configuration, the rest the body of an OPEN.
pub fn run(octets: &[u8]) {
    let Some((flags, body)) = octets.split_first() else { return };
    let Some(frame) = digest::framed(1, body) else { return };
    let Ok(Message::Open(open)) = digest::message(&frame, Context::default()) else { return };
    let ours = config(*flags);
    let ours = Config { peer_as: open.asn().unwrap_or(ours.peer_as), ..ours };
    for role in [Role::Provider, Role::RouteServer, Role::RouteServerClient, Role::Customer, Role::Peer] {
        if let Ok(Some(theirs)) = open.role_beside(role, true) {
            assert_eq!(theirs.counterpart(), role);
        }
    }
    match negotiate(&ours, &open) {
        Ok(with) => {
            assert!(!with.families.is_empty() && with.families.iter().all(|one| ours.families.contains(one)));
            assert!(with.hold_time <= ours.hold_time);
            assert_eq!(with.context.internal, ours.is_internal());
            assert!(ours.restart.is_some() || with.restart.is_none());
            assert!(ours.extended_next_hop || !with.extended_next_hop);
        }
        Err(fault) => drop(digest::fault(&fault.into())),
    }
}

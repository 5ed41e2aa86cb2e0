//! IPv4 prefixes with an IPv6 next hop, neighbours with link-local addresses, neighbours found on a link.

use super::bench::{S6, Shape, Told, run, table, waiting};
use crate::fault::{During, Result};
use crate::router::{Kind, Peering, Session};

/// IPv4 over a session between IPv6 addresses. Both ends have both families on it; without the capability at the
/// router only IPv6 prefixes arrive.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn extended_next_hop(kind: Kind) -> Result<()> {
    run(
        kind,
        Shape::Direct,
        |bench| {
            let config = |extended_next_hop| {
                waiting(&[S6], Session { both_families: true, extended_next_hop, ..Session::default() })
            };
            bench.speak(&Told::new(&["fd00:1::1"]).and(&["--extended-nexthop"], ""))?;
            bench.route(config(false)?)?;
            bench.becomes(&table("", S6)?).during("the router does not offer it")?;
            bench.holds(&table("", S6)?)?;
            bench.route(config(true)?)?;
            bench.becomes(&table(S6, S6)?).map(drop)
        },
        |(), _| Ok(()),
    )
}

/// Both ends know each other by a link-local address; a router that expects another one hears nobody.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn link_local(kind: Kind) -> Result<()> {
    run(
        kind,
        Shape::Direct,
        |bench| {
            let session = Session { peering: Peering::LinkLocal, ..Session::default() };
            bench.speak(&Told::new(&["fe80::1%eth1"]))?;
            bench.route(waiting(&["fe80::12"], session.clone())?)?;
            bench.stays_down().during("another address is expected")?;
            bench.route(waiting(&["fe80::11"], session)?)?;
            bench.becomes(&table("", &hop(kind))?).map(drop)
        },
        |(), _| Ok(()),
    )
}

/// Neither end is told an address: the speaker finds the router on its interface, and the other way round. A router
/// that expects its own AS there hears nobody.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn unnumbered(kind: Kind) -> Result<()> {
    const FILE: &str = "[[neighbor]]\ninterface = \"eth1\"\nas = 65001\nextended-next-hop = true\n";
    run(
        kind,
        Shape::Direct,
        |bench| {
            let session = Session {
                peering: Peering::Unnumbered,
                both_families: true,
                extended_next_hop: true,
                ..Session::default()
            };
            let mut config = waiting(&["fe80::11"], session)?;
            config.neighbor_asn = 65009;
            bench.speak(&Told::new(&[]).and(&[], FILE))?;
            bench.route(config.clone())?;
            bench.stays_down().during("another AS is expected")?;
            config.neighbor_asn = 65000;
            bench.route(config)?;
            bench.becomes(&table(&hop(kind), &hop(kind))?).map(drop)
        },
        |(), _| Ok(()),
    )
}

/// What the routers show as next hop of a link-local neighbour. Both had a global address to choose from as well, by
/// RFC 2545 §3: that comes first.
fn hop(_kind: Kind) -> String {
    format!("{S6}@fe80::11")
}

//! IPv4 prefixes with an IPv6 next hop, neighbours with link-local addresses, neighbours found on a link.

use super::bench::{S6, Shape, Told, run, table, waiting};
use crate::fault::{During, Result};
use crate::router::{Kind, Peering, Session};

/// The speaker's link-local address: where its sessions on a link come from.
const LOCAL: &str = "fe80::11";

/// Its next hop there: the global one, as long as the link has one (RFC 2545 §3).
const GLOBAL: &str = "fd00:1::11@fe80::11";

/// IPv4 over a session between IPv6 addresses. Both ends have both families on it; without the capability on one side
/// only IPv6 prefixes arrive.
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
            let told = Told::new(&["fd00:1::1"]);
            let able = told.clone().and(&["--extended-nexthop"], "");
            // GoBGP offers it wherever it has IPv4 on a session: there it is the speaker that does not.
            let at_first = if kind == Kind::Gobgp { &told } else { &able };
            bench.speak(at_first)?;
            bench.route(config(false)?)?;
            bench.becomes(&table("", S6)?).during("one side does not offer it")?;
            bench.holds(&table("", S6)?)?;
            bench.speak(&able)?;
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
            bench.route(waiting(&[LOCAL], session)?)?;
            bench.becomes(&table("", GLOBAL)?).map(drop)
        },
        |(), _| Ok(()),
    )
}

/// The link has no addresses but link-local ones, and neither end is told one: the speaker finds the router on its interface by its advertisements (RFC 4861), the
/// router takes whoever connects from there (BIRD), or is told who does (FRR). A router that expects another AS there refuses.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn unnumbered(kind: Kind) -> Result<()> {
    const FILE: &str = "[[neighbor]]\ninterface = \"eth1\"\nas = 65001\nextended-next-hop = true\n";
    run(
        kind,
        Shape::Bare,
        |bench| {
            let session = Session {
                peering: Peering::Unnumbered,
                both_families: true,
                extended_next_hop: true,
                ..Session::default()
            };
            let mut config = waiting(&[LOCAL], session)?;
            config.neighbor_asn = 65009;
            bench.speak(&Told::new(&[]).and(&[], FILE))?;
            bench.route(config.clone())?;
            bench.stays_down().during("another AS is expected")?;
            config.neighbor_asn = 65000;
            bench.route(config)?;
            bench.becomes(&table(LOCAL, LOCAL)?).map(drop)
        },
        |(), _| Ok(()),
    )
}

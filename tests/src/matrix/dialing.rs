//! The speaker only listens; who is in which AS.

use super::bench::{S4, S6, Shape, Told, run, table, waiting};
use crate::fault::{During, Result, ensure};
use crate::router::{Dialing, Kind, Session};
use crate::topology::{BGP_PORT, connections};

/// Above what two octets hold (RFC 6793).
const LARGE: u32 = 4_200_000_001;

const ROUTER: [&str; 2] = ["10.0.1.1", "fd00:1::1"];

/// The speaker only listens. While the router does so too nothing happens.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn passive(kind: Kind) -> Result<()> {
    run(
        kind,
        Shape::Direct,
        |bench| {
            let mut config = waiting(&[S4, S6], Session::default())?;
            bench.speak(&Told::new(&ROUTER).and(&["--passivemode"], ""))?;
            bench.route(config.clone())?;
            bench.stays_down().during("both wait")?;
            config.dialing = Dialing::Active;
            bench.route(config)?;
            bench.becomes(&table(S4, S6)?)?;
            for connection in connections(&bench.r)? {
                ensure(connection.ports.1 == BGP_PORT, || format!("the speaker dialed: {connection:?}"))?;
            }
            Ok(())
        },
        |(), _| Ok(()),
    )
}

/// The speaker's AS needs four octets; a router that expects the next one refuses it.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn four_octets(kind: Kind) -> Result<()> {
    as_number(kind, LARGE, (65001, LARGE + 1), &[LARGE])
}

/// The router is in the speaker's AS; one that expects another AS refuses it.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn ibgp(kind: Kind) -> Result<()> {
    as_number(kind, 65000, (65000, 65009), &[])
}

/// `asn` is the speaker's; `router` the router's, and what it expects of the speaker at first.
fn as_number(kind: Kind, asn: u32, router: (u32, u32), as_path: &[u32]) -> Result<()> {
    run(
        kind,
        Shape::Direct,
        |bench| {
            let mut config = waiting(&[S4, S6], Session::default())?;
            (config.asn, config.neighbor_asn) = router;
            bench.speak(&Told { asn, neighbor_asn: router.0, ..Told::new(&ROUTER) })?;
            bench.route(config.clone())?;
            bench.stays_down().during("another AS is expected")?;
            config.neighbor_asn = asn;
            bench.route(config)?;
            bench.becomes(&table(S4, S6)?)?;
            for path in bench.router()?.paths()? {
                ensure(path.as_path == as_path, || format!("AS path of {path:?}"))?;
                // LOCAL_PREF goes to the own AS and nowhere else (RFC 4271 §5.1.5); a router may show its default.
                let internal = asn != router.0 || path.local_pref == Some(100);
                ensure(internal, || format!("LOCAL_PREF of {path:?}"))?;
            }
            Ok(())
        },
        |(), _| Ok(()),
    )
}

//! What OPENs offer: roles, ADD-PATH, extended messages, long-lived graceful restart.

use super::bench::{S4, S6, Shape, Told, run, table, waiting};
use crate::capture::{NOTIFICATION, OPEN, Verdict};
use crate::fault::{During, Result, ensure};
use crate::router::{Kind, Session};
use crate::wait;
use std::net::IpAddr;
use std::time::Duration;

/// Capability codes (RFC 8654 §3, RFC 7911 §4, RFC 9494 §4.1).
const EXTENDED_MESSAGE: u64 = 6;
const ADD_PATH: u64 = 69;
const LONG_LIVED: u64 = 71;

/// OPEN Message Error, Role Mismatch (RFC 9234 §4.2).
const ROLE_MISMATCH: Option<(u64, u64)> = Some((2, 11));

const ROUTER: [&str; 2] = ["10.0.1.1", "fd00:1::1"];
const ALL: (Duration, Duration) = (Duration::ZERO, Duration::MAX);

/// Customer and provider; two customers refuse each other with the right NOTIFICATION.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn roles(kind: Kind) -> Result<()> {
    const CUSTOMER: &str = "[defaults]\nrole = \"customer\"\nrole-strict = true\n";
    run(
        kind,
        Shape::Direct,
        |bench| {
            let config = |role| waiting(&[S4, S6], Session { role: Some(role), ..Session::default() });
            bench.speak(&Told::new(&ROUTER).and(&[], CUSTOMER))?;
            bench.route(config("customer")?)?;
            bench.stays_down().during("two customers")?;
            bench.route(config("provider")?)?;
            bench.becomes(&table(S4, S6)?).map(drop)
        },
        |(), verdict| {
            let refused = verdict.messages.iter().any(|message| message.notification == ROLE_MISMATCH);
            ensure(refused, || "nobody said Role Mismatch".to_owned())
        },
    )
}

/// The router offers ADD-PATH in both directions; the speaker, which does not, is understood all the same.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn add_path(kind: Kind) -> Result<()> {
    run(
        kind,
        Shape::Direct,
        |bench| {
            bench.speak(&Told::new(&ROUTER))?;
            bench.route(waiting(&[S4, S6], Session { add_path: true, ..Session::default() })?)?;
            bench.becomes(&table(S4, S6)?).map(drop)
        },
        |(), verdict| {
            ensure(offers(verdict, &ROUTER, ADD_PATH)?, || "the router did not offer it".to_owned())?;
            let said = verdict.messages.iter().find(|message| message.kind == NOTIFICATION);
            ensure(said.is_none(), || format!("{said:?}"))
        },
    )
}

/// Both ends offer messages of 65535 octets, in the router's own words.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn extended_messages(kind: Kind) -> Result<()> {
    run(
        kind,
        Shape::Direct,
        |bench| {
            bench.speak(&Told::new(&ROUTER))?;
            bench.route(waiting(&[S4, S6], Session { extended_messages: true, ..Session::default() })?)?;
            bench.becomes(&table(S4, S6)?).map(drop)
        },
        |(), verdict| {
            for side in [ROUTER, [S4, S6]] {
                ensure(offers(verdict, &side, EXTENDED_MESSAGE)?, || format!("not offered by {side:?}"))?;
            }
            Ok(())
        },
    )
}

/// The speaker asks for long-lived graceful restart, which the router shows; without, it does not.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn long_lived(kind: Kind) -> Result<()> {
    const STALE: &str = "[defaults]\nlong-lived-stale-time = \"3700s\"\n";
    const GRACEFUL: [&str; 2] = ["--graceful-restart", "--state-dir=DIR"];
    // How each router says that the neighbour offered it.
    let words = match kind {
        Kind::Frr => "\"longLivedGracefulRestart\":\"advertisedAndReceived\"",
        Kind::Bird => "LL stale time: 3700",
        Kind::Gobgp => "LongLivedGracefulRestartCapability",
        // By its number: it knows no name for it.
        Kind::Exabgp => "\"71\": {",
    };
    run(
        kind,
        Shape::Direct,
        |bench| {
            bench.route(waiting(&[S4, S6], Session { graceful_restart: true, ..Session::default() })?)?;
            bench.speak(&Told::new(&ROUTER).and(&GRACEFUL, ""))?;
            bench.becomes(&table(S4, S6)?)?;
            ensure(bench.router()?.says(words).is_err(), || "it was there before".to_owned())?;
            bench.speak(&Told::new(&ROUTER).and(&GRACEFUL, STALE))?;
            let soon = Duration::from_secs(30);
            wait::until("the capability", soon, || bench.router()?.says(words))?;
            bench.becomes(&table(S4, S6)?).map(drop)
        },
        |(), verdict| {
            let opens = verdict.select(S4.parse()?, OPEN, ALL);
            let first = opens.first().is_some_and(|open| open.capabilities.contains(&LONG_LIVED));
            ensure(!first, || "it was offered unasked".to_owned())?;
            ensure(offers(verdict, &[S4, S6], LONG_LIVED)?, || "it was not offered".to_owned())
        },
    )
}

/// Whether an OPEN from each of these addresses offers the capability.
fn offers(verdict: &Verdict, from: &[&str], code: u64) -> Result<bool> {
    for address in from {
        let address: IpAddr = address.parse()?;
        let opens = verdict.select(address, OPEN, ALL);
        if !opens.iter().any(|open| open.capabilities.contains(&code)) {
            return Ok(false);
        }
    }
    Ok(true)
}

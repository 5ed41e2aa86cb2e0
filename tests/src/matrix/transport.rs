//! Routers two hops away, TTL security, signed segments.

use super::bench::{Bench, S4, S6, Shape, Told, run, table, waiting};
use crate::capture::{OPEN, Verdict};
use crate::fault::{During, Fault, Result, ensure};
use crate::router::{Config, Dialing, Hops, Kind, Session};
use crate::wait;
use std::net::IpAddr;
use std::time::Duration;

/// The routers' key, and how the speaker is told it.
const KEY: &str = "s3cr3t-of-the-fabric";
const KEY_FILE: &str = "[defaults]\npassword-file = \"DIR/key\"\n";

/// TTL 255 is sent and wanted, on the link.
const SECURED: &str = "listen = true\n[defaults]\nttl-security = 1\n";

const NEAR: [&str; 2] = ["10.0.1.1", "fd00:1::1"];
const FAR: [&str; 2] = ["10.0.2.1", "fd00:2::1"];

/// A speaker that is not told how far the router is does not get there; one that is, does.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn multihop(kind: Kind) -> Result<()> {
    run(
        kind,
        Shape::Routed,
        |bench| {
            let routes = vec![("ipv4", "10.0.1.0/24", "10.0.2.254"), ("ipv6", "fd00:1::/64", "fd00:2::fe")];
            let session = Session { hops: Hops::Routed(2), routes, ..Session::default() };
            bench.route(waiting(&[S4, S6], session)?)?;
            bench.speak(&Told::new(&FAR))?;
            bench.stays_down().during("without --ebgp-multihop")?;
            bench.speak(&Told::new(&FAR).and(&["--ebgp-multihop=2"], ""))?;
            bench.becomes(&table(S4, S6)?).map(drop)
        },
        |(), verdict| {
            // The middle router took one of two.
            ensure(sent(verdict, &[S4, S6])?.iter().all(|ttl| *ttl == 1), || "TTLs at the router".to_owned())
        },
    )
}

/// Both ends want TTL 255; a router that sends less is not heard, and one that wants it does not hear a speaker that
/// sends less.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn ttl_security(kind: Kind) -> Result<()> {
    run(
        kind,
        Shape::Direct,
        |bench| {
            let config = |hops| -> Result<Config> {
                // ExaBGP can only give connections it makes itself another TTL.
                let dialing = if kind == Kind::Exabgp { Dialing::Active } else { Dialing::Passive };
                let session = Session { hops, ..Session::default() };
                Ok(Config { dialing, ..waiting(&[S4], session)? })
            };
            let told = Told::new(&NEAR[..1]);
            // 64 is what a router two hops away that is told nothing would at best send.
            bench.route(config(Hops::Routed(64))?)?;
            bench.speak(&told.clone().and(&[], SECURED))?;
            bench.stays_down().during("the router sends TTL 64")?;
            if kind != Kind::Exabgp {
                bench.route(config(Hops::Secured)?)?;
                bench.speak(&told.clone().and(&[], "listen = true\n"))?;
                bench.stays_down().during("the speaker sends TTL 1")?;
            }
            bench.route(config(Hops::Secured)?)?;
            bench.speak(&told.and(&[], SECURED))?;
            bench.becomes(&table(S4, "")?).map(drop)
        },
        |(), verdict| {
            let last = sent(verdict, &[S4])?.last().copied();
            ensure(last == Some(255), || format!("the speaker sent TTL {last:?}"))
        },
    )
}

/// The TTLs of the OPENs that came from these addresses.
fn sent(verdict: &Verdict, from: &[&str]) -> Result<Vec<u64>> {
    let mut out = Vec::new();
    for address in from {
        let address: IpAddr = address.parse()?;
        let opens = verdict.select(address, OPEN, (Duration::ZERO, Duration::MAX));
        ensure(!opens.is_empty(), || format!("no OPEN from {address}"))?;
        out.extend(opens.into_iter().filter_map(|open| open.packet.ttl));
    }
    Ok(out)
}

/// With the right key, and not with none; every segment with a message is signed.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn signed(kind: Kind) -> Result<()> {
    with_key(kind, None)
}

/// Never with the wrong key, in the word of the router's kernel; then with the right one.
///
/// # Errors
/// The step that failed, with the state of everything.
pub(super) fn wrong_key(kind: Kind) -> Result<()> {
    with_key(kind, Some("another-key"))
}

fn with_key(kind: Kind, at_first: Option<&'static str>) -> Result<()> {
    run(
        kind,
        Shape::Direct,
        |bench| {
            bench.secret("key", &format!("{KEY}\n"))?;
            let config = |password| waiting(&[S4, S6], Session { password, ..Session::default() });
            bench.route(config(at_first)?)?;
            bench.speak(&Told::new(&NEAR).and(&[], KEY_FILE))?;
            bench.stays_down().during("another key")?;
            refused(bench, at_first.is_some())?;
            bench.route(config(Some(KEY))?)?;
            bench.becomes(&table(S4, S6)?).map(drop)
        },
        |(), verdict| {
            let unsigned = verdict.messages.iter().find(|message| !message.packet.signed);
            ensure(unsigned.is_none(), || format!("not signed: {unsigned:?}"))
        },
    )
}

/// The kernel of the router's end counted segments with a signature that is wrong, or that it did not expect.
fn refused(bench: &Bench, wrong: bool) -> Result<()> {
    let counter = if wrong { "TcpExtTCPMD5Failure" } else { "TcpExtTCPMD5Unexpected" };
    wait::until(counter, Duration::from_secs(10), || {
        let text = bench.r.exec(&["nstat", "-asz", counter])?;
        let line = text.lines().find_map(|line| line.strip_prefix(counter));
        let count = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        let count = count.ok_or_else(|| Fault::new(format!("no {counter} in {text}")))?;
        ensure(count > 0, || format!("{counter} is {count}"))
    })?;
    Ok(())
}

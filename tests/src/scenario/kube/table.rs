//! Tables in terms of nodes: which prefix comes from which.

use crate::capture::{OPEN, UPDATE, Verdict};
use crate::fault::{Fault, Result, ensure};
use crate::router::Routes;
use crate::scenario::lab::addresses;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What is announced of [`super::lab::world`].
pub(super) const WORLD: &str = "
    10.16.0.0/16        n1 n2
    10.17.0.5/32        n1
    10.17.0.6/32           n2
    10.18.0.7/32        n1 n2
    10.96.0.10/32       n1 n2
    fd00:10:16::/112    n1 n2
    fd00:10:17::5/128   n1
    fd00:10:17::6/128      n2
    fd00:10:18::7/128   n1 n2
    fd00:10:96::a/128   n1 n2
";

/// The same without the Pod `web`.
pub(super) const WITHOUT_WEB: &str = "
    10.16.0.0/16        n1 n2
    10.17.0.5/32        n1
    10.17.0.6/32           n2
    10.96.0.10/32       n1 n2
    fd00:10:16::/112    n1 n2
    fd00:10:17::5/128   n1
    fd00:10:17::6/128      n2
    fd00:10:96::a/128   n1 n2
";

/// The same while n1 has not heard that `web` is no longer to be announced.
pub(super) const WEB_FROM_N1: &str = "
    10.16.0.0/16        n1 n2
    10.17.0.5/32        n1
    10.17.0.6/32           n2
    10.18.0.7/32        n1
    10.96.0.10/32       n1 n2
    fd00:10:16::/112    n1 n2
    fd00:10:17::5/128   n1
    fd00:10:17::6/128      n2
    fd00:10:18::7/128   n1
    fd00:10:96::a/128   n1 n2
";

/// What n2 alone announces of it.
pub(super) const ONLY_N2: &str = "
    10.16.0.0/16        n2
    10.17.0.6/32        n2
    10.18.0.7/32        n2
    10.96.0.10/32       n2
    fd00:10:16::/112    n2
    fd00:10:17::6/128   n2
    fd00:10:18::7/128   n2
    fd00:10:96::a/128   n2
";

/// The addresses of the Pod `web`.
pub(super) const WEB: [&str; 2] = ["10.18.0.7/32", "fd00:10:18::7/128"];

/// The tables of r1 and r2: each node is the next hop by its address on the router's segment.
pub(crate) fn tables(text: &str) -> Result<[Routes; 2]> {
    let mut tables = [Routes::new(), Routes::new()];
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let prefix: IpNet = words.next().ok_or_else(|| Fault::new("no prefix"))?.parse()?;
        for node in words {
            let host = match node {
                "n1" => 1,
                "n2" => 2,
                other => return Err(Fault::new(format!("no node: {other}"))),
            };
            for (segment, table) in (1..).zip(&mut tables) {
                let [v4, v6] = addresses(segment, host);
                let hop = if prefix.addr().is_ipv4() { v4 } else { v6 };
                table.entry(prefix).or_default().insert((hop, hop));
            }
        }
    }
    Ok(tables)
}

/// Fails unless each speaker kept its sessions, and withdrew from both routers exactly the prefixes given.
pub(super) fn withdrawn_were(verdicts: &[Verdict; 2], want: [&[&str]; 2]) -> Result<()> {
    for (segment, verdict) in (1..).zip(verdicts) {
        for (host, want) in (1..).zip(want) {
            let peers = addresses(segment, host);
            let sent = || verdict.messages.iter().filter(|message| peers.contains(&message.from));
            let opens = sent().filter(|message| message.kind == OPEN).count();
            ensure(opens == peers.len(), || format!("n{host} sent r{segment} {opens} OPENs"))?;
            let got: BTreeSet<IpNet> = sent().flat_map(|message| message.withdrawn.iter().copied()).collect();
            let want = want.iter().map(|prefix| Ok(prefix.parse()?)).collect::<Result<BTreeSet<IpNet>>>()?;
            ensure(got == want, || format!("n{host} withdrew {got:?} from r{segment}, not {want:?}"))?;
        }
    }
    Ok(())
}

/// When the first UPDATE, an End-of-RIB included, came from each of the addresses.
pub(super) fn first_updates(verdict: &Verdict, from: &[IpAddr]) -> Vec<Option<std::time::Duration>> {
    let first = |address: &IpAddr| {
        let mut sent = verdict.messages.iter().filter(|message| message.from == *address);
        sent.find(|message| message.kind == UPDATE).map(|message| message.at)
    };
    from.iter().map(first).collect()
}

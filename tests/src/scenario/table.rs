//! The tables the routers must hold, written by hand, and their comparison.

use crate::fault::{Fault, Result, ensure};
use crate::router::Routes;
use ipnet::IpNet;
use std::net::IpAddr;

/// Prefix, then a next hop per path; the neighbour's address is the next hop unless `hop@neighbour`.
///
/// `Cluster` (the Subnet, the Pod `web`, the Service) comes from both nodes, `local` from the Pod's own.
const R1: &str = "
    10.16.0.0/16        10.0.1.11   10.0.1.12
    10.17.0.5/32        10.0.1.11
    10.17.0.6/32                    10.0.1.12
    10.18.0.7/32        10.0.1.11   10.0.1.12
    10.96.0.10/32       10.0.1.11   10.0.1.12
    fd00:10:16::/112    fd00:1::11  fd00:1::12
    fd00:10:17::5/128   fd00:1::11
    fd00:10:17::6/128               fd00:1::12
    fd00:10:18::7/128   fd00:1::11  fd00:1::12
    fd00:10:96::a/128   fd00:1::11  fd00:1::12
";

const R2: &str = "
    10.16.0.0/16        10.0.2.11   10.0.2.12
    10.17.0.5/32        10.0.2.11
    10.17.0.6/32                    10.0.2.12
    10.18.0.7/32        10.0.2.11   10.0.2.12
    10.96.0.10/32       10.0.2.11   10.0.2.12
    fd00:10:16::/112    fd00:2::11  fd00:2::12
    fd00:10:17::5/128   fd00:2::11
    fd00:10:17::6/128               fd00:2::12
    fd00:10:18::7/128   fd00:2::11  fd00:2::12
    fd00:10:96::a/128   fd00:2::11  fd00:2::12
";

/// r1's table while n1's address towards it is `.21`: the sessions stay on `.11`.
const R1_MOVED: &str = "
    10.16.0.0/16        10.0.1.21@10.0.1.11    10.0.1.12
    10.17.0.5/32        10.0.1.21@10.0.1.11
    10.17.0.6/32                               10.0.1.12
    10.18.0.7/32        10.0.1.21@10.0.1.11    10.0.1.12
    10.96.0.10/32       10.0.1.21@10.0.1.11    10.0.1.12
    fd00:10:16::/112    fd00:1::21@fd00:1::11  fd00:1::12
    fd00:10:17::5/128   fd00:1::21@fd00:1::11
    fd00:10:17::6/128                          fd00:1::12
    fd00:10:18::7/128   fd00:1::21@fd00:1::11  fd00:1::12
    fd00:10:96::a/128   fd00:1::21@fd00:1::11  fd00:1::12
";

/// Both tables with everything announced.
pub(super) fn whole() -> Result<[Routes; 2]> {
    Ok([parse(R1)?, parse(R2)?])
}

/// Both tables while n1's source towards r1 is another.
pub(super) fn moved() -> Result<[Routes; 2]> {
    Ok([parse(R1_MOVED)?, parse(R2)?])
}

/// Without the addresses of the Pod `web`.
pub(super) fn without_web(mut tables: [Routes; 2]) -> Result<[Routes; 2]> {
    for prefix in ["10.18.0.7/32", "fd00:10:18::7/128"] {
        let prefix: IpNet = prefix.parse()?;
        for table in &mut tables {
            table.remove(&prefix);
        }
    }
    Ok(tables)
}

/// Without the paths of some neighbours; a prefix with no path left is gone.
pub(super) fn without_peers(mut table: Routes, peers: &[IpAddr]) -> Routes {
    table.values_mut().for_each(|paths| paths.retain(|(_, peer)| !peers.contains(peer)));
    table.retain(|_, paths| !paths.is_empty());
    table
}

/// Reads a table as it is written above.
///
/// # Errors
/// When a word is no address.
pub fn parse(text: &str) -> Result<Routes> {
    let mut routes = Routes::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let prefix = words.next().ok_or_else(|| Fault::new("no prefix"))?.parse()?;
        for word in words {
            let (next_hop, peer) = word.split_once('@').unwrap_or((word, word));
            routes.entry(prefix).or_default().insert((next_hop.parse()?, peer.parse()?));
        }
    }
    Ok(routes)
}

/// Fails with what is missing and what is too many.
///
/// # Errors
/// When the two differ.
pub fn compare(got: &Routes, want: &Routes) -> Result<()> {
    let missing = difference(want, got);
    let extra = difference(got, want);
    ensure(missing.is_empty() && extra.is_empty(), || {
        format!("missing [{}], too many [{}]", missing.join(", "), extra.join(", "))
    })
}

fn difference(left: &Routes, right: &Routes) -> Vec<String> {
    let paths = left.iter().flat_map(|(prefix, paths)| paths.iter().map(move |path| (prefix, path)));
    paths
        .filter(|(prefix, path)| !right.get(prefix).is_some_and(|paths| paths.contains(path)))
        .map(|(prefix, (next_hop, peer))| format!("{prefix} via {next_hop} from {peer}"))
        .collect()
}

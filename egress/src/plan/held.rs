//! Rows of a gateway that cannot be followed: those there are, without the pods that are known not to work.
//!
//! Whatever is wrong with the object, its traffic goes on; and so does the dying of pods. What is decided here rests on the
//! rows themselves and on the pods, for of the specification nothing is sure.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::members::{self, Of};
use super::{Member, Settings, names};
use crate::rows::{Action, Row};
use crate::view::{Cluster, Family, Name, Network, Pod, Session};

/// A pod that could forward, with one of its addresses.
struct Candidate {
    pod: Name,
    address: IpAddr,
    ready: bool,
    against: Option<String>,
}

/// What stays of the rows, and what became of the pods.
pub(super) struct Held {
    /// All rows to have; `None`: some hold what we never write, so none is touched.
    pub rows: Option<Vec<Row>>,
    /// The pods.
    pub members: Vec<Member>,
    /// Evidence speaks against all members of a family, and they are used nevertheless.
    pub last_resort: bool,
}

/// What stays of the rows of a gateway. Sets, drops and the prefixes of routes stay as they are; a BFD row and what leads to
/// a pod stays as long as the pod could forward, and a reroute leads to those of them that are usable, as in
/// [`members::hops`]. Pods that replaced others are of the same template, so reroutes take them in; sessions and routes
/// need what only the specification says, so they do not.
pub(super) fn held(cluster: &Cluster, network: &Network, settings: &Settings, name: &Name) -> Held {
    let none = Vec::new();
    let there = network.contents.get(name);
    let rows = there.unwrap_or(&none);
    let of = Of::held(cluster, network, &settings.group, name);
    let all = candidates(of, rows, names::vendor(&settings.group));
    let used: Vec<BTreeSet<IpAddr>> = Family::BOTH.map(|family| used(&all, family)).into();
    let alive: BTreeSet<IpAddr> = all.iter().map(|one| one.address).collect();
    let keep = |row: &Row| kept(row, &alive, &used);
    let is_used = |one: &Candidate| used.iter().any(|used| used.contains(&one.address));
    Held {
        rows: there.map(|rows| rows.iter().filter_map(keep).collect()),
        members: report(of, &all, is_used),
        last_resort: all.iter().any(|one| is_used(one) && one.against.is_some()),
    }
}

/// Pods that could forward. Those the rows lead to are known to; others must have an address beside that in the VPC.
fn candidates(of: Of<'_>, rows: &[Row], vendor: &str) -> Vec<Candidate> {
    let known: BTreeSet<IpAddr> = rows.iter().flat_map(leads_to).collect();
    let router = rows.iter().find_map(|row| row.key().router().map(str::to_owned));
    let mut all = Vec::new();
    for (name, pod) in of.pods().filter(|(_, pod)| members::gone(pod).is_none()) {
        let elsewhere = router.as_deref().is_some_and(|router| !in_router(of.cluster, pod, router));
        for family in Family::BOTH {
            let Some(address) = members::address(pod, family) else { continue };
            if elsewhere || !known.contains(&address) && !members::has_way_out(pod, family) {
                continue;
            }
            let against = against(of, pod, address, (rows, vendor));
            all.push(Candidate { pod: name.clone(), address, ready: pod.ready, against });
        }
    }
    all
}

/// Whether a pod is in the VPC of this router, as far as it says.
fn in_router(cluster: &Cluster, pod: &Pod, router: &str) -> bool {
    let of_vpc = super::bfd_port::router(cluster, &pod.router);
    pod.router.is_empty() || *pod.router == *router || of_vpc.as_deref() == Some(router)
}

/// The soft evidence. A session counts if its port is there and of the group, and OVN does not gate by it itself.
fn against(of: Of<'_>, pod: &Pod, address: IpAddr, (rows, vendor): (&[Row], &str)) -> Option<String> {
    if !pod.ready {
        return Some("it is not ready".to_owned());
    }
    if of.cluster.nodes.get(&pod.node).is_some_and(|node| !node.ready) {
        return Some(format!("node {} is not ready", pod.node));
    }
    let gated = |row: &Row| match row {
        Row::Policy { action: Action::Reroute { sessions, .. }, .. } => !sessions.is_empty(),
        Row::Route { by_source, .. } => *by_source,
        _ => false,
    };
    if rows.iter().any(gated) {
        return None;
    }
    let key = rows.iter().find_map(|row| match row {
        Row::Bfd { key, .. } if key.peer == address => Some(key),
        _ => None,
    })?;
    of.network.bfd_ports.get(&key.port).filter(|port| *port.vendor == *vendor)?;
    let state = of.network.sessions.get(&(key.port.clone(), key.peer));
    (state != Some(&Session::Up)).then(|| format!("its BFD session is {}", members::word(state)))
}

/// The next hops of a family: usable ones, or else ready ones, or else all.
fn used(all: &[Candidate], family: Family) -> BTreeSet<IpAddr> {
    let mine = || all.iter().filter(|one| Family::of(one.address) == family);
    let followed = mine().any(|one| one.against.is_none());
    let some_ready = mine().any(|one| one.ready);
    let holds = |one: &&Candidate| if followed { one.against.is_none() } else { one.ready || !some_ready };
    mine().filter(holds).map(|one| one.address).collect()
}

/// Addresses of pods in a row.
fn leads_to(row: &Row) -> Vec<IpAddr> {
    match row {
        Row::Bfd { key, .. } => vec![key.peer],
        Row::Route { next_hop, .. } => vec![*next_hop],
        Row::Policy { action: Action::Reroute { next_hops, .. }, .. } => next_hops.iter().copied().collect(),
        _ => Vec::new(),
    }
}

/// What stays of a row.
fn kept(row: &Row, alive: &BTreeSet<IpAddr>, used: &[BTreeSet<IpAddr>]) -> Option<Row> {
    let mut row = row.clone();
    match &mut row {
        Row::Bfd { key, .. } => return alive.contains(&key.peer).then_some(row),
        Row::Route { next_hop, .. } => return alive.contains(next_hop).then_some(row),
        Row::Policy { priority, action: Action::Reroute { next_hops, sessions }, .. } => {
            let four = next_hops.iter().any(IpAddr::is_ipv4);
            let used = used.get(usize::from(!four))?;
            let by_ovn = !sessions.is_empty();
            sessions.retain(|session| used.contains(&session.peer));
            // Rows that name sessions lead to who has one; those of a node to pods that are there.
            if by_ovn || *priority != super::gateway_rows::REROUTE {
                next_hops.retain(|hop| used.contains(hop));
            } else {
                next_hops.clone_from(used);
            }
            if next_hops.is_empty() {
                return None;
            }
        }
        _ => {}
    }
    Some(row)
}

/// What became of every pod.
fn report(of: Of<'_>, all: &[Candidate], used: impl Fn(&Candidate) -> bool) -> Vec<Member> {
    let say = |one: &Candidate| {
        let verb = if used(one) { "stays" } else { "is not" };
        let why = one.against.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        format!("{} {verb} a next hop{why}", one.address)
    };
    of.pods()
        .map(|(name, pod)| {
            let mine: Vec<&Candidate> = all.iter().filter(|one| one.pod == *name).collect();
            let nothing = || members::gone(pod).unwrap_or_else(|| "it is not known to forward".to_owned());
            let reason = match mine.is_empty() {
                true => nothing(),
                false => mine.iter().map(|one| say(one)).collect::<Vec<_>>().join("; "),
            };
            Member { pod: name.clone(), used: mine.iter().any(|one| used(one)), reason }
        })
        .collect()
}

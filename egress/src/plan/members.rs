//! Who is a next hop: the pods of a gateway, what speaks against each, and when that counts.
//!
//! Hard evidence (terminating, ended, not running, no address) removes a pod always. Soft evidence (not ready, BFD down)
//! removes it as long as another one stays: what is left when it speaks against all is the last resort, and said so.

use std::net::IpAddr;

use super::Member;
use super::bfd_port::Ports;
use crate::rows::SessionKey;
use crate::view::{Cluster, Family, Name, Network, Pod, Session};
use crate::workload;

/// How dead gateways leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// No BFD: by the pods' state alone.
    None,
    /// There are BFD rows, but nobody speaks for them (the VPC has no BFD port): what they say is not counted.
    Deaf,
    /// By sessions, taken out by this loop.
    Loop,
    /// By sessions, taken out by OVN: static routes.
    Routes,
    /// By sessions, taken out by Kube-OVN's own OVN: policies. When all are down they drop, as released.
    Policies,
}

impl Gate {
    /// In words.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::None => "no BFD: a member leaves when its pod or node is not ready",
            Self::Deaf => "BFD is asked for, but the VPC has no BFD port: sessions are not counted",
            Self::Loop => "BFD: this controller takes out members whose session is not up",
            Self::Routes => "BFD: OVN takes out routes whose session is down",
            Self::Policies => "BFD: OVN takes out next hops of policies whose session is down",
        }
    }
}

/// A pod that could forward, in one family.
#[derive(Clone, Debug)]
pub(super) struct Hop {
    /// The pod.
    pub pod: Name,
    /// Where it runs.
    pub node: Box<str>,
    /// Its address in the VPC.
    pub address: IpAddr,
    /// Its session, where there can be one.
    pub session: Option<SessionKey>,
    /// The session is up.
    pub up: bool,
    /// It is a next hop.
    pub used: bool,
    /// What speaks against it; empty: nothing.
    pub against: String,
}

/// The candidates of one family.
#[derive(Clone, Debug, Default)]
pub(super) struct Hops {
    /// By name of the pod.
    pub all: Vec<Hop>,
    /// Evidence speaks against every one, so it is not followed.
    pub last_resort: bool,
}

impl Hops {
    /// Those in use.
    pub(super) fn used(&self) -> impl Iterator<Item = &Hop> {
        self.all.iter().filter(|hop| hop.used)
    }
}

/// A gateway and what there is to know of it.
#[derive(Clone, Copy)]
pub(super) struct Of<'a> {
    /// The objects.
    pub cluster: &'a Cluster,
    /// The network.
    pub network: &'a Network,
    /// The group that is served.
    pub group: &'a str,
    /// The gateway.
    pub gateway: &'a Name,
    /// Where its pods are to be; `None`: not known, as it cannot be followed.
    pub side: Option<Side<'a>>,
}

/// Where the pods of a gateway are to be.
#[derive(Clone, Copy)]
pub(super) struct Side<'a> {
    /// `NAMESPACE/NAME` of its external network.
    pub attachment: &'a str,
    /// The VPC.
    pub vpc: &'a str,
    /// Its logical router.
    pub router: &'a str,
}

impl<'a> Of<'a> {
    /// A gateway that cannot be followed.
    pub(super) fn held(
        cluster: &'a Cluster,
        network: &'a Network,
        group: &'a str,
        gateway: &'a Name,
    ) -> Self {
        Self { cluster, network, group, gateway, side: None }
    }

    /// Its pods, by name.
    pub(super) fn pods(self) -> impl Iterator<Item = (&'a Name, &'a Pod)> {
        pods(self.cluster, self.group, self.gateway)
    }
}

/// Where the sessions of a gateway are.
#[derive(Clone, Copy)]
pub(super) struct Sessions<'a> {
    /// How they are used.
    pub gate: Gate,
    /// The BFD ports of the VPC; `None` without BFD.
    pub ports: Option<&'a Ports>,
}

/// The pods of a gateway, by name.
pub(super) fn pods<'a>(
    cluster: &'a Cluster,
    group: &str,
    gateway: &Name,
) -> impl Iterator<Item = (&'a Name, &'a Pod)> {
    let (key, label) = (workload::label_key(group), workload::label_value(&gateway.name));
    let from = Name::new(&gateway.namespace, "");
    let namespace = gateway.namespace.clone();
    let within = cluster.pods.range(from..).take_while(move |(name, _)| name.namespace == namespace);
    within.filter(move |(_, pod)| pod.labels.get(&key) == Some(&label)).map(|(name, pod)| (name, &**pod))
}

/// The first address of a family, which is the one Kubernetes calls the pod's own.
pub(super) fn address(pod: &Pod, family: Family) -> Option<IpAddr> {
    pod.addresses.iter().copied().find(|one| Family::of(*one) == family)
}

/// Whether a pod has an address of this family outside of the VPC, in whatever network.
pub(super) fn has_way_out(pod: &Pod, family: Family) -> bool {
    ways_out(pod).any(|(_, address)| Family::of(address) == family)
}

/// Addresses outside of the VPC, with their network. Multus tells the first interface, too.
fn ways_out(pod: &Pod) -> impl Iterator<Item = (&str, IpAddr)> {
    let all = pod.attached.iter().flat_map(|(name, all)| all.iter().map(move |one| (&**name, *one)));
    all.filter(|(_, address)| !pod.addresses.contains(address))
}

/// Why a pod that could forward is not one that is waited for: its external addresses are of another network, as after a
/// change of `spec.externalSubnet`.
pub(super) fn elsewhere(pod: &Pod, attachment: &str) -> Option<String> {
    if pod.attached.get(attachment).is_some_and(|all| !all.is_empty()) {
        return None;
    }
    let (other, address) = ways_out(pod).next()?;
    Some(format!("its external address {address} is of {other}, not of {attachment}"))
}

/// Why a pod cannot forward at all; `None`: it could.
pub(super) fn hard(pod: &Pod, side: Option<Side<'_>>) -> Option<String> {
    if let Some(gone) = gone(pod) {
        return Some(gone);
    }
    let Side { attachment, vpc, router } = side?;
    if !pod.router.is_empty() && *pod.router != *vpc && *pod.router != *router {
        return Some(format!("it is in VPC {}, not in {vpc}", pod.router));
    }
    ways_out(pod).next().is_none().then(|| format!("it has no address in the external network {attachment}"))
}

/// Why a pod cannot forward whatever its gateway wants; `None`: it could.
pub(super) fn gone(pod: &Pod) -> Option<String> {
    if pod.terminating {
        return Some("it is terminating".to_owned());
    }
    if pod.ended {
        return Some("it has ended".to_owned());
    }
    if !pod.running {
        return Some("it is not running".to_owned());
    }
    if pod.addresses.is_empty() {
        return Some("it has no address in the VPC".to_owned());
    }
    None
}

/// The candidates of one family and which of them are next hops.
pub(super) fn hops(of: Of<'_>, family: Family, sessions: Sessions<'_>) -> Hops {
    let all = of
        .pods()
        .filter(|(_, pod)| hard(pod, of.side).is_none() && has_way_out(pod, family))
        .filter_map(|(name, pod)| Some((name, pod, address(pod, family)?)))
        .map(|(name, pod, address)| (hop(of, (name, pod), address, sessions), pod.ready));
    let mut all = one_per_address(all.collect());
    let followed = all.iter().any(|(hop, _)| hop.against.is_empty());
    let some_ready = all.iter().any(|(_, ready)| *ready);
    for (hop, ready) in &mut all {
        hop.used = if followed { hop.against.is_empty() } else { *ready || !some_ready };
    }
    let gated_out = sessions.gate == Gate::Routes && !all.iter().any(|(hop, _)| hop.used && hop.up);
    let last_resort = !all.is_empty() && (!followed || gated_out);
    Hops { all: all.into_iter().map(|(hop, _)| hop).collect(), last_resort }
}

/// An address belongs to one pod; while two claim it, the better one counts, or else the first by name.
fn one_per_address(mut all: Vec<(Hop, bool)>) -> Vec<(Hop, bool)> {
    all.sort_by_key(|(hop, ready)| (hop.address, !hop.against.is_empty(), !ready));
    all.dedup_by_key(|(hop, _)| hop.address);
    all.sort_by(|(one, _), (other, _)| one.pod.cmp(&other.pod));
    all
}

/// One candidate, and the soft evidence against it.
fn hop(of: Of<'_>, (name, pod): (&Name, &Pod), address: IpAddr, sessions: Sessions<'_>) -> Hop {
    let Of { cluster, network, side, .. } = of;
    let speaks = |ports: &&Ports| ports.speaks(Family::of(address));
    let ports = sessions.ports.filter(speaks);
    let port = ports.and_then(|ports| ports.of_node(network, &pod.node));
    let session = port.map(|port| SessionKey { port, peer: address });
    let state = session.as_ref().and_then(|key| network.sessions.get(&(key.port.clone(), key.peer)));
    let up = state == Some(&Session::Up);
    let alive = cluster.nodes.get(&pod.node).is_none_or(|node| node.ready);
    let against = if !pod.ready {
        "it is not ready".to_owned()
    } else if !alive {
        format!("node {} is not ready", pod.node)
    } else if let Some(other) = side.and_then(|side| elsewhere(pod, side.attachment)) {
        other
    } else if matches!(sessions.gate, Gate::None | Gate::Deaf) || ports.is_none() {
        String::new()
    } else if session.is_none() {
        format!("node {} has no BFD port", pod.node)
    } else if sessions.gate != Gate::Loop || up {
        String::new()
    } else {
        format!("its BFD session is {}", word(state))
    };
    Hop { pod: name.clone(), node: pod.node.clone(), address, session, up, used: false, against }
}

/// A state as OVN writes it.
pub(super) fn word(state: Option<&Session>) -> &'static str {
    match state {
        None => "not there yet",
        Some(Session::AdminDown) => "admin_down",
        Some(Session::Down) => "down",
        Some(Session::Init) => "init",
        Some(Session::Up) => "up",
    }
}

/// What became of every pod of the gateway, for people.
pub(super) fn report(of: Of<'_>, families: &[Hops; 2]) -> Vec<Member> {
    of.pods()
        .map(|(name, pod)| {
            let mine: Vec<_> = families
                .iter()
                .flat_map(|hops| hops.all.iter().map(move |hop| (hop, hops.last_resort)))
                .filter(|(hop, _)| hop.pod == *name)
                .collect();
            let used = mine.iter().any(|(hop, _)| hop.used);
            let reason = match hard(pod, of.side) {
                Some(reason) => reason,
                None => mine.iter().map(|(hop, last)| say(hop, *last)).collect::<Vec<_>>().join("; "),
            };
            Member { pod: name.clone(), used, reason }
        })
        .collect()
}

/// One family of one pod in words.
fn say(hop: &Hop, last_resort: bool) -> String {
    let Hop { address, against, .. } = hop;
    match (hop.used, last_resort) {
        (true, false) => format!("{address} is a next hop"),
        (true, true) if against.is_empty() => {
            format!("{address} is a next hop as a last resort: no session is up")
        }
        (true, true) => format!("{address} is a next hop as a last resort: {against}"),
        (false, _) => format!("{address} is not a next hop: {against}"),
    }
}

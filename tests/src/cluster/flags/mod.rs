//! Flags of the speaker on a real Kubernetes: on n1 the published DaemonSet with a flag, on n2 the same without it or
//! with a wrong value, in front of one FRR router that is told what each case needs.

mod cases;

pub use cases::{extended_next_hop, multihop, node_ips, passive, password, tuned};

use super::{Cluster, IMAGE};
use crate::fault::{During, Fault, Result, ensure};
use crate::kube::objects::{service, subnet};
use crate::netns::Netns;
use crate::router::{Config, Dialing, Kind, Router, Session};
use crate::scenario::lab::addresses;
use crate::topology::Topology;
use crate::wait;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

/// From a changed DaemonSet to the router's table, however busy the machine is; Pods are started within it.
const SOON: Duration = Duration::from_secs(40);

/// How long what must not be there is looked for once the other node has it.
const NEVER: Duration = Duration::from_secs(3);

/// What the Subnet and the Service of the lab have announced.
const CIDR: [&str; 2] = ["10.16.0.0/16", "fd00:10:16::/112"];
/// See [`CIDR`].
const CLUSTER_IP: [&str; 2] = ["10.96.0.10/32", "fd00:10:96::a/128"];

/// Everything all cases share. Fields drop in this order: what runs ends before what it runs in.
#[derive(Debug)]
pub struct Lab {
    router: Option<Router>,
    routers: u32,
    cluster: Cluster,
    topology: Topology,
}

/// How the speakers of one case are deployed.
#[derive(Clone, Copy, Debug)]
struct Deployed<'a> {
    /// What speakers on both nodes are told.
    both: &'a [&'a str],
    /// And on n1 alone.
    with: &'a [&'a str],
    /// And on n2 alone.
    without: &'a [&'a str],
    host_network: bool,
}

impl Lab {
    /// Starts the cluster; no speaker runs yet.
    ///
    /// # Errors
    /// When a part of it does not come up in time.
    pub fn start() -> Result<Self> {
        let topology = Topology::new()?;
        let cluster = Cluster::start(&topology)?;
        let subnet = subnet("net", &CIDR.join(","), Some("true"));
        cluster.api.create("subnets", &[subnet])?;
        cluster.api.create("services", &[service("svc", "0.10", "a", Some("true"))])?;
        Ok(Self { router: None, routers: 0, cluster, topology })
    }

    /// A fault with what everything last said.
    #[must_use]
    pub fn explain(&self, fault: &Fault) -> Fault {
        let select = ["-n", "kube-system", "logs", "-l", "component=network", "--prefix", "--tail=40"];
        let describe = ["-n", "kube-system", "describe", "pod", "-l", "component=network"];
        let shown = [&describe[..], &select]
            .map(|args| self.cluster.kubectl(args).unwrap_or_else(|fault| fault.to_string()));
        let table = self.paths().map(|paths| format!("{paths:?}")).unwrap_or_else(|fault| fault.to_string());
        let logs = self.router.as_ref().map(Router::logs).unwrap_or_default();
        self.cluster.explain(&Fault::new(format!("{fault}\n{}\n{table}\n{logs}", shown.join("\n"))))
    }

    /// Starts the router anew, in r1 unless told otherwise, with these sessions.
    fn route(&mut self, session: Session, dialing: Dialing) -> Result<()> {
        let netns = Arc::clone(&self.topology.routers[0]);
        self.route_in(&netns, session, dialing)
    }

    fn route_in(&mut self, netns: &Arc<Netns>, session: Session, dialing: Dialing) -> Result<()> {
        self.router = None;
        self.routers += 1;
        let config = Config {
            asn: 65001,
            id: Ipv4Addr::new(10, 0, 1, 1),
            neighbor_asn: 65000,
            neighbors: [addresses(1, 1), addresses(1, 2)].concat(),
            hold: 90,
            dialing,
            session,
        };
        let dir = self.topology.dir().join(format!("router-{}", self.routers));
        self.router = Some(Router::start(Kind::Frr, netns, &dir, config)?);
        Ok(())
    }

    fn router(&self) -> Result<&Router> {
        self.router.as_ref().ok_or_else(|| Fault::new("no router yet"))
    }

    /// Deploys both speakers and waits until the Pods with these arguments run.
    fn deploy(&self, deployed: Deployed<'_>) -> Result<()> {
        let Deployed { both, with, without, host_network } = deployed;
        for (node, own) in [("n1", with), ("n2", without)] {
            let yaml = daemon_set(node, &[both, own].concat(), host_network)?;
            self.cluster.apply(node, &yaml)?;
        }
        ["n1", "n2"].iter().try_for_each(|node| {
            wait::until(&format!("the speaker on {node} runs"), SOON, || self.rolled_out(node)).map(drop)
        })
    }

    fn rolled_out(&self, node: &str) -> Result<()> {
        let get = ["-n", "kube-system", "get", "daemonset", node, "-o", "json"];
        let set: serde_json::Value = serde_json::from_str(&self.cluster.kubectl(&get)?)?;
        let (status, generation) = (&set["status"], &set["metadata"]["generation"]);
        let done = status["observedGeneration"] == *generation
            && status["updatedNumberScheduled"] == 1
            && status["numberReady"] == 1;
        ensure(done, || status.to_string())
    }

    /// The router's paths of both families, usable or not: prefix, next hop, neighbour.
    fn paths(&self) -> Result<BTreeSet<(String, IpAddr, IpAddr)>> {
        let mut all = BTreeSet::new();
        for family in ["ipv4", "ipv6"] {
            let table = self.router()?.frr(&format!("show bgp {family} unicast json"))?;
            for (prefix, paths) in table["routes"].as_object().into_iter().flatten() {
                for path in paths.as_array().into_iter().flatten() {
                    let hops = path["nexthops"].as_array().into_iter().flatten();
                    let told = hops.filter(|hop| hop["scope"] != "link-local");
                    let hop = told.filter_map(|hop| hop["ip"].as_str()).next();
                    let (hop, peer) = (hop.unwrap_or_default().parse()?, path["peerId"].as_str());
                    all.insert((prefix.clone(), hop, peer.unwrap_or_default().parse()?));
                }
            }
        }
        Ok(all)
    }

    /// Waits until the router's paths are these and no others: prefix, next hop, and the neighbour if it is another.
    fn becomes(&self, want: &[[&str; 3]]) -> Result<()> {
        let want = parsed(want)?;
        wait::until("the router's paths", SOON, || self.are(&want)).map(drop)
    }

    /// The same, and nothing else comes for a while.
    fn becomes_and_stays(&self, want: &[[&str; 3]]) -> Result<()> {
        self.becomes(want)?;
        let want = parsed(want)?;
        wait::stays("the router's paths", NEVER, || self.are(&want))
    }

    fn are(&self, want: &BTreeSet<(String, IpAddr, IpAddr)>) -> Result<()> {
        let now = self.paths()?;
        ensure(now == *want, || {
            let missing: Vec<_> = want.difference(&now).collect();
            format!("missing {missing:?}, too many {:?}", now.difference(want).collect::<Vec<_>>())
        })
    }

    /// FRR's word about one neighbour.
    fn neighbor(&self, address: &str) -> Result<serde_json::Value> {
        Ok(self.router()?.frr(&format!("show bgp neighbors {address} json"))?[address].clone())
    }
}

fn parsed(paths: &[[&str; 3]]) -> Result<BTreeSet<(String, IpAddr, IpAddr)>> {
    paths.iter().map(|[prefix, hop, peer]| Ok(((*prefix).to_owned(), hop.parse()?, peer.parse()?))).collect()
}

/// The published DaemonSet, under the node's name, bound to it, with these arguments in place of its neighbours.
fn daemon_set(node: &str, arguments: &[&str], host_network: bool) -> Result<String> {
    let path = super::root().join("tests/lab/cluster/published.yaml");
    let mut text = std::fs::read_to_string(&path).during(path.display())?;
    let arguments: String = arguments.iter().map(|argument| format!("        - {argument}\n")).collect();
    let neighbors = "        - --neighbor-address=10.0.1.1,10.0.2.1
        - --neighbor-ipv6-address=fd00:1::1,fd00:2::1\n";
    for (old, new) in [
        ("  name: kube-ovn-speaker\n  namespace", format!("  name: {node}\n  namespace")),
        ("app: kube-ovn-speaker", format!("app: speaker-{node}")),
        ("        ovn.kubernetes.io/bgp: \"true\"\n", format!("        kubernetes.io/hostname: {node}\n")),
        (neighbors, arguments),
        ("hostNetwork: true", format!("hostNetwork: {host_network}")),
        ("IMAGE", IMAGE.to_owned()),
    ] {
        ensure(text.contains(old), || format!("{} has no {old:?} any more", path.display()))?;
        text = text.replace(old, &new);
    }
    Ok(text)
}

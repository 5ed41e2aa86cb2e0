//! The whole site: a cluster, two FRR routers its nodes speak BGP with, captured, and a client behind both.

use super::timeline::stale;
use super::{Client, Cluster};
use crate::capture::Capture;
use crate::fault::{During, Fault, Result, ensure};
use crate::kube::objects::subnet;
use crate::proc::run;
use crate::router::{Bfd, Config, Dialing, Kind, Router, Session};
use crate::scenario::compare;
use crate::scenario::kube::table::tables;
use crate::scenario::lab::addresses;
use crate::topology::Topology;
use crate::wait;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

/// The Pod and Subnet objects of every site, and where they live, see [`Site::start`].
pub const BOTH: &str = "
    10.18.0.7/32        n1 n2
    fd00:10:18::7/128   n1 n2
    10.17.0.5/32        n1
    fd00:10:17::5/128   n1
";

/// What is left of [`BOTH`] without n1.
pub const ONLY_N2: &str = "
    10.18.0.7/32        n2
    fd00:10:18::7/128   n2
";

/// What is left of [`BOTH`] without n2.
pub const ONLY_N1: &str = "
    10.18.0.7/32        n1
    fd00:10:18::7/128   n1
    10.17.0.5/32        n1
    fd00:10:17::5/128   n1
";

/// No routes.
pub const NONE: &str = "";

/// The label that has a node run a speaker.
const LABEL: &str = "ovn.kubernetes.io/bgp";

/// From a change to the routers' tables, however busy the machine is; Pods are started within it.
pub const SOON: Duration = Duration::from_secs(30);

/// A running site. Fields drop in this order: what runs ends before what it runs in.
#[derive(Debug)]
pub struct Site {
    /// Who uses the routes.
    pub client: Client,
    pub(super) captures: Option<[Capture; 2]>,
    /// `r1` and `r2`.
    pub routers: [Router; 2],
    /// The cluster.
    pub cluster: Cluster,
    /// What all of it is cabled with.
    pub topology: Topology,
}

impl Site {
    /// Starts it. There are two Pods on n1: `web`, announced by every node, at 10.18.0.7 and fd00:10:18::7, which both
    /// nodes answer at, and `db`, announced by its own node, at 10.17.0.5 and fd00:10:17::5, which n1 answers at. No
    /// speaker runs yet, and no node has the label.
    ///
    /// # Errors
    /// When a part of it does not come up in time.
    pub fn start() -> Result<Self> {
        let topology = Topology::new()?;
        let file = |name: &str| topology.dir().join(name);
        let [r1, r2] = &topology.routers;
        let captures = [Capture::start(r1, &file("r1.pcapng"))?, Capture::start(r2, &file("r2.pcapng"))?];
        let routers = [router(&topology, 1)?, router(&topology, 2)?];
        let cluster = Cluster::start(&topology)?;
        let client = Client::start(&topology, cluster.api.netns())?;
        let site = Self { client, captures: Some(captures), routers, cluster, topology };
        site.objects().map_err(|fault| site.explain(&fault))?;
        Ok(site)
    }

    fn objects(&self) -> Result<()> {
        let subnets = [
            subnet("plain-sub", "10.18.0.0/16,fd00:10:18::/112", None),
            subnet("local-sub", "10.17.0.0/16,fd00:10:17::/112", Some("local")),
        ];
        self.cluster.api.create("subnets", &subnets)?;
        let pods = [
            pod("web", "n1", "plain-sub", "10.18.0.7,fd00:10:18::7", Some("cluster")),
            pod("db", "n1", "local-sub", "10.17.0.5,fd00:10:17::5", None),
        ];
        self.cluster.apply("pods", &pods.concat())
    }

    /// Gives a node the label that has it run a speaker, or takes it away.
    ///
    /// # Errors
    /// What kubectl says.
    pub fn label(&self, node: &str, on: bool) -> Result<()> {
        let label = if on { format!("{LABEL}=true") } else { format!("{LABEL}-") };
        self.cluster.kubectl(&["label", "--overwrite", "node", node, &label]).map(drop)
    }

    /// Waits until both routers hold this; returns how long that took.
    ///
    /// # Errors
    /// When they do not within `limit`, with what differs.
    pub fn hold_within(&self, table: &str, limit: Duration) -> Result<Duration> {
        let want = tables(table)?;
        let (_, took) = wait::until("both tables", limit, || {
            self.routers
                .iter()
                .zip(&want)
                .try_for_each(|(router, want)| compare(&router.routes()?, want).during(router.name()))
        })?;
        Ok(took)
    }

    /// [`Site::hold_within`], and nothing of it only because a speaker is expected back.
    ///
    /// # Errors
    /// As there.
    pub fn settle(&self, table: &str, limit: Duration) -> Result<()> {
        let begin = Instant::now();
        self.hold_within(table, limit)?;
        wait::until("nothing stale", limit.saturating_sub(begin.elapsed()), || {
            let stale = stale(&self.topology)?;
            ensure(stale == 0, || format!("{stale} stale paths"))
        })?;
        Ok(())
    }

    /// The name of the speaker's Pod that runs on a node.
    ///
    /// # Errors
    /// When there is not exactly one that is not ending.
    pub fn speaker(&self, node: &str) -> Result<String> {
        let field = format!("spec.nodeName={node}");
        let get = [
            "-n",
            "kube-system",
            "get",
            "pod",
            "-l",
            "app=kube-ovn-speaker",
            "-o",
            "json",
            "--field-selector",
        ];
        let pods: serde_json::Value =
            serde_json::from_str(&self.cluster.kubectl(&[&get[..], &[&field]].concat())?)?;
        let items = pods["items"].as_array().into_iter().flatten();
        let live: Vec<_> = items.filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).collect();
        ensure(live.len() == 1, || format!("{} speakers on {node}: {pods}", live.len()))?;
        live[0]["metadata"]["name"]
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| Fault::new("a Pod without name"))
    }

    /// `kubectl exec` in the speaker on a node.
    ///
    /// # Errors
    /// What the command says.
    pub fn exec(&self, node: &str, argv: &[&str]) -> Result<String> {
        let pod = self.speaker(node)?;
        self.cluster.kubectl(&[&["-n", "kube-system", "exec", &pod, "--"], argv].concat())
    }

    /// `kubectl logs` of the speaker on a node; `previous` is those of the container before.
    ///
    /// # Errors
    /// What kubectl says.
    pub fn logs(&self, node: &str, previous: bool) -> Result<String> {
        let pod = self.speaker(node)?;
        let previous: &[&str] = if previous { &["--previous"] } else { &[] };
        self.cluster.kubectl(&[&["-n", "kube-system", "logs", &pod], previous].concat())
    }

    /// When the speaker on a node wrote its first line, since the Unix epoch.
    ///
    /// # Errors
    /// When its log does not begin with a time.
    pub fn started(&self, node: &str) -> Result<Duration> {
        let log = self.logs(node, false)?;
        let time = log.split_whitespace().next().unwrap_or_default();
        let seconds = run(&["date", "--date", time, "+%s.%N"])?;
        let seconds = seconds.trim().parse().map_err(|_| Fault::new(format!("no time: {time:?}")))?;
        Ok(Duration::from_secs_f64(seconds))
    }

    /// A fault with what everything last said.
    #[must_use]
    pub fn explain(&self, fault: &Fault) -> Fault {
        let pods = self.cluster.kubectl(&["get", "pods", "-A", "-o", "wide"]);
        let select = ["-n", "kube-system", "logs", "-l", "app=kube-ovn-speaker", "--prefix", "--tail=40"];
        let (pods, logs) = (shown(pods), shown(self.cluster.kubectl(&select)));
        let describe = ["-n", "kube-system", "describe", "pod", "-l", "app=kube-ovn-speaker"];
        let described = shown(self.cluster.kubectl(&describe));
        let routers = self.routers.iter().map(|router| {
            let (up, routes) = (router.established(), router.routes());
            format!("{}: Established {up:?}\ntable {routes:?}\n{}", router.name(), router.logs())
        });
        let routers: Vec<_> = routers.collect();
        let text = format!("{fault}\n{pods}\n{described}\n{logs}\n{}", routers.join("\n"));
        self.cluster.explain(&Fault::new(text))
    }
}

fn shown(outcome: Result<String>) -> String {
    outcome.unwrap_or_else(|fault| fault.to_string())
}

/// A Pod that a kubelet runs, with the addresses that Kube-OVN would have given it in `subnet`.
#[must_use]
pub fn pod(name: &str, node: &str, subnet: &str, addresses: &str, bgp: Option<&str>) -> String {
    let bgp = bgp.map(|value| format!("    ovn.kubernetes.io/bgp: \"{value}\"\n")).unwrap_or_default();
    format!(
        "---
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: default
  annotations:
    ovn.kubernetes.io/allocated: \"true\"
    ovn.kubernetes.io/ip_address: \"{addresses}\"
    ovn.kubernetes.io/logical_switch: {subnet}
{bgp}spec:
  nodeName: {node}
  terminationGracePeriodSeconds: 0
  tolerations:
  - operator: Exists
  containers:
  - name: main
    image: {}
    imagePullPolicy: Never
",
        super::PAUSE
    )
}

fn router(topology: &Topology, segment: u8) -> Result<Router> {
    let neighbors: Vec<IpAddr> = [addresses(segment, 1), addresses(segment, 2)].concat();
    let config = Config {
        asn: 65001,
        id: Ipv4Addr::new(10, 0, segment, 1),
        neighbor_asn: 65000,
        neighbors,
        hold: 90,
        dialing: Dialing::Passive,
        // Without effect on speakers that have none.
        session: Session { bfd: Some(Bfd::new(100, 3)), ..Session::default() },
    };
    let netns = &topology.routers[usize::from(segment) - 1];
    Router::start(Kind::Frr, netns, &topology.dir().join(format!("r{segment}")), config)
}

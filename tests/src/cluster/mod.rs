//! A real Kubernetes with two real nodes on the lab's topology: kubelet, containerd and kube-proxy in namespaces, the
//! controllers and the scheduler beside the API server.
//!
//! The nodes `n1` and `n2` are those of [`Topology`]: `eth1` and `eth2` lead to the routers, `eth9` to the API server.
//! Needs control groups and, beside what [`crate::kube`] needs, containerd, runc and CNI plugins.

mod client;
pub mod flags;
mod machine;
mod manifest;
mod memory;
mod node;
mod probe;
mod rounds;
mod site;
mod step;
mod timeline;

pub use client::{CLUSTER, Client, LOCAL};
pub use machine::{Inside, Machine};
pub use manifest::{overlay, published};
pub use node::{Node, PAUSE};
pub use probe::{Loss, Probing};
pub use site::{BOTH, NONE, ONLY_N1, ONLY_N2, SOON, Site, pod};
pub use step::Step;
pub use timeline::Timeline;

use crate::fault::{During, Fault, Result, ensure};
use crate::kube::{ApiServer, Around, URL, program};
use crate::netns::Netns;
use crate::proc::{Daemon, run};
use crate::topology::Topology;
use crate::wait;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The image under test, as containerd knows it; no registry has it.
pub const IMAGE: &str = concat!("docker.io/library/speaker:", env!("CARGO_PKG_VERSION"));

/// From a start of kubelets to nodes that are ready.
const READY_LIMIT: Duration = Duration::from_secs(60);

/// The cluster. Fields drop in this order: what runs ends before what it runs in.
#[derive(Debug)]
pub struct Cluster {
    /// `n1` and `n2`.
    pub nodes: Vec<Node>,
    controllers: Vec<Daemon>,
    /// The way to everything in it.
    pub api: ApiServer,
    dir: PathBuf,
}

impl Cluster {
    /// Starts it on the nodes of the topology, and waits until they are ready; the image is there, nothing uses it.
    ///
    /// # Errors
    /// When a part of it does not come up in time, with the end of its log.
    pub fn start(topology: &Topology) -> Result<Self> {
        machine::sweep();
        let api = ApiServer::within(Around::Cluster, topology)?;
        let dir = topology.dir().join("cluster");
        std::fs::create_dir_all(&dir)?;
        let mut cluster = Self { nodes: Vec::new(), controllers: Vec::new(), api, dir };
        cluster.start_controllers()?;
        let bind = ["create", "clusterrolebinding", "lab-proxy", "--clusterrole=system:node-proxier"];
        cluster.api.kubectl(&[&bind[..], &["--user=system:kube-proxy"]].concat())?;
        let pause = cluster.pause_image()?;
        let speaker = speaker_image()?;
        cluster.start_nodes(&topology.nodes, &[&pause, &speaker])?;
        cluster.ready().during("the start of a cluster").map_err(|fault| cluster.explain(&fault))?;
        Ok(cluster)
    }

    /// kubectl as admin.
    ///
    /// # Errors
    /// As [`ApiServer::kubectl`].
    pub fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.api.kubectl(args)
    }

    /// Applies YAML.
    ///
    /// # Errors
    /// What kubectl says.
    pub fn apply(&self, name: &str, yaml: &str) -> Result<()> {
        let file = self.dir.join(format!("{name}.yaml"));
        std::fs::write(&file, yaml)?;
        self.kubectl(&["apply", "-f", &file.display().to_string()]).map(drop)
    }

    /// Applies a directory by kustomize.
    ///
    /// # Errors
    /// What kubectl says.
    pub fn apply_overlay(&self, dir: &Path) -> Result<()> {
        self.kubectl(&["apply", "-k", &dir.display().to_string()]).map(drop)
    }

    /// A fault with the ends of all logs.
    #[must_use]
    pub fn explain(&self, fault: &Fault) -> Fault {
        let nodes = self.nodes.iter().map(Node::logs);
        let controllers = self.controllers.iter().map(Daemon::log_tail);
        let logs: Vec<_> = nodes.chain(controllers).chain([self.api.logs()]).collect();
        Fault::new(format!("{fault}\n{}", logs.join("\n")))
    }

    fn start_controllers(&mut self) -> Result<()> {
        let manager = self.api.write_kubeconfig("controllers", "controllers", URL)?.display().to_string();
        let scheduler = self.api.write_kubeconfig("scheduler", "scheduler", URL)?.display().to_string();
        let (key, ca) = (self.api.signing_key(), self.api.authority());
        let programs = [program("kube-controller-manager")?, program("kube-scheduler")?];
        let common = ["--leader-elect=false", "--bind-address=127.0.0.1", "--kubeconfig"];
        let manager = [
            &[programs[0].as_str()][..],
            &common,
            &[&manager, "--use-service-account-credentials", "--service-account-private-key-file", &key],
            // A node that says nothing is noticed within seconds.
            &["--root-ca-file", &ca, "--node-monitor-grace-period=8s", "--node-monitor-period=1s"],
        ];
        let scheduler = [&[programs[1].as_str()][..], &common, &[&scheduler]];
        for (name, argv) in [("controllers", manager.concat()), ("scheduler", scheduler.concat())] {
            let log = self.dir.join(format!("{name}.log"));
            self.controllers.push(self.api.netns().spawn(name, &argv, &log)?);
        }
        Ok(())
    }

    /// Both at once: most of the time they wait for themselves.
    fn start_nodes(&mut self, netns: &[Arc<Netns>; 2], images: &[&Path]) -> Result<()> {
        let (api, dir) = (&self.api, &self.dir);
        let start = |host: u8, netns| {
            let mut node = Node::start(netns, host, api, dir)?;
            images.iter().try_for_each(|image| node.load(image))?;
            node.start_proxy(api)?;
            node.start_kubelet()?;
            Ok(node)
        };
        let nodes: Vec<Result<Node>> = std::thread::scope(|scope| {
            let start = &start;
            let threads: Vec<_> =
                (1..).zip(netns).map(|(host, netns)| scope.spawn(move || start(host, netns))).collect();
            let panicked = |_| Err(Fault::new("a thread that starts a node panicked"));
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).collect()
        });
        self.nodes = nodes.into_iter().collect::<Result<_>>()?;
        Ok(())
    }

    /// Waits until Pods can be made: nodes are ready, and the namespace has its ServiceAccount.
    fn ready(&self) -> Result<()> {
        wait::until("nodes are ready", READY_LIMIT, || {
            let ready = [
                "get",
                "node",
                "n1",
                "n2",
                "-o",
                "jsonpath={.items[*].status.conditions[?(@.type==\"Ready\")].status}",
            ];
            let ready = self.kubectl(&ready)?;
            ensure(ready.trim() == "True True", || format!("Ready is {ready:?}"))?;
            self.kubectl(&["get", "serviceaccount", "default"])
        })?;
        Ok(())
    }

    fn pause_image(&self) -> Result<PathBuf> {
        let archive = self.dir.join("pause.tar");
        let script = root().join("deploy/image/archive.sh").display().to_string();
        let out = archive.display().to_string();
        let items = ["/pause=/bin/busybox", "/bin/sleep@=/pause", "--", "/bin/sleep", "2147483647"];
        run(&[&[script.as_str(), PAUSE, &out][..], &items].concat()).during("the image of Pods that wait")?;
        Ok(archive)
    }
}

/// `$SPEAKER_IMAGE`, else what `make image` wrote.
fn speaker_image() -> Result<PathBuf> {
    let path = match std::env::var_os("SPEAKER_IMAGE") {
        Some(path) => PathBuf::from(path),
        None => root().join("target/image/speaker.tar"),
    };
    ensure(path.exists(), || {
        format!("{} is missing: run `make image` first, or set SPEAKER_IMAGE", path.display())
    })?;
    Ok(path)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

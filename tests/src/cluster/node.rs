//! A node of Kubernetes: containerd, kubelet and kube-proxy on a [`Machine`].

use super::machine::{Inside, Machine, make_cgroups};
use crate::fault::{During, Fault, Result};
use crate::kube::{ApiServer, URL, program};
use crate::netns::Netns;
use crate::wait;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// From a start to an answering containerd.
const START_LIMIT: Duration = Duration::from_secs(20);

/// Where containerd listens, on every node.
const SOCKET: &str = "/run/containerd/containerd.sock";

/// The image of the process that holds a Pod's namespaces, and of Pods that do nothing.
pub const PAUSE: &str = "lab/pause:1";

/// A node named `n1` or `n2`.
#[derive(Debug)]
pub struct Node {
    name: String,
    host: u8,
    dir: PathBuf,
    kubeconfig: String,
    kubelet: Option<Inside>,
    daemons: Vec<Inside>,
    // Last: the others end with it.
    machine: Machine,
}

impl Node {
    /// Starts `n<host>`; images are not loaded yet, and it is not ready.
    ///
    /// # Errors
    /// When its namespaces cannot be made or containerd does not answer.
    pub(super) fn start(netns: &Arc<Netns>, host: u8, api: &ApiServer, dir: &Path) -> Result<Self> {
        let name = format!("n{host}");
        let dir = dir.join(&name);
        let machine = Machine::start(netns, &dir)?;
        make_cgroups(machine.cgroup())?;
        let token = format!("kubelet-{name}");
        let kubeconfig = api.write_kubeconfig(&token, &token, URL)?.display().to_string();
        let mut node = Self { name, host, dir, kubeconfig, kubelet: None, daemons: Vec::new(), machine };
        node.route()?;
        node.write_configuration(&api.authority())?;
        node.start_containerd()?;
        Ok(node)
    }

    /// Its name in Kubernetes.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it runs on.
    #[must_use]
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Imports an image archive.
    ///
    /// # Errors
    /// What `ctr` says.
    pub fn load(&self, archive: &Path) -> Result<()> {
        let archive = archive.display().to_string();
        let import = ["ctr", "--address", SOCKET, "--namespace", "k8s.io", "images", "import"];
        self.machine.exec(&[&import[..], &[&archive]].concat()).during("importing an image").map(drop)
    }

    /// Starts the kubelet, at first or after [`Node::kill_kubelet`].
    ///
    /// # Errors
    /// When there is none to start.
    pub fn start_kubelet(&mut self) -> Result<()> {
        let config = self.file("kubelet.yaml");
        let addresses = format!("10.0.9.{0},fd00:9::{0}", 10 + self.host);
        let kubelet = program("kubelet")?;
        let argv = [
            &kubelet,
            "--config",
            &config,
            "--kubeconfig",
            &self.kubeconfig,
            "--hostname-override",
            &self.name,
            "--node-ip",
            &addresses,
            "--cert-dir",
            "/var/lib/kubelet/pki",
        ];
        self.kubelet = Some(self.machine.spawn("kubelet", &argv, &self.dir.join("kubelet.log"))?);
        Ok(())
    }

    /// SIGKILL for the kubelet; containers go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_kubelet(&mut self) -> Result<()> {
        self.kubelet.take().ok_or_else(|| Fault::new("no kubelet to kill"))?.kill()
    }

    /// As when the machine loses power: everything on it ends, and its links stay without anybody behind them.
    ///
    /// # Errors
    /// When something survives.
    pub fn power_off(&mut self) -> Result<()> {
        self.machine.power_off()
    }

    /// Starts kube-proxy, which makes Services reachable, the API server's among them.
    pub(super) fn start_proxy(&mut self, api: &ApiServer) -> Result<()> {
        let config = api.write_kubeconfig("proxy", "proxy", URL)?.display().to_string();
        let kube_proxy = program("kube-proxy")?;
        let argv = [
            &kube_proxy,
            "--kubeconfig",
            &config,
            "--hostname-override",
            &self.name,
            "--proxy-mode=iptables",
            "--cluster-cidr=10.88.0.0/16",
            "--healthz-bind-address=127.0.0.1:10256",
            "--metrics-bind-address=127.0.0.1:10249",
            // What these would change belongs to the whole machine.
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
        ];
        self.daemons.push(self.machine.spawn("kube-proxy", &argv, &self.dir.join("kube-proxy.log"))?);
        Ok(())
    }

    /// The ends of its logs, for messages.
    #[must_use]
    pub fn logs(&self) -> String {
        let all = self.kubelet.iter().chain(&self.daemons).map(Inside::log_tail);
        format!("node {}:\n{}", self.name, all.collect::<Vec<_>>().join("\n"))
    }

    fn start_containerd(&mut self) -> Result<()> {
        let config = self.file("containerd.toml");
        let argv = ["containerd", "--config", &config];
        let mut containerd = self.machine.spawn("containerd", &argv, &self.dir.join("containerd.log"))?;
        wait::until("containerd answers", START_LIMIT, || {
            containerd.check_alive()?;
            let answer = self.machine.exec(&["ctr", "--address", SOCKET, "version"]);
            answer.map_err(|fault| Fault::new(format!("{fault}; {}", containerd.log_tail())))
        })?;
        self.daemons.push(containerd);
        Ok(())
    }

    /// Everything that is not on a segment goes by the management segment, Pods of the other node to it.
    fn route(&self) -> Result<()> {
        let netns = self.machine.netns();
        netns.ip(&["route", "add", "default", "via", "10.0.9.1"])?;
        netns.ip(&["route", "add", "default", "via", "fd00:9::1"])?;
        let other = 3 - self.host;
        let (pods, way) = (format!("10.88.{other}.0/24"), format!("10.0.9.{}", 10 + other));
        netns.ip(&["route", "add", &pods, "via", &way])?;
        Ok(())
    }

    fn write_configuration(&self, authority: &str) -> Result<()> {
        std::fs::create_dir_all(self.dir.join("cni"))?;
        std::fs::write(self.dir.join("cni/10-lab.conflist"), cni(self.host))?;
        std::fs::write(self.dir.join("containerd.toml"), containerd(&self.file("cni")))?;
        let kubelet = kubelet(self.machine.cgroup(), &format!("10.0.9.{}", 10 + self.host), authority);
        std::fs::write(self.dir.join("kubelet.yaml"), kubelet)?;
        Ok(())
    }

    fn file(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }
}

/// Pods get an interface and an address of the node's range, masqueraded where they leave it.
fn cni(host: u8) -> String {
    format!(
        r#"{{"cniVersion": "0.4.0", "name": "lab", "plugins": [{{"type": "ptp", "ipMasq": true, "ipam": {{
 "type": "host-local", "dataDir": "/run/ipam", "ranges": [[{{"subnet": "10.88.{host}.0/24"}}]],
 "routes": [{{"dst": "0.0.0.0/0"}}]}}}}]}}
"#
    )
}

fn containerd(cni: &str) -> String {
    format!(
        r#"version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
address = "{SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
disable_apparmor = true
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "{cni}"
[plugins."io.containerd.internal.v1.opt"]
path = "/var/lib/containerd-opt"
"#
    )
}

fn kubelet(cgroup: &str, address: &str, authority: &str) -> String {
    format!(
        r#"apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
cgroupRoot: /{cgroup}
enforceNodeAllocatable: []
failSwapOn: false
containerRuntimeEndpoint: unix://{SOCKET}
authentication: {{anonymous: {{enabled: false}}, webhook: {{enabled: true}}, x509: {{clientCAFile: {authority}}}}}
authorization: {{mode: Webhook}}
address: {address}
healthzBindAddress: 127.0.0.1
volumePluginDir: /var/lib/kubelet/volumeplugins
evictionHard: {{memory.available: "1Mi", nodefs.available: "0%", imagefs.available: "0%"}}
imageGCHighThresholdPercent: 100
nodeStatusUpdateFrequency: 2s
syncFrequency: 5s
"#
    )
}

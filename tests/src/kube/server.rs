//! etcd and kube-apiserver, each started, stopped and killed apart.

use super::pki::Pki;
use super::{SEGMENT, audit, kubectl, program};
use crate::fault::{During, Fault, Result, ensure};
use crate::netns::Netns;
use crate::proc::{Daemon, run};
use crate::topology::Topology;
use crate::wait;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// From a start to an answer; 4 s on an idle machine with two cores.
const START_LIMIT: Duration = Duration::from_secs(60);

const ETCD: &str = "http://127.0.0.1:2379";

/// What an API server has around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Around {
    /// Nothing: no controller acts on objects, no kubelet runs Pods.
    Nothing,
    /// Controllers, a scheduler and kubelets, see [`crate::cluster`]: ServiceAccounts have tokens, kubelets have the
    /// rights of their own node alone.
    Cluster,
}

/// A Kubernetes API of this test's own; its namespace keeps the ports apart from those of other tests.
#[derive(Debug)]
pub struct ApiServer {
    // Before the namespace: processes end before it goes.
    apiserver: Option<Daemon>,
    etcd: Option<Daemon>,
    pki: Pki,
    dir: PathBuf,
    around: Around,
    netns: Arc<Netns>,
}

impl ApiServer {
    /// Starts it, with nothing around it, on the management segment of both nodes, with its files below the topology's directory.
    ///
    /// # Errors
    /// When a program is missing or it does not answer within a minute, with the end of its log.
    pub fn start(topology: &Topology) -> Result<Self> {
        Self::within(Around::Nothing, topology)
    }

    /// [`ApiServer::start`] with something around it.
    ///
    /// # Errors
    /// As there.
    pub fn within(around: Around, topology: &Topology) -> Result<Self> {
        let dir = topology.dir().join("kube");
        std::fs::create_dir_all(&dir)?;
        let netns = Arc::new(Netns::new("kube")?);
        topology.attach(&netns, SEGMENT)?;
        let pki = Pki::new(&dir)?;
        std::fs::write(dir.join("tokens.csv"), kubectl::tokens(around))?;
        std::fs::write(dir.join("audit.yaml"), audit::POLICY)?;
        let mut server = Self { apiserver: None, etcd: None, pki, dir, around, netns };
        server.start_etcd()?;
        server.start_apiserver()?;
        kubectl::put_definitions(&server)?;
        Ok(server)
    }

    /// Starts kube-apiserver, at first or after [`ApiServer::kill_apiserver`], and waits until it is ready.
    ///
    /// # Errors
    /// When it ends or is not ready within a minute, with the end of its log.
    pub fn start_apiserver(&mut self) -> Result<()> {
        ensure(self.apiserver.is_none(), || "kube-apiserver is still running".to_owned())?;
        let argv = self.arguments()?;
        let argv: Vec<_> = argv.iter().map(String::as_str).collect();
        let mut daemon = self.netns.spawn("kube-apiserver", &argv, &self.dir.join("apiserver.log"))?;
        wait::until("kube-apiserver is ready", START_LIMIT, || {
            daemon.check_alive()?;
            let ready = self.kubectl(&["get", "--raw", "/readyz"]);
            ready.map_err(|fault| Fault::new(format!("{fault}; {}", daemon.log_tail())))
        })?;
        self.apiserver = Some(daemon);
        Ok(())
    }

    /// SIGKILL for kube-apiserver. What its clients see: connections reset, then refused.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_apiserver(&mut self) -> Result<()> {
        let mut daemon = self.apiserver.take().ok_or_else(|| Fault::new("no kube-apiserver to kill"))?;
        daemon.kill()
    }

    /// SIGTERM for kube-apiserver, as in an upgrade.
    ///
    /// # Errors
    /// When it does not run, or not end.
    pub fn stop_apiserver(&mut self) -> Result<()> {
        let mut daemon = self.apiserver.take().ok_or_else(|| Fault::new("no kube-apiserver to stop"))?;
        daemon.terminate().map(drop)
    }

    /// Starts etcd, at first or after [`ApiServer::kill_etcd`], with the data it had.
    ///
    /// # Errors
    /// When it ends or does not answer within a minute, with the end of its log.
    pub fn start_etcd(&mut self) -> Result<()> {
        ensure(self.etcd.is_none(), || "etcd is still running".to_owned())?;
        let data = self.file("etcd");
        let peer = "http://127.0.0.1:2380";
        let urls = ["--listen-client-urls", ETCD, "--advertise-client-urls", ETCD];
        let peers = ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer];
        let own =
            ["--data-dir", &data, "--unsafe-no-fsync", "--initial-cluster", "default=http://127.0.0.1:2380"];
        let argv = [&["etcd"], &own[..], &urls, &peers].concat();
        let mut daemon = self.netns.spawn("etcd", &argv, &self.dir.join("etcd.log"))?;
        wait::until("etcd answers", START_LIMIT, || {
            daemon.check_alive()?;
            self.etcdctl(&["endpoint", "health"])
        })?;
        self.etcd = Some(daemon);
        Ok(())
    }

    /// SIGKILL for etcd.
    ///
    /// # Errors
    /// When it does not run.
    pub fn kill_etcd(&mut self) -> Result<()> {
        let mut daemon = self.etcd.take().ok_or_else(|| Fault::new("no etcd to kill"))?;
        daemon.kill()
    }

    /// Has etcd forget all revisions but the present one: whoever asks for an older one is told 410 Gone.
    ///
    /// # Errors
    /// What etcdctl says.
    pub fn compact(&self) -> Result<()> {
        let status: serde_json::Value =
            serde_json::from_str(&self.etcdctl(&["endpoint", "status", "-w", "json"])?)?;
        let revision = status[0]["Status"]["header"]["revision"].as_u64();
        let revision = revision.ok_or_else(|| Fault::new(format!("no revision in {status}")))?;
        self.etcdctl(&["compact", &revision.to_string()]).map(drop)
    }

    /// The namespace, for whoever has to be beside it.
    #[must_use]
    pub fn netns(&self) -> &Arc<Netns> {
        &self.netns
    }

    /// The ends of both logs, for messages.
    #[must_use]
    pub fn logs(&self) -> String {
        [&self.apiserver, &self.etcd]
            .into_iter()
            .flatten()
            .map(Daemon::log_tail)
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The directory of its files.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// A file of its directory, as text for a command line.
    pub(crate) fn file(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// The authority that signed its certificate.
    pub(crate) fn authority(&self) -> String {
        self.pki.file("ca.crt")
    }

    /// The key that signs the tokens of ServiceAccounts.
    pub(crate) fn signing_key(&self) -> String {
        self.pki.file("sa.key")
    }

    /// Gives it a certificate of a new authority, which takes the place of the old one; for the next start.
    ///
    /// # Errors
    /// What openssl says.
    pub fn renew_authority(&self) -> Result<()> {
        self.pki.renew_authority()
    }

    fn etcdctl(&self, args: &[&str]) -> Result<String> {
        let enter = ["ip", "netns", "exec", self.netns.name(), "env", "ETCDCTL_API=3"];
        run(&[&enter[..], &["etcdctl", "--endpoints", ETCD], args].concat()).during("etcd")
    }

    fn arguments(&self) -> Result<Vec<String>> {
        let mut out = vec![program("kube-apiserver")?];
        let mut flag = |name: &str, value: &str| out.push(format!("--{name}={value}"));
        flag("etcd-servers", ETCD);
        flag("secure-port", "6443");
        flag("bind-address", "::");
        flag("advertise-address", "10.0.9.1");
        flag("tls-cert-file", &self.pki.file("apiserver.crt"));
        flag("tls-private-key-file", &self.pki.file("apiserver.key"));
        flag("service-account-key-file", &self.pki.file("sa.pub"));
        flag("service-account-signing-key-file", &self.pki.file("sa.key"));
        flag("service-account-issuer", "https://kubernetes.default.svc");
        flag("service-cluster-ip-range", "10.96.0.0/16,fd00:10:96::/112");
        flag("token-auth-file", &self.file("tokens.csv"));
        match self.around {
            Around::Nothing => {
                flag("authorization-mode", "RBAC");
                // It wants a ServiceAccount in every namespace, and there is no controller that makes one.
                flag("disable-admission-plugins", "ServiceAccount");
                // Deployments of gateways have a container that is.
                flag("allow-privileged", "true");
            }
            Around::Cluster => {
                flag("authorization-mode", "Node,RBAC");
                flag("enable-admission-plugins", "NodeRestriction");
                flag("allow-privileged", "true");
                flag("client-ca-file", &self.pki.file("ca.crt"));
                flag("kubelet-client-certificate", &self.pki.file("kubelet-client.crt"));
                flag("kubelet-client-key", &self.pki.file("kubelet-client.key"));
                flag("kubelet-preferred-address-types", "InternalIP");
            }
        }
        flag("audit-policy-file", &self.file("audit.yaml"));
        flag("audit-log-path", &self.file("audit.log"));
        // It checks its own certificate against this name, and looks for it on disk, unless told.
        flag("cert-dir", &self.file("certs"));
        flag("profiling", "false");
        Ok(out)
    }
}

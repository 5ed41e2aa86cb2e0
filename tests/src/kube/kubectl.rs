//! The real kubectl, kubeconfig files, and the users behind them.

use super::{ApiServer, Around, URL, program};
use crate::fault::{During, Fault, Result};
use crate::proc::run;
use crate::wait;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// May do everything.
    Admin,
    /// The ServiceAccount of the speakers on nodes; may do what a test grants.
    Node,
    /// The ServiceAccount of the speaker beside a NAT gateway; likewise.
    Gateway,
    /// The ServiceAccount of the egress controller; likewise.
    Egress,
}

impl User {
    const ALL: [Self; 4] = [Self::Admin, Self::Node, Self::Gateway, Self::Egress];

    /// The name the API server knows it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Node => "system:serviceaccount:kube-system:kube-ovn-speaker",
            Self::Gateway => "system:serviceaccount:kube-system:vpc-nat-gateway-speaker",
            Self::Egress => "system:serviceaccount:kube-system:egress",
        }
    }

    fn token(self) -> &'static str {
        match self {
            Self::Admin => "admin-token",
            Self::Node => "node-token",
            Self::Gateway => "gateway-token",
            Self::Egress => "egress-token",
        }
    }

    fn groups(self) -> &'static str {
        match self {
            Self::Admin => "system:masters",
            Self::Node | Self::Gateway | Self::Egress => {
                "system:serviceaccounts,system:serviceaccounts:kube-system"
            }
        }
    }
}

/// The programs of a cluster with kubelets: token, name, group.
const PROGRAMS: [[&str; 3]; 5] = [
    ["controllers", "system:kube-controller-manager", "lab"],
    ["scheduler", "system:kube-scheduler", "lab"],
    ["proxy", "system:kube-proxy", "lab"],
    ["kubelet-n1", "system:node:n1", "system:nodes"],
    ["kubelet-n2", "system:node:n2", "system:nodes"],
];

/// The API server's token file: static tokens, of ServiceAccounts too where no controller would sign any.
pub(super) fn tokens(around: Around) -> String {
    let line = |token: &str, name: &str, groups: &str| format!("{token},{name},{token},\"{groups}\"\n");
    let users = User::ALL.map(|user| line(user.token(), user.name(), user.groups())).concat();
    match around {
        Around::Nothing => users,
        Around::Cluster => users + &PROGRAMS.map(|[token, name, group]| line(token, name, group)).concat(),
    }
}

impl ApiServer {
    /// Runs kubectl as admin and returns what it printed.
    ///
    /// # Errors
    /// As [`run`].
    pub fn kubectl(&self, args: &[&str]) -> Result<String> {
        self.kubectl_as(User::Admin, URL, args)
    }

    /// Runs kubectl as another user, or by another way: at `url`.
    ///
    /// # Errors
    /// As [`run`].
    pub fn kubectl_as(&self, user: User, url: &str, args: &[&str]) -> Result<String> {
        let words = self.kubectl_words(user, url)?;
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        run(&[&["ip", "netns", "exec", self.netns().name()], &words[..], args].concat())
    }

    /// The start of a command line of kubectl, without the way into the namespace.
    ///
    /// # Errors
    /// When kubectl is not there.
    pub fn kubectl_words(&self, user: User, url: &str) -> Result<Vec<String>> {
        let config = self.kubeconfig(user, url)?.display().to_string();
        Ok(vec![program("kubectl")?, "--kubeconfig".into(), config, "--cache-dir".into(), self.file("cache")])
    }

    /// Makes objects of YAML, then gives those that have one their status: a create drops it.
    ///
    /// # Errors
    /// What kubectl says.
    pub fn create(&self, name: &str, objects: &[String]) -> Result<()> {
        let file = self.file(&format!("{name}.yaml"));
        std::fs::write(&file, objects.concat())?;
        self.kubectl(&["create", "-f", &file])?;
        let with_status = objects.iter().filter(|object| object.contains("\nstatus:"));
        let with_status: String = with_status.map(String::as_str).collect();
        if !with_status.is_empty() {
            std::fs::write(&file, with_status)?;
            self.kubectl(&["replace", "--subresource=status", "-f", &file])?;
        }
        Ok(())
    }

    /// Applies every file of a directory or one file, by its path from the root of the repository.
    ///
    /// # Errors
    /// What kubectl says.
    pub fn apply(&self, path: &str) -> Result<()> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        self.kubectl(&["apply", "-f", &root.join(path).display().to_string()]).map(drop)
    }

    /// Grants `user` what `deploy/` has for it.
    ///
    /// # Errors
    /// What kubectl says.
    pub fn grant(&self, user: User) -> Result<()> {
        match user {
            User::Admin => Ok(()),
            User::Node => {
                self.apply("deploy/rbac/node.yaml")?;
                self.apply("deploy/rbac/services/services.yaml")?;
                self.apply("deploy/rbac/stop/stop.yaml")
            }
            User::Gateway => self.apply("deploy/rbac/nat-gateway.yaml"),
            User::Egress => self.apply("deploy/egress/base/rbac.yaml"),
        }
    }

    /// A kubeconfig file for `user`, of the API server at `url` (its own, or a [`super::Proxy`]'s).
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn kubeconfig(&self, user: User, url: &str) -> Result<PathBuf> {
        let way = if url == URL { "direct" } else { "proxied" };
        self.write_kubeconfig(&format!("{}-{way}", user.token()), user.token(), url)
    }

    /// A kubeconfig file `name` of whoever has this token.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write_kubeconfig(&self, name: &str, token: &str, url: &str) -> Result<PathBuf> {
        let path = self.dir().join(format!("{name}.kubeconfig"));
        let ca = self.authority();
        // JSON is YAML.
        let text = format!(
            r#"{{"apiVersion": "v1", "kind": "Config", "current-context": "lab",
 "clusters": [{{"name": "lab", "cluster": {{"server": "{url}", "certificate-authority": "{ca}"}}}}],
 "users": [{{"name": "lab", "user": {{"token": "{token}"}}}}],
 "contexts": [{{"name": "lab", "context": {{"cluster": "lab", "user": "lab"}}}}]}}
"#
        );
        // Written once: another reader never meets a half-written one.
        if !path.exists() {
            std::fs::write(&path, text)?;
        }
        Ok(path)
    }
}

/// The definitions of the kubeovn.io objects, and the wait until they are served.
pub(super) fn put_definitions(server: &ApiServer) -> Result<()> {
    server.apply("deploy/crds").during("custom resource definitions")?;
    let wait = ["wait", "--for=condition=Established", "--all", "crd", "--timeout=10s"];
    server.kubectl(&wait)?;
    wait::until("custom resources are served", Duration::from_secs(10), || {
        let served =
            server.kubectl(&["get", "subnets.kubeovn.io,iptables-eips.kubeovn.io", "--ignore-not-found"]);
        served.map_err(|fault| Fault::new(format!("not yet: {fault}")))
    })?;
    Ok(())
}

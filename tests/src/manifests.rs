//! The Kubernetes objects of the interop tests, as files for `--manifests`.

use crate::fault::Result;
use std::path::{Path, PathBuf};

/// A directory of manifests that is changed the way a careful operator does: by rename.
#[derive(Debug)]
pub struct Manifests {
    dir: PathBuf,
}

/// Whether the Pod `web` asks to be announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Web {
    /// `ovn.kubernetes.io/bgp: "true"`.
    Announced,
    /// No annotation.
    Plain,
}

impl Manifests {
    /// Writes all objects into `dir`, which is made.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn new(dir: &Path) -> Result<Self> {
        let manifests = Self { dir: dir.to_owned() };
        std::fs::create_dir_all(dir)?;
        manifests.put("subnets.yaml", &subnets())?;
        manifests.put("pods.yaml", &local_pods())?;
        manifests.put("services.yaml", SERVICES)?;
        manifests.web(Web::Announced)?;
        Ok(manifests)
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Replaces the Pod `web`, which lives on n1 in a Subnet that asks for nothing.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn web(&self, web: Web) -> Result<()> {
        let bgp = if web == Web::Announced { "    ovn.kubernetes.io/bgp: \"true\"\n" } else { "" };
        self.put("web.yaml", &pod("web", "n1", "plain-sub", "10.18.0.7,fd00:10:18::7", bgp))
    }

    /// Never a half-written file: a reader sees the old one or the new one.
    fn put(&self, name: &str, text: &str) -> Result<()> {
        let draft = self.dir.with_extension("draft");
        std::fs::write(&draft, text)?;
        std::fs::rename(&draft, self.dir.join(name))?;
        Ok(())
    }
}

fn subnets() -> String {
    [
        subnet("ovn-cluster-sub", "10.16.0.0/16,fd00:10:16::/112", "    ovn.kubernetes.io/bgp: cluster\n"),
        subnet("local-sub", "10.17.0.0/16,fd00:10:17::/112", "    ovn.kubernetes.io/bgp: local\n"),
        subnet("plain-sub", "10.18.0.0/16,fd00:10:18::/112", ""),
    ]
    .concat()
}

fn subnet(name: &str, cidr: &str, bgp: &str) -> String {
    format!(
        "---
apiVersion: kubeovn.io/v1
kind: Subnet
metadata:
  name: {name}
  annotations:
    lab: interop
{bgp}spec:
  protocol: Dual
  cidrBlock: {cidr}
status:
  conditions:
  - type: Ready
    status: \"True\"
"
    )
}

/// One Pod per node in the `local` Subnet, and one that nobody asked to announce.
fn local_pods() -> String {
    [
        pod("on-n1", "n1", "local-sub", "10.17.0.5,fd00:10:17::5", ""),
        pod("on-n2", "n2", "local-sub", "10.17.0.6,fd00:10:17::6", ""),
        pod("silent", "n1", "plain-sub", "10.18.0.8,fd00:10:18::8", ""),
    ]
    .concat()
}

fn pod(name: &str, node: &str, subnet: &str, addresses: &str, bgp: &str) -> String {
    let (v4, v6) = addresses.split_once(',').unwrap_or((addresses, ""));
    format!(
        "---
apiVersion: v1
kind: Pod
metadata:
  name: {name}
  namespace: default
  annotations:
    ovn.kubernetes.io/allocated: \"true\"
    ovn.kubernetes.io/ip_address: {addresses}
    ovn.kubernetes.io/logical_switch: {subnet}
{bgp}spec:
  nodeName: {node}
  containers: []
status:
  phase: Running
  podIP: {v4}
  podIPs:
  - ip: {v4}
  - ip: {v6}
"
    )
}

const SERVICES: &str = "---
apiVersion: v1
kind: Service
metadata:
  name: shop
  namespace: default
  annotations:
    ovn.kubernetes.io/bgp: \"true\"
spec:
  type: ClusterIP
  clusterIP: 10.96.0.10
  clusterIPs: [10.96.0.10, 'fd00:10:96::a']
---
apiVersion: v1
kind: Service
metadata:
  name: silent
  namespace: default
spec:
  type: ClusterIP
  clusterIP: 10.96.0.11
  clusterIPs: [10.96.0.11, 'fd00:10:96::b']
";

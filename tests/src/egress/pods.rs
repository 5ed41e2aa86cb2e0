//! The stand-in for the scheduler, kubelet, CNI and IPAM: Pods as objects with addresses and status, and their logical
//! ports as kube-ovn-controller makes them.

use super::objects;
use super::topology::batch::{Batch, mac, map, set, texts};
use super::topology::{DEFAULT_VPC, Topology};
use crate::fault::{Fault, Result};
use serde_json::json;

/// A Pod of the namespace `default`.
#[derive(Clone, Copy, Debug)]
pub struct Pod<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it runs.
    pub node: &'a str,
    /// Its VPC.
    pub vpc: &'a str,
    /// Its subnet.
    pub subnet: &'a str,
    /// Its addresses there, with commas between.
    pub addresses: &'a str,
    /// Its addresses in the external network, with commas between; empty: it is not in it.
    pub external: &'a str,
    /// Its labels.
    pub labels: &'a [(&'a str, &'a str)],
    /// Its phase is Running; Pending otherwise.
    pub running: bool,
    /// Its condition Ready.
    pub ready: bool,
}

impl Pod<'_> {
    /// Its MAC.
    #[must_use]
    pub fn mac(&self) -> String {
        mac(self.name)
    }

    /// The path of its object.
    #[must_use]
    pub fn path(&self) -> String {
        path(self.name)
    }

    /// The name of its logical port.
    #[must_use]
    pub fn port(&self) -> String {
        format!("{}.default", self.name)
    }

    fn groups(&self) -> Vec<String> {
        if self.vpc != DEFAULT_VPC {
            return Vec::new();
        }
        let subnet = self.subnet.replace('-', ".");
        vec![format!("node.{}", self.node), format!("{subnet}.{}", self.node)]
    }
}

/// The path of a Pod's object.
#[must_use]
pub fn path(name: &str) -> String {
    format!("/api/v1/namespaces/default/pods/{name}")
}

impl Topology {
    /// Makes a Pod: first its port, then its object, as nothing starts in a cluster before it has an address.
    ///
    /// # Errors
    /// What the database or the API server says.
    pub fn pod(&self, pod: &Pod<'_>) -> Result<()> {
        self.pod_port(pod)?;
        match &self.api {
            Some(api) => api.create(&objects::pod(pod)),
            None => Ok(()),
        }
    }

    /// Only its port.
    ///
    /// # Errors
    /// What the database says.
    pub fn pod_port(&self, pod: &Pod<'_>) -> Result<()> {
        let mut batch = Batch::default();
        let addresses = format!("{} {}", pod.mac(), pod.addresses.replace(',', " "));
        let of = format!("default/{}", pod.name);
        let group = [("associated_sg_default-securitygroup", "false")];
        let group = &group[..usize::from(pod.vpc != DEFAULT_VPC)];
        let ids = [&[("ls", pod.subnet), ("pod", &of), ("vendor", "kube-ovn")][..], group].concat();
        let row = json!({"name": pod.port(), "addresses": texts(&[&addresses]), "external_ids": map(&ids)});
        let port = batch.insert("Logical_Switch_Port", row);
        batch.put(("Logical_Switch", pod.subnet), "ports", set(std::slice::from_ref(&port)));
        for group in pod.groups() {
            batch.put(("Port_Group", &group), "ports", set(std::slice::from_ref(&port)));
        }
        self.write(&batch)
    }

    /// Begins to end a Pod: its object has a deletion timestamp and stays for the grace, since no kubelet is there.
    ///
    /// # Errors
    /// What the API server says.
    pub fn terminate(&self, name: &str) -> Result<()> {
        self.api()?.delete(&path(name), 30)
    }

    /// Ends a Pod: its object goes, then its port.
    ///
    /// # Errors
    /// What the database or the API server says.
    pub fn remove(&self, pod: &Pod<'_>) -> Result<()> {
        if let Some(api) = &self.api {
            api.delete(&pod.path(), 0)?;
        }
        self.nb.ctl(&["lsp-del", &pod.port()]).map(drop)
    }

    /// Says whether a Pod is ready.
    ///
    /// # Errors
    /// What the API server says.
    pub fn pod_ready(&self, name: &str, ready: bool) -> Result<()> {
        let status = if ready { "True" } else { "False" };
        let patch = json!({"status": {"conditions": [{"type": "Ready", "status": status}]}});
        self.api()?.merge(&format!("{}/status", path(name)), &patch).map(drop)
    }

    /// Says that a Deployment is as asked for, as its controller would once the Pods are there.
    ///
    /// # Errors
    /// What the API server says, e.g. that there is none.
    pub fn deployed(&self, name: &str) -> Result<()> {
        let api = self.api()?;
        let there = api.get(&format!("/apis/apps/v1/namespaces/default/deployments/{name}"))?;
        let number = |value: &serde_json::Value| value.as_i64().unwrap_or_default();
        let generation = number(&there["metadata"]["generation"]);
        let replicas = i32::try_from(number(&there["spec"]["replicas"])).unwrap_or_default();
        api.status(&objects::deployment_done(name, generation, replicas))
    }

    pub(super) fn api(&self) -> Result<&super::api::Api> {
        self.api.as_deref().ok_or_else(|| Fault::new("a topology without API server"))
    }
}

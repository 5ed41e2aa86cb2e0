//! The default VPC: what is there before any user object.

use super::batch::{Batch, mac, map, set, texts};
use super::vpc::{Flavour, LoadBalancers, Subnet};
use super::{DEFAULT_SUBNET, DEFAULT_VPC, NODES, Node, Topology};
use crate::egress::objects;
use crate::fault::Result;
use serde_json::json;

/// Subnets of the default VPC: that of the Pods, and that between routers and nodes.
const SUBNETS: [Subnet<'static>; 2] = [
    Subnet {
        name: DEFAULT_SUBNET,
        vpc: DEFAULT_VPC,
        cidr: "10.16.0.0/16",
        gateway: "10.16.0.1",
        provider: "ovn",
        flavour: Flavour::Released,
    },
    Subnet {
        name: "join",
        vpc: DEFAULT_VPC,
        cidr: "100.64.0.0/16",
        gateway: "100.64.0.1",
        provider: "ovn",
        flavour: Flavour::Released,
    },
];

impl Topology {
    /// Nodes, the default VPC and its subnets.
    ///
    /// # Errors
    /// What the database or the API server says.
    pub fn base(&self) -> Result<()> {
        if let Some(api) = &self.api {
            NODES.iter().try_for_each(|node| api.put(&objects::node(node)))?;
            api.put(&objects::vpc(DEFAULT_VPC, None))?;
            api.status(&objects::vpc_status(DEFAULT_VPC, Some(DEFAULT_SUBNET), &["join", DEFAULT_SUBNET]))?;
            SUBNETS.iter().try_for_each(|subnet| self.subnet_objects(api, subnet))?;
        }
        let mut batch = Batch::default();
        self.router(&mut batch, DEFAULT_VPC, &["10.16.0.0/16", "100.64.0.0/16"]);
        let balancers = self.load_balancers(&mut batch, &LoadBalancers::Cluster);
        self.switch(&mut batch, &SUBNETS[0], Some(balancers));
        self.switch(&mut batch, &SUBNETS[1], None);
        let default = json!({"ip_prefix": "0.0.0.0/0", "nexthop": "100.64.0.1", "policy": "dst-ip",
            "external_ids": map(&[("vendor", "kube-ovn")])});
        let default = batch.insert("Logical_Router_Static_Route", default);
        batch.put(("Logical_Router", DEFAULT_VPC), "static_routes", set(&[default]));
        NODES.iter().for_each(|node| of_node(&mut batch, node));
        deny_all(&mut batch);
        self.write(&batch)
    }
}

fn of_node(batch: &mut Batch, node: &Node) {
    let Node { name, address, join } = node;
    let port = format!("node-{name}");
    let addresses = format!("{} {join}", mac(&port));
    let row = json!({"name": port, "addresses": texts(&[&addresses]),
        "external_ids": map(&[("ls", "join"), ("vendor", "kube-ovn")])});
    let port = batch.insert("Logical_Switch_Port", row);
    batch.put(("Logical_Switch", "join"), "ports", set(&[port]));
    let group = |group: &str, np: &str, more: &[(&str, &str)]| {
        let ids = [&[("node", *name), ("np", np), ("vendor", "kube-ovn")], more].concat();
        json!({"name": group, "external_ids": map(&ids)})
    };
    batch.insert("Port_Group", group(&format!("node.{name}"), &format!("node/{name}"), &[]));
    let np = format!("{DEFAULT_SUBNET}/{name}");
    let of_subnet = format!("ovn.default.{name}");
    batch.insert("Port_Group", group(&of_subnet, &np, &[("subnet", DEFAULT_SUBNET)]));
    let central = [("node", *name), ("subnet", DEFAULT_SUBNET), ("vendor", "kube-ovn")];
    let to_node = [("address-family", "4"), ("node", *name), ("vendor", "kube-ovn")];
    for (priority, matching, ids) in [
        (29000, format!("ip4.src == ${of_subnet}_ip4"), central),
        (30000, format!("ip4.dst == {address}"), to_node),
    ] {
        let row = json!({"priority": priority, "match": matching, "action": "reroute",
            "nexthops": texts(&[join]), "external_ids": map(&ids)});
        let policy = batch.insert("Logical_Router_Policy", row);
        batch.put(("Logical_Router", DEFAULT_VPC), "policies", set(&[policy]));
    }
}

/// The security group of ports that have been told of none.
fn deny_all(batch: &mut Batch) {
    let name = "ovn.sg.kubeovn_deny_all";
    let mut acls = Vec::new();
    for (direction, port) in [("from-lport", "inport"), ("to-lport", "outport")] {
        for family in ["ip4", "ip6"] {
            let matching = format!("{port} == @{name} && ip");
            let row = json!({"direction": direction, "priority": 2003, "match": matching, "action": "drop",
                "external_ids": map(&[("family", family)])});
            acls.push(batch.insert("ACL", row));
        }
    }
    let ids = [("sg", "kubeovn_deny_all"), ("type", "security_group"), ("vendor", "kube-ovn")];
    batch.insert("Port_Group", json!({"name": name, "acls": set(&acls), "external_ids": map(&ids)}));
}

//! Custom VPCs and their subnets; the parts are those of the default VPC too.

use super::Topology;
use super::batch::{Batch, mac, map, set, texts};
use crate::egress::api::Api;
use crate::egress::objects;
use crate::fault::Result;
use serde_json::{Value, json};

/// A custom VPC.
#[derive(Clone, Copy, Debug)]
pub struct Vpc<'a> {
    /// Its name, and that of its router.
    pub name: &'a str,
    /// The address of `spec.bfdPort`, when it is enabled.
    pub bfd_port: Option<&'a str>,
    /// The CIDRs of its subnets.
    pub cidrs: &'a [&'a str],
}

/// What a subnet of a custom VPC has beside its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// A static route by source to the subnet's own gateway, so that packets survive the routing table: as released.
    Released,
    /// No route, as when the seeds were written.
    Seed,
}

/// A subnet; several CIDRs and gateways with commas between.
#[derive(Clone, Copy, Debug)]
pub struct Subnet<'a> {
    /// Its name, and that of its switch.
    pub name: &'a str,
    /// Its VPC.
    pub vpc: &'a str,
    /// Its CIDRs.
    pub cidr: &'a str,
    /// The addresses of the router, or of the physical gateway.
    pub gateway: &'a str,
    /// `ovn`, or `NAD.NAMESPACE`: then it is not in OVN.
    pub provider: &'a str,
    /// See there.
    pub flavour: Flavour,
}

/// Whose load balancers.
pub(super) enum LoadBalancers<'a> {
    Cluster,
    Vpc(&'a str),
}

impl Topology {
    /// A custom VPC with nothing in it, in the API server and in OVN.
    ///
    /// # Errors
    /// What the database or the API server says.
    pub fn vpc(&self, vpc: &Vpc<'_>) -> Result<()> {
        if let Some(api) = &self.api {
            api.put(&objects::vpc(vpc.name, vpc.bfd_port))?;
            api.status(&objects::vpc_status(vpc.name, None, &[]))?;
        }
        let mut batch = Batch::default();
        self.router(&mut batch, vpc.name, vpc.cidrs);
        self.load_balancers(&mut batch, &LoadBalancers::Vpc(vpc.name));
        self.write(&batch)
    }

    /// A subnet of a custom VPC, or an external one.
    ///
    /// # Errors
    /// What the database or the API server says.
    pub fn subnet(&self, subnet: &Subnet<'_>) -> Result<()> {
        if let Some(api) = &self.api {
            self.subnet_objects(api, subnet)?;
        }
        if subnet.provider != "ovn" {
            return Ok(());
        }
        let mut batch = Batch::default();
        self.switch(&mut batch, subnet, None);
        if subnet.flavour == Flavour::Released {
            for (cidr, gateway) in subnet.cidr.split(',').zip(subnet.gateway.split(',')) {
                let row = json!({"ip_prefix": cidr, "nexthop": gateway, "policy": "src-ip",
                    "external_ids": map(&[("vendor", "kube-ovn")])});
                let route = batch.insert("Logical_Router_Static_Route", row);
                batch.put(("Logical_Router", subnet.vpc), "static_routes", set(&[route]));
            }
        }
        self.write(&batch)?;
        let balancers = format!("vpc-{}-", subnet.vpc);
        let all = self.nb.ctl(&["--bare", "--columns=name", "find", "Load_Balancer"])?;
        let ours: Vec<_> = all.lines().filter(|name| name.starts_with(&balancers)).collect();
        ours.iter().try_for_each(|name| self.nb.ctl(&["ls-lb-add", subnet.name, name]).map(drop))
    }

    pub(super) fn subnet_objects(&self, api: &Api, subnet: &Subnet<'_>) -> Result<()> {
        api.put(&objects::subnet(subnet))?;
        api.status(&objects::subnet_status(subnet.name))
    }

    pub(super) fn router(&self, batch: &mut Batch, vpc: &str, cidrs: &[&str]) {
        let options = [
            ("always_learn_from_arp_request", "false"),
            ("dynamic_neigh_routers", "true"),
            ("mac_binding_age_threshold", "300"),
        ];
        let ids = map(&[("vendor", "kube-ovn")]);
        batch.insert("Logical_Router", json!({"name": vpc, "options": map(&options), "external_ids": ids}));
        for (family, v6) in [("ip4", false), ("ip6", true)] {
            let name = format!("{}.u2o_overlay_cidrs.{family}", vpc.replace('-', "."));
            let addresses: Vec<_> = cidrs.iter().copied().filter(|cidr| cidr.contains(':') == v6).collect();
            let ids = [("isU2OOverlayCIDRs", "true"), ("vendor", "kube-ovn"), ("vpc", vpc)];
            let row = json!({"name": name, "addresses": texts(&addresses), "external_ids": map(&ids)});
            batch.insert("Address_Set", row);
        }
    }

    /// Makes the six of a VPC; what a switch refers to.
    pub(super) fn load_balancers(&self, batch: &mut Batch, whose: &LoadBalancers<'_>) -> Value {
        let mut out = Vec::new();
        for protocol in ["sctp", "tcp", "udp"] {
            for session in [false, true] {
                let name = match (whose, session) {
                    (LoadBalancers::Cluster, false) => format!("cluster-{protocol}-loadbalancer"),
                    (LoadBalancers::Cluster, true) => format!("cluster-{protocol}-session-loadbalancer"),
                    (LoadBalancers::Vpc(vpc), false) => format!("vpc-{vpc}-{protocol}-load"),
                    (LoadBalancers::Vpc(vpc), true) => format!("vpc-{vpc}-{protocol}-sess-load"),
                };
                let affinity = [("affinity_timeout", "10800")];
                let flush = [("ct_flush", "true")];
                let options = [
                    &affinity[..usize::from(session)],
                    &flush[..usize::from(protocol == "udp" && !session)],
                    &[("prefer_local_backend", "false")],
                ];
                let fields: &[&str] = match (session, self.newer) {
                    (false, _) => &[],
                    (true, true) => &["ip_src", "ipv6_src"],
                    (true, false) => &["ip_src"],
                };
                let api = matches!(whose, LoadBalancers::Cluster) && protocol == "tcp" && !session;
                // The Service kubernetes of the namespace default.
                let vips = [("10.96.0.1:443", "10.95.0.1:21443")];
                let row = json!({"name": name, "protocol": protocol, "options": map(&options.concat()),
                    "selection_fields": texts(fields), "vips": map(&vips[..usize::from(api)]),
                    "external_ids": map(&[("vendor", "kube-ovn")])});
                out.push(batch.insert("Load_Balancer", row));
            }
        }
        set(&out)
    }

    /// Switch and router port of a subnet, and the policies that keep traffic between subnets where it is.
    pub(super) fn switch(&self, batch: &mut Batch, subnet: &Subnet<'_>, balancers: Option<Value>) {
        let Subnet { name, vpc, .. } = *subnet;
        let (router_port, switch_port) = (format!("{vpc}-{name}"), format!("{name}-{vpc}"));
        let pairs: Vec<_> = subnet.cidr.split(',').zip(subnet.gateway.split(',')).collect();
        let network = |(cidr, gateway): &(&str, &str)| {
            format!("{gateway}/{}", cidr.rsplit('/').next().unwrap_or_default())
        };
        let networks: Vec<String> = pairs.iter().map(network).collect();
        let networks: Vec<&str> = networks.iter().map(String::as_str).collect();
        let row = json!({"name": router_port, "mac": mac(&router_port), "networks": texts(&networks),
            "external_ids": map(&[("lr", vpc), ("vendor", "kube-ovn")])});
        let port = batch.insert("Logical_Router_Port", row);
        batch.put(("Logical_Router", vpc), "ports", set(&[port]));
        let row = json!({"name": switch_port, "type": "router", "addresses": texts(&["router"]),
            "options": map(&[("router-port", &router_port)]),
            "external_ids": map(&[("ls", name), ("vendor", "kube-ovn")])});
        let port = batch.insert("Logical_Switch_Port", row);
        let row = json!({"name": name, "ports": set(&[port]), "load_balancer": balancers.unwrap_or_else(|| set(&[])),
            "external_ids": map(&[("vendor", "kube-ovn")])});
        batch.insert("Logical_Switch", row);
        for (cidr, _) in pairs {
            let family = if cidr.contains(':') { "ip6" } else { "ip4" };
            let row = json!({"priority": 31000, "match": format!("{family}.dst == {cidr}"), "action": "allow",
                "external_ids": map(&[("subnet", name), ("vendor", "kube-ovn")])});
            let policy = batch.insert("Logical_Router_Policy", row);
            batch.put(("Logical_Router", vpc), "policies", set(&[policy]));
        }
    }
}

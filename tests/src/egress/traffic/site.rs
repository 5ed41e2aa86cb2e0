//! A VPC with two subnets, each with a client, and gateways to the network outside; on one chassis.
//!
//! ```text
//!   client ─ subnet1 (masqueraded) ─┬─ router of the VPC
//!   plain  ─ subnet2 (not)         ─┘        │ ECMP
//!                                  eth0 gw-1, gw-2, … net1 ── outside
//! ```

use super::gateway::{Environment, Gateway, plug};
use super::outside::{Outside, ROUTER};
use crate::egress::northbound::Nb;
use crate::egress::pods::Pod;
use crate::egress::topology::{DEFAULT_VPC, Flavour, Subnet, Topology, Vpc};
use crate::fault::{Fault, Result};
use crate::netns::Netns;
use crate::ovn::Ovn;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// The name of the one node and chassis.
pub const NODE: &str = "node1";

/// Where BFD of the VPC comes from.
pub const BFD_PORT: [&str; 2] = ["10.255.255.255", "fd00:8:ff::1"];

/// CIDRs of the subnet whose sources are masqueraded, and of the one whose are not.
pub const CIDRS: [[&str; 2]; 2] = [["192.168.0.0/24", "fd00:8::/64"], ["192.168.1.0/24", "fd00:9::/64"]];

/// The router in them.
const GATEWAYS: [[&str; 2]; 2] = [["192.168.0.1", "fd00:8::1"], ["192.168.1.1", "fd00:9::1"]];

/// Which rows carry the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Policies in the default VPC.
    Default,
    /// Static routes by source in a custom VPC.
    Static,
    /// Policies in a custom VPC.
    Policy,
}

impl Form {
    /// The VPC.
    #[must_use]
    pub fn vpc(self) -> &'static str {
        if self == Self::Default { DEFAULT_VPC } else { "vpc1" }
    }

    /// Whether subnets bring routes by source of their own: without, packets that only policies route would have no route.
    fn flavour(self) -> Flavour {
        if self == Self::Static { Flavour::Seed } else { Flavour::Released }
    }
}

/// What is there before any gateway. Fields drop in this order.
#[derive(Debug)]
pub struct Site {
    /// In the subnet that is masqueraded.
    pub client: Arc<Netns>,
    /// In the other one.
    pub plain: Arc<Netns>,
    /// Outside.
    pub outside: Outside,
    /// The stand-in for kube-ovn-controller.
    pub topology: Topology,
    /// A whole OVN.
    pub ovn: Ovn,
    form: Form,
}

impl Site {
    /// Makes it; `api` puts objects into an API server, too.
    ///
    /// # Errors
    /// When something does not come up.
    pub fn start(form: Form, api: Option<Arc<crate::egress::api::Api>>, dir: &Path) -> Result<Self> {
        let ovn = Ovn::start_as(NODE, &Arc::new(Netns::new("ovn")?), &dir.join("ovn"))?;
        let topology = Topology::new(Nb::at(ovn.northbound()), api, false);
        topology.base()?;
        if form != Form::Default {
            let cidrs = CIDRS.concat();
            let bfd_port = BFD_PORT.join(",");
            topology.vpc(&Vpc { name: form.vpc(), bfd_port: Some(&bfd_port), cidrs: &cidrs })?;
        }
        for (name, (cidr, gateway)) in ["subnet1", "subnet2"].iter().zip(CIDRS.iter().zip(GATEWAYS)) {
            let (cidr, gateway) = (cidr.join(","), gateway.join(","));
            let (vpc, flavour) = (form.vpc(), form.flavour());
            topology.subnet(&Subnet {
                name,
                vpc,
                cidr: &cidr,
                gateway: &gateway,
                provider: "ovn",
                flavour,
            })?;
        }
        let [client, plain] = [client(&ovn, &topology, form, 0)?, client(&ovn, &topology, form, 1)?];
        Ok(Self { client, plain, outside: Outside::start()?, topology, ovn, form })
    }

    /// Makes gateway `number` (1 to 9): its Pod, and what runs in it.
    ///
    /// # Errors
    /// When something does not come up.
    pub fn gateway(&self, number: u8, environment: &Environment, dir: &Path) -> Result<Gateway> {
        let (name, labels) = (format!("gw-{number}"), LABELS);
        let (addresses, external) = (internal(number), external(number));
        let pod = self.pod(&name, &addresses, &external, &labels);
        self.topology.pod(&pod)?;
        Gateway::start(&self.ovn, &self.outside, &pod, environment, &dir.join(&name))
    }

    fn pod<'a>(
        &self,
        name: &'a str,
        addresses: &'a str,
        external: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> Pod<'a> {
        let vpc = self.form.vpc();
        Pod {
            name,
            node: NODE,
            vpc,
            subnet: "subnet1",
            addresses,
            external,
            labels,
            running: true,
            ready: true,
        }
    }

    /// Which form its rows have.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// The databases and logs, for messages.
    #[must_use]
    pub fn state(&self) -> String {
        let router = self.form.vpc();
        let shown = [["lr-route-list", router], ["lr-policy-list", router], ["list", "BFD"]];
        let shown = shown.map(|ask| self.ovn.nbctl(&ask).unwrap_or_else(|fault| fault.to_string()));
        format!("{}\n{}", self.ovn.state(), shown.join("\n"))
    }
}

/// What a Deployment of the gateway puts on its Pods.
pub const LABELS: [(&str, &str); 2] =
    [("app", "vpc-egress-gateway"), ("ovn.kubernetes.io/vpc-egress-gateway", "gateway2")];

/// The addresses of gateway `number` in the VPC.
#[must_use]
pub fn internal(number: u8) -> String {
    format!("192.168.0.{0},fd00:8::{0}", number + 1)
}

/// Its addresses outside.
#[must_use]
pub fn external(number: u8) -> String {
    format!("172.17.0.{0},fd00:17::{0}", number + 10)
}

fn client(ovn: &Ovn, topology: &Topology, form: Form, subnet: usize) -> Result<Arc<Netns>> {
    let [name, of] = [["client", "subnet1"], ["plain", "subnet2"]][subnet];
    let addresses = ["192.168.0.100,fd00:8::100", "192.168.1.100,fd00:9::100"][subnet];
    let vpc = form.vpc();
    let pod = Pod {
        name,
        node: NODE,
        vpc,
        subnet: of,
        addresses,
        external: "",
        labels: &[],
        running: true,
        ready: true,
    };
    topology.pod(&pod)?;
    let netns = plug(ovn, &pod)?;
    for (family, gateway) in ["-4", "-6"].iter().zip(GATEWAYS[subnet]) {
        netns.ip(&[family, "route", "add", "default", "via", gateway])?;
    }
    Ok(netns)
}

/// What the containers of gateway `number` are told where no Deployment says so.
#[must_use]
pub fn by_hand(number: u8) -> Environment {
    let mut nat = Vec::new();
    for (index, family) in ["IPV4", "IPV6"].iter().enumerate() {
        nat.push(format!("INTERNAL_GATEWAY_{family}={}", GATEWAYS[0][index]));
        nat.push(format!("EXTERNAL_GATEWAY_{family}={}", ROUTER[index]));
        nat.push(format!("SNAT_SOURCES_{family}={}", CIDRS[0][index]));
        nat.push(format!("NO_SNAT_SOURCES_{family}={}", CIDRS[1][index]));
    }
    let addresses = [format!("POD_IPS={}", internal(number)), format!("BFD_PEER_IPS={}", BFD_PORT.join(","))];
    let timers = ["BFD_MIN_TX=100", "BFD_MIN_RX=100", "BFD_MULTI=3"].map(str::to_owned);
    Environment { nat, bfd: [&addresses[..], &timers].concat() }
}

/// The gateway that has this address outside.
///
/// # Errors
/// When none of nine has.
pub fn number_of(address: IpAddr) -> Result<u8> {
    let text = address.to_string();
    let has = |number: &u8| external(*number).split(',').any(|one| one == text);
    (1..=9).find(has).ok_or_else(|| Fault::new(format!("{address} is no gateway's")))
}

//! The smallest network of a VPC: a router, a subnet in both families, hosts on it, and the port that BFD comes from.
//!
//! ```text
//!   host 192.168.0.x fd00:8::x ── subnet1 ── .1 vpc1 ── bfd@vpc1 10.255.255.255 fd00:8:ff::1 ── (switch bfd, nobody)
//! ```

use super::switch::Switch;
use super::{CHASSIS, Ovn};
use crate::fault::{During, Result};
use crate::netns::Netns;
use std::sync::Arc;

/// The addresses BFD of the VPC comes from, as Kube-OVN's `spec.bfdPort` would give them.
pub const BFD_PORT: [&str; 2] = ["10.255.255.255", "fd00:8:ff::1"];

impl Ovn {
    /// Makes router and subnet, nothing for BFD.
    ///
    /// # Errors
    /// What `ovn-nbctl` says.
    pub fn make_router(&self) -> Result<()> {
        self.nbctl(&["lr-add", "vpc1", "--", "ls-add", "subnet1"])?;
        let gateway = ["192.168.0.1/24", "fd00:8::1/64"];
        self.router_port("vpc1-subnet1", "subnet1", "02:00:00:00:00:01", gateway)
    }

    /// Makes router, subnet and the port of BFD.
    ///
    /// The switch behind that port is there because ovn-controller sends nothing from a router port without a peer, and
    /// asks for multicast listeners once an hour, as its packet thread, which also sends BFD, may otherwise fall asleep.
    ///
    /// # Errors
    /// What `ovn-nbctl` says.
    pub fn make_vpc(&self) -> Result<()> {
        self.make_router()?;
        self.nbctl(&["ls-add", "bfd"])?;
        let bfd = ["10.255.255.255/32", "fd00:8:ff::1/128"];
        self.router_port("bfd@vpc1", "bfd", "02:00:00:00:00:02", bfd)?;
        self.nbctl(&["lrp-set-gateway-chassis", "bfd@vpc1", CHASSIS])?;
        let querier = ["mcast_snoop=true", "mcast_querier=true", "mcast_query_interval=3600"];
        let sender = ["mcast_eth_src=02:00:00:00:00:03", "mcast_ip4_src=10.255.255.254"];
        let settings = [&querier[..], &sender].concat();
        let settings: Vec<String> = settings.iter().map(|pair| format!("other_config:{pair}")).collect();
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        self.nbctl(&[&["set", "Logical_Switch", "bfd"], &settings[..]].concat())?;
        Ok(())
    }

    pub(super) fn router_port(&self, port: &str, switch: &str, mac: &str, [v4, v6]: [&str; 2]) -> Result<()> {
        let (peer, options) = (format!("{switch}-vpc1"), format!("router-port={port}"));
        let words = [
            &["lrp-add", "vpc1", port, mac, v4, v6, "--", "lsp-add", switch, &peer][..],
            &["--", "lsp-set-type", &peer, "router", "--", "lsp-set-addresses", &peer, "router"],
            &["--", "lsp-set-options", &peer, &options],
        ];
        self.nbctl(&words.concat()).during(format_args!("router port {port}"))?;
        Ok(())
    }

    /// Makes a host on the subnet: a namespace with `eth0` at 192.168.0.`number` and fd00:8::`number`.
    ///
    /// # Errors
    /// When a command fails.
    pub fn host(&self, name: &str, number: u8) -> Result<Arc<Netns>> {
        self.host_on(self.switch(), name, number)
    }

    /// As [`Ovn::host`], on the chassis that has this switch.
    ///
    /// # Errors
    /// When a command fails.
    pub fn host_on(&self, switch: &Switch, name: &str, number: u8) -> Result<Arc<Netns>> {
        let host = Arc::new(Netns::new(name)?);
        let mac = format!("02:00:00:00:01:{number:02x}");
        let (v4, v6) = (format!("192.168.0.{number}"), format!("fd00:8::{number}"));
        self.nbctl(&[
            "lsp-add",
            "subnet1",
            name,
            "--",
            "lsp-set-addresses",
            name,
            &format!("{mac} {v4} {v6}"),
        ])?;
        switch.plug("br-int", name, &host)?;
        host.ip(&["link", "set", "eth0", "address", &mac])?;
        host.ip(&["address", "add", &format!("{v4}/24"), "dev", "eth0"])?;
        host.ip(&["address", "add", &format!("{v6}/64"), "dev", "eth0", "nodad"])?;
        host.ip(&["route", "add", "default", "via", "192.168.0.1"])?;
        host.ip(&["-6", "route", "add", "default", "via", "fd00:8::1"])?;
        let id = format!("external_ids:iface-id={name}");
        switch.vsctl(&["set", "Interface", name, &id])?;
        Ok(host)
    }
}

//! Further chassis of an OVN, each in a namespace, with Geneve between them, and BFD ports pinned to one chassis each.
//!
//! ```text
//!   chassis1 br-phy 10.77.0.11 ──┐
//!   chassis2 br-phy 10.77.0.12 ──┼── a bridge in a namespace of its own
//!   chassis3 br-phy 10.77.0.13 ──┘
//! ```

use super::bfd::{Timers, columns};
use super::switch::{Place, Switch};
use super::{Ovn, START_LIMIT};
use crate::fault::{Fault, Result, ensure};
use crate::netns::Netns;
use crate::proc::{Daemon, run};
use crate::wait;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// The table of routes that only keep BFD sessions awake: no port of the router uses it.
pub const ANCHORS: &str = "egress-anchor";

/// A chassis beside the first. Fields drop in this order.
#[derive(Debug)]
struct Chassis {
    controller: Daemon,
    switch: Switch,
}

/// The chassis beside the first, and the network between all of them.
#[derive(Debug)]
pub struct Fabric {
    others: Vec<Chassis>,
    _hub: Netns,
}

impl Fabric {
    /// Adds `chassis2` to `chassis<count>` to an OVN, with their files below `dir`.
    ///
    /// # Errors
    /// When one does not answer within 10 s, or a command fails.
    pub fn around(ovn: &Ovn, count: u8, dir: &Path) -> Result<Self> {
        let hub = Netns::new("hub")?;
        hub.ip(&["link", "add", "br0", "type", "bridge"])?;
        hub.ip(&["link", "set", "br0", "up"])?;
        cable(ovn.switch(), &ovn.place.netns, &hub, 1)?;
        let others = (2..=count).map(|number| Chassis::start(ovn, &hub, number, dir));
        let others = others.collect::<Result<Vec<_>>>()?;
        Ok(Self { others, _hub: hub })
    }

    /// The switch of chassis `number`, from 2.
    ///
    /// # Errors
    /// When there is no such chassis.
    pub fn switch(&self, number: u8) -> Result<&Switch> {
        let chassis = usize::from(number).checked_sub(2).and_then(|index| self.others.get(index));
        chassis.map(|chassis| &chassis.switch).ok_or_else(|| Fault::new(format!("no chassis {number}")))
    }

    /// Ends everything of chassis `number` as a crash does; its namespaces stay.
    ///
    /// # Errors
    /// When there is no such chassis, or it is dead already.
    pub fn crash(&mut self, number: u8) -> Result<()> {
        let chassis = usize::from(number).checked_sub(2).and_then(|index| self.others.get_mut(index));
        let chassis = chassis.ok_or_else(|| Fault::new(format!("no chassis {number}")))?;
        chassis.controller.kill()?;
        chassis.switch.kill_daemon()
    }
}

impl Chassis {
    fn start(ovn: &Ovn, hub: &Netns, number: u8, dir: &Path) -> Result<Self> {
        let name = format!("chassis{number}");
        let netns = Arc::new(Netns::new(&name)?);
        let place = Place::new(&netns, &dir.join(&name))?;
        let switch = Switch::in_place(place.clone())?;
        let southbound = format!("external-ids:ovn-remote={}", ovn.place.remote("sb.sock"));
        let id = format!("external-ids:system-id={name}");
        let datapath = "external-ids:ovn-bridge-datapath-type=netdev";
        switch.vsctl(&["set", "Open_vSwitch", ".", &id, &southbound, datapath])?;
        cable(&switch, &netns, hub, number)?;
        let mut controller = place.spawn("controller", &["ovn-controller", &place.remote("db.sock")])?;
        wait::until(&format!("{name} joins"), START_LIMIT, || {
            controller.check_alive()?;
            switch.vsctl(&["br-exists", "br-int"])?;
            let row = ovn.sbctl(&["--bare", "--columns=name", "find", "Chassis", &format!("name={name}")])?;
            ensure(row.trim() == name, || format!("no {name}: {}", controller.log_tail()))
        })?;
        Ok(Self { controller, switch })
    }
}

/// Puts a chassis on the bridge between them. The userspace datapath sends Geneve by itself and wants the tunnel's
/// address on the bridge that has the link; what it reads from the link the kernel must not see a second time.
fn cable(switch: &Switch, netns: &Netns, hub: &Netns, number: u8) -> Result<()> {
    let port = format!("phy{number}");
    netns.ip(&["link", "add", "phy", "type", "veth", "peer", "name", &port, "netns", hub.name()])?;
    netns.ip(&["link", "set", "phy", "up"])?;
    hub.ip(&["link", "set", &port, "master", "br0", "up"])?;
    netns.exec(&["ethtool", "-K", "phy", "tx", "off"])?;
    hub.exec(&["ethtool", "-K", &port, "tx", "off"])?;
    for tables in ["iptables", "ip6tables"] {
        netns.exec(&[tables, "-t", "raw", "-I", "PREROUTING", "-i", "phy", "-j", "DROP"])?;
    }
    let mac = format!("other-config:hwaddr=02:00:00:00:77:{number:02x}");
    let bridge = ["add-br", "br-phy", "--", "set", "Bridge", "br-phy", "datapath_type=netdev", &mac];
    switch.vsctl(&[&bridge[..], &["--", "add-port", "br-phy", "phy"]].concat())?;
    let address = format!("10.77.0.{}", 10 + number);
    netns.ip(&["address", "add", &format!("{address}/24"), "dev", "br-phy"])?;
    netns.ip(&["link", "set", "br-phy", "up"])?;
    let tunnel = format!("external-ids:ovn-encap-ip={address}");
    switch.vsctl(&["set", "Open_vSwitch", ".", "external-ids:ovn-encap-type=geneve", &tunnel]).map(drop)
}

/// The name of the BFD port of chassis `number` on `vpc1`: the first is the home.
#[must_use]
pub fn bfd_port(number: u8) -> String {
    if number == 1 { "bfd@vpc1".to_owned() } else { format!("bfd@vpc1@chassis{number}") }
}

impl Ovn {
    /// Makes a BFD port of `vpc1` that only chassis `number` serves: the router port with these addresses, written as they
    /// are, an HA chassis group of one, and the peer switch with its multicast querier (see [`Ovn::make_vpc`]).
    ///
    /// # Errors
    /// What `ovn-nbctl` says.
    pub fn pin_bfd_port(&self, number: u8, networks: [&str; 2]) -> Result<()> {
        let (port, mac) = (bfd_port(number), format!("02:00:00:00:0b:{number:02x}"));
        let chassis = if number == 1 { self.chassis.to_owned() } else { format!("chassis{number}") };
        self.nbctl(&["ls-add", &port])?;
        self.router_port(&port, &port, &mac, networks)?;
        let querier = ["mcast_snoop=true", "mcast_querier=true", "mcast_query_interval=3600"];
        let sender = [&format!("mcast_eth_src={mac}"), "mcast_ip4_src=10.255.255.254"];
        let settings = [&querier[..], &sender].concat();
        let settings: Vec<String> = settings.iter().map(|pair| format!("other_config:{pair}")).collect();
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        self.nbctl(&[&["set", "Logical_Switch", &port], &settings[..]].concat())?;
        let group = ["ha-chassis-group-add", &port, "--", "ha-chassis-group-add-chassis", &port];
        self.nbctl(&[&group[..], &[&chassis, "100"]].concat())?;
        let row = self.row("HA_Chassis_Group", &format!("name=\"{port}\""))?;
        self.nbctl(&["set", "Logical_Router_Port", &port, &format!("ha_chassis_group={row}")]).map(drop)
    }

    /// Has the BFD port of chassis `number` speak with a gateway there. The route that keeps the session awake is in a
    /// table that no port uses, so it forwards nothing.
    ///
    /// # Errors
    /// What `ovn-nbctl` says.
    pub fn anchor(&self, number: u8, gateway: &str, timers: Timers) -> Result<()> {
        let (port, to) = (format!("logical_port=\"{}\"", bfd_port(number)), format!("dst_ip=\"{gateway}\""));
        let [tx, rx, multiplier] = columns(timers);
        let row = self.nbctl(&["create", "BFD", &port, &to, &tx, &rx, &multiplier])?;
        let (session, table) = (format!("--bfd={}", row.trim()), format!("--route-table={ANCHORS}"));
        self.nbctl(&[&session, &table, "lr-route-add", "vpc1", gateway, gateway]).map(drop)
    }

    /// Turns ovn-controller's main loop, which else shows a session up to 5 s late that a packet brought up.
    ///
    /// # Errors
    /// What `ovn-nbctl` says.
    pub fn nudge(&self) -> Result<()> {
        let count = self.nbctl(&["--bare", "get", "NB_Global", ".", "nb_cfg"])?;
        let count: u64 = count.trim().parse().map_err(|_| Fault::new(format!("nb_cfg is {count:?}")))?;
        self.nbctl(&["set", "NB_Global", ".", &format!("nb_cfg={}", count + 1)]).map(drop)
    }

    /// Makes a port of `vpc1` whose row has this UUID, which OVSDB lets a client choose.
    ///
    /// # Errors
    /// What the database says.
    pub fn add_router_port(&self, name: &str, uuid: &str, mac: &str, networks: &[&str]) -> Result<()> {
        let row = json!({"name": name, "mac": mac, "networks": ["set", networks]});
        let port = json!({"op": "insert", "table": "Logical_Router_Port", "uuid": uuid, "row": row});
        let into = json!([["ports", "insert", ["uuid", uuid]]]);
        let which = json!([["name", "==", "vpc1"]]);
        let router = json!({"op": "mutate", "table": "Logical_Router", "where": which, "mutations": into});
        let ask = json!(["OVN_Northbound", port, router]).to_string();
        let said = run(&["ovsdb-client", "transact", &self.northbound(), &ask])?;
        ensure(!said.contains("error"), || format!("{name}: {said}"))
    }
}

//! A load balancer on a router that has a BFD port beside its ordinary gateway port, in stock OVN: it is served by the
//! port whose row has the lowest UUID, and a client of OVSDB may choose the UUID of what it inserts (`docs/egress-bfd.md`).

use std::sync::Arc;
use std::time::Duration;
use tests::egress::traffic::server::{PORT, Server, ask};
use tests::fault::{During, Fault, Result, ensure};
use tests::netns::Netns;
use tests::ovn::chassis::{Fabric, bfd_port};
use tests::ovn::{CHASSIS, Ovn};
use tests::wait;

const LIMIT: Duration = Duration::from_secs(15);
/// As long as a wrong state is watched.
const SPAN: Duration = Duration::from_secs(3);
const BFD: [&str; 2] = ["10.255.255.255", "fd00:8:ff::1"];
const VIP: &str = "172.17.0.9";
/// Of the ordinary port, and of a BFD port before and after it.
const ORDINARY: &str = "80000000-0000-4000-8000-000000000001";
const LOW: &str = "70000000-0000-4000-8000-000000000001";
const HIGH: &str = "ffffffff-0000-4000-8000-000000000001";

/// The first chassis has the gateway port and a client outside; the BFD port is pinned to the second.
struct Lab {
    outside: Arc<Netns>,
    _server: Server,
    _inside: Arc<Netns>,
    _fabric: Fabric,
    ovn: Ovn,
    _dir: tempfile::TempDir,
}

impl Lab {
    fn start() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let ovn = Ovn::start(&Arc::new(Netns::new("ovn")?), &dir.path().join("ovn"))?;
        let fabric = Fabric::around(&ovn, 2, dir.path())?;
        ovn.make_router()?;
        let inside = ovn.host_on(fabric.switch(2)?, "inside", 10)?;
        let server = Server::start(&inside, "inside", &["192.168.0.10".parse()?])?;
        ovn.add_router_port("ext-vpc1", ORDINARY, "02:00:00:00:0e:01", &["172.17.0.1/16"])?;
        ovn.nbctl(&["lrp-set-gateway-chassis", "ext-vpc1", CHASSIS, "--", "ls-add", "ext"])?;
        let join = ["lsp-add", "ext", "ext-router", "--", "lsp-set-type", "ext-router", "router"];
        let peer = ["--", "lsp-set-addresses", "ext-router", "router"];
        let to = ["--", "lsp-set-options", "ext-router", "router-port=ext-vpc1"];
        ovn.nbctl(&[&join[..], &peer, &to].concat())?;
        let outside = outside(&ovn)?;
        let backend = format!("192.168.0.10:{PORT}");
        ovn.nbctl(&[
            "lb-add",
            "lb1",
            &format!("{VIP}:{PORT}"),
            &backend,
            "tcp",
            "--",
            "lr-lb-add",
            "vpc1",
            "lb1",
        ])?;
        Ok(Self { outside, _server: server, _inside: inside, _fabric: fabric, ovn, _dir: dir })
    }

    fn balances(&self) -> Result<()> {
        let seen = ask(&self.outside, VIP.parse()?)?;
        ensure(seen.server == "inside", || format!("{seen:?}"))
    }

    /// The router has a BFD port, pinned to the other chassis, whose row has this UUID.
    fn pin(&self, uuid: &str) -> Result<()> {
        let name = bfd_port(2);
        self.ovn.nbctl(&["--if-exists", "lrp-del", &name])?;
        self.ovn.add_router_port(&name, uuid, "02:00:00:00:0b:02", &BFD)?;
        let group = self.ovn.nbctl(&["--bare", "--columns=_uuid", "find", "HA_Chassis_Group"])?;
        self.ovn
            .nbctl(&["set", "Logical_Router_Port", &name, &format!("ha_chassis_group={}", group.trim())])
            .map(drop)
    }
}

fn outside(ovn: &Ovn) -> Result<Arc<Netns>> {
    let (host, mac) = (Arc::new(Netns::new("outside")?), "02:00:00:00:0e:02");
    ovn.nbctl(&[
        "lsp-add",
        "ext",
        "outside",
        "--",
        "lsp-set-addresses",
        "outside",
        &format!("{mac} 172.17.0.50"),
    ])?;
    ovn.switch().plug("br-int", "outside", &host)?;
    host.ip(&["link", "set", "eth0", "address", mac])?;
    host.ip(&["address", "add", "172.17.0.50/16", "dev", "eth0"])?;
    host.ip(&["route", "add", "192.168.0.0/24", "via", "172.17.0.1"])?;
    ovn.switch().vsctl(&["set", "Interface", "outside", "external_ids:iface-id=outside"])?;
    Ok(host)
}

fn collide(lab: &Lab) -> Result<()> {
    wait::until("without a BFD port", LIMIT, || lab.balances())?;
    lab.ovn.nbctl(&[
        "ha-chassis-group-add",
        "g",
        "--",
        "ha-chassis-group-add-chassis",
        "g",
        "chassis2",
        "100",
    ])?;
    lab.pin(LOW)?;
    wait::until("a BFD port with a low UUID takes the load balancer", LIMIT, || {
        ensure(lab.balances().is_err(), || "it still balances".to_owned())
    })?;
    wait::stays("and keeps it", SPAN, || ensure(lab.balances().is_err(), || "it balances".to_owned()))?;
    lab.pin(HIGH)?;
    wait::until("with a high UUID it leaves it alone", LIMIT, || lab.balances())?;
    wait::stays("and goes on to", SPAN, || lab.balances().during("the high UUID"))
}

#[test]
fn a_load_balancer_is_served_by_the_gateway_port_of_the_lowest_uuid() {
    let lab = Lab::start().unwrap();
    collide(&lab).map_err(|fault| Fault::new(format!("{fault}\n{}", lab.ovn.state()))).unwrap();
}

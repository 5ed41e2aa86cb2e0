//! BFD ports on three chassis of a stock OVN: one for each, pinned there, all with the same address (`docs/egress-bfd.md`).
//! The gateways run the real sidecar.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tests::egress::traffic::server::{Server, ask_often};
use tests::fault::{During, Fault, Result, ensure};
use tests::netns::Netns;
use tests::ovn::Ovn;
use tests::ovn::bfd::Timers;
use tests::ovn::chassis::Fabric;
use tests::sidecar::Sidecar;
use tests::wait;

const LIMIT: Duration = Duration::from_secs(15);
/// Detection is 0.3 s.
const DETECTION: Duration = Duration::from_secs(3);
const TIMERS: Timers = Timers { min_tx: 100, min_rx: 100, multiplier: 3 };
/// As kube-ovn writes them: without a mask.
const PORT: [&str; 2] = ["10.255.255.255", "fd00:8:ff::1"];
const SERVER: [&str; 2] = ["203.0.113.1", "2001:db8:9::1"];
const CHASSIS: [u8; 3] = [1, 2, 3];

/// A gateway on each chassis, which is also the server that its share of the traffic reaches.
struct Gateway {
    addresses: [String; 2],
    sidecar: Sidecar,
    _server: Server,
    netns: Arc<Netns>,
}

struct Lab {
    gateways: Vec<Gateway>,
    client: Arc<Netns>,
    fabric: Fabric,
    ovn: Ovn,
    dir: tempfile::TempDir,
}

impl Lab {
    fn start() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let ovn = Ovn::start(&Arc::new(Netns::new("ovn")?), &dir.path().join("ovn"))?;
        let fabric = Fabric::around(&ovn, 3, dir.path())?;
        ovn.make_router()?;
        let client = ovn.host("client", 100)?;
        let mut gateways = Vec::new();
        for number in CHASSIS {
            ovn.pin_bfd_port(number, PORT)?;
            gateways.push(gateway(&ovn, &fabric, number, &dir)?);
        }
        Ok(Self { gateways, client, fabric, ovn, dir })
    }

    /// The sessions with these gateways are up, the other ones not; waits as long as `limit`.
    fn up(&self, alive: &[u8], limit: Duration) -> Result<Duration> {
        let (_, took) = wait::until(&format!("{alive:?} up, no other"), limit, || {
            for (number, gateway) in CHASSIS.iter().zip(&self.gateways) {
                for address in &gateway.addresses {
                    if alive.contains(number) {
                        self.ovn.bfd_is(address, "up")?;
                    } else {
                        self.ovn.bfd_is_not_up(address)?;
                    }
                }
            }
            Ok(())
        })?;
        Ok(took)
    }

    /// Traffic of the client by ECMP policies, one of each family.
    fn route(&self) -> Result<()> {
        for (family, at) in ["ip4", "ip6"].iter().zip([0, 1]) {
            let hops = self.gateways.iter().map(|gateway| gateway.addresses[at].as_str());
            let hops = hops.collect::<Vec<_>>().join(",");
            let client = ["192.168.0.100", "fd00:8::100"][at];
            let matching = format!("{family}.src == {client}");
            self.ovn.nbctl(&["lr-policy-add", "vpc1", "29100", &matching, "reroute", &hops])?;
            // A server that no route leads to is dropped before policies are asked.
            let beyond = ["0.0.0.0/0", "::/0"][at];
            self.ovn.nbctl(&["lr-route-add", "vpc1", beyond, &self.gateways[0].addresses[at]])?;
        }
        Ok(())
    }
}

fn gateway(ovn: &Ovn, fabric: &Fabric, number: u8, dir: &tempfile::TempDir) -> Result<Gateway> {
    let switch = if number == 1 { ovn.switch() } else { fabric.switch(number)? };
    let name = format!("gw{number}");
    let netns = ovn.host_on(switch, &name, 10 + number)?;
    let addresses = [format!("192.168.0.{}", 10 + number), format!("fd00:8::{}", 10 + number)];
    for address in SERVER {
        let at_once = &["nodad"][..usize::from(address.contains(':'))];
        netns.ip(&[&["address", "add", address, "dev", "lo"], at_once].concat())?;
    }
    let at =
        SERVER.iter().map(|address| address.parse::<IpAddr>()).collect::<std::result::Result<Vec<_>, _>>()?;
    let server = Server::start(&netns, &name, &at)?;
    let sidecar = start(&netns, &addresses, &dir.path().join(&name))?;
    addresses.iter().try_for_each(|address| ovn.anchor(number, address, TIMERS))?;
    Ok(Gateway { addresses, sidecar, _server: server, netns })
}

fn start(netns: &Arc<Netns>, addresses: &[String; 2], dir: &std::path::Path) -> Result<Sidecar> {
    let (ours, theirs) =
        (format!("POD_IPS={}", addresses.join(",")), format!("BFD_PEER_IPS={}", PORT.join(",")));
    Sidecar::start(netns, dir, &[&ours, &theirs, "BFD_MIN_TX=100", "BFD_MIN_RX=100", "BFD_MULTI=3"])
}

/// Each gateway dies once; only its own sessions go down, within the detection time, and come up again.
fn one_after_the_other(lab: &mut Lab) -> Result<()> {
    lab.up(&CHASSIS, LIMIT)?;
    for (index, number) in CHASSIS.into_iter().enumerate() {
        lab.gateways[index].sidecar.kill()?;
        let others: Vec<u8> = CHASSIS.into_iter().filter(|other| *other != number).collect();
        let down = lab.up(&others, DETECTION).during(format_args!("gateway {number} is dead"))?;
        let gateway = &lab.gateways[index];
        let again = start(&gateway.netns, &gateway.addresses, &lab.dir.path().join(format!("gw{number}")))?;
        lab.gateways[index].sidecar = again;
        wait::until("the sidecar is up", LIMIT, || lab.gateways[index].sidecar.shows(2, "Up"))?;
        lab.ovn.nudge()?;
        let up = lab.up(&CHASSIS, LIMIT).during(format_args!("gateway {number} is back"))?;
        println!("gateway {number}: down after {down:?}, up {up:?} after the nudge");
    }
    Ok(())
}

/// Flows of TCP, each from a port of its own, are spread over all three, also from a chassis far from them.
fn spread(lab: &Lab) -> Result<()> {
    lab.route()?;
    for server in SERVER {
        let server = server.parse()?;
        wait::until("the way out", LIMIT, || ask_often(&lab.client, server, 1))?;
        let seen = ask_often(&lab.client, server, 60)?;
        println!("{server}: {seen:?}");
        ensure(seen.len() == 3, || format!("not three gateways: {seen:?}"))?;
    }
    Ok(())
}

/// Nobody is left to say that its sessions are down: what the loop must know of nodes.
fn stale(lab: &mut Lab) -> Result<()> {
    lab.fabric.crash(3)?;
    wait::stays("the row of a gateway on a dead chassis stays up", DETECTION, || {
        lab.up(&CHASSIS, Duration::ZERO).map(drop)
    })
}

fn with_state<T>(outcome: Result<T>, lab: &Lab) -> Result<T> {
    outcome.map_err(|fault| {
        let sidecars = lab.gateways.iter().map(|gateway| gateway.sidecar.state()).collect::<Vec<_>>();
        Fault::new(format!("{fault}\n{}\n{}", lab.ovn.state(), sidecars.join("\n")))
    })
}

#[test]
fn ports_with_one_address_serve_the_gateways_of_their_chassis() {
    let mut lab = Lab::start().unwrap();
    let outcome = one_after_the_other(&mut lab);
    with_state(outcome, &lab).unwrap();
    with_state(spread(&lab), &lab).unwrap();
    let outcome = stale(&mut lab);
    with_state(outcome, &lab).unwrap();
}

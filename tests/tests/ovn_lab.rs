//! The OVN lab itself: ovn-controller and ovs-vswitchd speak BFD there, and what is read of it is right.

use std::io::ErrorKind;
use std::net::{IpAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;
use tests::bfd::packet::{ADMIN_DOWN, read};
use tests::bfd::reflex::Reflex;
use tests::capture::Capture;
use tests::fault::{During, Result, ensure};
use tests::netns::Netns;
use tests::ovn::bfd::Timers;
use tests::ovn::switch::Switch;
use tests::ovn::vpc::BFD_PORT;
use tests::ovn::{CHASSIS, Ovn};
use tests::wait;

const LIMIT: Duration = Duration::from_secs(15);
const TIMERS: Timers = Timers { min_tx: 100, min_rx: 100, multiplier: 3 };

/// The gateway's addresses, and a prefix of each family behind it.
const GATEWAY: [(&str, &str); 2] = [("192.168.0.2", "10.9.0.0/16"), ("fd00:8::2", "fd00:9::/64")];

fn controller() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut ovn = Ovn::start(&Arc::new(Netns::new("ovn")?), &dir.path().join("ovn"))?;
    ovn.make_vpc()?;
    let (gateway, pod) = (ovn.host("gw", 2)?, ovn.host("pod", 10)?);
    for to in ["192.168.0.2:9", "[fd00:8::2]:9"] {
        wait::until(&format!("the pod reaches {to}"), LIMIT, || pod.enter(|| reaches(to)))?;
    }
    let capture = Capture::on(&gateway, "eth0", &dir.path().join("gw.pcapng"))?;
    for (address, prefix) in GATEWAY {
        ovn.watch(address, prefix, TIMERS)?;
        wait::until("OVN waits", LIMIT, || ovn.bfd_is(address, "down"))?;
    }
    for (address, prefix) in GATEWAY {
        let peer = Reflex::start(&gateway, address.parse()?)?;
        wait::until("OVN is up", LIMIT, || ovn.bfd_is(address, "up"))?;
        ensure(ovn.bfd_is(address, "down").is_err(), || "up is taken for down".to_owned())?;
        drop(peer);
        let (_, took) = wait::until("OVN gives up", LIMIT, || ovn.bfd_is(address, "down"))?;
        ensure(took < Duration::from_secs(3), || format!("down after {took:?}"))?;
        ovn.use_watch(address, prefix, false)?;
        wait::until("OVN sleeps", LIMIT, || ovn.bfd_is(address, "admin_down")).during(address)?;
    }
    let packets = read(&capture.end()?)?;
    for ((gateway, _), port) in GATEWAY.iter().zip(BFD_PORT) {
        let (gateway, port): (IpAddr, IpAddr) = (gateway.parse()?, port.parse()?);
        let sent: Vec<_> =
            packets.iter().filter(|packet| (packet.from, packet.to) == (port, gateway)).collect();
        ensure(sent.len() > 10, || format!("{} packets from {port}", sent.len()))?;
        let routed = sent.iter().all(|packet| packet.ttl == 254 && packet.fault.is_none());
        ensure(routed, || format!("{sent:?}"))?;
        let ended = sent.iter().any(|packet| packet.state == ADMIN_DOWN);
        println!("OVN says goodbye: {ended}");
    }
    ovn.kill_controller()?;
    ovn.start_controller()?;
    ensure(ovn.sbctl(&["show"])?.contains(CHASSIS), || ovn.state())
}

/// Nothing listens there, and only the host itself can say so.
fn reaches(to: &str) -> Result<()> {
    let said = TcpStream::connect_timeout(&to.parse()?, Duration::from_secs(1));
    let kind = said.map_or_else(|error| error.kind(), |_| ErrorKind::Other);
    ensure(kind == ErrorKind::ConnectionRefused, || kind.to_string())
}

#[test]
fn ovn_controller_speaks_bfd_with_a_host_of_a_vpc() {
    controller().unwrap();
}

fn vswitchd() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let (netns, host) = (Arc::new(Netns::new("ovs")?), Arc::new(Netns::new("host")?));
    let mut switch = Switch::start(&netns, &dir.path().join("ovs"))?;
    switch.tunnel_end("p1", &host)?;
    switch.set_bfd("p1", &["enable=true", "min_tx=100", "min_rx=100"])?;
    let down = [("Local Session State", "down"), ("Forwarding", "false")];
    wait::until("the switch waits", LIMIT, || switch.bfd_says("p1", &down))?;
    let up = [("Local Session State", "up"), ("Remote Session State", "up"), ("Forwarding", "true")];
    let peer = Reflex::start(&host, "10.0.3.2".parse()?)?;
    wait::until("the switch is up", LIMIT, || switch.bfd_says("p1", &up))?;
    drop(peer);
    let expired = [("Local Session State", "down"), ("Local Diagnostic", "Control Detection Time Expired")];
    let (_, took) = wait::until("the switch gives up", LIMIT, || switch.bfd_says("p1", &expired))?;
    ensure(took < Duration::from_secs(3), || format!("down after {took:?}"))?;
    switch.kill_daemon()?;
    switch.start_daemon()?;
    let _peer = Reflex::start(&host, "10.0.3.2".parse()?)?;
    wait::until("the switch is up again", LIMIT, || switch.bfd_says("p1", &up))?;
    Ok(())
}

#[test]
fn ovs_vswitchd_speaks_bfd_on_an_interface() {
    vswitchd().unwrap();
}

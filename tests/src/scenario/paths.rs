//! What the kernel does to the way towards a router while sessions stand.

use super::lab::{Lab, Setup, run};
use super::table::{moved, whole};
use crate::fault::{During, Result, ensure};
use crate::netns::Netns;
use crate::router::Kind;
use crate::speaker::Mode;
use crate::topology::move_source;
use crate::wait;
use std::fmt::Write as _;
use std::time::Duration;

/// From a change in the kernel to the routers' tables, on a machine that was just flooded with events.
const SOON: Duration = Duration::from_secs(4);

/// Back after a lost session: the router may hold the old one until its hold time ends.
const BACK: Duration = Duration::from_secs(20);

/// Far above what a speaker with a dozen routes needs, far below what 100 000 kept events take.
const MOST_KIB: u64 = 64 * 1024;

/// The connected route vanishes beside a default route; route events come by the ten thousand; the sessions' own
/// address is taken away.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn paths(kind: Kind) -> Result<()> {
    let setup = Setup { kind, mode: Mode::Dial, router_asn: 65001, hold: 9 };
    run(
        setup,
        |lab| {
            lab.converge(&whole()?).during("start")?;
            detour(lab).during("step k, only a detour left")?;
            burst(lab).during("step l, burst of route events")?;
            address_gone(lab).during("step m, address gone")
        },
        |(), _| Ok(()),
    )
}

/// The next hop of the IPv4 session with r1.
fn next_hop(lab: &Lab) -> Result<()> {
    let neighbor = lab.speakers[0].neighbor("10.0.1.1")?;
    ensure(neighbor["nextHopIpv4"] == "10.0.1.11", || format!("told {}", neighbor["nextHopIpv4"]))
}

/// A default route over the other router does not make the other link's address a next hop for this one.
fn detour(lab: &Lab) -> Result<()> {
    let node = &lab.topology.nodes[0];
    node.ip(&["route", "add", "default", "via", "10.0.2.1"])?;
    node.ip(&["route", "delete", "10.0.1.0/24", "dev", "eth1"])?;
    let stays = wait::stays("the next hop", Duration::from_secs(1), || next_hop(lab));
    let back = [
        "route",
        "add",
        "10.0.1.0/24",
        "dev",
        "eth1",
        "proto",
        "kernel",
        "scope",
        "link",
        "src",
        "10.0.1.11",
    ];
    node.ip(&back)?;
    node.ip(&["route", "delete", "default"])?;
    stays?;
    lab.become_within(&whole()?, BACK).map(drop)
}

/// More events than a socket holds; the next real change must be seen all the same.
fn burst(lab: &Lab) -> Result<()> {
    for _ in 0..3 {
        flood(&lab.topology.nodes[0], lab.topology.dir())?;
    }
    move_source(&lab.topology.nodes[0], 1, 11, 21)?;
    lab.become_within(&moved()?, SOON)?;
    move_source(&lab.topology.nodes[0], 1, 21, 11)?;
    lab.become_within(&whole()?, SOON).during("and moved back")?;
    let resident = lab.speakers[0].resident_kib()?;
    ensure(resident < MOST_KIB, || format!("{resident} KiB resident after the burst"))
}

/// Adds routes of both families and takes them away with their link, at once.
fn flood(node: &Netns, dir: &std::path::Path) -> Result<()> {
    let mut batch =
        String::from("link add flood type veth peer name doolf\nlink set flood up\nlink set doolf up\n");
    for index in 0..20_000_u32 {
        let [_, _, high, low] = index.to_be_bytes();
        let _ = writeln!(batch, "route add 172.20.{high}.{low}/32 dev flood");
        let _ = writeln!(batch, "route add fd99::{index:x}/128 dev flood");
    }
    batch.push_str("link delete flood\n");
    let file = dir.join("flood");
    std::fs::write(&file, batch)?;
    node.ip(&["-batch", &file.display().to_string()])?;
    Ok(())
}

/// Nothing can leave from an address that is gone: the session ends now, not at the hold time.
fn address_gone(lab: &Lab) -> Result<()> {
    let node = &lab.topology.nodes[0];
    node.ip(&["address", "delete", "10.0.1.11/24", "dev", "eth1"])?;
    let ended = wait::until("the session ends", Duration::from_secs(2), || {
        let neighbor = lab.speakers[0].neighbor("10.0.1.1")?;
        let flapped = neighbor["state"] != "Established" && neighbor["flaps"] == 1;
        ensure(flapped, || neighbor.to_string())
    });
    node.ip(&["address", "add", "10.0.1.11/24", "dev", "eth1"])?;
    ended?;
    lab.become_within(&whole()?, BACK).during("and given back").map(drop)
}

//! Next hops that follow the kernel while sessions stand, with a list of allowed sources; and how fast.

use super::lab::{Lab, Setup, addresses, conclude};
use super::lifecycle::no_open;
use super::table::{moved, whole, without_peers};
use crate::capture::{UPDATE, Verdict, now};
use crate::fault::{During, Fault, Result, ensure};
use crate::manifests::Manifests;
use crate::netns::Netns;
use crate::router::Kind;
use crate::speaker::{Mode, Speaker};
use crate::topology::{Connection, Topology, connections, move_source};
use crate::wait;
use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// From a change in the kernel to the routers' tables.
const SOON: Duration = Duration::from_secs(2);

/// Back after a lost session: the router may hold the old one until its hold time ends.
const BACK: Duration = Duration::from_secs(20);

/// How many changes are measured.
const CHANGES: usize = 100;

/// Long enough that a change is seen for itself.
const APART: Duration = Duration::from_millis(30);

/// The lists of n1: both addresses it ever has towards r1, none of which it has at first, and its own towards r2.
const LISTS: [&str; 4] = [
    "--allowed-source-addresses",
    "10.0.1.11,10.0.1.21,10.0.2.11",
    "--allowed-source-ipv6-addresses",
    "fd00:1::11,fd00:1::21,fd00:2::11",
];

/// A span of time on the capture's clock.
type Span = (Duration, Duration);

/// n1 may use listed addresses only, and starts without one towards r1: nothing reaches r1 from it until there is one.
/// Then the source moves within the list, leaves it, comes back, is deleted and is given back.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn pinned() -> Result<()> {
    let setup = Setup { kind: Kind::Frr, mode: Mode::Dial, router_asn: 65001, hold: 9 };
    let topology = Topology::new()?;
    renumber(&topology.nodes[0], 11, 91)?;
    let manifests = Manifests::new(&topology.dir().join("manifests"))?;
    let mut lab = Lab::without_speakers(setup, topology, manifests)?;
    lab.speakers = vec![speaker(&lab, 1, &LISTS)?, speaker(&lab, 2, &[])?];
    conclude(
        lab,
        |lab| {
            missing(lab).during("step p, no listed address at the start")?;
            renumber(&lab.topology.nodes[0], 91, 11)?;
            lab.become_within(&whole()?, BACK).during("step q, the address comes")?;
            let quiet = follows(lab).during("step r, moved within the list, out of it and back")?;
            let times = paced(lab).during("step s, a hundred changes")?;
            gone(lab).during("step t, the listed address is deleted")?;
            Ok((quiet, times))
        },
        |(quiet, times), verdicts| {
            no_open(verdicts, quiet).during("step r, in the capture")?;
            in_time(&verdicts[0], &times).during("step s, in the capture")
        },
    )
}

fn speaker(lab: &Lab, host: u8, more: &[&str]) -> Result<Speaker> {
    let words = [
        "run --neighbor-as 65001 --cluster-as 65000 --holdtime 9s --announce-cluster-ip",
        "--neighbor-address 10.0.1.1,10.0.2.1 --neighbor-ipv6-address fd00:1::1,fd00:2::1",
        &format!("--node-name n{host} --router-id 10.0.1.1{host}"),
        &format!("--manifests {}", lab.source.dir().display()),
    ]
    .join(" ");
    let arguments: Vec<_> = words.split(' ').chain(more.iter().copied()).map(String::from).collect();
    Speaker::with(
        &lab.topology.nodes[usize::from(host) - 1],
        &lab.topology.dir().join(format!("n{host}")),
        &arguments,
    )
}

/// Gives `eth1` another host number in both families in place of the one it has.
fn renumber(node: &Netns, from: u8, to: u8) -> Result<()> {
    for (net, bits) in [("10.0.1.", "24"), ("fd00:1::", "64")] {
        node.ip(&["address", "delete", &format!("{net}{from}/{bits}"), "dev", "eth1"])?;
        let nodad: &[&str] = if net.contains(':') { &["nodad"] } else { &[] };
        let address = format!("{net}{to}/{bits}");
        node.ip(&[&["address", "add", &address, "dev", "eth1"][..], nodad].concat())?;
    }
    Ok(())
}

/// r1 hears of n1 from no address at all, r2 hears everything, and n1 says why.
fn missing(lab: &Lab) -> Result<()> {
    let [first, second] = whole()?;
    let want = [without_peers(first, &addresses(1, 1)), second];
    lab.become_within(&want, BACK)?;
    wait::stays("the tables", Duration::from_secs(2), || {
        lab.tables_are(&want)?;
        let up = lab.routers[0].established()?;
        ensure(up == BTreeSet::from(addresses(1, 2)), || format!("r1 has sessions with {up:?}"))
    })?;
    let said = lab.speakers[0].state();
    for (addr, flag) in [("10.0.1.91", "--allowed-source-addresses"), ("fd00:1::91", "--allowed-source-ipv6")]
    {
        let cause = format!("the kernel's source address {addr} is not listed in {flag}");
        ensure(said.matches(&cause).count() == 1, || format!("not once in its log: {cause}"))?;
    }
    Ok(())
}

/// The sessions stand on the first address while the source moves: to the other listed one, to one that is not listed,
/// where the last good one stays, and back. Returns when that was.
fn follows(lab: &Lab) -> Result<Span> {
    let (node, start) = (&lab.topology.nodes[0], now());
    let before = sessions(lab)?;
    move_source(node, 1, 11, 21)?;
    lab.become_within(&moved()?, SOON).during("listed")?;
    move_source(node, 1, 21, 11)?;
    lab.become_within(&whole()?, SOON).during("and back")?;
    move_source(node, 1, 11, 91)?;
    wait::stays("what is kept", Duration::from_secs(1), || lab.tables_are(&whole()?)).during("not listed")?;
    let said = lab.speakers[0].neighbor("10.0.1.1")?;
    ensure(said["nextHopIpv4"] == "10.0.1.11", || said.to_string())?;
    move_source(node, 1, 91, 11)?;
    wait::stays("the tables", Duration::from_secs(1), || lab.tables_are(&whole()?)).during("listed again")?;
    let after = sessions(lab)?;
    ensure(before == after, || format!("other sessions: {before:?}, then {after:?}"))?;
    Ok((start, now()))
}

/// The connections of r1, and the times each of its sessions was dropped.
fn sessions(lab: &Lab) -> Result<(BTreeSet<Connection>, [u64; 2])> {
    let shown = lab.routers[0].frr("show bgp neighbors json")?;
    let dropped = |addr: std::net::IpAddr| {
        let count = shown[addr.to_string()]["connectionsDropped"].as_u64();
        count.ok_or_else(|| Fault::new(format!("no count of dropped connections of {addr}")))
    };
    let [v4, v6] = addresses(1, 1);
    Ok((connections(lab.routers[0].netns())?, [dropped(v4)?, dropped(v6)?]))
}

/// An `ip` that waits for commands, so that none has to be started when it counts.
struct Hand(Child);

impl Hand {
    fn new(node: &Netns) -> Result<Self> {
        let mut command = Command::new("ip");
        command.args(["-n", node.name(), "-force", "-batch", "-"]);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok(Self(child))
    }

    /// Returns when it was told, on the capture's clock: just before the kernel changes anything.
    fn tell(&mut self, commands: &str) -> Result<Duration> {
        let stdin = self.0.stdin.as_mut().ok_or_else(|| Fault::new("no way to tell"))?;
        let at = now();
        stdin.write_all(commands.as_bytes())?;
        stdin.flush()?;
        Ok(at)
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended by itself
        let _ = self.0.wait();
    }
}

/// The source moves a hundred times, each time in one family; returns when.
fn paced(lab: &Lab) -> Result<Vec<(Duration, bool)>> {
    let node = &lab.topology.nodes[0];
    let before = sessions(lab)?;
    for (address, nodad) in [("10.0.1.21/24", ""), ("fd00:1::21/64", "nodad")] {
        let words = ["address", "add", address, "dev", "eth1", nodad];
        node.ip(&words[..if nodad.is_empty() { 5 } else { 6 }])?;
    }
    std::thread::sleep(Duration::from_millis(500)); // what that set off is over
    let (mut hand, mut times) = (Hand::new(node)?, Vec::new());
    for index in 0..CHANGES {
        let (v4, host) = (index % 2 == 0, if index % 4 < 2 { 21 } else { 11 });
        let command = match v4 {
            true => {
                format!("route replace 10.0.1.0/24 dev eth1 proto kernel scope link src 10.0.1.{host}\n")
            }
            false => {
                format!("route replace fd00:1::/64 dev eth1 proto kernel metric 256 src fd00:1::{host}\n")
            }
        };
        times.push((hand.tell(&command)?, v4));
        std::thread::sleep(APART);
    }
    lab.become_within(&whole()?, SOON)?;
    let after = sessions(lab)?;
    ensure(before == after, || format!("other sessions: {before:?}, then {after:?}"))?;
    for address in ["10.0.1.21/24", "fd00:1::21/64"] {
        node.ip(&["address", "delete", address, "dev", "eth1"])?;
    }
    Ok(times)
}

/// From being told of a change to the UPDATE at the router's link; every change has one. The bounds are for a debug build
/// on a machine that other tests keep busy.
fn in_time(verdict: &Verdict, times: &[(Duration, bool)]) -> Result<()> {
    let [v4, v6] = addresses(1, 1);
    let mut took = Vec::new();
    for (at, is_v4) in times {
        let address = if *is_v4 { v4 } else { v6 };
        let updates = verdict.select(address, UPDATE, (*at, *at + 2 * APART));
        let first = updates.first().ok_or_else(|| Fault::new(format!("no UPDATE after {at:?}")))?;
        took.push(first.at.saturating_sub(*at));
    }
    took.sort();
    let share = |percent: usize| took[(took.len() - 1) * percent / 100];
    println!(
        "kernel change → UPDATE at the router, {} changes: p50 {:?}, p90 {:?}, p99 {:?}, most {:?}",
        took.len(),
        share(50),
        share(90),
        share(99),
        share(100)
    );
    ensure(share(50) < Duration::from_millis(20), || format!("half of them took {:?} or longer", share(50)))
}

/// Nothing can leave from an address that is gone, and another one is not allowed.
fn gone(lab: &Lab) -> Result<()> {
    let node = &lab.topology.nodes[0];
    renumber(node, 11, 91)?;
    let [first, second] = whole()?;
    let want = [without_peers(first, &addresses(1, 1)), second];
    let left = lab.become_within(&want, BACK);
    let quiet = wait::stays("r1 without n1", Duration::from_secs(1), || lab.tables_are(&want));
    renumber(node, 91, 11)?;
    left?;
    quiet?;
    lab.become_within(&whole()?, BACK).during("and given back").map(drop)
}

//! The GoBGP API, asked by the stock commands of both generations.
//!
//! One speaker on n1. Router r1 runs; r2 is cabled, but nothing listens there: its sessions are never up.

use super::lab::{Setup, addresses, router};
use crate::fault::{During, Fault, Result, ensure};
use crate::gobgp_cli::{Cli, masked};
use crate::manifests::Manifests;
use crate::netns::Netns;
use crate::router::{Kind, Router};
use crate::speaker::{Mode, Options, Speaker};
use crate::topology::Topology;
use crate::wait;
use std::time::Duration;

/// From a command to its effect at a router, retries and idle times included.
const EFFECT: Duration = Duration::from_secs(30);

/// Routes r1 announces where it is GoBGP: one with attributes, one with a set in its path, one with our own AS in it.
const ANNOUNCED: [&str; 4] = [
    "203.0.113.0/24 origin igp med 5 community 65001:7 nexthop 10.0.1.1",
    "198.51.100.0/24 origin igp aspath 64500_{64501,64502} nexthop 10.0.1.1 large-community 1:2:3",
    "192.0.2.0/24 origin igp aspath 65000 nexthop 10.0.1.1",
    "2001:db8:1::/48 origin igp nexthop fd00:1::1 -a ipv6",
];

/// Fields drop in this order: what runs ends before what it runs in.
struct Lab {
    speaker: Speaker,
    router: Router,
    _manifests: Manifests,
    topology: Topology,
}

impl Lab {
    fn start(kind: Kind, writable: bool) -> Result<Self> {
        let topology = Topology::new()?;
        let manifests = Manifests::new(&topology.dir().join("manifests"))?;
        let setup = Setup { kind, mode: Mode::Dial, router_asn: 65001, hold: 90 };
        let router = router(&topology, setup, 1)?;
        if kind == Kind::Gobgp {
            for route in ANNOUNCED {
                let words: Vec<String> = route.split(' ').map(|word| word.replace('_', " ")).collect();
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                router.netns().exec(&[&["gobgp", "global", "rib", "add"], &words[..]].concat())?;
            }
        }
        let options = Options { writable, ..setup.options() };
        let dir = topology.dir().join("n1");
        let speaker = Speaker::start(&topology.nodes[0], 1, &dir, manifests.dir(), options)?;
        Ok(Self { speaker, router, _manifests: manifests, topology })
    }

    fn node(&self) -> &Netns {
        &self.topology.nodes[0]
    }

    fn told(&self, fault: &Fault) -> Fault {
        Fault::new(format!("{fault}\n{}\n{}", self.speaker.state(), self.router.logs()))
    }
}

/// All commands show what must be there, each transcript of `golden/<generation>/<kind>/`, and can change nothing.
///
/// # Errors
/// The command that prints something else.
pub fn api_shows(kind: Kind) -> Result<()> {
    let lab = Lab::start(kind, false)?;
    show(&lab, kind).map_err(|fault| lab.told(&fault))
}

fn show(lab: &Lab, kind: Kind) -> Result<()> {
    let directory = format!("{kind:?}").to_lowercase();
    for cli in [Cli::V3, Cli::V4, Cli::Ours] {
        cli.follow(lab.node(), &format!("{directory}/neighbors.txt"))?;
        let before = cli.uptime(lab.node(), "10.0.1.1")?;
        let mut transcripts: Vec<_> = std::fs::read_dir(cli.golden().join(&directory))?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<Result<_>>()?;
        transcripts.sort_unstable();
        // Of what is refused, ours has no command for routes by hand.
        for name in transcripts.iter().filter(|name| cli != Cli::Ours || *name != "refusals.txt") {
            cli.follow(lab.node(), &format!("{directory}/{name}"))?;
        }
        let after = cli.uptime(lab.node(), "10.0.1.1")?;
        ensure(before == after, || format!("the session began anew: {before}, then {after}"))?;
    }
    Ok(())
}

/// With `--grpc-writable` sessions are reset, disabled and enabled, and routes come and go by hand, beside the plan's.
///
/// # Errors
/// The step that failed.
pub fn api_changes(kind: Kind, cli: Cli) -> Result<()> {
    let lab = Lab::start(kind, true)?;
    let steps = || {
        established(&lab, cli)?;
        by_hand(&lab, cli).during("routes by hand")?;
        reset(&lab, cli).during("reset")?;
        disable(&lab, cli).during("disable and enable")
    };
    steps().map_err(|fault| lab.told(&fault))
}

fn established(lab: &Lab, cli: Cli) -> Result<()> {
    wait::until("r1's sessions with n1", EFFECT, || {
        let up = lab.router.established()?;
        ensure(addresses(1, 1).iter().all(|addr| up.contains(addr)), || format!("Established are {up:?}"))?;
        cli.uptime(lab.node(), "10.0.1.1").map(drop)
    })?;
    Ok(())
}

fn silent(lab: &Lab, cli: Cli, command: &str) -> Result<()> {
    let printed = cli.ask(lab.node(), &command.split(' ').collect::<Vec<_>>())?;
    ensure(printed.is_empty(), || format!("gobgp {command} printed {printed:?}"))
}

fn holds(lab: &Lab, prefix: &str, wanted: bool) -> Result<()> {
    let prefix = prefix.parse()?;
    wait::until(&format!("{prefix} in r1's table: {wanted}"), EFFECT, || {
        let routes = lab.router.routes()?;
        ensure(routes.contains_key(&prefix) == wanted, || format!("it has {:?}", routes.keys()))
    })?;
    Ok(())
}

fn by_hand(lab: &Lab, cli: Cli) -> Result<()> {
    silent(lab, cli, "global rib add 10.55.0.0/16 med 7 community 65000:1")?;
    silent(lab, cli, "global rib add 10.16.0.0/16 med 7")?;
    silent(lab, cli, "global rib add -a ipv6 fd00:55::/48")?;
    holds(lab, "10.55.0.0/16", true)?;
    holds(lab, "fd00:55::/48", true)?;
    cli.follow(lab.node(), "writable/added.txt")?;
    silent(lab, cli, "global rib del 10.16.0.0/16")?;
    silent(lab, cli, "global rib del 10.55.0.0/16")?;
    holds(lab, "10.55.0.0/16", false)?;
    silent(lab, cli, "global rib del all -a ipv6")?;
    holds(lab, "fd00:55::/48", false)?;
    cli.follow(lab.node(), "writable/removed.txt")?;
    holds(lab, "10.16.0.0/16", true)
}

fn reset(lab: &Lab, cli: Cli) -> Result<()> {
    let before = cli.uptime(lab.node(), "10.0.1.1")?;
    let other = cli.uptime(lab.node(), "fd00:1::1")?;
    // Times are told in seconds: the new session must not begin in the second of the old one.
    std::thread::sleep(Duration::from_millis(1100));
    silent(lab, cli, "neighbor 10.0.1.1 reset --reason tested")?;
    wait::until("a new session", EFFECT, || {
        let after = cli.uptime(lab.node(), "10.0.1.1")?;
        ensure(after > before, || format!("it is still that of {before}"))
    })?;
    established(lab, cli)?;
    let now = cli.uptime(lab.node(), "fd00:1::1")?;
    ensure(now == other, || "the other neighbour's session began anew, too".to_owned())
}

fn disable(lab: &Lab, cli: Cli) -> Result<()> {
    let log = lab.topology.dir().join("monitor.txt");
    let monitor = cli.watch(lab.node(), &["monitor", "neighbor", "10.0.1.1"], &log)?;
    // It prints nothing of what is there already, so nothing tells when it has begun.
    std::thread::sleep(Duration::from_secs(2));
    silent(lab, cli, "neighbor 10.0.1.1 disable")?;
    cli.follow(lab.node(), "writable/disabled.txt")?;
    silent(lab, cli, "neighbor 10.0.1.1 enable")?;
    established(lab, cli)?;
    let expected = std::fs::read_to_string(cli.golden().join("writable/monitor.txt"))?;
    wait::until("the monitor has told all", EFFECT, || {
        let told = masked(&monitor.log());
        let lines: Vec<&str> = told.lines().collect();
        // Between the first dial and the one the router takes there may be others.
        let ends =
            [&lines[..lines.len().min(2)], &lines[lines.len().saturating_sub(3).max(2).min(lines.len())..]];
        let seen = ends.concat().join("\n");
        ensure(seen == masked(&expected), || format!("it told:\n{told}"))
    })?;
    Ok(())
}

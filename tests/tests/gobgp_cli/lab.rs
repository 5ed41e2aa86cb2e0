//! The daemon that is asked, its neighbours, and the two programs that ask it.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tests::fault::{Fault, Result, ensure};
use tests::netns::Netns;
use tests::proc::Daemon;
use tests::router::{Config, Dialing, Kind, Router, Session};
use tests::topology::Topology;
use tests::wait;

use crate::mask::masked;

/// For whatever the daemons have to get done.
pub(crate) const LIMIT: Duration = Duration::from_secs(40);

/// The `gobgpd` that is asked: on n1, with FRR on r1, an announcer on r2, and two addresses where nobody is.
const ASKED: &str = r#"
global.config = { as = 65000, router-id = "10.0.1.11" }
[[neighbors]]
config = { neighbor-address = "10.0.1.1", peer-as = 65001 }
[[neighbors]]
config = { neighbor-address = "fd00:1::1", peer-as = 65001 }
[[neighbors]]
config = { neighbor-address = "10.0.2.1", peer-as = 65002, remove-private-as = "all" }
timers.config = { connect-retry = 1 }
as-path-options.config = { allow-own-as = 2, replace-peer-as = true }
graceful-restart.config = { enabled = true, restart-time = 120, notification-enabled = true, long-lived-enabled = true }
[[neighbors.afi-safis]]
config.afi-safi-name = "ipv4-unicast"
prefix-limit.config = { max-prefixes = 100, shutdown-threshold-pct = 80 }
mp-graceful-restart.config.enabled = true
long-lived-graceful-restart.config = { enabled = true, restart-time = 3600 }
add-paths.config = { receive = true, send-max = 4 }
[[neighbors.afi-safis]]
config.afi-safi-name = "ipv6-unicast"
[[neighbors]]
config = { neighbor-address = "fd00:2::1", peer-as = 65002, local-as = 65100 }
timers.config = { connect-retry = 1 }
[[neighbors]]
config = { neighbor-address = "10.0.2.99", peer-as = 65009 }
[[neighbors]]
config = { neighbor-address = "fd00:2:abcd:ef01:2345:6789:abcd:ef01", peer-as = 4200000009 }
"#;

/// The announcer on r2.
const ANNOUNCER: &str = r#"
global.config = { as = 65002, router-id = "10.0.2.1" }
[[neighbors]]
config = { neighbor-address = "10.0.2.11", peer-as = 65000 }
graceful-restart.config = { enabled = true, restart-time = 100, long-lived-enabled = true }
timers.config = { connect-retry = 1 }
[[neighbors.afi-safis]]
config.afi-safi-name = "ipv4-unicast"
mp-graceful-restart.config.enabled = true
long-lived-graceful-restart.config = { enabled = true, restart-time = 60 }
add-paths.config = { receive = true, send-max = 4 }
[[neighbors.afi-safis]]
config.afi-safi-name = "ipv6-unicast"
[[neighbors]]
config = { neighbor-address = "fd00:2::11", peer-as = 65100 }
timers.config = { connect-retry = 1 }
"#;

/// What the announcer adds; behind `global rib add`.
const ROUTES: [&[&str]; 6] = [
    &["10.31.0.0/24", "aspath", "1 2 {3,4}", "community", "65001:1,no-export,blackhole", "med", "50"],
    &["10.32.0.0/16", "origin", "igp", "rt", "65001:7", "large-community", "1:2:3,4:5:6"],
    &["10.32.1.0/24", "origin", "egp", "aggregator", "65002:192.0.2.9"],
    &["10.33.0.1/32"],
    &["-a", "ipv6", "2001:db8:1::/48", "origin", "egp", "community", "65001:7"],
    &["-a", "ipv6", "2001:db8:ffff:ffff:ffff:ffff:ffff:fff1/128", "med", "7", "aspath", "4200000001"],
];

/// GoBGP 4.8, from the cache that `tests/setup.sh` fills.
pub(crate) fn original(name: &str) -> String {
    tests::cache::program(&format!("gobgp-4.8.0/{name}")).unwrap()
}

/// One `gobgpd` that is asked, with neighbours.
pub(crate) struct Lab {
    // Before the topology: processes end before their namespaces go.
    _daemons: [Daemon; 2],
    _frr: Router,
    /// A link to our program under the name `gobgp`.
    pub(crate) ours: String,
    pub(crate) topology: Topology,
}

impl Lab {
    pub(crate) fn new() -> Result<Self> {
        let topology = Topology::new()?;
        let dir = topology.dir();
        let ours = dir.join("gobgp");
        std::os::unix::fs::symlink(tests::speaker::binary()?, &ours)?;
        let neighbors = vec!["10.0.1.11".parse()?, "fd00:1::11".parse()?];
        let id = Ipv4Addr::new(10, 0, 1, 1);
        let config = Config {
            asn: 65001,
            id,
            neighbor_asn: 65000,
            neighbors,
            hold: 90,
            dialing: Dialing::Active,
            session: Session::default(),
        };
        let frr = Router::start(Kind::Frr, &topology.routers[0], &dir.join("r1"), config)?;
        let daemons = [
            gobgpd(&topology.nodes[0], dir, "asked", ASKED)?,
            gobgpd(&topology.routers[1], dir, "announcer", ANNOUNCER)?,
        ];
        let ours = ours.display().to_string();
        let lab = Self { _daemons: daemons, _frr: frr, ours, topology };
        lab.fill()?;
        Ok(lab)
    }

    /// Adds the routes and waits until they and all End-of-RIBs have come, and what follows from them has gone.
    fn fill(&self) -> Result<()> {
        let gobgp = original("gobgp");
        let announcer = &self.topology.routers[1];
        wait::until("the announcer answers", LIMIT, || announcer.exec(&[&gobgp, "global"]))?;
        for route in ROUTES {
            announcer.exec(&[&[gobgp.as_str(), "global", "rib", "add"], route].concat())?;
        }
        let lines = |args: &[&str]| {
            let (text, _) = self.theirs(args)?;
            Ok::<_, Fault>(text.lines().count())
        };
        wait::until("all sessions and routes", LIMIT, || {
            let (list, _) = self.theirs(&["neighbor"])?;
            ensure(list.matches("Establ ").count() == 4, || list)?;
            for (args, wanted) in [
                (["neighbor", "10.0.2.1", "adj-in", "-aipv4"], 5),
                (["neighbor", "10.0.2.1", "adj-in", "-aipv6"], 3),
                (["neighbor", "fd00:2::1", "adj-in", "-aipv6"], 3),
                (["neighbor", "10.0.1.1", "adj-out", "-aipv4"], 5),
            ] {
                let got = lines(&args)?;
                ensure(got == wanted, || format!("{args:?}: {got} lines, not {wanted}"))?;
            }
            Ok(())
        })?;
        let counters = || {
            let mut all = Vec::new();
            for peer in ["10.0.1.1", "fd00:1::1", "10.0.2.1", "fd00:2::1"] {
                let (text, _) = self.theirs(&["neighbor", peer, "-j"])?;
                all.push(serde_json::from_str::<Value>(&text)?["state"]["messages"].clone());
            }
            Ok::<_, Fault>(all)
        };
        wait::until("the updates have settled", LIMIT, || {
            let before = counters()?;
            std::thread::sleep(Duration::from_secs(1));
            ensure(counters()? == before, || "still counting".into())
        })?;
        Ok(())
    }

    pub(crate) fn asked(&self) -> &Arc<Netns> {
        &self.topology.nodes[0]
    }

    pub(crate) fn theirs(&self, args: &[&str]) -> Result<(String, Option<i32>)> {
        self.ask(&original("gobgp"), args)
    }

    pub(crate) fn ours(&self, args: &[&str]) -> Result<(String, Option<i32>)> {
        self.ask(&self.ours, args)
    }

    /// What a command prints on stdout, and its exit code.
    fn ask(&self, program: &str, args: &[&str]) -> Result<(String, Option<i32>)> {
        let enter = ["20", "ip", "netns", "exec", self.asked().name(), program];
        let output = Command::new("timeout").args(enter).args(args).output()?;
        Ok((String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code()))
    }

    /// Both answers, masked, are the same. A clock that ticks or a counter that counts between them gets a second and
    /// a third chance.
    pub(crate) fn compare(&self, args: &[&str]) -> Result<()> {
        let both = || {
            let (theirs, ours) = (self.theirs(args)?, self.ours(args)?);
            Ok::<_, Fault>(((masked(&theirs.0), theirs.1), (masked(&ours.0), ours.1)))
        };
        let mut last = both()?;
        for _ in 0..2 {
            if last.0 == last.1 {
                break;
            }
            last = both()?;
        }
        let ((theirs, code), (ours, our_code)) = last;
        ensure(theirs == ours && code == our_code, || {
            format!(
                "gobgp {}\n--- GoBGP's, {code:?}\n{theirs}\n--- ours, {our_code:?}\n{ours}",
                args.join(" ")
            )
        })
    }
}

fn gobgpd(netns: &Arc<Netns>, dir: &Path, name: &str, config: &str) -> Result<Daemon> {
    let file = dir.join(format!("{name}.toml"));
    std::fs::write(&file, config)?;
    let argv = [&original("gobgpd"), "-f", &file.display().to_string(), "--pprof-disable"];
    netns.spawn(name, &argv, &dir.join(format!("{name}.log")))
}

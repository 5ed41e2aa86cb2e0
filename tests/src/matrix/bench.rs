//! The lab of a cell: one speaker, one router, a capture in the router's namespace.
//!
//! ```text
//!   direct   s eth1 10.0.1.11 fd00:1::11 fe80::11 ── r br0 10.0.1.1 fd00:1::1 fe80::1
//!   bare     s eth1 fe80::11 ── r br0 fe80::1
//!   routed   s eth1 10.0.1.11 fd00:1::11 ── .254 m .254 ── r br0 10.0.2.1 fd00:2::1
//! ```

use crate::capture::{Capture, Verdict};
use crate::fault::{Fault, Result, ensure};
use crate::manifests::Manifests;
use crate::netns::Netns;
use crate::router::{Config, Dialing, Kind, Router, Routes, Session};
use crate::scenario::{compare, parse};
use crate::speaker::Speaker;
use crate::topology::ROUTER_LINK;
use crate::wait;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

/// From a start to full tables, on a machine that does much else.
const CONVERGE: Duration = Duration::from_secs(30);

/// How long nothing may come up where nothing must. The speaker dials at 0, 0.5, 1.5 and 3.5 s, give or take.
pub(crate) const QUIET: Duration = Duration::from_secs(4);

/// The speaker's addresses.
pub(crate) const S4: &str = "10.0.1.11";
/// See [`S4`].
pub(crate) const S6: &str = "fd00:1::11";

/// What a speaker is told. In flags and file, `DIR` stands for a directory of its own.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) asn: u32,
    pub(crate) neighbor_asn: u32,
    pub(crate) neighbors: Vec<&'static str>,
    pub(crate) flags: Vec<&'static str>,
    pub(crate) file: &'static str,
}

impl Told {
    /// AS 65000, these neighbours in AS 65001.
    pub(crate) fn new(neighbors: &[&'static str]) -> Self {
        Self { asn: 65000, neighbor_asn: 65001, neighbors: neighbors.to_vec(), flags: Vec::new(), file: "" }
    }

    /// With these flags and this configuration file as well.
    pub(crate) fn and(mut self, flags: &[&'static str], file: &'static str) -> Self {
        self.flags.extend(flags);
        self.file = file;
        self
    }

    fn arguments(&self, dir: &str) -> Vec<String> {
        let (v6, v4): (Vec<&str>, Vec<&str>) =
            self.neighbors.iter().copied().partition(|address| address.contains(':'));
        let mut out = vec![
            "run".to_owned(),
            format!("--manifests={dir}/manifests"),
            format!("--cluster-as={}", self.asn),
            format!("--neighbor-as={}", self.neighbor_asn),
            format!("--config={dir}/speaker.toml"),
        ];
        for (flag, list) in [("neighbor-address", v4), ("neighbor-ipv6-address", v6)] {
            out.extend(list.iter().map(|address| format!("--{flag}={address}")));
        }
        let fixed = ["--node-name=n1", "--router-id=10.0.1.11", "--holdtime=9s", "--announce-cluster-ip"];
        out.extend(fixed.map(str::to_owned));
        out.extend(self.flags.iter().map(|flag| flag.replace("DIR", dir)));
        out
    }
}

/// How far the router is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// On the link.
    Direct,
    /// On the link, which has link-local addresses only.
    Bare,
    /// Two hops.
    Routed,
}

/// A running lab. Fields drop in this order: what runs ends before what it runs in.
pub(crate) struct Bench {
    pub(crate) speaker: Option<Speaker>,
    pub(crate) router: Option<Router>,
    capture: Option<Capture>,
    pub(crate) manifests: Manifests,
    pub(crate) kind: Kind,
    pub(crate) s: Arc<Netns>,
    pub(crate) r: Arc<Netns>,
    _between: Option<Netns>,
    dir: tempfile::TempDir,
}

/// Makes a lab, runs the steps, has the capture judged; a fault comes with the state of everything.
///
/// `after` sees what the steps returned, beside what the capture holds.
pub(crate) fn run<T>(
    kind: Kind,
    shape: Shape,
    steps: impl FnOnce(&mut Bench) -> Result<T>,
    after: impl FnOnce(T, &Verdict) -> Result<()>,
) -> Result<()> {
    let mut bench = Bench::new(kind, shape)?;
    let outcome = steps(&mut bench).and_then(|seen| {
        let capture = bench.capture.take().ok_or_else(|| Fault::new("judged before"))?;
        let verdict = capture.finish()?;
        let speaker = [S4.parse()?, S6.parse()?, "fe80::11".parse()?];
        verdict.check(&speaker, 1)?;
        after(seen, &verdict)
    });
    outcome.map_err(|fault| Fault::new(format!("{fault}\n{}", bench.state())))
}

impl Bench {
    fn new(kind: Kind, shape: Shape) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        // FRR gives its rights up and must still reach its own directory below this one.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o711))?;
        let (s, r) = (Arc::new(Netns::new("s")?), Arc::new(Netns::new("r")?));
        let between = match shape {
            Shape::Direct => direct(&s, &r).map(|()| None)?,
            Shape::Bare => bare(&s, &r).map(|()| None)?,
            Shape::Routed => Some(routed(&s, &r)?),
        };
        let manifests = Manifests::new(&dir.path().join("manifests"))?;
        let capture = Some(Capture::start(&r, &dir.path().join("r.pcapng"))?);
        Ok(Self { speaker: None, router: None, capture, manifests, kind, s, r, _between: between, dir })
    }

    /// Starts the speaker, in place of the one before; its directory stays.
    pub(crate) fn speak(&mut self, told: &Told) -> Result<()> {
        drop(self.speaker.take());
        let dir = self.dir.path().display().to_string();
        std::fs::write(self.dir.path().join("speaker.toml"), told.file.replace("DIR", &dir))?;
        self.speaker = Some(Speaker::with(&self.s, self.dir.path(), &told.arguments(&dir))?);
        Ok(())
    }

    /// Writes a file into the speaker's directory, for nobody else to read.
    pub(crate) fn secret(&self, name: &str, text: &str) -> Result<()> {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(())
    }

    /// Starts the router, in place of the one before, with a directory of its own.
    pub(crate) fn route(&mut self, config: Config) -> Result<()> {
        drop(self.router.take());
        let dir = self.dir.path().join("router");
        if dir.exists() {
            std::fs::remove_dir_all(&dir)?;
        }
        self.router = Some(Router::start(self.kind, &self.r, &dir, config)?);
        Ok(())
    }

    /// The router.
    pub(crate) fn router(&self) -> Result<&Router> {
        self.router.as_ref().ok_or_else(|| Fault::new("no router has been started"))
    }

    /// The speaker.
    pub(crate) fn speaker(&mut self) -> Result<&mut Speaker> {
        self.speaker.as_mut().ok_or_else(|| Fault::new("no speaker has been started"))
    }

    /// A file of the lab.
    pub(crate) fn file(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// Waits until the router's own table is this, and every session it comes from Established.
    pub(crate) fn becomes(&self, want: &Routes) -> Result<Duration> {
        self.becomes_within(want, CONVERGE)
    }

    /// [`Bench::becomes`] with another limit.
    pub(crate) fn becomes_within(&self, want: &Routes, limit: Duration) -> Result<Duration> {
        let peers: BTreeSet<IpAddr> = want.values().flatten().map(|(_, peer)| *peer).collect();
        let (_, took) = wait::until("the router's table", limit, || {
            self.is(want)?;
            let up = self.router()?.established()?;
            ensure(up.is_superset(&peers), || format!("Established are {up:?}"))
        })?;
        Ok(took)
    }

    /// The router's own table stays this for [`QUIET`].
    pub(crate) fn holds(&self, want: &Routes) -> Result<()> {
        wait::stays("the router's table", QUIET, || self.is(want))
    }

    /// Compares the router's own table, once.
    pub(crate) fn is(&self, want: &Routes) -> Result<()> {
        compare(&self.router()?.routes()?, want)
    }

    /// In the router's own words no session is Established and its table is empty, for [`QUIET`].
    pub(crate) fn stays_down(&self) -> Result<()> {
        wait::stays("no session and no route", QUIET, || {
            let up = self.router()?.established()?;
            ensure(up.is_empty(), || format!("Established are {up:?}"))?;
            self.is(&Routes::new())
        })
    }

    fn state(&self) -> String {
        let speaker = self.speaker.as_ref().map_or("no speaker".to_owned(), Speaker::state);
        let router = self.router.as_ref().map_or("no router".to_owned(), |router| {
            let (up, routes) = (router.established(), router.routes());
            format!("{}: Established {up:?}\ntable {routes:?}\n{}", router.name(), router.logs())
        });
        format!("{speaker}\n{router}")
    }
}

/// A router in AS 65001 that waits for these neighbours.
pub(crate) fn waiting(neighbors: &[&str], session: Session) -> Result<Config> {
    let neighbors = neighbors.iter().map(|address| address.parse()).collect::<std::result::Result<_, _>>()?;
    let id = Ipv4Addr::new(10, 0, 9, 1);
    Ok(Config { asn: 65001, id, neighbor_asn: 65000, neighbors, hold: 9, dialing: Dialing::Passive, session })
}

/// What node n1 announces, with these next hops; one is left out where its family must not be there.
pub(crate) fn table(v4: &str, v6: &str) -> Result<Routes> {
    let mut text = String::new();
    let prefixes4 = ["10.16.0.0/16", "10.17.0.5/32", "10.18.0.7/32", "10.96.0.10/32"];
    let prefixes6 = ["fd00:10:16::/112", "fd00:10:17::5/128", "fd00:10:18::7/128", "fd00:10:96::a/128"];
    for (hop, prefixes) in [(v4, prefixes4), (v6, prefixes6)] {
        if !hop.is_empty() {
            text.extend(prefixes.map(|prefix| format!("{prefix} {hop}\n")));
        }
    }
    parse(&text)
}

fn direct(s: &Netns, r: &Netns) -> Result<()> {
    bare(s, r)?;
    address(s, "eth1", ["10.0.1.11/24", "fd00:1::11/64"])?;
    address(r, ROUTER_LINK, ["10.0.1.1/24", "fd00:1::1/64"])
}

fn bare(s: &Netns, r: &Netns) -> Result<()> {
    veth((s, "eth1"), (r, ROUTER_LINK))?;
    for (netns, link, local) in [(s, "eth1", "fe80::11/64"), (r, ROUTER_LINK, "fe80::1/64")] {
        netns.ip(&["address", "add", local, "dev", link, "scope", "link", "nodad"])?;
    }
    Ok(())
}

fn routed(s: &Netns, r: &Netns) -> Result<Netns> {
    let m = Netns::new("m")?;
    veth((s, "eth1"), (&m, "west"))?;
    veth((r, ROUTER_LINK), (&m, "east"))?;
    address(s, "eth1", ["10.0.1.11/24", "fd00:1::11/64"])?;
    address(&m, "west", ["10.0.1.254/24", "fd00:1::fe/64"])?;
    address(&m, "east", ["10.0.2.254/24", "fd00:2::fe/64"])?;
    address(r, ROUTER_LINK, ["10.0.2.1/24", "fd00:2::1/64"])?;
    m.enter(|| {
        for knob in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            std::fs::write(format!("/proc/sys/net/{knob}"), "1")?;
        }
        Ok(())
    })?;
    for (link, local) in [("west", "fe80::254/64"), ("east", "fe80::254/64")] {
        // A router that forwards IPv6 looks for neighbours from a link-local address, and from no other.
        m.ip(&["address", "add", local, "dev", link, "scope", "link", "nodad"])?;
    }
    // No default routes: FRR does not take them for a way to a next hop.
    for (netns, segment, near) in [(s, 2, 1), (r, 1, 2)] {
        netns.ip(&["route", "add", &format!("10.0.{segment}.0/24"), "via", &format!("10.0.{near}.254")])?;
        netns.ip(&[
            "-6",
            "route",
            "add",
            &format!("fd00:{segment}::/64"),
            "via",
            &format!("fd00:{near}::fe"),
        ])?;
    }
    Ok(m)
}

fn veth((near, name): (&Netns, &str), (far, link): (&Netns, &str)) -> Result<()> {
    near.ip(&["link", "add", name, "type", "veth", "peer", "name", link, "netns", far.name()])?;
    for (netns, link) in [(near, name), (far, link)] {
        // Link-local addresses are given by hand, so that tests know them.
        netns.ip(&["link", "set", link, "addrgenmode", "none"])?;
        // FRR advertises its prefixes as soon as a session may have IPv6 next hops for IPv4: no addresses from these.
        netns.enter(|| Ok(std::fs::write(format!("/proc/sys/net/ipv6/conf/{link}/autoconf"), "0")?))?;
        netns.ip(&["link", "set", link, "up"])?;
    }
    Ok(())
}

fn address(netns: &Netns, link: &str, [v4, v6]: [&str; 2]) -> Result<()> {
    netns.ip(&["address", "add", v4, "dev", link])?;
    netns.ip(&["address", "add", v6, "dev", link, "nodad"])?;
    Ok(())
}

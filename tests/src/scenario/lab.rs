//! A running lab: topology, captures, routers, manifests and speakers.

use super::table::compare;
use crate::capture::{Capture, OPEN, Verdict};
use crate::fault::{Fault, Result, ensure};
use crate::manifests::Manifests;
use crate::router::{Config, Dialing, Kind, Router, Routes, Session};
use crate::speaker::{Mode, Options, Speaker};
use crate::topology::{Topology, muffle};
use crate::wait;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// From the start of the speakers to full tables: dials, and GoBGP's idle time after a refused session.
const CONVERGE: Duration = Duration::from_secs(30);

/// OPEN, KEEPALIVE and an UPDATE from two nodes over two families: less was not a session each.
const LEAST_MESSAGES: usize = 12;

/// What a lab is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    pub(super) kind: Kind,
    pub(super) mode: Mode,
    pub(super) router_asn: u32,
    pub(super) hold: u16,
}

impl Setup {
    /// What its speakers are told; they let nobody change anything.
    pub(super) fn options(self) -> Options {
        Options { mode: self.mode, neighbor_asn: self.router_asn, hold: self.hold, writable: false }
    }
}

/// Two routers, captured, and the speakers of the nodes in order; `source` is where they read objects from.
///
/// Fields drop in this order: what runs ends before what it runs in.
pub(super) struct Lab<S = Manifests> {
    pub(super) speakers: Vec<Speaker>,
    captures: Option<[Capture; 2]>,
    pub(super) routers: [Router; 2],
    pub(super) source: S,
    pub(super) topology: Topology,
    options: Options,
}

/// The addresses of node `n<host>` towards router `r<segment>`.
pub(crate) fn addresses(segment: u8, host: u8) -> [IpAddr; 2] {
    let (host, segment) = (host + 10, u16::from(segment));
    // The last group of the IPv6 address reads like the last octet of the other: `::11`, not `::b`.
    let group = u16::from(host / 10) * 16 + u16::from(host % 10);
    let v4 = Ipv4Addr::new(10, 0, segment.to_be_bytes()[1], host);
    [v4.into(), Ipv6Addr::new(0xfd00, segment, 0, 0, 0, 0, 0, group).into()]
}

/// Starts a lab, runs the steps, has the captures judged; a fault comes with the state of everything.
///
/// `after` sees what the steps returned, beside what the captures hold.
pub(super) fn run<T>(
    setup: Setup,
    steps: impl FnOnce(&mut Lab) -> Result<T>,
    after: impl FnOnce(T, &[Verdict; 2]) -> Result<()>,
) -> Result<()> {
    conclude(Lab::start(setup)?, steps, after)
}

/// [`run`] in a lab that has been started.
pub(super) fn conclude<S, T>(
    mut lab: Lab<S>,
    steps: impl FnOnce(&mut Lab<S>) -> Result<T>,
    after: impl FnOnce(T, &[Verdict; 2]) -> Result<()>,
) -> Result<()> {
    let outcome = steps(&mut lab).and_then(|seen| after(seen, &lab.judge()?));
    outcome.map_err(|fault| Fault::new(format!("{fault}\n{}", lab.state())))
}

impl Lab {
    fn start(setup: Setup) -> Result<Self> {
        let topology = Topology::new()?;
        let manifests = Manifests::new(&topology.dir().join("manifests"))?;
        let mut lab = Self::without_speakers(setup, topology, manifests)?;
        if setup.mode == Mode::Both {
            // See `modes::collision`.
            let nodes = &lab.topology.nodes;
            nodes.iter().try_for_each(|node| (1..=2).try_for_each(|segment| muffle(node, segment)))?;
        }
        lab.speakers = vec![lab.speaker(1)?, lab.speaker(2)?];
        Ok(lab)
    }

    /// Starts the speaker of node `n<host>` anew; the old one, if it still runs, is killed.
    pub(super) fn start_speaker(&mut self, host: u8) -> Result<()> {
        self.speakers[usize::from(host) - 1] = self.speaker(host)?;
        Ok(())
    }

    fn speaker(&self, host: u8) -> Result<Speaker> {
        let netns = &self.topology.nodes[usize::from(host) - 1];
        let dir = self.topology.dir().join(format!("n{host}"));
        Speaker::start(netns, host, &dir, self.source.dir(), self.options)
    }
}

impl<S> Lab<S> {
    /// Captures and routers.
    pub(super) fn without_speakers(setup: Setup, topology: Topology, source: S) -> Result<Self> {
        // Capturing comes first, so that no message escapes.
        let [r1, r2] = &topology.routers;
        let file = |name: &str| topology.dir().join(name);
        let captures = [Capture::start(r1, &file("r1.pcapng"))?, Capture::start(r2, &file("r2.pcapng"))?];
        let routers = [router(&topology, setup, 1)?, router(&topology, setup, 2)?];
        let options = setup.options();
        Ok(Self { speakers: Vec::new(), captures: Some(captures), routers, source, topology, options })
    }

    /// Waits for all sessions, then for both tables.
    pub(super) fn converge(&self, want: &[Routes; 2]) -> Result<()> {
        for (segment, router) in (1..).zip(&self.routers) {
            let all: BTreeSet<_> =
                [addresses(segment, 1), addresses(segment, 2)].concat().into_iter().collect();
            wait::until(&format!("all sessions of {}", router.name()), CONVERGE, || {
                let up = router.established()?;
                ensure(up == all, || format!("Established are {up:?}"))
            })?;
        }
        self.become_within(want, CONVERGE).map(drop)
    }

    /// Waits until both tables are as wanted; returns how long that took.
    pub(super) fn become_within(&self, want: &[Routes; 2], limit: Duration) -> Result<Duration> {
        let (_, took) = wait::until("both tables", limit, || self.tables_are(want))?;
        Ok(took)
    }

    /// Compares both tables, once.
    pub(super) fn tables_are(&self, want: &[Routes; 2]) -> Result<()> {
        (0..2).try_for_each(|index| self.table_is(index, &want[index]))
    }

    /// Compares the table of one router, once.
    pub(super) fn table_is(&self, index: usize, want: &Routes) -> Result<()> {
        let router = &self.routers[index];
        compare(&router.routes()?, want).map_err(|fault| Fault::new(format!("{}: {fault}", router.name())))
    }

    /// Ends both captures; every message of the speakers must be sound.
    fn judge(&mut self) -> Result<[Verdict; 2]> {
        let [first, second] = self.captures.take().ok_or_else(|| Fault::new("judged before"))?;
        let verdicts = [first.finish()?, second.finish()?];
        for (segment, verdict) in (1..).zip(&verdicts) {
            let speakers = [addresses(segment, 1), addresses(segment, 2)].concat();
            verdict.check(&speakers, LEAST_MESSAGES)?;
            let opens = verdict.messages.iter().filter(|message| message.kind == OPEN);
            for open in opens.filter(|open| speakers.contains(&open.from)) {
                let asked = open.hold_time == Some(u64::from(self.options.hold));
                ensure(asked, || format!("not the hold time that was asked for: {open:?}"))?;
            }
        }
        Ok(verdicts)
    }

    /// What everything last said, for whoever has to find out why.
    fn state(&self) -> String {
        let speakers = self.speakers.iter().map(Speaker::state);
        let routers = self.routers.iter().map(|router| {
            let (up, routes) = (router.established(), router.routes());
            format!("{}: Established {up:?}\ntable {routes:?}\n{}", router.name(), router.logs())
        });
        speakers.chain(routers).collect::<Vec<_>>().join("\n")
    }
}

pub(super) fn router(topology: &Topology, setup: Setup, segment: u8) -> Result<Router> {
    let config = Config {
        asn: setup.router_asn,
        id: Ipv4Addr::new(10, 0, segment, 1),
        neighbor_asn: 65000,
        neighbors: [addresses(segment, 1), addresses(segment, 2)].concat(),
        hold: setup.hold,
        dialing: if setup.mode == Mode::Dial { Dialing::Passive } else { Dialing::Active },
        session: Session::default(),
    };
    let netns = &topology.routers[usize::from(segment) - 1];
    Router::start(setup.kind, netns, &topology.dir().join(format!("r{segment}")), config)
}

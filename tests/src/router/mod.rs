//! FRR, BIRD, GoBGP and ExaBGP behind one type: start, stop, and what their own tables hold.

mod bfd;
mod bird;
mod bird_bfd;
mod exabgp;
mod frr;
mod frr_bfd;
mod gobgp;
mod session;

pub use bfd::{BfdSession, BfdState};
pub use session::{Bfd, Hops, Peering, Session};

use crate::fault::{During, Fault, Result, ensure};
use crate::netns::Netns;
use crate::proc::{Daemon, output};
use crate::topology::listens;
use crate::wait;
use ipnet::IpNet;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a router may take from its start to its listening socket.
const START_LIMIT: Duration = Duration::from_secs(10);

/// Which router.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// FRR: `zebra` and `bgpd`; the only one here that installs routes in the kernel.
    Frr,
    /// BIRD 2.
    Bird,
    /// GoBGP 3.
    Gobgp,
    /// ExaBGP 4, which keeps no table: its own log of updates, added up, stands for one.
    Exabgp,
}

impl Kind {
    /// All of them, in the order of `docs/interop.md`.
    pub const ALL: [Self; 4] = [Self::Frr, Self::Bird, Self::Gobgp, Self::Exabgp];

    /// Its name as it is written.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Frr => "FRR",
            Self::Bird => "BIRD",
            Self::Gobgp => "GoBGP",
            Self::Exabgp => "ExaBGP",
        }
    }

    /// What its own program says about its version.
    ///
    /// # Errors
    /// When it is not installed, or says something else.
    pub fn version(self) -> Result<String> {
        let argv: &[&str] = match self {
            Self::Frr => &["/usr/lib/frr/bgpd", "--version"],
            Self::Bird => &["bird", "--version"],
            Self::Gobgp => &["gobgpd", "--version"],
            Self::Exabgp => &["exabgp", "--version"],
        };
        // BIRD says it on stderr.
        let output = output(argv)?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let words = text.split_whitespace();
        let mut words = words.filter(|word| word.starts_with(|first: char| first.is_ascii_digit()));
        words.next().map(str::to_owned).ok_or_else(|| Fault::new(format!("no version in {text:?}")))
    }
}

/// Whether a router waits for its neighbours or dials them as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialing {
    /// It only accepts connections.
    Passive,
    /// It dials, every second or so, and accepts.
    Active,
}

/// What a router is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its AS.
    pub asn: u32,
    /// Its router id.
    pub id: Ipv4Addr,
    /// The AS of all its neighbours.
    pub neighbor_asn: u32,
    /// Its neighbours. IPv4 routes go over IPv4 sessions, IPv6 routes over IPv6 sessions.
    pub neighbors: Vec<IpAddr>,
    /// Hold time in seconds; keepalives at a third of it.
    pub hold: u16,
    /// Who dials.
    pub dialing: Dialing,
    /// What else its sessions have.
    pub session: Session,
}

/// A path in a router's table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TablePath {
    /// What it leads to.
    pub prefix: IpNet,
    /// The global next hop.
    pub next_hop: IpAddr,
    /// The neighbour it was learned from.
    pub peer: IpAddr,
    /// The AS path.
    pub as_path: Vec<u32>,
    /// LOCAL_PREF, where the router shows one.
    pub local_pref: Option<u32>,
    /// Whether the router uses it, alone or with others (ECMP); only FRR says so.
    pub selected: bool,
}

/// Prefix to (next hop, neighbour) pairs.
pub type Routes = BTreeMap<IpNet, BTreeSet<(IpAddr, IpAddr)>>;

/// Where a router runs and what it was told.
#[derive(Debug)]
struct Place {
    netns: Arc<Netns>,
    dir: PathBuf,
    config: Config,
}

impl Place {
    /// A file of the router's own directory, as text for a command line.
    fn file(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    fn spawn(&self, name: &str, argv: &[&str]) -> Result<Daemon> {
        self.netns.spawn(name, argv, &self.dir.join(format!("{name}.out")))
    }
}

/// A router of any kind in a namespace of the lab; its processes end when it is dropped.
#[derive(Debug)]
pub struct Router {
    // Before `place`: the processes end before the last handle of their namespace goes.
    daemons: Vec<Daemon>,
    kind: Kind,
    place: Place,
}

impl Router {
    /// Starts it and waits for its listening socket. `dir` is made, for configuration, sockets and logs.
    ///
    /// # Errors
    /// When it does not listen within 10 s, with the end of its log.
    pub fn start(kind: Kind, netns: &Arc<Netns>, dir: &Path, config: Config) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        let place = Place { netns: Arc::clone(netns), dir: dir.to_owned(), config };
        let mut router = Self { daemons: Vec::new(), kind, place };
        router.launch()?;
        Ok(router)
    }

    /// Starts it again, with the same configuration, after [`Router::kill`] or [`Router::stop`].
    ///
    /// # Errors
    /// As [`Router::start`].
    pub fn restart(&mut self) -> Result<()> {
        ensure(self.daemons.is_empty(), || "it is still running".to_owned())?;
        self.launch()
    }

    /// Ends it as a service manager does.
    ///
    /// # Errors
    /// When a process does not end.
    pub fn stop(&mut self) -> Result<()> {
        // The reverse of the order of the start: bgpd before zebra.
        while let Some(mut daemon) = self.daemons.pop() {
            daemon.terminate()?;
            frr::forget(&daemon);
        }
        Ok(())
    }

    /// Ends it as a crash does.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn kill(&mut self) -> Result<()> {
        while let Some(mut daemon) = self.daemons.pop() {
            daemon.kill()?;
            frr::forget(&daemon);
        }
        Ok(())
    }

    /// All paths in the router's own tables, both families, wanted or not.
    ///
    /// # Errors
    /// When its CLI fails or prints something else than expected, or a path is not usable.
    pub fn paths(&self) -> Result<Vec<TablePath>> {
        let paths = match self.kind {
            Kind::Frr => frr::paths(&self.place),
            Kind::Bird => bird::paths(&self.place),
            Kind::Gobgp => gobgp::paths(&self.place),
            Kind::Exabgp => exabgp::paths(&self.place),
        };
        paths.during(format_args!("table of {}", self.name()))
    }

    /// [`Router::paths`] without the attributes.
    ///
    /// # Errors
    /// As there.
    pub fn routes(&self) -> Result<Routes> {
        let mut routes = Routes::new();
        for path in self.paths()? {
            routes.entry(path.prefix).or_default().insert((path.next_hop, path.peer));
        }
        Ok(routes)
    }

    /// The neighbours with an Established session, in the router's own words.
    ///
    /// # Errors
    /// When its CLI fails or prints something else than expected.
    pub fn established(&self) -> Result<BTreeSet<IpAddr>> {
        let peers = match self.kind {
            Kind::Frr => frr::established(&self.place),
            Kind::Bird => bird::established(&self.place),
            Kind::Gobgp => gobgp::established(&self.place),
            Kind::Exabgp => exabgp::established(&self.place),
        };
        peers.during(format_args!("sessions of {}", self.name()))
    }

    /// Has it ask all neighbours for their routes again (ROUTE-REFRESH). Returns whether it can: GoBGP keeps what it
    /// received and asks nobody.
    ///
    /// # Errors
    /// When its CLI fails.
    pub fn ask_again(&self) -> Result<bool> {
        match self.kind {
            Kind::Frr => frr::ask_again(&self.place).map(|()| true),
            Kind::Bird => bird::ask_again(&self.place).map(|()| true),
            Kind::Gobgp => Ok(false),
            Kind::Exabgp => exabgp::ask_again(&self.place).map(|()| true),
        }
    }

    /// Fails unless the router's own words hold this text: its CLI's where that tells of neighbours, or its log.
    ///
    /// # Errors
    /// When they do not.
    pub fn says(&self, text: &str) -> Result<()> {
        let told = match self.kind {
            Kind::Frr => frr::neighbors(&self.place)?,
            Kind::Bird => bird::protocols(&self.place)?,
            Kind::Gobgp => gobgp::neighbors(&self.place)?,
            Kind::Exabgp => exabgp::told(&self.place),
        };
        let logs = self.daemons.iter().map(Daemon::log).collect::<String>();
        let octets = self.kind == Kind::Exabgp && exabgp::says(&self.place, text);
        let there = told.contains(text) || logs.contains(text) || octets;
        ensure(there, || format!("{} does not say {text:?} but {told}\n{}", self.name(), self.logs()))
    }

    /// The namespace it runs in.
    #[must_use]
    pub fn netns(&self) -> &Netns {
        &self.place.netns
    }

    /// Which router it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Kind and namespace, for messages.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{:?} in {}", self.kind, self.place.netns.name())
    }

    /// The end of all its logs, for messages.
    #[must_use]
    pub fn logs(&self) -> String {
        self.daemons.iter().map(Daemon::log_tail).collect::<Vec<_>>().join("\n")
    }

    fn launch(&mut self) -> Result<()> {
        let daemons = match self.kind {
            Kind::Frr => frr::start(&self.place),
            Kind::Bird => bird::start(&self.place),
            Kind::Gobgp => gobgp::start(&self.place),
            Kind::Exabgp => exabgp::start(&self.place),
        };
        self.daemons = daemons.during(format_args!("starting {}", self.name()))?;
        let what = format!("{} listens and answers", self.name());
        wait::until(&what, START_LIMIT, || {
            self.daemons.iter_mut().try_for_each(Daemon::check_alive)?;
            let answer = listens(&self.place.netns).and_then(|()| self.established());
            answer.map_err(|fault| Fault::new(format!("{fault}\n{}", self.logs())))
        })?;
        Ok(())
    }
}

impl Drop for Router {
    fn drop(&mut self) {
        // An error means that a process is gone already.
        let _ = self.kill();
    }
}

/// A field of a JSON object as text, or what is missing.
fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str> {
    value[field].as_str().ok_or_else(|| Fault::new(format!("no text {field:?} in {value}")))
}

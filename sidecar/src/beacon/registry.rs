//! Which sessions are wanted, and how those there are come to be equal to them. Without sockets: routes are told.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::time::Instant;

use bfd::engine::{Action, Control, Engine, OpenError, SessionId};
use bfd::session::{Hops, Path, Role, Settings, Status};
use bfd::{Diagnostic, State};
use tracing::warn;

use crate::address::Address;
use crate::config::Config;
use crate::status;

/// Our address towards a peer, by the kernel's routes.
pub type Sources = HashMap<Address, IpAddr>;

/// See the module.
pub struct Registry {
    listen: Vec<Address>,
    pub(super) hops: Hops,
    passive: bool,
    allowed: BTreeSet<Address>,
    /// Those it was started with.
    configured: BTreeSet<Address>,
    sources: Sources,
    /// What sessions are told that come from now on.
    pub(super) settings: Settings,
    /// Sessions that were opened since they are wanted: opening one of them again is a recovery.
    opened: HashSet<Path>,
    /// Sessions that could not be opened, which is said once.
    refused: HashSet<Path>,
    pub(super) recovered: u64,
    pub(super) failed: u64,
    /// Since when every session that is wanted is not Up.
    pub(super) none_up_since: Option<Instant>,
}

/// The ends of a session that is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub(super) path: Path,
    /// The address at our end was not said but found by the routes.
    derived: bool,
}

/// Sessions by their ends, so that thousands are looked through in one pass on the BFD thread.
pub(super) struct Index<'a> {
    by_ends: HashMap<(Address, Address), &'a Status>,
    /// One that is Up with each peer that has one.
    up: HashMap<Address, &'a Status>,
}

impl<'a> Index<'a> {
    pub(super) fn of(sessions: &'a [Status]) -> Self {
        let ends = |status: &'a Status| ((status::local(status), status::remote(status)), status);
        let up = sessions.iter().filter(|status| status.state == State::Up);
        Self {
            by_ends: sessions.iter().map(ends).collect(),
            up: up.map(|status| (status::remote(status), status)).collect(),
        }
    }

    fn between(&self, path: &Path) -> Option<&'a Status> {
        self.by_ends.get(&ends(path)?).copied()
    }
}

/// Both ends of a path; the link counts only where it says something.
fn ends(path: &Path) -> Option<(Address, Address)> {
    let on_link = |ip| Address::on_link(ip, path.interface);
    Some((on_link(path.local?), on_link(path.remote)))
}

impl Wanted {
    /// The session that is what is wanted. Where our end was only guessed, one that is Up at another will do.
    pub(super) fn met_by<'a>(&self, sessions: &Index<'a>) -> Option<&'a Status> {
        let elsewhere = || sessions.up.get(&self.remote()).filter(|_| self.derived).copied();
        sessions.between(&self.path).or_else(elsewhere)
    }

    fn remote(&self) -> Address {
        Address::on_link(self.path.remote, self.path.interface)
    }
}

impl Registry {
    /// As configured; [`Registry::reconcile`] makes it so.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            listen: config.listen.clone(),
            hops: config.hops,
            passive: config.passive,
            allowed: config.peers.iter().copied().collect(),
            configured: config.peers.iter().copied().collect(),
            sources: Sources::new(),
            settings: config.settings.clone(),
            opened: HashSet::new(),
            refused: HashSet::new(),
            recovered: 0,
            failed: 0,
            none_up_since: None,
        }
    }

    /// Peers towards which only the routes know our address.
    #[must_use]
    pub fn unsourced(&self) -> Vec<Address> {
        let needs = |remote: &&Address| {
            self.listen.iter().any(|local| local.ip.is_unspecified() && local.same_family(remote))
        };
        self.allowed.iter().filter(|remote| !remote.ip.is_unspecified()).filter(needs).copied().collect()
    }

    /// What the routes say now. A route that is gone leaves what was known: its peer is then just not reached.
    pub fn refresh(&mut self, sources: Sources) {
        self.learn(sources);
        let allowed = &self.allowed;
        self.sources.retain(|remote, _| allowed.contains(remote));
    }

    /// These routes beside those known.
    pub fn learn(&mut self, sources: impl IntoIterator<Item = (Address, IpAddr)>) {
        self.sources.extend(sources);
    }

    /// Lets this peer have sessions, now or when it speaks.
    pub(super) fn allow(&mut self, engine: &mut Engine, remote: Address) {
        self.allowed.insert(remote);
        engine.allow(remote.ip);
    }

    /// Lets this peer have no new sessions.
    pub(super) fn block(&mut self, engine: &mut Engine, remote: Address) {
        self.allowed.remove(&remote);
        self.sources.remove(&remote);
        for paths in [&mut self.opened, &mut self.refused] {
            paths.retain(|path| Address::on_link(path.remote, path.interface) != remote);
        }
        if !self.allowed.iter().any(|other| other.ip == remote.ip) {
            engine.block(remote.ip);
        }
    }

    /// Every listen address with every allowed one of its family.
    fn wanted(&self) -> Vec<Wanted> {
        self.with(&self.allowed)
    }

    /// What readiness and metrics are about: the peers it was started with, whatever commands allowed or blocked since;
    /// where it was started with none, those that commands allow.
    pub(super) fn expected(&self) -> Vec<Wanted> {
        self.with(if self.configured.is_empty() { &self.allowed } else { &self.configured })
    }

    fn with(&self, remotes: &BTreeSet<Address>) -> Vec<Wanted> {
        let mut wanted: Vec<Wanted> = Vec::new();
        let mut seen = HashSet::new();
        for remote in remotes.iter().filter(|remote| !remote.ip.is_unspecified()) {
            for listen in self.listen.iter().filter(|listen| listen.same_family(remote)) {
                let derived = listen.ip.is_unspecified();
                let local = if derived { self.sources.get(remote).copied() } else { Some(listen.ip) };
                let interface = if remote.interface == 0 { listen.interface } else { remote.interface };
                let path = Path { hops: self.hops, local, remote: remote.ip, interface };
                // Without a route there is no end of ours; a session with ourselves is none.
                if local.is_some_and(|local| local != remote.ip) && seen.insert(path) {
                    wanted.push(Wanted { path, derived });
                }
            }
        }
        wanted
    }

    /// Makes the engine have what is wanted. Sessions that were commanded, or are Up, are not touched.
    pub fn reconcile(&mut self, engine: &mut Engine, now: Instant, out: &mut Vec<Action>) {
        engine.set_passive(self.settings.clone());
        for remote in &self.allowed {
            engine.allow(remote.ip);
        }
        let (wanted, sessions) = (self.wanted(), engine.sessions());
        let index = Index::of(&sessions);
        self.note_up(&self.expected(), &index, now);
        if self.passive {
            return;
        }
        self.close_misplaced(engine, (&wanted, &index), now, out);
        for wanted in wanted {
            match wanted.met_by(&index) {
                Some(status) if status.role == Role::Passive => {
                    engine.control(now, status.id, Control::Activate, out);
                }
                Some(_) => {}
                None => self.reopen(engine, now, wanted.path, out),
            }
        }
    }

    fn reopen(&mut self, engine: &mut Engine, now: Instant, path: Path, out: &mut Vec<Action>) {
        let again = self.opened.contains(&path);
        match self.open(engine, now, path, out) {
            Ok(_) => {
                self.recovered += u64::from(again);
                self.opened.insert(path);
                self.refused.remove(&path);
            }
            Err(error) => {
                self.failed += 1;
                if self.refused.insert(path) {
                    warn!(remote = %path.remote, %error, "a session was not opened, and is tried again silently");
                }
            }
        }
    }

    /// Opens an active session; one that is there becomes active.
    pub(super) fn open(
        &self,
        engine: &mut Engine,
        now: Instant,
        path: Path,
        out: &mut Vec<Action>,
    ) -> Result<SessionId, OpenError> {
        match engine.open(now, path, (Role::Active, self.settings.clone()), out) {
            Err(OpenError::Exists(id)) => {
                engine.control(now, id, Control::Activate, out);
                Ok(id)
            }
            other => other,
        }
    }

    /// A session from an address the routes no longer name, or beside one that is Up from another address because the
    /// peer speaks to that one, is in nobody's interest.
    fn close_misplaced(
        &mut self,
        engine: &mut Engine,
        (wanted, sessions): (&[Wanted], &Index<'_>),
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let places: HashMap<_, _> =
            wanted.iter().filter_map(|wanted| Some((ends(&wanted.path)?, wanted))).collect();
        let mut closed = HashSet::new();
        for path in &self.opened {
            let Some(status) = sessions.between(path).filter(|status| status.state != State::Up) else {
                continue;
            };
            let misplaced = match ends(path).and_then(|ends| places.get(&ends)) {
                Some(place) => place.derived && sessions.up.contains_key(&place.remote()),
                None => self.allowed.contains(&status::remote(status)),
            };
            if misplaced {
                close(engine, now, status.id, out);
                closed.insert(*path);
            }
        }
        self.opened.retain(|path| !closed.contains(path));
    }

    /// Keeps since when nothing that is wanted is Up.
    pub(super) fn note_up(&mut self, wanted: &[Wanted], sessions: &Index<'_>, now: Instant) {
        let is_up = |status: &Status| status.state == State::Up;
        let up = wanted.iter().any(|wanted| wanted.met_by(sessions).is_some_and(is_up));
        self.none_up_since = match up || wanted.is_empty() {
            true => None,
            false => Some(self.none_up_since.unwrap_or(now)),
        };
    }
}

/// Says AdminDown, so that the peer takes it for no failure (RFC 5882 §3.2), and ends the session.
pub(super) fn close(engine: &mut Engine, now: Instant, id: SessionId, out: &mut Vec<Action>) {
    engine.control(now, id, Control::Force(State::AdminDown, Diagnostic::ADMIN_DOWN), out);
    engine.close(id, out);
}

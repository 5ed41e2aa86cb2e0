//! The neighbours of a running speaker: the first set of them, and every later one by its difference.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use bgp::fsm::Bfd;
use bgp::net::{Admin, Engine, PeerConfig, Reconfigured};
use tracing::info;

use super::RunError;
use super::paths::Paths;
use super::sessions::Keeper;
use crate::config::{Config, Neighbor};
use crate::liveness::Liveness;
use crate::roster::Roster;

/// Told to a router that is configured no more, where nothing else is to be told.
const GONE: &str = "neighbor is not configured any more";

/// The neighbours and all that is kept about them.
pub(super) struct Peers {
    pub(super) engine: Arc<Engine>,
    pub(super) roster: Arc<Roster>,
    pub(super) keeper: Arc<Keeper>,
    pub(super) paths: Paths,
    pub(super) liveness: Liveness,
}

impl Peers {
    /// Brings the neighbours to what this configuration says. Those it does not change are not touched.
    ///
    /// # Errors
    /// A socket cannot be had; then nothing is changed.
    pub(super) async fn apply(&mut self, config: &Config) -> Result<(), RunError> {
        listen(config, &self.engine)?;
        self.paths.follow(&config.neighbors).await?;
        self.liveness.set_options(config.bfd.clone());
        let before = self.roster.neighbors();
        for (addr, old) in &before {
            if !config.neighbors.iter().any(|new| new.addr() == *addr) {
                self.remove(old);
            }
        }
        for new in &config.neighbors {
            match before.get(&new.addr()) {
                None => self.add(new, !before.is_empty()),
                Some(old) if old == new => info!(peer = %new.addr(), "configuration: unchanged"),
                Some(old) => self.change(old, new),
            }
        }
        self.paths.seek(&config.neighbors).await;
        Ok(())
    }

    /// The peer as the engine gets it: what the process before left decides what its OPEN says.
    fn prepared(&self, neighbor: &Neighbor) -> PeerConfig {
        let mut peer = neighbor.peer.0.clone();
        if let Some(restart) = &mut peer.session.restart {
            (restart.restarted, restart.forwarding) = self.keeper.judge(peer.addr);
        }
        peer
    }

    fn add(&self, new: &Neighbor, reloading: bool) {
        let peer = self.prepared(new);
        self.roster.enter(new.clone());
        let mut path = self.paths.of(&peer);
        if new.bfd.as_ref().is_some_and(|profile| profile.hold.is_none()) {
            path.bfd = Bfd::Awaited; // strict: from the first dial on
        }
        let addr = peer.addr;
        self.engine.add_peer_on(peer, path);
        if let Some(at) = self.paths.at(addr) {
            self.engine.found(addr, Some(at));
        }
        if !new.enabled {
            self.administer(new, Admin::Disable(new.shutdown_text.clone()));
        }
        self.liveness.want(new, path.local, self.paths.at(addr));
        if reloading {
            info!(peer = %new.addr(), "configuration: neighbour added");
        }
    }

    fn remove(&self, old: &Neighbor) {
        let text = if old.shutdown_text.is_empty() { GONE } else { &old.shutdown_text };
        self.engine.remove_peer(old.addr(), text);
        self.liveness.forget(old.addr()); // after BGP: some routers take AdminDown for a failure
        self.roster.strike(old.addr());
        self.keeper.forget(old.addr());
        info!(peer = %old.addr(), "configuration: neighbour removed");
    }

    fn change(&self, old: &Neighbor, new: &Neighbor) {
        let peer = self.prepared(new);
        let addr = peer.addr;
        self.roster.enter(new.clone());
        let path = self.paths.of(&peer);
        let done = match self.engine.reconfigure(peer) {
            Some(Reconfigured::Nothing) if old.bfd != new.bfd => "BFD changed, the session goes on",
            Some(Reconfigured::Nothing) => "nothing to do",
            Some(Reconfigured::Applied) => "applied, the session goes on",
            Some(Reconfigured::Restarted) => "applied, the session begins anew",
            None => "is not there",
        };
        // Whatever changed: another family or hop limit may need what was not looked for before.
        if let Some(local) = path.local {
            self.engine.dial_from(addr, local);
        }
        self.engine.path_changed(addr, path.next_hops);
        self.liveness.want(new, path.local, self.paths.at(addr));
        match (old.enabled, new.enabled) {
            (true, false) => self.administer(new, Admin::Disable(new.shutdown_text.clone())),
            (false, true) => self.administer(new, Admin::Enable),
            _ => {}
        }
        info!(peer = %addr, done, enabled = new.enabled, "configuration: neighbour changed");
    }

    fn administer(&self, neighbor: &Neighbor, what: Admin) {
        if let Err(error) = self.engine.administer(neighbor.addr(), what) {
            tracing::error!(%error, "a neighbour could not be told that it is enabled or not");
        }
    }
}

/// Opens the wildcard socket of each family that has neighbours who are taken connections from, unless it is open.
fn listen(config: &Config, engine: &Engine) -> Result<(), RunError> {
    let Some(port) = config.listen else { return Ok(()) };
    for wildcard in [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)] {
        let on = SocketAddr::new(wildcard, port);
        let wanted = config
            .neighbors
            .iter()
            .any(|one| one.peer.0.session.listen && one.addr().ip().is_ipv4() == on.is_ipv4());
        if wanted && !engine.listening().contains(&on) {
            engine.listen(on).map_err(|cause| RunError::Listen { on, cause })?;
            info!(%on, "listening");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bgp::net::{Link, PeerAddr};
    use clap::Parser;
    use tokio::task::JoinSet;

    use super::*;
    use crate::cli::Cli;
    use crate::config::Environment;
    use crate::stages::Stages;

    #[tokio::test]
    async fn who_is_found_on_a_link_is_known_to_the_engine_by_then() {
        let dir = tempfile::tempdir().expect("directory");
        let file = dir.path().join("speaker.toml");
        std::fs::write(&file, "[[neighbor]]\ninterface = \"lo\"\nas = 65001\n").expect("written");
        let flags = ["speaker", "--cluster-as=65000", "--node-name=n1", "--router-id=10.0.0.7", "--config"];
        let cli = Cli::try_parse_from(flags.into_iter().chain(file.to_str())).expect("flags");
        let config = Config::resolve(&cli.run, &Environment::default()).expect("legal");
        let (engine, roster) = (Arc::new(Engine::new()), Arc::<Roster>::default());
        let mut tasks = JoinSet::new();
        let stages = Arc::<Stages>::default();
        let liveness = Liveness::default();
        let mut paths = Paths::new(&config, (&engine, &roster, &stages), &liveness, &mut tasks);
        let mut seekers = paths.watch_seekers();
        let keeper = Arc::new(Keeper::open(&config));
        let mut peers = Peers { engine: Arc::clone(&engine), roster, keeper, paths, liveness };
        let link = PeerAddr::unnumbered(Link::new("lo").expect("a name"));
        let search = async {
            let _begins = seekers.recv().await.expect("a search");
            engine.peer(link).is_some()
        };
        let both = async { tokio::join!(peers.apply(&config), search) };
        let (applied, known) = tokio::time::timeout(Duration::from_secs(10), both).await.expect("in time");
        applied.expect("a kernel");
        assert!(known, "the search tells each router once");
    }
}

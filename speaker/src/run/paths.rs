//! The ways to the neighbours: the next-hop tracker over a changing set of them, who is found on links, and all of that told
//! to the engine.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddrV6};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bgp::Family;
use bgp::net::{Engine, Hops, Link, Path, PeerAddr, PeerConfig};
use bgp::rib::NextHops;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::RunError;
use crate::config::{Config, Neighbor};
use crate::liveness::Liveness;
use crate::nexthop::{Change, Neighbor as Followed, Sources, Tracker, Troubles, neighbors_on_link};
use crate::roster::Roster;
use crate::stages::Stages;

/// Who is at the other end of a link.
type OnLink = (Link, Option<SocketAddrV6>);

pub(super) type Following = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is known of the ways to all neighbours.
pub(super) struct Paths {
    sources: Sources,
    troubles: Arc<Troubles>,
    found: Arc<Mutex<HashMap<PeerAddr, NextHops>>>,
    /// Who is at the other ends of links, as told last.
    on_links: Arc<Mutex<HashMap<Link, Option<SocketAddrV6>>>>,
    followed: Vec<Followed>,
    links: Vec<Link>,
    changes: mpsc::Sender<Change>,
    routers: mpsc::Sender<OnLink>,
    trackers: mpsc::Sender<Following>,
    seekers: mpsc::Sender<Following>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Paths {
    /// Follows nobody yet; what is found later goes to the engine.
    pub(super) fn new(
        config: &Config,
        (engine, roster, stages): (&Arc<Engine>, &Arc<Roster>, &Arc<Stages>),
        liveness: &Liveness,
        tasks: &mut JoinSet<&'static str>,
    ) -> Self {
        let sources =
            Sources { substitution: config.substitution.clone(), allowed: config.allowed_sources.clone() };
        let (changes, mut news) = mpsc::channel::<Change>(64);
        let (trackers, running) = mpsc::channel(1);
        tasks.spawn(supervise(running, "the next-hop tracker"));
        let (seekers, running) = mpsc::channel(1);
        tasks.spawn(supervise(running, "the search for routers on links"));
        let on_links = Arc::default();
        let routers = tell_found(Arc::clone(engine), Arc::clone(&on_links), liveness.clone(), tasks);
        let found: Arc<Mutex<HashMap<PeerAddr, NextHops>>> = Arc::default();
        let (engine, roster, stages) = (Arc::clone(engine), Arc::clone(roster), Arc::clone(stages));
        let (known, of, liveness) = (Arc::clone(&found), sources.clone(), liveness.clone());
        tasks.spawn(async move {
            while let Some(change) = news.recv().await {
                if lock(&known).insert(change.neighbor, change.next_hops) != Some(change.next_hops) {
                    stages.next_hop_changed();
                }
                let addr = change.neighbor;
                let Some(row) = roster.row(addr) else { continue };
                let path = path(&row.neighbor.peer.0, change.next_hops, &of);
                if let Some(local) = path.local {
                    engine.dial_from(addr, local);
                }
                engine.path_changed(addr, path.next_hops);
                liveness.look(addr, path.local);
            }
            std::future::pending().await // the tracker's own end is reported by its task
        });
        let (followed, links) = (Vec::new(), Vec::new());
        let troubles = Arc::default();
        Self { sources, troubles, found, on_links, followed, links, changes, routers, trackers, seekers }
    }

    /// Where there is no way at present.
    pub(super) fn troubles(&self) -> &Arc<Troubles> {
        &self.troubles
    }

    /// Follows these neighbours from now on, and no others.
    ///
    /// # Errors
    /// The kernel cannot be asked: those followed before stay so.
    pub(super) async fn follow(&mut self, neighbors: &[Neighbor]) -> Result<(), RunError> {
        let followed: Vec<Followed> = neighbors.iter().filter_map(|one| followed(&one.peer.0)).collect();
        if self.followed == followed && !followed.is_empty() {
            return Ok(());
        }
        let (sources, troubles) = (self.sources.clone(), Arc::clone(&self.troubles));
        let (first, tracker) = Tracker::start(&followed, sources, troubles, self.changes.clone()).await?;
        self.followed = followed;
        let news = self.find(first);
        let _ = self.trackers.send(Box::pin(tracker)).await; // the supervisor outlives us
        // The tracker before may have ended without telling these, and this one takes them for told.
        for change in news {
            let _ = self.changes.send(change).await;
        }
        Ok(())
    }

    /// Looks for the routers at the other ends of links. Each is told once, so the engine must know the neighbours by then.
    pub(super) async fn seek(&mut self, neighbors: &[Neighbor]) {
        let named = neighbors.iter().map(Neighbor::addr).filter(PeerAddr::is_unnumbered);
        let links: Vec<Link> = named.filter_map(|addr| addr.link()).collect();
        if self.links != links {
            self.links.clone_from(&links);
            let seeking = neighbors_on_link(links, self.routers.clone());
            let _ = self.seekers.send(Box::pin(seeking)).await; // the supervisor outlives us
        }
    }

    /// The searches for routers that begin from now on.
    #[cfg(test)]
    pub(super) fn watch_seekers(&mut self) -> mpsc::Receiver<Following> {
        let (seekers, watched) = mpsc::channel::<Following>(1);
        self.seekers = seekers;
        watched
    }

    /// Takes over what a new tracker found; returns what differs of those that were followed before.
    fn find(&self, first: HashMap<PeerAddr, NextHops>) -> Vec<Change> {
        let (mut found, mut news) = (lock(&self.found), Vec::new());
        found.retain(|addr, _| first.contains_key(addr));
        for (neighbor, next_hops) in first {
            if next_hops == NextHops::default() {
                found.entry(neighbor).or_default(); // the last good ones stay
            } else if found.insert(neighbor, next_hops).is_some_and(|known| known != next_hops) {
                news.push(Change { neighbor, next_hops });
            }
        }
        news
    }

    /// Who was found at the other end of the neighbour's link, if it is named by that alone. For one the engine has got
    /// just now: what was found before nobody was there to hear.
    pub(super) fn at(&self, addr: PeerAddr) -> Option<SocketAddrV6> {
        let link = addr.link().filter(|_| addr.is_unnumbered())?;
        lock(&self.on_links).get(&link).copied().flatten()
    }

    /// The way to a neighbour as far as it is known now.
    pub(super) fn of(&self, peer: &PeerConfig) -> Path {
        let found = lock(&self.found).get(&peer.addr).copied().unwrap_or_default();
        path(peer, found, &self.sources)
    }
}

/// What is given beats what is found.
fn path(peer: &PeerConfig, found: NextHops, sources: &Sources) -> Path {
    let (pinned_v4, pinned_v6) = match peer.dialing.local {
        Some(IpAddr::V4(v4)) => (Some(v4), None),
        Some(IpAddr::V6(v6)) => (None, Some(v6)),
        None => (None, None),
    };
    let next_hops = NextHops {
        v4: peer.next_hops.v4.or(pinned_v4).or(found.v4),
        v6: peer.next_hops.v6.or(pinned_v6).or(found.v6),
        // Ours goes beside our own address only (RFC 2545 §3).
        link_local: found.link_local.filter(|_| peer.next_hops.v6.is_none()),
    };
    let local = peer.dialing.local.or_else(|| sources.local(peer.addr, found));
    Path { next_hops, local, ..Path::default() }
}

/// The neighbour as the kernel is asked about it; `None` if everything about it is given.
fn followed(peer: &PeerConfig) -> Option<Followed> {
    let given = |family: &Family| peer.next_hops.of(*family).is_some();
    if peer.session.families.iter().all(given) {
        return None;
    }
    let on_link = matches!(peer.dialing.hops, Hops::AtMost(1) | Hops::Secured(1));
    Some(Followed { addr: peer.addr, on_link })
}

/// Tells the engine who is at the other ends of links.
fn tell_found(
    engine: Arc<Engine>,
    on_links: Arc<Mutex<HashMap<Link, Option<SocketAddrV6>>>>,
    liveness: Liveness,
    tasks: &mut JoinSet<&'static str>,
) -> mpsc::Sender<OnLink> {
    let (to, mut news) = mpsc::channel::<OnLink>(64);
    tasks.spawn(async move {
        while let Some((link, at)) = news.recv().await {
            lock(&on_links).insert(link, at); // first: a neighbour that comes meanwhile looks here
            engine.found(PeerAddr::unnumbered(link), at);
            liveness.found(PeerAddr::unnumbered(link), at);
        }
        std::future::pending().await // its own end is reported by its task
    });
    to
}

/// Runs one at a time: the next takes the place of the one before.
async fn supervise(mut trackers: mpsc::Receiver<Following>, name: &'static str) -> &'static str {
    let mut current: Following = Box::pin(std::future::pending());
    loop {
        tokio::select! {
            () = &mut current => return name,
            next = trackers.recv() => match next {
                Some(next) => current = next,
                None => std::future::pending().await, // nobody is left to ask: we are being stopped
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use bgp::net::Dialing;
    use bgp::{Asn, HoldTime, RouterId, fsm};

    use super::*;

    fn peer(addr: &str, local: Option<IpAddr>, hops: Hops) -> PeerConfig {
        let remote = SocketAddr::new(addr.parse().expect("an address"), 179);
        let own = (Asn::new(1).expect("legal"), RouterId::new(Ipv4Addr::LOCALHOST).expect("legal"));
        let families = vec![if remote.is_ipv4() { Family::IPV4_UNICAST } else { Family::IPV6_UNICAST }];
        let session =
            fsm::Config::new(own, Asn::new(2).expect("legal"), HoldTime::new(90).expect("legal"), families);
        PeerConfig::new(Dialing { remote, local, hops }, session)
    }

    #[test]
    fn what_is_given_beats_what_is_pinned_and_that_what_is_found() {
        let found = NextHops { v4: Some(Ipv4Addr::new(10, 0, 0, 3)), ..NextHops::default() };
        let sources = Sources::default();
        let told = |peer: &PeerConfig| path(peer, found, &sources).next_hops.v4.map(|addr| addr.octets()[3]);
        let mut one = peer("10.0.0.9", None, Hops::Any);
        assert_eq!(told(&one), Some(3));
        one.dialing.local = Some([10, 0, 0, 2].into());
        assert_eq!(told(&one), Some(2));
        one.next_hops.v4 = Some([10, 0, 0, 1].into());
        assert_eq!(told(&one), Some(1));
        assert_eq!(path(&one, found, &sources).local, Some([10, 0, 0, 2].into()), "the session stays pinned");
    }

    #[tokio::test]
    async fn what_changed_while_trackers_took_turns_is_told() {
        let (changes, mut news) = mpsc::channel(4);
        let (trackers, _running) = mpsc::channel(4);
        let (seekers, _seeking) = mpsc::channel(4);
        let (routers, _found) = mpsc::channel(4);
        let (found, sources) = (Arc::default(), Sources::default());
        let (on_links, followed, links) = (Arc::default(), Vec::new(), Vec::new());
        let troubles = Arc::default();
        let mut paths = Paths {
            sources,
            troubles,
            found,
            on_links,
            followed,
            links,
            changes,
            routers,
            trackers,
            seekers,
        };
        let neighbors = ["127.0.0.8", "127.0.0.9"].map(|addr| Neighbor::new(peer(addr, None, Hops::Any)));
        paths.follow(&neighbors[..1]).await.expect("a kernel");
        let now = paths.of(&neighbors[0].peer.0).next_hops;
        assert!(now.v4.is_some() && news.try_recv().is_err(), "the first to be followed are asked for");
        // The kernel's answer was another one when the engine was told last.
        let stale = NextHops { v4: Some(Ipv4Addr::new(10, 0, 0, 3)), ..now };
        lock(&paths.found).insert(neighbors[0].addr(), stale);
        paths.follow(&neighbors).await.expect("a kernel");
        assert_eq!(news.try_recv(), Ok(Change { neighbor: neighbors[0].addr(), next_hops: now }));
        assert!(news.try_recv().is_err(), "the new one is asked for");
    }

    #[test]
    fn the_kernel_is_asked_about_those_that_not_all_is_given_for() {
        let on_link = |hops| followed(&peer("10.0.0.9", None, hops)).map(|one| one.on_link);
        assert_eq!(on_link(Hops::AtMost(1)), Some(true));
        assert_eq!(on_link(Hops::Secured(1)), Some(true));
        assert_eq!(on_link(Hops::AtMost(2)), Some(false));
        assert_eq!(on_link(Hops::Any), Some(false));
        let mut given = peer("10.0.0.9", None, Hops::Any);
        given.next_hops.v4 = Some([10, 0, 0, 1].into());
        assert_eq!(followed(&given), None);
        given.session.families.push(Family::IPV6_UNICAST);
        assert!(followed(&given).is_some(), "IPv6 is not given");
    }
}

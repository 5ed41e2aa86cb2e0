//! An embedded upstream router: takes sessions, keeps a table with every path (ECMP), and tells what it learns.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use bgp::net::{Dialing, Engine, Hops, Inbound, InboundEvent, PeerConfig};
use bgp::wire::{Attr, Prefixes, Update};
use bgp::{Asn, Family, HoldTime, RouterId, fsm};
use ipnet::IpNet;
use tokio::sync::mpsc;

/// A path appeared or went at a router.
#[derive(Clone, Copy, Debug)]
pub(super) struct Learned {
    pub(super) router: usize,
    pub(super) prefix: IpNet,
    pub(super) from: IpAddr,
    /// `None`: the path is gone.
    pub(super) next_hop: Option<IpAddr>,
    pub(super) at: Instant,
}

/// Prefix → neighbour it came from → next hop.
pub(super) type Table = BTreeMap<IpNet, BTreeMap<IpAddr, IpAddr>>;

/// The router's side of one session with each node.
pub(super) struct Router {
    pub(super) name: &'static str,
    pub(super) addr: SocketAddr,
    pub(super) table: Table,
    _engine: Engine,
}

/// Who a router is and whom it expects.
pub(super) struct Identity {
    pub(super) index: usize,
    pub(super) name: &'static str,
    pub(super) ip: IpAddr,
    pub(super) asn: Asn,
    pub(super) nodes_as: Asn,
    pub(super) router_id: RouterId,
}

impl Router {
    /// Listens on a free port of its own loopback address.
    pub(super) fn start(
        who: &Identity,
        nodes: &[IpAddr],
        learned: mpsc::Sender<Learned>,
    ) -> io::Result<Self> {
        let engine = Engine::new();
        let addr = engine.listen(SocketAddr::new(who.ip, 0))?;
        let (inbound, updates) = mpsc::channel(1024);
        for node in nodes {
            engine.add_peer(PeerConfig {
                inbound: Some(inbound.clone()),
                ..PeerConfig::new(
                    Dialing { remote: SocketAddr::new(*node, 0), local: None, hops: Hops::Any },
                    fsm::Config {
                        dial: false,
                        listen: true,
                        hostname: Some(who.name.to_owned()),
                        ..fsm::Config::new(
                            (who.asn, who.router_id),
                            who.nodes_as,
                            HoldTime::new(9).ok_or(io::ErrorKind::InvalidInput)?,
                            vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST],
                        )
                    },
                )
            });
        }
        tokio::spawn(learn(who.index, updates, learned));
        Ok(Self { name: who.name, addr, table: Table::new(), _engine: engine })
    }

    /// Enters what was learned into the table.
    pub(super) fn enter(&mut self, learned: &Learned) {
        let paths = self.table.entry(learned.prefix).or_default();
        match learned.next_hop {
            Some(next_hop) => paths.insert(learned.from, next_hop),
            None => paths.remove(&learned.from),
        };
        if paths.is_empty() {
            self.table.remove(&learned.prefix);
        }
    }
}

/// Turns updates into single paths. A session that ends takes all its paths along.
async fn learn(router: usize, mut updates: mpsc::Receiver<Inbound>, to: mpsc::Sender<Learned>) {
    let mut held: BTreeSet<(IpAddr, IpNet)> = BTreeSet::new();
    while let Some(Inbound { peer: from, event }) = updates.recv().await {
        let from = from.ip();
        let at = Instant::now();
        let changes = match event {
            InboundEvent::Update(update) => paths(update),
            InboundEvent::Down => {
                let gone = held.iter().filter(|(peer, _)| *peer == from);
                gone.map(|(_, prefix)| (*prefix, None)).collect()
            }
        };
        for (prefix, next_hop) in changes {
            match next_hop {
                Some(_) => held.insert((from, prefix)),
                None => held.remove(&(from, prefix)),
            };
            if to.send(Learned { router, prefix, from, next_hop, at }).await.is_err() {
                return;
            }
        }
    }
}

/// Every prefix of an UPDATE with its next hop, or without one if it is withdrawn.
fn paths(update: Update) -> Vec<(IpNet, Option<IpAddr>)> {
    let v4 = update.attrs.iter().find_map(|attr| match attr {
        Attr::NextHop(addr) => Some(IpAddr::V4(*addr)),
        _ => None,
    });
    let mut all: Vec<(IpNet, Option<IpAddr>)> =
        update.withdrawn.into_iter().map(|net| (net.into(), None)).collect();
    all.extend(update.nlri.into_iter().map(|net| (net.into(), v4)));
    for attr in update.attrs {
        let (prefixes, next_hop) = match attr {
            Attr::MpReach(reach) => (reach.prefixes, reach.next_hop.addr()),
            Attr::MpUnreach(unreach) => (unreach.prefixes, None),
            _ => continue,
        };
        match prefixes {
            Prefixes::V4(nets) => all.extend(nets.into_iter().map(|net| (net.into(), next_hop))),
            Prefixes::V6(nets) => all.extend(nets.into_iter().map(|net| (net.into(), next_hop))),
            Prefixes::Other(..) => {}
        }
    }
    all
}

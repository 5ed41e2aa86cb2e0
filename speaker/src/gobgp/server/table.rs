//! The tables as rows: which of them a request means, and what stands in each path. Knows no generation of the API.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Instant;

use bgp::net::{Engine, PeerAddr, PeerStatus};
use bgp::rib::{Advertised, LearnedPath, RouteAttrs};
use bgp::wire::{Attr, Origin};
use bgp::{Asn, Family, RouterId};
use ipnet::IpNet;
use tonic::Status;

use crate::announce::Announcer;

/// A table that can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Table {
    /// The wanted routes.
    Global,
    /// What a neighbour announces.
    AdjIn(PeerAddr),
    /// What a neighbour holds from us.
    AdjOut(PeerAddr),
}

/// Which destinations are asked for by one prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    /// This one.
    Exact(IpNet),
    /// This one and all inside it.
    Longer(IpNet),
    /// This one and all around it.
    Shorter(IpNet),
    /// The longest that holds this address.
    Longest(IpAddr),
}

/// How the prefix of a lookup is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As it stands; without a length the longest match.
    Exact,
    /// With all inside it.
    Longer,
    /// With all around it.
    Shorter,
}

impl Lookup {
    /// Reads the prefix of a request.
    pub(super) fn parse(text: &str, kind: Kind) -> Result<Self, Status> {
        if let Ok(addr) = text.parse::<IpAddr>() {
            return Ok(match kind {
                Kind::Exact => Self::Longest(addr),
                Kind::Longer => Self::Longer(addr.into()),
                Kind::Shorter => Self::Shorter(addr.into()),
            });
        }
        let rule =
            || Status::invalid_argument(format!("prefixes: {text:?} is neither an address nor a prefix"));
        let net = text.parse::<IpNet>().map_err(|_| rule())?.trunc();
        Ok(match kind {
            Kind::Exact => Self::Exact(net),
            Kind::Longer => Self::Longer(net),
            Kind::Shorter => Self::Shorter(net),
        })
    }

    fn takes(self, net: &IpNet) -> bool {
        match self {
            Self::Exact(wanted) => wanted == *net,
            Self::Longer(around) => around.contains(net),
            Self::Shorter(inside) => net.contains(&inside),
            Self::Longest(addr) => net.contains(&addr),
        }
    }
}

/// One path of a destination.
#[derive(Clone, Debug)]
pub(super) struct Path {
    /// Everything but the next hop, in the order it is or was sent.
    pub(super) attrs: Arc<[Attr]>,
    /// Unspecified where there is none.
    pub(super) next_hop: IpAddr,
    /// When it came to be.
    pub(super) since: Instant,
    /// Best of its destination, alone or with others.
    pub(super) best: bool,
    /// Seen, but not accepted.
    pub(super) filtered: bool,
    /// Who it is from.
    pub(super) source: Source,
    /// The path identifier we send; 0: none is sent.
    pub(super) local_identifier: u32,
}

/// Who a path is from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    /// Its AS.
    pub(super) asn: Asn,
    /// Its BGP identifier.
    pub(super) id: Option<RouterId>,
    /// Its address; `None`: it is our own.
    pub(super) neighbor: Option<IpAddr>,
}

/// A prefix and its paths, best first.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    pub(super) prefix: IpNet,
    pub(super) paths: Vec<Path>,
}

enum Rows {
    Wanted(Vec<(IpNet, RouteAttrs)>),
    Learned(Vec<LearnedPath>),
    Sent(Vec<(Advertised, Arc<[Attr]>)>),
}

/// The rows of one answer, small, made into destinations as the client takes them.
pub(super) struct Listing {
    rows: Rows,
    next_hops: Vec<IpAddr>,
    since: Instant,
    source: Source,
}

/// How much is in a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) destinations: u64,
    pub(super) paths: u64,
    /// Of what a neighbour announces: how much is accepted.
    pub(super) accepted: u64,
}

/// The neighbour a request names, in any spelling of its address.
pub(super) fn neighbor(engine: &Engine, name: &str) -> Result<PeerStatus, Status> {
    let known = name.parse::<PeerAddr>().ok().and_then(|addr| engine.peer(addr));
    known.ok_or_else(|| Status::not_found(format!("neighbor that has {name} doesn't exist")))
}

impl Listing {
    /// The rows of a family that any of the lookups takes, all of them without one; sorted.
    pub(super) fn new(
        announcer: &Announcer,
        table: Table,
        family: Family,
        lookups: &[Lookup],
    ) -> Result<Self, Status> {
        let engine = announcer.engine();
        let ours = Source {
            asn: announcer.identity().local_as,
            id: Some(announcer.identity().router_id),
            neighbor: None,
        };
        let since = engine.released_at().unwrap_or_else(Instant::now);
        let of = |net: &IpNet| family_of(net) == family;
        let (rows, since, source) = match table {
            Table::Global => {
                let mut all = engine.wanted();
                all.retain(|(net, _)| of(net));
                (Rows::Wanted(select(all, lookups, |row| row.0)), since, ours)
            }
            Table::AdjOut(peer) => {
                let mut all = engine.advertised_with_attrs(peer).unwrap_or_default();
                all.retain(|(route, _)| of(&route.prefix));
                (Rows::Sent(select(all, lookups, |row| row.0.prefix)), since, ours)
            }
            Table::AdjIn(peer) => {
                let status = neighbor(engine, &peer.to_string())?;
                let source = Source { asn: status.peer_as, id: status.peer_id, neighbor: Some(peer.ip()) };
                let all = engine.learned(peer, family).unwrap_or_default();
                (Rows::Learned(select(all, lookups, |row| row.prefix)), since, source)
            }
        };
        Ok(Self { rows, next_hops: next_hops(engine, family), since, source })
    }

    /// How many destinations there are.
    pub(super) fn len(&self) -> usize {
        match &self.rows {
            Rows::Wanted(all) => all.len(),
            Rows::Learned(all) => all.len(),
            Rows::Sent(all) => all.len(),
        }
    }

    /// One of them.
    pub(super) fn destination(&self, at: usize) -> Option<Destination> {
        let (prefix, paths) = match &self.rows {
            Rows::Wanted(all) => {
                let (prefix, attrs) = all.get(at)?;
                (*prefix, self.wanted_paths(*prefix, attrs))
            }
            Rows::Sent(all) => {
                let (route, attrs) = all.get(at)?;
                let path = Path { local_identifier: 1, ..self.path(Arc::clone(attrs), route.next_hop) };
                (route.prefix, vec![path])
            }
            Rows::Learned(all) => {
                let learned = all.get(at)?;
                (learned.prefix, vec![self.learned_path(learned)])
            }
        };
        Some(Destination { prefix, paths })
    }

    fn path(&self, attrs: Arc<[Attr]>, next_hop: IpAddr) -> Path {
        let (since, source) = (self.since, self.source);
        Path { attrs, next_hop, since, best: false, filtered: false, source, local_identifier: 0 }
    }

    /// One path for each address that neighbours are told to send traffic to.
    fn wanted_paths(&self, prefix: IpNet, attrs: &RouteAttrs) -> Vec<Path> {
        let mut carried = vec![Attr::Origin(Origin::Igp)];
        carried.extend(attrs.med().map(Attr::Med));
        if !attrs.communities().is_empty() {
            carried.push(Attr::Communities(attrs.communities().to_vec()));
        }
        let carried: Arc<[Attr]> = carried.into();
        let nowhere = [unspecified(prefix.addr())];
        let next_hops = if self.next_hops.is_empty() { &nowhere[..] } else { &self.next_hops };
        let path = |next_hop: &IpAddr| Path { best: true, ..self.path(Arc::clone(&carried), *next_hop) };
        next_hops.iter().map(path).collect()
    }

    fn learned_path(&self, learned: &LearnedPath) -> Path {
        let mut next_hop = unspecified(learned.prefix.addr());
        let mut attrs = learned.attrs();
        attrs.retain(|attr| match attr {
            Attr::NextHop(addr) => {
                next_hop = (*addr).into();
                false
            }
            Attr::MpReach(reach) => {
                next_hop = reach.next_hop.addr().unwrap_or(next_hop);
                false
            }
            _ => true,
        });
        let (since, filtered) = (learned.since, !learned.accepted);
        Path { since, filtered, ..self.path(attrs.into(), next_hop) }
    }
}

/// How much of a family is in a table.
pub(super) fn size(announcer: &Announcer, table: Table, family: Family) -> Result<Size, Status> {
    let engine = announcer.engine();
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Ok(match table {
        Table::Global => {
            let destinations = number(engine.wanted_len(family));
            let each = number(next_hops(engine, family).len().max(1));
            Size { destinations, paths: destinations.saturating_mul(each), accepted: 0 }
        }
        Table::AdjIn(peer) => {
            let status = neighbor(engine, &peer.to_string())?;
            let counts = status.learned.iter().find(|(of, _)| *of == family).map(|(_, counts)| *counts);
            let counts = counts.unwrap_or_default();
            Size { destinations: counts.received, paths: counts.received, accepted: counts.accepted }
        }
        Table::AdjOut(peer) => {
            let status = neighbor(engine, &peer.to_string())?;
            let sent = status.advertised_by_family.iter().find(|(of, _)| *of == family);
            let sent = number(sent.map_or(0, |(_, count)| *count));
            Size { destinations: sent, paths: sent, accepted: 0 }
        }
    })
}

/// The family of a prefix.
pub(super) fn family_of(net: &IpNet) -> Family {
    match net {
        IpNet::V4(_) => Family::IPV4_UNICAST,
        IpNet::V6(_) => Family::IPV6_UNICAST,
    }
}

fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// The different addresses that neighbours which exchange a family are told, sorted.
fn next_hops(engine: &Engine, family: Family) -> Vec<IpAddr> {
    let peers = engine.peers();
    let exchanging = peers.iter().filter(|peer| peer.families.contains(&family));
    let mut all: Vec<IpAddr> = exchanging.filter_map(|peer| peer.next_hops.of(family)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// The rows that a lookup takes. Of those that match an address only the longest counts.
fn select<T>(rows: Vec<T>, lookups: &[Lookup], prefix: impl Fn(&T) -> IpNet) -> Vec<T> {
    if lookups.is_empty() {
        return rows;
    }
    let longest = |lookup: &Lookup| match lookup {
        Lookup::Longest(_) => {
            let all = rows.iter().map(&prefix).filter(|net| lookup.takes(net));
            all.max_by_key(IpNet::prefix_len).map(Lookup::Exact)
        }
        other => Some(*other),
    };
    let settled: Vec<Lookup> = lookups.iter().filter_map(longest).collect();
    rows.into_iter().filter(|row| settled.iter().any(|lookup| lookup.takes(&prefix(row)))).collect()
}

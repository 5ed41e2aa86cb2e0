//! Routes we originate: what is wanted, and for each member what it was sent (the Adj-RIB-Out as a position).
//!
//! Owns the wanted routes, their packed form and a change log; leaves sessions to [`crate::fsm`], writing to the
//! driver. A *member* is an Established peer. It stores nothing per prefix, only the generation it has been brought
//! to: what it lacks is "wanted now" minus "wanted then", read from the log. So a slow member costs no memory and
//! holds nobody back; a new one takes the packed table, whose octets every member shares.
//!
//! Drive it: [`Rib::apply`] changes, [`Rib::release`] once all sources have listed, then [`Rib::pull`] for each
//! member whenever its last batch has left, until it gives nothing.

mod learned;
mod log;
mod member;
mod pack;
mod policy;
mod table;

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

pub use learned::{Learned, LearnedCounts, LearnedPath};
pub use member::{Advertised, Due, NextHops, UpdateGroup};
pub use pack::Frame;
pub use policy::Policy;

use crate::types::Family;
use crate::wire::Attr;
use member::{Cursor, Member};
use table::Table;

/// Counts changes; a member that is at the table's generation lacks nothing.
pub(crate) type Generation = u64;

/// What a route carries besides what the session decides (`AS_PATH`, `NEXT_HOP`, `LOCAL_PREF`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteAttrs {
    med: Option<u32>,
    communities: Vec<u32>,
}

impl RouteAttrs {
    /// The most communities a route may carry: half of the shortest maximum message, so that prefixes always fit.
    pub const MAX_COMMUNITIES: usize = 512;

    /// `MULTI_EXIT_DISC` and `COMMUNITIES`, the latter sent in this order; `None` if there are more of them than
    /// [`RouteAttrs::MAX_COMMUNITIES`].
    #[must_use]
    pub fn new(med: Option<u32>, communities: Vec<u32>) -> Option<Self> {
        (communities.len() <= Self::MAX_COMMUNITIES).then_some(Self { med, communities })
    }

    /// `MULTI_EXIT_DISC`.
    #[must_use]
    pub fn med(&self) -> Option<u32> {
        self.med
    }

    /// `COMMUNITIES`.
    #[must_use]
    pub fn communities(&self) -> &[u32] {
        &self.communities
    }
}

/// A set of route attributes, stored once however many prefixes carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct AttrId(u32);

/// Names a member for as long as its session lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(u64);

/// UPDATEs to write to one member, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Whole messages.
    pub frames: Vec<Frame>,
    /// Prefixes announced in them.
    pub announced: usize,
    /// Prefixes withdrawn in them.
    pub withdrawn: usize,
    /// How many of the messages withdraw.
    pub withdrawing: usize,
    /// How many of the messages are no UPDATEs but mark beginning and end of a refresh (RFC 7313 §4).
    pub markers: usize,
    /// The oldest change among those that it brings, if [`Rib::note`] was told; none where a whole table is sent.
    pub due: Option<Due>,
}

/// The originated routes of one speaker.
#[derive(Debug, Default)]
pub struct Rib {
    v4: Table<Ipv4Net>,
    v6: Table<Ipv6Net>,
    attrs: Vec<RouteAttrs>,
    members: HashMap<MemberId, Member>,
    next_member: u64,
    released: bool,
}

impl Rib {
    /// An empty RIB that tells nobody anything until [`Rib::release`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Wants each prefix with its attributes, or with `None` wants it no more. Host bits are cleared.
    /// Returns whether any member has something to pull now.
    pub fn apply<'a>(&mut self, changes: impl IntoIterator<Item = (IpNet, Option<&'a RouteAttrs>)>) -> bool {
        let before = (self.v4.generation(), self.v6.generation());
        let (keep4, keep6) = (self.has_cursors(Family::IPV4_UNICAST), self.has_cursors(Family::IPV6_UNICAST));
        self.v4.begin(keep4);
        self.v6.begin(keep6);
        for (prefix, attrs) in changes {
            let attrs = attrs.map(|attrs| self.intern(attrs));
            match prefix.trunc() {
                IpNet::V4(net) => self.v4.set(net, attrs),
                IpNet::V6(net) => self.v6.set(net, attrs),
            }
        }
        self.tidy();
        before != (self.v4.generation(), self.v6.generation())
    }

    /// Tells when the last change came to be. Each member that lacks something since then, and did not before, is given
    /// it back with its next [`Batch`].
    pub fn note(&mut self, due: Due) {
        let now = (self.v4.generation(), self.v6.generation());
        for member in self.members.values_mut() {
            member.note(due, |family| if family == Family::IPV4_UNICAST { now.0 } else { now.1 });
        }
    }

    /// Lets members pull: every source has told all it knows. Packs the table for those to come.
    pub fn release(&mut self) {
        self.released = true;
        self.tidy();
    }

    /// Whether [`Rib::release`] was called.
    #[must_use]
    pub fn is_released(&self) -> bool {
        self.released
    }

    /// A session came up; its first pull gives the whole table and End-of-RIB for each of its families.
    pub fn join(&mut self, group: UpdateGroup) -> MemberId {
        let id = MemberId(self.next_member);
        self.next_member += 1;
        self.members.insert(id, Member::new(group));
        id
    }

    /// The session is gone.
    pub fn leave(&mut self, id: MemberId) {
        self.members.remove(&id);
        self.tidy();
    }

    /// The member asked for a family again (RFC 2918).
    pub fn refresh(&mut self, id: MemberId, family: Family) {
        if let Some(member) = self.members.get_mut(&id) {
            member.resend(family);
        }
    }

    /// The member is reached from another address now: each family whose next hop differs is announced again; one
    /// that has none any more keeps the last. Returns whether any differs.
    pub fn set_next_hops(&mut self, id: MemberId, next_hops: NextHops) -> bool {
        self.members.get_mut(&id).is_some_and(|member| member.set_next_hops(next_hops))
    }

    /// What the member's routes carry is another thing now: if it differs, all of them are announced again. Returns
    /// whether it does.
    pub fn set_policy(&mut self, id: MemberId, policy: &Policy) -> bool {
        self.members.get_mut(&id).is_some_and(|member| member.set_policy(policy))
    }

    /// What the member lacks: withdrawals first, then announcements, then End-of-RIB where it is due.
    /// `None` when it has everything (or may not have anything yet).
    pub fn pull(&mut self, id: MemberId) -> Option<Batch> {
        let member = self.members.get_mut(&id).filter(|_| self.released)?;
        let mut batch = Batch { due: member.due.take(), ..Batch::default() };
        for family in member.group.families.clone() {
            let ends = member.owes_end(family);
            let encoder = pack::Encoder::new(&member.group, &self.attrs);
            if ends {
                encoder.end_of_rib(family, &mut batch);
            }
            let Some(cursor) = member.sendable(family) else { continue };
            batch.due = batch.due.filter(|_| matches!(cursor, Cursor::At(_)));
            let now = match family {
                Family::IPV4_UNICAST => self.v4.send(cursor, &encoder, &mut batch),
                Family::IPV6_UNICAST => self.v6.send(cursor, &encoder, &mut batch),
                _ => continue,
            };
            member.brought_to(now, family);
        }
        self.tidy();
        (!batch.frames.is_empty()).then_some(batch)
    }

    /// Whether the member has been sent all that is wanted, as far as its next hops allow.
    #[must_use]
    pub fn is_current(&self, id: MemberId) -> bool {
        self.members.get(&id).is_some_and(|member| {
            let mut sendable = member.cursors().filter(|(family, _)| member.sendable(*family).is_some());
            sendable.all(|(family, cursor)| cursor == Cursor::At(self.generation(family)))
        })
    }

    /// What the member has been sent and not been told to forget, in no order.
    #[must_use]
    pub fn advertised(&self, id: MemberId) -> Vec<Advertised> {
        self.advertised_sets(id).into_iter().map(|(route, _)| route).collect()
    }

    /// The same, each with what it carries besides what the session decides.
    #[must_use]
    pub fn advertised_with_attrs(&self, id: MemberId) -> Vec<(Advertised, RouteAttrs)> {
        let attrs = |AttrId(at)| self.attrs.get(at as usize).cloned().unwrap_or_default();
        self.advertised_sets(id).into_iter().map(|(route, set)| (route, attrs(set))).collect()
    }

    /// Every attribute a route with these is sent to the member with, but for its next hop.
    #[must_use]
    pub fn path_attrs(&self, id: MemberId, attrs: &RouteAttrs) -> Vec<Attr> {
        self.members.get(&id).map(|member| policy::path_attrs(&member.group, attrs)).unwrap_or_default()
    }

    fn advertised_sets(&self, id: MemberId) -> Vec<(Advertised, AttrId)> {
        let Some(member) = self.members.get(&id) else { return Vec::new() };
        let mut out = Vec::new();
        for (family, cursor) in member.cursors() {
            let (Cursor::At(since) | Cursor::Resend(since)) = cursor else { continue };
            let Some(next_hop) = member.sent_next_hop(family) else { continue };
            let route = |prefix| Advertised { prefix, next_hop };
            match family {
                Family::IPV4_UNICAST => {
                    out.extend(self.v4.sent_at(since).map(|(net, set)| (route(net.into()), set)))
                }
                Family::IPV6_UNICAST => {
                    out.extend(self.v6.sent_at(since).map(|(net, set)| (route(net.into()), set)))
                }
                _ => {}
            }
        }
        out
    }

    /// How many prefixes [`Rib::advertised`] would list.
    #[must_use]
    pub fn advertised_len(&self, id: MemberId) -> usize {
        self.advertised_by_family(id).into_iter().map(|(_, count)| count).sum()
    }

    /// The same by family, in the order they are sent.
    #[must_use]
    pub fn advertised_by_family(&self, id: MemberId) -> Vec<(Family, usize)> {
        let Some(member) = self.members.get(&id) else { return Vec::new() };
        let count = |(family, cursor)| match (family, cursor) {
            (_, Cursor::Fresh) => (family, 0),
            (Family::IPV4_UNICAST, Cursor::At(at) | Cursor::Resend(at)) => (family, self.v4.count_at(at)),
            (_, Cursor::At(at) | Cursor::Resend(at)) => (family, self.v6.count_at(at)),
        };
        member.cursors().map(count).collect()
    }

    /// Every wanted prefix, in no order.
    pub fn wanted(&self) -> impl Iterator<Item = (IpNet, &RouteAttrs)> {
        let v4 = self.v4.live().map(|(net, attrs)| (IpNet::V4(net), attrs));
        let v6 = self.v6.live().map(|(net, attrs)| (IpNet::V6(net), attrs));
        v4.chain(v6).filter_map(|(net, AttrId(at))| Some((net, self.attrs.get(at as usize)?)))
    }

    /// How many prefixes are wanted, of a family.
    #[must_use]
    pub fn len(&self, family: Family) -> usize {
        match family {
            Family::IPV4_UNICAST => self.v4.live().len(),
            Family::IPV6_UNICAST => self.v6.live().len(),
            _ => 0,
        }
    }

    fn generation(&self, family: Family) -> Generation {
        match family {
            Family::IPV4_UNICAST => self.v4.generation(),
            _ => self.v6.generation(),
        }
    }

    /// The next hop a member announces a family with.
    #[must_use]
    pub fn next_hop(&self, id: MemberId, family: Family) -> Option<IpAddr> {
        self.members.get(&id)?.group.hop(family).map(member::Hop::addr)
    }

    fn intern(&mut self, attrs: &RouteAttrs) -> AttrId {
        // A handful of sets at most: they come from configuration, not from prefixes.
        let at = self.attrs.iter().position(|known| known == attrs).unwrap_or_else(|| {
            self.attrs.push(attrs.clone());
            self.attrs.len() - 1
        });
        AttrId(u32::try_from(at).unwrap_or(u32::MAX))
    }

    fn has_cursors(&self, family: Family) -> bool {
        self.members.values().any(|member| member.position(family).is_some())
    }

    /// Forgets what no member needs any more and keeps the packed table near the present.
    fn tidy(&mut self) {
        let positions = |family| self.members.values().filter_map(move |member| member.position(family));
        self.v4.tidy(positions(Family::IPV4_UNICAST).collect(), self.released);
        self.v6.tidy(positions(Family::IPV6_UNICAST).collect(), self.released);
    }
}

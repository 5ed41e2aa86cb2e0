//! What a peer is told about every route beyond its prefix: the route's own attributes, the session's, the peer's.

use super::RouteAttrs;
use super::member::UpdateGroup;
use crate::wire::{Attr, Origin, Segment};

/// `LOCAL_PREF` of what is announced to internal peers, unless the policy says another.
const LOCAL_PREF: u32 = 100;
/// The community of routes that are about to go (RFC 8326 §4.1).
const GRACEFUL_SHUTDOWN: u32 = 0xffff_0000;

/// Attributes added for one peer. They are part of its update group: a change is announced without touching the
/// session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// `MULTI_EXIT_DISC`, in place of what a route carries.
    pub med: Option<u32>,
    /// `LOCAL_PREF` towards an internal peer, in place of 100.
    pub local_pref: Option<u32>,
    /// How often our AS stands in the path of an external peer beyond the one time it must.
    pub prepend: u8,
    /// Communities after those of the route (RFC 1997).
    pub communities: Vec<u32>,
    /// Extended communities (RFC 4360), link bandwidth among them.
    pub extended_communities: Vec<[u8; 8]>,
    /// Large communities (RFC 8092).
    pub large_communities: Vec<[u32; 3]>,
    /// We are about to leave: `GRACEFUL_SHUTDOWN`, and a `LOCAL_PREF` of 0 towards an internal peer (RFC 8326).
    pub graceful_shutdown: bool,
}

impl Policy {
    /// The most a path is lengthened by.
    pub const MAX_PREPEND: u8 = 32;
    /// The most communities of a kind. With [`RouteAttrs::MAX_COMMUNITIES`] of a route's own, attributes leave room
    /// for a prefix even in a message of 4096 octets.
    pub const MAX_COMMUNITIES: usize = 64;

    /// Without what exceeds the bounds above.
    pub(super) fn bounded(&self) -> Self {
        let mut policy = self.clone();
        policy.prepend = policy.prepend.min(Self::MAX_PREPEND);
        policy.communities.truncate(Self::MAX_COMMUNITIES);
        policy.extended_communities.truncate(Self::MAX_COMMUNITIES);
        policy.large_communities.truncate(Self::MAX_COMMUNITIES);
        policy
    }

    /// Those of the route, then ours, each once.
    fn communities(&self, of: &RouteAttrs) -> Vec<u32> {
        let shutdown = self.graceful_shutdown.then_some(GRACEFUL_SHUTDOWN);
        let mut all = of.communities().to_vec();
        for one in self.communities.iter().copied().chain(shutdown) {
            if !all.contains(&one) {
                all.push(one);
            }
        }
        all
    }

    fn local_pref(&self) -> u32 {
        if self.graceful_shutdown { 0 } else { self.local_pref.unwrap_or(LOCAL_PREF) }
    }
}

/// Attributes other than where a route leads, in order of type code (RFC 4271 §5).
pub(super) fn path_attrs(group: &UpdateGroup, of: &RouteAttrs) -> Vec<Attr> {
    let (policy, external) = (&group.policy, !group.internal);
    let times = usize::from(policy.prepend) + 1;
    let path = if external { vec![Segment::repeated(group.local_as, times)] } else { Vec::new() };
    let hidden = !group.context.four_octet_as && group.local_as.get() > u32::from(u16::MAX);
    let as4_path = (hidden && external).then(|| Attr::As4Path(path.clone())); // RFC 6793 §4.2.2
    let mut all = vec![Attr::Origin(Origin::Igp), Attr::AsPath(path)];
    all.extend(policy.med.or(of.med()).map(Attr::Med));
    all.extend(group.internal.then(|| Attr::LocalPref(policy.local_pref())));
    all.extend(Some(policy.communities(of)).filter(|all| !all.is_empty()).map(Attr::Communities));
    let extended = policy.extended_communities.clone();
    all.extend(Some(extended).filter(|all| !all.is_empty()).map(Attr::ExtendedCommunities));
    all.extend(as4_path);
    let large = policy.large_communities.clone();
    all.extend(Some(large).filter(|all| !all.is_empty()).map(Attr::LargeCommunities));
    // Ours to add, as the routes are ours (RFC 9234 §5, egress rule 1).
    all.extend((group.only_to_customer && external).then(|| Attr::OnlyToCustomer(group.local_as.get())));
    all
}

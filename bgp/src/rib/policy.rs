//! What one peer is told about every route beyond what the route itself carries.

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

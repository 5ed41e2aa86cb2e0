//! What an engine counts.

/// Since the start. A packet is counted in `received` and, if it was not taken, in exactly one of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Datagrams taken from the sockets.
    pub received: u64,
    /// Not a control packet, or one RFC 5880 §6.8.6 discards for what is in it.
    pub invalid: u64,
    /// TTL or hop limit below what the session asks for (RFC 5881 §5).
    pub ttl: u64,
    /// Of no session, from an address that is not allowed.
    pub unknown: u64,
    /// Authentication missing, not expected, or wrong (RFC 5880 §6.7).
    pub auth: u64,
    /// Not taken for want of room: [`super::Limits`].
    pub dropped: u64,
    /// Times the driver was so late that detection clocks were stopped.
    pub stalls: u64,
}

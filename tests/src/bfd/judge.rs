//! What a capture must show of one end of a BFD session: sound packets, at the pace that [`super::pace`] judges.

use super::pace::{Pace, Walk};
use super::packet::{INIT, Packet, UP};
use crate::fault::{Fault, Result, ensure};
use std::net::IpAddr;
use std::time::Duration;

/// The addresses of a session's ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The one that is judged.
    pub ours: IpAddr,
    /// The other.
    pub theirs: IpAddr,
}

impl Ends {
    /// Of two addresses in text.
    ///
    /// # Errors
    /// When one is none.
    pub fn new(ours: &str, theirs: &str) -> Result<Self> {
        Ok(Self { ours: ours.parse()?, theirs: theirs.parse()? })
    }

    /// Whether the judged end sent it to the other.
    #[must_use]
    pub fn sent(&self, packet: &Packet) -> bool {
        packet.from == self.ours && packet.to == self.theirs
    }

    /// Whether the other sent it to the judged end.
    #[must_use]
    pub fn heard(&self, packet: &Packet) -> bool {
        packet.from == self.theirs && packet.to == self.ours
    }
}

/// What the judged end was meant to do.
#[derive(Clone, Copy, Debug)]
pub struct Demands<'a> {
    /// The TTL that arrives: 255, less the routers between.
    pub ttl: u64,
    /// UDP port: 3784 (RFC 5881 §4) or 4784 (RFC 5883 §5).
    pub port: u64,
    /// Packets that must be there at least.
    pub least: usize,
    /// When it was ended, stopped or not configured, on the capture's clock: a gap across tells nothing.
    pub away: &'a [(Duration, Duration)],
}

impl Demands<'_> {
    /// A single hop, at least so many packets, never away.
    #[must_use]
    pub fn single(least: usize) -> Self {
        Self { ttl: 255, port: 3784, least, away: &[] }
    }

    /// Multihop, with so many routers between.
    #[must_use]
    pub fn multi(routers: u64, least: usize) -> Self {
        Self { ttl: 255 - routers, port: 4784, least, away: &[] }
    }
}

/// Fails unless all packets of one end are sound and paced as they must be.
///
/// # Errors
/// The first thing that is wrong, with the packet.
pub fn judge(packets: &[Packet], ends: Ends, demands: Demands<'_>) -> Result<Pace> {
    let ours: Vec<&Packet> = packets.iter().filter(|packet| ends.sent(packet)).collect();
    ensure(ours.len() >= demands.least, || format!("only {} BFD packets from {}", ours.len(), ends.ours))?;
    ours.iter().try_for_each(|packet| sound(packet, demands))?;
    for pair in ours.windows(2).filter(|pair| !was_away(demands.away, pair[0], pair[1])) {
        steady(pair[0], pair[1])?;
    }
    let mut walk = Walk::new(demands.away);
    for packet in packets {
        if ends.sent(packet) {
            walk.ours(packet)?;
        } else if ends.heard(packet) {
            walk.theirs(packet);
        }
    }
    walk.end(ends)
}

/// Whether the sender was away at some time between two packets.
pub(super) fn was_away(away: &[(Duration, Duration)], before: &Packet, after: &Packet) -> bool {
    away.iter().any(|(from, to)| before.at < *to && after.at > *from)
}

/// What every packet must have, whatever was sent before.
fn sound(packet: &Packet, demands: Demands<'_>) -> Result<()> {
    let up = packet.state == UP;
    let somebody = packet.your_discriminator != 0;
    let source = (49152..=65535).contains(&packet.source_port);
    let rules = [
        (packet.fault.is_none(), "tshark has something against it"),
        (packet.version == 1, "the version is not 1 (RFC 5880 §4.1)"),
        (packet.ttl == demands.ttl, "another TTL (RFC 5881 §5)"),
        (packet.port == demands.port, "another port"),
        (source, "a source port out of range (RFC 5881 §4)"),
        (!packet.multipoint, "multipoint (RFC 5880 §4.1)"),
        (!(packet.poll && packet.is_final), "Poll and Final at once (RFC 5880 §6.8.7)"),
        (packet.multiplier > 0, "a multiplier of 0"),
        (packet.my_discriminator != 0, "no discriminator of its own"),
        (packet.state < INIT || somebody, "Init or Up towards nobody (RFC 5880 §6.8.6)"),
        (up || !packet.demand, "demand mode while not Up (RFC 5880 §6.8.7)"),
        (up || packet.desired_min_tx >= 1_000_000, "less than a second while not Up (RFC 5880 §6.8.3)"),
        (packet.required_min_echo == 0, "echo packets would be taken"),
    ];
    match rules.iter().find(|(holds, _)| !holds) {
        Some((_, what)) => Err(Fault::new(format!("BFD: {what}: {packet:?}"))),
        None => Ok(()),
    }
}

/// What must not change in the life of a session: discriminator and source port (RFC 5880 §6.8.1, RFC 5881 §4).
fn steady(before: &Packet, after: &Packet) -> Result<()> {
    let of = |packet: &Packet| (packet.my_discriminator, packet.source_port);
    ensure(of(before) == of(after), || format!("discriminator or source port changed: {before:?}, {after:?}"))
}

/// The changes of state in one end's packets, in order, the first one included: state and diagnostic.
pub fn states(packets: &[Packet], ends: Ends) -> Vec<(Duration, u64, u64)> {
    let mut out: Vec<(Duration, u64, u64)> = Vec::new();
    for packet in packets.iter().filter(|packet| ends.sent(packet)) {
        if out.last().is_none_or(|(_, state, _)| *state != packet.state) {
            out.push((packet.at, packet.state, packet.diagnostic));
        }
    }
    out
}

//! Prefixes on the wire: a length in bits, then as many octets as it needs (RFC 4271 §4.3).

use std::hash::Hash;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::reader::Reader;
use crate::types::Family;

/// A prefix of one address family. [`Ipv4Net`] and [`Ipv6Net`] are the two there are.
pub trait Nlri: Copy + Ord + Hash + Into<IpNet> {
    /// The family whose UPDATEs carry such prefixes.
    const FAMILY: Family;

    /// Appends the wire form; host bits are never sent.
    fn encode(&self, out: &mut Vec<u8>);
}

/// The receiving half of [`Nlri`], apart because a received message's cursor is no public type.
pub(crate) trait Decode: Nlri {
    /// Reads one prefix, host bits cleared; the error is its length octet.
    fn decode(from: &mut Reader<'_>) -> Result<Self, u8>;

    /// The prefix at the front of octets that [`Nlri::encode`] wrote, and how many of them it takes.
    fn first(octets: &[u8]) -> Option<(Self, usize)> {
        let mut reader = Reader::new(octets, 0);
        let prefix = Self::decode(&mut reader).ok()?;
        Some((prefix, reader.at()))
    }
}

fn put(octets: &[u8], bits: u8, out: &mut Vec<u8>) {
    out.push(bits);
    out.extend_from_slice(octets.get(..usize::from(bits.div_ceil(8))).unwrap_or(octets));
}

fn get<const N: usize>(from: &mut Reader<'_>) -> Result<([u8; N], u8), u8> {
    let bits = from.u8().map_err(|_| 0)?;
    let mut octets = [0; N];
    let field = octets.get_mut(..usize::from(bits.div_ceil(8))).ok_or(bits)?;
    field.copy_from_slice(from.take(field.len()).map_err(|_| bits)?);
    Ok((octets, bits))
}

impl Nlri for Ipv4Net {
    const FAMILY: Family = Family::IPV4_UNICAST;

    fn encode(&self, out: &mut Vec<u8>) {
        put(&self.network().octets(), self.prefix_len(), out);
    }
}

impl Decode for Ipv4Net {
    fn decode(from: &mut Reader<'_>) -> Result<Self, u8> {
        let (octets, bits) = get::<4>(from)?;
        Self::new(Ipv4Addr::from(octets), bits).map(|net| net.trunc()).map_err(|_| bits)
    }
}

impl Nlri for Ipv6Net {
    const FAMILY: Family = Family::IPV6_UNICAST;

    fn encode(&self, out: &mut Vec<u8>) {
        put(&self.network().octets(), self.prefix_len(), out);
    }
}

impl Decode for Ipv6Net {
    fn decode(from: &mut Reader<'_>) -> Result<Self, u8> {
        let (octets, bits) = get::<16>(from)?;
        Self::new(Ipv6Addr::from(octets), bits).map(|net| net.trunc()).map_err(|_| bits)
    }
}

/// All prefixes up to the end of `from`; the error is the offset and length octet of the bad one.
pub(super) fn decode_all<P: Decode>(mut from: Reader<'_>) -> Result<Vec<P>, (usize, u8)> {
    let mut prefixes = Vec::new();
    while !from.is_empty() {
        let at = from.at();
        prefixes.push(P::decode(&mut from).map_err(|bits| (at, bits))?);
    }
    Ok(prefixes)
}

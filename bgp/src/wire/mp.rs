//! `MP_REACH_NLRI` and `MP_UNREACH_NLRI` (RFC 4760 §3, §4).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::nlri::{Nlri, decode_all};
use super::reader::{Reader, Short};
use crate::types::Family;

/// Prefixes of one family; those of a family not understood stay octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prefixes {
    /// IPv4 unicast.
    V4(Vec<Ipv4Net>),
    /// IPv6 unicast.
    V6(Vec<Ipv6Net>),
    /// Any other family, byte for byte.
    Other(Family, Vec<u8>),
}

impl Prefixes {
    /// The family of all of them.
    #[must_use]
    pub fn family(&self) -> Family {
        match self {
            Self::V4(_) => Family::IPV4_UNICAST,
            Self::V6(_) => Family::IPV6_UNICAST,
            Self::Other(family, _) => *family,
        }
    }

    /// How many there are; none of a family not understood can be counted.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::V4(all) => all.len(),
            Self::V6(all) => all.len(),
            Self::Other(..) => 0,
        }
    }

    /// No octets at all: in `MP_UNREACH_NLRI` that is End-of-RIB (RFC 4724 §2).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::V4(all) => all.is_empty(),
            Self::V6(all) => all.is_empty(),
            Self::Other(_, octets) => octets.is_empty(),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::V4(all) => all.iter().for_each(|one| one.encode(out)),
            Self::V6(all) => all.iter().for_each(|one| one.encode(out)),
            Self::Other(_, octets) => out.extend_from_slice(octets),
        }
    }

    fn decode(family: Family, mut from: Reader<'_>) -> Result<Self, Short> {
        let short = |(at, _)| Short { at };
        Ok(match family {
            Family::IPV4_UNICAST => Self::V4(decode_all(from).map_err(short)?),
            Family::IPV6_UNICAST => Self::V6(decode_all(from).map_err(short)?),
            other => Self::Other(other, from.remaining().to_vec()),
        })
    }
}

/// Where a family's prefixes lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MpNextHop {
    /// One address; IPv6 for IPv4 prefixes is RFC 8950.
    Addr(IpAddr),
    /// A global and a link-local IPv6 address (RFC 2545 §3).
    WithLinkLocal(Ipv6Addr, Ipv6Addr),
    /// Of a family not understood, byte for byte.
    Other(Vec<u8>),
}

impl MpNextHop {
    /// The address to compare and show, if it is one.
    #[must_use]
    pub fn addr(&self) -> Option<IpAddr> {
        match self {
            Self::Addr(addr) => Some(*addr),
            Self::WithLinkLocal(global, _) => Some((*global).into()),
            Self::Other(_) => None,
        }
    }

    fn octets(&self) -> Vec<u8> {
        match self {
            Self::Addr(IpAddr::V4(addr)) => addr.octets().to_vec(),
            Self::Addr(IpAddr::V6(addr)) => addr.octets().to_vec(),
            Self::WithLinkLocal(global, local) => [global.octets(), local.octets()].concat(),
            Self::Other(octets) => octets.clone(),
        }
    }

    /// A next hop of a length that no RFC gives its family is `None`: the attribute cannot be parsed.
    fn decode(family: Family, octets: &[u8]) -> Option<Self> {
        let v6 = |octets: &[u8]| octets.first_chunk::<16>().map(|addr| Ipv6Addr::from(*addr));
        Some(match (family, octets.len()) {
            (Family::IPV4_UNICAST, 4) => Self::Addr(Ipv4Addr::from(*octets.first_chunk::<4>()?).into()),
            (Family::IPV4_UNICAST | Family::IPV6_UNICAST, 16) => Self::Addr(v6(octets)?.into()),
            (Family::IPV4_UNICAST | Family::IPV6_UNICAST, 32) => {
                Self::WithLinkLocal(v6(octets)?, v6(octets.get(16..)?)?)
            }
            (Family::IPV4_UNICAST | Family::IPV6_UNICAST, _) => return None,
            _ => Self::Other(octets.to_vec()),
        })
    }
}

/// Reachable prefixes of one family and their next hop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MpReach {
    /// Next hop.
    pub next_hop: MpNextHop,
    /// Prefixes; they name the family.
    pub prefixes: Prefixes,
}

impl MpReach {
    /// The octets before the prefixes: family, next hop, reserved.
    pub(crate) fn encode_head(family: Family, next_hop: &MpNextHop, out: &mut Vec<u8>) -> Option<()> {
        let next_hop = next_hop.octets();
        out.extend_from_slice(&family.afi.to_be_bytes());
        out.extend_from_slice(&[family.safi, u8::try_from(next_hop.len()).ok()?]);
        out.extend_from_slice(&next_hop);
        out.push(0);
        Some(())
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Option<()> {
        Self::encode_head(self.prefixes.family(), &self.next_hop, out)?;
        self.prefixes.encode(out);
        Some(())
    }

    pub(super) fn decode(mut value: Reader<'_>) -> Result<Self, Short> {
        let at = value.at();
        let family = Family { afi: value.u16()?, safi: value.u8()? };
        let next_hop_len = value.u8()?;
        let next_hop = MpNextHop::decode(family, value.take(next_hop_len.into())?).ok_or(Short { at })?;
        value.u8()?; // reserved, ignored
        Ok(Self { next_hop, prefixes: Prefixes::decode(family, value)? })
    }
}

/// Prefixes of one family that are not reachable any more; none at all is End-of-RIB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MpUnreach {
    /// Prefixes; they name the family.
    pub prefixes: Prefixes,
}

impl MpUnreach {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let family = self.prefixes.family();
        out.extend_from_slice(&family.afi.to_be_bytes());
        out.push(family.safi);
        self.prefixes.encode(out);
    }

    pub(super) fn decode(mut value: Reader<'_>) -> Result<Self, Short> {
        let family = Family { afi: value.u16()?, safi: value.u8()? };
        Ok(Self { prefixes: Prefixes::decode(family, value)? })
    }
}

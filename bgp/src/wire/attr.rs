//! Path attributes (RFC 4271 §4.3, §5): values, and how they are written. Reading them is [`decode`], what is done
//! about a broken one [`fault`].

mod decode;
mod fault;
mod path;

use std::net::Ipv4Addr;

pub(super) use decode::{Raw, is_unwanted};
pub use fault::{AttrCause, AttrFault, Reaction};
pub use path::Segment;
pub(super) use path::merged;

use super::Context;
use super::mp::{MpReach, MpUnreach};
use path::{put_asn, put_path};

/// Attribute type codes (IANA "BGP Path Attributes").
pub mod attr_code {
    #![allow(missing_docs, reason = "each constant is the registered name itself")]
    pub const ORIGIN: u8 = 1;
    pub const AS_PATH: u8 = 2;
    pub const NEXT_HOP: u8 = 3;
    pub const MULTI_EXIT_DISC: u8 = 4;
    pub const LOCAL_PREF: u8 = 5;
    pub const ATOMIC_AGGREGATE: u8 = 6;
    pub const AGGREGATOR: u8 = 7;
    pub const COMMUNITIES: u8 = 8;
    pub const ORIGINATOR_ID: u8 = 9;
    pub const CLUSTER_LIST: u8 = 10;
    pub const MP_REACH_NLRI: u8 = 14;
    pub const MP_UNREACH_NLRI: u8 = 15;
    pub const EXTENDED_COMMUNITIES: u8 = 16;
    pub const AS4_PATH: u8 = 17;
    pub const AS4_AGGREGATOR: u8 = 18;
    pub const LARGE_COMMUNITIES: u8 = 32;
    pub const ONLY_TO_CUSTOMER: u8 = 35;
}

const OPTIONAL: u8 = 0x80;
const TRANSITIVE: u8 = 0x40;
const EXTENDED_LENGTH: u8 = 0x10;

/// Where a route came from (RFC 4271 §4.3 a).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// Interior to the originating AS: what a speaker announces for its own prefixes.
    Igp,
    /// Learned by the protocol EGP.
    Egp,
    /// Learned otherwise.
    Incomplete,
}

/// One path attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attr {
    /// `ORIGIN`.
    Origin(Origin),
    /// `AS_PATH`, four-octet numbers whatever the wire carried.
    AsPath(Vec<Segment>),
    /// `NEXT_HOP` of the IPv4 prefixes in the NLRI field.
    NextHop(Ipv4Addr),
    /// `MULTI_EXIT_DISC`.
    Med(u32),
    /// `LOCAL_PREF`.
    LocalPref(u32),
    /// `ATOMIC_AGGREGATE`.
    AtomicAggregate,
    /// `AGGREGATOR`, a four-octet number whatever the wire carried.
    Aggregator {
        /// The AS that aggregated; never zero when it was received (RFC 7607 §2).
        asn: u32,
        /// The speaker that did.
        addr: Ipv4Addr,
    },
    /// `COMMUNITIES` (RFC 1997).
    Communities(Vec<u32>),
    /// `ORIGINATOR_ID` of a route reflector (RFC 4456 §8).
    OriginatorId(Ipv4Addr),
    /// `CLUSTER_LIST`, nearest reflector first (RFC 4456 §8).
    ClusterList(Vec<Ipv4Addr>),
    /// `EXTENDED_COMMUNITIES` (RFC 4360).
    ExtendedCommunities(Vec<[u8; 8]>),
    /// `LARGE_COMMUNITY` (RFC 8092): global administrator and two numbers of its own.
    LargeCommunities(Vec<[u32; 3]>),
    /// `ONLY_TO_CUSTOMER` (RFC 9234 §5).
    OnlyToCustomer(u32),
    /// `MP_REACH_NLRI` (RFC 4760 §3).
    MpReach(MpReach),
    /// `MP_UNREACH_NLRI` (RFC 4760 §4).
    MpUnreach(MpUnreach),
    /// `AS4_PATH` (RFC 6793 §3), seen from two-octet peers only.
    As4Path(Vec<Segment>),
    /// `AS4_AGGREGATOR` (RFC 6793 §3), seen from two-octet peers only.
    As4Aggregator {
        /// The AS that aggregated.
        asn: u32,
        /// The speaker that did.
        addr: Ipv4Addr,
    },
    /// Any other attribute, byte for byte.
    Unknown {
        /// Flag octet without the extended-length bit.
        flags: u8,
        /// Type code.
        code: u8,
        /// Value.
        value: Vec<u8>,
    },
}

impl Attr {
    /// The type code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Origin(_) => attr_code::ORIGIN,
            Self::AsPath(_) => attr_code::AS_PATH,
            Self::NextHop(_) => attr_code::NEXT_HOP,
            Self::Med(_) => attr_code::MULTI_EXIT_DISC,
            Self::LocalPref(_) => attr_code::LOCAL_PREF,
            Self::AtomicAggregate => attr_code::ATOMIC_AGGREGATE,
            Self::Aggregator { .. } => attr_code::AGGREGATOR,
            Self::Communities(_) => attr_code::COMMUNITIES,
            Self::OriginatorId(_) => attr_code::ORIGINATOR_ID,
            Self::ClusterList(_) => attr_code::CLUSTER_LIST,
            Self::ExtendedCommunities(_) => attr_code::EXTENDED_COMMUNITIES,
            Self::LargeCommunities(_) => attr_code::LARGE_COMMUNITIES,
            Self::OnlyToCustomer(_) => attr_code::ONLY_TO_CUSTOMER,
            Self::MpReach(_) => attr_code::MP_REACH_NLRI,
            Self::MpUnreach(_) => attr_code::MP_UNREACH_NLRI,
            Self::As4Path(_) => attr_code::AS4_PATH,
            Self::As4Aggregator { .. } => attr_code::AS4_AGGREGATOR,
            Self::Unknown { code, .. } => *code,
        }
    }

    /// The flag octet, without the extended-length bit.
    #[must_use]
    pub fn flags(&self) -> u8 {
        match self {
            Self::Unknown { flags, .. } => *flags & !EXTENDED_LENGTH,
            _ => flags_of(self.code()).unwrap_or(OPTIONAL),
        }
    }

    /// The value in wire form; `None` if a field in it exceeds what its length octet can say.
    #[must_use]
    pub fn value_octets(&self, context: Context) -> Option<Vec<u8>> {
        let mut value = Vec::new();
        match self {
            Self::Origin(origin) => value.push(*origin as u8),
            Self::AsPath(path) => put_path(path, context.four_octet_as, &mut value)?,
            Self::As4Path(path) => put_path(path, true, &mut value)?,
            Self::NextHop(addr) | Self::OriginatorId(addr) => value.extend_from_slice(&addr.octets()),
            Self::Med(number) | Self::LocalPref(number) | Self::OnlyToCustomer(number) => {
                value.extend_from_slice(&number.to_be_bytes())
            }
            Self::AtomicAggregate => {}
            Self::Aggregator { asn, addr } => {
                put_asn(*asn, context.four_octet_as, &mut value);
                value.extend_from_slice(&addr.octets());
            }
            Self::As4Aggregator { asn, addr } => {
                put_asn(*asn, true, &mut value);
                value.extend_from_slice(&addr.octets());
            }
            Self::ClusterList(all) => all.iter().for_each(|one| value.extend_from_slice(&one.octets())),
            Self::Communities(all) => all.iter().for_each(|one| value.extend_from_slice(&one.to_be_bytes())),
            Self::ExtendedCommunities(all) => all.iter().for_each(|one| value.extend_from_slice(one)),
            Self::LargeCommunities(all) => {
                all.iter().flatten().for_each(|part| value.extend_from_slice(&part.to_be_bytes()));
            }
            Self::MpReach(reach) => reach.encode(&mut value)?,
            Self::MpUnreach(unreach) => unreach.encode(&mut value),
            Self::Unknown { value: octets, .. } => value.extend_from_slice(octets),
        }
        Some(value)
    }

    /// Appends flags, code, length and value. `None` if the value exceeds what two length octets can say.
    pub(crate) fn encode(&self, context: Context, out: &mut Vec<u8>) -> Option<()> {
        let value = self.value_octets(context)?;
        match u8::try_from(value.len()) {
            Ok(len) => out.extend_from_slice(&[self.flags(), self.code(), len]),
            Err(_) => {
                out.extend_from_slice(&[self.flags() | EXTENDED_LENGTH, self.code()]);
                out.extend_from_slice(&u16::try_from(value.len()).ok()?.to_be_bytes());
            }
        }
        out.extend_from_slice(&value);
        Some(())
    }
}

/// The flags an attribute known here must carry; `None` for one that is not known.
fn flags_of(code: u8) -> Option<u8> {
    match code {
        attr_code::ORIGIN | attr_code::AS_PATH | attr_code::NEXT_HOP => Some(TRANSITIVE),
        attr_code::LOCAL_PREF | attr_code::ATOMIC_AGGREGATE => Some(TRANSITIVE),
        attr_code::COMMUNITIES | attr_code::EXTENDED_COMMUNITIES | attr_code::LARGE_COMMUNITIES => {
            Some(OPTIONAL | TRANSITIVE)
        }
        attr_code::AS4_PATH | attr_code::AS4_AGGREGATOR | attr_code::AGGREGATOR => {
            Some(OPTIONAL | TRANSITIVE)
        }
        attr_code::ONLY_TO_CUSTOMER => Some(OPTIONAL | TRANSITIVE),
        attr_code::MULTI_EXIT_DISC | attr_code::MP_REACH_NLRI | attr_code::MP_UNREACH_NLRI => Some(OPTIONAL),
        attr_code::ORIGINATOR_ID | attr_code::CLUSTER_LIST => Some(OPTIONAL),
        _ => None,
    }
}

//! Path attributes (RFC 4271 §4.3, §5), and what RFC 7606 does about a broken one.

use std::net::Ipv4Addr;

use super::Context;
use super::mp::{MpReach, MpUnreach};
use super::reader::{Reader, Short};
use crate::types::Asn;

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
    pub const MP_REACH_NLRI: u8 = 14;
    pub const MP_UNREACH_NLRI: u8 = 15;
    pub const EXTENDED_COMMUNITIES: u8 = 16;
    pub const AS4_PATH: u8 = 17;
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

/// One segment of an `AS_PATH` (RFC 4271 §4.3 b, RFC 5065 §3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    /// 1 `AS_SET`, 2 `AS_SEQUENCE`, 3 and 4 the confederation forms.
    pub kind: u8,
    /// The numbers, nearest AS first; zero is possible on the wire.
    pub asns: Vec<u32>,
}

impl Segment {
    /// An `AS_SEQUENCE` of one AS.
    #[must_use]
    pub fn sequence(asn: Asn) -> Self {
        Self::repeated(asn, 1)
    }

    /// An `AS_SEQUENCE` of one AS several times, at most 255.
    #[must_use]
    pub fn repeated(asn: Asn, times: usize) -> Self {
        Self { kind: 2, asns: vec![asn.get(); times.min(u8::MAX.into())] }
    }
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
    /// `COMMUNITIES` (RFC 1997).
    Communities(Vec<u32>),
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

/// A broken attribute that does not cost the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("octet {at}: attribute {code} is malformed, {reaction} (RFC 7606 §7)")]
pub struct AttrFault {
    /// Offset of the attribute in its message.
    pub at: usize,
    /// Type code.
    pub code: u8,
    /// What RFC 7606 asks for.
    pub reaction: Reaction,
}

/// Reactions of RFC 7606 §2 milder than a session reset, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reaction {
    /// The attribute is ignored, the routes stay.
    Discard,
    /// Every route of the UPDATE is withdrawn.
    TreatAsWithdraw,
}

impl std::fmt::Display for Reaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Discard => "it is ignored",
            Self::TreatAsWithdraw => "the routes of its UPDATE count as withdrawn",
        })
    }
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
            Self::Communities(_) => attr_code::COMMUNITIES,
            Self::ExtendedCommunities(_) => attr_code::EXTENDED_COMMUNITIES,
            Self::LargeCommunities(_) => attr_code::LARGE_COMMUNITIES,
            Self::OnlyToCustomer(_) => attr_code::ONLY_TO_CUSTOMER,
            Self::MpReach(_) => attr_code::MP_REACH_NLRI,
            Self::MpUnreach(_) => attr_code::MP_UNREACH_NLRI,
            Self::As4Path(_) => attr_code::AS4_PATH,
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
            Self::NextHop(addr) => value.extend_from_slice(&addr.octets()),
            Self::Med(number) | Self::LocalPref(number) | Self::OnlyToCustomer(number) => {
                value.extend_from_slice(&number.to_be_bytes())
            }
            Self::AtomicAggregate => {}
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

    /// The attribute in `value`, unless its flags or value are not what its code allows.
    pub(super) fn decode(raw: Raw<'_>, context: Context) -> Result<Self, AttrFault> {
        let Raw { at, flags, code, value } = raw;
        let fault = AttrFault { at, code, reaction: reaction_of(code) };
        if flags_of(code).is_some_and(|want| (want ^ flags) & (OPTIONAL | TRANSITIVE) != 0) {
            return Err(AttrFault { reaction: Reaction::TreatAsWithdraw, ..fault }); // RFC 7606 §3c
        }
        if flags & OPTIONAL == 0 && flags_of(code).is_none() {
            return Err(AttrFault { reaction: Reaction::TreatAsWithdraw, ..fault }); // unknown yet well-known
        }
        Self::value(raw, context)
            .ok()
            .flatten()
            .or_else(|| {
                let flags = flags & !EXTENDED_LENGTH;
                flags_of(code).is_none().then(|| Self::Unknown { flags, code, value: value.peek().to_vec() })
            })
            .ok_or(fault)
    }

    fn value(raw: Raw<'_>, context: Context) -> Result<Option<Self>, Short> {
        let mut value = raw.value;
        let attr = match raw.code {
            attr_code::ORIGIN => match value.u8()? {
                0 => Some(Self::Origin(Origin::Igp)),
                1 => Some(Self::Origin(Origin::Egp)),
                2 => Some(Self::Origin(Origin::Incomplete)),
                _ => None,
            },
            attr_code::AS_PATH => get_path(&mut value, context.four_octet_as)?.map(Self::AsPath),
            attr_code::AS4_PATH => get_path(&mut value, true)?.map(Self::As4Path),
            attr_code::NEXT_HOP => Some(Self::NextHop(Ipv4Addr::from(value.octets::<4>()?))),
            attr_code::MULTI_EXIT_DISC => Some(Self::Med(value.u32()?)),
            attr_code::LOCAL_PREF => Some(Self::LocalPref(value.u32()?)),
            attr_code::ATOMIC_AGGREGATE => Some(Self::AtomicAggregate),
            attr_code::COMMUNITIES => {
                let mut all = vec![value.u32()?]; // an empty list is malformed, RFC 7606 §7.8
                while !value.is_empty() {
                    all.push(value.u32()?);
                }
                Some(Self::Communities(all))
            }
            attr_code::EXTENDED_COMMUNITIES => {
                let mut all = vec![value.octets::<8>()?]; // empty is malformed, RFC 7606 §7.14
                while !value.is_empty() {
                    all.push(value.octets::<8>()?);
                }
                Some(Self::ExtendedCommunities(all))
            }
            attr_code::LARGE_COMMUNITIES => {
                let mut one =
                    || -> Result<[u32; 3], Short> { Ok([value.u32()?, value.u32()?, value.u32()?]) };
                let mut all = vec![one()?]; // RFC 8092 §5: a multiple of twelve, not zero
                while !value.is_empty() {
                    all.push([value.u32()?, value.u32()?, value.u32()?]);
                }
                Some(Self::LargeCommunities(all))
            }
            attr_code::ONLY_TO_CUSTOMER => Some(Self::OnlyToCustomer(value.u32()?)),
            _ => return Ok(None),
        };
        Ok(attr.filter(|_| value.is_empty()))
    }
}

/// One attribute as cut from the list, its value not looked at.
#[derive(Clone, Copy)]
pub(super) struct Raw<'a> {
    pub(super) at: usize,
    pub(super) flags: u8,
    pub(super) code: u8,
    pub(super) value: Reader<'a>,
}

impl<'a> Raw<'a> {
    /// Cuts the next attribute off the list.
    pub(super) fn next(list: &mut Reader<'a>) -> Result<Self, Short> {
        let at = list.at();
        let (flags, code) = (list.u8()?, list.u8()?);
        let len = match flags & EXTENDED_LENGTH {
            0 => usize::from(list.u8()?),
            _ => usize::from(list.u16()?),
        };
        Ok(Self { at, flags, code, value: list.sub(len)? })
    }
}

/// The flags an attribute known here must carry; `None` for one that is not known.
fn flags_of(code: u8) -> Option<u8> {
    match code {
        attr_code::ORIGIN | attr_code::AS_PATH | attr_code::NEXT_HOP => Some(TRANSITIVE),
        attr_code::LOCAL_PREF | attr_code::ATOMIC_AGGREGATE => Some(TRANSITIVE),
        attr_code::COMMUNITIES | attr_code::AS4_PATH | attr_code::EXTENDED_COMMUNITIES => {
            Some(OPTIONAL | TRANSITIVE)
        }
        attr_code::LARGE_COMMUNITIES | attr_code::ONLY_TO_CUSTOMER => Some(OPTIONAL | TRANSITIVE),
        attr_code::MULTI_EXIT_DISC | attr_code::MP_REACH_NLRI | attr_code::MP_UNREACH_NLRI => Some(OPTIONAL),
        _ => None,
    }
}

fn reaction_of(code: u8) -> Reaction {
    match code {
        attr_code::ATOMIC_AGGREGATE | attr_code::AS4_PATH => Reaction::Discard, // RFC 7606 §7.6, RFC 6793 §6
        _ => Reaction::TreatAsWithdraw,
    }
}

fn put_path(path: &[Segment], four_octets: bool, out: &mut Vec<u8>) -> Option<()> {
    for segment in path {
        out.extend_from_slice(&[segment.kind, u8::try_from(segment.asns.len()).ok()?]);
        for asn in &segment.asns {
            match four_octets {
                true => out.extend_from_slice(&asn.to_be_bytes()),
                false => out.extend_from_slice(&u16::try_from(*asn).unwrap_or(Asn::TRANS).to_be_bytes()),
            }
        }
    }
    Some(())
}

fn get_path(value: &mut Reader<'_>, four_octets: bool) -> Result<Option<Vec<Segment>>, Short> {
    let mut path = Vec::new();
    while !value.is_empty() {
        let (kind, count) = (value.u8()?, value.u8()?);
        if !(1..=4).contains(&kind) || count == 0 {
            return Ok(None); // RFC 7606 §7.2
        }
        let mut asns = Vec::with_capacity(count.into());
        for _ in 0..count {
            asns.push(if four_octets { value.u32()? } else { value.u16()?.into() });
        }
        path.push(Segment { kind, asns });
    }
    Ok(Some(path))
}

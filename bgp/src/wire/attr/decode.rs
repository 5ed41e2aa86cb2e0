//! One attribute off the wire: cut, judged by flags and length, read (RFC 4271 §4.3, RFC 7606 §3, §4, §7).

use std::net::Ipv4Addr;

use super::super::Context;
use super::super::reader::{Reader, Short};
use super::fault::{AttrCause, AttrFault, Reaction};
use super::path::{Segment, get_asn, get_path};
use super::{Attr, EXTENDED_LENGTH, OPTIONAL, Origin, TRANSITIVE, attr_code, flags_of};

/// One attribute as cut from the list, its value not looked at.
#[derive(Clone, Copy)]
pub(in crate::wire) struct Raw<'a> {
    pub(in crate::wire) at: usize,
    pub(in crate::wire) flags: u8,
    pub(in crate::wire) code: u8,
    pub(in crate::wire) value: Reader<'a>,
    /// All of it, for a NOTIFICATION to carry back.
    pub(in crate::wire) octets: &'a [u8],
}

impl<'a> Raw<'a> {
    /// Cuts the next attribute off the list.
    pub(in crate::wire) fn next(list: &mut Reader<'a>) -> Result<Self, Short> {
        let (at, before) = (list.at(), list.peek());
        let (flags, code) = (list.u8()?, list.u8()?);
        let len = match flags & EXTENDED_LENGTH {
            0 => usize::from(list.u8()?),
            _ => usize::from(list.u16()?),
        };
        let value = list.sub(len)?;
        let octets = before.get(..list.at().saturating_sub(at)).unwrap_or_default();
        Ok(Self { at, flags, code, value, octets })
    }

    /// Optional and Transitive are as its type asks; any will do for a type not known (RFC 7606 §3c).
    pub(in crate::wire) fn has_right_flags(&self) -> bool {
        flags_of(self.code).is_none_or(|want| (want ^ self.flags) & (OPTIONAL | TRANSITIVE) == 0)
    }

    /// It claims that every speaker knows its type, and here it is not known (RFC 4271 §6.3).
    pub(in crate::wire) fn is_unknown_well_known(&self) -> bool {
        self.flags & OPTIONAL == 0 && flags_of(self.code).is_none()
    }
}

/// Whether a peer of this kind must not send it, so that it counts for nothing whatever it says: what belongs to iBGP
/// from another AS (RFC 7606 §7.5, §7.9, §7.10), what two-octet speakers need from a four-octet one (RFC 6793 §4.1).
pub(in crate::wire) fn is_unwanted(code: u8, context: Context) -> bool {
    match code {
        attr_code::LOCAL_PREF | attr_code::ORIGINATOR_ID | attr_code::CLUSTER_LIST => !context.internal,
        attr_code::AS4_PATH | attr_code::AS4_AGGREGATOR => context.four_octet_as,
        _ => false,
    }
}

impl Attr {
    /// The attribute in `raw`, unless its flags or value are not what its code allows.
    pub(in crate::wire) fn decode(raw: Raw<'_>, context: Context) -> Result<Self, AttrFault> {
        let Raw { at, code, .. } = raw;
        if !raw.has_right_flags() {
            let (cause, reaction) = (AttrCause::Flags, Reaction::TreatAsWithdraw); // RFC 7606 §3c
            return Err(AttrFault { at, code, cause, reaction });
        }
        let fault = |cause| AttrFault { at, code, cause, reaction: reaction_of(code) };
        let mut value = raw.value;
        match Self::value(raw, &mut value, context) {
            Ok(Some(_)) if !value.is_empty() => Err(fault(AttrCause::Length)),
            Ok(Some(attr)) => Ok(attr),
            Ok(None) => Err(fault(AttrCause::Value)),
            Err(Short { .. }) => Err(fault(AttrCause::Length)),
        }
    }

    fn value(raw: Raw<'_>, value: &mut Reader<'_>, context: Context) -> Result<Option<Self>, Short> {
        Ok(Some(match raw.code {
            attr_code::ORIGIN => match value.u8()? {
                0 => Self::Origin(Origin::Igp),
                1 => Self::Origin(Origin::Egp),
                2 => Self::Origin(Origin::Incomplete),
                _ => return Ok(None),
            },
            attr_code::AS_PATH => return Ok(as_path(value, context)),
            attr_code::AS4_PATH => return Ok(as4_path(value)),
            attr_code::NEXT_HOP => Self::NextHop(address(value)?),
            attr_code::MULTI_EXIT_DISC => Self::Med(value.u32()?),
            attr_code::LOCAL_PREF => Self::LocalPref(value.u32()?),
            attr_code::ATOMIC_AGGREGATE => Self::AtomicAggregate,
            attr_code::AGGREGATOR => {
                let (asn, addr) = (get_asn(value, context.four_octet_as)?, address(value)?);
                return Ok((asn != 0).then_some(Self::Aggregator { asn, addr })); // RFC 7607 §2
            }
            attr_code::AS4_AGGREGATOR => {
                let (asn, addr) = (value.u32()?, address(value)?);
                return Ok((asn != 0).then_some(Self::As4Aggregator { asn, addr }));
            }
            attr_code::COMMUNITIES => Self::Communities(list(value, Reader::u32)?),
            attr_code::ORIGINATOR_ID => Self::OriginatorId(address(value)?),
            attr_code::CLUSTER_LIST => Self::ClusterList(list(value, address)?),
            attr_code::EXTENDED_COMMUNITIES => Self::ExtendedCommunities(list(value, Reader::octets::<8>)?),
            attr_code::LARGE_COMMUNITIES => {
                Self::LargeCommunities(list(value, |value| Ok([value.u32()?, value.u32()?, value.u32()?]))?)
            }
            attr_code::ONLY_TO_CUSTOMER => Self::OnlyToCustomer(value.u32()?),
            code => {
                let flags = raw.flags & !EXTENDED_LENGTH;
                Self::Unknown { flags, code, value: value.remaining().to_vec() }
            }
        }))
    }
}

fn address(value: &mut Reader<'_>) -> Result<Ipv4Addr, Short> {
    value.octets::<4>().map(Ipv4Addr::from)
}

/// As many items as there are, at least one: an empty list is malformed (RFC 7606 §7.8, §7.10, §7.14, RFC 8092 §6).
fn list<'a, T>(
    value: &mut Reader<'a>,
    one: impl Fn(&mut Reader<'a>) -> Result<T, Short>,
) -> Result<Vec<T>, Short> {
    let mut all = vec![one(value)?];
    while !value.is_empty() {
        all.push(one(value)?);
    }
    Ok(all)
}

/// Confederation segments are for peers of one confederation, and we have none outside our own AS (RFC 5065 §5).
fn as_path(value: &mut Reader<'_>, context: Context) -> Option<Attr> {
    let path = get_path(value, context.four_octet_as)?;
    let foreign = !context.internal && path.iter().any(Segment::is_confederation);
    (!foreign).then_some(Attr::AsPath(path))
}

/// At least one number; confederation segments do not belong there and are left out (RFC 6793 §6).
fn as4_path(value: &mut Reader<'_>) -> Option<Attr> {
    let mut path = get_path(value, true).filter(|path| !path.is_empty())?;
    path.retain(|segment| !segment.is_confederation());
    (!path.is_empty()).then_some(Attr::As4Path(path))
}

fn reaction_of(code: u8) -> Reaction {
    match code {
        attr_code::ATOMIC_AGGREGATE | attr_code::AGGREGATOR => Reaction::Discard, // RFC 7606 §7.6, §7.7
        attr_code::AS4_PATH | attr_code::AS4_AGGREGATOR => Reaction::Discard,     // RFC 6793 §6
        _ => Reaction::TreatAsWithdraw,
    }
}

//! `AS_PATH` and `AS4_PATH`: segments on the wire, and the two merged (RFC 6793 §4.2.3).

use super::super::reader::{Reader, Short};
use crate::types::Asn;

/// One segment of an `AS_PATH` (RFC 4271 §4.3 b, RFC 5065 §3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Segment {
    /// One of [`Segment::SET`], [`Segment::SEQUENCE`] and the two confederation forms.
    pub kind: u8,
    /// The numbers, nearest AS first; zero is possible on the wire, yet never taken (RFC 7607 §2).
    pub asns: Vec<u32>,
}

impl Segment {
    /// `AS_SET`: the aggregated route passed these, in no order.
    pub const SET: u8 = 1;
    /// `AS_SEQUENCE`.
    pub const SEQUENCE: u8 = 2;
    /// `AS_CONFED_SEQUENCE` (RFC 5065 §3).
    pub const CONFED_SEQUENCE: u8 = 3;
    /// `AS_CONFED_SET` (RFC 5065 §3).
    pub const CONFED_SET: u8 = 4;

    /// An `AS_SEQUENCE` of one AS.
    #[must_use]
    pub fn sequence(asn: Asn) -> Self {
        Self::repeated(asn, 1)
    }

    /// An `AS_SEQUENCE` of one AS several times, at most 255.
    #[must_use]
    pub fn repeated(asn: Asn, times: usize) -> Self {
        Self { kind: Self::SEQUENCE, asns: vec![asn.get(); times.min(u8::MAX.into())] }
    }

    /// Whether it is one of the confederation forms.
    #[must_use]
    pub fn is_confederation(&self) -> bool {
        matches!(self.kind, Self::CONFED_SEQUENCE | Self::CONFED_SET)
    }

    /// What it adds to the length of a path: a set is one, a confederation nothing (RFC 4271 §9.1.2.2, RFC 5065 §5.3).
    fn length(&self) -> usize {
        match self.kind {
            Self::SEQUENCE => self.asns.len(),
            Self::SET => 1,
            _ => 0,
        }
    }
}

pub(super) fn put_asn(asn: u32, four_octets: bool, out: &mut Vec<u8>) {
    match four_octets {
        true => out.extend_from_slice(&asn.to_be_bytes()),
        false => out.extend_from_slice(&u16::try_from(asn).unwrap_or(Asn::TRANS).to_be_bytes()),
    }
}

pub(super) fn get_asn(value: &mut Reader<'_>, four_octets: bool) -> Result<u32, Short> {
    if four_octets { value.u32() } else { value.u16().map(u32::from) }
}

/// Appends a path; `None` if a segment has more numbers than its length octet can say.
pub(super) fn put_path(path: &[Segment], four_octets: bool, out: &mut Vec<u8>) -> Option<()> {
    for segment in path {
        out.extend_from_slice(&[segment.kind, u8::try_from(segment.asns.len()).ok()?]);
        segment.asns.iter().for_each(|asn| put_asn(*asn, four_octets, out));
    }
    Some(())
}

/// Reads a path to its end. `None` where a segment is of no known kind, overruns the value, holds no number (RFC 7606
/// §7.2), or the reserved zero (RFC 7607 §2).
pub(super) fn get_path(value: &mut Reader<'_>, four_octets: bool) -> Option<Vec<Segment>> {
    let mut path = Vec::new();
    while !value.is_empty() {
        let (kind, count) = (value.u8().ok()?, value.u8().ok()?);
        if !(Segment::SET..=Segment::CONFED_SET).contains(&kind) || count == 0 {
            return None;
        }
        let mut asns = Vec::with_capacity(count.into());
        for _ in 0..count {
            asns.push(get_asn(value, four_octets).ok().filter(|asn| *asn != 0)?);
        }
        path.push(Segment { kind, asns });
    }
    Some(path)
}

/// The path of four-octet numbers behind what a two-octet peer sent (RFC 6793 §4.2.3): the newer part of `as_path`,
/// as much longer as it is, then `as4_path`. One that is shorter than `as4_path` was spoilt on the way and stays alone.
pub(in crate::wire) fn merged(as_path: &[Segment], as4_path: &[Segment]) -> Vec<Segment> {
    let length = |path: &[Segment]| path.iter().map(Segment::length).sum::<usize>();
    let Some(mut newer) = length(as_path).checked_sub(length(as4_path)) else { return as_path.to_vec() };
    let mut path = Vec::new();
    for segment in as_path {
        if newer == 0 && !segment.is_confederation() {
            break;
        }
        let mut segment = segment.clone();
        if segment.kind == Segment::SEQUENCE {
            segment.asns.truncate(newer);
        }
        newer = newer.saturating_sub(segment.length());
        path.push(segment);
    }
    match (path.last_mut(), as4_path) {
        (Some(last), [first, rest @ ..])
            if (last.kind, first.kind) == (Segment::SEQUENCE, Segment::SEQUENCE)
                && last.asns.len().saturating_add(first.asns.len()) <= usize::from(u8::MAX) =>
        {
            last.asns.extend_from_slice(&first.asns);
            path.extend_from_slice(rest);
        }
        _ => path.extend_from_slice(as4_path),
    }
    path
}

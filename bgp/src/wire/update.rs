//! UPDATE (RFC 4271 §4.3) as received or built whole; bulk announcing is packed by `rib` without this type.

use ipnet::Ipv4Net;

use super::Context;
use super::attr::{Attr, AttrFault, Raw, Reaction, attr_code};
use super::fault::UpdateFault;
use super::mp::{MpReach, MpUnreach, Prefixes};
use super::nlri::{Nlri, decode_all};
use super::reader::{Reader, Short};
use crate::types::Family;

/// An UPDATE. After decoding with faults, what must not be used is already gone from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// IPv4 prefixes withdrawn.
    pub withdrawn: Vec<Ipv4Net>,
    /// Path attributes in the order sent.
    pub attrs: Vec<Attr>,
    /// IPv4 prefixes announced with these attributes.
    pub nlri: Vec<Ipv4Net>,
    /// Broken attributes met on the way in, each with what was done about it (RFC 7606).
    pub faults: Vec<AttrFault>,
}

impl Update {
    /// The End-of-RIB marker of a family (RFC 4724 §2).
    #[must_use]
    pub fn end_of_rib(family: Family) -> Self {
        let prefixes = match family {
            Family::IPV4_UNICAST => return Self::default(),
            Family::IPV6_UNICAST => Prefixes::V6(Vec::new()),
            other => Prefixes::Other(other, Vec::new()),
        };
        Self { attrs: vec![Attr::MpUnreach(MpUnreach { prefixes })], ..Self::default() }
    }

    /// The family this is the End-of-RIB marker of, if it is one.
    #[must_use]
    pub fn ends_rib_of(&self) -> Option<Family> {
        if !self.withdrawn.is_empty() || !self.nlri.is_empty() || !self.faults.is_empty() {
            return None;
        }
        match self.attrs.as_slice() {
            [] => Some(Family::IPV4_UNICAST),
            [Attr::MpUnreach(unreach)] if unreach.prefixes.is_empty() => Some(unreach.prefixes.family()),
            _ => None,
        }
    }

    pub(super) fn encode_body(&self, context: Context, out: &mut Vec<u8>) -> Option<()> {
        let mut withdrawn = Vec::new();
        self.withdrawn.iter().for_each(|net| net.encode(&mut withdrawn));
        let mut attrs = Vec::new();
        for attr in &self.attrs {
            attr.encode(context, &mut attrs)?;
        }
        for part in [&withdrawn, &attrs] {
            out.extend_from_slice(&u16::try_from(part.len()).ok()?.to_be_bytes());
            out.extend_from_slice(part);
        }
        self.nlri.iter().for_each(|net| net.encode(out));
        Some(())
    }

    pub(super) fn decode_body(mut body: Reader<'_>, context: Context) -> Result<Self, UpdateFault> {
        let lengths = |short: Short| UpdateFault::Lengths { at: short.at };
        let prefix = |(at, bits)| UpdateFault::Prefix { at, bits };
        let len = body.u16().map_err(lengths)?;
        let withdrawn = decode_all(body.sub(len.into()).map_err(lengths)?).map_err(prefix)?;
        let len = body.u16().map_err(lengths)?;
        let list = body.sub(len.into()).map_err(lengths)?;
        let mut update = Self { withdrawn, nlri: decode_all(body).map_err(prefix)?, ..Self::default() };
        update.decode_attrs(list, context)?;
        update.require_mandatory();
        update.apply_reactions();
        Ok(update)
    }

    fn decode_attrs(&mut self, mut list: Reader<'_>, context: Context) -> Result<(), UpdateFault> {
        let mut seen = [false; 256];
        while !list.is_empty() {
            let at = list.at();
            let Ok(raw) = Raw::next(&mut list) else {
                // An attribute that overruns the list: RFC 7606 §4 keeps the session.
                self.faults.push(AttrFault { at, code: 0, reaction: Reaction::TreatAsWithdraw });
                return Ok(());
            };
            let multiprotocol = matches!(raw.code, attr_code::MP_REACH_NLRI | attr_code::MP_UNREACH_NLRI);
            let again = seen.get_mut(usize::from(raw.code)).is_some_and(|seen| std::mem::replace(seen, true));
            let unreadable = UpdateFault::Multiprotocol { at: raw.at, code: raw.code };
            match (multiprotocol, again) {
                (true, true) => return Err(unreadable),
                (true, false) => self.attrs.push(multiprotocol_attr(raw).map_err(|_| unreadable)?),
                (false, true) => {
                    let reaction = Reaction::Discard; // all but the first, RFC 7606 §3g
                    self.faults.push(AttrFault { at: raw.at, code: raw.code, reaction });
                }
                (false, false) => match Attr::decode(raw, context) {
                    Ok(attr) => self.attrs.push(attr),
                    Err(fault) => self.faults.push(fault),
                },
            }
        }
        Ok(())
    }

    /// Announced prefixes without a mandatory attribute are withdrawn (RFC 7606 §3d).
    fn require_mandatory(&mut self) {
        let reaches = self.attrs.iter().any(|attr| matches!(attr, Attr::MpReach(_)));
        let mut wanted = vec![];
        if reaches || !self.nlri.is_empty() {
            wanted.extend([attr_code::ORIGIN, attr_code::AS_PATH]);
        }
        if !self.nlri.is_empty() {
            wanted.push(attr_code::NEXT_HOP);
        }
        for code in wanted {
            let present = self.attrs.iter().any(|attr| attr.code() == code);
            if !present && !self.faults.iter().any(|fault| fault.code == code) {
                self.faults.push(AttrFault { at: 0, code, reaction: Reaction::TreatAsWithdraw });
            }
        }
    }

    fn apply_reactions(&mut self) {
        if self.faults.iter().all(|fault| fault.reaction == Reaction::Discard) {
            return;
        }
        self.withdrawn.append(&mut self.nlri);
        let mut attrs = Vec::new();
        for attr in self.attrs.drain(..) {
            match attr {
                Attr::MpReach(MpReach { prefixes: Prefixes::V4(mut nets), .. }) => {
                    self.withdrawn.append(&mut nets)
                }
                Attr::MpReach(MpReach { prefixes, .. }) | Attr::MpUnreach(MpUnreach { prefixes }) => {
                    attrs.push(Attr::MpUnreach(MpUnreach { prefixes }));
                }
                _ => {}
            }
        }
        self.attrs = attrs;
    }
}

/// Attributes that were encoded one after another; what cannot be read is left out.
pub(crate) fn stored_attrs(octets: &[u8], context: Context) -> Vec<Attr> {
    let mut update = Update::default();
    let _ = update.decode_attrs(Reader::new(octets, 0), context);
    update.attrs
}

fn multiprotocol_attr(raw: Raw<'_>) -> Result<Attr, Short> {
    match raw.code {
        attr_code::MP_REACH_NLRI => MpReach::decode(raw.value).map(Attr::MpReach),
        _ => MpUnreach::decode(raw.value).map(Attr::MpUnreach),
    }
}

//! UPDATE (RFC 4271 §4.3) as received or built whole; bulk announcing is packed by `rib` without this type.

use ipnet::Ipv4Net;

use super::attr::{Attr, AttrCause, AttrFault, Raw, Reaction, Segment, attr_code, is_unwanted, merged};
use super::fault::UpdateFault;
use super::mp::{MpReach, MpUnreach, Prefixes};
use super::nlri::{Nlri, decode_all};
use super::reader::{Reader, Short};
use super::{Context, MAX_ECHO};
use crate::types::{Asn, Family};

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

    /// The `AS_PATH`, from a two-octet peer with what `AS4_PATH` adds to it (RFC 6793 §4.2.3).
    #[must_use]
    pub fn path(&self) -> Option<Vec<Segment>> {
        let as_path = self.attrs.iter().find_map(|attr| match attr {
            Attr::AsPath(path) => Some(path),
            _ => None,
        })?;
        // A two-octet AS that aggregated after the longer forms were written knew nothing of them: they are stale.
        let stale = self.attrs.iter().any(|attr| matches!(attr, Attr::As4Aggregator { .. }))
            && self
                .attrs
                .iter()
                .any(|attr| matches!(attr, Attr::Aggregator { asn, .. } if *asn != u32::from(Asn::TRANS)));
        let as4_path = self.attrs.iter().find_map(|attr| match attr {
            Attr::As4Path(path) if !stale => Some(path),
            _ => None,
        });
        Some(as4_path.map_or_else(|| as_path.clone(), |as4_path| merged(as_path, as4_path)))
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
        update.decode_attrs(list, context, Sender::Peer)?;
        update.require_mandatory();
        update.require_routes(list)?;
        update.apply_reactions();
        Ok(update)
    }

    fn decode_attrs(
        &mut self,
        mut list: Reader<'_>,
        context: Context,
        sender: Sender,
    ) -> Result<(), UpdateFault> {
        let mut seen = [false; 256];
        while !list.is_empty() {
            let (at, head) = (list.at(), list.peek());
            let Ok(raw) = Raw::next(&mut list) else {
                return self.overrun(at, head);
            };
            let code = raw.code;
            let again = seen.get_mut(usize::from(code)).is_some_and(|seen| std::mem::replace(seen, true));
            match (is_multiprotocol(code), again) {
                (true, true) => return Err(UpdateFault::MultiprotocolTwice { at, code }),
                (true, false) => {
                    let attr =
                        multiprotocol_attr(raw).map_err(|_| UpdateFault::Multiprotocol { at, code })?;
                    self.attrs.push(attr);
                }
                // All but the first are nothing (RFC 7606 §3g).
                (false, true) => self.discard(at, code, AttrCause::Repeated),
                (false, false) if raw.is_unknown_well_known() => {
                    let attribute = raw.octets.iter().copied().take(MAX_ECHO).collect();
                    return Err(UpdateFault::UnknownWellKnown { at, code, attribute });
                }
                (false, false)
                    if sender == Sender::Peer && raw.has_right_flags() && is_unwanted(code, context) =>
                {
                    self.discard(at, code, AttrCause::Unwanted);
                }
                (false, false) => match Attr::decode(raw, context) {
                    Ok(attr) => self.attrs.push(attr),
                    Err(fault) => self.faults.push(fault),
                },
            }
        }
        Ok(())
    }

    fn discard(&mut self, at: usize, code: u8, cause: AttrCause) {
        self.faults.push(AttrFault { at, code, cause, reaction: Reaction::Discard });
    }

    /// An attribute that overruns the list keeps the session (RFC 7606 §4), unless its routes are what is lost (§3j).
    fn overrun(&mut self, at: usize, head: &[u8]) -> Result<(), UpdateFault> {
        let code = head.get(1).copied().unwrap_or_default();
        if is_multiprotocol(code) {
            return Err(UpdateFault::Multiprotocol { at, code });
        }
        let (cause, reaction) = (AttrCause::Overrun, Reaction::TreatAsWithdraw);
        self.faults.push(AttrFault { at, code, cause, reaction });
        Ok(())
    }

    fn reaches(&self) -> impl Iterator<Item = &MpReach> {
        self.attrs.iter().filter_map(|attr| match attr {
            Attr::MpReach(reach) => Some(reach),
            _ => None,
        })
    }

    /// Announced prefixes without a mandatory attribute are withdrawn (RFC 7606 §3d).
    fn require_mandatory(&mut self) {
        let mut wanted = vec![];
        if self.reaches().next().is_some() || !self.nlri.is_empty() {
            wanted.extend([attr_code::ORIGIN, attr_code::AS_PATH]);
        }
        if !self.nlri.is_empty() {
            wanted.push(attr_code::NEXT_HOP);
        }
        for code in wanted {
            let present = self.attrs.iter().any(|attr| attr.code() == code);
            if !present && !self.faults.iter().any(|fault| fault.code == code) {
                let (cause, reaction) = (AttrCause::Missing, Reaction::TreatAsWithdraw);
                self.faults.push(AttrFault { at: 0, code, cause, reaction });
            }
        }
    }

    /// Where nothing is announced, there is nothing to treat as withdrawn: the session ends (RFC 7606 §5.2).
    fn require_routes(&self, list: Reader<'_>) -> Result<(), UpdateFault> {
        if !self.nlri.is_empty() || self.reaches().any(|reach| !reach.prefixes.is_empty()) {
            return Ok(());
        }
        match self.faults.iter().find(|fault| fault.reaction == Reaction::TreatAsWithdraw) {
            Some(fault) => {
                let mut from = list;
                let skip = fault.at.saturating_sub(list.at());
                let _ = from.take(skip);
                let octets = Raw::next(&mut from).map_or(&[][..], |raw| raw.octets);
                let attribute = match fault.cause {
                    AttrCause::Missing => vec![fault.code], // RFC 4271 §6.3
                    _ => octets.iter().copied().take(MAX_ECHO).collect(),
                };
                Err(UpdateFault::NoRoutes { fault: *fault, attribute })
            }
            None => Ok(()),
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
    let _ = update.decode_attrs(Reader::new(octets, 0), context, Sender::Ourselves);
    update.attrs
}

/// Whose attributes are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sender {
    Peer,
    /// What was taken from a peer before.
    Ourselves,
}

fn is_multiprotocol(code: u8) -> bool {
    matches!(code, attr_code::MP_REACH_NLRI | attr_code::MP_UNREACH_NLRI)
}

/// Flags that are wrong make it as unreadable as prefixes that do (RFC 7606 §5.3).
fn multiprotocol_attr(raw: Raw<'_>) -> Result<Attr, Short> {
    match raw.code {
        _ if !raw.has_right_flags() => Err(Short { at: raw.at }),
        attr_code::MP_REACH_NLRI => MpReach::decode(raw.value).map(Attr::MpReach),
        _ => MpUnreach::decode(raw.value).map(Attr::MpUnreach),
    }
}

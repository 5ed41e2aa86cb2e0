//! OPEN (RFC 4271 §4.2), its capabilities, and the extended parameter length of RFC 9072.

use std::net::Ipv4Addr;

use super::capability::{Capability, Role};
use super::fault::OpenFault;
use super::reader::{Reader, Short};
use crate::types::{Asn, Family, HoldTime, RouterId};

const VERSION: u8 = 4;
const PARAMETER_CAPABILITIES: u8 = 2;
const PARAMETER_EXTENDED: u8 = 255;

/// An OPEN whose fields are each legal; whether they suit us is for the state machine to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The two-octet AS field, `23456` if the real one is in the capabilities.
    pub my_as: u16,
    /// Proposed hold time.
    pub hold_time: HoldTime,
    /// BGP identifier.
    pub router_id: RouterId,
    /// Capabilities in the order sent.
    pub capabilities: Vec<Capability>,
}

impl Open {
    /// Our own OPEN: four-octet AS always, then what the caller adds.
    #[must_use]
    pub fn new(asn: Asn, hold_time: HoldTime, router_id: RouterId) -> Self {
        Self {
            my_as: asn.two_octets(),
            hold_time,
            router_id,
            capabilities: vec![Capability::FourOctetAs(Some(asn))],
        }
    }

    /// Adds a capability.
    #[must_use]
    pub fn with(mut self, capability: Capability) -> Self {
        self.capabilities.push(capability);
        self
    }

    /// The sender's AS: the capability's if there is one, else the two-octet field (RFC 6793 §4.1).
    #[must_use]
    pub fn asn(&self) -> Option<Asn> {
        let four_octets = self.capabilities.iter().find_map(|capability| match capability {
            Capability::FourOctetAs(asn) => Some(*asn),
            _ => None,
        });
        four_octets.unwrap_or_else(|| Asn::new(self.my_as.into()))
    }

    /// The families offered; one that names none means IPv4 unicast (RFC 4760 §8).
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        let offered: Vec<Family> = self
            .capabilities
            .iter()
            .filter_map(|capability| match capability {
                Capability::Multiprotocol(family) => Some(*family),
                _ => None,
            })
            .collect();
        if offered.is_empty() { vec![Family::IPV4_UNICAST] } else { offered }
    }

    /// The peer's role beside `ours`: what it tells, if that is the counterpart; `None` where it tells none.
    ///
    /// # Errors
    /// The [`OpenFault`] of a role that is not the counterpart, of several that differ and, where `strict`, of
    /// none at all (RFC 9234 §4.2).
    pub fn role_beside(&self, ours: Role, strict: bool) -> Result<Option<Role>, OpenFault> {
        let mut told = self.capabilities.iter().filter_map(|capability| match capability {
            Capability::Role(role) => Some(*role as u8),
            Capability::Unknown { code: Capability::ROLE, value } => {
                value.first().copied().filter(|_| value.len() == 1)
            }
            _ => None,
        });
        let Some(theirs) = told.next() else {
            return if strict { Err(OpenFault::RoleMissing) } else { Ok(None) };
        };
        if told.any(|other| other != theirs) {
            return Err(OpenFault::RolesDiffer);
        }
        match Role::from_octet(theirs).filter(|role| *role == ours.counterpart()) {
            Some(role) => Ok(Some(role)),
            None => Err(OpenFault::RoleMismatch { ours, theirs }),
        }
    }

    pub(crate) fn encode_body(&self, out: &mut Vec<u8>) -> Option<()> {
        let mut parameter = Vec::new();
        for capability in &self.capabilities {
            parameter.extend_from_slice(&capability.encode()?);
        }
        out.push(VERSION);
        out.extend_from_slice(&self.my_as.to_be_bytes());
        out.extend_from_slice(&self.hold_time.seconds().to_be_bytes());
        out.extend_from_slice(&self.router_id.addr().octets());
        match u8::try_from(parameter.len()) {
            Ok(0) => out.push(0),
            Ok(len @ 1..=253) => {
                out.extend_from_slice(&[len.checked_add(2)?, PARAMETER_CAPABILITIES, len]);
            }
            _ => {
                let len = u16::try_from(parameter.len()).ok()?;
                out.extend_from_slice(&[PARAMETER_EXTENDED, PARAMETER_EXTENDED]); // RFC 9072 §2
                out.extend_from_slice(&len.checked_add(3)?.to_be_bytes());
                out.push(PARAMETER_CAPABILITIES);
                out.extend_from_slice(&len.to_be_bytes());
            }
        }
        out.extend_from_slice(&parameter);
        Some(())
    }

    pub(crate) fn decode_body(mut body: Reader<'_>) -> Result<Self, OpenFault> {
        let short = |short: Short| OpenFault::Malformed { at: short.at };
        let version = body.u8().map_err(short)?;
        if version != VERSION {
            return Err(OpenFault::Version { got: version });
        }
        let my_as = body.u16().map_err(short)?;
        let hold = body.u16().map_err(short)?;
        let id = Ipv4Addr::from(body.octets::<4>().map_err(short)?);
        let capabilities = parameters(&mut body)?;
        if !body.is_empty() {
            return Err(OpenFault::Malformed { at: body.at() });
        }
        Ok(Self {
            my_as,
            hold_time: HoldTime::new(hold).ok_or(OpenFault::HoldTime { got: hold })?,
            router_id: RouterId::new(id).ok_or(OpenFault::Identifier { got: id })?,
            capabilities,
        })
    }
}

fn parameters(body: &mut Reader<'_>) -> Result<Vec<Capability>, OpenFault> {
    let short = |short: Short| OpenFault::Malformed { at: short.at };
    let mut len = usize::from(body.u8().map_err(short)?);
    // The type octet alone tells; the length octet before it means nothing then (RFC 9072 §2).
    let extended = len != 0 && body.peek().first() == Some(&PARAMETER_EXTENDED);
    if extended {
        body.u8().map_err(short)?;
        len = usize::from(body.u16().map_err(short)?);
    }
    let mut parameters = body.sub(len).map_err(short)?;
    let mut capabilities = Vec::new();
    while !parameters.is_empty() {
        let at = parameters.at();
        let kind = parameters.u8().map_err(short)?;
        let len = match extended {
            true => usize::from(parameters.u16().map_err(short)?),
            false => usize::from(parameters.u8().map_err(short)?),
        };
        let mut value = parameters.sub(len).map_err(short)?;
        if kind != PARAMETER_CAPABILITIES {
            return Err(OpenFault::Parameter { at, kind });
        }
        while !value.is_empty() {
            capabilities.push(Capability::decode(&mut value).map_err(short)?);
        }
    }
    Ok(capabilities)
}

//! Capabilities (RFC 5492): those we act on, and every other one byte for byte.

use super::reader::{Reader, Short};
use crate::types::{Asn, Family};

/// One capability of an OPEN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Capability {
    /// 1: a family this speaker exchanges (RFC 4760 §8).
    Multiprotocol(Family),
    /// 2: answers ROUTE-REFRESH (RFC 2918).
    RouteRefresh,
    /// 5: prefixes of a family may have a next hop of another AFI (RFC 8950 §4).
    ExtendedNextHop(Vec<(Family, u16)>),
    /// 6: messages up to 65535 octets (RFC 8654).
    ExtendedMessage,
    /// 9: the role of the sender (RFC 9234 §4.1).
    Role(Role),
    /// 64: graceful restart (RFC 4724 §3).
    GracefulRestart(GracefulRestart),
    /// 65: four-octet AS numbers (RFC 6793); `None` stands for the reserved zero.
    FourOctetAs(Option<Asn>),
    /// 69: several paths for a prefix, by family: 1 receives, 2 sends, 3 both (RFC 7911 §4). Read, never offered.
    AddPath(Vec<(Family, u8)>),
    /// 70: enhanced route refresh (RFC 7313).
    EnhancedRouteRefresh,
    /// 71: long-lived graceful restart, by family: flags, stale time in seconds (RFC 9494 §3).
    LongLivedGracefulRestart(Vec<(Family, u8, u32)>),
    /// 73: host and domain name (draft-walton-bgp-hostname-capability), shown to operators only.
    Fqdn {
        /// Host name, as sent.
        host: Vec<u8>,
        /// Domain name, as sent.
        domain: Vec<u8>,
    },
    /// Anything else, and anything above whose value has not the length its RFC gives.
    Unknown {
        /// Capability code.
        code: u8,
        /// Capability value.
        value: Vec<u8>,
    },
}

/// What a speaker is to its neighbour (RFC 9234 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Sells transit to the neighbour.
    Provider = 0,
    /// Serves routes between its clients, is on no path itself.
    RouteServer = 1,
    /// Takes routes of a route server.
    RouteServerClient = 2,
    /// Buys transit from the neighbour.
    Customer = 3,
    /// Exchanges its own and its customers' routes.
    Peer = 4,
}

impl Role {
    /// The role of this value of the capability, if one is assigned.
    #[must_use]
    pub fn from_octet(octet: u8) -> Option<Self> {
        [Self::Provider, Self::RouteServer, Self::RouteServerClient, Self::Customer, Self::Peer]
            .into_iter()
            .find(|role| *role as u8 == octet)
    }

    /// The role the neighbour must have (RFC 9234 §4.2).
    #[must_use]
    pub fn counterpart(self) -> Self {
        match self {
            Self::Provider => Self::Customer,
            Self::Customer => Self::Provider,
            Self::RouteServer => Self::RouteServerClient,
            Self::RouteServerClient => Self::RouteServer,
            Self::Peer => Self::Peer,
        }
    }

    /// The word for it in configuration and output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::RouteServer => "route-server",
            Self::RouteServerClient => "route-server-client",
            Self::Customer => "customer",
            Self::Peer => "peer",
        }
    }
}

/// The graceful restart capability (RFC 4724 §3, RFC 8538 §2).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GracefulRestart {
    /// The four flag bits: 8 is R (restarted), 4 is N (NOTIFICATION is graceful too).
    pub flags: u8,
    /// Restart time in seconds, twelve bits.
    pub time: u16,
    /// Families, each with its flag octet (0x80 is F: forwarding state kept).
    pub families: Vec<(Family, u8)>,
}

impl Capability {
    /// The code of the role capability (RFC 9234 §4.1).
    pub(super) const ROLE: u8 = 9;

    /// The registered capability code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Multiprotocol(_) => 1,
            Self::RouteRefresh => 2,
            Self::ExtendedNextHop(_) => 5,
            Self::ExtendedMessage => 6,
            Self::Role(_) => Self::ROLE,
            Self::GracefulRestart(_) => 64,
            Self::FourOctetAs(_) => 65,
            Self::AddPath(_) => 69,
            Self::EnhancedRouteRefresh => 70,
            Self::LongLivedGracefulRestart(_) => 71,
            Self::Fqdn { .. } => 73,
            Self::Unknown { code, .. } => *code,
        }
    }

    /// Code, length and value. `None` if the value is longer than its length octet can say.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let value = self.value()?;
        let mut out = vec![self.code(), u8::try_from(value.len()).ok()?];
        out.extend_from_slice(&value);
        Some(out)
    }

    fn value(&self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        match self {
            Self::RouteRefresh | Self::ExtendedMessage | Self::EnhancedRouteRefresh => {}
            Self::Multiprotocol(family) => {
                out.extend_from_slice(&family.afi.to_be_bytes());
                out.extend_from_slice(&[0, family.safi]);
            }
            Self::ExtendedNextHop(entries) => {
                for (family, next_hop_afi) in entries {
                    out.extend_from_slice(&family.afi.to_be_bytes());
                    out.extend_from_slice(&u16::from(family.safi).to_be_bytes());
                    out.extend_from_slice(&next_hop_afi.to_be_bytes());
                }
            }
            Self::GracefulRestart(GracefulRestart { flags, time, families }) => {
                let head = (u16::from(*flags & 0x0f) << 12) | (time & 0x0fff);
                out.extend_from_slice(&head.to_be_bytes());
                for (family, flags) in families {
                    out.extend_from_slice(&family.afi.to_be_bytes());
                    out.extend_from_slice(&[family.safi, *flags]);
                }
            }
            Self::Role(role) => out.push(*role as u8),
            Self::AddPath(families) => {
                for (family, direction) in families {
                    out.extend_from_slice(&family.afi.to_be_bytes());
                    out.extend_from_slice(&[family.safi, *direction]);
                }
            }
            Self::LongLivedGracefulRestart(families) => {
                for (family, flags, seconds) in families {
                    let [_, time @ ..] = seconds.to_be_bytes(); // 24 bits
                    out.extend_from_slice(&family.afi.to_be_bytes());
                    out.extend_from_slice(&[family.safi, *flags]);
                    out.extend_from_slice(&time);
                }
            }
            Self::FourOctetAs(asn) => out.extend_from_slice(&asn.map_or(0, Asn::get).to_be_bytes()),
            Self::Fqdn { host, domain } => {
                for name in [host, domain] {
                    out.push(u8::try_from(name.len()).ok()?);
                    out.extend_from_slice(name);
                }
            }
            Self::Unknown { value, .. } => out.extend_from_slice(value),
        }
        Some(out)
    }

    /// Reads one capability: code, length, value.
    pub(crate) fn decode(from: &mut Reader<'_>) -> Result<Self, Short> {
        let code = from.u8()?;
        let len = from.u8()?;
        let value = from.sub(len.into())?;
        // RFC 5492 §5 gives no NOTIFICATION for a value of the wrong length: such a capability is not understood.
        let known = Self::known(code, value).ok().flatten();
        Ok(known.unwrap_or_else(|| Self::Unknown { code, value: value.peek().to_vec() }))
    }

    fn known(code: u8, mut value: Reader<'_>) -> Result<Option<Self>, Short> {
        let capability = match code {
            1 => {
                let (afi, reserved, safi) = (value.u16()?, value.u8()?, value.u8()?);
                (reserved == 0).then_some(Self::Multiprotocol(Family { afi, safi }))
            }
            2 => Some(Self::RouteRefresh),
            5 => Self::extended_next_hop(&mut value)?,
            6 => Some(Self::ExtendedMessage),
            Self::ROLE => Role::from_octet(value.u8()?).map(Self::Role),
            64 => Some(Self::GracefulRestart(Self::graceful_restart(&mut value)?)),
            65 => Some(Self::FourOctetAs(Asn::new(value.u32()?))),
            69 => Some(Self::AddPath(Self::add_path(&mut value)?)),
            70 => Some(Self::EnhancedRouteRefresh),
            71 => Some(Self::LongLivedGracefulRestart(Self::long_lived(&mut value)?)),
            73 => {
                let mut name = || -> Result<Vec<u8>, Short> {
                    let len = value.u8()?;
                    Ok(value.take(len.into())?.to_vec())
                };
                Some(Self::Fqdn { host: name()?, domain: name()? })
            }
            _ => None,
        };
        Ok(capability.filter(|_| value.is_empty()))
    }

    fn extended_next_hop(value: &mut Reader<'_>) -> Result<Option<Self>, Short> {
        let mut entries = Vec::new();
        while !value.is_empty() {
            let (afi, safi, next_hop_afi) = (value.u16()?, value.u16()?, value.u16()?);
            let Ok(safi) = u8::try_from(safi) else { return Ok(None) };
            entries.push((Family { afi, safi }, next_hop_afi));
        }
        Ok(Some(Self::ExtendedNextHop(entries)))
    }

    fn add_path(value: &mut Reader<'_>) -> Result<Vec<(Family, u8)>, Short> {
        let mut families = Vec::new();
        while !value.is_empty() {
            families.push((Family { afi: value.u16()?, safi: value.u8()? }, value.u8()?));
        }
        Ok(families)
    }

    fn long_lived(value: &mut Reader<'_>) -> Result<Vec<(Family, u8, u32)>, Short> {
        let mut families = Vec::new();
        while !value.is_empty() {
            let (family, flags) = (Family { afi: value.u16()?, safi: value.u8()? }, value.u8()?);
            let [high, mid, low] = value.octets::<3>()?;
            families.push((family, flags, u32::from_be_bytes([0, high, mid, low])));
        }
        Ok(families)
    }

    fn graceful_restart(value: &mut Reader<'_>) -> Result<GracefulRestart, Short> {
        let head = value.u16()?;
        let mut families = Vec::new();
        while !value.is_empty() {
            let family = Family { afi: value.u16()?, safi: value.u8()? };
            families.push((family, value.u8()?));
        }
        let [high, _] = head.to_be_bytes();
        Ok(GracefulRestart { flags: high >> 4, time: head & 0x0fff, families })
    }
}

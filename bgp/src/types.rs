//! The numbers BGP is made of, checked when they are made.

use std::fmt;
use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::time::Duration;

/// An autonomous system number, four octets (RFC 6793). Zero cannot be made (RFC 7607).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asn(NonZeroU32);

impl Asn {
    /// What a two-octet field carries in place of a number that does not fit it (RFC 6793 §9).
    pub const TRANS: u16 = 23456;

    /// The number, or `None` for the reserved zero.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }

    /// The number as the wire and operators write it.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0.get()
    }

    /// The two-octet form: the number itself, or [`Asn::TRANS`].
    #[must_use]
    pub fn two_octets(self) -> u16 {
        u16::try_from(self.get()).unwrap_or(Self::TRANS)
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// A BGP Identifier: any non-zero 32-bit number, written as an IPv4 address (RFC 6286 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouterId(NonZeroU32);

impl RouterId {
    /// The identifier, or `None` for the reserved `0.0.0.0`.
    #[must_use]
    pub fn new(id: Ipv4Addr) -> Option<Self> {
        NonZeroU32::new(id.to_bits()).map(Self)
    }

    /// The identifier in its written form.
    #[must_use]
    pub fn addr(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.0.get())
    }
}

impl fmt::Display for RouterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.addr().fmt(f)
    }
}

/// A hold time in seconds: zero (no keepalives at all) or at least three (RFC 4271 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HoldTime(u16);

impl HoldTime {
    /// The hold time, or `None` for one and two seconds, which RFC 4271 §4.2 forbids.
    #[must_use]
    pub fn new(seconds: u16) -> Option<Self> {
        (seconds == 0 || seconds >= 3).then_some(Self(seconds))
    }

    /// Whole seconds, as the OPEN carries them.
    #[must_use]
    pub fn seconds(self) -> u16 {
        self.0
    }

    /// How long a peer may be silent; `None` when the two agreed on no hold timer.
    #[must_use]
    pub fn duration(self) -> Option<Duration> {
        (self.0 != 0).then(|| Duration::from_secs(self.0.into()))
    }
}

/// An address family and its subsequent family, open to any number IANA may assign (RFC 4760 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Family {
    /// Address Family Identifier: 1 is IPv4, 2 is IPv6.
    pub afi: u16,
    /// Subsequent Address Family Identifier: 1 is unicast.
    pub safi: u8,
}

impl Family {
    /// IPv4 unicast.
    pub const IPV4_UNICAST: Self = Self { afi: 1, safi: 1 };
    /// IPv6 unicast.
    pub const IPV6_UNICAST: Self = Self { afi: 2, safi: 1 };
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::IPV4_UNICAST => f.write_str("ipv4-unicast"),
            Self::IPV6_UNICAST => f.write_str("ipv6-unicast"),
            Self { afi, safi } => write!(f, "afi-{afi}-safi-{safi}"),
        }
    }
}

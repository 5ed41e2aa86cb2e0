//! The authentication section (RFC 5880 §4.2 to §4.4) and the secrets it is made of.

use std::fmt;

/// How a session's packets are authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    /// The method.
    pub kind: AuthKind,
    /// Tells keys apart while they are changed.
    pub key_id: u8,
    /// The shared secret.
    pub key: Key,
}

/// The methods of RFC 5880 §4.1, Auth Type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthKind {
    /// The password in clear.
    Simple = 1,
    /// MD5 over packet and key; the sequence number may stay.
    KeyedMd5 = 2,
    /// MD5; the sequence number grows with every packet.
    MeticulousKeyedMd5 = 3,
    /// SHA1; the sequence number may stay.
    KeyedSha1 = 4,
    /// SHA1; the sequence number grows with every packet.
    MeticulousKeyedSha1 = 5,
}

impl AuthKind {
    /// Whether the sequence number must grow with every packet (RFC 5880 §6.7.3, §6.7.4).
    #[must_use]
    pub const fn is_meticulous(self) -> bool {
        matches!(self, Self::MeticulousKeyedMd5 | Self::MeticulousKeyedSha1)
    }

    /// Whether there is a sequence number at all: not beside a simple password.
    #[must_use]
    pub const fn has_sequence(self) -> bool {
        !matches!(self, Self::Simple)
    }

    /// The most octets a secret may have (RFC 5880 §4.2 to §4.4).
    #[must_use]
    pub const fn longest_key(self) -> usize {
        match self {
            Self::Simple | Self::KeyedMd5 | Self::MeticulousKeyedMd5 => 16,
            Self::KeyedSha1 | Self::MeticulousKeyedSha1 => 20,
        }
    }
}

/// A secret of 1 to 16 octets (MD5, simple) or 20 (SHA1). Its Debug form does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Box<[u8]>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// The key for a method, or `None` if it is empty or too long for it (RFC 5880 §4.2 to §4.4).
    #[must_use]
    pub fn new(kind: AuthKind, secret: &[u8]) -> Option<Self> {
        (1..=kind.longest_key()).contains(&secret.len()).then(|| Self(secret.into()))
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.0
    }

    /// In a field of so many octets, zeros behind it. A key longer than the field, made for another method, is cut off:
    /// it matches nobody.
    pub(super) fn padded<const N: usize>(&self) -> [u8; N] {
        let mut field = [0; N];
        for (place, octet) in field.iter_mut().zip(&self.0) {
            *place = *octet;
        }
        field
    }
}

/// The authentication section of a received packet: its type and what is behind its length, not looked into yet. Its
/// Debug form shows no password.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AuthSection<'a> {
    pub(super) kind: u8,
    /// After Auth Len, as far as that reaches.
    pub(super) body: &'a [u8],
}

impl AuthSection<'_> {
    /// The Auth Type, of [`AuthKind`] or not.
    #[must_use]
    pub fn kind(&self) -> u8 {
        self.kind
    }

    /// The Auth Key ID, first in the section of every type there is; `None`: the section is empty.
    #[must_use]
    pub fn key_id(&self) -> Option<u8> {
        self.body.first().copied()
    }
}

impl fmt::Debug for AuthSection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.body.len();
        write!(f, "AuthSection {{ kind: {}, key_id: {:?}, body: {len} octets }}", self.kind, self.key_id())
    }
}

//! The authentication section (RFC 5880 §4.2 to §4.4, §6.7).

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
        let longest =
            if matches!(kind, AuthKind::KeyedSha1 | AuthKind::MeticulousKeyedSha1) { 20 } else { 16 };
        (1..=longest).contains(&secret.len()).then(|| Self(secret.into()))
    }
}

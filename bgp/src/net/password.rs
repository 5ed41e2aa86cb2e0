//! The key of TCP MD5 signatures.

use std::fmt;

/// A key (RFC 2385 §4.5) of 1 to 80 octets; it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Box<[u8]>);

impl Password {
    /// The most octets the kernel takes.
    pub const MAX: usize = 80;

    /// The key; `None` if it is empty or longer than [`Password::MAX`].
    #[must_use]
    pub fn new(key: &[u8]) -> Option<Self> {
        (1..=Self::MAX).contains(&key.len()).then(|| Self(key.into()))
    }

    /// The octets, for the kernel's ears only.
    pub(super) fn octets(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

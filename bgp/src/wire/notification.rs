//! NOTIFICATION (RFC 4271 §4.5): an open code space, the shutdown text of RFC 9003, the hard reset of RFC 8538.

mod registry;

use std::fmt;

pub use registry::{cease, code, fsm, header, open, refresh, update};

use crate::types::Family;

/// Why a peer, or we, ended a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Notification {
    /// Error code; any octet is possible.
    pub code: u8,
    /// Error subcode; its meaning depends on the code.
    pub subcode: u8,
    /// What the code says this is; diagnostic only.
    pub data: Vec<u8>,
}

impl Notification {
    /// A notification with these codes and data.
    #[must_use]
    pub fn new(code: u8, subcode: u8, data: &[u8]) -> Self {
        Self { code, subcode, data: data.to_vec() }
    }

    /// Hold timer expired (RFC 4271 §6.5).
    #[must_use]
    pub fn hold_timer_expired() -> Self {
        Self::new(code::HOLD_TIMER, 0, &[])
    }

    /// Send hold timer expired (RFC 9687 §4): the peer takes no octets any more.
    #[must_use]
    pub fn send_hold_timer_expired() -> Self {
        Self::new(code::SEND_HOLD_TIMER, 0, &[])
    }

    /// Role mismatch (RFC 9234 §4.2).
    #[must_use]
    pub fn role_mismatch() -> Self {
        Self::new(code::OPEN, open::ROLE_MISMATCH, &[])
    }

    /// Maximum number of prefixes reached: the family and our limit go along (RFC 4486 §4).
    #[must_use]
    pub fn max_prefixes(family: Family, limit: u32) -> Self {
        let mut data = family.afi.to_be_bytes().to_vec();
        data.push(family.safi);
        data.extend_from_slice(&limit.to_be_bytes());
        Self { code: code::CEASE, subcode: cease::MAX_PREFIXES, data }
    }

    /// The hard reset that tells `reason`: the peer keeps nothing of ours, graceful restart or not (RFC 8538 §3.1).
    ///
    /// A hard reset as `reason` stays as it is; data beyond what any session's message holds is cut.
    #[must_use]
    pub fn hard_reset(reason: &Self) -> Self {
        if reason.is_hard_reset() {
            return reason.clone();
        }
        let mut data = vec![reason.code, reason.subcode];
        data.extend(reason.data.iter().take(super::MAX_ECHO.saturating_sub(2)));
        Self { code: code::CEASE, subcode: cease::HARD_RESET, data }
    }

    /// Whether this is a Cease/Hard Reset (RFC 8538 §3.1), well formed or not.
    #[must_use]
    pub fn is_hard_reset(&self) -> bool {
        (self.code, self.subcode) == (code::CEASE, cease::HARD_RESET)
    }

    /// What a hard reset was sent for (RFC 8538 §3.1); `None` for any other and for one that does not tell.
    #[must_use]
    pub fn inner(&self) -> Option<Self> {
        let (code, subcode, data) = self.wrapped()?;
        Some(Self::new(code, subcode, data))
    }

    fn wrapped(&self) -> Option<(u8, u8, &[u8])> {
        match self.data.as_slice() {
            [code, subcode, data @ ..] if self.is_hard_reset() => Some((*code, *subcode, data)),
            _ => None,
        }
    }

    /// Administrative shutdown with a text for the other operator, cut at 255 octets (RFC 9003 §2).
    #[must_use]
    pub fn shutdown(text: &str) -> Self {
        Self::cease(cease::ADMIN_SHUTDOWN, text)
    }

    /// A Cease; `text` is sent only where RFC 9003 §2 has a place for it and where there is one.
    #[must_use]
    pub fn cease(subcode: u8, text: &str) -> Self {
        let carries_text = matches!(subcode, cease::ADMIN_SHUTDOWN | cease::ADMIN_RESET);
        if !carries_text || text.is_empty() {
            return Self::new(code::CEASE, subcode, &[]);
        }
        let mut end = text.len().min(255);
        while !text.is_char_boundary(end) {
            end = end.saturating_sub(1);
        }
        let mut data = vec![u8::try_from(end).unwrap_or(u8::MAX)];
        data.extend_from_slice(text.get(..end).unwrap_or_default().as_bytes());
        Self { code: code::CEASE, subcode, data }
    }

    /// The text of an administrative shutdown or reset, in a hard reset or not, if it carries a readable one
    /// (RFC 9003 §2).
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        let (code, subcode, data) = self.wrapped().unwrap_or((self.code, self.subcode, &self.data));
        let (code::CEASE, cease::ADMIN_SHUTDOWN | cease::ADMIN_RESET) = (code, subcode) else {
            return None;
        };
        let (len, rest) = data.split_first()?;
        std::str::from_utf8(rest.get(..usize::from(*len))?).ok().filter(|text| !text.is_empty())
    }

    /// The family and the limit in a Cease/Maximum Number of Prefixes, if it carries them (RFC 4486 §4).
    #[must_use]
    pub fn prefix_limit(&self) -> Option<(Family, u32)> {
        let (code::CEASE, cease::MAX_PREFIXES) = (self.code, self.subcode) else { return None };
        let [afi_high, afi_low, safi, limit @ ..] = *self.data.first_chunk::<7>()?;
        let family = Family { afi: u16::from_be_bytes([afi_high, afi_low]), safi };
        Some((family, u32::from_be_bytes(limit))).filter(|_| self.data.len() == 7)
    }

    /// The registered name of code and subcode, as a log line wants it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        registry::name(self.code, self.subcode)
    }
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}/{})", self.name(), self.code, self.subcode)?;
        if let Some((code, subcode, _)) = self.wrapped() {
            write!(f, " for {} ({code}/{subcode})", registry::name(code, subcode))?;
        }
        if let Some((family, limit)) = self.prefix_limit() {
            write!(f, ": {limit} of {family}")?;
        }
        // A peer's text goes to terminals and logs: control characters stay out of them.
        self.text().map_or(Ok(()), |text| write!(f, ": {}", text.escape_debug()))
    }
}

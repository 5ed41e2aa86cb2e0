//! A packet in octets, of no more than a fixed size: sending allocates nothing.

use std::fmt;

use super::{MAX_LEN, MIN_LEN};

/// A packet as it is sent, authentication section included. Its Debug form leaves out what is secret of that.
#[derive(Clone, Copy)]
pub struct Encoded {
    bytes: [u8; MAX_LEN],
    len: u8,
}

impl Encoded {
    /// Starts with nothing in it.
    pub(super) const EMPTY: Self = Self { bytes: [0; MAX_LEN], len: 0 };

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Appends. What does not fit any more is left out; no packet of ours is longer than [`MAX_LEN`].
    pub(super) fn push(&mut self, octets: &[u8]) {
        for octet in octets {
            if let Some(place) = self.bytes.get_mut(usize::from(self.len)) {
                *place = *octet;
                self.len = self.len.saturating_add(1);
            }
        }
    }

    /// Overwrites the last octets.
    pub(super) fn replace_tail(&mut self, octets: &[u8]) {
        let end = usize::from(self.len);
        let tail = end.checked_sub(octets.len()).and_then(|start| self.bytes.get_mut(start..end));
        if let Some(tail) = tail {
            tail.copy_from_slice(octets);
        }
    }
}

impl fmt::Debug for Encoded {
    /// Hex; of an authentication section only type, length and key number, as a simple password is in clear.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = MIN_LEN + 3;
        f.write_str("Encoded(")?;
        self.as_bytes().iter().take(SHOWN).try_for_each(|octet| write!(f, "{octet:02x}"))?;
        f.write_str(if self.as_bytes().len() > SHOWN { "…)" } else { ")" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_past_the_end() {
        let mut encoded = Encoded::EMPTY;
        encoded.push(&[1; 30]);
        encoded.push(&[2; 30]);
        assert_eq!(encoded.as_bytes(), [[1; 30].as_slice(), &[2; 22]].concat());
        encoded.replace_tail(&[3; 53]);
        encoded.replace_tail(&[4]);
        assert_eq!(encoded.as_bytes(), [[1; 30].as_slice(), &[2; 21], &[4]].concat());
    }
}

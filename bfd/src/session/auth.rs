//! What authentication remembers of a session: the sequence numbers of both directions (RFC 5880 §6.7).
//!
//! Departs from RFC 5880 §6.7.3 in one step: the number of a packet is remembered only after its digest was found right,
//! so that nobody without the key can set it.

use super::clock::Awake;
use crate::packet::{Auth, AuthKind, AuthSection, ControlPacket, Encoded, sign, verify};

/// bfd.RcvAuthSeq, bfd.AuthSeqKnown and bfd.XmitAuthSeq.
#[derive(Debug)]
pub(super) struct AuthState {
    /// The last number received and when it is out of date; `None`: not known.
    received: Option<(u32, Option<Awake>)>,
    /// The number of the last packet sent.
    sent: u32,
    /// What it said: a new number is due when there is something new to say.
    said: Option<ControlPacket>,
}

impl AuthState {
    /// The first number is random (RFC 5880 §6.8.1).
    pub(super) fn new(first: u32) -> Self {
        Self { received: None, sent: first, said: None }
    }

    /// Another key: its numbers are not known.
    pub(super) fn forget(&mut self) {
        self.received = None;
    }

    /// Makes the octets.
    pub(super) fn seal(&mut self, packet: &ControlPacket, auth: Option<&Auth>) -> Encoded {
        let Some(auth) = auth else { return packet.encode() };
        if meticulous(auth.kind) || self.said != Some(*packet) {
            self.sent = self.sent.wrapping_add(1);
            self.said = Some(*packet);
        }
        sign(packet, auth, self.sent)
    }

    /// Whether the packet is authentic and no replay. The number counts only once [`AuthState::accept`] is called.
    pub(super) fn check(
        &self,
        (payload, packet): (&[u8], &ControlPacket),
        section: Option<&AuthSection<'_>>,
        auth: Option<&Auth>,
        now: Awake,
    ) -> Option<Verified> {
        let (section, auth) = match (section, auth) {
            (None, None) => return Some(Verified(None)),
            (Some(section), Some(auth)) => (section, auth),
            _ => return None,
        };
        let number = verify(payload, section, auth)?;
        if auth.kind == AuthKind::Simple {
            return Some(Verified(None));
        }
        let known = self.received.filter(|(_, until)| until.is_none_or(|until| now < until));
        let fits = known.is_none_or(|(last, _)| {
            let least = u32::from(meticulous(auth.kind));
            (least..=3 * u32::from(packet.detect_mult.get())).contains(&number.wrapping_sub(last))
        });
        fits.then_some(Verified(Some(number)))
    }

    /// Remembers the number, until twice the detection time has passed in silence (RFC 5880 §6.8.1, bfd.AuthSeqKnown).
    pub(super) fn accept(&mut self, verified: Verified, until: Option<Awake>) {
        if let Verified(Some(number)) = verified {
            self.received = Some((number, until));
        }
    }
}

/// An authentic packet's sequence number, where the method has one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verified(Option<u32>);

fn meticulous(kind: AuthKind) -> bool {
    matches!(kind, AuthKind::MeticulousKeyedMd5 | AuthKind::MeticulousKeyedSha1)
}

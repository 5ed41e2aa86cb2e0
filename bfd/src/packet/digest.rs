//! Signing and verifying (RFC 5880 §6.7.2 to §6.7.4).
//!
//! A digest is taken over the packet as it is sent, with the key, zeros behind it, where the digest will be. Which
//! sequence numbers are taken is the session's business: it knows which it saw.

use md5::{Digest, Md5};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use super::{Auth, AuthKind, AuthSection, ControlPacket, Encoded};

/// Octets of an MD5 digest, and of the field it is in (RFC 5880 §4.3).
const MD5_LEN: usize = 16;

/// Octets of a SHA1 hash, and of the field it is in (RFC 5880 §4.4).
const SHA1_LEN: usize = 20;

/// Auth Type, Auth Len, Auth Key ID.
const SIMPLE_HEAD: u8 = 3;

/// The packet with its authentication section. A simple password has no sequence number.
#[must_use]
pub fn sign(packet: &ControlPacket, auth: &Auth, sequence: u32) -> Encoded {
    match auth.kind {
        AuthKind::Simple => {
            let len = u8::try_from(auth.key.octets().len()).unwrap_or(u8::MAX).saturating_add(SIMPLE_HEAD);
            let mut encoded = packet.head(len);
            encoded.push(&[auth.kind as u8, len, auth.key_id]);
            encoded.push(auth.key.octets());
            encoded
        }
        AuthKind::KeyedMd5 | AuthKind::MeticulousKeyedMd5 => {
            digested::<Md5, MD5_LEN>(packet.head(24), (auth, 24), sequence)
        }
        AuthKind::KeyedSha1 | AuthKind::MeticulousKeyedSha1 => {
            digested::<Sha1, SHA1_LEN>(packet.head(28), (auth, 28), sequence)
        }
    }
}

fn digested<D: Digest, const N: usize>(
    mut encoded: Encoded,
    (auth, len): (&Auth, u8),
    sequence: u32,
) -> Encoded {
    encoded.push(&[auth.kind as u8, len, auth.key_id, 0]);
    encoded.push(&sequence.to_be_bytes());
    encoded.push(&auth.key.padded::<N>());
    let digest = D::digest(encoded.as_bytes());
    encoded.replace_tail(&digest);
    encoded
}

/// Whether the section, decoded from this datagram, is of this method, key number and key. Then its sequence number, 0
/// beside a simple password. The comparison takes as long for a key that is nearly right as for one that is wrong.
#[must_use]
pub fn verify(payload: &[u8], section: &AuthSection<'_>, auth: &Auth) -> Option<u32> {
    let (key_id, rest) = section.body.split_first()?;
    if section.kind != auth.kind as u8 || *key_id != auth.key_id {
        return None;
    }
    match auth.kind {
        AuthKind::Simple => bool::from(rest.ct_eq(auth.key.octets())).then_some(0),
        AuthKind::KeyedMd5 | AuthKind::MeticulousKeyedMd5 => {
            matches_digest::<Md5, MD5_LEN>(payload, rest, auth)
        }
        AuthKind::KeyedSha1 | AuthKind::MeticulousKeyedSha1 => {
            matches_digest::<Sha1, SHA1_LEN>(payload, rest, auth)
        }
    }
}

/// `rest` is what the section has after its key number: a reserved octet that means nothing, sequence number, digest.
fn matches_digest<D: Digest, const N: usize>(payload: &[u8], rest: &[u8], auth: &Auth) -> Option<u32> {
    /// Where the digest begins in a packet: 24 octets, then type, length, key number, reserved, sequence number.
    const DIGEST_AT: usize = 32;
    let (_reserved, rest) = rest.split_first()?;
    let (sequence, rest) = rest.split_first_chunk()?;
    let received: &[u8; N] = rest.try_into().ok()?; // this is the check of Auth Len: 24 or 28
    let packet = payload.get(..usize::from(*payload.get(3)?))?;
    let (before, digest_on) = packet.split_at_checked(DIGEST_AT)?;
    let (_, after) = digest_on.split_at_checked(N)?;
    let digest =
        D::new().chain_update(before).chain_update(auth.key.padded::<N>()).chain_update(after).finalize();
    bool::from(digest.ct_eq(received.as_slice())).then_some(u32::from_be_bytes(*sequence))
}

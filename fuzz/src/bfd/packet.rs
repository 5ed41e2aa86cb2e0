//! One datagram through the codec: it is a packet or has a reason not to be one, and what can be read can be sent.

use bfd::packet::{Auth, AuthSection, ControlPacket, MAX_LEN, sign, verify};

use crate::counters;
use crate::script::Script;

/// The first octets are method, key number and key, then one that says which bit to flip; the rest is the datagram.
pub fn run(octets: &[u8]) {
    let mut script = Script(octets);
    let (kind, key_id, key, bit) = (script.octet(), script.octet(), script.octets(), script.octet());
    let Some(auth) = super::auth(kind, key_id, key) else { return };
    let payload = script.0;
    match ControlPacket::decode(payload) {
        Err(malformed) => {
            counters::malformed(&malformed);
            assert!(malformed.to_string().contains("(RFC 5880 §"));
        }
        Ok((packet, section)) => {
            counters::BFD_STATES.count(packet.state as u8);
            counters::BFD_FLAGS.count(payload[1] & 0x3f);
            stable(&packet, payload);
            if let Some(section) = section {
                authenticated(&packet, payload, (&section, &auth));
            }
            signed(&packet, &auth, bit);
        }
    }
}

/// What was read is sent in the same octets, but for the A bit and the length.
fn stable(packet: &ControlPacket, payload: &[u8]) {
    let again = packet.encode();
    assert_eq!(ControlPacket::decode(again.as_bytes()), Ok((*packet, None)));
    assert_eq!(&again.as_bytes()[4..], &payload[4..24]);
    assert_eq!(again.as_bytes()[1], payload[1] & !4);
    assert_eq!((again.as_bytes()[0], again.as_bytes()[2]), (payload[0], payload[2]));
}

/// What verifies is what we would have sent, reserved octet and trailing octets apart.
fn authenticated(packet: &ControlPacket, payload: &[u8], (section, auth): (&AuthSection<'_>, &Auth)) {
    assert!(payload.len() >= 26 && !format!("{section:?}").is_empty());
    let verdict = verify(payload, section, auth);
    counters::BFD_AUTH.count(section.kind().min(6) * 2 + u8::from(verdict.is_some()));
    let Some(sequence) = verdict else { return };
    let ours = sign(packet, auth, sequence);
    assert!(ours.as_bytes().len() <= usize::from(payload[3]));
    if ours.as_bytes().len() == usize::from(payload[3]) && payload.get(27) == Some(&0) {
        assert_eq!(ours.as_bytes(), &payload[..ours.as_bytes().len()]);
    }
}

/// What we sign verifies with that key; not with a bit changed that the method covers.
fn signed(packet: &ControlPacket, auth: &Auth, bit: u8) {
    let ours = sign(packet, auth, 77);
    let mut octets = ours.as_bytes().to_vec();
    assert!(octets.len() <= MAX_LEN);
    let check = |octets: &[u8]| {
        let section = ControlPacket::decode(octets).ok()?.1?;
        verify(octets, &section, auth)
    };
    assert_eq!(check(&octets), Some(if auth.kind.has_sequence() { 77 } else { 0 }));
    let covered = if auth.kind.has_sequence() { 0 } else { 24 };
    let at = covered + usize::from(bit >> 3) % (octets.len() - covered);
    octets[at] ^= 0x80 >> (bit & 7);
    assert_eq!(check(&octets), None, "bit {} of octet {at} can be changed", bit & 7);
}

//! Properties of the codec: values survive the wire, octets of any kind are answered, secrets stay secret.

use bfd::packet::{Auth, AuthKind, ControlPacket, Key, MAX_LEN, Malformed, sign, verify};
use bfd::{DetectMult, Diagnostic, Discriminator, Micros, State};
use proptest::collection::vec;
use proptest::prelude::*;

const KINDS: [AuthKind; 5] = [
    AuthKind::Simple,
    AuthKind::KeyedMd5,
    AuthKind::MeticulousKeyedMd5,
    AuthKind::KeyedSha1,
    AuthKind::MeticulousKeyedSha1,
];

prop_compose! {
    fn any_packet()(
        (state, diagnostic, mult) in (0..4_usize, 0..32_u8, 1..=255_u8),
        (my, your, intervals) in (1..=u32::MAX, any::<u32>(), any::<[u32; 3]>()),
        flags in any::<[bool; 4]>(),
    ) -> ControlPacket {
        let state = [State::AdminDown, State::Down, State::Init, State::Up][state];
        // Whoever is Init or Up knows the other end (RFC 5880 §6.8.6).
        let your = if state == State::Init || state == State::Up { your.max(1) } else { your };
        ControlPacket {
            diagnostic: Diagnostic(diagnostic),
            state,
            poll: flags[0],
            fin: flags[1],
            control_plane_independent: flags[2],
            demand: flags[3],
            detect_mult: DetectMult::new(mult).expect("not zero"),
            my_discriminator: Discriminator::new(my).expect("not zero"),
            your_discriminator: Discriminator::new(your),
            desired_min_tx: Micros(intervals[0]),
            required_min_rx: Micros(intervals[1]),
            required_min_echo_rx: Micros(intervals[2]),
        }
    }
}

fn any_auth() -> impl Strategy<Value = Auth> {
    (prop::sample::select(&KINDS), any::<u8>(), vec(any::<u8>(), 1..=20)).prop_map(
        |(kind, key_id, mut key)| {
            key.truncate(kind.longest_key());
            Auth { kind, key_id, key: Key::new(kind, &key).expect("fits") }
        },
    )
}

/// Octets that come near enough to a packet that most of it is looked at.
fn nearly_a_packet() -> impl Strategy<Value = Vec<u8>> {
    let auth = (any_auth(), any::<u32>());
    (any_packet(), prop::option::of(auth), vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)).prop_map(
        |(packet, auth, changes)| {
            let encoded = auth.map_or_else(|| packet.encode(), |(auth, number)| sign(&packet, &auth, number));
            let mut octets = encoded.as_bytes().to_vec();
            changes.iter().for_each(|(at, octet)| *at.get_mut(&mut octets) = *octet);
            octets
        },
    )
}

/// What holds for any octets.
fn check(octets: &[u8], auth: &Auth) -> Result<(), TestCaseError> {
    match ControlPacket::decode(octets) {
        Err(malformed) => prop_assert!(malformed.to_string().contains("(RFC 5880 §")),
        Ok((packet, section)) => {
            let again = packet.encode();
            prop_assert_eq!(ControlPacket::decode(again.as_bytes()), Ok((packet, None)));
            prop_assert_eq!(&again.as_bytes()[4..], &octets[4..24]);
            prop_assert_eq!(section.is_some(), octets[1] & 4 != 0);
            if let Some(sequence) = section.and_then(|section| verify(octets, &section, auth)) {
                let signed = sign(&packet, auth, sequence);
                prop_assert!(signed.as_bytes().len() <= usize::from(octets[3]));
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn a_packet_survives_the_wire(packet in any_packet()) {
        let encoded = packet.encode();
        prop_assert_eq!(encoded.as_bytes().len(), 24);
        prop_assert_eq!(ControlPacket::decode(encoded.as_bytes()), Ok((packet, None)));
    }

    #[test]
    fn a_signed_packet_survives_the_wire(packet in any_packet(), auth in any_auth(), number in any::<u32>()) {
        let encoded = sign(&packet, &auth, number);
        let (again, section) = ControlPacket::decode(encoded.as_bytes()).expect("whole");
        let section = section.expect("authenticated");
        prop_assert!(encoded.as_bytes().len() <= MAX_LEN);
        prop_assert_eq!(again, packet);
        prop_assert_eq!((section.kind(), section.key_id()), (auth.kind as u8, Some(auth.key_id)));
        let number = if auth.kind.has_sequence() { number } else { 0 };
        prop_assert_eq!(verify(encoded.as_bytes(), &section, &auth), Some(number));
    }

    #[test]
    fn another_key_verifies_nothing(packet in any_packet(), auths in [any_auth(), any_auth()], number in any::<u32>()) {
        prop_assume!(auths[0] != auths[1]);
        let encoded = sign(&packet, &auths[0], number);
        let (_, section) = ControlPacket::decode(encoded.as_bytes()).expect("whole");
        let verified = verify(encoded.as_bytes(), &section.expect("authenticated"), &auths[1]);
        // Zeros at a key's end are padding, so that keys which differ in those alone are one (RFC 5880 §4.3, §4.4).
        let padded = |auth: &Auth| (auth.kind as u8, auth.key_id, sign(&packet, auth, number).as_bytes().to_vec());
        prop_assert_eq!(verified.is_some(), padded(&auths[0]) == padded(&auths[1]));
    }

    #[test]
    fn any_octets_are_answered(octets in vec(any::<u8>(), 0..80), auth in any_auth()) {
        check(&octets, &auth)?;
    }

    #[test]
    fn octets_near_a_packet_are_answered(octets in nearly_a_packet(), auth in any_auth()) {
        check(&octets, &auth)?;
    }

    #[test]
    fn a_packet_cut_short_is_refused(packet in any_packet(), auth in any_auth(), at in any::<prop::sample::Index>()) {
        let encoded = sign(&packet, &auth, 1);
        let cut = &encoded.as_bytes()[..at.index(encoded.as_bytes().len())];
        let refused = ControlPacket::decode(cut);
        prop_assert!(matches!(refused, Err(Malformed::Short { .. } | Malformed::TooLong { .. })), "{:?}", refused);
    }
}

#[test]
fn a_key_has_as_many_octets_as_its_method_has_room_for() {
    for kind in KINDS {
        let longest =
            if matches!(kind, AuthKind::KeyedSha1 | AuthKind::MeticulousKeyedSha1) { 20 } else { 16 };
        assert_eq!(Key::new(kind, b""), None);
        assert!(Key::new(kind, b"k").is_some() && Key::new(kind, &[7; 20][..longest]).is_some());
        assert_eq!(Key::new(kind, &[7; 21][..=longest]), None);
    }
}

#[test]
fn a_diagnostic_never_spills_into_the_version() {
    let vector = b"\x20\x40\x03\x18\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0";
    let (packet, _) = ControlPacket::decode(vector).expect("whole");
    let packet = ControlPacket { diagnostic: Diagnostic(0xff), ..packet };
    assert_eq!(packet.encode().as_bytes()[0], 0x3f);
}

#[test]
fn nothing_shows_a_secret() {
    let auth = Auth {
        kind: AuthKind::Simple,
        key_id: 9,
        key: Key::new(AuthKind::Simple, b"swordfish").expect("fits"),
    };
    let vector = b"\x20\x40\x03\x18\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\0";
    let (packet, _) = ControlPacket::decode(vector).expect("whole");
    let encoded = sign(&packet, &auth, 0);
    let (_, section) = ControlPacket::decode(encoded.as_bytes()).expect("whole");
    let shown = format!("{auth:?} {encoded:?} {section:?}");
    let secret = ["sword", "73776f7264", "115, 119"]; // as text, as hex, as numbers
    assert!(secret.iter().all(|secret| !shown.contains(secret)), "{shown}");
    assert!(shown.contains("204403240000000100000000000000010000000100000000010c09…"), "{shown}");
}

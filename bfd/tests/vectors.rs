//! Octets whose meaning is known from elsewhere: RFC text by hand, and captures of other implementations. Each file of
//! `vectors/` says where it is from and what is to happen; `vectors/README.md` explains.

mod vector_files;

use bfd::packet::{AuthSection, ControlPacket, sign, verify};
use vector_files::{Vector, all};

/// A packet in the lines of the files.
fn lines(vector: &Vector, packet: &ControlPacket, section: Option<&AuthSection<'_>>) -> Vec<String> {
    let bits = [
        (packet.poll, 'p'),
        (packet.fin, 'f'),
        (packet.control_plane_independent, 'c'),
        (section.is_some(), 'a'),
        (packet.demand, 'd'),
    ];
    let flags: String = bits.iter().filter(|(set, _)| *set).map(|(_, flag)| flag).collect();
    let flags = if flags.is_empty() { "-" } else { &flags };
    let your = packet.your_discriminator.map_or(0, bfd::Discriminator::get);
    let intervals =
        [packet.desired_min_tx, packet.required_min_rx, packet.required_min_echo_rx].map(|one| one.0);
    let mut out = vec![
        format!("version {} length {}", vector.octets[0] >> 5, vector.octets[3]), // not kept by decoding
        format!("state {} diag {} flags {flags}", packet.state, packet.diagnostic.0),
        format!("mult {}", packet.detect_mult.get()),
        format!("my {:#010x} your {your:#010x}", packet.my_discriminator.get()),
        format!("tx {} rx {} echo {}", intervals[0], intervals[1], intervals[2]),
    ];
    if let Some(section) = section {
        let key = section.key_id().map(|key| format!(" key {key}")).unwrap_or_default();
        out.push(format!("auth type {}{key}", section.kind()));
        if let Some(auth) = &vector.auth {
            let verdict = verify(&vector.octets, section, auth);
            out.push(verdict.map_or("sequence -".to_owned(), |sequence| format!("sequence {sequence}")));
            out.push(verdict.map_or("wrong", |_| "verified").to_owned());
        }
    }
    out
}

fn outcome(vector: &Vector) -> Vec<String> {
    match ControlPacket::decode(&vector.octets) {
        Ok((packet, section)) => lines(vector, &packet, section.as_ref()),
        Err(malformed) => vec![format!("refused {malformed}")],
    }
}

#[test]
fn each_vector_means_what_its_file_says() {
    let wrong: Vec<String> = all()
        .iter()
        .filter(|vector| outcome(vector) != vector.expected)
        .map(|vector| format!("{}: {:#?} expected, got {:#?}", vector.name, vector.expected, outcome(vector)))
        .collect();
    assert!(wrong.is_empty(), "{} vectors differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// A packet has one form only, authenticated or not: what others send we would send octet by octet.
#[test]
fn what_is_understood_is_sent_in_the_very_octets() {
    // The RFC lets a receiver take these; no sender may send them.
    let received_only = ["rfc_more_", "rfc_longer_", "rfc_md5_reserved_", "rfc_sha1_more_"];
    let mut checked = 0;
    for vector in all().iter().filter(|vector| !received_only.iter().any(|one| vector.name.starts_with(one)))
    {
        let Ok((packet, section)) = ControlPacket::decode(&vector.octets) else { continue };
        let again = match (section, &vector.auth) {
            (None, _) => packet.encode(),
            (Some(section), Some(auth)) => match verify(&vector.octets, &section, auth) {
                Some(sequence) => sign(&packet, auth, sequence),
                None => continue,
            },
            (Some(_), None) => continue,
        };
        assert_eq!(again.as_bytes(), vector.octets, "{}", vector.name);
        checked += 1;
    }
    assert!(checked >= 120, "{checked}");
}

/// Every bit of a packet that another implementation signed is covered: by the digest, or by a check of its own.
#[test]
fn no_bit_of_a_signed_packet_can_be_changed() {
    let signed = all().into_iter().filter(|vector| vector.name.starts_with("bird_") && vector.auth.is_some());
    let mut checked = 0;
    for mut vector in signed {
        let auth = vector.auth.take().expect("a key");
        let simple = auth.kind == bfd::packet::AuthKind::Simple;
        // A simple password covers nothing but itself (RFC 5880 §6.7.2).
        let first = if simple { 24 } else { 0 };
        for bit in first * 8..vector.octets.len() * 8 {
            let mut octets = vector.octets.clone();
            octets[bit / 8] ^= 0x80 >> (bit % 8);
            let taken = match ControlPacket::decode(&octets) {
                Ok((_, Some(section))) => verify(&octets, &section, &auth).is_some(),
                _ => false,
            };
            assert!(!taken, "{}: bit {bit} is not covered", vector.name);
            checked += 1;
        }
    }
    assert!(checked > 5_000, "{checked}");
}

#[test]
fn there_are_as_many_vectors_of_as_many_origins_as_were_promised() {
    let all = all();
    let captured = |of: &str| {
        all.iter().filter(|vector| vector.origin.starts_with(&format!("captured from {of}"))).count()
    };
    let from_rfc = all.iter().filter(|vector| vector.origin.starts_with("RFC ")).count();
    let peers = ["FRR", "BIRD", "ovs-vswitchd", "ovn-controller"].map(captured);
    let refused = all.iter().filter(|vector| vector.expected[0].starts_with("refused ")).count();
    assert_eq!(peers.iter().sum::<usize>() + from_rfc, all.len(), "an origin that is none of these");
    assert!(peers.iter().all(|count| *count >= 5), "captures: {peers:?}");
    assert!(all.len() >= 150 && refused >= 25, "{} vectors, {refused} refused", all.len());
    println!("{} vectors: captures {peers:?}, {from_rfc} RFC; {refused} refused", all.len());
}

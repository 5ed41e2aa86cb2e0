//! Octets whose meaning is known from elsewhere: RFC text by hand, captures and published tests of other
//! implementations. Each file of `vectors/` says where it is from and what is to happen; `vectors/README.md` explains.

mod lines;
mod vector_files;

use bgp::wire::{Fault, Message, Notification, next_frame};
use vector_files::{Vector, all};

/// As a driver does it: framed first.
fn decode(vector: &Vector) -> Result<Message, Fault> {
    let frame = next_frame(&vector.octets, vector.context.max_message)?.expect("a whole message");
    assert_eq!(frame.len(), vector.octets.len(), "{}: the length field covers the file", vector.name);
    Message::decode(frame, vector.context)
}

/// What happens, in the lines of the files.
fn outcome(vector: &Vector) -> Vec<String> {
    match decode(vector) {
        Ok(message) => lines::of(&message),
        Err(fault) => {
            let Notification { code, subcode, data } = Notification::from(&fault);
            vec![format!("fault {code}/{subcode} {}", lines::hex(&data)).trim_end().to_owned()]
        }
    }
}

/// Whether the message is broken, in any way RFC 4271 §6 or RFC 7606 knows.
fn is_malformed(vector: &Vector) -> bool {
    let words = ["fault ", "treat-as-withdraw ", "discard "];
    vector.expected.iter().any(|line| words.iter().any(|word| line.starts_with(word)))
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

#[test]
fn what_is_understood_is_sent_again_with_the_same_meaning() {
    let intact = all().into_iter().filter(|vector| !is_malformed(vector));
    for vector in intact {
        let message = decode(&vector).expect("no fault");
        let again = message.encode(vector.context).expect("no longer than it was");
        let again = Vector { octets: again, ..vector };
        assert_eq!(outcome(&again), again.expected, "{}", again.name);
    }
}

/// Messages whose octets have but one form are sent in the very octets.
#[test]
fn what_has_one_form_is_sent_octet_by_octet() {
    let only_form =
        ["rfc_open", "rfc_end_of_rib", "rfc_notification", "rfc_route_refresh", "rfc_update_v6_unreach"];
    let others = [
        "bird_open",
        "bird_update_v4",
        "gobgp_update",
        "exabgp_notification",
        "bird_notification",
        "frr_notification",
    ];
    let vectors = all()
        .into_iter()
        .filter(|vector| only_form.iter().chain(&others).any(|prefix| vector.name.starts_with(prefix)));
    let mut checked = 0;
    for vector in vectors {
        let again = decode(&vector).expect("no fault").encode(vector.context).expect("short");
        assert_eq!(lines::hex(&again), lines::hex(&vector.octets), "{}", vector.name);
        checked += 1;
    }
    assert!(checked >= 20, "{checked}");
}

#[test]
fn there_are_as_many_vectors_of_as_many_origins_as_were_promised() {
    let all = all();
    let captured = |of: &str| {
        all.iter().filter(|vector| vector.origin.starts_with(&format!("captured from {of}"))).count()
    };
    let from_rfc = all.iter().filter(|vector| vector.origin.starts_with("RFC ")).count();
    let published = all.iter().filter(|vector| vector.origin.starts_with("FRRouting ")).count();
    let peers = ["FRR", "BIRD", "GoBGP", "ExaBGP"].map(captured);
    let malformed = all.iter().filter(|vector| is_malformed(vector)).count();
    let foreign = peers.iter().sum::<usize>() + from_rfc + published;
    assert_eq!(foreign, all.len(), "an origin that is none of these");
    assert!(all.len() >= 150, "{} vectors", all.len());
    assert!(peers.iter().all(|count| *count >= 15), "captures: {peers:?}");
    assert!(peers.iter().sum::<usize>() + published >= 100, "of other implementations");
    assert!(malformed >= 40, "{malformed} malformed");
    println!(
        "{} vectors: captures {peers:?}, {from_rfc} RFC, {published} published; {malformed} malformed",
        all.len()
    );
}

//! Octets whose meaning is known from elsewhere: RFC text by hand, captures and published tests of other
//! implementations. Each file of `vectors/` says where it is from and what is to happen; `vectors/README.md` explains.

mod lines;

use std::fs;
use std::path::Path;

use bgp::wire::{Context, Fault, MAX_EXTENDED_MESSAGE, MAX_MESSAGE, Message, Notification, next_frame};

/// One file.
struct Vector {
    name: String,
    origin: String,
    context: Context,
    octets: Vec<u8>,
    expected: Vec<String>,
}

impl Vector {
    fn parse(name: &str, text: &str) -> Self {
        let mut vector = Self {
            name: name.to_owned(),
            origin: String::new(),
            context: Context { four_octet_as: true, max_message: MAX_EXTENDED_MESSAGE, internal: false },
            octets: Vec::new(),
            expected: Vec::new(),
        };
        for line in text.lines() {
            if let Some(words) = line.strip_prefix("#= session ") {
                words.split(' ').for_each(|word| vector.agree(word));
            } else if let Some(fact) = line.strip_prefix("#= ") {
                vector.expected.push(fact.to_owned());
            } else if let Some(origin) = line.strip_prefix("# ").filter(|_| vector.origin.is_empty()) {
                origin.clone_into(&mut vector.origin);
            } else {
                let digits: String = line.split('#').take(1).flat_map(str::split_whitespace).collect();
                let octet = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("pairs of hex digits");
                vector.octets.extend((0..digits.len()).step_by(2).map(octet));
            }
        }
        assert!(!vector.origin.is_empty(), "{name}: the first line names the origin");
        assert!(!vector.expected.is_empty(), "{name}: nothing is expected");
        vector
    }

    fn agree(&mut self, word: &str) {
        match word {
            "two-octet" => self.context.four_octet_as = false,
            "internal" => self.context.internal = true,
            "4096" => self.context.max_message = MAX_MESSAGE,
            _ => panic!("{}: no session is {word}", self.name),
        }
    }

    /// As a driver does it: framed first.
    fn decode(&self) -> Result<Message, Fault> {
        let frame = next_frame(&self.octets, self.context.max_message)?.expect("a whole message");
        assert_eq!(frame.len(), self.octets.len(), "{}: the length field covers the file", self.name);
        Message::decode(frame, self.context)
    }

    /// What happens, in the lines of the files.
    fn outcome(&self) -> Vec<String> {
        match self.decode() {
            Ok(message) => lines::of(&message),
            Err(fault) => {
                let Notification { code, subcode, data } = Notification::from(&fault);
                vec![format!("fault {code}/{subcode} {}", lines::hex(&data)).trim_end().to_owned()]
            }
        }
    }

    /// Whether the message is broken, in any way RFC 4271 §6 or RFC 7606 knows.
    fn is_malformed(&self) -> bool {
        let words = ["fault ", "treat-as-withdraw ", "discard "];
        self.expected.iter().any(|line| words.iter().any(|word| line.starts_with(word)))
    }
}

fn all() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut all: Vec<Vector> = fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "hex"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            Vector::parse(&name, &fs::read_to_string(&path).expect("text"))
        })
        .collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

#[test]
fn each_vector_means_what_its_file_says() {
    let wrong: Vec<String> = all()
        .iter()
        .filter(|vector| vector.outcome() != vector.expected)
        .map(|vector| {
            format!("{}: {:#?} expected, got {:#?}", vector.name, vector.expected, vector.outcome())
        })
        .collect();
    assert!(wrong.is_empty(), "{} vectors differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_is_understood_is_sent_again_with_the_same_meaning() {
    let intact = all().into_iter().filter(|vector| !vector.is_malformed());
    for vector in intact {
        let message = vector.decode().expect("no fault");
        let again = message.encode(vector.context).expect("no longer than it was");
        let again = Vector { octets: again, ..vector };
        assert_eq!(again.outcome(), again.expected, "{}", again.name);
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
        let again = vector.decode().expect("no fault").encode(vector.context).expect("short");
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
    let malformed = all.iter().filter(|vector| vector.is_malformed()).count();
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

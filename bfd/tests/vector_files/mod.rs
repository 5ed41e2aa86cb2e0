//! The files of `vectors/`, read.

use std::fs;
use std::path::Path;

use bfd::packet::{Auth, AuthKind, Key};

/// One file.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) origin: String,
    /// What the packet is checked against, if it is authenticated.
    pub(crate) auth: Option<Auth>,
    pub(crate) octets: Vec<u8>,
    pub(crate) expected: Vec<String>,
}

impl Vector {
    fn parse(name: &str, text: &str) -> Self {
        let mut vector = Self {
            name: name.to_owned(),
            origin: String::new(),
            auth: None,
            octets: Vec::new(),
            expected: Vec::new(),
        };
        for line in text.lines() {
            if let Some(words) = line.strip_prefix("#= key ") {
                vector.auth = Some(auth(words));
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
}

/// `METHOD ID SECRET`; the secret may have spaces.
fn auth(words: &str) -> Auth {
    let mut words = words.splitn(3, ' ');
    let mut word = || words.next().expect("method, number and secret");
    let kind = match word() {
        "simple" => AuthKind::Simple,
        "md5" => AuthKind::KeyedMd5,
        "meticulous-md5" => AuthKind::MeticulousKeyedMd5,
        "sha1" => AuthKind::KeyedSha1,
        "meticulous-sha1" => AuthKind::MeticulousKeyedSha1,
        other => panic!("{other} is no method"),
    };
    let key_id = word().parse().expect("a key number");
    Auth { kind, key_id, key: Key::new(kind, word().as_bytes()).expect("a key that fits") }
}

/// All of them, in the order of their names.
pub(crate) fn all() -> Vec<Vector> {
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

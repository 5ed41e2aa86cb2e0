//! A request's octets: the magic number, every word with a NUL after it, one more NUL.

/// What every request begins with.
const MAGIC: [u8; 4] = [0xfe, 0xed, 0x19, 0x66];
/// Octets of a request at most, magic number and last NUL included.
pub const LONGEST: usize = 1024;

/// What so many octets of a request say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// It goes on.
    More,
    /// Complete: its words, at least one.
    Words(Vec<String>),
    /// No request, and none that more octets could make one.
    Broken(&'static str),
}

/// Reads what has arrived so far.
#[must_use]
pub fn read(octets: &[u8]) -> Read {
    let head = octets.len().min(MAGIC.len());
    if octets.get(..head) != MAGIC.get(..head) {
        return Read::Broken("no magic number");
    }
    let body = octets.get(MAGIC.len()..).unwrap_or_default();
    if body.first() == Some(&0) {
        return Read::Broken("no command");
    }
    let Some(end) = body.windows(2).position(|pair| pair == [0, 0]) else {
        return if octets.len() >= LONGEST { Read::Broken("too long") } else { Read::More };
    };
    if octets.len() > LONGEST {
        return Read::Broken("too long");
    }
    if octets.len() > MAGIC.len() + end + 2 {
        return Read::Broken("goes on after its end");
    }
    let words = body.get(..end).unwrap_or_default().split(|octet| *octet == 0);
    match words.map(|word| String::from_utf8(word.to_vec())).collect() {
        Ok(words) => Read::Words(words),
        Err(_) => Read::Broken("not UTF-8"),
    }
}

/// A request of these words; `None` if it were too long, or cannot be said: no word, an empty one, a NUL.
#[must_use]
pub fn write(words: &[String]) -> Option<Vec<u8>> {
    if words.is_empty() || words.iter().any(|word| word.is_empty() || word.contains('\0')) {
        return None;
    }
    let mut octets = MAGIC.to_vec();
    for word in words {
        octets.extend_from_slice(word.as_bytes());
        octets.push(0);
    }
    octets.push(0);
    (octets.len() <= LONGEST).then_some(octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STATUS: &[u8] = b"\xfe\xed\x19\x66status\0\0";

    #[test]
    fn the_documented_request_is_read_whatever_the_fragments() {
        assert_eq!(read(STATUS), Read::Words(vec!["status".to_owned()]));
        for length in 0..STATUS.len() {
            assert_eq!(read(&STATUS[..length]), Read::More, "{length} octets");
        }
        assert_eq!(write(&["status".to_owned()]).as_deref(), Some(STATUS));
    }

    #[test]
    fn what_is_no_request_is_broken_as_soon_as_it_can_be_told() {
        for (octets, why) in [
            (&b"G"[..], "no magic number"),
            (b"\xfe\xed\x19\x67status\0\0", "no magic number"),
            (b"\xfe\xed\x19\x66\0", "no command"),
            (b"\xfe\xed\x19\x66stop\0\0x", "goes on after its end"),
            (b"\xfe\xed\x19\x66\xff\0\0", "not UTF-8"),
        ] {
            assert_eq!(read(octets), Read::Broken(why), "{octets:?}");
        }
        let mut endless = STATUS[..10].to_vec();
        endless.resize(LONGEST, b'x');
        assert_eq!(read(&endless), Read::Broken("too long"));
        let whole = |octets| [&MAGIC[..], &vec![b'x'; octets - 6], &[0, 0]].concat();
        assert!(matches!(read(&whole(LONGEST)), Read::Words(_)));
        assert_eq!(read(&whole(LONGEST + 1)), Read::Broken("too long"));
    }

    #[test]
    fn a_request_has_at_most_1024_octets() {
        let word = |length| vec!["x".repeat(length)];
        assert_eq!(write(&word(LONGEST - 6)).map(|octets| octets.len()), Some(LONGEST));
        assert_eq!(write(&word(LONGEST - 5)), None);
        assert_eq!(write(&[]), None);
        assert_eq!(write(&["a\0b".to_owned()]), None);
    }

    proptest! {
        #[test]
        fn words_survive_write_then_read(words in prop::collection::vec("[^\0]{1,30}", 1..8)) {
            let octets = write(&words).unwrap();
            prop_assert_eq!(read(&octets), Read::Words(words));
        }

        #[test]
        fn any_octets_are_read_without_a_panic(octets in prop::collection::vec(any::<u8>(), 0..1100)) {
            let _ = read(&octets);
            let magic = [&MAGIC[..], &octets].concat();
            if let Read::Words(words) = read(&magic) {
                prop_assert!(!words.is_empty() && words.iter().all(|word| !word.is_empty()));
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let _ = crate::command::parse(&words);
            }
        }
    }
}

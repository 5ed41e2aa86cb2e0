//! Values as Go's `pflag` writes them, for the command lines of existing manifests.

use std::convert::Infallible;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use bgp::net::PeerAddr;

/// `90s`, `1m30s`, `1.5h`, `100ms`: digits with a unit each, as Go's `time.ParseDuration` has it; no bare number
/// but `0`.
///
/// # Errors
/// A sentence that names the rule.
pub fn duration(text: &str) -> Result<Duration, String> {
    let rule = || format!("{text:?} is no duration: write a number with a unit, e.g. 90s, 1m30s or 500ms");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(rule)?;
        let (number, tail) = rest.split_at(digits);
        let unit = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit);
        let seconds = match unit {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(rule()),
        };
        let number: f64 = number.parse().map_err(|_| rule())?;
        let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| rule())?;
        total = total.checked_add(part).ok_or_else(rule)?;
        rest = tail;
    }
    if text.is_empty() { Err(rule()) } else { Ok(total) }
}

/// `true`, `false` and the other spellings of Go's `strconv.ParseBool`.
///
/// # Errors
/// A sentence that names the rule.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

/// A 32-bit number, with the prefixes of Go: `0x`, `0o`, `0b` and the octal `0`.
///
/// # Errors
/// A sentence that names the rule.
pub fn number(text: &str) -> Result<u32, String> {
    let parsed = unsigned(text).and_then(|number| u32::try_from(number).ok());
    parsed.ok_or_else(|| format!("{text:?} is no whole number from 0 to {}", u32::MAX))
}

/// A 64-bit number with the same prefixes.
///
/// # Errors
/// A sentence that names the rule.
pub fn number64(text: &str) -> Result<u64, String> {
    unsigned(text).ok_or_else(|| format!("{text:?} is no whole number from 0 to {}", u64::MAX))
}

/// A signed 32-bit number with the same prefixes; what range it must be in is checked later.
///
/// # Errors
/// A sentence that names the rule.
pub fn integer(text: &str) -> Result<i32, String> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let parsed = unsigned(digits).and_then(|number| i64::try_from(number).ok());
    let parsed = parsed.and_then(|number| i32::try_from(if negative { -number } else { number }).ok());
    parsed.ok_or_else(|| format!("{text:?} is no whole number from {} to {}", i32::MIN, i32::MAX))
}

fn unsigned(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.as_bytes() {
        [b'0', b'x', ..] => (&lower[2..], 16),
        [b'0', b'o', ..] => (&lower[2..], 8),
        [b'0', b'b', ..] => (&lower[2..], 2),
        [b'0', _, ..] => (&lower[1..], 8),
        _ => (lower.as_str(), 10),
    };
    // Rust takes a sign here, Go does not.
    let plain = digits.bytes().all(|digit| digit.is_ascii_alphanumeric());
    u64::from_str_radix(digits, radix).ok().filter(|_| plain)
}

/// A path or, as templates leave it, none: the empty one.
///
/// # Errors
/// None.
pub fn path(text: &str) -> Result<PathBuf, Infallible> {
    Ok(text.into())
}

/// Addresses given at once; none if the value was empty, as templates leave it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses(pub Vec<IpAddr>);

/// `IP,IP,…`, with blanks around them; nothing between two commas is an error.
///
/// # Errors
/// A sentence that names the element.
pub fn addresses(text: &str) -> Result<Addresses, String> {
    if text.trim().is_empty() {
        return Ok(Addresses::default());
    }
    let parse = |one: &str| one.trim().parse().map_err(|_| format!("{one:?} is no IP address"));
    text.split(',').map(parse).collect::<Result<_, _>>().map(Addresses)
}

/// Neighbours given at once; none if the value was empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Neighbors(pub Vec<PeerAddr>);

/// As [`addresses`], link-local ones with their link: `fe80::1%eth0`.
///
/// # Errors
/// A sentence that names the element.
pub fn neighbors(text: &str) -> Result<Neighbors, String> {
    if text.trim().is_empty() {
        return Ok(Neighbors::default());
    }
    let parse = |one: &str| one.trim().parse().map_err(|_| format!("{one:?} is no IP address"));
    text.split(',').map(parse).collect::<Result<_, _>>().map(Neighbors)
}

/// One address or, as templates leave it, none.
///
/// # Errors
/// A sentence that names the rule.
pub fn address(text: &str) -> Result<Addresses, String> {
    match addresses(text) {
        Ok(addresses) if addresses.0.len() < 2 => Ok(addresses),
        _ => Err(format!("{text:?} is no IP address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_go_reads_them() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1.5h"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for wrong in ["90", "", "s", "1x", "1m3", "-3s", "1..5s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_take_go_prefixes() {
        assert_eq!((number("65000"), number("0xffff"), number("017")), (Ok(65000), Ok(65535), Ok(15)));
        assert_eq!((number("0o17"), number("0B11"), number("0")), (Ok(15), Ok(3), Ok(0)));
        for wrong in ["1.5", "4294967296", "-1", "+1", "0x+1", "", "0x", "08", "é"] {
            assert!(number(wrong).is_err(), "{wrong}");
        }
        assert_eq!((integer("-1"), integer("+0x10"), integer("-2147483648")), (Ok(-1), Ok(16), Ok(i32::MIN)));
        assert!(integer("2147483648").is_err() && integer("--1").is_err());
    }

    #[test]
    fn a_list_may_be_empty_but_not_one_of_its_elements() {
        let list =
            |all: &[&str]| Ok(Addresses(all.iter().map(|one| one.parse().expect("an address")).collect()));
        assert_eq!(addresses("10.0.0.1, fd00::1"), list(&["10.0.0.1", "fd00::1"]));
        assert_eq!((addresses(""), address("")), (list(&[]), list(&[])));
        assert_eq!(addresses("10.0.0.1,"), Err("\"\" is no IP address".to_owned()));
        assert_eq!(address("10.0.0.1,10.0.0.2"), Err("\"10.0.0.1,10.0.0.2\" is no IP address".to_owned()));
    }
}

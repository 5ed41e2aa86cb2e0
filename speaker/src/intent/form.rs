//! The file: four lines of text, then the prefixes packed.
//!
//! ```text
//! speaker-intent 1
//! 00000000001767225600          confirmed, in seconds since 1970; always twenty digits, so that it can be overwritten
//! node n1 services=false …      whose it is
//! 100000 cbf29ce484222325       prefixes, and a sum (FNV-1a) over the line before and what follows
//! ```
//! Then for each prefix an octet for family and length (IPv4: the length, IPv6: 100 more), and as many octets of the
//! address as the length needs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::Intent;

const FIRST: &str = "speaker-intent 1\n";
/// Where the time is.
pub(super) const CONFIRMED_AT: u64 = FIRST.len() as u64;
/// What is added to the length of an IPv6 prefix.
const V6: u8 = 100;

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It does not begin as it should, or is of another version.
    #[error("it does not begin with `speaker-intent 1`")]
    Version,
    /// One of the lines at its beginning.
    #[error("line {0}")]
    Line(u8),
    /// A prefix that is none, or the end comes too early or too late.
    #[error("prefix {0}")]
    Prefix(usize),
    /// What it says is not what was written.
    #[error("the sum is another")]
    Sum,
}

/// The time as it is in the file.
pub(super) fn confirmed(seconds: u64) -> String {
    format!("{seconds:020}\n")
}

/// The whole file. `prefixes` are sorted.
pub(super) fn encode(scope: &str, seconds: u64, prefixes: &[IpNet]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(prefixes.len() * 6);
    for prefix in prefixes {
        let used = usize::from(prefix.prefix_len().div_ceil(8));
        match prefix.network() {
            IpAddr::V4(addr) => {
                packed.push(prefix.prefix_len());
                packed.extend(addr.octets().iter().take(used));
            }
            IpAddr::V6(addr) => {
                packed.push(V6 + prefix.prefix_len());
                packed.extend(addr.octets().iter().take(used));
            }
        }
    }
    let (count, sum) = (prefixes.len(), sum(scope, &packed));
    let head = format!("{FIRST}{}{scope}\n{count} {sum:016x}\n", confirmed(seconds));
    [head.as_bytes(), &packed].concat()
}

/// The whole file, every octet of it accounted for.
pub(super) fn decode(octets: &[u8]) -> Result<Intent, Broken> {
    let rest = octets.strip_prefix(FIRST.as_bytes()).ok_or(Broken::Version)?;
    let (confirmed, rest) = line(rest).ok_or(Broken::Line(2))?;
    let digits = confirmed.len() == 20 && confirmed.bytes().all(|digit| digit.is_ascii_digit());
    let confirmed = confirmed.parse().ok().filter(|_| digits).ok_or(Broken::Line(2))?;
    let (scope, rest) = line(rest).ok_or(Broken::Line(3))?;
    let (counts, packed) = line(rest).ok_or(Broken::Line(4))?;
    let (count, wanted) = counts.split_once(' ').ok_or(Broken::Line(4))?;
    let count: usize = count.parse().map_err(|_| Broken::Line(4))?;
    if wanted != format!("{:016x}", sum(scope, packed)) {
        return Err(Broken::Sum);
    }
    let prefixes = unpack(packed)?;
    if prefixes.len() != count {
        return Err(Broken::Prefix(prefixes.len()));
    }
    Ok(Intent { scope: scope.to_owned(), confirmed, prefixes })
}

fn line(octets: &[u8]) -> Option<(&str, &[u8])> {
    let end = octets.iter().position(|octet| *octet == b'\n')?;
    let (line, rest) = (octets.get(..end)?, octets.get(end + 1..)?);
    Some((std::str::from_utf8(line).ok()?, rest))
}

/// Sorted, each once, or broken.
fn unpack(mut packed: &[u8]) -> Result<Vec<IpNet>, Broken> {
    let mut all = Vec::new();
    while let Some((tag, rest)) = packed.split_first() {
        let broken = Broken::Prefix(all.len());
        let (len, v4) = if *tag < V6 { (*tag, true) } else { (*tag - V6, false) };
        let used = usize::from(len.div_ceil(8));
        let (given, after) = rest.split_at_checked(used).ok_or(broken)?;
        let addr = if v4 {
            padded(given).map(|it: [u8; 4]| Ipv4Addr::from(it).into())
        } else {
            padded(given).map(|it: [u8; 16]| Ipv6Addr::from(it).into())
        };
        let prefix = addr.and_then(|addr: IpAddr| IpNet::new(addr, len).ok()).ok_or(broken)?.trunc();
        // Told here, and not once all are unpacked: a file of nothing but 0.0.0.0/0 takes twenty times its size.
        if all.last().is_some_and(|last| *last >= prefix) {
            return Err(broken);
        }
        all.push(prefix);
        packed = after;
    }
    Ok(all)
}

/// The octets with zeroes behind; none if there are too many.
fn padded<const N: usize>(given: &[u8]) -> Option<[u8; N]> {
    let mut octets = [0; N];
    octets.get_mut(..given.len())?.copy_from_slice(given);
    Some(octets)
}

/// FNV-1a: against what disks and hands do to files.
fn sum(scope: &str, packed: &[u8]) -> u64 {
    let octets = scope.bytes().chain([b'\n']).chain(packed.iter().copied());
    octets.fold(0xcbf2_9ce4_8422_2325, |sum, octet| (sum ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prefix() -> impl Strategy<Value = IpNet> {
        let v4 = (any::<u32>(), 0..=32_u8).prop_map(|(addr, len)| (Ipv4Addr::from(addr).into(), len));
        let v6 = (any::<u128>(), 0..=128_u8).prop_map(|(addr, len)| (Ipv6Addr::from(addr).into(), len));
        let any = prop_oneof![v4, v6];
        any.prop_map(|(addr, len): (IpAddr, u8)| IpNet::new(addr, len).expect("a length").trunc())
    }

    #[test]
    fn a_prefix_that_is_there_twice_ends_the_reading_there() {
        assert_eq!(unpack(&[0, 8, 10, 8, 10, 0, 0]), Err(Broken::Prefix(2)));
        assert_eq!(unpack(&vec![0; 1 << 20]), Err(Broken::Prefix(1)), "not a million of them first");
        assert_eq!(unpack(&[8, 11, 8, 10]), Err(Broken::Prefix(1)), "not sorted");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(prefixes in proptest::collection::btree_set(prefix(), 0..50), at in any::<u64>()) {
            let prefixes: Vec<IpNet> = prefixes.into_iter().collect();
            let intent = Intent { scope: "node \"a\"".to_owned(), confirmed: at, prefixes };
            let octets = encode(&intent.scope, at, &intent.prefixes);
            prop_assert_eq!(decode(&octets), Ok(intent));
        }

        #[test]
        fn no_octets_are_too_odd(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&octets);
            let body = unpack(&octets);
            prop_assert!(body.is_ok_and(|all| all.len() <= octets.len()) || unpack(&octets).is_err());
        }
    }
}

//! Communities of all three kinds as operators write them.

use std::net::Ipv4Addr;

use bgp::Asn;
use toml::de::DeValue;

/// Well-known communities (IANA "BGP Well-known Communities").
const NAMED: [(&str, u32); 9] = [
    ("graceful-shutdown", 0xffff_0000), // RFC 8326
    ("accept-own", 0xffff_0001),        // RFC 7611
    ("llgr-stale", 0xffff_0006),        // RFC 9494
    ("no-llgr", 0xffff_0007),           // RFC 9494
    ("blackhole", 0xffff_029a),         // RFC 7999
    ("no-export", 0xffff_ff01),         // RFC 1997
    ("no-advertise", 0xffff_ff02),      // RFC 1997
    ("no-export-subconfed", 0xffff_ff03),
    ("no-peer", 0xffff_ff04), // RFC 3765
];

/// `AS:NUMBER`, 16 bits each, or a well-known one by name (RFC 1997).
pub(super) fn standard(text: &str) -> Result<u32, String> {
    if let Some((_, value)) = NAMED.iter().find(|(name, _)| *name == text) {
        return Ok(*value);
    }
    let numbers = text.split_once(':').and_then(|(high, low)| {
        Some((u32::from(high.parse::<u16>().ok()?) << 16) | u32::from(low.parse::<u16>().ok()?))
    });
    let names: Vec<&str> = NAMED.iter().map(|(name, _)| *name).collect();
    numbers.ok_or_else(|| format!("must be AS:NUMBER, 0 to 65535 each, or one of {}", names.join(", ")))
}

/// A community as it would be written.
#[must_use]
pub fn community_text(community: u32) -> String {
    match NAMED.iter().find(|(_, value)| *value == community) {
        Some((name, _)) => (*name).to_owned(),
        None => format!("{}:{}", community >> 16, community & 0xffff),
    }
}

/// `A:B:C`, 32 bits each (RFC 8092 §5).
pub(super) fn large(text: &str) -> Result<[u32; 3], String> {
    let parts: Option<Vec<u32>> = text.split(':').map(|part| part.parse().ok()).collect();
    let three = parts.and_then(|parts| <[u32; 3]>::try_from(parts).ok());
    three.ok_or_else(|| "must be A:B:C, three numbers of 32 bits".to_owned())
}

/// `rt:ADMINISTRATOR:NUMBER`, `soo:…` or the eight octets in hexadecimal (RFC 4360 §4, RFC 5668).
pub(super) fn extended(text: &str) -> Result<[u8; 8], String> {
    let rule = "must be rt:AS:NUMBER, rt:IPV4:NUMBER, soo:… likewise, or 0x and 16 hexadecimal digits; a number has 32 \
                bits beside an AS below 65536, else 16";
    let parsed = match text.strip_prefix("0x") {
        Some(digits) if digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => {
            u64::from_str_radix(digits, 16).ok().map(u64::to_be_bytes)
        }
        Some(_) => None,
        None => named(text),
    };
    parsed.ok_or_else(|| rule.to_owned())
}

fn named(text: &str) -> Option<[u8; 8]> {
    let (kind, rest) = text.split_once(':')?;
    let (administrator, number) = rest.rsplit_once(':')?;
    let subtype = match kind {
        "rt" => 0x02,
        "soo" => 0x03,
        _ => return None,
    };
    if let Ok(addr) = administrator.parse::<Ipv4Addr>() {
        return Some(six(0x01, subtype, addr.to_bits(), number.parse().ok()?));
    }
    let asn: u32 = administrator.parse().ok()?;
    match u16::try_from(asn) {
        Ok(short) => {
            let ([a, b], [c, d, e, f]) = (short.to_be_bytes(), number.parse::<u32>().ok()?.to_be_bytes());
            Some([0x00, subtype, a, b, c, d, e, f])
        }
        Err(_) => Some(six(0x02, subtype, asn, number.parse().ok()?)),
    }
}

fn six(kind: u8, subtype: u8, administrator: u32, number: u16) -> [u8; 8] {
    let ([a, b, c, d], [e, f]) = (administrator.to_be_bytes(), number.to_be_bytes());
    [kind, subtype, a, b, c, d, e, f]
}

/// Octets a second: a number, or bits a second with a unit.
pub(super) fn bandwidth(value: &DeValue<'_>) -> Result<f32, String> {
    let octets = match value {
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse::<f32>().ok(),
        DeValue::String(text) => bits(text).map(|bits| bits / 8.0),
        _ => None,
    };
    let rule = "must be octets a second, or bits as \"10Gbit\" (bit, kbit, Mbit, Gbit, Tbit)";
    octets.filter(|octets| octets.is_finite() && *octets > 0.0).ok_or_else(|| rule.to_owned())
}

fn bits(text: &str) -> Option<f32> {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic())?);
    let factor = match unit.strip_suffix("/s").unwrap_or(unit) {
        "bit" => 1.0,
        "kbit" => 1e3,
        "Mbit" => 1e6,
        "Gbit" => 1e9,
        "Tbit" => 1e12,
        _ => return None,
    };
    let number = number.trim();
    let plain = number.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.');
    number.parse::<f32>().ok().filter(|_| plain).map(|number| number * factor)
}

/// The link bandwidth of our AS: non-transitive, subtype 4 (draft-ietf-idr-link-bandwidth §2).
pub(in crate::config) fn link_bandwidth(local_as: Asn, octets_per_second: f32) -> [u8; 8] {
    let ([a, b], [c, d, e, f]) = (local_as.two_octets().to_be_bytes(), octets_per_second.to_be_bytes());
    [0x40, 0x04, a, b, c, d, e, f]
}

//! Extended communities we make ourselves (RFC 4360); all others are eight octets to us.

/// Two-octet AS specific, not transitive across ASes (RFC 4360 §3.1).
const TWO_OCTET_AS_NON_TRANSITIVE: u8 = 0x40;
const LINK_BANDWIDTH: u8 = 0x04;

/// The link bandwidth community of `asn` (draft-ietf-idr-link-bandwidth §2): receivers weigh multiple paths by it.
///
/// The wire has it in octets per second as an IEEE 754 number, so `1.25e9` is ten gigabit per second.
#[must_use]
pub fn link_bandwidth(asn: u16, bytes_per_second: f32) -> [u8; 8] {
    let [asn_high, asn_low] = asn.to_be_bytes();
    let [b0, b1, b2, b3] = bytes_per_second.to_be_bytes();
    [TWO_OCTET_AS_NON_TRANSITIVE, LINK_BANDWIDTH, asn_high, asn_low, b0, b1, b2, b3]
}

//! Message framing (RFC 4271 §4.1): more octets needed, one whole message, or a fault.

use super::fault::HeaderFault;

/// Octets of the fixed header: marker, length, type.
pub const HEADER_LEN: usize = 19;
/// The longest message of RFC 4271 §4.
pub const MAX_MESSAGE: u16 = 4096;
/// The longest message once both sides have the extended message capability (RFC 8654 §4).
pub const MAX_EXTENDED_MESSAGE: u16 = 65535;

/// The first whole message in `buf`, header included; `None` asks for more octets.
///
/// # Errors
/// [`HeaderFault`] as soon as the header cannot belong to a message of at most `max` octets (RFC 4271 §6.1).
pub fn next_frame(buf: &[u8], max: u16) -> Result<Option<&[u8]>, HeaderFault> {
    let Some((head, _)) = buf.split_first_chunk::<HEADER_LEN>() else { return Ok(None) };
    let [marker @ .., len_hi, len_lo, kind] = head;
    if marker != &[0xff; 16] {
        return Err(HeaderFault::NotSynchronized);
    }
    let len = u16::from_be_bytes([*len_hi, *len_lo]);
    let shortest = match kind {
        1 => 29,
        2 => 23,
        3 => 21,
        _ => 19,
    };
    // OPEN and KEEPALIVE never grow beyond the old limits (RFC 8654 §3).
    let longest = match kind {
        1 => MAX_MESSAGE,
        4 => 19,
        _ => max,
    };
    if !(shortest..=longest).contains(&len) {
        return Err(HeaderFault::BadLength { kind: *kind, len });
    }
    if !(1..=5).contains(kind) {
        return Err(HeaderFault::BadType { kind: *kind });
    }
    Ok(buf.get(..usize::from(len)))
}

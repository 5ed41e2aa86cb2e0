//! The octets of one sender's UPDATEs, out of a capture: what was sent, whatever segments carried it.

use crate::fault::{During, Fault, Result};
use crate::proc::run;
use std::net::IpAddr;
use std::path::Path;

/// Marker, length and type (RFC 4271 §4.1).
const HEADER: usize = 19;

/// All UPDATEs of the first BGP connection that `from` opened, in order, whole.
///
/// # Errors
/// When there is no such connection, or tshark prints something else than expected.
pub fn updates(capture: &Path, from: IpAddr) -> Result<Vec<Vec<u8>>> {
    let path = capture.display().to_string();
    let ip = if from.is_ipv4() { "ip" } else { "ipv6" };
    let open = format!("{ip}.src == {from} && tcp.dstport == 179 && bgp.type == 1");
    let streams = run(&["tshark", "-2", "-r", &path, "-Y", &open, "-T", "fields", "-e", "tcp.stream"])?;
    let stream = streams.lines().next().ok_or_else(|| Fault::new(format!("nothing matches {open}")))?;
    let text = run(&["tshark", "-q", "-r", &path, "-z", &format!("follow,tcp,raw,{stream}")])?;
    // What the other side sent is indented.
    let hex =
        text.lines().filter(|line| line.len() % 2 == 0 && line.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let octets = hex.flat_map(|line| line.as_bytes().chunks(2)).map(|pair| {
        let pair = std::str::from_utf8(pair).unwrap_or_default();
        u8::from_str_radix(pair, 16).map_err(|_| Fault::new(format!("no octet: {pair}")))
    });
    let octets = octets.collect::<Result<Vec<u8>>>()?;
    let messages = messages(&octets).during(format_args!("stream {stream} of {path}"))?;
    Ok(messages.into_iter().filter(|message| message[HEADER - 1] == 2).map(<[u8]>::to_vec).collect())
}

fn messages(mut octets: &[u8]) -> Result<Vec<&[u8]>> {
    let mut out = Vec::new();
    while !octets.is_empty() {
        let length = octets.get(16..18).map(|length| usize::from(u16::from_be_bytes([length[0], length[1]])));
        let message =
            length.filter(|length| *length >= HEADER).and_then(|length| octets.split_at_checked(length));
        let (message, rest) = message.ok_or_else(|| Fault::new(format!("no message: {octets:02x?}")))?;
        out.push(message);
        octets = rest;
    }
    Ok(out)
}

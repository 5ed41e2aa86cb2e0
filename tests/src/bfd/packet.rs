//! BFD control packets as tshark dissects them.

use crate::fault::{During, Fault, Result, ensure};
use crate::proc::run;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// What a packet says of its sender's session (RFC 5880 §4.1), by its code.
pub const ADMIN_DOWN: u64 = 0;
/// See [`ADMIN_DOWN`].
pub const DOWN: u64 = 1;
/// See [`ADMIN_DOWN`].
pub const INIT: u64 = 2;
/// See [`ADMIN_DOWN`].
pub const UP: u64 = 3;

/// Diagnostic "Control Detection Time Expired" (RFC 5880 §4.1).
pub const EXPIRED: u64 = 1;
/// Diagnostic "Neighbor Signaled Session Down".
pub const NEIGHBOR_DOWN: u64 = 3;
/// Diagnostic "Administratively Down".
pub const BY_ADMINISTRATOR: u64 = 7;

/// `PI_WARN` of tshark; notes and chats are smaller.
const WARN: u64 = 0x0060_0000;

/// One control packet; the names are those of RFC 5880 §4.1, times are as captured or in microseconds.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the fields of a control packet under the names that the RFC gives them")]
pub struct Packet {
    /// Since the Unix epoch.
    pub at: Duration,
    pub from: IpAddr,
    pub to: IpAddr,
    /// TTL or hop limit.
    pub ttl: u64,
    pub source_port: u64,
    /// 3784 single hop (RFC 5881 §4), 4784 multihop (RFC 5883 §5).
    pub port: u64,
    pub version: u64,
    pub diagnostic: u64,
    /// See [`ADMIN_DOWN`].
    pub state: u64,
    pub poll: bool,
    pub is_final: bool,
    pub control_plane_independent: bool,
    pub authenticated: bool,
    pub demand: bool,
    pub multipoint: bool,
    pub multiplier: u64,
    pub length: u64,
    pub my_discriminator: u64,
    pub your_discriminator: u64,
    pub desired_min_tx: u64,
    pub required_min_rx: u64,
    pub required_min_echo: u64,
    /// What tshark has against it.
    pub fault: Option<String>,
}

/// The columns asked for: the first of a pair that is there counts.
const FIELDS: [&str; 29] = [
    "frame.time_epoch",
    "ip.src",
    "ipv6.src",
    "ip.dst",
    "ipv6.dst",
    "ip.ttl",
    "ipv6.hlim",
    "udp.srcport",
    "udp.dstport",
    "bfd.version",
    "bfd.diag",
    "bfd.sta",
    "bfd.flags.p",
    "bfd.flags.f",
    "bfd.flags.c",
    "bfd.flags.a",
    "bfd.flags.d",
    "bfd.flags.m",
    "bfd.detect_time_multiplier",
    "bfd.message_length",
    "bfd.my_discriminator",
    "bfd.your_discriminator",
    "bfd.desired_min_tx_interval",
    "bfd.required_min_rx_interval",
    "bfd.required_min_echo_interval",
    "_ws.malformed",
    "_ws.expert.severity",
    "_ws.expert.message",
    "udp.length",
];

/// All control packets of a capture, in order. What tshark cannot dissect is in [`Packet::fault`], and is not left out.
///
/// # Errors
/// When tshark fails, or a packet to one of the ports of BFD has no IP header.
pub fn read(file: &Path) -> Result<Vec<Packet>> {
    let path = file.display().to_string();
    let filter = "(udp.dstport == 3784 || udp.dstport == 4784) && !icmp && !icmpv6";
    let mut argv = vec!["tshark", "-r", &path, "-Y", filter, "-T", "fields", "-E", "separator=|"];
    // Both ends' ports: a dissector chosen by the source port, which may be anything, is no fault of BFD.
    argv.extend(["-E", "occurrence=f", "-d", "udp.port==3784,bfd", "-d", "udp.port==4784,bfd"]);
    for field in FIELDS {
        argv.extend(["-e", field]);
    }
    let text = run(&argv).during("tshark")?;
    text.lines().map(|line| packet(line).during(format_args!("line {line:?} of tshark"))).collect()
}

fn packet(line: &str) -> Result<Packet> {
    let columns: Vec<&str> = line.split('|').collect();
    ensure(columns.len() >= FIELDS.len(), || format!("{} columns", columns.len()))?;
    let column =
        |name: &str| FIELDS.iter().position(|field| *field == name).map_or("", |index| columns[index]);
    let either = |v4, v6| if column(v4).is_empty() { column(v6) } else { column(v4) };
    let at = column("frame.time_epoch").parse().map_err(|_| Fault::new("a frame without time"))?;
    let number = |name: &str| number(column(name));
    let fault = fault(&column);
    Ok(Packet {
        at: Duration::from_secs_f64(at),
        from: either("ip.src", "ipv6.src").parse()?,
        to: either("ip.dst", "ipv6.dst").parse()?,
        ttl: either("ip.ttl", "ipv6.hlim").parse().map_err(|_| Fault::new("no TTL"))?,
        source_port: number("udp.srcport"),
        port: number("udp.dstport"),
        version: number("bfd.version"),
        diagnostic: number("bfd.diag"),
        state: number("bfd.sta"),
        poll: number("bfd.flags.p") == 1,
        is_final: number("bfd.flags.f") == 1,
        control_plane_independent: number("bfd.flags.c") == 1,
        authenticated: number("bfd.flags.a") == 1,
        demand: number("bfd.flags.d") == 1,
        multipoint: number("bfd.flags.m") == 1,
        multiplier: number("bfd.detect_time_multiplier"),
        length: number("bfd.message_length"),
        my_discriminator: number("bfd.my_discriminator"),
        your_discriminator: number("bfd.your_discriminator"),
        desired_min_tx: number("bfd.desired_min_tx_interval"),
        required_min_rx: number("bfd.required_min_rx_interval"),
        required_min_echo: number("bfd.required_min_echo_interval"),
        fault,
    })
}

/// Decimal, hexadecimal or a truth value, as tshark has it for the field; what is not there is a fault of its own.
fn number(text: &str) -> u64 {
    let hex = text.strip_prefix("0x").map(|digits| u64::from_str_radix(digits, 16).ok());
    match text {
        "True" => 1,
        _ => hex.unwrap_or_else(|| text.parse().ok()).unwrap_or_default(),
    }
}

fn fault<'a>(column: &impl Fn(&str) -> &'a str) -> Option<String> {
    if !column("_ws.malformed").is_empty() {
        return Some(format!("malformed: {}", column("_ws.malformed")));
    }
    if column("bfd.my_discriminator").is_empty() || column("bfd.required_min_echo_interval").is_empty() {
        return Some("not dissected as BFD".to_owned());
    }
    // UDP's header has eight octets; a length that leaves octets over, or wants more than came, is no expert's business.
    let (udp, bfd) = (number(column("udp.length")), number(column("bfd.message_length")));
    if udp != bfd + 8 {
        return Some(format!("length {bfd} in a datagram of {udp}"));
    }
    let severity = column("_ws.expert.severity");
    let bad = !severity.is_empty() && number(severity) >= WARN;
    bad.then(|| format!("expert: {}", column("_ws.expert.message")))
}

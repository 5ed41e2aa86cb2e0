//! The control protocol: one TCP connection a command; words in, plain text out, the end is the end of the stream.

pub mod client;
pub mod server;
pub mod wire;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Where commands are taken and sent unless said otherwise.
pub const PORT: u16 = 957;
/// The second port, of `--altport`.
pub const ALTERNATIVE_PORT: u16 = 958;

/// That port of this machine alone.
#[must_use]
pub fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

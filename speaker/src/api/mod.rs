//! Our own gRPC service on a unix socket: the daemon's side, the command line's side, and what is printed.

mod bfd;
pub mod client;
mod neighbor;
pub mod server;
pub mod show;
pub(crate) mod table;

/// The longest text for a peer's operator that RFC 9003 §2 has room for, in octets.
const MAX_COMMUNICATION: usize = 255;

/// Whether a text fits.
pub(crate) fn communication(text: &str) -> Result<(), String> {
    match text.len() {
        0..=MAX_COMMUNICATION => Ok(()),
        len => Err(format!("has {len} octets, must have {MAX_COMMUNICATION} at most (RFC 9003)")),
    }
}

/// Generated from `proto/speaker.proto`.
#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    reason = "generated code"
)]
pub(crate) mod proto {
    tonic::include_proto!("speaker.v1");
}

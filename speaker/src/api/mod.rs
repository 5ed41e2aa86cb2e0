//! Our own gRPC service on a unix socket: the daemon's side, the command line's side, and what is printed.

pub mod client;
pub mod server;
pub mod show;
pub(crate) mod table;

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

//! BFD control packets: octets to values and back, nothing remembered in between (RFC 5880 §4).
//!
//! Total on any input: a datagram is a packet or a [`Malformed`] that names the octet, the value and the RFC section.
//! Checked here is what RFC 5880 §6.8.6 asks for before a session is looked for; whose packet it is, its TTL, and
//! whether it has to be authenticated are the engine's business.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod auth;
mod control;
mod digest;
mod encoded;
mod malformed;

pub use auth::{Auth, AuthKind, AuthSection, Key};
pub use control::ControlPacket;
pub use digest::{sign, verify};
pub use encoded::Encoded;
pub use malformed::Malformed;

/// The octets every packet has (RFC 5880 §4.1).
pub const MIN_LEN: usize = 24;

/// The longest packet that is sent: 24 octets and a keyed SHA1 section of 28.
pub const MAX_LEN: usize = 52;

/// The protocol version (RFC 5880 §4.1, Vers).
const VERSION: u8 = 1;

/// The bits of the second octet below the state (RFC 5880 §4.1).
mod flag {
    pub(super) const POLL: u8 = 0x20;
    pub(super) const FINAL: u8 = 0x10;
    pub(super) const CONTROL_PLANE_INDEPENDENT: u8 = 0x08;
    pub(super) const AUTHENTICATION: u8 = 0x04;
    pub(super) const DEMAND: u8 = 0x02;
    pub(super) const MULTIPOINT: u8 = 0x01;
}

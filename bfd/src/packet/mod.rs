//! BFD control packets: octets to values and back (RFC 5880 §4).

mod auth;

pub use auth::{Auth, AuthKind, Key};

use crate::types::{DetectMult, Diagnostic, Discriminator, Micros, State};

/// The longest packet there is: 24 octets and a keyed SHA1 section of 28.
pub const MAX_LEN: usize = 52;

/// One control packet, without its authentication section (RFC 5880 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlPacket {
    /// Why the sender's last change of state happened.
    pub diagnostic: Diagnostic,
    /// The sender's state.
    pub state: State,
    /// P: an answer with F is wanted.
    pub poll: bool,
    /// F: the answer.
    pub fin: bool,
    /// C: the sender's BFD outlives its control plane (RFC 5880 §4.1, RFC 5882 §4.3).
    pub control_plane_independent: bool,
    /// D: the sender wishes to send no packets while the session is up.
    pub demand: bool,
    /// The sender's multiplier.
    pub detect_mult: DetectMult,
    /// The sender's discriminator.
    pub my_discriminator: Discriminator,
    /// Ours, as far as the sender knows it.
    pub your_discriminator: Option<Discriminator>,
    /// The least interval at which the sender would like to send.
    pub desired_min_tx: Micros,
    /// The least interval at which the sender can receive; 0: it wants no packets.
    pub required_min_rx: Micros,
    /// The least interval at which the sender can receive echo packets; 0: it takes none.
    pub required_min_echo_rx: Micros,
}

/// A packet as it is sent, authentication section included.
#[derive(Clone, Copy)]
pub struct Encoded {
    bytes: [u8; MAX_LEN],
    len: u8,
}

impl Encoded {
    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

//! What can be wrong with a datagram, before anybody asks whose it is.

/// A datagram that is no control packet, or one to be discarded for what is in it (RFC 5880 §6.8.6), in the order of
/// the checks there. Nothing is ever answered to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Shorter than any packet.
    #[error("{got} octets are fewer than the 24 of a control packet (RFC 5880 §4.1)")]
    Short {
        /// Octets in the datagram.
        got: usize,
    },
    /// Not version 1. Version 0 was a draft's, with other states; nobody we know speaks it.
    #[error("octet 0: version {got} is not 1 (RFC 5880 §6.8.6)")]
    Version {
        /// The version field.
        got: u8,
    },
    /// Less than 24, or less than 26 with the A bit.
    #[error("octet 3: length {got} is less than {least} (RFC 5880 §6.8.6)")]
    TooShort {
        /// The length field.
        got: u8,
        /// The least it may be.
        least: u8,
    },
    /// More than there is.
    #[error("octet 3: length {got} is more than the {payload} octets of the datagram (RFC 5880 §6.8.6)")]
    TooLong {
        /// The length field.
        got: u8,
        /// Octets in the datagram.
        payload: usize,
    },
    /// Zero.
    #[error("octet 2: the multiplier is 0 (RFC 5880 §6.8.6)")]
    Multiplier,
    /// Point-to-multipoint, which nobody speaks here.
    #[error("octet 1: the M bit of {got:#04x} is set (RFC 5880 §6.8.6)")]
    Multipoint {
        /// State and flags.
        got: u8,
    },
    /// Zero.
    #[error("octet 4: My Discriminator is 0 (RFC 5880 §6.8.6)")]
    MyDiscriminator,
    /// Zero from somebody who says he heard us.
    #[error("octet 8: Your Discriminator is 0 in state {state} (RFC 5880 §6.8.6)")]
    YourDiscriminator {
        /// The state in the packet: Init or Up.
        state: crate::types::State,
    },
    /// The authentication section's own length is less than its head, or more than the packet has.
    #[error("octet 25: authentication length {got} does not fit the {room} octets there are (RFC 5880 §4.1)")]
    AuthLength {
        /// The Auth Len field.
        got: u8,
        /// Octets from Auth Type to the end of the packet.
        room: usize,
    },
}

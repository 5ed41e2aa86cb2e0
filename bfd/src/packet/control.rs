//! The control packet (RFC 5880 §4.1): `decode` beside `encode`.

use super::{AuthSection, Encoded, MIN_LEN, Malformed, VERSION, flag};
use crate::types::{DetectMult, Diagnostic, Discriminator, Micros, State};

/// Type and length of an authentication section, which every kind of it has (RFC 5880 §4.1).
const AUTH_HEAD: u8 = 2;

/// One control packet, without its authentication section (RFC 5880 §4.1). The M bit is always clear.
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

impl ControlPacket {
    /// Reads a datagram, with the checks of RFC 5880 §6.8.6 that need no session, in its order. Octets after the length
    /// the packet names are ignored.
    ///
    /// # Errors
    /// [`Malformed`], to be discarded.
    pub fn decode(payload: &[u8]) -> Result<(Self, Option<AuthSection<'_>>), Malformed> {
        let short = Malformed::Short { got: payload.len() };
        let head: &[u8; MIN_LEN] = payload.first_chunk().ok_or(short)?;
        let [first, flags, mult, len, numbers @ ..] = *head;
        let auth = check_length(payload, [first, flags, len])?;
        let detect_mult = DetectMult::new(mult).ok_or(Malformed::Multiplier)?;
        if flags & flag::MULTIPOINT != 0 {
            return Err(Malformed::Multipoint { got: flags });
        }
        let [my, your, desired_min_tx, required_min_rx, required_min_echo_rx] = words(numbers);
        let my_discriminator = Discriminator::new(my).ok_or(Malformed::MyDiscriminator)?;
        let your_discriminator = Discriminator::new(your);
        let state = state(flags);
        if your_discriminator.is_none() && matches!(state, State::Init | State::Up) {
            return Err(Malformed::YourDiscriminator { state });
        }
        let packet = Self {
            diagnostic: Diagnostic(first & 0x1f),
            state,
            poll: flags & flag::POLL != 0,
            fin: flags & flag::FINAL != 0,
            control_plane_independent: flags & flag::CONTROL_PLANE_INDEPENDENT != 0,
            demand: flags & flag::DEMAND != 0,
            detect_mult,
            my_discriminator,
            your_discriminator,
            desired_min_tx: Micros(desired_min_tx),
            required_min_rx: Micros(required_min_rx),
            required_min_echo_rx: Micros(required_min_echo_rx),
        };
        Ok((packet, auth))
    }

    /// The octets of a packet that is not authenticated. A diagnostic has five bits; more are cut off.
    #[must_use]
    pub fn encode(&self) -> Encoded {
        self.head(0)
    }

    /// The 24 octets of every packet, for a packet with so many octets of authentication section behind them.
    pub(super) fn head(&self, auth_len: u8) -> Encoded {
        let bits = [
            (self.poll, flag::POLL),
            (self.fin, flag::FINAL),
            (self.control_plane_independent, flag::CONTROL_PLANE_INDEPENDENT),
            (auth_len > 0, flag::AUTHENTICATION),
            (self.demand, flag::DEMAND),
        ];
        let flags = bits.iter().filter(|(set, _)| *set).fold(0, |flags, (_, bit)| flags | bit);
        let mut encoded = Encoded::EMPTY;
        encoded.push(&[
            VERSION << 5 | self.diagnostic.0 & 0x1f,
            (self.state as u8) << 6 | flags,
            self.detect_mult.get(),
            24_u8.saturating_add(auth_len),
        ]);
        let numbers = [
            self.my_discriminator.get(),
            self.your_discriminator.map_or(0, Discriminator::get),
            self.desired_min_tx.0,
            self.required_min_rx.0,
            self.required_min_echo_rx.0,
        ];
        numbers.iter().for_each(|number| encoded.push(&number.to_be_bytes()));
        encoded
    }
}

/// Version and lengths, and the authentication section they leave room for.
fn check_length(payload: &[u8], [first, flags, len]: [u8; 3]) -> Result<Option<AuthSection<'_>>, Malformed> {
    if first >> 5 != VERSION {
        return Err(Malformed::Version { got: first >> 5 });
    }
    let authenticated = flags & flag::AUTHENTICATION != 0;
    let least = if authenticated { 26 } else { 24 };
    if len < least {
        return Err(Malformed::TooShort { got: len, least });
    }
    let too_long = Malformed::TooLong { got: len, payload: payload.len() };
    let packet = payload.get(..usize::from(len)).ok_or(too_long)?;
    let section = packet.get(MIN_LEN..).unwrap_or_default();
    let Some((&[kind, auth_len], _)) = section.split_first_chunk().filter(|_| authenticated) else {
        return Ok(None);
    };
    let misfit = Malformed::AuthLength { got: auth_len, room: section.len() };
    let body = section.get(usize::from(AUTH_HEAD)..usize::from(auth_len)).ok_or(misfit)?;
    Ok(Some(AuthSection { kind, body }))
}

fn state(flags: u8) -> State {
    match flags >> 6 {
        0 => State::AdminDown,
        1 => State::Down,
        2 => State::Init,
        _ => State::Up,
    }
}

/// Five 32-bit numbers, most significant octet first.
fn words(octets: [u8; 20]) -> [u32; 5] {
    let mut words = [0; 5];
    for (word, octets) in words.iter_mut().zip(octets.as_chunks().0) {
        *word = u32::from_be_bytes(*octets);
    }
    words
}

//! The numbers BFD is made of, checked when they are made.

use std::fmt;
use std::num::{NonZeroU8, NonZeroU32};
use std::time::Duration;

/// An interval as the wire has it: 32 bits of microseconds (RFC 5880 §4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Micros(pub u32);

impl Micros {
    /// One second: a session that is not Up may not ask for less (RFC 5880 §6.8.3).
    pub const SECOND: Self = Self(1_000_000);

    /// That many milliseconds, or `None` if they do not fit (the largest is 4 294 967).
    #[must_use]
    pub fn from_millis(ms: u32) -> Option<Self> {
        ms.checked_mul(1000).map(Self)
    }

    /// The same as a [`Duration`].
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_micros(u64::from(self.0))
    }

    /// That often; cannot overflow.
    #[must_use]
    pub fn times(self, mult: DetectMult) -> Duration {
        Duration::from_micros(u64::from(self.0) * u64::from(mult.get()))
    }
}

/// How many packets in a row may be lost before the session is: 1 to 255 (RFC 5880 §4.1, Detect Mult).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DetectMult(NonZeroU8);

impl DetectMult {
    /// Three, the usual.
    pub const DEFAULT: Self = Self(NonZeroU8::new(3).unwrap());

    /// The multiplier, or `None` for the reserved zero.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        match NonZeroU8::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0.get()
    }
}

/// What tells a system's sessions apart; never zero (RFC 5880 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Discriminator(NonZeroU32);

impl Discriminator {
    /// The discriminator, or `None` for the reserved zero.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

/// The state of one end of a session, with the number the wire has for it (RFC 5880 §4.1, Sta).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum State {
    /// Held down by an administrator.
    AdminDown = 0,
    /// Down, or never up yet.
    #[default]
    Down = 1,
    /// The other end is heard, but has not heard us yet.
    Init = 2,
    /// Both ends hear each other.
    Up = 3,
}

impl State {
    /// As RFC 5880 writes it: `AdminDown`, `Down`, `Init`, `Up`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AdminDown => "AdminDown",
            Self::Down => "Down",
            Self::Init => "Init",
            Self::Up => "Up",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why the last change of state happened; an open code space of five bits (RFC 5880 §4.1, Diag).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Diagnostic(pub u8);

impl Diagnostic {
    /// Nothing to say.
    pub const NONE: Self = Self(0);
    /// The other end was silent for the detection time.
    pub const TIME_EXPIRED: Self = Self(1);
    /// Echo packets did not come back.
    pub const ECHO_FAILED: Self = Self(2);
    /// The other end said that it is down.
    pub const NEIGHBOR_DOWN: Self = Self(3);
    /// The forwarding plane was reset.
    pub const FORWARDING_RESET: Self = Self(4);
    /// The path is down.
    pub const PATH_DOWN: Self = Self(5);
    /// A path this one is made of is down.
    pub const CONCATENATED_DOWN: Self = Self(6);
    /// An administrator took the session down.
    pub const ADMIN_DOWN: Self = Self(7);
    /// A path this one is made of is down in the other direction.
    pub const REVERSE_CONCATENATED_DOWN: Self = Self(8);

    /// As RFC 5880 §4.1 names it; `Unknown` where it does not.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            0 => "No Diagnostic",
            1 => "Control Detection Time Expired",
            2 => "Echo Function Failed",
            3 => "Neighbor Signaled Session Down",
            4 => "Forwarding Plane Reset",
            5 => "Path Down",
            6 => "Concatenated Path Down",
            7 => "Administratively Down",
            8 => "Reverse Concatenated Path Down",
            _ => "Unknown",
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

//! What is logged: types and levels as `bfdd-control log` knows them, over tracing on stderr.
//!
//! An event's type is its target where that names one ([`Type::Session`] and so on, written `target: "session"`);
//! warnings and errors of any target are of their own types, everything else is `app` or `debug` by its level.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tracing::Metadata;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

macro_rules! types {
    ($($name:ident = $text:literal: $meaning:literal),+ $(,)?) => {
        /// A kind of log line.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Type { $(#[doc = $meaning] $name),+ }

        impl Type {
            /// All of them, in the order they are listed in.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// As commands write it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

types! {
    Critical = "critical": "What ends the program.",
    Error = "error": "What does not work.",
    Warn = "warn": "What may not work.",
    Debug = "debug": "For whoever looks for a fault.",
    App = "app": "The program itself.",
    AppDetail = "app_detail": "The program itself, in detail.",
    Session = "session": "Sessions made, ended, and their states.",
    SessionDetail = "session_detail": "Sessions, in detail.",
    Discard = "discard": "Packets that were not taken.",
    DiscardDetail = "discard_detail": "What was in them.",
    Packet = "packet": "Packets.",
    PacketContents = "packet_contents": "What was in them.",
    Command = "command": "Commands.",
    CommandDetail = "command_detail": "How commands were done.",
    TimerDetail = "timer_detail": "Timers.",
    Temp = "temp": "Nothing that lasts.",
}

impl Type {
    /// The type of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    const fn bit(self) -> u32 {
        1 << (self as u32)
    }

    fn of(metadata: &Metadata<'_>) -> Self {
        match *metadata.level() {
            tracing::Level::ERROR => Self::Error,
            tracing::Level::WARN => Self::Warn,
            level => Self::named(metadata.target()).unwrap_or(match level {
                tracing::Level::INFO => Self::App,
                _ => Self::Debug,
            }),
        }
    }
}

/// A set of types with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Nothing.
    None,
    /// What does not work.
    Minimal,
    /// And what happens to sessions, and commands.
    Normal,
    /// And packets that were not taken.
    Detailed,
    /// And all that helps to look for a fault.
    Dev,
    /// Everything.
    All,
}

impl Level {
    /// All of them, from the least.
    pub const ALL: [Self; 6] =
        [Self::None, Self::Minimal, Self::Normal, Self::Detailed, Self::Dev, Self::All];

    /// As commands write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Normal => "normal",
            Self::Detailed => "detailed",
            Self::Dev => "dev",
            Self::All => "all",
        }
    }

    /// The level of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }

    const fn types(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Minimal => Type::Critical.bit() | Type::Error.bit() | Type::Warn.bit(),
            Self::Normal => {
                Self::Minimal.types() | Type::App.bit() | Type::Session.bit() | Type::Command.bit()
            }
            Self::Detailed => Self::Normal.types() | Type::Discard.bit(),
            Self::Dev => {
                let details = Type::AppDetail.bit() | Type::SessionDetail.bit();
                let packets = Type::Packet.bit() | Type::PacketContents.bit();
                Self::Detailed.types() | Type::Debug.bit() | packets | details
            }
            Self::All => u32::MAX,
        }
    }
}

/// What is logged now; one for the process, as stderr is.
pub struct Selection {
    types: AtomicU32,
    microseconds: AtomicBool,
}

/// The selection in force.
pub static SELECTION: Selection =
    Selection { types: AtomicU32::new(Level::Normal.types()), microseconds: AtomicBool::new(false) };

impl Selection {
    /// Logs just what this level has.
    pub fn set_level(&self, level: Level) {
        self.types.store(level.types(), Ordering::Relaxed);
    }

    /// Logs this type, or not; tells whether it was logged before.
    pub fn set_type(&self, kind: Type, on: bool) -> bool {
        let before = match on {
            true => self.types.fetch_or(kind.bit(), Ordering::Relaxed),
            false => self.types.fetch_and(!kind.bit(), Ordering::Relaxed),
        };
        before & kind.bit() != 0
    }

    /// Times with every digit there is, or none.
    pub fn set_timing(&self, on: bool) {
        self.microseconds.store(on, Ordering::Relaxed);
    }

    fn takes(&self, metadata: &Metadata<'_>) -> bool {
        self.types.load(Ordering::Relaxed) & Type::of(metadata).bit() != 0
    }
}

/// The time of a line; `log timing` decides whether there is one, as containers' logs have times of their own.
struct Times;

impl FormatTime for Times {
    fn format_time(&self, w: &mut Writer<'_>) -> std::fmt::Result {
        match SELECTION.microseconds.load(Ordering::Relaxed) {
            true => SystemTime.format_time(w),
            false => Ok(()),
        }
    }
}

/// Logs to this from now on. Only the first call of a process has an effect.
pub fn start<W>(to: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(to).with_ansi(false).with_timer(Times);
    let chosen = dynamic_filter_fn(|metadata, _| SELECTION.takes(metadata));
    // An error says that there is a subscriber already: a test's, say.
    let _ = tracing_subscriber::registry().with(lines.with_filter(chosen)).try_init();
}

/// Logs to stderr.
pub fn start_stderr() {
    start(io::stderr);
}

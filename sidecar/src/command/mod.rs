//! Commands of `bfdd-control`: words into a [`Command`], or into the text that says what is wrong with them.
//!
//! Pure: nothing is done here. Only the first word may be in capitals, as ever.

mod log;
mod session;

use crate::address::Address;
use crate::logging::{Level, Type};
use crate::status::Form;
use bfd::{DetectMult, Diagnostic, Micros};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// End the program.
    Stop,
    /// Say which program this is.
    Version,
    /// Open an active session.
    Connect(Pair),
    /// Let this address have sessions.
    Allow(Address),
    /// Do not let it have new ones.
    Block(Address),
    /// Show sessions.
    Status(Which, Form),
    /// Say what is logged, or change it.
    Log(LogCommand),
    /// Change what sessions from now on are told.
    Defaults(Item),
    /// Do something to sessions that are there.
    Session(Which, Act),
}

/// The two ends of a session; of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pair {
    /// Ours.
    pub local: Address,
    /// Theirs.
    pub remote: Address,
}

/// Which sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All there are.
    All,
    /// The one of this number.
    Id(u32),
    /// The one between these ends.
    Pair(Pair),
}

/// One setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// Desired Min TX Interval; not zero.
    MinTx(Micros),
    /// Required Min RX Interval.
    MinRx(Micros),
    /// Detect Mult.
    Multi(DetectMult),
    /// The C bit.
    ControlPlaneIndependent(bool),
    /// Taken, and without effect: see `docs/sidecar.md`.
    AdminUpPoll(bool),
}

/// What is done to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Change a setting.
    Set(Item),
    /// Let it come up again.
    Up,
    /// Hold it in Down.
    Down(Diagnostic),
    /// Hold it in AdminDown.
    Admin(Diagnostic),
    /// End it; an active one is opened anew.
    Reset,
    /// End it.
    Kill,
    /// Send nothing, keep the state.
    Suspend,
    /// Send again.
    Resume,
}

/// `log …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogCommand {
    /// Log just what this level has.
    Level(Level),
    /// Which levels there are.
    Levels,
    /// Log this type or not.
    Type(Type, bool),
    /// Which types there are.
    Types,
    /// Times in the log to the microsecond.
    Timing(bool),
}

/// Reads a command; `Err` has the reply to one that cannot be read, with its line end.
///
/// # Errors
/// As above.
pub fn parse(words: &[&str]) -> Result<Command, String> {
    let Some((first, rest)) = words.split_first() else { return Err(String::new()) };
    let mut words = Words(rest);
    match first.to_ascii_lowercase().as_str() {
        "stop" => Ok(Command::Stop),
        "version" => Ok(Command::Version),
        "connect" => connect(&mut words),
        "allow" => address(&mut words, "Must supply ip address.\n").map(Command::Allow),
        "block" => address(&mut words, "Must supply an IPv4 or IPv6 address.\n").map(Command::Block),
        "status" => status(&mut words),
        "log" => log::parse(&mut words).map(Command::Log),
        "session" => session::parse(&mut words),
        _ => Err(format!("Unknown command <{first}>\n")),
    }
}

/// The words not read yet.
struct Words<'a>(&'a [&'a str]);

impl<'a> Words<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }
}

fn address(words: &mut Words<'_>, missing: &str) -> Result<Address, String> {
    let text = words.next().ok_or(missing)?;
    Address::parse(text).ok_or_else(|| format!("Invalid IPv4 or IPv6 address <{text}>.\n"))
}

fn connect(words: &mut Words<'_>) -> Result<Command, String> {
    let first = words.next().ok_or("Must supply 'local ip remote ip' address pair.\n")?;
    pair(first, words)
        .map(Command::Connect)
        .map_err(|error| format!("'connect' must be followed by an ip pair. {error}\n"))
}

fn status(words: &mut Words<'_>) -> Result<Command, String> {
    let Some(first) = words.next() else { return Ok(Command::Status(Which::All, Form::SHORT)) };
    let which = which(first, words).map_err(|error| {
        format!("Must supply 'all', session id or 'remote ip local ip' before other settings. {error}\n")
    })?;
    let mut form = Form::LONG;
    while let Some(word) = words.next() {
        match word {
            "brief" => form.brief = true,
            "compact" => form.compact = true,
            "nocompact" => form.compact = false,
            "level" => {
                let level = words.next().ok_or("level must be followed by an integer.\n")?;
                let not = |_| format!("level value must be an integer : <{level}>.\n");
                form.level = level.parse().map_err(not)?;
            }
            _ => return Err(format!("Unrecognized  status setting <{word}>.\n")),
        }
    }
    Ok(Command::Status(which, form))
}

/// `all`, a number, or two addresses; `first` was read already.
fn which(first: &str, words: &mut Words<'_>) -> Result<Which, String> {
    match first {
        "all" => Ok(Which::All),
        "remote" | "local" => pair(first, words).map(Which::Pair),
        _ => match first.parse() {
            Ok(0) | Err(_) => Err(format!("Unknown <{first}>.")),
            Ok(id) => Ok(Which::Id(id)),
        },
    }
}

/// `local IP remote IP` or the other way round; `first` was read already.
fn pair(first: &str, words: &mut Words<'_>) -> Result<Pair, String> {
    let other = match first {
        "remote" => "local",
        "local" => "remote",
        _ => return Err(format!("Error: Unknown <{first}> should be 'remote' or 'local'.")),
    };
    let text = words
        .next()
        .ok_or_else(|| format!("Error: '{first}' should be followed by an IPv4 or IPv6 address."))?;
    let one = Address::parse(text).ok_or_else(|| not_address(text))?;
    let word = words.next().ok_or_else(|| format!("Error: '{other}' not found."))?;
    if word != other {
        return Err(format!("Error: unknown <{word}>. '{first}' ip must be followed by '{other}'."));
    }
    let text =
        words.next().ok_or_else(|| format!("Error: '{other}' should be followed by an ip address."))?;
    let two = Address::parse(text).ok_or_else(|| not_address(text))?;
    if !one.same_family(&two) {
        return Err("Error: can not mix IPv4 and IPv6 addresses.".to_owned());
    }
    Ok(match first {
        "local" => Pair { local: one, remote: two },
        _ => Pair { local: two, remote: one },
    })
}

fn not_address(text: &str) -> String {
    format!("Error: <{text}> is not an IPv4 or IPv6 address.")
}

/// `yes` or `no`.
fn yes_or_no(word: &str) -> Option<bool> {
    match word {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

//! `bfdd-control`: sends commands and prints the replies.
//!
//! Exit codes: 0 when the beacon answered, whatever it said; 1 for a usage error, a script that cannot be read, no
//! connection, no whole reply within five seconds, an empty reply, and one that begins `Unable to complete `.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::wire;

/// How the program calls itself in its messages.
pub const NAME: &str = "bfdd-control";

/// From the start to the last octet of the reply.
const DEADLINE: Duration = Duration::from_secs(5);
/// A reply that begins so is none.
const REFUSAL: &str = "Unable to complete ";
/// Octets of a reply at most: no beacon has more sessions than RFC 5881 §4 has ports, and none takes a KiB.
const LONGEST_REPLY: u64 = 16 << 20;

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line cannot be understood.
    #[error("{0}")]
    Usage(String),
    /// The beacon does not listen there.
    #[error("Error connecting to beacon on {0}: {1}")]
    Connect(SocketAddr, ConnectError),
    /// The command has more octets than a request may have, or an empty word.
    #[error("Command too long. Not Sent.")]
    TooLong,
    /// The connection broke, or took too long.
    #[error("Connection failed. Partial completion may have occurred: {0}")]
    Exchange(io::Error),
    /// The beacon closed without a word.
    #[error("The beacon did not answer.")]
    Empty,
    /// The beacon could not do it; it said why.
    #[error("The beacon could not complete the request.")]
    Refused,
    /// A script cannot be read.
    #[error("Failed to open file <{0}> : {1}")]
    Script(String, io::Error),
    /// Nobody takes what is printed.
    #[error("cannot print: {0}")]
    Output(io::Error),
}

/// What the system says of a connection that was not made.
#[derive(Debug)]
pub struct ConnectError(io::Error);

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The words scripts look for, without the number the standard library adds.
        match self.0.kind() {
            io::ErrorKind::ConnectionRefused => f.write_str("Connection refused"),
            io::ErrorKind::TimedOut => f.write_str("Connection timed out"),
            _ => self.0.fmt(f),
        }
    }
}

/// Runs with these arguments, without the program's name.
pub fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    match run(arguments.collect(), &mut io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

/// As [`main`], printing there.
///
/// # Errors
/// [`Failure`].
pub fn run(arguments: Vec<String>, out: &mut impl Write) -> Result<(), Failure> {
    let (beacon, words) = options(arguments)?;
    match words.first().map(String::as_str) {
        None => Err(Failure::Usage(format!("No command. Try \"{NAME} status\", or see docs/sidecar.md."))),
        Some("load") => {
            let file = words.get(1);
            let file =
                file.ok_or_else(|| Failure::Usage("Must supply a script file after 'load'".to_owned()))?;
            load(beacon, file, out)
        }
        first => {
            if first == Some("version") {
                // Told first, so that it is known without a beacon, too.
                writeln!(out, "{NAME} v{}", crate::VERSION).map_err(Failure::Output)?;
            }
            send(beacon, &words, "", out)
        }
    }
}

/// Where to connect, and the command.
fn options(arguments: Vec<String>) -> Result<(SocketAddr, Vec<String>), Failure> {
    let mut beacon = None;
    let mut rest = arguments.into_iter().peekable();
    while let Some(option) = rest.next_if(|argument| argument.starts_with("--")) {
        let address = match option.split_once('=') {
            None if option == "--altport" => super::loopback(super::ALTERNATIVE_PORT),
            Some(("--control", value)) => control_address(value).map_err(Failure::Usage)?,
            None if option == "--control" => control_address("").map_err(Failure::Usage)?,
            _ => return Err(Failure::Usage(format!("Unrecognized {NAME} command line option {option}."))),
        };
        if beacon.replace(address).is_some() {
            let rule = "Only a single --altport or --control option is allowed.";
            return Err(Failure::Usage(rule.to_owned()));
        }
    }
    Ok((beacon.unwrap_or(super::loopback(super::PORT)), rest.collect()))
}

/// The value of `--control`.
///
/// # Errors
/// What is wrong with it.
pub fn control_address(value: &str) -> Result<SocketAddr, String> {
    if value.is_empty() {
        return Err("--control must be followed by an '=' and a ip address with a port.".to_owned());
    }
    value.parse().map_err(|_| match value.trim_matches(['[', ']']).parse::<std::net::IpAddr>() {
        Ok(_) => format!(
            "--control address must have a port specified. The address <{value}> does not contain a port."
        ),
        Err(_) => format!("--control address <{value}> is not an IPv4 or IPv6 address."),
    })
}

/// One command and its reply, every line with this before it.
fn send(beacon: SocketAddr, words: &[String], indent: &str, out: &mut impl Write) -> Result<(), Failure> {
    let request = wire::write(words).ok_or(Failure::TooLong)?;
    let reply = exchange(beacon, &request)?;
    if reply.is_empty() {
        return Err(Failure::Empty);
    }
    for line in reply.split_inclusive('\n') {
        write!(out, "{indent}{line}").map_err(Failure::Output)?;
    }
    out.flush().map_err(Failure::Output)?;
    if reply.starts_with(REFUSAL) { Err(Failure::Refused) } else { Ok(()) }
}

fn exchange(beacon: SocketAddr, request: &[u8]) -> Result<String, Failure> {
    let end = Instant::now() + DEADLINE;
    let mut stream = TcpStream::connect_timeout(&beacon, DEADLINE)
        .map_err(|error| Failure::Connect(beacon, ConnectError(error)))?;
    stream.set_write_timeout(Some(DEADLINE)).map_err(Failure::Exchange)?;
    stream.write_all(request).map_err(Failure::Exchange)?;
    let mut reply = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure::Exchange(io::ErrorKind::TimedOut.into()));
        }
        stream.set_read_timeout(Some(left)).map_err(Failure::Exchange)?;
        match stream.read(&mut piece) {
            Ok(0) => return Ok(String::from_utf8_lossy(&reply).into_owned()),
            Ok(read) => reply.extend_from_slice(piece.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(Failure::Exchange(io::ErrorKind::TimedOut.into()));
            }
            Err(error) => return Err(Failure::Exchange(error)),
        }
        if reply.len() as u64 > LONGEST_REPLY {
            return Err(Failure::Exchange(io::ErrorKind::FileTooLarge.into()));
        }
    }
}

/// Sends every line of a file; the last one, too, when no line end follows it.
fn load(beacon: SocketAddr, path: &str, out: &mut impl Write) -> Result<(), Failure> {
    writeln!(out, "Running script from file <{path}>").map_err(Failure::Output)?;
    let unreadable = |error| Failure::Script(path.to_owned(), error);
    let file = std::fs::File::open(path).map_err(unreadable)?;
    for line in BufReader::new(file).lines() {
        let line = line.map_err(unreadable)?;
        let words: Vec<String> =
            line.split([' ', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect();
        if line.starts_with('#') || words.is_empty() {
            continue;
        }
        writeln!(out, " Command <{line}>").map_err(Failure::Output)?;
        send(beacon, &words, "   ", out)?;
    }
    writeln!(out, "Completed script from file <{path}>").map_err(Failure::Output)
}

//! GoBGP's command, `gobgp`: what it asks of generation 4 of the API and what it prints, for the commands that make
//! sense towards a speaker that only announces.
//!
//! Text and exit codes are those of GoBGP 4.8, so that scripts need no change: answers and reported errors on stdout,
//! the latter with exit code 1; usage errors on stderr. What GoBGP does not shield is shielded here: a neighbour's text
//! cannot drive the terminal, and an answer with parts missing is shown instead of ending the program.

mod attribute;
mod attribute_json;
mod capability;
mod client;
mod command;
mod family;
mod flags;
mod json;
mod message;
mod neighbor;
mod rib;
mod text;
mod words;

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;

use flags::CommandLine;
use json::Object;

use super::api;

/// The GoBGP whose command this is, for scripts that ask.
const VERSION: &str = "4.8.0";

/// What a command answers instead of its output.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// Reported on stdout, with `-j` as JSON.
    #[error("{0}")]
    Said(String),
    /// Reported on stderr: the command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// The output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl Error {
    fn said(what: impl Into<String>) -> Self {
        Self::Said(what.into())
    }
}

/// Whether a program called so is to behave as this command.
#[must_use]
pub fn is_called(program: Option<&OsStr>) -> bool {
    program.and_then(|program| Path::new(program).file_name()).is_some_and(|name| name == "gobgp")
}

/// Runs the command with the arguments behind its name: exit code 0 done (also for an empty table), 1 failed.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // A word that is no Unicode is no address and no command; the answer shows it as it can.
    let arguments: Vec<String> =
        arguments.into_iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let line = match CommandLine::parse(arguments.iter().cloned()) {
        // GoBGP knows this flag in the first place only.
        Ok(_) | Err(_) if arguments.first().is_some_and(|first| first == "--version") => {
            return finish(&mut out, Ok(format!("gobgp version {VERSION}\n")), false);
        }
        Ok(line) => line,
        Err(rule) => return finish(&mut out, Err(Error::Usage(rule)), false),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(command::execute(&line, &mut out)),
        Err(error) => Err(Error::said(error.to_string())),
    };
    finish(&mut out, done.map(|()| String::new()), line.options.json)
}

fn finish(out: &mut dyn Write, done: Result<String, Error>, json: bool) -> ExitCode {
    let (text, code) = match done {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(Error::Said(error)) if json => {
            let mut text = String::new();
            Object::open(&mut text).always("error", &error).close();
            (text + "\n", ExitCode::FAILURE)
        }
        Err(Error::Said(error)) => (error + "\n", ExitCode::FAILURE),
        Err(Error::Usage(error)) => {
            eprintln!("Error: {error}\nRun 'gobgp --help' for usage.");
            (String::new(), ExitCode::FAILURE)
        }
        // `gobgp global rib | head` is no failure.
        Err(Error::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
        Err(Error::Output(error)) => {
            eprintln!("gobgp: cannot write the output: {error}");
            return ExitCode::FAILURE;
        }
    };
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("gobgp: cannot write the output: {error}");
            ExitCode::FAILURE
        }
        _ => code,
    }
}

/// The prefix of an NLRI, `None` if it is none.
fn prefix(nlri: &api::Nlri) -> Option<String> {
    let Some(api::nlri::Nlri::Prefix(prefix)) = &nlri.nlri else { return None };
    let address: IpAddr = prefix.prefix.parse().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    (prefix.prefix_len <= longest).then(|| format!("{address}/{}", prefix.prefix_len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides() {
        for name in ["gobgp", "/usr/local/bin/gobgp", "./gobgp"] {
            assert!(is_called(Some(OsStr::new(name))), "{name}");
        }
        for name in ["speaker", "/opt/gobgp/speaker", "gobgpd", ""] {
            assert!(!is_called(Some(OsStr::new(name))), "{name}");
        }
        assert!(!is_called(None));
    }

    #[test]
    fn only_prefixes_are_prefixes() {
        let nlri = |prefix: &str, prefix_len| api::Nlri {
            nlri: Some(api::nlri::Nlri::Prefix(api::IpAddressPrefix { prefix_len, prefix: prefix.into() })),
        };
        assert_eq!(prefix(&nlri("10.1.0.0", 24)).as_deref(), Some("10.1.0.0/24"));
        assert_eq!(prefix(&nlri("2001:DB8::", 128)).as_deref(), Some("2001:db8::/128"));
        assert_eq!(prefix(&nlri("10.1.0.0", 33)), None);
        assert_eq!(prefix(&nlri("here", 24)), None);
        assert_eq!(prefix(&api::Nlri { nlri: None }), None);
    }
}

//! `bfdd-beacon`: its options, and going to the background once everything is bound.
//!
//! A daemon is the same program started again in a session of its own, so nothing is forked that has threads. It says
//! on its stdout, a pipe, whether it has started; only then its parent returns, with 1 if it has not.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use crate::address::Address;
use crate::cli::BfdFlags;
use crate::config::{Config, Environment};
use crate::control::client::control_address;
use crate::logging;
use crate::run::{self, Extras};

/// How the program calls itself.
const NAME: &str = "bfdd-beacon";
/// The option of the second start; not for people.
const STARTED_AS_DAEMON: &str = "--started-as-daemon";
/// What the daemon says when every socket is bound; anything else is what is wrong.
const READY: &str = "ready\n";
/// Octets of a daemon's complaint that are passed on.
const COMPLAINT: u64 = 64 << 10;

/// What the command line says.
#[derive(Debug, Default)]
struct Options {
    foreground: bool,
    daemon: bool,
    tee: bool,
    version: bool,
    passive: bool,
    control: Vec<SocketAddr>,
    listen: Vec<Address>,
}

/// Runs with these arguments, without the program's name.
pub fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let arguments: Vec<String> = arguments.collect();
    let options = match options(&arguments) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::FAILURE;
        }
    };
    if options.version {
        println!("{NAME} version {}", crate::VERSION);
        return ExitCode::SUCCESS;
    }
    let daemon = options.daemon;
    let done = if options.foreground || daemon { serve(options) } else { start_daemon(&arguments) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            match daemon {
                true => println!("{NAME}: {error}"), // the parent passes it on
                false => eprintln!("{NAME}: {error}"),
            }
            ExitCode::FAILURE
        }
    }
}

fn options(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    for argument in arguments {
        match argument.split_once('=').map_or((argument.as_str(), None), |(name, value)| (name, Some(value)))
        {
            ("--nofork", None) => options.foreground = true,
            (STARTED_AS_DAEMON, None) => options.daemon = true,
            ("--tee", None) => options.tee = true,
            ("--notee", None) => options.tee = false,
            ("--version", None) => options.version = true,
            ("--passive", None) => options.passive = true,
            ("--control", value) => options.control.push(control_address(value.unwrap_or_default())?),
            ("--listen", None | Some("")) => {
                let rule = "must be followed by an '=' and a ip address (may be 0.0.0.0 or ::).";
                return Err(format!("--listen {rule}"));
            }
            ("--listen", Some(value)) => {
                let address = Address::parse(value)
                    .ok_or_else(|| format!("--listen address <{value}> is not an IPv4 or IPv6 address."))?;
                options.listen.push(address);
            }
            _ => return Err(format!("Unrecognized {NAME} command line option {argument}.")),
        }
    }
    Ok(options)
}

/// The beacon itself: nobody is allowed until a command says so.
fn serve(options: Options) -> io::Result<()> {
    if options.daemon {
        rustix::process::setsid()?; // its own session: no terminal, no signals of the one it was started in
        std::env::set_current_dir("/")?;
    }
    let environment = Environment::read();
    let passive = options.passive || environment.is_on("BFDD_PASSIVE");
    let goodbye = environment.is_on("BFDD_GOODBYE");
    let flags = BfdFlags { passive, goodbye, ..BfdFlags::default() };
    // Metrics are served on request only: node gateways run in the node's own network, where the port may be another's.
    let metrics = environment.get("BFDD_METRICS_ADDRESS").unwrap_or_default().to_owned();
    let said = Environment::of([("BFDD_METRICS_ADDRESS", metrics)]);
    let mut config = Config::resolve(&flags, &said).map_err(io::Error::other)?;
    config.patient = false;
    config.control_required = true;
    if !options.control.is_empty() {
        config.control = options.control;
    }
    if !options.listen.is_empty() {
        config.listen = options.listen;
    }
    if options.tee && !options.daemon {
        logging::start_stderr();
    } else {
        logging::start(crate::syslog::Syslog::open(NAME));
    }
    let daemon = options.daemon;
    run::runtime()?.block_on(run::run(config, Extras::default(), move || {
        if daemon {
            // A parent that was killed meanwhile does not matter to the daemon.
            let _ = io::stdout().write_all(READY.as_bytes()).and_then(|()| io::stdout().flush());
        }
    }))
}

/// Starts this program again in the background and waits until it has started, or says why not.
fn start_daemon(arguments: &[String]) -> io::Result<()> {
    let mut command = Command::new("/proc/self/exe");
    command.arg0(NAME).args(daemon_arguments(arguments));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let mut said = String::new();
    if let Some(stdout) = child.stdout.take() {
        let mut stdout = stdout.take(COMPLAINT);
        let mut octet = [0];
        while !said.ends_with('\n') && stdout.read(&mut octet)? > 0 {
            said.push(char::from(octet[0]));
        }
    }
    if said == READY {
        return Ok(());
    }
    let status = child.wait()?;
    let complaint = said.trim().trim_start_matches(NAME).trim_start_matches(": ");
    Err(io::Error::other(match complaint {
        "" => format!("the daemon ended before it had started: {status}"),
        complaint => complaint.to_owned(),
    }))
}

fn daemon_arguments(arguments: &[String]) -> Vec<OsString> {
    let mut all: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    all.push(STARTED_AS_DAEMON.into());
    all
}

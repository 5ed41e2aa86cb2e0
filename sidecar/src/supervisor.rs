//! `kube-ovn-bfdd-supervisor run|live|ready|status`.
//!
//! There is no child process to supervise: `run` is the beacon itself, which heals itself, with the environment
//! kube-ovn's pods give and the socket their probes ask. No state file is kept, for there is nothing to remember.

use std::path::PathBuf;
use std::process::ExitCode;

use tracing::warn;

use crate::config::{Config, Environment};
use crate::probe;
use crate::run::{self, Extras};

/// Where the probes ask unless `BFDD_SUPERVISOR_SOCKET` says otherwise.
const SOCKET: &str = "/var/run/kube-ovn/bfdd-supervisor/control.sock";
const USAGE: &str = "usage: kube-ovn-bfdd-supervisor <run|live|ready|status>";

/// Runs with these arguments, without the program's name.
pub fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    let arguments: Vec<String> = arguments.collect();
    let environment = Environment::read();
    let path = PathBuf::from(socket(&environment));
    let done = match arguments.as_slice() {
        [word] if word == "run" => run(&environment, path),
        [word] if ["live", "ready", "status"].contains(&word.as_str()) => ask(&path, word),
        [word] => Err(format!("unknown BFD supervisor command \"{word}\"; {USAGE}").into()),
        _ => Err(USAGE.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("BFD supervisor failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Where the probes ask.
#[must_use]
pub fn socket(environment: &Environment) -> &str {
    environment.get("BFDD_SUPERVISOR_SOCKET").filter(|path| !path.is_empty()).unwrap_or(SOCKET)
}

type Done = Result<(), Box<dyn std::error::Error>>;

fn run(environment: &Environment, socket: PathBuf) -> Done {
    let config = Config::supervised(environment)?;
    crate::logging::start_stderr();
    for name in ["BFDD_CONTROL_PATH", "BFDD_BEACON_PATH"] {
        if environment.get(name).is_some() {
            warn!(name, "ignored: the supervisor is the beacon itself");
        }
    }
    run::runtime()?.block_on(run::run(config, Extras { socket: Some(socket) }, || ()))?;
    Ok(())
}

fn ask(path: &std::path::Path, word: &str) -> Done {
    let response = probe::ask(&path.to_string_lossy(), word)
        .map_err(|error| format!("cannot ask {}: {error}", path.display()))?;
    if let Some(error) = response.error {
        return Err(error.into());
    }
    if word == "status" {
        println!("{}", response.status);
    }
    Ok(())
}

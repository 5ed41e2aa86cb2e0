//! `sidecar`, and by name `bfdd-beacon`, `bfdd-control` and `kube-ovn-bfdd-supervisor`.

use std::process::ExitCode;

use clap::Parser;
use sidecar::cli::{BfdFlags, Cli, Command, Program};
use sidecar::config::{Config, Environment};
use sidecar::run::{self, Extras};
use sidecar::{control, daemonize, logging, nat, supervisor};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let program = Program::called(arguments.next().as_deref());
    // A name that is not UTF-8 names no option and no address; it is shown as well as can be.
    let words = arguments.map(|word| word.to_string_lossy().into_owned());
    match program {
        Program::Beacon => daemonize::main(words),
        Program::Control => control::client::main(words),
        Program::Supervisor => supervisor::main(words),
        Program::Sidecar => match Cli::parse().command {
            Command::Bfd(flags) => bfd(&flags),
            Command::Nat(flags) => nat::command::nat(&flags),
            Command::Status(flags) => nat::command::status(&flags),
            Command::BfddBeacon(rest) => daemonize::main(rest.words.into_iter()),
            Command::BfddControl(rest) => control::client::main(rest.words.into_iter()),
            Command::KubeOvnBfddSupervisor(rest) => supervisor::main(rest.words.into_iter()),
        },
    }
}

fn bfd(flags: &BfdFlags) -> ExitCode {
    let config = match Config::resolve(flags, &Environment::read()) {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("sidecar: {problems}");
            return ExitCode::FAILURE;
        }
    };
    logging::start_stderr();
    let ended =
        run::runtime().and_then(|runtime| runtime.block_on(run::run(config, Extras::default(), || ())));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sidecar: {error}");
            ExitCode::FAILURE
        }
    }
}

//! `speaker`: parses the command line, sets up logging, turns results into exit codes.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use speaker::api::{client::ShowError, show};
use speaker::cli::{Cli, Command, RunFlags};
use speaker::config::{Config, Environment};
use speaker::logging::{self, Threshold};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    if speaker::gobgp::cli::is_called(arguments.next().as_deref()) {
        return speaker::gobgp::cli::run(arguments);
    }
    let cli = Cli::parse(); // usage errors leave with 2, as does an unknown flag upstream
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let mut out = io::stdout().lock();
    let shown = match &cli.command {
        None => return run(runtime, &cli.run),
        Some(Command::Run(flags)) => return run(runtime, flags),
        Some(Command::Gobgp(args)) => return speaker::gobgp::cli::run(args.arguments.iter().cloned()),
        Some(Command::Prepare(args)) => {
            return match speaker::prepare::prepare(&args.dir, args.owner) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&error),
            };
        }
        Some(Command::Demo(args)) => {
            return match runtime.block_on(speaker::demo::demo(args.hold, &mut out)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => failed(&error),
            };
        }
        Some(Command::Check(args)) => {
            return match speaker::check::check(args, &Environment::read(), &mut out) {
                Ok(true) => ExitCode::SUCCESS,
                Ok(false) => ExitCode::FAILURE,
                Err(error) => failed(&error),
            };
        }
        Some(Command::Neighbor(args)) => runtime.block_on(show::neighbor(args, &mut out)),
        Some(Command::Rib(args)) => runtime.block_on(show::rib(args, &mut out)),
        Some(Command::Bfd(args)) => runtime.block_on(show::bfd(args, &mut out)),
        Some(Command::Status(args)) => runtime.block_on(show::status(args, &mut out)),
    };
    match shown.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        // `speaker rib | head` is no failure.
        Err(ShowError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            failed(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    eprintln!("speaker: {error}");
    ExitCode::FAILURE
}

fn run(runtime: tokio::runtime::Runtime, flags: &RunFlags) -> ExitCode {
    let config = match Config::resolve(flags, &Environment::read()) {
        Ok(config) => config,
        Err(problems) => return failed(&problems),
    };
    let shown = config.log.stderr <= Threshold::Error;
    let log = match logging::init(&config.log) {
        Ok(log) => log,
        Err(error) => return failed(&error),
    };
    let flags = flags.clone();
    let read = Box::new(move || Config::resolve(&flags, &Environment::read()));
    let ended = runtime.block_on(speaker::run::run(config, read));
    runtime.shutdown_background(); // a thread that hangs in a read of a file must not keep the process
    if let Err(error) = &ended {
        tracing::error!("{error}");
    }
    drop(log);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) if shown => ExitCode::FAILURE,
        Err(error) => failed(&error), // what ends us is FATAL, which is always shown
    }
}

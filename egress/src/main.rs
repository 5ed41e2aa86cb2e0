//! `egress`: parses the command line, sets up logging, turns results into exit codes.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use egress::cli::{Cli, Command, RunFlags};
use egress::config::{Config, Question};
use egress::{ask, definitions, logging, run};

/// Bad flags.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        None => serve(&cli.run),
        Some(Command::Run(flags)) => serve(&flags),
        Some(Command::Explain(flags)) => {
            let question = match Question::resolve(&flags) {
                Ok(question) => question,
                Err(problems) => return failed(&problems, USAGE),
            };
            logging::init(question.config.log.min(tracing::level_filters::LevelFilter::WARN));
            let runtime = match runtime() {
                Ok(runtime) => runtime,
                Err(error) => return failed(&error, 1),
            };
            let answer = runtime.block_on(ask::ask(question));
            runtime.shutdown_background();
            match answer {
                Ok(text) => print(&text),
                Err(error) => failed(&error, error.exit_code()),
            }
        }
        Some(Command::Crds(flags)) => match definitions::text(&flags.group) {
            Ok(text) => print(&text),
            Err(error) => failed(&error, 1),
        },
    }
}

fn serve(flags: &RunFlags) -> ExitCode {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let host = std::env::var("POD_NAME").ok().filter(|name| !name.is_empty()).unwrap_or(host);
    let config = match Config::resolve(flags, &host, fastrand::u32(..)) {
        Ok(config) => config,
        Err(problems) => return failed(&problems, USAGE),
    };
    logging::init(config.log);
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error, 1),
    };
    let ended = runtime.block_on(run::run(config));
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, 1),
    }
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

fn print(text: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS, // `egress crds | head`
        Err(error) => failed(&error, 1),
    }
}

fn failed(error: &dyn std::error::Error, code: u8) -> ExitCode {
    eprintln!("egress: {error}");
    ExitCode::from(code)
}

//! A command line through the real parser and [`Config::resolve`].

#![allow(dead_code, reason = "every test uses its own part")]

use clap::Parser;
use speaker::cli::Cli;
use speaker::config::{Config, Environment};

/// How a command line ends.
#[derive(Debug)]
pub(crate) enum End {
    /// The parser refuses it: exit code 2.
    Usage(String),
    /// Its values are wrong: exit code 1, a line each.
    Wrong(Vec<String>),
}

/// What every command line begins with.
pub(crate) const BASE: [&str; 7] = [
    "speaker",
    "--neighbor-address=10.0.0.1",
    "--neighbor-ipv6-address=fd00::1",
    "--neighbor-as=65001",
    "--cluster-as=65000",
    "--node-name=n1",
    "--manifests=/m",
];

/// That of a Pod.
pub(crate) fn environment() -> Environment {
    Environment { pod_ips: Some("10.0.0.7,fd00::7".into()), ..Environment::default() }
}

/// What becomes of a whole command line.
pub(crate) fn resolve(args: &[&str], environment: &Environment) -> Result<Config, End> {
    let cli = Cli::try_parse_from(args).map_err(|error| End::Usage(error.to_string()))?;
    Config::resolve(&cli.run, environment)
        .map_err(|problems| End::Wrong(problems.to_string().lines().map(str::to_owned).collect()))
}

/// What becomes of [`BASE`] with these.
pub(crate) fn with(more: &[&str]) -> Result<Config, End> {
    resolve(&[&BASE, more].concat(), &environment())
}

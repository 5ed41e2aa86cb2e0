//! `sidecar nat` and `sidecar status` as programs: arguments in, exit code out.

use std::io::Write;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::cli::{NatAction, NatFlags, StatusFlags};
use super::run;
use super::settings::{self, Settings};
use crate::config::Environment;
use crate::{logging, probe, supervisor};

/// There is nobody to ask.
const NOBODY: u8 = 4;

/// `sidecar nat …`.
#[must_use]
pub fn nat(flags: &NatFlags) -> ExitCode {
    let environment = Environment::read();
    let ended = match flags.action {
        Some(NatAction::Live) => ask(&settings::socket(flags.socket.as_deref(), &environment), "live"),
        Some(NatAction::Ready) => ask(&settings::socket(flags.socket.as_deref(), &environment), "ready"),
        action => Settings::resolve(flags, &environment)
            .map_err(|problems| problems.to_string())
            .and_then(|settings| work(settings, action, flags.dry_run)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sidecar: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ask(socket: &str, word: &str) -> Result<(), String> {
    let answer = probe::ask(socket, word).map_err(|error| format!("cannot ask {socket}: {error}"))?;
    answer.error.map_or(Ok(()), Err)
}

fn work(settings: Settings, action: Option<NatAction>, dry: bool) -> Result<(), String> {
    logging::start_stderr();
    let runtime = crate::run::runtime().map_err(|error| error.to_string())?;
    match action {
        _ if dry => runtime.block_on(run::dry(&settings, action.is_some())).map(|text| print(&text)),
        Some(_) => runtime.block_on(run::prepare(&settings)),
        None => runtime.block_on(run::keep(settings)).map_err(|error| error.to_string()),
    }
}

/// `sidecar status`.
#[must_use]
pub fn status(flags: &StatusFlags) -> ExitCode {
    let environment = Environment::read();
    let socket = settings::socket(flags.socket.as_deref(), &environment);
    let answer = match probe::ask(&socket, "status") {
        Ok(answer) => answer,
        Err(error) => {
            eprintln!("sidecar: cannot ask {socket}: {error}");
            return ExitCode::from(NOBODY);
        }
    };
    // Only there where the same container, or one with the same volume, answers BFD.
    let bfd = probe::ask(supervisor::socket(&environment), "status").ok().map(|answer| answer.status);
    let status = json!({ "nat": answer.status, "bfd": bfd });
    let shown = if flags.output == "json" { format!("{status:#}\n") } else { text(&status) };
    print(&shown);
    if status["nat"]["asWanted"] == true { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// To stdout. Whoever reads no further has seen enough.
pub(super) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}

/// For people.
fn text(status: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let verdict = |value: &Value| if *value == true { "as wanted" } else { "NOT AS WANTED" };
    let nat = &status["nat"];
    let mut lines = vec![format!("NAT: {}, {} passes", verdict(&nat["asWanted"]), nat["passes"])];
    for family in list(&nat["families"]) {
        let side = |name: &str| {
            format!("{} on {}", word(&family[name]["gateway"]), word(&family[name]["interface"]))
        };
        let (name, iptables) = (word(&family["family"]), word(&family["iptables"]));
        lines.push(format!("{name}: {}, iptables {iptables}", verdict(&family["asWanted"])));
        lines.push(format!("  internal gateway {}, external gateway {}", side("internal"), side("external")));
        lines.extend(list(&family["rules"]).iter().map(|rule| format!("  {}", word(rule))));
        if let Some(trouble) = family["trouble"].as_str() {
            lines.push(format!("  trouble: {trouble}"));
        }
        lines.extend(list(&family["sysctlDrift"]).iter().map(|drift| format!("  sysctl: {}", word(drift))));
        let repairs = family["repairs"].as_object().into_iter().flatten();
        let repairs: Vec<String> = repairs.map(|(part, count)| format!("{part} {count}")).collect();
        lines.push(format!("  repairs: {}; failed passes: {}", repairs.join(", "), family["failures"]));
    }
    if !status["bfd"].is_null() {
        lines.push("BFD:".to_owned());
        for session in list(&status["bfd"]["Sessions"]) {
            let (local, remote) = (word(&session["Pair"]["Local"]), word(&session["Pair"]["Remote"]));
            lines.push(format!("  {local} {remote} {}", word(&session["State"])));
        }
    }
    lines.join("\n") + "\n"
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

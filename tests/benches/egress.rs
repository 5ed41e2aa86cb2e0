//! How long a flow is without answer when its egress gateway fails: one of two gateways, 24 flows of 10 ms probes in each
//! family, BFD at 100 ms × 3, on one chassis of a stock OVN with the userspace datapath (`docs/egress-bfd.md`).
//!
//! For each kind of failure and each form of rows: the longest gap of the flows that were on the gateway, of the others
//! (what the machine itself does to probes), and how long after it came back the gateway was used again; median and
//! longest of all runs. Gateways take turns.
//!
//! Needs root and what `tests/setup.sh` installs, and the binaries `egress` and `sidecar` beside this one, or `EGRESS_BIN` and
//! `SIDECAR_BIN`. Arguments: the number of runs (20), and forms (`hand`, `default`, `static`, `policy`; all).

#![allow(missing_docs, reason = "a benchmark is a program")]

use std::process::ExitCode;
use std::time::Duration;

use tests::egress::traffic::gateway::Failure;
use tests::egress::traffic::lab::Lab;
use tests::egress::traffic::site::Form;
use tests::fault::{During, Result};

const FORMS: [(&str, Option<Form>); 4] = [
    ("hand", None),
    ("default", Some(Form::Default)),
    ("static", Some(Form::Static)),
    ("policy", Some(Form::Policy)),
];

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let runs = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(20);
    let chosen = |name: &str| arguments.iter().any(|argument| argument == name);
    let all = !FORMS.iter().any(|(name, _)| chosen(name));
    println!("load: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    println!(
        "| Rows | Failure | | Gap: median | longest | Others: median | longest | Used again: median | longest |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for (name, form) in FORMS {
        if (all || chosen(name))
            && let Err(fault) = measure(name, form, runs).during(name)
        {
            eprintln!("{fault}");
            return ExitCode::FAILURE;
        }
    }
    println!("load: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    ExitCode::SUCCESS
}

fn measure(name: &str, form: Option<Form>, runs: usize) -> Result<()> {
    let mut lab = match form {
        None => Lab::by_hand()?,
        Some(form) => Lab::with_egress(form)?,
    };
    lab.spreads()?;
    for failure in [Failure::Link, Failure::Responder, Failure::Stopped] {
        let mut gaps: [Figures; 2] = Default::default();
        let mut others: [Figures; 2] = Default::default();
        let mut again = Figures::default();
        for run in 0..runs {
            let (outcomes, back) = lab.fail_over(run % 2, failure).map_err(|fault| lab.told(&fault))?;
            for (family, outcome) in outcomes.iter().enumerate() {
                gaps[family].0.push(outcome.gap);
                others[family].0.push(outcome.others);
            }
            again.0.push(back);
        }
        for (family, title) in ["IPv4", "IPv6"].iter().enumerate() {
            let (gaps, others) = (gaps[family].shown(), others[family].shown());
            println!("| {name} | {failure:?} | {title} | {gaps} | {others} | {} |", again.shown());
        }
    }
    Ok(())
}

/// One figure of each run.
#[derive(Debug, Default)]
struct Figures(Vec<Duration>);

impl Figures {
    fn shown(&self) -> String {
        let mut all = self.0.clone();
        all.sort_unstable();
        let shown =
            |one: Option<&Duration>| one.map_or("–".to_owned(), |one| format!("{} ms", one.as_millis()));
        format!("{} | {}", shown(all.get(all.len() / 2)), shown(all.last()))
    }
}

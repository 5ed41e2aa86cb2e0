//! `speaker check`: what flags, configuration file and manifests would do, without doing any of it.

mod effective;

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::api::table::Table;
use crate::cli::{CheckArgs, Output, RunFlags};
use crate::config::{Config, Environment};
use crate::plan::{Plan, Settings};
use crate::source::manifests;
use crate::view::Change;

/// Stands in for `--cluster-as`.
const SOME_AS: u32 = 65000;

/// What was found out.
#[derive(Debug, Default)]
struct Findings {
    /// Stand-ins for what was not given, and what is hardly meant.
    warnings: Vec<String>,
    problems: Vec<String>,
    config: Option<Config>,
    plan: Option<Plan>,
}

/// Prints the effective configuration and the plan; returns whether all of it may be run.
///
/// # Errors
/// The output cannot be written.
pub fn check(args: &CheckArgs, environment: &Environment, out: &mut impl Write) -> io::Result<bool> {
    let mut flags = args.run.clone();
    let mut findings = Findings::default();
    let configured = flags.config.is_some() || flags.names_neighbors();
    if let Some(dir) = &flags.manifests {
        findings.read_manifests(dir, settings(&flags, environment));
    }
    if configured || flags.manifests.is_none() {
        let stand_ins = stand_in(&mut flags, environment);
        match Config::resolve(&flags, environment) {
            Ok(config) => {
                findings.warnings.extend(stand_ins.into_iter().chain(config.warnings.iter().cloned()));
                findings.config = Some(config);
            }
            Err(problems) => findings.problems.extend(problems.to_string().lines().map(str::to_owned)),
        }
    }
    match args.output {
        Output::Json => writeln!(out, "{:#}", findings.json())?,
        Output::Table => findings.print(out)?,
    }
    Ok(findings.problems.is_empty())
}

/// What only a running speaker must know is replaced, so that a file can be checked anywhere.
fn stand_in(flags: &mut RunFlags, environment: &Environment) -> Vec<String> {
    let mut told = Vec::new();
    let mut say = |flag: &str, value: &str| told.push(format!("{flag}: is not given, {value} is assumed"));
    if flags.cluster_as == 0 {
        flags.cluster_as = SOME_AS;
        say("--cluster-as", &SOME_AS.to_string());
    }
    if flags.node_name.is_empty() && !flags.nat_gw_mode {
        "node".clone_into(&mut flags.node_name);
        say("--node-name", "node");
    }
    if flags.router_id.is_none() && environment.pod_ips.is_none() && environment.pod_ip.is_none() {
        flags.router_id = crate::cli::go::address("192.0.2.1").ok();
        say("--router-id", "192.0.2.1");
    }
    told
}

fn settings(flags: &RunFlags, environment: &Environment) -> Settings {
    match flags.nat_gw_mode {
        true => Settings::NatGateway { name: environment.gateway_name.as_deref().map(Into::into) },
        false => Settings::Node {
            name: flags.node_name.to_lowercase().into(),
            announce_cluster_ip: flags.announce_cluster_ip,
            local_only: flags.local_only,
        },
    }
}

impl Findings {
    fn read_manifests(&mut self, dir: &std::path::Path, settings: Settings) {
        let (objects, problems) = manifests::load(dir);
        for problem in problems {
            let list = if problem.is_error() { &mut self.problems } else { &mut self.warnings };
            list.push(format!("--manifests: {problem}"));
        }
        let mut plan = Plan::new(settings);
        let outcome = plan.apply_batch(objects.into_iter().map(Change::Put));
        self.warnings.extend(outcome.notices.iter().map(|notice| format!("{}: {notice}", notice.key())));
        self.plan = Some(plan);
    }

    fn json(&self) -> Value {
        json!({
            "problems": self.problems,
            "warnings": self.warnings,
            "configuration": self.config.as_ref().map(effective::configuration),
            "plan": self.plan.as_ref().map(|plan| json!({
                "prefixes": prefixes(plan).into_iter()
                    .map(|(prefix, reasons)| json!({ "prefix": prefix, "reasons": reasons }))
                    .collect::<Vec<_>>(),
                "refusals": refusals(plan).into_iter()
                    .map(|(object, name, reason)| json!({ "object": object, "name": name, "reason": reason }))
                    .collect::<Vec<_>>(),
            })),
        })
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        if let Some(config) = &self.config {
            effective::print(config, out)?;
        }
        if let Some(plan) = &self.plan {
            writeln!(out, "Plan")?;
            let mut table = Table::new(["  Prefix", "Wanted by"]);
            for (prefix, reasons) in prefixes(plan) {
                table.row([format!("  {prefix}"), reasons.join(", ")]);
            }
            table.print(out)?;
            let mut table = Table::new(["  Not announced", "Name", "Reason"]);
            for (object, name, reason) in refusals(plan) {
                table.row([format!("  {object}"), name.to_owned(), reason]);
            }
            table.print(out)?;
        }
        self.warnings.iter().try_for_each(|line| writeln!(out, "warning: {line}"))?;
        self.problems.iter().try_for_each(|line| writeln!(out, "problem: {line}"))
    }
}

fn prefixes(plan: &Plan) -> Vec<(String, Vec<String>)> {
    let mut all: Vec<_> = plan.prefixes().collect();
    all.sort_unstable();
    let reasons = |prefix: &ipnet::IpNet| {
        let mut reasons: Vec<String> = plan.reasons(prefix).map(|key| key.to_string()).collect();
        reasons.sort_unstable();
        reasons
    };
    all.iter().map(|prefix| (prefix.to_string(), reasons(prefix))).collect()
}

fn refusals(plan: &Plan) -> Vec<(String, &'static str, String)> {
    let all = plan.refusals();
    let mut all: Vec<_> =
        all.map(|(key, refusal)| (key.to_string(), refusal.name(), refusal.to_string())).collect();
    all.sort_unstable();
    all
}

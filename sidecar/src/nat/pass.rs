//! One look at a family, and what follows from it.

use std::fmt;

use super::flavour::Flavour;
use super::iptables::{self, Fault};
use super::kernel::{Kernel, Trouble};
use super::routing::{self, Ways};
use super::rules::{self, MASQUERADE};
use super::settings::Wanted;
use super::sysctl::{self, Drift};

/// What a pass may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// Change nothing, only tell.
    pub dry: bool,
    /// Set sysctls.
    pub sysctls: bool,
}

/// What something belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The route of our table.
    Route,
    /// Policy rules.
    Rule,
    /// The nat table.
    Iptables,
    /// Sysctls.
    Sysctl,
}

impl Part {
    /// Those that the loop repairs.
    pub const KEPT: [Self; 3] = [Self::Route, Self::Rule, Self::Iptables];

    /// As metrics and JSON have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Route => "route",
            Self::Rule => "rule",
            Self::Iptables => "iptables",
            Self::Sysctl => "sysctl",
        }
    }
}

/// Something that was changed, or with [`Mode::dry`] would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What it belongs to.
    pub part: Part,
    /// A command that does it.
    pub command: String,
    /// What the command is to read.
    pub input: Option<String>,
}

impl Done {
    /// On one line.
    #[must_use]
    pub fn summary(&self) -> String {
        match &self.input {
            Some(input) => format!("{} <<< {}", self.command, input.trim_end().replace('\n', "; ")),
            None => self.command.clone(),
        }
    }
}

impl fmt::Display for Done {
    /// As a shell takes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.input {
            Some(input) => write!(f, "{} <<END\n{input}END", self.command),
            None => f.write_str(&self.command),
        }
    }
}

/// What a pass found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The interfaces.
    pub ways: Ways,
    /// Which iptables.
    pub flavour: Flavour,
    /// What was changed.
    pub done: Vec<Done>,
    /// Sysctls that are not as they are to be, and were not set.
    pub drift: Vec<Drift>,
}

/// Why a pass did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The kernel's routes, rules or links.
    #[error(transparent)]
    Kernel(#[from] Trouble),
    /// iptables.
    #[error(transparent)]
    Iptables(#[from] Fault),
    /// A sysctl.
    #[error("{0}")]
    Sysctl(String),
}

/// Looks, and changes what is not as wanted. `flavour`: the one to be used, or else the one that was chosen.
///
/// Rules come before forwarding, so that nothing leaves with an address it should not have.
///
/// # Errors
/// [`Failure`]; what was done before it stays.
pub async fn run(
    kernel: &Kernel,
    wanted: &Wanted,
    flavour: Option<Flavour>,
    mode: Mode,
) -> Result<Pass, Failure> {
    let family = wanted.family;
    let ways = kernel.ways(wanted).await?;
    let mut done = Vec::new();
    for change in routing::changes(wanted, &ways, &kernel.routing(family).await?) {
        if !mode.dry {
            kernel.change(family, &change).await?;
        }
        let part = if change.is_rule() { Part::Rule } else { Part::Route };
        done.push(Done { part, command: change.command(family, Some(&ways.internal)), input: None });
    }
    let (flavour, changed) = nat(wanted, &ways, flavour, mode).await?;
    done.extend(changed);
    let mut drift = sysctl::drift(sysctl::wanted(family, &ways));
    if mode.sysctls {
        for Drift { wanted, .. } in std::mem::take(&mut drift) {
            if !mode.dry {
                sysctl::write(&wanted).map_err(Failure::Sysctl)?;
            }
            done.push(Done { part: Part::Sysctl, command: format!("sysctl -w {wanted}"), input: None });
        }
    }
    Ok(Pass { ways, flavour, done, drift })
}

async fn nat(
    wanted: &Wanted,
    ways: &Ways,
    flavour: Option<Flavour>,
    mode: Mode,
) -> Result<(Flavour, Option<Done>), Failure> {
    let family = wanted.family;
    let (chosen, saved) = match flavour {
        Some(flavour) => (flavour, iptables::save(family, flavour).await?),
        None => iptables::choose(family).await?,
    };
    let Some(script) = rules::restore(&saved, wanted, &ways.internal.name, &ways.external.name) else {
        return Ok((chosen, None));
    };
    let told = |flavour| {
        let command = format!("{} --noflush", iptables::program(family, flavour, "restore"));
        Done { part: Part::Iptables, command, input: Some(script.clone()) }
    };
    if mode.dry {
        return Ok((chosen, Some(told(chosen))));
    }
    match iptables::restore(family, chosen, &script).await {
        Ok(()) => Ok((chosen, Some(told(chosen)))),
        // A kernel may know nf_tables and yet not what these rules need of it.
        Err(refused) if flavour.is_none() && chosen == Flavour::Nft && !saved.contains(MASQUERADE) => {
            let second = iptables::restore(family, Flavour::Legacy, &script).await;
            second.map_err(|fault| Fault::None(Box::new(refused), Box::new(fault)))?;
            Ok((Flavour::Legacy, Some(told(Flavour::Legacy))))
        }
        Err(refused) => Err(refused.into()),
    }
}

//! An explanation as text.

use std::fmt;

use super::{Explanation, Outcome, State};

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Followed => "followed",
            Self::Refused => "refused, its rows stay as they are",
            Self::Withdrawn => "withdrawn",
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::There => "there",
            Self::Missing => "missing",
            Self::Surplus => "surplus",
            Self::Kept => "kept",
        })
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.object, self.outcome)?;
        for decision in &self.decisions {
            writeln!(f, "  {}: {}", decision.about, decision.text)?;
        }
        if !self.members.is_empty() {
            writeln!(f, "members")?;
        }
        for pod in &self.members {
            let used = if pod.used { "used" } else { "out" };
            let node = if pod.node.is_empty() { "no node" } else { &pod.node };
            writeln!(f, "  {used:4}  {} on {node}: {}", pod.name, pod.reason)?;
        }
        if !self.conditions.is_empty() {
            writeln!(f, "conditions")?;
        }
        for one in &self.conditions {
            let stop = if one.message.is_empty() { "" } else { ": " };
            writeln!(f, "  {} {} {}{stop}{}", one.kind, one.status, one.reason, one.message)?;
        }
        writeln!(f, "rows{}", if self.rows.is_empty() { ": none" } else { "" })?;
        self.rows.iter().try_for_each(|line| writeln!(f, "  {:7}  {}", line.state, line.row))
    }
}

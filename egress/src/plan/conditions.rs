//! Conditions: what is said, in the order it was first said, and what of it is news.

use kubeovn::StatusCondition;

use super::Notice;

/// A condition to have.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    /// Its type.
    pub kind: &'static str,
    /// `True` or `False`.
    pub holds: bool,
    /// A word for programs.
    pub reason: &'static str,
    /// A sentence for people; may be empty.
    pub message: String,
    /// What it says is what is to be expected: said only where the opposite was said before.
    pub quiet: bool,
    /// The Event when it is news is a warning.
    pub warning: bool,
}

impl Verdict {
    /// Something is as it should be.
    pub(super) fn good(kind: &'static str, holds: bool, reason: &'static str) -> Self {
        Self { kind, holds, reason, message: String::new(), quiet: true, warning: false }
    }

    /// Something is not.
    pub(super) fn bad(kind: &'static str, holds: bool, reason: &'static str, message: String) -> Self {
        Self { kind, holds, reason, message, quiet: false, warning: true }
    }
}

/// The conditions to have, out of those there are, and what is news. `init`: the first condition ever is `Init`, as released.
pub(super) fn merge(
    old: &[StatusCondition],
    verdicts: &[Verdict],
    generation: Option<i64>,
    init: bool,
) -> (Vec<StatusCondition>, Vec<Notice>) {
    let mut all = old.to_vec();
    let mut notices = Vec::new();
    if all.is_empty() && init {
        all.push(StatusCondition {
            kind: "Init".to_owned(),
            status: "Unknown".to_owned(),
            reason: Some("Processing".to_owned()),
            observed_generation: generation,
            ..StatusCondition::default()
        });
    }
    for verdict in verdicts {
        let place = all.iter().position(|one| one.kind == verdict.kind);
        if verdict.quiet && place.is_none() {
            continue;
        }
        let new = condition(verdict, generation);
        let before = place.and_then(|at| all.get(at));
        let same = before.is_some_and(|one| (&one.status, &one.reason) == (&new.status, &new.reason));
        if !same {
            let Verdict { warning, reason, message, .. } = verdict;
            let message =
                if message.is_empty() { format!("{} is {}", new.kind, new.status) } else { message.clone() };
            notices.push(Notice { warning: *warning, reason, message });
        }
        match place.and_then(|at| all.get_mut(at)) {
            Some(slot) => *slot = new,
            None => all.push(new),
        }
    }
    (all, notices)
}

fn condition(verdict: &Verdict, generation: Option<i64>) -> StatusCondition {
    StatusCondition {
        kind: verdict.kind.to_owned(),
        status: if verdict.holds { "True" } else { "False" }.to_owned(),
        reason: Some(verdict.reason.to_owned()),
        message: Some(verdict.message.clone()).filter(|text| !text.is_empty()),
        observed_generation: generation,
        ..StatusCondition::default()
    }
}

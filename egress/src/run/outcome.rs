//! What an object's status says of troubles: the plan says how things should be, and only a pass knows what became of it.

use kubeovn::{StatusCondition, Vpc, VpcEgressGateway};

use super::trouble::Trouble;
use crate::plan::{GatewayPlan, Notice, VpcPlan};

/// What the condition of an object has to say instead of what was planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    /// A word for programs.
    pub(super) reason: &'static str,
    /// What is wrong.
    pub(super) message: String,
    /// It may be over with the next pass, at once: a condition that holds is left alone.
    passing: bool,
}

impl Cause {
    /// What is to be said of these troubles, where so many passes in a row failed before. `None`: nothing.
    pub(super) fn of(troubles: &[Trouble], failed: u32) -> Option<Self> {
        let told = |trouble: &Trouble, reason| Self { reason, message: trouble.to_string(), passing: false };
        if let Some(cause) = troubles.iter().find_map(|one| Some(told(one, one.condition(failed)?))) {
            return Some(cause);
        }
        let trouble = troubles.first()?;
        Some(Self { passing: trouble.is_stale() && failed == 0, ..told(trouble, "Processing") })
    }

    /// Whether it is more than that things take their time.
    pub(super) fn is_failure(&self) -> bool {
        self.reason != "Processing"
    }

    fn notices(&self) -> Vec<Notice> {
        let notice = Notice { warning: true, reason: self.reason, message: self.message.clone() };
        Some(notice).filter(|_| self.is_failure()).into_iter().collect()
    }

    /// Puts it in the condition of type `kind`, of which `there` is what was told before. Whether that was needed: of two
    /// reasons why a condition does not hold, the planned one stays unless this one is a failure.
    pub(super) fn put(
        &self,
        kind: &str,
        wanted: &mut [StatusCondition],
        there: &[StatusCondition],
        generation: Option<i64>,
    ) -> bool {
        let Some(place) = wanted.iter_mut().find(|one| one.kind == kind) else { return false };
        if place.status != "True" && !self.is_failure() {
            return false;
        }
        let old = there.iter().find(|one| one.kind == kind && one.status == "True");
        if let (true, Some(old)) = (self.passing, old) {
            *place = old.clone();
            return false;
        }
        *place = StatusCondition {
            kind: kind.to_owned(),
            status: "False".to_owned(),
            reason: Some(self.reason.to_owned()),
            message: Some(self.message.clone()),
            observed_generation: generation,
            ..StatusCondition::default()
        };
        true
    }
}

/// What is told of a gateway of which not everything could be done.
pub(super) fn failing(plan: &mut GatewayPlan, object: &VpcEgressGateway, cause: &Cause) {
    let there = object.status.as_ref();
    let told = there.and_then(|there| there.conditions.as_deref()).unwrap_or_default();
    let wanted = plan.status.conditions.get_or_insert_default();
    if cause.put("Ready", wanted, told, object.metadata.generation) {
        plan.status.ready = false;
        "Processing".clone_into(&mut plan.status.phase);
        plan.notices = cause.notices();
    }
}

/// What is told of a VPC whose BFD ports could not be written.
pub(super) fn failing_vpc(plan: &mut VpcPlan, object: &Vpc, cause: &Cause) {
    let there = object.status.as_ref();
    let told = there.and_then(|there| there.conditions.as_deref()).unwrap_or_default();
    let wanted = plan.status.conditions.get_or_insert_default();
    if cause.put("BfdPortReady", wanted, told, object.metadata.generation) {
        plan.status.bfd_port = there.and_then(|there| there.bfd_port.clone());
        plan.notices = cause.notices();
    }
    if wanted.is_empty() {
        plan.status.conditions = None;
    }
}

#[cfg(test)]
mod tests {
    use ovn::net::TransactError;

    use super::super::trouble::PATIENCE;
    use super::*;

    fn ready(status: &str, reason: &str) -> Vec<StatusCondition> {
        let text = |text: &str| Some(text.to_owned());
        let (kind, status, reason) = ("Ready".to_owned(), status.to_owned(), text(reason));
        vec![StatusCondition { kind, status, reason, ..StatusCondition::default() }]
    }

    fn refused(error: &str) -> Trouble {
        TransactError::Refused { error: error.to_owned(), details: String::new() }.into()
    }

    /// What becomes of a Ready that was planned, where this trouble came after so many failures and this was there.
    fn after(trouble: Trouble, failed: u32, planned: &str, there: &str) -> (String, String) {
        let mut wanted = ready(planned, "Planned");
        if let Some(cause) = Cause::of(&[trouble], failed) {
            cause.put("Ready", &mut wanted, &ready(there, "There"), Some(1));
        }
        (wanted[0].status.clone(), wanted[0].reason.clone().unwrap_or_default())
    }

    fn is(status: &str, reason: &str) -> (String, String) {
        (status.to_owned(), reason.to_owned())
    }

    #[test]
    fn nobody_is_ready_whose_rows_are_not_written() {
        let lost = || Trouble::Transaction(TransactError::NotConnected);
        assert_eq!(after(lost(), 0, "True", "True"), is("False", "Processing"));
        assert_eq!(after(lost(), 1, "True", "False"), is("False", "Processing"));
        assert_eq!(after(lost(), PATIENCE, "True", "False"), is("False", "ReconcileOVNRoutesFailed"));
        assert_eq!(after(Trouble::Silence, 0, "True", "True"), is("False", "Processing"));
        assert_eq!(after(lost(), 0, "False", "True"), is("False", "Planned"), "it has its own reason");
        let held = || Trouble::Api { what: "finalizer", why: "no".to_owned(), lasting: false };
        assert_eq!(after(held(), 0, "True", "True"), is("False", "Processing"));
        assert_eq!(after(held(), PATIENCE, "True", "True"), is("False", "ReconcileWorkloadFailed"));
    }

    #[test]
    fn one_that_was_faster_is_no_news_at_first_and_one_without_end() {
        for error in ["timed out", "constraint violation", "referential integrity violation"] {
            assert_eq!(after(refused(error), 0, "True", "True"), is("True", "There"), "{error}");
            assert_eq!(after(refused(error), 0, "True", "False"), is("False", "Processing"), "{error}");
            assert_eq!(after(refused(error), 1, "True", "True"), is("False", "Processing"), "{error}");
            let told = is("False", "ReconcileOVNRoutesFailed");
            assert_eq!(after(refused(error), PATIENCE, "True", "True"), told, "{error}");
        }
        assert_eq!(
            after(refused("no such column"), 0, "True", "True"),
            is("False", "ReconcileOVNRoutesFailed")
        );
    }
}

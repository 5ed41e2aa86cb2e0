//! What Prometheus gets of the NAT, made of the [`Report`] at the moment of a scrape.

use super::pass::Part;
use super::report::Report;
use crate::metrics::{Page, whole};

/// Prefix of every name.
const PREFIX: &str = "sidecar_nat_";

/// The whole page, in the text format 0.0.4.
///
/// # Errors
/// The encoder's.
pub fn text(report: &Report) -> prometheus::Result<String> {
    let page = Page::new(PREFIX);
    let as_wanted = page.gauges("as_wanted", "1: routes, rules and sysctls are as wanted.", &["family"])?;
    let drift = page.gauges("sysctl_drift", "Sysctls that are not as they must be.", &["family"])?;
    let repairs = page.counters(
        "repairs_total",
        "Changes made to what was as wanted once and no longer was, by what it belongs to.",
        &["family", "part"],
    )?;
    let failures = page.counters("failures_total", "Passes that failed.", &["family"])?;
    for known in &report.families {
        let family = known.wanted.family.to_string();
        as_wanted.with_label_values(&[&family]).set(f64::from(u8::from(known.is_as_wanted())));
        drift.with_label_values(&[&family]).set(known.drift.len() as f64);
        failures.with_label_values(&[&family]).inc_by(whole(known.failures));
        for part in Part::KEPT {
            let count = known.repairs.get(&part).copied().unwrap_or_default();
            repairs.with_label_values(&[family.as_str(), part.name()]).inc_by(whole(count));
        }
    }
    page.counter("passes_total", "Looks at what there is.", whole(report.passes))?;
    page.gauge("since_pass_seconds", "Since the last look.", report.last.elapsed().as_secs_f64())?;
    page.text()
}

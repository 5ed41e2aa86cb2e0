//! What is told of the passes: log lines, and the answers to `live` and `status`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tracing::{info, warn};

use super::flavour::Flavour;
use super::pass::{Failure, Part, Pass};
use super::rules;
use super::settings::{Settings, Wanted};

/// A loop whose last pass is older than this hangs: one takes a few milliseconds, or a few seconds where programs hang.
const LIVE: Duration = Duration::from_secs(60);

/// What is known of a family.
#[derive(Clone, Debug)]
pub struct Known {
    /// What it is to have.
    pub wanted: Wanted,
    /// Internal and external interface, when they were last known.
    pub links: Option<[String; 2]>,
    /// Which iptables.
    pub flavour: Option<Flavour>,
    /// Why the last pass failed.
    pub trouble: Option<String>,
    /// Sysctls that are not as wanted.
    pub drift: Vec<String>,
    /// Things that were as wanted once, were not, and were made so again.
    pub repairs: BTreeMap<Part, u64>,
    /// Passes that failed.
    pub failures: u64,
    /// It was as wanted once.
    programmed: bool,
}

impl Known {
    /// Rules are as wanted, and sysctls.
    #[must_use]
    pub fn is_as_wanted(&self) -> bool {
        self.programmed && self.trouble.is_none() && self.drift.is_empty()
    }
}

/// What is known of all.
#[derive(Clone, Debug)]
pub struct Report {
    /// Of each family that is programmed.
    pub families: Vec<Known>,
    /// Passes so far.
    pub passes: u64,
    /// The end of the last one.
    pub last: Instant,
}

impl Report {
    /// Before the first pass.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let known = |wanted: &Wanted| Known {
            wanted: wanted.clone(),
            links: None,
            flavour: None,
            trouble: None,
            drift: Vec::new(),
            repairs: Part::KEPT.into_iter().map(|part| (part, 0)).collect(),
            failures: 0,
            programmed: false,
        };
        Self { families: settings.families.iter().map(known).collect(), passes: 0, last: Instant::now() }
    }

    /// Passes come to their end.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.last.elapsed() < LIVE
    }

    /// Every family is as wanted.
    #[must_use]
    pub fn is_as_wanted(&self) -> bool {
        self.is_live() && self.families.iter().all(Known::is_as_wanted)
    }

    /// Why not everything is as wanted.
    #[must_use]
    pub fn reasons(&self) -> String {
        let mut reasons = Vec::new();
        if !self.is_live() {
            reasons.push("the last look is too long ago".to_owned());
        }
        for known in &self.families {
            let family = known.wanted.family;
            if !known.programmed && known.trouble.is_none() {
                reasons.push(format!("{family}: not looked at yet"));
            }
            reasons.extend(known.trouble.iter().chain(&known.drift).map(|text| format!("{family}: {text}")));
        }
        reasons.join("; ")
    }

    /// All of it.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "live": self.is_live(),
            "asWanted": self.is_as_wanted(),
            "passes": self.passes,
            "secondsSincePass": self.last.elapsed().as_secs(),
            "families": self.families.iter().map(family).collect::<Vec<_>>(),
        })
    }
}

fn family(known: &Known) -> Value {
    let [internal, external] = match &known.links {
        Some([internal, external]) => [Some(internal), Some(external)],
        None => [None, None],
    };
    let rules = match &known.links {
        Some([internal, external]) => rules::lines(&known.wanted, internal, external),
        None => Vec::new(),
    };
    let repairs: serde_json::Map<String, Value> =
        known.repairs.iter().map(|(part, count)| (part.name().to_owned(), (*count).into())).collect();
    json!({
        "family": known.wanted.family.to_string(),
        "asWanted": known.is_as_wanted(),
        "internal": { "gateway": known.wanted.internal, "interface": internal },
        "external": { "gateway": known.wanted.external, "interface": external },
        "iptables": known.flavour.map(Flavour::name),
        "rules": rules,
        "trouble": known.trouble,
        "sysctlDrift": known.drift,
        "repairs": repairs,
        "failures": known.failures,
    })
}

/// The report, as the passes write it and others read it.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<Report>>);

impl Shared {
    /// With this report.
    #[must_use]
    pub fn new(report: Report) -> Self {
        Self(Arc::new(Mutex::new(report)))
    }

    /// Looks at it.
    pub fn lock(&self) -> MutexGuard<'_, Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The passes of all families are done.
    pub fn passed(&self) {
        let mut report = self.lock();
        report.passes += 1;
        report.last = Instant::now();
    }

    /// Takes in how the pass of a family went, and logs what is new about it.
    pub fn note(&self, index: usize, found: Result<Pass, Failure>) {
        let mut report = self.lock();
        let Some(known) = report.families.get_mut(index) else { return };
        let family = known.wanted.family;
        match found {
            Ok(pass) => settle(known, pass),
            Err(failure) => {
                let trouble = failure.to_string();
                known.failures += 1;
                if known.trouble.as_ref() != Some(&trouble) {
                    warn!(%family, trouble, "rules cannot be kept");
                }
                known.trouble = Some(trouble);
            }
        }
    }

    /// What a probe or `sidecar status` is told.
    #[must_use]
    pub fn answer(&self, word: &str) -> Value {
        let report = self.lock();
        let mut answer = json!({ "status": report.json() });
        let error = match word {
            "live" if !report.is_live() => Some("the last look at the rules is too long ago".to_owned()),
            "ready" if !report.is_as_wanted() => Some(format!("not as wanted: {}", report.reasons())),
            "live" | "ready" | "status" => None,
            other => Some(format!("unknown request {other:?}")),
        };
        if let (Some(error), Some(object)) = (error, answer.as_object_mut()) {
            object.insert("error".to_owned(), error.into());
        }
        answer
    }
}

fn settle(known: &mut Known, pass: Pass) {
    let family = known.wanted.family;
    if known.trouble.take().is_some() {
        info!(%family, "rules can be kept again");
    }
    for done in &pass.done {
        let (part, command) = (done.part.name(), done.summary());
        if known.programmed {
            warn!(%family, part, command, "repaired");
            *known.repairs.entry(done.part).or_default() += 1;
        } else {
            info!(%family, part, command, "set");
        }
    }
    let drift: Vec<String> = pass.drift.iter().map(ToString::to_string).collect();
    if drift != known.drift {
        drift.iter().for_each(|drift| warn!(%family, drift, "a sysctl is not as it must be"));
        if drift.is_empty() {
            info!(%family, "sysctls are as they must be");
        }
    }
    let links = [pass.ways.internal.name, pass.ways.external.name];
    if !known.programmed {
        let [internal, external] = &links;
        info!(%family, internal, external, iptables = pass.flavour.name(), "as wanted");
    }
    known.links = Some(links);
    known.flavour = Some(pass.flavour);
    known.drift = drift;
    known.programmed = true;
}

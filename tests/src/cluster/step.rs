//! One thing done to a running site, and everything that was seen of it: what each router held, what probes were lost,
//! what the speakers sent.

use super::probe::Loss;
use super::timeline::{Recording, Timeline};
use super::{CLUSTER, LOCAL, Site};
use crate::capture::{Message, NOTIFICATION, Verdict, now};
use crate::fault::{During, Fault, Result, ensure};
use crate::scenario::lab::addresses;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// How long is looked at before the action and after its end.
const AROUND: Duration = Duration::from_millis(700);

/// What was seen of one action.
#[derive(Clone, Debug)]
pub struct Step {
    /// What was done.
    pub name: String,
    /// From the action to what it was to lead to.
    pub took: Duration,
    /// By address.
    pub loss: BTreeMap<IpAddr, Loss>,
    /// What the routers held.
    pub timeline: Timeline,
    /// From when to when, since the Unix epoch.
    pub span: (Duration, Duration),
    /// When the process that n1 has at the end wrote its first line, where a step starts one anew.
    pub started: Option<Duration>,
}

impl Site {
    /// Does something, and watches: `act` returns once what it is to lead to is there.
    ///
    /// # Errors
    /// The fault of `act`, or of those who watch.
    pub fn step(&self, name: &str, act: impl FnOnce() -> Result<()>) -> Result<Step> {
        let recording = Recording::start(&self.topology);
        let probing = self.client.probe()?;
        std::thread::sleep(AROUND);
        let zero = now();
        let outcome = act();
        let took = now().saturating_sub(zero);
        std::thread::sleep(AROUND);
        let end = now();
        let (timeline, loss) = (recording.finish(zero)?, probing.finish()?);
        let step = Step { name: name.to_owned(), took, loss, timeline, span: (zero, end), started: None };
        println!("{step}");
        outcome.during(name)?;
        Ok(step)
    }

    /// Ends the captures: every message of the speakers must be sound. What each step's messages were is printed.
    ///
    /// # Errors
    /// When one is not, or the captures have holes.
    pub fn judge(&mut self, steps: &[Step]) -> Result<[Verdict; 2]> {
        let [first, second] = self.captures.take().ok_or_else(|| Fault::new("judged before"))?;
        let verdicts = [first.finish()?, second.finish()?];
        for (segment, verdict) in (1..).zip(&verdicts) {
            verdict.check(&[addresses(segment, 1), addresses(segment, 2)].concat(), steps.len())?;
        }
        for step in steps {
            let (withdrawn, ended) = (step.withdrawn(&verdicts), step.ended(&verdicts));
            println!("- {}: {withdrawn} prefixes withdrawn, {ended} NOTIFICATIONs", step.name);
            if let Some((kubernetes, speaker)) = step.gap(&verdicts) {
                let [kubernetes, speaker] = [kubernetes, speaker].map(|part| part.as_millis());
                println!(
                    "  n1: {kubernetes} ms until the next process, {speaker} ms from there to its first route"
                );
            }
        }
        Ok(verdicts)
    }
}

impl Step {
    /// Fails if a probe to these addresses was lost.
    ///
    /// # Errors
    /// How many.
    pub fn nothing_lost(&self, addresses: [&str; 2]) -> Result<()> {
        self.lost_at_most(addresses, Duration::ZERO)
    }

    /// Fails if an outage of these addresses was longer.
    ///
    /// # Errors
    /// How long it was.
    pub fn lost_at_most(&self, addresses: [&str; 2], limit: Duration) -> Result<()> {
        for address in addresses {
            let loss = self.loss.get(&address.parse::<IpAddr>()?);
            let loss = loss.ok_or_else(|| Fault::new(format!("{address} was not probed")))?;
            ensure(loss.sent > 0 && loss.longest <= limit, || {
                format!("{}: {address}: {loss}, more than {limit:?}\n{}", self.name, self.timeline)
            })?;
        }
        Ok(())
    }

    /// How many prefixes the speakers withdrew by messages, counted at both routers.
    #[must_use]
    pub fn withdrawn(&self, verdicts: &[Verdict; 2]) -> usize {
        self.messages(verdicts).map(|message| message.withdrawn.len()).sum()
    }

    /// How many sessions the speakers ended by a message, counted at both routers.
    #[must_use]
    pub fn ended(&self, verdicts: &[Verdict; 2]) -> usize {
        self.messages(verdicts).filter(|message| message.kind == NOTIFICATION).count()
    }

    /// How a gap in what n1 announces is made up: from its last word to the next process, which is Kubernetes' part, and
    /// from there to that process' first route, which is the speaker's. Without a last word it counts from the action.
    #[must_use]
    pub fn gap(&self, verdicts: &[Verdict; 2]) -> Option<(Duration, Duration)> {
        let started = self.started?;
        let own = [addresses(1, 1), addresses(2, 1)].concat();
        let from_n1 = || self.messages(verdicts).filter(|message| own.contains(&message.from));
        let ended = from_n1().filter(|message| message.kind == NOTIFICATION).map(|message| message.at);
        let routes = from_n1().filter(|message| message.at > started && !message.announced.is_empty());
        let first = routes.map(|message| message.at).min()?;
        let ended = ended.max().unwrap_or(self.span.0);
        Some((started.saturating_sub(ended), first.saturating_sub(started)))
    }

    fn messages<'a>(&self, verdicts: &'a [Verdict; 2]) -> impl Iterator<Item = &'a Message> {
        let (begin, end) = self.span;
        let sent = (1..).zip(verdicts).flat_map(|(segment, verdict)| {
            let speakers = [addresses(segment, 1), addresses(segment, 2)].concat();
            verdict.messages.iter().filter(move |message| speakers.contains(&message.from))
        });
        sent.filter(move |message| (begin..end).contains(&message.at))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n#### {}\n\n{:.1} s;", self.name, self.took.as_secs_f64())?;
        for (what, addresses) in [("web", CLUSTER), ("db", LOCAL)] {
            for address in addresses {
                let loss = address.parse::<IpAddr>().ok().and_then(|address| self.loss.get(&address));
                if let Some(loss) = loss {
                    writeln!(f, "{what} at {address}: {loss};")?;
                }
            }
        }
        write!(f, "\n{}", self.timeline)
    }
}

//! Whether it works, and what keeps it from it: one answer for the loop, `/readyz` and metrics.

use std::time::{Duration, Instant};

use ovn::net::Link;

use crate::lease::Leadership;
use crate::network::{Databases, link_text};
use crate::plan::Notice;
use crate::source::{Served, Store};

/// So old may the last answer be, at least, that says whether a kube-ovn-controller is alive.
const BLIND: Duration = Duration::from_secs(15);

/// Looks at the parts. Clones share them.
#[derive(Clone)]
pub struct Readiness {
    store: Store,
    databases: Databases,
    leadership: Leadership,
    served: Served,
}

impl Readiness {
    /// Of these parts.
    #[must_use]
    pub fn new(store: Store, databases: Databases, leadership: Leadership, served: Served) -> Self {
        Self { store, databases, leadership, served }
    }

    /// Who leads.
    #[must_use]
    pub fn leadership(&self) -> &Leadership {
        &self.leadership
    }

    /// The objects.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Whether a kube-ovn-controller serves the same objects.
    #[must_use]
    pub fn is_beside(&self) -> bool {
        self.served.is_kube_ovn() && self.store.read(|cluster| cluster.controller_alive)
    }

    /// Whether a kube-ovn-controller may serve the same objects without our knowing: its Lease was not answered for in the
    /// time in which a leader that cannot renew its own would have ceased to lead. Without an election, as without the
    /// API server, what is known stays in force.
    fn is_blind(&self) -> bool {
        let (Some(patience), true) = (self.leadership.patience(), self.served.is_kube_ovn()) else {
            return false;
        };
        let asked = self.store.controller_asked();
        asked.is_none_or(|asked| asked.elapsed() > patience.max(BLIND))
    }

    /// Whether it could write if it led: who cannot does not stand for election.
    #[must_use]
    pub fn is_fit(&self) -> bool {
        self.missing().is_none() && self.databases.linked().northbound == Link::Synced
    }

    /// What was never seen in full.
    fn missing(&self) -> Option<String> {
        let unlisted: Vec<&str> = self.store.unlisted().into_iter().map(|kind| kind.name()).collect();
        let linked = self.databases.linked();
        let link = |name, link: &Link| link_text(link).map(|why| format!("{name} database: {why}"));
        let lists = (!unlisted.is_empty()).then(|| format!("not listed yet: {}", unlisted.join(", ")));
        let never = self.databases.read_last().is_none();
        let links = [link("northbound", &linked.northbound), link("southbound", &linked.southbound)];
        let links = links.into_iter().flatten().filter(|_| never);
        let all: Vec<String> = lists.into_iter().chain(links).collect();
        (!all.is_empty() || never).then(|| all.join("; "))
    }

    /// Whether something was never seen in full yet.
    #[must_use]
    pub fn is_starting(&self) -> bool {
        self.missing().is_some()
    }

    /// Why nothing is written; `None`: it is at work.
    #[must_use]
    pub fn hindrance(&self) -> Option<String> {
        if let Some(missing) = self.missing() {
            return Some(missing);
        }
        if self.is_beside() {
            return Some(beside().message);
        }
        if self.is_blind() {
            return Some(
                "it is not known whether a kube-ovn-controller is alive: its Lease cannot be had".to_owned(),
            );
        }
        match self.leadership.remaining() {
            Some(_) => None,
            None => Some(match self.leadership.holder() {
                Some(holder) => format!("{holder} leads"),
                None => "nobody leads yet".to_owned(),
            }),
        }
    }

    /// The page `/readyz`. Ready is who knows everything and would write if it led. `Err`: who is not.
    ///
    /// # Errors
    /// The page of one that is not ready.
    pub fn page(&self) -> Result<String, String> {
        if let Some(missing) = self.missing() {
            return Err(format!("not ready: {missing}{}", self.troubles()));
        }
        if self.is_beside() {
            return Err(format!("not ready: {}{}", beside().message, self.troubles()));
        }
        let role = self.hindrance().map_or_else(|| "leading".to_owned(), |why| format!("standing by: {why}"));
        Ok(format!("ok, {role}{}", self.troubles()))
    }

    /// Further lines: what is wrong, and is no reason not to be ready, for what is known stays in force.
    fn troubles(&self) -> String {
        let now = Instant::now();
        let kinds = self.store.troubles().into_iter().map(|(kind, since, why)| {
            let seconds = now.saturating_duration_since(since).as_secs();
            format!("\n{}: no good answer of the API server for {seconds} s: {why}", kind.name())
        });
        let linked = self.databases.linked();
        let links = [("northbound", linked.northbound), ("southbound", linked.southbound)];
        let links = links.into_iter().filter_map(|(name, link)| {
            link_text(&link).map(|why| format!("\n{name} database: {why}; what is known stays in force"))
        });
        kinds.chain(links).collect()
    }
}

/// What is told where a kube-ovn-controller serves the same objects.
#[must_use]
pub fn beside() -> Notice {
    Notice {
        warning: true,
        reason: "KubeOvnControllerAlive",
        message: "a kube-ovn-controller is alive and serves the group kubeovn.io, too: egress does not touch its objects; \
                  stop it, or give egress another --group"
            .to_owned(),
    }
}

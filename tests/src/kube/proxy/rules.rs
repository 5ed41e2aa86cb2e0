//! What is to be spoiled, and what has passed.

use crate::egress::trap::Trap;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::watch;

/// What is done to one page of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Another HTTP status, with a body as the API server's: 500, or 410 for a token that has expired.
    Status(u16),
    /// The connection ends in the middle of the body.
    Cut,
    /// The body ends in the middle, in good order as far as HTTP can tell.
    EndEarly,
}

/// How a running watch ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cut {
    /// In good order, as when the API server's own timeout has passed.
    #[default]
    End,
    /// With the connection, between two events.
    Abort,
    /// With the connection, in the middle of the next event.
    MidLine,
}

/// What can have happened to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seen {
    /// A page of a list was passed on whole.
    Page,
    /// A page of a list was spoiled.
    Broken,
    /// A watch began.
    Watch,
    /// A watch was cut.
    CutWatch,
    /// A watch was answered 410 by the proxy.
    Expired,
    /// A watch was answered 410 by the API server itself.
    Gone,
    /// A client was told 403 by the API server.
    Forbidden,
}

/// Shared by the test and the proxy.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) held: watch::Sender<bool>,
    pub(super) refused: watch::Sender<bool>,
    /// Changes whenever running watches are to end.
    pub(super) cut: watch::Sender<Cut>,
    /// What is done to whoever calls.
    pub(super) trap: OnceLock<Arc<Trap>>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    lists: Vec<ListRule>,
    expired: BTreeMap<String, usize>,
    limit: Option<usize>,
    /// The page that was asked for last, by resource, and the token it was asked for with.
    pages: BTreeMap<String, (usize, Option<String>)>,
    seen: BTreeMap<(String, Seen), usize>,
}

#[derive(Debug)]
struct ListRule {
    resource: String,
    page: usize,
    how: Break,
    times: usize,
}

impl Default for Rules {
    fn default() -> Self {
        let (held, refused, cut) =
            (watch::Sender::new(false), watch::Sender::new(false), watch::Sender::default());
        Self { held, refused, cut, trap: OnceLock::new(), inner: Mutex::default() }
    }
}

impl Rules {
    pub(super) fn break_list(&self, resource: &str, page: usize, how: Break, times: usize) {
        self.lock().lists.push(ListRule { resource: resource.to_owned(), page, how, times });
    }

    pub(super) fn mend_list(&self, resource: &str) {
        self.lock().lists.retain(|rule| rule.resource != resource);
    }

    pub(super) fn limit_pages(&self, objects: usize) {
        self.lock().limit = Some(objects);
    }

    pub(super) fn cut_watches(&self, how: Cut) {
        self.cut.send_replace(how);
    }

    pub(super) fn expire_watches(&self, resource: &str, times: usize) {
        self.lock().expired.insert(resource.to_owned(), times);
    }

    pub(super) fn limit(&self) -> Option<usize> {
        self.lock().limit
    }

    pub(super) fn note(&self, resource: &str, seen: Seen) {
        *self.lock().seen.entry((resource.to_owned(), seen)).or_default() += 1;
    }

    pub(super) fn count(&self, resource: &str, seen: Seen) -> usize {
        self.lock().seen.get(&(resource.to_owned(), seen)).copied().unwrap_or_default()
    }

    /// What to do with the page that is asked for now; without a token it is the first, with the token of the last
    /// one it is asked for again.
    pub(super) fn page(&self, resource: &str, token: Option<String>) -> Option<Break> {
        let mut inner = self.lock();
        let page = match (inner.pages.get(resource), &token) {
            (_, None) => 1,
            (Some((page, last)), _) if *last == token => *page,
            (last, _) => last.map_or(1, |(page, _)| *page) + 1,
        };
        inner.pages.insert(resource.to_owned(), (page, token));
        let rule = inner
            .lists
            .iter_mut()
            .find(|rule| rule.times > 0 && rule.resource == resource && rule.page == page)?;
        rule.times -= 1;
        Some(rule.how)
    }

    /// Whether the watch that begins now is told 410.
    pub(super) fn expires(&self, resource: &str) -> bool {
        let mut inner = self.lock();
        let Some(times @ 1..) = inner.expired.get_mut(resource) else { return false };
        *times -= 1;
        true
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics half way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! One kind of object, listed and then watched for ever.
//!
//! A list is read page by page and counts as the truth only once its last page was read; what it shows counts at
//! once. A watch that ends goes on from the last version seen, whatever ended it. Everything is listed anew only when
//! the server no longer has that version (410 Gone), or sends what cannot be resumed from.

use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use kube::api::{Api, ListParams, WatchParams};
use kube::core::{ObjectList, WatchEvent};
use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::access::Access;
use super::listed::{Listable, Listed};
use super::trouble::{Fault, Trouble};
use super::{Outlet, Selection};
use crate::object::read::Unreadable;
use crate::stages::{Stages, WatchEnd};
use crate::view::Change;

/// Objects on a page of a list: half a megabyte or two as text.
const PAGE: u32 = 500;
/// Tries of one page before the whole list is begun anew.
const PAGE_TRIES: u32 = 3;
/// Events taken from a watch at once.
const BATCH: usize = 256;
/// How long the server may take to answer.
const ANSWER: Duration = Duration::from_secs(30);
/// How long a watch may be silent. Servers send a bookmark every minute; one that sends none is just asked again.
const SILENCE: Duration = Duration::from_secs(75);
/// How often a watch from one version may fail for a reason that may lie in the version.
const SAME_VERSION: u32 = 3;
/// A watch that lasted this long worked, whatever ended it.
const WORKED: Duration = Duration::from_secs(5);
/// After how many seconds the server ends a watch, at random between these so that not all come back at once.
const LIFETIME: std::ops::Range<u32> = 200..290;

pub(super) struct Reflector<T> {
    access: Access,
    selection: Selection,
    outlet: Outlet,
    stages: Arc<Stages>,
    trouble: Trouble,
    listed: bool,
    of: PhantomData<T>,
}

/// Why a watch cannot be read on.
enum End {
    Closed,
    Silent,
    /// The server no longer has the version, or has gone back behind it.
    Expired(Fault),
    Failed(Fault),
}

impl<T: Listable> Reflector<T> {
    pub(super) fn new(access: Access, selection: Selection, outlet: Outlet, stages: Arc<Stages>) -> Self {
        let trouble = Trouble::none(T::KIND, Arc::clone(&stages));
        Self { access, selection, outlet, stages, trouble, listed: false, of: PhantomData }
    }

    pub(super) async fn run(mut self) {
        loop {
            let version = self.list().await;
            self.follow(version).await;
        }
    }

    /// With the client of the moment: each request is made as who we are by then.
    fn api(&self) -> Api<Listed<T>> {
        Api::all(self.access.client())
    }

    /// What the server said, once whoever has to know of it does.
    fn fault(&self, error: kube::Error) -> Fault {
        self.access.refused(&error);
        error.into()
    }

    /// The server says what there is: bookmarks say so of what does not change.
    fn answered(&mut self) {
        self.stages.heard(T::KIND);
        self.trouble.answered();
    }

    /// Lists until it worked; gives the version to watch from.
    async fn list(&mut self) -> String {
        loop {
            match self.list_once().await {
                Ok(version) => {
                    self.stages.list_completed(T::KIND);
                    self.answered();
                    return version;
                }
                Err(fault) => {
                    self.stages.list_failed(T::KIND);
                    self.trouble.wait("list", &fault).await;
                }
            }
        }
    }

    async fn list_once(&mut self) -> Result<String, Fault> {
        let mut params = ListParams { limit: Some(PAGE), ..ListParams::default() };
        params.field_selector.clone_from(&self.selection.fields);
        params.label_selector.clone_from(&self.selection.labels);
        let mut changes = vec![Change::ListBegun(T::KIND)];
        loop {
            let page = self.page(&params).await?;
            let noticed = Instant::now();
            let version = page.metadata.resource_version.filter(|version| !version.is_empty());
            let version = version.ok_or(Fault::NoVersion)?;
            changes.extend(page.items.into_iter().filter_map(put));
            params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
            if params.continue_token.is_none() {
                changes.push(Change::ListDone(T::KIND));
                self.outlet.send(changes, noticed).await;
                if !std::mem::replace(&mut self.listed, true) {
                    self.outlet.listed().await;
                }
                return Ok(version);
            }
            self.outlet.send(std::mem::take(&mut changes), noticed).await;
        }
    }

    /// One page; a later one is tried several times, for the pages before it cost something.
    async fn page(&mut self, params: &ListParams) -> Result<ObjectList<Listed<T>>, Fault> {
        let mut tries = 1;
        loop {
            let fault = match timeout(ANSWER, self.api().list(params)).await {
                Ok(Ok(page)) => return Ok(page),
                Ok(Err(error)) => self.fault(error),
                Err(_) => Fault::TimedOut(ANSWER),
            };
            if tries == PAGE_TRIES || fault.is_expired() || params.continue_token.is_none() {
                return Err(fault);
            }
            tries += 1;
            self.trouble.wait("list", &fault).await;
        }
    }

    /// Watches until everything has to be listed anew.
    async fn follow(&mut self, mut version: String) {
        let mut stuck = 0;
        loop {
            let (started, from) = (Instant::now(), version.clone());
            let end = self.watch(&mut version).await;
            stuck = if from == version { stuck + 1 } else { 0 };
            self.stages.watch_ended(T::KIND, end.cause());
            let worked = started.elapsed() >= WORKED;
            if worked {
                self.trouble.answered();
                self.trouble.over();
            }
            let kind = T::KIND.name();
            match end {
                End::Expired(fault) => {
                    info!(kind, version, "the API server has not got this version: listing anew");
                    if !worked {
                        self.trouble.wait("watch", &fault).await; // or it would be asked for everything without a pause
                    }
                    return;
                }
                // Servers end a watch after some minutes: that is no trouble.
                End::Closed if worked => debug!(kind, version, "the watch ended, watching on"),
                End::Closed => {
                    self.trouble.wait("watch", &Fault::Broken("it ended at once".to_owned())).await
                }
                End::Silent => debug!(kind, version, "the watch is silent, watching on"),
                End::Failed(fault) => {
                    self.trouble.wait("watch", &fault).await;
                    if stuck >= SAME_VERSION && fault.is_about_the_version() {
                        warn!(kind, version, "watching from this version keeps failing: listing anew");
                        return;
                    }
                }
            }
        }
    }

    async fn watch(&mut self, version: &mut String) -> End {
        let params = WatchParams {
            field_selector: self.selection.fields.clone(),
            label_selector: self.selection.labels.clone(),
            timeout: Some(fastrand::u32(LIFETIME)),
            bookmarks: true,
            send_initial_events: false,
        };
        let api = self.api();
        let events = match timeout(ANSWER, api.watch(&params, version)).await {
            Ok(Ok(events)) => events,
            Ok(Err(error)) => return End::of(self.fault(error)),
            Err(_) => return End::Failed(Fault::TimedOut(ANSWER)),
        };
        let mut events = pin!(events.ready_chunks(BATCH));
        loop {
            let chunk = match timeout(SILENCE, events.next()).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return End::Closed,
                Err(_) => return End::Silent,
            };
            let noticed = Instant::now();
            let mut changes = Vec::with_capacity(chunk.len());
            let end = chunk.into_iter().try_for_each(|event| {
                let event = event.map_err(|error| End::of(self.fault(error)))?;
                take(event, version, &mut changes)
            });
            if !changes.is_empty() {
                self.outlet.send(changes, noticed).await;
            }
            if let Err(end) = end {
                return end;
            }
            self.answered();
        }
    }
}

impl End {
    fn of(fault: Fault) -> Self {
        if fault.is_expired() { Self::Expired(fault) } else { Self::Failed(fault) }
    }

    fn cause(&self) -> WatchEnd {
        match self {
            Self::Closed => WatchEnd::Closed,
            Self::Silent => WatchEnd::Silent,
            Self::Expired(_) => WatchEnd::Expired,
            Self::Failed(_) => WatchEnd::Error,
        }
    }
}

/// Takes one event of a watch and remembers its version.
fn take<T: Listable>(
    event: WatchEvent<Listed<T>>,
    version: &mut String,
    changes: &mut Vec<Change>,
) -> Result<(), End> {
    let (listed, gone) = match event {
        WatchEvent::Added(listed) | WatchEvent::Modified(listed) => (listed, false),
        WatchEvent::Deleted(listed) => (listed, true),
        WatchEvent::Bookmark(bookmark) => {
            return advance(version, bookmark.metadata.resource_version);
        }
        WatchEvent::Error(status) => return Err(End::of(Fault::Refused(status))),
    };
    advance(version, listed.version().unwrap_or_default().to_owned())?;
    changes.extend(if gone { remove(listed) } else { put(listed) });
    Ok(())
}

/// Goes on from `to`. A server whose versions run backwards was put back to an older state: what was seen since may
/// never have been.
fn advance(version: &mut String, to: String) -> Result<(), End> {
    if to.is_empty() {
        return Err(End::Failed(Fault::NoVersion));
    }
    if let (Ok(before), Ok(after)) = (version.parse::<u64>(), to.parse::<u64>())
        && after < before
    {
        return Err(End::Expired(Fault::Backwards { before, after }));
    }
    *version = to;
    Ok(())
}

/// An object that is there.
fn put<T: Listable>(listed: Listed<T>) -> Option<Change> {
    match listed.object {
        Ok(object) => Some(Change::Put(object)),
        Err(Unreadable { key, text }) => {
            let object = key.as_ref().map(tracing::field::display);
            warn!(
                kind = T::KIND.name(),
                object, "{text}; its last good version, if there is any, stays in force"
            );
            key.map(Change::Keep)
        }
    }
}

/// An object that is gone; its last state may be one that cannot be read.
fn remove<T: Listable>(listed: Listed<T>) -> Option<Change> {
    let key = match listed.object {
        Ok(object) => Some(object.key()),
        Err(Unreadable { key, .. }) => key,
    };
    key.map(Change::Remove)
}

//! Waits for the kernel to tell of changes, and sends what came of them.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::future::Future;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use inotify::{EventMask, Inotify, WatchMask};
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc::Sender;
use tokio::task::spawn_blocking;
use tracing::{debug, error, info, warn};

use super::Problem;
use super::folder::{Folder, Look, Update};
use crate::view::Batch;

/// The pause before a lost directory is looked for again doubles between these.
const RETRY: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// Watches the directory until the receiver is dropped.
///
/// The first batch is the whole directory and is sent even if there is nothing in it. All others have what changed.
/// Problems are logged, each once. A directory that vanishes keeps its objects until it is back.
///
/// # Errors
/// The directory is missing, no directory or not readable; or the system has no inotify instance left.
pub fn watch(dir: &Path, to: Sender<Batch>) -> io::Result<impl Future<Output = ()> + Send + use<>> {
    let folder = Folder::new(dir);
    let events = Events::new(dir)?;
    fs::read_dir(dir)?;
    Ok(Watcher { folder: Some(folder), events, to, touched: HashSet::new() }.run())
}

struct Watcher {
    /// Away only while a blocking thread looks.
    folder: Option<Folder>,
    events: Events,
    to: Sender<Batch>,
    /// Closed by a writer or moved here since last read: to be read even if they look unchanged.
    touched: HashSet<OsString>,
}

impl Watcher {
    async fn run(mut self) {
        let mut noticed = Instant::now();
        let mut first = true;
        loop {
            match self.update().await {
                Ok(update) => {
                    report(&update.problems);
                    if first || !update.changes.is_empty() {
                        let batch = Batch { changes: update.changes, noticed, synced: true };
                        if self.to.send(batch).await.is_err() {
                            return;
                        }
                        first = false;
                    }
                }
                Err(cause) => {
                    error!(dir = %self.dir().display(), %cause, "manifests cannot be listed: all stay in force");
                    self.events.lost = true;
                }
            }
            let woken = tokio::select! {
                woken = self.wait() => woken,
                () = self.to.closed() => return,
            };
            match woken {
                Some(at) => noticed = at,
                None => return,
            }
        }
    }

    fn dir(&self) -> &Path {
        self.folder.as_ref().map(Folder::dir).unwrap_or_else(|| Path::new(""))
    }

    /// Until there is something to look at; `None` if there never will be.
    async fn wait(&mut self) -> Option<Instant> {
        loop {
            if self.events.lost {
                self.find_again().await;
                return Some(Instant::now());
            }
            if let Err(cause) = self.events.ready().await {
                error!(%cause, "inotify failed: manifests are not followed any more");
                return None;
            }
            let noticed = Instant::now();
            if self.drain() {
                return Some(noticed);
            }
        }
    }

    /// Takes what is queued; returns whether it is worth a look.
    fn drain(&mut self) -> bool {
        match self.events.drain(&mut self.touched, self.folder.as_ref().map(Folder::dir)) {
            Ok(act) => act,
            Err(cause) => {
                error!(%cause, "inotify cannot be read: looking at everything");
                self.events.lost = true;
                true
            }
        }
    }

    /// Looks until nothing happened while looking.
    async fn update(&mut self) -> io::Result<Update> {
        let touched = std::mem::take(&mut self.touched);
        let (folder, look) = self.look(touched.clone()).await;
        self.folder = folder;
        let mut look = match look {
            Ok(look) => look,
            Err(cause) => {
                self.touched.extend(touched);
                return Err(cause);
            }
        };
        // A writer may have begun between our waking and our reading: what we read of its file is half of it.
        let act = self.drain();
        look.drop_files(&self.events.writing);
        let update = self.folder.as_mut().map(|folder| folder.take(look)).unwrap_or_default();
        if act {
            self.events.pending = true;
        }
        Ok(update)
    }

    /// Files may be large and disks slow: not on a thread that serves sessions.
    async fn look(&mut self, touched: HashSet<OsString>) -> (Option<Folder>, io::Result<Look>) {
        let Some(folder) = self.folder.take() else { return (None, Ok(Look::default())) };
        let writing = self.events.writing.clone();
        let work = move || {
            let look = folder.look(&writing, &touched);
            (Some(folder), look)
        };
        match spawn_blocking(work).await {
            Ok(done) => done,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }

    async fn find_again(&mut self) {
        let dir = self.dir().to_owned();
        error!(dir = %dir.display(), "the directory of manifests is gone: all objects stay in force");
        let mut pause = RETRY.0;
        loop {
            match Events::new(&dir) {
                Ok(events) => {
                    self.events = events;
                    info!(dir = %dir.display(), "the directory of manifests is back");
                    return;
                }
                Err(cause) => debug!(dir = %dir.display(), %cause, "the directory of manifests is still away"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(RETRY.1);
        }
    }
}

fn report(problems: &[Problem]) {
    for problem in problems {
        match problem.is_error() {
            true => error!(reason = problem.name(), "manifest refused: {problem}"),
            false => warn!(reason = problem.name(), "manifest ambiguous: {problem}"),
        }
    }
}

/// The kernel's side: a watch on one directory.
struct Events {
    inotify: AsyncFd<Inotify>,
    /// Files that somebody began to write and has not closed.
    writing: HashSet<OsString>,
    /// Something is to be looked at that was already taken from the queue.
    pending: bool,
    /// The directory is not watched any more.
    lost: bool,
}

impl Events {
    fn new(dir: &Path) -> io::Result<Self> {
        let inotify = Inotify::init()?;
        let contents = WatchMask::CREATE
            | WatchMask::MODIFY
            | WatchMask::CLOSE_WRITE
            | WatchMask::MOVE
            | WatchMask::DELETE
            | WatchMask::ATTRIB;
        let itself = WatchMask::DELETE_SELF | WatchMask::MOVE_SELF | WatchMask::ONLYDIR;
        inotify.watches().add(dir, contents | itself)?;
        Ok(Self { inotify: AsyncFd::new(inotify)?, writing: HashSet::new(), pending: false, lost: false })
    }

    async fn ready(&mut self) -> io::Result<()> {
        if self.pending {
            return Ok(());
        }
        self.inotify.readable().await.map(|mut guard| guard.retain_ready())
    }

    /// Reads the queue dry; returns whether a look is due.
    fn drain(&mut self, touched: &mut HashSet<OsString>, dir: Option<&Path>) -> io::Result<bool> {
        let mut act = std::mem::take(&mut self.pending);
        let mut buffer = [0; 16 << 10];
        loop {
            let events = match self.inotify.get_mut().read_events(&mut buffer) {
                Ok(events) => events,
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => break,
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
                Err(cause) => return Err(cause),
            };
            for event in events {
                let Some(name) = event.name else {
                    act |= self.note_whole(event.mask);
                    continue;
                };
                act |= self.note(event.mask, name.to_owned(), touched, dir);
            }
        }
        Ok(act)
    }
}

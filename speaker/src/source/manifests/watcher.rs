//! Waits for the kernel to tell of changes, and sends what came of them.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
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
use super::folder::{Folder, Look, Update, syntax_of};
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
    let events = Events::new(dir)?; // before the first look, so that nothing falls between
    Ok(Watcher { folder: Folder::new(dir), events, to, pause: RETRY.0 }.run())
}

struct Watcher {
    /// Empty while a blocking thread looks.
    folder: Folder,
    events: Events,
    to: Sender<Batch>,
    /// Before a lost directory is looked for again.
    pause: Duration,
}

impl Watcher {
    async fn run(mut self) {
        let to = self.to.clone();
        tokio::select! {
            () = self.follow() => {}
            () = to.closed() => {}
        }
    }

    async fn follow(&mut self) {
        let mut noticed = Instant::now();
        let mut first = true;
        loop {
            match self.update().await {
                Ok(update) => {
                    self.pause = RETRY.0;
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
                    error!(dir = %self.folder.dir().display(), %cause, "manifests cannot be listed");
                    self.events.lost = true;
                }
            }
            match self.wait().await {
                Ok(at) => noticed = at,
                Err(cause) => {
                    error!(%cause, "inotify failed: manifests are not followed any more");
                    return;
                }
            }
        }
    }

    /// Until there is something to look at; gives the time at which it was heard of.
    async fn wait(&mut self) -> io::Result<Instant> {
        loop {
            if self.events.lost {
                self.find_again().await;
                return Ok(Instant::now());
            }
            if std::mem::take(&mut self.events.pending) {
                return Ok(Instant::now());
            }
            self.events.ready().await?;
            let noticed = Instant::now();
            if self.events.drain(&self.folder)? {
                return Ok(noticed);
            }
        }
    }

    /// Looks until nothing happened while looking: a writer may have begun between our waking and our reading, and
    /// a file may have been renamed past us.
    async fn update(&mut self) -> io::Result<Update> {
        let mut tries = 4;
        loop {
            let touched = std::mem::take(&mut self.events.touched);
            let mut look = self.look(touched.clone()).await.inspect_err(|_| {
                self.events.touched.clone_from(&touched);
            })?;
            self.events.pending = self.events.drain(&self.folder)?;
            tries -= 1;
            if !self.events.pending || tries == 0 {
                look.drop_files(&self.events.writing);
                look.drop_files(&self.events.touched);
                return Ok(self.folder.take(look));
            }
            self.events.touched.extend(touched);
        }
    }

    /// Files may be large and disks slow: not on a thread that serves sessions.
    async fn look(&mut self, touched: HashSet<OsString>) -> io::Result<Look> {
        let folder = std::mem::take(&mut self.folder);
        let writing = self.events.writing.clone();
        let work = move || {
            let look = folder.look(&writing, &touched);
            (folder, look)
        };
        match spawn_blocking(work).await {
            Ok((folder, look)) => {
                self.folder = folder;
                look
            }
            Err(failed) => match failed.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => std::future::pending().await, // the runtime is shutting down
            },
        }
    }

    async fn find_again(&mut self) {
        let dir = self.folder.dir().to_owned();
        error!(dir = %dir.display(), "the directory of manifests cannot be followed: all objects stay in force");
        loop {
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 2).min(RETRY.1);
            match Events::new(&dir) {
                Ok(events) => {
                    self.events = events;
                    info!(dir = %dir.display(), "the directory of manifests is followed again");
                    return;
                }
                Err(cause) => {
                    debug!(dir = %dir.display(), %cause, "the directory of manifests is still away")
                }
            }
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
    /// To be read at the next look even if they look unchanged.
    touched: HashSet<OsString>,
    /// A look is due for what was already taken from the queue.
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
        fs::read_dir(dir)?; // what can be watched cannot always be listed
        // `Inotify` owns its descriptor as long as it lives, which is all that the unsafe successor wants to hear.
        #[allow(deprecated, reason = "the successor is unsafe, which this workspace denies")]
        let inotify = AsyncFd::new(inotify)?;
        Ok(Self { inotify, writing: HashSet::new(), touched: HashSet::new(), pending: false, lost: false })
    }

    /// Until the queue may have something. Clearing before the queue is read dry loses nothing: what comes later
    /// makes it ready again.
    async fn ready(&self) -> io::Result<()> {
        self.inotify.readable().await.map(|mut guard| guard.clear_ready())
    }

    /// Reads the queue dry; returns whether a look is due.
    fn drain(&mut self, folder: &Folder) -> io::Result<bool> {
        let mut due = false;
        let mut buffer = [0; 16 << 10];
        loop {
            let queued = match self.inotify.get_mut().read_events(&mut buffer) {
                Ok(queued) => queued,
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => return Ok(due),
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
                Err(cause) => return Err(cause),
            };
            for event in queued {
                due |= match event.name {
                    Some(name) => self.note(event.mask, name, folder.dir()),
                    None => self.note_whole(event.mask, folder),
                };
            }
        }
    }

    fn note(&mut self, mask: EventMask, name: &OsStr, dir: &Path) -> bool {
        let is_manifest = syntax_of(name).is_some();
        if mask.intersects(EventMask::MOVED_FROM | EventMask::DELETE) {
            self.writing.remove(name);
            return is_manifest;
        }
        // A ConfigMap's `..data` is no manifest, but all manifests there lead through it.
        let appeared = mask.contains(EventMask::MOVED_TO)
            || (mask.contains(EventMask::CREATE) && is_complete_at_birth(&dir.join(name)));
        if !is_manifest {
            return appeared;
        }
        if appeared || mask.intersects(EventMask::CLOSE_WRITE | EventMask::ATTRIB) {
            if !mask.contains(EventMask::ATTRIB) {
                self.writing.remove(name);
            }
            self.touched.insert(name.to_owned());
            return true;
        }
        self.writing.insert(name.to_owned());
        false
    }

    fn note_whole(&mut self, mask: EventMask, folder: &Folder) -> bool {
        if mask.contains(EventMask::Q_OVERFLOW) {
            warn!(dir = %folder.dir().display(), "inotify queue overflowed: reading all manifests");
            self.writing.clear();
            self.touched.extend(folder.names().cloned());
            return true;
        }
        let gone = EventMask::DELETE_SELF | EventMask::MOVE_SELF | EventMask::UNMOUNT | EventMask::IGNORED;
        self.lost |= mask.intersects(gone);
        false
    }
}

/// A link has its contents when it is made; nobody will close it.
fn is_complete_at_birth(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|made| made.is_symlink() || (made.is_file() && made.nlink() > 1))
}

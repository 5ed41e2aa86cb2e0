//! Follows files: tells when one of them is not what it was, so that what was read of them is read again.
//!
//! The directories of the files are watched, as files are replaced by rename and mounted ConfigMaps by another symlink. A
//! file that somebody still writes to is not looked at. Not noticed: a change behind a symlink that leads out of its
//! directory.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use inotify::{EventMask, Inotify, WatchMask};
use tokio::io::unix::AsyncFd;

/// Before directories that cannot be watched are tried again.
const RETRY: Duration = Duration::from_secs(1);

/// After an event, for those that come with it.
const SETTLE: Duration = Duration::from_millis(20);

/// Follows a set of files.
pub(crate) struct Files {
    paths: Vec<PathBuf>,
    /// What they were when last told; `None`: nobody has been told.
    seen: Option<u64>,
    events: Option<Events>,
    /// Something happened that was not looked at yet.
    due: bool,
}

impl Files {
    /// Follows these. The first call of [`Files::changed`] answers at once: they may have changed since they were read.
    pub(crate) fn new(paths: Vec<PathBuf>) -> Self {
        Self { paths, seen: None, events: None, due: false }
    }

    /// Follows these from now on.
    pub(crate) fn follow(&mut self, paths: Vec<PathBuf>) {
        if self.paths != paths {
            *self = Self::new(paths);
        }
    }

    /// Until one of the files is not what it was. May be dropped at any time without losing anything.
    pub(crate) async fn changed(&mut self) {
        if self.paths.is_empty() {
            std::future::pending::<()>().await;
        }
        loop {
            match &mut self.events {
                None => match Events::new(&self.paths) {
                    Ok(events) => (self.events, self.due) = (Some(events), true),
                    Err(_) => tokio::time::sleep(RETRY).await,
                },
                Some(_) if self.due => {
                    tokio::time::sleep(SETTLE).await;
                    self.look().await;
                    let paths = self.paths.clone();
                    let Ok(now) = tokio::task::spawn_blocking(move || fingerprint(&paths)).await else {
                        continue;
                    };
                    let busy = self.events.as_ref().is_some_and(|events| !events.writing.is_empty());
                    self.due = false;
                    if !busy && self.seen.replace(now) != Some(now) {
                        return;
                    }
                }
                Some(events) => {
                    if events.inotify.readable().await.map(|mut guard| guard.clear_ready()).is_err() {
                        self.events = None;
                        continue;
                    }
                    self.look().await;
                }
            }
        }
    }

    /// Takes what the kernel has to tell.
    async fn look(&mut self) {
        let Some(events) = &mut self.events else { return };
        match events.drain() {
            Ok(due) => self.due |= due,
            Err(_) => {
                self.events = None;
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// Tells contents apart without keeping them: keys are among them.
fn fingerprint(paths: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        std::fs::read(path).ok().hash(&mut hasher);
    }
    hasher.finish()
}

/// The kernel's side: a watch on each directory.
struct Events {
    inotify: AsyncFd<Inotify>,
    names: HashSet<OsString>,
    /// Files of ours that somebody began to write and has not closed.
    writing: HashSet<OsString>,
}

impl Events {
    fn new(paths: &[PathBuf]) -> io::Result<Self> {
        let inotify = Inotify::init()?;
        let mask = WatchMask::CREATE
            | WatchMask::MODIFY
            | WatchMask::CLOSE_WRITE
            | WatchMask::MOVE
            | WatchMask::DELETE
            | WatchMask::DELETE_SELF
            | WatchMask::MOVE_SELF
            | WatchMask::ONLYDIR;
        let dirs: BTreeSet<&Path> = paths.iter().map(|path| directory(path)).collect();
        for dir in dirs {
            inotify.watches().add(dir, mask)?;
        }
        let names = paths.iter().filter_map(|path| path.file_name()).map(OsString::from).collect();
        // `Inotify` owns its descriptor as long as it lives, which is all that the unsafe successor wants to hear.
        #[allow(deprecated, reason = "the successor is unsafe, which this workspace denies")]
        let inotify = AsyncFd::new(inotify)?;
        Ok(Self { inotify, names, writing: HashSet::new() })
    }

    /// Reads the queue dry; returns whether a look is due.
    ///
    /// # Errors
    /// A directory is gone: a new watch is needed.
    fn drain(&mut self) -> io::Result<bool> {
        let (mut due, mut buffer) = (false, [0; 4 << 10]);
        loop {
            let queued = match self.inotify.get_mut().read_events(&mut buffer) {
                Ok(queued) => queued,
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => return Ok(due),
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
                Err(cause) => return Err(cause),
            };
            for event in queued {
                if event.mask.contains(EventMask::Q_OVERFLOW) {
                    self.writing.clear(); // whose writer has closed it since is not known any more
                    due = true;
                    continue;
                }
                let gone =
                    EventMask::DELETE_SELF | EventMask::MOVE_SELF | EventMask::UNMOUNT | EventMask::IGNORED;
                if event.mask.intersects(gone) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                let name = event.name.map(OsString::from).unwrap_or_default();
                if event.mask.contains(EventMask::MODIFY) && self.names.contains(&name) {
                    self.writing.insert(name);
                } else if !event.mask.contains(EventMask::MODIFY) {
                    // A new name that is no link has no contents yet, but its writer will close it.
                    self.writing.remove(&name);
                    due = true;
                }
            }
        }
    }
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

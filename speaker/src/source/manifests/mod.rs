//! A directory of manifests (`*.yaml`, `*.yml`, `*.json`) as a source.
//!
//! `document` reads one file, `folder` knows the files and what of them is in force, `watcher` waits for
//! inotify. Files appear by rename, in place, or behind symlinks that are swapped (a mounted `ConfigMap`): any event
//! of the directory leads to a look at every entry, and only files that changed are read. A file counts when its
//! writer closed it, so that a half-written one withdraws nothing. No polling.
//!
//! Not noticed: a file changed through a symlink that leads out of the directory, until the directory itself has an
//! event; and a swap of a symlink that is the directory itself.

mod document;
mod folder;
mod problem;
mod watcher;

use std::collections::HashSet;
use std::path::Path;

pub use problem::Problem;
pub use watcher::watch;

use crate::view::{Change, Object};
use folder::Folder;

/// Reads the directory once: what is there, and all that is wrong with it.
#[must_use]
pub fn load(dir: &Path) -> (Vec<Object>, Vec<Problem>) {
    let mut folder = Folder::new(dir);
    let look = match folder.look(&HashSet::new(), &HashSet::new()) {
        Ok(look) => look,
        Err(cause) => return (Vec::new(), vec![Problem::unreadable(dir, &cause)]),
    };
    let update = folder.take(look);
    let objects = update.changes.into_iter().filter_map(|change| match change {
        Change::Put(object) => Some(object),
        Change::Remove(_) | Change::Keep(_) | Change::ListBegun(_) | Change::ListDone(_) => None,
    });
    (objects.collect(), update.problems)
}

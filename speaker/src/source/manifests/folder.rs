//! The files of the directory, the last good objects of each, and what of them is in force.
//!
//! Looking ([`Folder::look`]) reads and changes nothing, so that the caller can still drop a file of which it learns
//! meanwhile that somebody writes to it; [`Folder::take`] then makes the rest count.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::document::{self, Broken, Contents, Syntax};
use super::problem::{Kind, Problem};
use crate::view::{Change, Key, Object};

/// A larger file is surely no manifest. 100 000 Pods as kubectl prints them without managed fields fit.
const MAX_FILE: u64 = 64 << 20;

/// Tells whether a file is still the same. Not enough for two writes within one tick of the clock that leave the
/// size alone: what an event names is read in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl From<&Metadata> for Identity {
    fn from(of: &Metadata) -> Self {
        let modified = (of.mtime(), of.mtime_nsec());
        Self { device: of.dev(), inode: of.ino(), size: of.size(), modified }
    }
}

#[derive(Debug)]
struct Known {
    identity: Option<Identity>,
    objects: HashMap<Key, Object>,
}

/// What a look at the directory found.
#[derive(Debug, Default)]
pub(super) struct Look {
    present: BTreeSet<OsString>,
    read: BTreeMap<OsString, (Option<Identity>, Result<Contents, Problem>)>,
}

impl Look {
    /// Forgets what was read of these files: somebody writes, or wrote, to them meanwhile.
    pub(super) fn drop_files(&mut self, these: &HashSet<OsString>) {
        self.read.retain(|name, _| !these.contains(name));
    }
}

/// What changed.
#[derive(Debug, Default)]
pub(super) struct Update {
    pub(super) changes: Vec<Change>,
    pub(super) problems: Vec<Problem>,
}

/// The directory as last taken.
#[derive(Debug, Default)]
pub(super) struct Folder {
    dir: PathBuf,
    files: BTreeMap<OsString, Known>,
    /// Files that have the object; the last in name order is in force.
    owners: HashMap<Key, BTreeSet<OsString>>,
}

impl Folder {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), files: BTreeMap::new(), owners: HashMap::new() }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Reads what changed: files that are not what they were, and `touched` ones. `writing` ones are left alone.
    pub(super) fn look(&self, writing: &HashSet<OsString>, touched: &HashSet<OsString>) -> io::Result<Look> {
        let mut look = Look::default();
        for entry in fs::read_dir(&self.dir)? {
            let name = entry?.file_name();
            let Some(syntax) = syntax_of(&name) else { continue };
            let path = self.dir.join(&name);
            let found = match fs::metadata(&path) {
                Ok(found) if found.is_file() => Ok(Identity::from(&found)),
                Ok(_) => continue,
                Err(cause) => Err(cause),
            };
            // Gone since it was listed, or a symlink that leads nowhere: there is no such file.
            if found.as_ref().is_err_and(is_gone) {
                continue;
            }
            look.present.insert(name.clone());
            let identity = found.as_ref().ok().copied();
            let same = self.files.get(&name).is_some_and(|known| known.identity == identity);
            if writing.contains(&name) || (same && !touched.contains(&name)) {
                continue;
            }
            let read = match found.and_then(|_| read_file(&path, syntax)) {
                Ok((identity, contents)) => (Some(identity), contents),
                Err(cause) if is_gone(&cause) => {
                    look.present.remove(&name);
                    continue;
                }
                Err(cause) => (identity, Err(Problem::unreadable(&path, &cause))),
            };
            look.read.insert(name, read);
        }
        Ok(look)
    }

    /// The files there are.
    pub(super) fn names(&self) -> impl Iterator<Item = &OsString> {
        self.files.keys()
    }

    /// Makes a look count: gives the changes of what is in force, and what is wrong with what was read.
    pub(super) fn take(&mut self, look: Look) -> Update {
        let mut update = Update::default();
        let gone: Vec<_> = self.files.keys().filter(|name| !look.present.contains(*name)).cloned().collect();
        let changed = gone.iter().chain(look.read.keys());
        let mut before: HashMap<Key, Option<Object>> = HashMap::new();
        for key in changed.filter_map(|name| self.files.get(name)).flat_map(|known| known.objects.keys()) {
            before.entry(key.clone()).or_insert_with(|| self.in_force(key).cloned());
        }
        for name in gone {
            self.replace(&name, None);
        }
        let mut contested = Vec::new();
        for (name, (identity, contents)) in look.read {
            let objects = self.merge(&name, contents, &mut update.problems);
            for key in objects.keys() {
                before.entry(key.clone()).or_insert_with(|| self.in_force(key).cloned());
                if !self.files.get(&name).is_some_and(|known| known.objects.contains_key(key)) {
                    contested.push(key.clone());
                }
            }
            self.replace(&name, Some(Known { identity, objects }));
        }
        contested.sort_unstable();
        contested.dedup();
        update.problems.extend(contested.into_iter().filter_map(|key| self.duplicate(key)));
        update.changes = self.changes(before);
        update
    }

    /// The new objects of a file, with the last good version of those that cannot be read.
    fn merge(
        &self,
        name: &OsStr,
        read: Result<Contents, Problem>,
        problems: &mut Vec<Problem>,
    ) -> HashMap<Key, Object> {
        let old = self.files.get(name).map(|known| &known.objects);
        let contents = match read {
            Ok(contents) => contents,
            Err(problem) => {
                problems.push(problem);
                return old.cloned().unwrap_or_default();
            }
        };
        let file = self.dir.join(name);
        let mut objects = HashMap::with_capacity(contents.objects.len());
        for object in contents.objects {
            if let Some(twice) = objects.insert(object.key(), object) {
                problems.push(Problem::duplicate(&file, twice.key(), &file));
            }
        }
        for fault in contents.faults {
            let kept = fault.key.as_ref().and_then(|key| Some((key.clone(), old?.get(key)?.clone())));
            let then = if kept.is_some() { "; its last good version stays in force" } else { "" };
            if let Some((key, object)) = kept {
                objects.entry(key).or_insert(object);
            }
            problems.push(Problem {
                file: file.clone(),
                line: fault.line,
                object: fault.key,
                text: fault.text + then,
                kind: Kind::Object,
            });
        }
        objects
    }

    fn replace(&mut self, name: &OsStr, with: Option<Known>) {
        let old = self.files.remove(name).map(|known| known.objects).unwrap_or_default();
        for key in old.keys() {
            if let Some(owners) = self.owners.get_mut(key) {
                owners.remove(name);
                if owners.is_empty() {
                    self.owners.remove(key);
                }
            }
        }
        let Some(known) = with else { return };
        for key in known.objects.keys() {
            self.owners.entry(key.clone()).or_default().insert(name.to_owned());
        }
        self.files.insert(name.to_owned(), known);
    }

    fn in_force(&self, key: &Key) -> Option<&Object> {
        self.files.get(self.owners.get(key)?.last()?)?.objects.get(key)
    }

    fn duplicate(&self, key: Key) -> Option<Problem> {
        let mut owners = self.owners.get(&key)?.iter().rev();
        let (winner, loser) = (owners.next()?, owners.next()?);
        Some(Problem::duplicate(&self.dir.join(winner), key, &self.dir.join(loser)))
    }

    /// What is in force now against what was, in the order of the keys.
    fn changes(&self, before: HashMap<Key, Option<Object>>) -> Vec<Change> {
        let mut before: Vec<_> = before.into_iter().collect();
        before.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let change = |(key, was): (Key, Option<Object>)| match (was, self.in_force(&key)) {
            (None, None) => None,
            (Some(was), Some(now)) if was == *now => None,
            (_, Some(now)) => Some(Change::Put(now.clone())),
            (Some(_), None) => Some(Change::Remove(key)),
        };
        before.into_iter().filter_map(change).collect()
    }
}

fn is_gone(cause: &io::Error) -> bool {
    cause.kind() == io::ErrorKind::NotFound
}

/// `None` for what is no manifest: other endings, hidden files, what editors leave behind while they work.
pub(super) fn syntax_of(name: &OsStr) -> Option<Syntax> {
    if matches!(name.as_encoded_bytes().first(), None | Some(b'.' | b'#')) {
        return None;
    }
    match Path::new(name).extension()?.to_str()? {
        "yaml" | "yml" => Some(Syntax::Yaml),
        "json" => Some(Syntax::Json),
        _ => None,
    }
}

/// The identity is that of the open file: of a name it could be another file's by then.
fn read_file(path: &Path, syntax: Syntax) -> io::Result<(Identity, Result<Contents, Problem>)> {
    let file = File::open(path)?;
    let identity = Identity::from(&file.metadata()?);
    let mut bytes = Vec::with_capacity(usize::try_from(identity.size.min(MAX_FILE)).unwrap_or_default());
    file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE {
        return Ok((identity, Err(Problem::too_large(path, MAX_FILE))));
    }
    let contents = document::read_all(&bytes, syntax).map_err(|Broken { line, text }| Problem {
        file: path.to_owned(),
        line,
        object: None,
        text: format!("{text}; its last good content, if there is any, stays in force"),
        kind: Kind::Syntax,
    });
    Ok((identity, contents))
}

//! `speaker prepare`: a directory that the speaker may write to although it runs as another user than root.
//!
//! For the init container of a Pod whose state directory is one of the node: that belongs to root when it is made, and an
//! image without a shell has no `chown`. CAP_CHOWN is all it takes, whoever owned the directory before.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt, lchown};
use std::path::{Path, PathBuf};

/// Owner and group may write, nobody else may look: a speaker that runs as root without any capability shares the group.
const MODE: u32 = 0o770;

/// Who a directory shall belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// User ID.
    pub user: u32,
    /// Group ID.
    pub group: u32,
}

impl std::str::FromStr for Owner {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let owner =
            text.split_once(':').and_then(|(user, group)| Some(Self { user: id(user)?, group: id(group)? }));
        owner.ok_or_else(|| format!("{text:?} must be UID:GID, two numbers below 4294967295"))
    }
}

/// The highest number stands for "as it is" (chown(2)).
fn id(text: &str) -> Option<u32> {
    text.parse().ok().filter(|id| *id != u32::MAX)
}

/// Why a directory is not as it shall be.
#[derive(Debug, thiserror::Error)]
#[error("--dir {}: cannot {what}: {error}", dir.display())]
pub struct Unprepared {
    dir: PathBuf,
    what: &'static str,
    error: io::Error,
}

/// Makes the directory if it is missing, gives it to `owner` and sets its mode to 0770. What is in it stays as it is. Doing
/// it again changes nothing.
///
/// # Errors
/// [`Unprepared`], with what could not be done; also for a symbolic link, which could lead anywhere.
pub fn prepare(dir: &Path, owner: Owner) -> Result<(), Unprepared> {
    let failed = |what| move |error| Unprepared { dir: dir.to_owned(), what, error };
    match fs::symlink_metadata(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(dir).map_err(failed("make it"))?;
        }
        _ => {}
    }
    let found = fs::symlink_metadata(dir).map_err(failed("look at it"))?;
    if !found.is_dir() {
        return Err(failed("use it")(io::ErrorKind::NotADirectory.into()));
    }
    if found.mode() & 0o7777 != MODE {
        // Only the owner may set a mode, without the capability to be everybody's.
        let me = rustix::process::geteuid().as_raw();
        lchown(dir, Some(me), None).map_err(failed("own it"))?;
        fs::set_permissions(dir, Permissions::from_mode(MODE)).map_err(failed("set its mode"))?;
    }
    let found = fs::symlink_metadata(dir).map_err(failed("look at it"))?;
    if (found.uid(), found.gid()) != (owner.user, owner.group) {
        lchown(dir, Some(owner.user), Some(owner.group)).map_err(failed("change its owner"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mine(dir: &Path) -> Owner {
        let found = fs::metadata(dir).unwrap();
        Owner { user: found.uid(), group: found.gid() }
    }

    #[test]
    fn a_missing_directory_is_made_and_what_is_in_it_stays() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        for _ in 0..2 {
            prepare(&dir, mine(root.path())).unwrap();
            assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o7777, 0o770);
            fs::write(dir.join("kept"), "1").unwrap();
            fs::set_permissions(dir.join("kept"), Permissions::from_mode(0o600)).unwrap();
        }
        fs::set_permissions(&dir, Permissions::from_mode(0o2755)).unwrap();
        prepare(&dir, mine(root.path())).unwrap();
        assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o7777, 0o770);
        assert_eq!(fs::metadata(dir.join("kept")).unwrap().mode() & 0o7777, 0o600);
    }

    #[test]
    fn a_link_and_a_file_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let (link, file) = (root.path().join("link"), root.path().join("file"));
        std::os::unix::fs::symlink(root.path(), &link).unwrap();
        fs::write(&file, "").unwrap();
        for path in [link, file] {
            let error = prepare(&path, mine(root.path())).unwrap_err().to_string();
            assert!(error.starts_with(&format!("--dir {}: cannot use it: ", path.display())), "{error}");
        }
    }

    #[test]
    fn an_owner_is_two_numbers() {
        assert_eq!("65534:0".parse(), Ok(Owner { user: 65534, group: 0 }));
        for wrong in ["", "1", "nobody:nobody", "1:", ":1", "-1:1", "4294967295:0", "0:4294967296", "1:2:3"] {
            let error = wrong.parse::<Owner>().unwrap_err();
            assert!(error.contains("must be UID:GID"), "{error}");
        }
    }
}

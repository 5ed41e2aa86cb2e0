//! What a restart has to know about the process before: with which neighbours it had a session that may be resumed
//! (RFC 4724), kept in a small file. Without it every start is a cold one; it never keeps the speaker from routing.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A larger file is surely not ours.
const MAX_FILE: u64 = 1 << 20;

/// The form of the file; another one is not read.
const VERSION: u32 = 1;

/// What one process leaves to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// The kernel's name for this run of the machine.
    pub boot_id: String,
    /// Neighbours, by name, with whom a session with graceful restart was not ended on purpose.
    pub neighbors: BTreeMap<String, Session>,
}

/// The last session with one neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// It is up, or was when the process ended.
    pub up: bool,
    /// Since when it is so, in seconds since 1970.
    pub since: u64,
}

impl State {
    /// Of a process that has had no session yet.
    #[must_use]
    pub fn new(boot_id: String) -> Self {
        Self { version: VERSION, boot_id, neighbors: BTreeMap::new() }
    }

    /// What the process before left.
    ///
    /// # Errors
    /// Why nothing can be known of it; [`io::ErrorKind::NotFound`] if it left nothing.
    pub fn load(path: &Path) -> io::Result<Self> {
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::other("is no file")); // a pipe would keep us waiting for ever
        }
        let mut text = String::new();
        File::open(path)?.take(MAX_FILE).read_to_string(&mut text)?;
        let state: Self = serde_json::from_str(&text).map_err(io::Error::other)?;
        match state.version {
            VERSION => Ok(state),
            other => Err(io::Error::other(format!("version {other} is not {VERSION}"))),
        }
    }

    /// Writes it, all or nothing, for its owner only.
    ///
    /// # Errors
    /// What the system says; what was there before stays.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let draft = path.with_extension("json.new");
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let text = serde_json::to_string(self).map_err(io::Error::other)?;
        let written =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()
            });
        written.and_then(|()| fs::rename(&draft, path)).inspect_err(|_| {
            let _ = fs::remove_file(&draft);
        })
    }
}

/// What the OPEN may say to a neighbour, after the process that left `previous`: whether we restarted (R), and whether
/// what it was told could be reached all the time (F, RFC 4724 §3). The latter holds as long as the machine was not
/// booted: the kernel forwards whether we run or not.
#[must_use]
pub fn judge(previous: Option<&State>, boot_id: &str, neighbor: &str) -> (bool, bool) {
    let Some(previous) = previous else { return (false, false) };
    let restarted = previous.neighbors.contains_key(neighbor);
    (restarted, restarted && !boot_id.is_empty() && previous.boot_id == boot_id)
}

/// The kernel's name for this run of the machine; empty where there is none.
#[must_use]
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// The file of a node, or of a gateway, in this directory.
#[must_use]
pub fn path(dir: &Path, node: &str, gateway: Option<&str>) -> PathBuf {
    file(dir, node, gateway, "state.json")
}

/// Beside it the file of [`crate::intent`].
#[must_use]
pub fn intent_path(dir: &Path, node: &str, gateway: Option<&str>) -> PathBuf {
    file(dir, node, gateway, "intent")
}

fn file(dir: &Path, node: &str, gateway: Option<&str>, what: &str) -> PathBuf {
    let name = match (node, gateway) {
        ("", Some(gateway)) => format!("gateway-{gateway}"),
        ("", None) => "gateway".to_owned(),
        (node, _) => node.to_owned(),
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
    dir.join(format!("speaker-{}.{what}", name.chars().map(plain).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left() -> State {
        let mut state = State::new("boot-1".to_owned());
        state.neighbors.insert("10.0.0.1".to_owned(), Session { up: true, since: 1 });
        state.neighbors.insert("10.0.0.2".to_owned(), Session { up: false, since: 2 });
        state
    }

    #[test]
    fn rfc4724_3_only_who_had_a_session_hears_of_a_restart_and_only_one_boot_forwards() {
        let left = left();
        assert_eq!(judge(None, "boot-1", "10.0.0.1"), (false, false), "a first start");
        assert_eq!(judge(Some(&left), "boot-1", "10.0.0.1"), (true, true));
        assert_eq!(judge(Some(&left), "boot-1", "10.0.0.2"), (true, true), "lost, but not on purpose");
        assert_eq!(judge(Some(&left), "boot-1", "10.0.0.3"), (false, false), "never seen");
        assert_eq!(judge(Some(&left), "boot-2", "10.0.0.1"), (true, false), "booted since");
        let unknown = State { boot_id: String::new(), ..left };
        assert_eq!(judge(Some(&unknown), "", "10.0.0.1"), (true, false), "two unknown boots are not one");
    }

    #[test]
    fn what_is_saved_is_loaded_and_what_is_broken_is_not() {
        let dir = tempfile::tempdir().expect("directory");
        let path = path(dir.path(), "node-1", None);
        assert_eq!(State::load(&path).expect_err("nothing").kind(), io::ErrorKind::NotFound);
        left().save(&path).expect("saved");
        left().save(&path).expect("saved over");
        assert_eq!(State::load(&path).expect("loaded"), left());
        assert_eq!(fs::read_dir(dir.path()).expect("directory").count(), 1, "no draft is left");
        for broken in ["", "{}", "[", "{\"version\":2,\"boot_id\":\"\",\"neighbors\":{}}"] {
            fs::write(&path, broken).expect("written");
            assert!(
                State::load(&path).is_err_and(|error| error.kind() != io::ErrorKind::NotFound),
                "{broken}"
            );
        }
        fs::remove_file(&path).expect("removed");
        let mode = rustix::fs::Mode::from_bits_truncate(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).expect("a pipe");
        let (to, loaded) = std::sync::mpsc::channel();
        std::thread::spawn(move || to.send(State::load(&path).is_err()));
        assert_eq!(loaded.recv_timeout(std::time::Duration::from_secs(10)), Ok(true), "a pipe");
        let path = super::path(dir.path(), "node-1", None);
        fs::remove_dir_all(dir.path()).expect("removed");
        assert!(left().save(&path).is_err(), "no directory");
    }

    #[test]
    fn the_file_is_named_by_node_or_gateway_and_stays_in_its_directory() {
        let name = |node, gateway| path(Path::new("/s"), node, gateway).display().to_string();
        assert_eq!(name("n1.example", None), "/s/speaker-n1.example.state.json");
        assert_eq!(name("", Some("gw1")), "/s/speaker-gateway-gw1.state.json");
        assert_eq!(name("../x", None), "/s/speaker-.._x.state.json");
    }
}

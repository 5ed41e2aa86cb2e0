//! Two namespaces on one cable: `a` is 10.77.0.1 and fd77::1, `b` is 10.77.0.2 and fd77::2.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tests::fault::{Fault, Result, ensure};
use tests::netns::Netns;
use tests::proc::{Daemon, output, run};
use tests::wait;

/// For whatever has to become true.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);
/// What a pod of kube-ovn is told, with quick sessions.
pub(crate) const A: [&str; 5] = [
    "POD_IPS=10.77.0.1,fd77::1",
    "BFD_PEER_IPS=10.77.0.2,fd77::2",
    "BFD_MIN_TX=50",
    "BFD_MIN_RX=50",
    "BFD_MULTI=4",
];
/// The same, of the other one.
pub(crate) const B: [&str; 5] = [
    "POD_IPS=10.77.0.2,fd77::2",
    "BFD_PEER_IPS=10.77.0.1,fd77::1",
    "BFD_MIN_TX=50",
    "BFD_MIN_RX=50",
    "BFD_MULTI=4",
];

/// See the module.
pub(crate) struct Lab {
    pub(crate) a: Node,
    pub(crate) b: Node,
}

/// A namespace and the programs in it, by all their names.
pub(crate) struct Node {
    pub(crate) netns: Netns,
    pub(crate) dir: tempfile::TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let (a, b) = (Node::new("a"), Node::new("b"));
        let pair = ["link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns"];
        a.netns.ip(&[&pair[..], &[b.netns.name()]].concat()).unwrap();
        for (node, host) in [(&a, 1), (&b, 2)] {
            node.netns.ip(&["address", "add", &format!("10.77.0.{host}/24"), "dev", "cable"]).unwrap();
            node.netns.ip(&["address", "add", &format!("fd77::{host}/64"), "dev", "cable", "nodad"]).unwrap();
            node.netns.ip(&["link", "set", "cable", "up"]).unwrap();
        }
        Self { a, b }
    }
}

impl Node {
    fn new(role: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let binary = binary().unwrap();
        for name in ["sidecar", "bfdd-beacon", "bfdd-control", "kube-ovn-bfdd-supervisor"] {
            symlink(&binary, dir.path().join(name)).unwrap();
        }
        Self { netns: Netns::new(role).unwrap(), dir }
    }

    /// Lets other users than root reach the programs.
    pub(crate) fn open_to_all(&self) {
        fs::set_permissions(self.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The address every link has by itself, as commands write it.
    pub(crate) fn link_local(&self) -> String {
        let shown = self.netns.ip(&["-o", "-6", "address", "show", "dev", "cable", "scope", "link"]).unwrap();
        let address = shown.split_whitespace().find_map(|word| word.strip_suffix("/64"));
        format!("{}%cable", address.unwrap())
    }

    /// `env` with the programs first in the path, and this.
    fn command<'a>(&self, environment: &'a [&'a str], argv: &'a [&'a str]) -> Vec<String> {
        let path = format!("PATH={}:/usr/sbin:/usr/bin:/sbin:/bin", self.dir.path().display());
        let socket = format!("BFDD_SUPERVISOR_SOCKET={}/run/control.sock", self.dir.path().display());
        let head = ["env".to_owned(), path, socket];
        head.into_iter().chain([environment, argv].concat().into_iter().map(str::to_owned)).collect()
    }

    /// Starts a program in the foreground.
    pub(crate) fn start(&self, environment: &[&str], argv: &[&str]) -> Daemon {
        let command = self.command(environment, argv);
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        self.netns.spawn(argv[0], &command, &self.dir.path().join("log")).unwrap()
    }

    /// Runs a program to its end, whatever its exit code.
    pub(crate) fn output(&self, environment: &[&str], argv: &[&str]) -> Output {
        let command = self.command(environment, argv);
        let head = ["ip", "netns", "exec", self.netns.name()];
        output(&head.into_iter().chain(command.iter().map(String::as_str)).collect::<Vec<_>>()).unwrap()
    }

    /// Its exit code and what it printed.
    pub(crate) fn tell(&self, argv: &[&str]) -> (Option<i32>, String) {
        let output = self.output(&[], argv);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    }

    /// What `bfdd-control` says to this; it must exit with 0.
    pub(crate) fn control(&self, line: &str) -> Result<String> {
        let (code, text) = self.tell(&[&["bfdd-control"], &*line.split(' ').collect::<Vec<_>>()].concat());
        ensure(code == Some(0), || format!("`{line}`: {code:?}: {text}"))?;
        Ok(text)
    }

    /// Waits until this many sessions are Up, and none is anything else.
    pub(crate) fn wait_up(&self, sessions: usize) {
        let (up, _) = wait::until("sessions are up", LIMIT, || {
            let status = self.control("status")?;
            let up = status.matches(" state=Up \n").count();
            ensure(up == sessions && status.matches(" id=").count() == sessions, || status)
        })
        .map_err(|fault| format!("{fault}\n{}", self.log()))
        .unwrap();
        up
    }

    /// Waits until `bfdd-control` says this.
    pub(crate) fn wait_for(&self, line: &str, what: &str) {
        wait::until(what, LIMIT, || {
            let reply = self.control(line)?;
            ensure(reply.contains(what), || format!("{reply}\n{}", self.log()))
        })
        .unwrap();
    }

    /// What was written to the log of the last program started.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// A page of the metrics port.
    pub(crate) fn page(&self, path: &str) -> Result<String> {
        let url = format!("http://127.0.0.1:10669{path}");
        self.netns.exec(&["curl", "--silent", "--show-error", "--fail", "--max-time", "5", &url])
    }
}

impl Drop for Node {
    /// Daemons went to the background by themselves, so nobody else ends them.
    fn drop(&mut self) {
        let pids = run(&["ip", "netns", "pids", self.netns.name()]).unwrap_or_default();
        for pid in pids.lines().filter_map(|pid| pid.trim().parse().ok()).filter_map(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL); // gone already, perhaps
        }
    }
}

/// `$SIDECAR_BIN`, else the binary beside this test's own: `target/debug/deps/TEST` → `target/debug/sidecar`.
fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("SIDECAR_BIN") {
        return Ok(path.into());
    }
    let this = std::env::current_exe()?;
    let profile = this.parent().and_then(Path::parent).ok_or_else(|| Fault::new("no target directory"))?;
    let path = profile.join("sidecar");
    ensure(path.exists(), || {
        format!("{} is missing: run `cargo build -p sidecar` first, or set SIDECAR_BIN", path.display())
    })?;
    Ok(path)
}

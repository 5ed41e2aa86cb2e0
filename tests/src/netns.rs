//! Network namespaces with names of their own, removed when dropped.

use crate::fault::{During, Fault, Result};
use crate::proc::{Daemon, run};
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

/// Names start with this and the pid of the test, so that what a killed test left can be told apart.
pub(crate) const PREFIX: &str = "bgplab";

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A named network namespace with `lo` up, without duplicate address detection.
#[derive(Debug)]
pub struct Netns {
    name: String,
}

impl Netns {
    /// Makes one; `role` only helps to read `ip netns list`.
    ///
    /// # Errors
    /// When the caller is not root, mostly.
    pub fn new(role: &str) -> Result<Self> {
        let count = COUNTER.fetch_add(1, Ordering::Relaxed);
        if count == 0 {
            sweep();
        }
        let name = format!("{PREFIX}-{}-{count}-{role}", std::process::id());
        run(&["ip", "netns", "add", &name]).during("a network namespace (are you root?)")?;
        let netns = Self { name };
        // Without these an IPv6 address is of no use for its first second.
        netns.enter(|| {
            for scope in ["all", "default"] {
                let knob = format!("/proc/sys/net/ipv6/conf/{scope}/accept_dad");
                std::fs::write(&knob, "0").during(knob)?;
            }
            Ok(())
        })?;
        netns.ip(&["link", "set", "lo", "up"])?;
        Ok(netns)
    }

    /// The name under which `ip netns` knows it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `ip -n NAME …`.
    ///
    /// # Errors
    /// What `ip` says.
    pub fn ip(&self, args: &[&str]) -> Result<String> {
        run(&[&["ip", "-n", self.name.as_str()], args].concat())
    }

    /// A command run inside, to its end.
    ///
    /// # Errors
    /// As [`run`].
    pub fn exec(&self, argv: &[&str]) -> Result<String> {
        run(&[&["ip", "netns", "exec", self.name.as_str()], argv].concat())
    }

    /// A daemon inside; `ip netns exec` replaces itself by it, so its pid is the child's.
    ///
    /// # Errors
    /// As [`Daemon::start`].
    pub fn spawn(&self, name: &str, argv: &[&str], log: &Path) -> Result<Daemon> {
        Daemon::start(name, &[&["ip", "netns", "exec", self.name.as_str()], argv].concat(), log)
    }

    /// Runs `work` on a thread that is inside, so that sockets it opens belong to the namespace.
    ///
    /// # Errors
    /// When the namespace cannot be entered, or the fault of `work`.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let file = File::open(format!("/run/netns/{}", self.name)).during(&self.name)?;
        std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                    .during("entering a network namespace")?;
                work()
            });
            inside.join().unwrap_or_else(|_| Err(Fault::new("a thread inside a namespace panicked")))
        })
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Links go by name first: orphaned TCP sockets keep a namespace that has lost its name alive for a
/// minute, and its links with it.
fn remove(name: &str) {
    let links = run(&["ip", "-n", name, "-o", "link", "show"]).unwrap_or_default();
    for line in links.lines() {
        let link = line.split(": ").nth(1).and_then(|field| field.split('@').next()).unwrap_or("lo");
        if link != "lo" {
            // The other end of a veth pair may have taken this one along already.
            let _ = run(&["ip", "-n", name, "link", "delete", link]);
        }
    }
    if let Err(fault) = run(&["ip", "netns", "delete", name]) {
        eprintln!("namespace {name} stays behind: {fault}");
    }
}

/// Removes what tests that were killed left behind: namespaces and directories named after a pid that is gone.
fn sweep() {
    let list = run(&["ip", "netns", "list"]).unwrap_or_default();
    for name in list.lines().filter_map(|line| line.split_whitespace().next()) {
        if is_orphan(name) {
            end_all(name);
            remove(name);
        }
    }
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_some_and(is_orphan) {
            // Another test may be at it, too.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether this is the name of a namespace, or of something named after one, whose test is gone.
pub(crate) fn is_orphan(name: &str) -> bool {
    let pid = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').nth(1));
    pid.is_some_and(|pid| pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists())
}

/// Ends whatever still runs inside: its parent, a test that was killed, no longer can.
fn end_all(name: &str) {
    let pids = run(&["ip", "netns", "pids", name]).unwrap_or_default();
    for pid in pids.lines().filter_map(|pid| pid.trim().parse().ok()).filter_map(Pid::from_raw) {
        // It may have ended by itself meanwhile.
        let _ = kill_process(pid, Signal::KILL);
    }
}

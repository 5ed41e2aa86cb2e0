//! What a node is made of beneath Kubernetes: namespaces with one process that holds them, and control groups.

use crate::fault::{During, Fault, Result, ensure};
use crate::netns::Netns;
use crate::proc::{Daemon, run};
use crate::wait;
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// From a start to namespaces with everything mounted.
const START_LIMIT: Duration = Duration::from_secs(10);

/// From the end of process 1 to empty control groups.
const END_LIMIT: Duration = Duration::from_secs(10);

const CGROUPS: &str = "/sys/fs/cgroup";

/// A machine: a network namespace of the lab with a mount and a pid namespace of its own.
///
/// All its processes, containers included, are below one process 1 and end with it; so do its mounts. `ip netns exec`
/// is not used, because it hides the control groups that a kubelet needs.
#[derive(Debug)]
pub struct Machine {
    holder: Daemon,
    init: u32,
    netns: Arc<Netns>,
}

impl Machine {
    /// Starts its process 1; logs go to `dir`.
    ///
    /// # Errors
    /// When the namespaces cannot be made within 10 s.
    pub fn start(netns: &Arc<Netns>, dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/cluster/node.sh").display().to_string();
        let net = format!("--net=/run/netns/{}", netns.name());
        let unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", &script];
        let argv = [&["nsenter", &net][..], &unshare].concat();
        let mut holder = Daemon::start("node", &argv, &dir.join("node.log"))?;
        wait::until("a node's namespaces", START_LIMIT, || {
            holder.check_alive()?;
            ensure(holder.log().contains("ready"), || holder.log_tail())
        })?;
        let init = child(holder.pid())?;
        Ok(Self { holder, init, netns: Arc::clone(netns) })
    }

    /// The name of its control groups, directly below the root of every controller.
    #[must_use]
    pub fn cgroup(&self) -> &str {
        self.netns.name()
    }

    /// Its network namespace.
    #[must_use]
    pub fn netns(&self) -> &Arc<Netns> {
        &self.netns
    }

    /// A command run on it, to its end.
    ///
    /// # Errors
    /// As [`run`].
    pub fn exec(&self, argv: &[&str]) -> Result<String> {
        let enter = self.enter();
        run(&[&enter.iter().map(String::as_str).collect::<Vec<_>>()[..], argv].concat())
    }

    /// A daemon on it.
    ///
    /// # Errors
    /// As [`Daemon::start`].
    pub fn spawn(&self, name: &str, argv: &[&str], log: &Path) -> Result<Inside> {
        let enter = self.enter();
        let argv = [&enter.iter().map(String::as_str).collect::<Vec<_>>()[..], argv].concat();
        Ok(Inside { way: Daemon::start(name, &argv, log)? })
    }

    fn enter(&self) -> Vec<String> {
        // Process 1 need not be asked for the network namespace it is in.
        vec![
            "nsenter".into(),
            format!("--target={}", self.init),
            "--net".into(),
            "--mount".into(),
            "--pid".into(),
        ]
    }

    /// Ends all its processes at once, as a loss of power does.
    ///
    /// # Errors
    /// When process 1 cannot be killed, or something survives it.
    pub fn power_off(&mut self) -> Result<()> {
        self.holder.kill()?;
        wait::until("a node's processes end", END_LIMIT, || {
            ensure(!Path::new("/proc").join(self.init.to_string()).exists(), || {
                format!("process {} is still there", self.init)
            })
        })?;
        remove_cgroups(self.cgroup());
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // An error means that it is off already.
        let _ = self.power_off();
    }
}

/// A daemon on a machine. `nsenter` forks to get into a pid namespace, so signals go to its child.
#[derive(Debug)]
pub struct Inside {
    way: Daemon,
}

impl Inside {
    /// Its process id, as seen from outside.
    ///
    /// # Errors
    /// When it is not there (yet).
    pub fn pid(&self) -> Result<u32> {
        child(self.way.pid())
    }

    /// Fails, with the end of its log, when the process is no longer there.
    ///
    /// # Errors
    /// The exit status and the log.
    pub fn check_alive(&mut self) -> Result<()> {
        self.way.check_alive()
    }

    /// The last lines of its log, for messages.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.way.log_tail()
    }

    /// SIGKILL, and waits for its end. What it started stays.
    ///
    /// # Errors
    /// When it is not there, or does not end.
    pub fn kill(&mut self) -> Result<()> {
        let pid = i32::try_from(self.pid()?).ok().and_then(Pid::from_raw);
        kill_process(pid.ok_or_else(|| Fault::new("a pid out of range"))?, Signal::KILL)?;
        wait::until("a daemon ends on SIGKILL", END_LIMIT, || {
            ensure(self.way.check_alive().is_err(), || "still there".to_owned())
        })?;
        Ok(())
    }
}

/// The one child of a process.
fn child(pid: u32) -> Result<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let (child, _) = wait::until("a process has its child", START_LIMIT, || {
        let children = std::fs::read_to_string(&path).during(&path)?;
        let first = children.split_whitespace().next().and_then(|pid| pid.parse().ok());
        first.ok_or_else(|| Fault::new(format!("{path} names none")))
    })?;
    Ok(child)
}

/// Where groups are made: below every controller, or in the one hierarchy for all of them (version 2).
fn hierarchies() -> Result<Vec<PathBuf>> {
    let root = Path::new(CGROUPS);
    if root.join("cgroup.controllers").exists() {
        return Ok(vec![root.to_owned()]);
    }
    Ok(std::fs::read_dir(root).during(CGROUPS)?.flatten().map(|entry| entry.path()).collect())
}

/// Makes the control groups of this name.
///
/// # Errors
/// When the machine has none that can be written.
pub(super) fn make_cgroups(name: &str) -> Result<()> {
    let made = hierarchies()?.iter().filter(|dir| std::fs::create_dir(dir.join(name)).is_ok()).count();
    ensure(made > 0, || format!("no control group can be made below {CGROUPS}"))
}

/// Removes the control groups of this name and all below.
fn remove_cgroups(name: &str) {
    for dir in hierarchies().unwrap_or_default() {
        remove_tree(&dir.join(name));
    }
}

/// Control groups have no files that could be removed, only directories, innermost first.
fn remove_tree(dir: &Path) {
    let below = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for entry in below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove_tree(&entry.path());
    }
    // An error means that there is none, or that the kernel is not done with its processes yet: see `sweep`.
    let _ = std::fs::remove_dir(dir);
}

/// Removes the control groups of machines whose test is gone: their names hold its pid, see [`Netns`].
pub(super) fn sweep() {
    let dirs = hierarchies().unwrap_or_default();
    let groups = dirs.iter().flat_map(|dir| std::fs::read_dir(dir).into_iter().flatten().flatten());
    let groups: Vec<PathBuf> = groups.map(|group| group.path()).collect();
    for group in groups {
        let name = group.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if crate::netns::is_orphan(name) {
            remove_tree(&group);
        }
    }
}

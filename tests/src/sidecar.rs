//! The other program under test: `sidecar bfd`, as it runs in a gateway's pod.

use crate::fault::{Result, ensure};
use crate::netns::Netns;
use crate::proc::{Daemon, run};
use crate::speaker;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A sidecar that answers BFD.
#[derive(Debug)]
pub struct Sidecar {
    daemon: Daemon,
    program: String,
    // After the daemon: see `Router`.
    netns: Arc<Netns>,
}

impl Sidecar {
    /// Starts `sidecar bfd` in a namespace, with these variables as `NAME=value`.
    ///
    /// # Errors
    /// When there is no binary to start.
    pub fn start(netns: &Arc<Netns>, dir: &Path, environment: &[&str]) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        let program = binary()?.display().to_string();
        let argv = [&["env"], environment, &[&program, "bfd"]].concat();
        let daemon = netns.spawn("sidecar", &argv, &dir.join("sidecar.log"))?;
        Ok(Self { daemon, program, netns: Arc::clone(netns) })
    }

    /// `bfdd-control …`, asked of it.
    ///
    /// # Errors
    /// What it says when it fails.
    pub fn control(&self, command: &[&str]) -> Result<String> {
        let enter = ["ip", "netns", "exec", self.netns.name(), &self.program, "bfdd-control"];
        run(&[&enter[..], command].concat())
    }

    /// Fails unless its own status shows so many sessions in this state, and no other.
    ///
    /// # Errors
    /// What it shows.
    pub fn shows(&self, count: usize, state: &str) -> Result<()> {
        let status = self.control(&["status"])?;
        let said = |what: &str| status.lines().filter(|line| line.contains(what)).count();
        let right = said(&format!("state={state} ")) == count && said("state=") == count;
        ensure(right, || format!("not {count} sessions {state}: {status}"))
    }

    /// Fails if its own status shows a session Up.
    ///
    /// # Errors
    /// What it shows.
    pub fn shows_none_up(&self) -> Result<()> {
        let status = self.control(&["status"])?;
        ensure(!status.contains("state=Up"), || format!("one is up: {status}"))
    }

    /// SIGTERM; it must leave with exit code 0.
    ///
    /// # Errors
    /// When it does not end, or ends with another status.
    pub fn terminate(&mut self) -> Result<()> {
        let status = self.daemon.terminate()?;
        ensure(status.success(), || format!("the sidecar left with {status}; {}", self.daemon.log_tail()))
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn kill(&mut self) -> Result<()> {
        self.daemon.kill()
    }

    /// SIGSTOP, or SIGCONT.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn pause(&self, stopped: bool) -> Result<()> {
        self.daemon.pause(stopped)
    }

    /// Its status and the end of its log, for messages.
    #[must_use]
    pub fn state(&self) -> String {
        let status = self.control(&["status", "all", "level", "4"]);
        format!("{}\n{}", self.daemon.log_tail(), status.unwrap_or_else(|fault| fault.to_string()))
    }
}

/// `$SIDECAR_BIN`, else the binary beside the speaker's.
///
/// # Errors
/// When there is none.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("SIDECAR_BIN") {
        return Ok(path.into());
    }
    let path = speaker::beside("sidecar")?;
    ensure(path.exists(), || {
        format!("{} is missing: run `cargo build -p sidecar` first, or set SIDECAR_BIN", path.display())
    })?;
    Ok(path)
}

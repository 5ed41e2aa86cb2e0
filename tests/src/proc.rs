//! Child processes: short ones with a bound, daemons that are ended by their pid.

use crate::fault::{During, Fault, Result, ensure};
use crate::wait;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

/// No command of a lab takes longer than this, in seconds, unless it hangs.
const COMMAND_LIMIT: &str = "20";

/// How long a daemon may take to end on a signal before it counts as hung.
const END_LIMIT: Duration = Duration::from_secs(5);

/// Runs a command to its end and returns what it printed on stdout.
///
/// # Errors
/// When it cannot start, exits with another code than 0 or takes more than 20 s; with its stderr.
pub fn run(argv: &[&str]) -> Result<String> {
    let output = output(argv)?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure(output.status.success(), || {
        let stderr = String::from_utf8_lossy(&output.stderr);
        format!("`{}`: {}: {} {}", argv.join(" "), output.status, stderr.trim(), stdout.trim())
    })?;
    Ok(stdout)
}

/// Runs a command to its end, whatever its exit code.
///
/// # Errors
/// When it cannot start; after 20 s it is ended, with code 124.
pub fn output(argv: &[&str]) -> Result<Output> {
    Command::new("timeout")
        .args(["-k", "1", COMMAND_LIMIT])
        .args(argv)
        .stdin(Stdio::null())
        .output()
        .during(format_args!("timeout {}", argv.join(" ")))
}

/// A process that runs until it is told to end; killed, and reaped, when dropped.
///
/// The command must `exec` into the daemon (as `ip netns exec` does), so that the child's pid is the
/// daemon's own. What it prints on stdout and stderr goes into one file.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts it; `log` is truncated first.
    ///
    /// # Errors
    /// When the program or the log file cannot be had.
    pub fn start(name: &str, argv: &[&str], log: &Path) -> Result<Self> {
        let (program, args) = argv.split_first().ok_or_else(|| Fault::new("nothing to start"))?;
        let out = File::create(log).during(log.display())?;
        let err = out.try_clone()?;
        let child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .spawn()
            .during(format_args!("starting {name}"))?;
        Ok(Self { name: name.to_owned(), child, log: log.to_owned() })
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything it printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Fails, with the end of its log, when the process is no longer there.
    ///
    /// # Errors
    /// The exit status and the log.
    pub fn check_alive(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(Fault::new(format!("{} ended: {status}; {}", self.name, self.log_tail()))),
        }
    }

    /// The last lines of the log, for messages.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        format!("log of {}:\n{}", self.name, lines[lines.len().saturating_sub(25)..].join("\n"))
    }

    /// SIGTERM, then waits for the end (at most 5 s).
    ///
    /// # Errors
    /// When it is still there after that.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        let name = format!("{} ends on SIGTERM", self.name);
        let (status, _) = wait::until(&name, END_LIMIT, || {
            self.child.try_wait()?.ok_or_else(|| Fault::new(format!("still running; {}", self.log_tail())))
        })?;
        Ok(status)
    }

    /// SIGKILL, and reaps it.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGSTOP, or SIGCONT.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn pause(&self, stopped: bool) -> Result<()> {
        self.signal(if stopped { Signal::STOP } else { Signal::CONT })
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| Fault::new("a pid out of range"))?;
        kill_process(pid, signal).during(format_args!("signal to {}", self.name))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // SIGKILL cannot be refused, so the wait is bounded; an error means that it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! What makes life hard for our process: busy cores, a quota of CPU time, being stopped.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::child::Process;

/// Keeps a core busy for ever. The parent ends it.
pub(crate) fn burn() {
    let mut number = 0_u64;
    loop {
        number = std::hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    }
}

/// One process for each core that never sleeps, at the usual priority.
pub(crate) fn busy_cores() -> Vec<Process> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    (0..cores).map(|_| Process::helper(&[], &["burn".to_owned()])).collect()
}

/// What a group of processes may have of one CPU: 20 ms of each 100 ms, together.
pub(crate) enum Quota {
    /// A control group, to be removed.
    Group(PathBuf),
    /// Where there are none to be had: all are stopped for 80 ms and run for 20 ms.
    Pulse(Arc<AtomicBool>, Option<JoinHandle<()>>),
}

const PERIOD: Duration = Duration::from_millis(100);
const SHARE: Duration = Duration::from_millis(20);

impl Quota {
    pub(crate) fn of(members: &[u32]) -> Self {
        let name = format!("bfd-load-{}", std::process::id());
        let (period, share) = (PERIOD.as_micros(), SHARE.as_micros());
        let v1 = [("cpu.cfs_period_us", period.to_string()), ("cpu.cfs_quota_us", share.to_string())];
        let v2 = [("cpu.max", format!("{share} {period}"))];
        let group = group(&Path::new("/sys/fs/cgroup/cpu").join(&name), &v1, members)
            .or_else(|| group(&Path::new("/sys/fs/cgroup").join(&name), &v2, members));
        group.map_or_else(|| Self::pulse(members), Self::Group)
    }

    fn pulse(members: &[u32]) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let members: Vec<Pid> =
            members.iter().filter_map(|pid| Pid::from_raw(i32::try_from(*pid).ok()?)).collect();
        let watched = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let all = |signal| members.iter().for_each(|pid| _ = kill_process(*pid, signal));
            while !watched.load(Ordering::Relaxed) {
                all(Signal::STOP);
                std::thread::sleep(PERIOD.saturating_sub(SHARE));
                all(Signal::CONT);
                std::thread::sleep(SHARE);
            }
        });
        Self::Pulse(over, Some(thread))
    }

    /// How it was done, and how often it bit.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Group(path) => {
                let stat = fs::read_to_string(path.join("cpu.stat")).unwrap_or_default();
                let throttled = stat.lines().filter(|line| line.contains("throttled"));
                format!("control group: {}", throttled.collect::<Vec<_>>().join(", "))
            }
            Self::Pulse(..) => "no control group to be had: stopped for 80 ms of each 100 ms".to_owned(),
        }
    }
}

/// Makes a group with these limits and members; `None` if the system does not let us.
fn group(path: &Path, limits: &[(&str, String)], members: &[u32]) -> Option<PathBuf> {
    fs::create_dir(path).ok()?;
    let done = limits.iter().try_for_each(|(file, value)| write(path, file, value));
    let done =
        done.and_then(|()| members.iter().try_for_each(|pid| write(path, "cgroup.procs", &pid.to_string())));
    if done.is_err() {
        let _ = fs::remove_dir(path);
    }
    done.ok().map(|()| path.to_owned())
}

/// Never creates a file: where the kernel has none of that name, there is none.
fn write(path: &Path, file: &str, value: &str) -> std::io::Result<()> {
    use std::io::Write;
    fs::OpenOptions::new().write(true).open(path.join(file))?.write_all(value.as_bytes())
}

impl Drop for Quota {
    fn drop(&mut self) {
        match self {
            Self::Group(path) => {
                let members = fs::read_to_string(path.join("cgroup.procs")).unwrap_or_default();
                let above = path.parent().unwrap_or(path);
                members.lines().for_each(|pid| drop(write(above, "cgroup.procs", pid)));
                let _ = fs::remove_dir(path);
            }
            Self::Pulse(over, thread) => {
                over.store(true, Ordering::Relaxed);
                let _ = thread.take().map(JoinHandle::join);
            }
        }
    }
}

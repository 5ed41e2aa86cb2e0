//! What klog's flags ask for, without the flags.

use std::path::PathBuf;
use std::str::FromStr;

use tracing::Level;

use crate::cli::KlogFlags;

/// The file's name when only a directory is given.
const NAME: &str = "kube-ovn-speaker.log";

/// klog's severities; a message has the least of them that its level reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Threshold {
    /// Everything: klog counts all its verbose messages as INFO.
    #[default]
    Info,
    /// Warnings and worse.
    Warning,
    /// Errors.
    Error,
    /// Only what ends the process.
    Fatal,
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_uppercase().as_str() {
            "INFO" | "0" => Ok(Self::Info),
            "WARNING" | "1" => Ok(Self::Warning),
            "ERROR" | "2" => Ok(Self::Error),
            "FATAL" | "3" => Ok(Self::Fatal),
            _ => Err(format!("{text:?} is none of INFO, WARNING, ERROR, FATAL and 0 to 3")),
        }
    }
}

impl From<Level> for Threshold {
    fn from(level: Level) -> Self {
        match level {
            Level::ERROR => Self::Error,
            Level::WARN => Self::Warning,
            _ => Self::Info,
        }
    }
}

/// Where the log goes and how much of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// klog's `-v`.
    pub verbosity: i32,
    /// Whether lines start with time and level.
    pub headers: bool,
    /// The least that goes to stderr.
    pub stderr: Threshold,
    /// The file, which takes everything.
    pub file: Option<FileSettings>,
}

/// A log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSettings {
    /// Its path.
    pub path: PathBuf,
    /// Octets at which it becomes `PATH.1`; 0: never.
    pub max_size: u64,
    /// Mode, set even on a file that is there already; `None`: 640 for a new one.
    pub mode: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { verbosity: 0, headers: true, stderr: Threshold::Info, file: None }
    }
}

impl Settings {
    /// As klog reads its flags; with neither stderr nor a file asked for, stderr it is (klog: a file in `/tmp`).
    #[must_use]
    pub fn from_flags(flags: &KlogFlags, mode: Option<u32>) -> Self {
        let path = match (flags.file.as_os_str().is_empty(), flags.dir.as_os_str().is_empty()) {
            (false, _) => Some(flags.file.clone()),
            (true, false) => Some(flags.dir.join(NAME)),
            (true, true) => None,
        };
        let path = path.filter(|_| !flags.to_stderr);
        let stderr = match (&path, flags.legacy_threshold) {
            // With --logtostderr=false there is nowhere else to look.
            (None, legacy) if legacy || !flags.to_stderr => Threshold::Info,
            (Some(_), true) if flags.also_to_stderr => flags.also_threshold.unwrap_or_default(),
            (Some(_), false) if flags.also_to_stderr => {
                flags.also_threshold.unwrap_or(flags.stderr_threshold)
            }
            _ => flags.stderr_threshold,
        };
        let max_size = flags.file_max_size.saturating_mul(1 << 20);
        let file = path.map(|path| FileSettings { path, max_size, mode });
        Self { verbosity: flags.verbosity, headers: !flags.skip_headers, stderr, file }
    }
}

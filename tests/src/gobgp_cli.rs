//! The stock `gobgp` commands, unmodified, as clients of the speaker, and transcripts to compare them with.

use crate::fault::{During, Fault, Result, ensure};
use crate::netns::Netns;
use crate::proc::{Daemon, output};
use crate::speaker::binary;
use crate::wait;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the speaker and its routers may take to be as a transcript says.
const SETTLE: Duration = Duration::from_secs(20);

/// A generation of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cli {
    /// 3.10 of Debian 12.
    V3,
    /// 4.8.0, compiled by `tests/setup.sh`.
    V4,
    /// The speaker's own program, called by that name: it prints what 4.8 prints.
    Ours,
}

impl Cli {
    /// How it is called, in front of its arguments.
    fn words(self) -> Result<Vec<String>> {
        let words = match self {
            Self::V3 => vec!["/usr/bin/gobgp".to_owned()],
            Self::V4 => vec![crate::cache::program("gobgp-4.8.0/gobgp")?],
            Self::Ours => {
                let called = r#"exec -a gobgp "$0" "$@""#;
                vec!["bash".to_owned(), "-c".to_owned(), called.to_owned(), binary()?.display().to_string()]
            }
        };
        Ok(words)
    }

    /// Its directory of transcripts.
    #[must_use]
    pub fn golden(self) -> PathBuf {
        let name = match self {
            Self::V3 => "gobgp-3.10",
            Self::V4 | Self::Ours => "gobgp-4.8",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name)
    }

    /// What it prints on stdout for these arguments, and `[exit N]` after it unless N is 0.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn ask(self, netns: &Netns, arguments: &[&str]) -> Result<String> {
        let words = self.words()?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = output(&[&["ip", "netns", "exec", netns.name()], &words[..], arguments].concat())?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        match output.status.code() {
            Some(0) => {}
            code => text.push_str(&format!("[exit {}]\n", code.unwrap_or(-1))),
        }
        Ok(text)
    }

    /// Starts it in the background, as `monitor` wants it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn watch(self, netns: &Netns, arguments: &[&str], log: &Path) -> Result<Daemon> {
        let words = self.words()?;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        netns.spawn("gobgp monitor", &[&words[..], arguments].concat(), log)
    }

    /// Has every command of a transcript run until it prints what stands there.
    ///
    /// # Errors
    /// The first that does not, with both texts.
    pub fn follow(self, netns: &Netns, transcript: &str) -> Result<()> {
        let golden = self.golden();
        let text =
            std::fs::read_to_string(golden.join(transcript)).during(golden.join(transcript).display())?;
        let steps: Vec<&str> = text.split("$ gobgp ").filter(|step| !step.trim().is_empty()).collect();
        ensure(!steps.is_empty(), || format!("no command in {transcript}"))?;
        for step in steps {
            let (command, expected) = step.split_once('\n').unwrap_or((step, ""));
            let arguments: Vec<&str> = command.split_whitespace().collect();
            wait::until(&format!("{self:?}: gobgp {command}"), SETTLE, || {
                let printed = masked(&self.ask(netns, &arguments)?);
                ensure(printed == masked(expected), || {
                    format!("printed:\n{printed}\nexpected:\n{}", masked(expected))
                })
            })?;
        }
        Ok(())
    }

    /// When the session began, in seconds since 1970.
    ///
    /// # Errors
    /// When there is no such neighbour, or it was never Established.
    pub fn uptime(self, netns: &Netns, neighbor: &str) -> Result<u64> {
        let shown = self.ask(netns, &["neighbor", neighbor, "-j"])?;
        let value: serde_json::Value = serde_json::from_str(&shown)?;
        let seconds = value["timers"]["state"]["uptime"]["seconds"].as_u64();
        seconds.ok_or_else(|| Fault::new(format!("no uptime in {value}")))
    }
}

/// Without what depends on the clock or the machine: times of day and durations, the host's name, messages that are
/// sent by the clock, and spaces at line ends.
#[must_use]
pub fn masked(text: &str) -> String {
    let lines = text.lines().map(|line| match line.trim_start() {
        counted if counted.starts_with("Keepalives:") => "    Keepalives: by the clock".to_owned(),
        counted if counted.starts_with("Total:") => "    Total: by the clock".to_owned(),
        // Blanks in protobuf's text differ from build to build, on purpose.
        table if table.starts_with("Table afi:") => table.replace("  ", " "),
        named if named.starts_with("name: ") => "         name: of the host".to_owned(),
        _ => clockless(line).trim_end().to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// `HH:MM:SS` as `--:--:--`, and `YYYY-MM-DDTHH:MM:SSZ` as `TIME`.
fn clockless(line: &str) -> String {
    let digits = |text: &str| {
        let zero = |one: char| if one.is_ascii_digit() { '0' } else { one };
        text.chars().map(zero).collect::<String>()
    };
    let mut out = line.to_owned();
    for (form, mask) in [("0000-00-00T00:00:00Z", "TIME"), ("00:00:00", "--:--:--")] {
        let places: Vec<usize> = digits(&out).match_indices(form).map(|(at, _)| at).collect();
        for at in places.into_iter().rev() {
            out.replace_range(at..at + form.len(), mask);
        }
    }
    out
}

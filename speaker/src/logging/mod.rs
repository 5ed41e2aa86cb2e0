//! The log: klog's flags, tracing's lines, and no way for a slow disk to hold up routing.
//!
//! A line is formatted where it is logged, counted, and left in a queue per sink; threads write. It goes to the
//! file, if there is one, and to stderr if its level reaches the threshold.

mod file;
mod queue;
mod settings;

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tracing::{Dispatch, Level, Metadata};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, fmt};

use file::LogFile;
use queue::Queue;
pub use settings::{FileSettings, Settings, Threshold};

/// How long the end of the process waits for each sink.
const FLUSH: Duration = Duration::from_secs(1);

static LINES: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
static BYTES: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];

/// What was logged since the start, by severity: INFO (with everything below), WARN, ERROR.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines.
    pub lines: [u64; 3],
    /// Octets.
    pub bytes: [u64; 3],
    /// Lines that a sink never saw because it was too slow or failed; a line may be missing in both.
    pub dropped: u64,
}

/// What was logged so far by this process.
#[must_use]
pub fn counts() -> Counts {
    let read = |all: &[AtomicU64; 3]| all.each_ref().map(|one| one.load(Ordering::Relaxed));
    Counts { lines: read(&LINES), bytes: read(&BYTES), dropped: queue::dropped() }
}

/// Keeps the log going; dropped, it writes out what waits, for two seconds at most.
#[must_use]
pub struct Guard {
    file: Option<Arc<Queue>>,
    stderr: Arc<Queue>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The file first: its last words go to stderr.
        for queue in self.file.iter().chain([&self.stderr]) {
            queue.close(FLUSH);
        }
    }
}

/// Makes this the log of the process.
///
/// # Errors
/// No thread could be had, or the process has a log already.
pub fn init(settings: &Settings) -> io::Result<Guard> {
    let (log, guard) = start(settings)?;
    log.try_init().map_err(io::Error::other)?;
    Ok(guard)
}

/// The log without making it the process's own. A file that cannot be written is no error: it is told on stderr and
/// tried again.
///
/// # Errors
/// No thread could be had.
pub fn start(settings: &Settings) -> io::Result<(Dispatch, Guard)> {
    let stderr = Queue::start("log-stderr", |lines| match io::stderr().write(lines) {
        Ok(written) => (written, Ok(())),
        Err(error) => (0, Err(error)),
    })?;
    let file = match &settings.file {
        None => None,
        Some(file) => {
            let mut file = LogFile::new(file.clone(), Arc::clone(&stderr));
            Some(Queue::start("log-file", move |lines| file.write(lines))?)
        }
    };
    let guard = Guard { file: file.clone(), stderr: Arc::clone(&stderr) };
    // One formatting for both sinks, so colours only where there is no file to spoil.
    let colours = file.is_none() && io::stderr().is_terminal();
    let sinks = Sinks { file, stderr, threshold: settings.stderr };
    let layer = fmt::layer().with_writer(sinks).with_ansi(colours).with_target(false);
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match settings.headers {
        true => layer.boxed(),
        false => layer.without_time().with_level(false).boxed(),
    };
    let wanted = std::env::var("RUST_LOG").ok().filter(|wanted| !wanted.is_empty());
    let subscriber = tracing_subscriber::registry().with(layer).with(filter(settings.verbosity, wanted));
    Ok((subscriber.into(), guard))
}

fn filter(verbosity: i32, wanted: Option<String>) -> Targets {
    let wanted = wanted.and_then(|wanted| {
        let filter = wanted.parse();
        filter.map_err(|error| eprintln!("speaker: RUST_LOG: {wanted:?} is left aside: {error}")).ok()
    });
    wanted.unwrap_or_else(|| directives(verbosity).parse().unwrap_or_default())
}

/// A burst of route events overruns netlink-proto's socket, which costs nothing here: one look answers for all. The API
/// client would log whole answers it cannot read, secrets of Pods included, and every attempt: what counts of that is told
/// by the source.
fn directives(verbosity: i32) -> &'static str {
    match verbosity {
        ..=2 => "info,netlink_proto=error,kube_client=off",
        3..=4 => "info,netlink_proto=error,kube_client=off,speaker=debug,bgp=debug,kubeovn=debug",
        5.. => "info,netlink_proto=error,kube_client=off,speaker=trace,bgp=trace,kubeovn=trace",
    }
}

/// Where lines go.
struct Sinks {
    file: Option<Arc<Queue>>,
    stderr: Arc<Queue>,
    threshold: Threshold,
}

/// One line of one level.
struct Line<'a> {
    to: &'a Sinks,
    severity: Threshold,
}

impl<'a> MakeWriter<'a> for Sinks {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { to: self, severity: Level::INFO.into() }
    }

    fn make_writer_for(&'a self, of: &Metadata<'_>) -> Line<'a> {
        Line { to: self, severity: (*of.level()).into() }
    }
}

impl Write for Line<'_> {
    /// The layer writes each line in one call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let at = match self.severity {
            Threshold::Info => 0,
            Threshold::Warning => 1,
            Threshold::Error | Threshold::Fatal => 2,
        };
        LINES[at].fetch_add(1, Ordering::Relaxed);
        BYTES[at].fetch_add(line.len() as u64, Ordering::Relaxed);
        if let Some(file) = &self.to.file {
            file.push(line);
        }
        if self.severity >= self.to.threshold {
            self.to.stderr.push(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbosity_reaches_our_crates_only_and_rust_log_wins() {
        for (verbosity, expected) in [(-1, "info"), (2, "info"), (3, "debug"), (4, "debug"), (5, "trace")] {
            let filter = filter(verbosity, None).to_string();
            let ours = filter.split(',').find_map(|part| part.strip_prefix("bgp="));
            assert_eq!(ours.unwrap_or("info"), expected, "{filter}");
            assert!(filter.split(',').any(|part| part == "info"), "others stay at info: {filter}");
        }
        assert_eq!(filter(5, Some("warn".to_owned())).to_string(), "warn");
        assert!(filter(3, Some("a=b=c".to_owned())).to_string().contains("bgp=debug"));
    }
}

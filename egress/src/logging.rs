//! Log lines on stderr.

use std::io;

use tracing::level_filters::LevelFilter;

/// Writes lines of this level and above to stderr, of our own crates; of others only warnings. Once for a process.
///
/// What clients and watches of the API server warn about is told by us, with the kind and once.
pub fn init(level: LevelFilter) {
    use tracing_subscriber::filter::Targets;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("egress", level)
        .with_target("ovn", level)
        .with_target("kube_runtime", LevelFilter::OFF)
        .with_target("kube_client::client::builder", LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
    // A second time is a mistake of a test at most, and no reason to end.
    let _ = tracing_subscriber::registry().with(targets).with(lines).try_init();
}

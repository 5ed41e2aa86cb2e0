//! What Prometheus gets, made of one [`Snapshot`] at the moment of a scrape, so never stale.
//!
//! The first eight series have the names of kube-ovn's supervisor. There is no child process here and nothing gives
//! up, so what counts those stays 0.

use bfd::State;
use bfd::session::{Role, Status};
use prometheus::core::Collector;
use prometheus::{Counter, CounterVec, Gauge, GaugeVec, Opts, Registry, TextEncoder};

use crate::beacon::{Expected, Snapshot};
use crate::status;

/// Prefix of every name.
const PREFIX: &str = "kube_ovn_bfdd_";

/// The series of one scrape on their way into the text.
pub(crate) struct Page {
    registry: Registry,
    prefix: &'static str,
}

impl Page {
    /// Without a series; every name starts with the prefix.
    pub(crate) fn new(prefix: &'static str) -> Self {
        Self { registry: Registry::new(), prefix }
    }

    /// In the text format 0.0.4.
    pub(crate) fn text(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    fn add(&self, collector: impl Collector + 'static) -> prometheus::Result<()> {
        self.registry.register(Box::new(collector))
    }

    pub(crate) fn gauge(&self, name: &str, help: &str, value: f64) -> prometheus::Result<()> {
        let gauge = Gauge::with_opts(Opts::new(format!("{}{name}", self.prefix), help))?;
        gauge.set(value);
        self.add(gauge)
    }

    pub(crate) fn counter(&self, name: &str, help: &str, value: f64) -> prometheus::Result<()> {
        let counter = Counter::with_opts(Opts::new(format!("{}{name}", self.prefix), help))?;
        counter.inc_by(value);
        self.add(counter)
    }

    pub(crate) fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<GaugeVec> {
        let gauges = GaugeVec::new(Opts::new(format!("{}{name}", self.prefix), help), labels)?;
        self.add(gauges.clone())?;
        Ok(gauges)
    }

    pub(crate) fn counters(&self, name: &str, help: &str, labels: &[&str]) -> prometheus::Result<CounterVec> {
        let counters = CounterVec::new(Opts::new(format!("{}{name}", self.prefix), help), labels)?;
        self.add(counters.clone())?;
        Ok(counters)
    }
}

/// The whole page, in the text format 0.0.4.
///
/// # Errors
/// The encoder's.
pub fn text(snapshot: &Snapshot) -> prometheus::Result<String> {
    let page = Page::new(PREFIX);
    supervisor(&page, snapshot)?;
    sessions(&page, &snapshot.sessions)?;
    engine(&page, snapshot)?;
    page.text()
}

/// What an expected session is in, by the names of kube-ovn's supervisor: `Up`, or `Grace`, in which it is waited for.
#[must_use]
pub fn phase(expected: &Expected) -> &'static str {
    if expected.state == Some(State::Up) { "Up" } else { "Grace" }
}

fn supervisor(page: &Page, snapshot: &Snapshot) -> prometheus::Result<()> {
    let up = snapshot.expected.iter().filter(|expected| expected.state == Some(State::Up)).count();
    page.gauge("expected_sessions", "Sessions that are wanted.", float(snapshot.expected.len()))?;
    page.gauge("up_sessions", "Wanted sessions that are Up.", float(up))?;
    page.gauge(
        "session_zero_seconds",
        "For how long no wanted session is Up.",
        snapshot.none_up.as_secs_f64(),
    )?;
    page.counter("child_restarts_total", "Always 0: there is no child process.", 0.0)?;
    page.gauge("child_circuit_open", "Always 0: there is no child process.", 0.0)?;
    let attempts = page.counters(
        "recovery_attempts_total",
        "Sessions that were gone though wanted and were opened again, or could not be.",
        &["action", "result"],
    )?;
    attempts.with_label_values(&["ReplayConfiguration", "success"]).inc_by(whole(snapshot.recovered));
    attempts.with_label_values(&["ReplayConfiguration", "error"]).inc_by(whole(snapshot.failed));
    let phases = page.gauges(
        "recovery_phase",
        "1 for the phase a wanted session is in: Up, or Grace while it is waited for.",
        &["local", "remote", "phase"],
    )?;
    let circuits =
        page.gauges("circuit_open", "Always 0: a session is never given up.", &["local", "remote"])?;
    for expected in &snapshot.expected {
        let (local, remote) = (expected.local.to_string(), expected.remote.to_string());
        phases.with_label_values(&[local.as_str(), &remote, phase(expected)]).set(1.0);
        circuits.with_label_values(&[&local, &remote]).set(0.0);
    }
    Ok(())
}

fn sessions(page: &Page, sessions: &[Status]) -> prometheus::Result<()> {
    let ends = ["local", "remote"];
    let state = page.gauges(
        "session_state",
        "State of a session as RFC 5880 numbers it: 0 AdminDown, 1 Down, 2 Init, 3 Up.",
        &["local", "remote", "role"],
    )?;
    let detection = page.gauges(
        "session_detection_seconds",
        "How long the other end may be silent; 0: for ever.",
        &ends,
    )?;
    let interval = page.gauges(
        "session_transmit_interval_seconds",
        "Interval of our packets before jitter; 0: none are sent.",
        &ends,
    )?;
    let failures = page.counters("session_failures_total", "Times a session left Up.", &ends)?;
    let received = page.counters("session_received_packets_total", "Valid packets of a session.", &ends)?;
    let sent = page.counters("session_transmitted_packets_total", "Packets sent by a session.", &ends)?;
    for session in sessions {
        let (local, remote) = (status::local(session).to_string(), status::remote(session).to_string());
        let role = if session.role == Role::Active { "active" } else { "passive" };
        let ends = [local.as_str(), &remote];
        state.with_label_values(&[ends[0], ends[1], role]).set(f64::from(session.state as u8));
        detection.with_label_values(&ends).set(session.detection_time.as_secs_f64());
        interval.with_label_values(&ends).set(session.transmit_interval.as_secs_f64());
        failures.with_label_values(&ends).inc_by(whole(session.failures));
        received.with_label_values(&ends).inc_by(whole(session.received));
        sent.with_label_values(&ends).inc_by(whole(session.transmitted));
    }
    Ok(())
}

fn engine(page: &Page, snapshot: &Snapshot) -> prometheus::Result<()> {
    let (counters, sockets) = (&snapshot.counters, &snapshot.sockets);
    page.counter("received_packets_total", "Datagrams taken from the sockets.", whole(counters.received))?;
    let discarded =
        page.counters("discarded_packets_total", "Datagrams not taken, by reason.", &["reason"])?;
    for (reason, count) in [
        ("invalid", counters.invalid),
        ("ttl", counters.ttl),
        ("unknown", counters.unknown),
        ("auth", counters.auth),
        ("full", counters.dropped),
        ("overflow", sockets.overflow),
    ] {
        discarded.with_label_values(&[reason]).inc_by(whole(count));
    }
    let errors =
        page.counters("socket_errors_total", "System calls that failed, by direction.", &["direction"])?;
    errors.with_label_values(&["receive"]).inc_by(whole(sockets.receive_errors));
    errors.with_label_values(&["send"]).inc_by(whole(sockets.send_errors));
    page.counter(
        "stalls_total",
        "Times our own thread was so late that detection clocks were stopped.",
        whole(counters.stalls),
    )?;
    page.counter(
        "lost_seconds_total",
        "Time for which detection clocks were stopped.",
        snapshot.lost_time.as_secs_f64(),
    )
}

/// As a metric's number: exact below 2^53, which no counter reaches.
pub(crate) fn whole(count: u64) -> f64 {
    count as f64
}

fn float(count: usize) -> f64 {
    count as f64
}

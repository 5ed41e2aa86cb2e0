//! Sessions as `status` prints them, to the byte (`docs/sidecar.md`).

use std::fmt::Write;
use std::time::{Duration, Instant};

use bfd::session::{Recorded, Role, Status};
use bfd::{Diagnostic, Micros};

use crate::address::Address;

/// Changes of state that are shown at most.
const SHOWN_CHANGES: usize = 4;

/// How much is shown, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// From 0, the least, to 4.
    pub level: i64,
    /// Numbers without commas, diagnostics as numbers, roles as one letter.
    pub brief: bool,
    /// All fields of a session on one line.
    pub compact: bool,
}

impl Form {
    /// Of `status` without arguments.
    pub const SHORT: Self = Self { level: 1, brief: false, compact: true };
    /// Where a session was asked for, before further words.
    pub const LONG: Self = Self { level: 1, brief: false, compact: false };

    fn separator(self) -> &'static str {
        if self.compact { "" } else { "\n " }
    }

    fn number(self, number: u128) -> String {
        if self.brief { number.to_string() } else { thousands(number) }
    }

    fn micros(self, micros: Micros) -> String {
        self.number(u128::from(micros.0))
    }

    fn diagnostic(self, diagnostic: Diagnostic) -> String {
        if self.brief { diagnostic.0.to_string() } else { diagnostic.name().to_owned() }
    }
}

/// Our address of a session: its own, else the one it heard packets on, else the unspecified one of its family.
#[must_use]
pub fn local(status: &Status) -> Address {
    let unspecified = match status.path.remote {
        std::net::IpAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
        std::net::IpAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let ip = status.path.local.or(status.local_heard).unwrap_or(unspecified);
    Address::on_link(ip, status.path.interface)
}

/// The other end's address of a session.
#[must_use]
pub fn remote(status: &Status) -> Address {
    Address::on_link(status.path.remote, status.path.interface)
}

/// All sessions with their headings.
#[must_use]
pub fn all(sessions: &[Status], form: Form, now: Instant) -> String {
    let mut text = format!("There are {} sessions:\n", sessions.len());
    for (index, status) in sessions.iter().enumerate() {
        if index > 0 && !form.compact {
            text.push('\n');
        }
        let _ = writeln!(text, "Session {}", status.id); // writing to a String cannot fail
        text.push_str(&one(status, form, now));
    }
    text
}

/// One session, without a heading.
#[must_use]
pub fn one(status: &Status, form: Form, now: Instant) -> String {
    let separator = form.separator();
    let role = match (status.role, form.level < 2 || form.brief) {
        (Role::Active, true) => "(a)",
        (Role::Active, false) => "(active)",
        (Role::Passive, true) => "(p)",
        (Role::Passive, false) => "(passive)",
    };
    let (id, local, remote, state) = (status.id, local(status), remote(status), status.state);
    if form.level <= 0 {
        return format!(
            " id={id} {separator}local={local} {separator}remote={remote} {separator}state={state}\n"
        );
    }
    let mut text = format!(" id={id} {separator}local={local} {role} {separator}remote={remote} {separator}");
    if form.level == 1 {
        let forced = if status.forced { "<Forced>" } else { "" };
        let suspended = if status.suspended { "<Suspended>" } else { "" };
        let _ = writeln!(text, "state={state}{forced} {suspended}");
        return text;
    }
    text.push_str(&both_ends(status, form));
    if form.level >= 3 {
        text.push_str(separator);
        text.push_str(&timing(status, form, now));
    }
    if form.level >= 4 {
        text.push_str(separator);
        text.push_str(&intervals(status, form));
    }
    text.push('\n');
    text
}

/// What level 2 adds.
fn both_ends(status: &Status, form: Form) -> String {
    let separator = form.separator();
    let forced = if status.forced { "Forced: " } else { "" };
    let suspended = if status.suspended { "Suspended: " } else { "" };
    format!(
        "LocalState={}<{forced}{suspended}{}> {separator}RemoteState={}<{}> {separator}LocalId={} \
         {separator}RemoteId={} ",
        status.state,
        form.diagnostic(status.diagnostic),
        status.remote_state,
        form.diagnostic(status.remote_diagnostic),
        status.discriminator.get(),
        status.remote_discriminator.map_or(0, bfd::Discriminator::get),
    )
}

/// What level 3 adds.
fn timing(status: &Status, form: Form, now: Instant) -> String {
    let separator = form.separator();
    let shown = if form.level >= 4 { SHOWN_CHANGES } else { 1 };
    format!(
        "Time={} {separator}CurrentTxInterval={} us {separator}CurrentRxTimeout={} us ",
        times(&status.history, shown, now),
        form.number(status.transmit_interval.as_micros()),
        form.number(status.detection_time.as_micros()),
    )
}

/// What level 4 adds.
fn intervals(status: &Status, form: Form) -> String {
    let separator = form.separator();
    let pending = |interval: Option<Micros>| {
        interval.map_or(String::new(), |interval| format!("(pending {} us) ", form.micros(interval)))
    };
    let wanted = status.settings.desired_min_tx;
    let default = match status.pending_min_tx.unwrap_or(status.desired_min_tx) == wanted {
        true => String::new(),
        false => format!("(def {} us) ", form.micros(wanted)),
    };
    format!(
        "LocalDetectMulti={} {separator}LocalDesiredMinTx={} us {}{default}{separator}LocalRequiredMinRx={} us \
         {}{separator}RemoteDetectMulti={} {separator}RemoteDesiredMinTx={} us {separator}RemoteRequiredMinRx={} us ",
        status.settings.detect_mult.get(),
        form.micros(status.desired_min_tx),
        pending(status.pending_min_tx),
        form.micros(status.required_min_rx),
        pending(status.pending_min_rx),
        status.remote_detect_mult.map_or(0, bfd::DetectMult::get),
        form.micros(status.remote_desired_min_tx),
        form.micros(status.remote_required_min_rx),
    )
}

/// How long each of the last states lasted, newest first, each with a space after it.
fn times(history: &[Recorded], shown: usize, now: Instant) -> String {
    let mut text = String::new();
    let mut until = now;
    for entry in history.iter().take(shown) {
        let forced = if entry.forced { "/F" } else { "" };
        let lasted = until.saturating_duration_since(entry.at);
        let _ = write!(text, "{}{forced}({}) ", entry.state, clock(lasted));
        until = entry.at;
    }
    text
}

/// Hours, minutes, seconds and milliseconds: `01:05:00.000`.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{:03}", seconds % 60, time.subsec_millis())
}

/// With a comma before every third digit from the right.
#[must_use]
pub fn thousands(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

//! What goes wrong with the API server: told once, waited out ever longer.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use kube::client::AuthError;
use kube::config::KubeconfigError;
use kube::core::Status;
use tracing::{debug, info, warn};

use crate::stages::Stages;
use crate::view::Kind;

/// The pause after a failure doubles between these, and is shortened by up to half at random: many speakers lose
/// the same API server at once.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// The longest pause a server may ask for.
const ASKED: Duration = Duration::from_secs(30);

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The server answered with an error.
    #[error("{} ({} {})", .0.message, .0.code, .0.reason)]
    Refused(Box<Status>),
    /// The connection did not work, or what came over it made no sense.
    #[error("{0}")]
    Broken(String),
    /// An answer that is not what was asked for. Its text may hold anything, so it is not told.
    #[error("the answer makes no sense at line {line}, column {column}")]
    Garbled {
        /// Where in it.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// Nothing came in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// `metadata.resourceVersion` runs backwards.
    #[error("metadata.resourceVersion went back from {before} to {after}")]
    Backwards {
        /// The version seen before.
        before: u64,
        /// The version that came after it.
        after: u64,
    },
    /// A list or an object without `metadata.resourceVersion`: nothing could be resumed from it.
    #[error("metadata.resourceVersion is missing in the answer")]
    NoVersion,
}

impl From<kube::Error> for Fault {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::Refused(status),
            kube::Error::SerdeError(error) => Self::Garbled { line: error.line(), column: error.column() },
            other => Self::Broken(brief(&other)),
        }
    }
}

/// The client's error with its causes, without which it says little, but without what it quotes of credentials: what a
/// program for them printed, the text of a file, a proxy's password.
pub(crate) fn brief(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let (more, last) = match (error.downcast_ref::<AuthError>(), error.downcast_ref::<kube::Error>()) {
            (Some(auth), _) | (None, Some(kube::Error::Auth(auth))) => (credentials(auth), true),
            (None, Some(kube::Error::ProxyProtocolDisabled { .. })) => {
                ("a proxy on the way to the API server is not supported".to_owned(), true)
            }
            _ => (error.to_string(), false),
        };
        if !text.contains(&more) {
            text = if text.is_empty() { more } else { format!("{text}: {more}") };
        }
        next = if last { None } else { error.source() };
    }
    text
}

fn credentials(error: &AuthError) -> String {
    match error {
        // Its arguments and what it printed may be secrets.
        AuthError::AuthExecRun { out, .. } => format!("the program of `exec` ended with {}", out.status),
        AuthError::AuthExecParse(_) => "the program of `exec` did not print an ExecCredential".to_owned(),
        AuthError::AuthExecStart(cause) => format!("the program of `exec` cannot be started: {cause}"),
        AuthError::ReadTokenFile(cause, file) => format!("token file {}: {cause}", file.display()),
        AuthError::InvalidBearerToken(_) => {
            "the token has characters that no HTTP header can have; is there a line end in its file?"
                .to_owned()
        }
        _ => "the credentials cannot be used".to_owned(),
    }
}

/// What is wrong with a kubeconfig, without any of its text.
pub(super) fn kubeconfig(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(error) => match error.location() {
            Some(at) => format!("line {}, column {}: this is no kubeconfig", at.line(), at.column()),
            None => "this is no kubeconfig".to_owned(),
        },
        KubeconfigError::ReadConfig(cause, _) => cause.to_string(),
        other => brief(other),
    }
}

impl Fault {
    /// 410 Gone: the version is too old, or the list it continues is.
    pub(super) fn is_expired(&self) -> bool {
        matches!(self, Self::Refused(status) if status.code == 410)
    }

    /// Asking for the same again may never help: what is known is to be listed anew. Rights that are missing and a
    /// server that is busy or away are no reason.
    pub(super) fn is_about_the_version(&self) -> bool {
        match self {
            Self::Refused(status) => !matches!(status.code, 401 | 403 | 429 | 503),
            Self::Garbled { .. } | Self::Backwards { .. } | Self::NoVersion => true,
            Self::Broken(_) | Self::TimedOut(_) => false,
        }
    }

    fn asked_pause(&self) -> Option<Duration> {
        let Self::Refused(status) = self else { return None };
        let seconds = status.details.as_ref()?.retry_after_seconds;
        Some(Duration::from_secs(seconds.into()).min(ASKED))
    }
}

/// How it stands with the API server for one kind.
#[derive(Debug)]
pub(super) struct Trouble {
    kind: Kind,
    stages: Arc<Stages>,
    failures: u32,
    told: Option<String>,
}

impl Trouble {
    pub(super) fn none(kind: Kind, stages: Arc<Stages>) -> Self {
        Self { kind, stages, failures: 0, told: None }
    }

    /// Says what is wrong, once while it stays the same, and waits.
    pub(super) async fn wait(&mut self, what: &'static str, fault: &Fault) {
        self.stages.troubled(self.kind, true);
        let (kind, text) = (self.kind.name(), fault.to_string());
        if self.told.as_ref() == Some(&text) {
            debug!(kind, "{what} failed again: {text}");
        } else {
            warn!(kind, "{what} failed: {text}; what is announced stays, it is tried again");
            self.told = Some(text);
        }
        tokio::time::sleep(self.pause(fault)).await;
    }

    /// The server answered as it should: the next fault is told.
    pub(super) fn answered(&mut self) {
        if self.told.take().is_some() {
            self.stages.troubled(self.kind, false);
            info!(kind = self.kind.name(), "the API server answers again");
        }
    }

    /// It has worked for a while: the next pause is a short one.
    pub(super) fn over(&mut self) {
        self.failures = 0;
    }

    fn pause(&mut self, fault: &Fault) -> Duration {
        let longest = PAUSE.0.saturating_mul(1 << self.failures.min(16)).min(PAUSE.1);
        self.failures = self.failures.saturating_add(1);
        let pause = longest.mul_f64(fastrand::f64().mul_add(0.5, 0.5));
        pause.max(fault.asked_pause().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound_and_start_anew() {
        let mut trouble = Trouble::none(Kind::Pod, Arc::default());
        let pauses: Vec<_> = (0..40).map(|_| trouble.pause(&Fault::NoVersion)).collect();
        assert!(pauses[0] >= Duration::from_millis(100) && pauses[0] <= Duration::from_millis(200));
        assert!(pauses[3] >= Duration::from_millis(800) && pauses[3] <= Duration::from_millis(1600));
        assert!(pauses[5..].iter().all(|pause| (2500..=5000).contains(&pause.as_millis())), "{pauses:?}");
        trouble.over();
        assert!(trouble.pause(&Fault::NoVersion) <= Duration::from_millis(200));
    }

    #[test]
    fn a_server_may_ask_for_a_pause_but_not_for_any() {
        let asking = |seconds: u32| {
            let details = serde_json::json!({"retryAfterSeconds": seconds});
            let status = serde_json::json!({"code": 429, "message": "busy", "details": details});
            Fault::Refused(serde_json::from_value(status).expect("a status"))
        };
        let mut trouble = Trouble::none(Kind::Pod, Arc::default());
        assert_eq!(trouble.pause(&asking(7)), Duration::from_secs(7));
        assert_eq!(trouble.pause(&asking(86400)), Duration::from_secs(30));
    }
}

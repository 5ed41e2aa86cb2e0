//! Asking the API server for single objects, in time.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use kube::core::Status;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, sleep, timeout_at};

use super::facts::{DaemonSet, Fact, Node, Object, Pod};
use super::text::{sentence, shown};
use crate::source::kubernetes::{Access, brief};

/// A larger answer is not read to its end. What fits into etcd is smaller.
const MAX_ANSWER: usize = 4 << 20;
/// Before the same question is asked again.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest name of an object.
const MAX_NAME: usize = 253;

/// `reason` of the API server where there is no such object.
const NOT_FOUND: &str = "NotFound";

/// Asks until there is an answer, or time is up.
pub(super) struct Asker<'a> {
    access: &'a Access,
    deadline: Instant,
    patience: Duration,
}

/// Why there is no answer yet.
enum No {
    /// Asking again may help.
    Yet(String),
    /// It is the answer.
    Ever(String),
}

impl<'a> Asker<'a> {
    /// All questions together may take `patience`, which ends at `deadline`.
    pub(super) fn new(access: &'a Access, deadline: Instant, patience: Duration) -> Self {
        Self { access, deadline, patience }
    }

    pub(super) async fn node(&self, name: &str) -> Fact<Node> {
        self.get("Node", &["/api/v1/nodes/", name]).await
    }

    pub(super) async fn pod(&self, namespace: &str, name: &str) -> Fact<Pod> {
        self.get("Pod", &["/api/v1/namespaces/", namespace, "/pods/", name]).await
    }

    pub(super) async fn daemon_set(&self, namespace: &str, name: &str) -> Fact<DaemonSet> {
        self.get("DaemonSet", &["/apis/apps/v1/namespaces/", namespace, "/daemonsets/", name]).await
    }

    /// `parts` are what the path is made of, in turns one that is fixed and a name.
    async fn get<T: DeserializeOwned + Object>(&self, kind: &str, parts: &[&str]) -> Fact<T> {
        let names: Vec<&str> = parts.iter().skip(1).step_by(2).copied().collect();
        let what = format!("{kind} {}", shown(&names.join("/")));
        if !names.iter().all(|name| is_name(name)) {
            return Fact::Unknown(format!("{what}: that is no name of an object"));
        }
        let (path, name, mut last) = (parts.concat(), names.last().copied().unwrap_or_default(), None);
        loop {
            let no = match timeout_at(self.deadline, self.once(&path, name)).await {
                Ok(Ok(Some(object))) => return Fact::Known(object),
                Ok(Ok(None)) => return Fact::Gone,
                Ok(Err(no)) => no,
                Err(_) => {
                    let why = last.unwrap_or_else(|| "no answer".to_owned());
                    return Fact::Unknown(format!("{what}: {why} (within {:?})", self.patience));
                }
            };
            match no {
                No::Ever(why) => return Fact::Unknown(format!("{what}: {why}")),
                No::Yet(why) => last = Some(why),
            }
            let _ = timeout_at(self.deadline, sleep(PAUSE)).await; // then the next try says so
        }
    }

    /// One try; `None` if there is no such object.
    async fn once<T: DeserializeOwned + Object>(&self, path: &str, name: &str) -> Result<Option<T>, No> {
        let request = Request::get(path).header(http::header::ACCEPT, "application/json");
        let request =
            request.body(kube::client::Body::empty()).map_err(|error| No::Ever(error.to_string()))?;
        let answer = self.access.client().send(request).await;
        let answer = answer.map_err(|error| {
            self.access.refused(&error);
            No::Yet(sentence(&brief(&error)))
        })?;
        let code = answer.status();
        // The client itself would read without end.
        let body = to_bytes(Body::new(answer.into_body()), MAX_ANSWER).await;
        let body = body.map_err(|error| No::Yet(sentence(&brief(&error))))?;
        match code {
            StatusCode::OK => match serde_json::from_slice::<T>(&body) {
                Ok(object) if object.meta().name == name => Ok(Some(object)),
                Ok(_) => Err(No::Ever("the answer is another object".to_owned())),
                // What is in it is not told: it may be anything.
                Err(error) => {
                    Err(No::Ever(format!("the answer makes no sense at column {}", error.column())))
                }
            },
            code => {
                let status: Option<Status> = serde_json::from_slice(&body).ok();
                if code == StatusCode::UNAUTHORIZED
                    && let Some(status) = &status
                {
                    self.access.refused(&kube::Error::Api(Box::new(status.clone()))); // the next try may have others
                }
                refused(code, status, name)
            }
        }
    }
}

/// What an answer other than the object means. Only the API server itself, in its own words, can say that there is
/// none: a load balancer's 404 is no such word.
fn refused<T>(code: StatusCode, status: Option<Status>, name: &str) -> Result<Option<T>, No> {
    let details = status.as_ref().and_then(|status| status.details.as_ref());
    let gone = details.is_some_and(|details| details.name == name);
    let message = match &status {
        Some(status) if !status.message.is_empty() => sentence(&status.message),
        _ => "no reason given".to_owned(),
    };
    let text = format!("{message} ({})", code.as_u16());
    match code {
        StatusCode::NOT_FOUND if gone && status.is_some_and(|status| status.reason == NOT_FOUND) => Ok(None),
        StatusCode::FORBIDDEN => Err(No::Ever(text)),
        _ => Err(No::Yet(text)),
    }
}

/// Nothing that could change the meaning of a path (RFC 1123 subdomains, as Kubernetes has them).
fn is_name(name: &str) -> bool {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'.');
    let edge = |c: Option<&u8>| c.is_some_and(u8::is_ascii_alphanumeric);
    let octets = name.as_bytes();
    name.len() <= MAX_NAME && octets.iter().copied().all(plain) && edge(octets.first()) && edge(octets.last())
}

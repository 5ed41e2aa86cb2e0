//! One request: passed on as it is, and its answer spoiled if a rule says so.

use super::Chunk;
use super::rules::{Break, Cut, Rules, Seen};
use crate::egress::trap::When;
use crate::fault::{Fault, Result};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use hyper::{Request, Response, StatusCode};
use kube::Client;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::{mpsc, watch};

/// The ERROR event of a watch whose revision is gone, as the API server writes it.
const EXPIRED: &str = r#"{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version: 1 (2)","reason":"Expired","code":410}}
"#;

/// How such an event is recognised.
const GONE: &[u8] = b"\"code\":410";

/// A body whose chunks come from a task; dropping it tells that task.
pub(super) struct Piped(mpsc::Receiver<Chunk>);

impl Body for Piped {
    type Data = Bytes;
    type Error = Fault;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        self.0.poll_recv(cx).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}

/// Whose answer this is to be.
struct Asked {
    resource: String,
    watch: bool,
    /// Where a list is to go on.
    token: Option<String>,
}

/// An error means: end the connection without an answer.
pub(super) async fn answer(
    upstream: &Client,
    rules: &Arc<Rules>,
    request: Request<Incoming>,
) -> Result<Response<Piped>> {
    // The senders of both live as long as the rules do.
    let _ = rules.held.subscribe().wait_for(|held| !held).await;
    let asked = asked(&request);
    let fatal = rules.trap.get().filter(|_| !asked.watch).and_then(|trap| {
        let what = format!("{} {}", request.method(), request.uri().path());
        Some((trap, trap.call(&what)?))
    });
    if let Some((trap, When::Before)) = fatal {
        trap.spring();
        return Err(Fault::new("the caller was killed"));
    }
    if asked.watch && rules.expires(&asked.resource) {
        rules.note(&asked.resource, Seen::Expired);
        return ready(StatusCode::OK, EXPIRED.to_owned());
    }
    let how = if asked.watch { None } else { rules.page(&asked.resource, asked.token.clone()) };
    if let Some(Break::Status(code)) = how {
        rules.note(&asked.resource, Seen::Broken);
        return refusal(code);
    }
    // Before the request, so that a cut from now on is not missed.
    let cut = rules.cut.subscribe();
    let response = upstream.send(passed_on(rules, request).await?).await;
    if let Some((trap, When::After)) = fatal {
        trap.spring();
        return Err(Fault::new("the caller was killed"));
    }
    let (mut head, body) = response.map_err(|error| Fault::new(error.to_string()))?.into_parts();
    for header in [CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION] {
        head.headers.remove(header);
    }
    if head.status == StatusCode::FORBIDDEN {
        rules.note(&asked.resource, Seen::Forbidden);
    }
    let (sender, receiver) = mpsc::channel(1);
    let pump = Pump { sender, rules: Arc::clone(rules), resource: asked.resource };
    tokio::spawn(async move {
        match how {
            Some(how) => pump.spoiled(body, how).await,
            None if asked.watch => pump.watch(body, cut).await,
            None => pump.whole(body).await,
        }
    });
    Ok(Response::from_parts(head, Piped(receiver)))
}

fn asked(request: &Request<Incoming>) -> Asked {
    let query = request.uri().query().unwrap_or_default();
    let value =
        |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)).filter(|it| !it.is_empty());
    Asked {
        resource: request.uri().path().rsplit('/').next().unwrap_or_default().to_owned(),
        watch: value("watch=").is_some_and(|word| ["1", "true"].contains(&word)),
        token: value("continue=").map(str::to_owned),
    }
}

/// The request as the API server gets it.
async fn passed_on(rules: &Rules, request: Request<Incoming>) -> Result<Request<kube::client::Body>> {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path();
    let target = match (head.uri.query(), rules.limit()) {
        (Some(query), Some(limit)) => {
            let pairs = query.split('&').map(|pair| match pair.strip_prefix("limit=") {
                Some(_) => format!("limit={limit}"),
                None => pair.to_owned(),
            });
            format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
        }
        (Some(query), None) => format!("{path}?{query}"),
        (None, _) => path.to_owned(),
    };
    head.uri = target.parse().map_err(|_| Fault::new(format!("no URI: {target}")))?;
    for header in [AUTHORIZATION, HOST, CONTENT_LENGTH, TRANSFER_ENCODING, CONNECTION] {
        head.headers.remove(header);
    }
    let body = body.collect().await.map_err(|error| Fault::new(error.to_string()))?.to_bytes();
    Ok(Request::from_parts(head, body.into()))
}

/// A Status object under this code.
fn refusal(code: u16) -> Result<Response<Piped>> {
    let reason = if code == 410 { "Expired" } else { "InternalError" };
    let body = format!(
        r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"said by the lab's proxy","reason":"{reason}","code":{code}}}"#
    );
    ready(StatusCode::from_u16(code).map_err(|_| Fault::new(format!("no status: {code}")))?, body)
}

/// A short answer that is there already.
fn ready(status: StatusCode, body: String) -> Result<Response<Piped>> {
    let (sender, receiver) = mpsc::channel(1);
    sender.try_send(Ok(Bytes::from(body))).map_err(|_| Fault::new("a channel of one holds one"))?;
    let response = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    response.body(Piped(receiver)).map_err(|error| Fault::new(error.to_string()))
}

/// Moves a body from the API server to the client; returning without an error ends it in good order.
struct Pump {
    sender: mpsc::Sender<Chunk>,
    rules: Arc<Rules>,
    resource: String,
}

impl Pump {
    async fn whole(self, mut body: kube::client::Body) {
        while let Some(chunk) = next(&mut body).await {
            if !self.send(chunk).await {
                return;
            }
        }
        self.rules.note(&self.resource, Seen::Page);
    }

    async fn spoiled(self, body: kube::client::Body, how: Break) {
        let whole = body.collect_bytes().await.unwrap_or_default();
        self.rules.note(&self.resource, Seen::Broken);
        if self.send(Ok(whole.slice(..whole.len() / 2))).await && how == Break::Cut {
            self.send(Err(Fault::new("cut"))).await;
        }
    }

    async fn watch(self, mut body: kube::client::Body, mut cut: watch::Receiver<Cut>) {
        self.rules.note(&self.resource, Seen::Watch);
        let mut half = false;
        loop {
            tokio::select! {
                // The client went away: let the API server know.
                () = self.sender.closed() => return,
                Ok(()) = cut.changed() => {
                    let how = *cut.borrow_and_update();
                    half = how == Cut::MidLine;
                    if !half {
                        return self.cut(how).await;
                    }
                }
                chunk = next(&mut body) => {
                    let Some(chunk) = chunk else { return };
                    if half && let Ok(chunk) = &chunk {
                        let _ = self.send(Ok(chunk.slice(..chunk.len() / 2))).await;
                        return self.cut(Cut::MidLine).await;
                    }
                    if chunk.as_ref().is_ok_and(|chunk| chunk.windows(GONE.len()).any(|part| part == GONE)) {
                        self.rules.note(&self.resource, Seen::Gone);
                    }
                    if !self.send(chunk).await {
                        return;
                    }
                }
            }
        }
    }

    async fn cut(&self, how: Cut) {
        self.rules.note(&self.resource, Seen::CutWatch);
        if how != Cut::End {
            // A client that has gone cannot be cut off.
            let _ = self.send(Err(Fault::new("cut"))).await;
        }
    }

    /// Sends as soon as nothing is held; false when the client is gone.
    async fn send(&self, chunk: Chunk) -> bool {
        let _ = self.rules.held.subscribe().wait_for(|held| !held).await;
        self.sender.send(chunk).await.is_ok()
    }
}

/// The next bytes of a body.
async fn next(body: &mut kube::client::Body) -> Option<Chunk> {
    let frame = body.frame().await?;
    let data = frame.map(|frame| frame.into_data().unwrap_or_default());
    Some(data.map_err(|error| Fault::new(error.to_string())))
}

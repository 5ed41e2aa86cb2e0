//! The unix socket the probes ask: one line with a word, one line of JSON.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tracing::{debug, warn};

use crate::beacon::Beacon;

mod view;

/// From connecting to the last octet, at both ends.
const EXCHANGE: Duration = Duration::from_secs(5);
/// Octets of a request at most.
const REQUEST: u64 = 64;
/// Octets of an answer at most.
const ANSWER: u64 = 16 << 20;
/// Requests at once; the socket is open to its own user alone.
const AT_ONCE: usize = 32;

/// Serves until dropped. A socket file left by one that was killed is taken over.
///
/// # Errors
/// What the system says of the directory or the socket.
pub fn serve(path: &Path, beacon: Arc<Beacon>) -> io::Result<impl Future<Output = ()> + Send + use<>> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(accept(listener, beacon))
}

async fn accept(listener: UnixListener, beacon: Arc<Beacon>) {
    let mut tasks = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                while tasks.len() >= AT_ONCE {
                    tasks.join_next().await;
                }
                let exchange = exchange(stream, beacon.clone());
                tasks.spawn(async {
                    if tokio::time::timeout(EXCHANGE, exchange).await.is_err() {
                        debug!("a probe took too long");
                    }
                });
                while tasks.try_join_next().is_some() {}
            }
            Err(error) => {
                warn!(%error, "cannot accept a probe");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn exchange(mut stream: UnixStream, beacon: Arc<Beacon>) {
    let mut line = String::new();
    let (read, mut write) = stream.split();
    if tokio::io::BufReader::new(read.take(REQUEST)).read_line(&mut line).await.is_err() {
        return;
    }
    let snapshot = beacon.snapshot().await.ok();
    let (ready, status) = view::of(snapshot.as_ref());
    let error = match line.trim() {
        "live" if snapshot.is_none() => Some("BFD supervisor is not live".to_owned()),
        "ready" if !ready => Some("expected BFD sessions are not ready".to_owned()),
        "live" | "ready" | "status" => None,
        other => Some(format!("unknown supervisor request \"{other}\"")),
    };
    let mut answer = json!({ "status": status });
    if let (Some(error), Some(object)) = (error, answer.as_object_mut()) {
        object.insert("error".to_owned(), error.into());
    }
    // A probe that went away has its answer no more.
    let _ = write.write_all(format!("{answer}\n").as_bytes()).await;
}

/// What a probe is told.
#[derive(Debug)]
pub struct Answer {
    /// Everything.
    pub status: Value,
    /// Why what was asked for is not so.
    pub error: Option<String>,
}

/// Asks a running supervisor.
///
/// # Errors
/// What the system says, and an answer that is none.
pub fn ask(path: &Path, word: &str) -> io::Result<Answer> {
    let mut stream = StdUnixStream::connect(path)?;
    stream.set_read_timeout(Some(EXCHANGE))?;
    stream.set_write_timeout(Some(EXCHANGE))?;
    stream.write_all(format!("{word}\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(ANSWER)).read_line(&mut line)?;
    let mut answer: Value = serde_json::from_str(&line)?;
    let error = answer.get("error").and_then(Value::as_str).map(str::to_owned);
    Ok(Answer { status: answer["status"].take(), error })
}

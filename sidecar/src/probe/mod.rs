//! The unix socket the probes ask: one line with a word, one line of JSON.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener as StdUnixListener, UnixStream as StdUnixStream};
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

/// Answers for a beacon until dropped.
///
/// # Errors
/// As [`listen`].
pub fn serve(path: &Path, beacon: Arc<Beacon>) -> io::Result<impl Future<Output = ()> + Send + use<>> {
    let listener = listen(&path.to_string_lossy())?;
    Ok(accept(listener, move |word| {
        let beacon = beacon.clone();
        async move { of_beacon(&word, &beacon).await }
    }))
}

/// A socket; a file left by one that was killed is taken over. With `@` in front it is the name of an abstract one, which
/// whoever is in the network namespace may ask, and nobody else.
///
/// # Errors
/// What the system says of the directory or the socket.
pub fn listen(path: &str) -> io::Result<UnixListener> {
    if let Some(name) = path.strip_prefix('@') {
        let listener = StdUnixListener::bind_addr(&SocketAddr::from_abstract_name(name)?)?;
        listener.set_nonblocking(true)?;
        return UnixListener::from_std(listener);
    }
    let path = Path::new(path);
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers each request, a word, with what is made of it, until dropped.
pub async fn accept<A, F>(listener: UnixListener, answer: A)
where
    A: Fn(String) -> F + Clone + Send + 'static,
    F: Future<Output = Value> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                while tasks.len() >= AT_ONCE {
                    tasks.join_next().await;
                }
                let exchange = exchange(stream, answer.clone());
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

async fn exchange<F: Future<Output = Value>>(mut stream: UnixStream, answer: impl Fn(String) -> F) {
    let mut line = String::new();
    let (read, mut write) = stream.split();
    if tokio::io::BufReader::new(read.take(REQUEST)).read_line(&mut line).await.is_err() {
        return;
    }
    let answer = answer(line.trim().to_owned()).await;
    // A probe that went away has its answer no more.
    let _ = write.write_all(format!("{answer}\n").as_bytes()).await;
}

async fn of_beacon(word: &str, beacon: &Beacon) -> Value {
    let snapshot = beacon.snapshot().await.ok();
    let (ready, status) = view::of(snapshot.as_ref());
    let error = match word {
        "live" if snapshot.is_none() => Some("BFD supervisor is not live".to_owned()),
        "ready" if !ready => Some("expected BFD sessions are not ready".to_owned()),
        "live" | "ready" | "status" => None,
        other => Some(format!("unknown supervisor request \"{other}\"")),
    };
    let mut answer = json!({ "status": status });
    if let (Some(error), Some(object)) = (error, answer.as_object_mut()) {
        object.insert("error".to_owned(), error.into());
    }
    answer
}

/// What a probe is told.
#[derive(Debug)]
pub struct Answer {
    /// Everything.
    pub status: Value,
    /// Why what was asked for is not so.
    pub error: Option<String>,
}

/// Asks who listens there: a file, or with `@` in front the name of an abstract socket.
///
/// # Errors
/// What the system says, and an answer that is none.
pub fn ask(path: &str, word: &str) -> io::Result<Answer> {
    let mut stream = match path.strip_prefix('@') {
        Some(name) => StdUnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)?,
        None => StdUnixStream::connect(path)?,
    };
    stream.set_read_timeout(Some(EXCHANGE))?;
    stream.set_write_timeout(Some(EXCHANGE))?;
    stream.write_all(format!("{word}\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream.take(ANSWER)).read_line(&mut line)?;
    let mut answer: Value = serde_json::from_str(&line)?;
    let error = answer.get("error").and_then(Value::as_str).map(str::to_owned);
    Ok(Answer { status: answer["status"].take(), error })
}

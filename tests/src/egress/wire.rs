//! A proxy in front of an OVSDB server on a Unix socket: it tells messages of JSON-RPC apart, counts transactions, and
//! springs a [`Trap`] at one.

use super::trap::{Trap, When};
use crate::fault::{During, Result};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Between two looks for a new connection.
const POLL: Duration = Duration::from_millis(5);

/// It ends when dropped.
#[derive(Debug)]
pub struct Wire {
    path: PathBuf,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Identities of fatal transactions whose answers are awaited.
type Awaited = Arc<Mutex<BTreeSet<String>>>;

impl Wire {
    /// Listens at `path` for a server at `unix:…`.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start(path: &Path, server: &str, trap: &Arc<Trap>) -> Result<Self> {
        let listener = UnixListener::bind(path).during(path.display())?;
        listener.set_nonblocking(true)?;
        let server = PathBuf::from(server.trim_start_matches("unix:"));
        let stop = Arc::new(AtomicBool::new(false));
        let (ends, trap) = (Arc::clone(&stop), Arc::clone(trap));
        let thread = std::thread::spawn(move || {
            while !ends.load(Ordering::SeqCst) {
                match listener.accept() {
                    Ok((client, _)) => connect(client, &server, &trap),
                    Err(_) => std::thread::sleep(POLL),
                }
            }
        });
        Ok(Self { path: path.to_owned(), stop, thread: Some(thread) })
    }

    /// Where clients find it.
    #[must_use]
    pub fn remote(&self) -> String {
        format!("unix:{}", self.path.display())
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // Its panic, if any, has been printed.
            let _ = thread.join();
        }
    }
}

/// Two threads for a connection; they end with it.
fn connect(client: UnixStream, server: &Path, trap: &Arc<Trap>) {
    let Ok(server) = UnixStream::connect(server) else { return };
    let (Ok(to_server), Ok(to_client)) = (server.try_clone(), client.try_clone()) else { return };
    // What was accepted of a listener that does not block may not block either.
    let _ = client.set_nonblocking(false);
    let awaited = Awaited::default();
    let (asked, trap_up, trap_down) = (Arc::clone(&awaited), Arc::clone(trap), Arc::clone(trap));
    std::thread::spawn(move || pump(client, to_server, |message| up(message, &trap_up, &asked)));
    std::thread::spawn(move || pump(server, to_client, |message| down(message, &trap_down, &awaited)));
}

/// A message from the client; false: end here.
fn up(message: &Value, trap: &Trap, awaited: &Awaited) -> bool {
    if message["method"] != "transact" {
        return true;
    }
    match trap.call("transact") {
        Some(When::Before) => {
            trap.spring();
            false
        }
        Some(When::After) => {
            awaited.lock().unwrap_or_else(PoisonError::into_inner).insert(message["id"].to_string());
            true
        }
        None => true,
    }
}

/// A message from the server; false: end here.
fn down(message: &Value, trap: &Trap, awaited: &Awaited) -> bool {
    let answered = message["method"].is_null()
        && awaited.lock().unwrap_or_else(PoisonError::into_inner).remove(&message["id"].to_string());
    if answered {
        trap.spring();
    }
    !answered
}

/// Passes whole messages on, as long as `pass` lets them.
fn pump(mut from: UnixStream, mut to: UnixStream, pass: impl Fn(&Value) -> bool) {
    let (mut pending, mut chunk) = (Vec::new(), vec![0; 65536]);
    'connection: while let Ok(length @ 1..) = from.read(&mut chunk) {
        pending.extend_from_slice(&chunk[..length]);
        let mut whole = 0;
        let mut messages = serde_json::Deserializer::from_slice(&pending).into_iter::<Value>();
        while let Some(Ok(message)) = messages.next() {
            let end = messages.byte_offset();
            if !pass(&message) || to.write_all(&pending[whole..end]).is_err() {
                break 'connection;
            }
            whole = end;
        }
        pending.drain(..whole);
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

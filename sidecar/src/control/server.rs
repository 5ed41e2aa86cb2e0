//! The beacon's end of the control protocol, bounded against any client.
//!
//! A request has half a second to arrive and five to be answered; what is no request is closed without a word. Too many
//! connections push out the oldest, so whoever connects and says nothing holds nobody up.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tracing::debug;

use super::wire::{self, Read};

/// Until the request is complete.
const REQUEST: Duration = Duration::from_millis(500);
/// From accepting a connection to the last octet of the reply.
const EXCHANGE: Duration = Duration::from_secs(5);
/// Connections to one port at once.
const CONNECTIONS: usize = 16;

/// What answers.
pub trait Answer: Send + Sync + 'static {
    /// The whole reply to these words.
    fn answer(&self, words: Vec<String>) -> impl Future<Output = String> + Send;
    /// The reply to these words has been sent, or could not be.
    fn answered(&self, words: &[String]);
}

/// Takes commands there.
///
/// # Errors
/// What the system says, e.g. that the port is taken.
pub async fn listen(on: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(on).await
}

/// Serves until dropped.
pub async fn serve<A: Answer>(listener: TcpListener, beacon: Arc<A>) {
    endpoint::bounded(listener, CONNECTIONS, |stream| bounded(stream, beacon.clone())).await;
}

async fn bounded<A: Answer>(stream: TcpStream, beacon: Arc<A>) {
    if timeout(EXCHANGE, exchange(stream, &*beacon)).await.is_err() {
        debug!(target: "command_detail", "a command took too long");
    }
}

async fn exchange<A: Answer>(mut stream: TcpStream, beacon: &A) {
    let words = match timeout(REQUEST, request(&mut stream)).await {
        Ok(Ok(words)) => words,
        Ok(Err(why)) => return debug!(target: "command_detail", why, "not a request"),
        Err(_) => return debug!(target: "command_detail", "a request did not arrive in time"),
    };
    let reply = beacon.answer(words.clone()).await;
    if let Err(error) = stream.write_all(reply.as_bytes()).await {
        debug!(target: "command_detail", %error, "a reply was not sent");
    }
    // The client reads to the end: it comes with this, not when something else drops the socket.
    let _ = stream.shutdown().await;
    beacon.answered(&words);
}

async fn request(stream: &mut TcpStream) -> Result<Vec<String>, &'static str> {
    let mut octets = [0; wire::LONGEST + 1]; // one more, to see that a request goes on
    let mut filled = 0;
    loop {
        let room = octets.get_mut(filled..).unwrap_or_default();
        let read = stream.read(room).await.map_err(|_| "the connection broke")?;
        filled += read;
        match wire::read(octets.get(..filled).unwrap_or_default()) {
            Read::Words(words) => return Ok(words),
            Read::Broken(why) => return Err(why),
            Read::More if read == 0 => return Err("it ends too early"),
            Read::More => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Echo;

    impl Answer for Echo {
        async fn answer(&self, words: Vec<String>) -> String {
            format!("{}\n", words.join(" "))
        }

        fn answered(&self, _: &[String]) {}
    }

    /// What a client gets that sends these pieces.
    async fn ask(to: SocketAddr, pieces: &[&[u8]]) -> String {
        let mut stream = TcpStream::connect(to).await.unwrap();
        for piece in pieces {
            stream.write_all(piece).await.unwrap();
            stream.flush().await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut reply = String::new();
        // A reset says the same as an end without a reply.
        let _ = timeout(EXCHANGE, stream.read_to_string(&mut reply)).await.expect("closed in time");
        reply
    }

    async fn server() -> SocketAddr {
        let listener = listen(super::super::loopback(0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, Arc::new(Echo)));
        at
    }

    #[tokio::test]
    async fn fragments_are_put_together_and_garbage_is_closed_without_a_word() {
        let at = server().await;
        assert_eq!(ask(at, &[b"\xfe\xed", b"\x19\x66a\0", b"b\0", b"\0"]).await, "a b\n");
        assert_eq!(ask(at, &[b"GET / HTTP/1.1\r\n\r\n"]).await, "");
        assert_eq!(ask(at, &[b"\xfe\xed\x19\x66a\0\0more"]).await, "");
        assert_eq!(ask(at, &[b"\xfe\xed\x19\x66\0\0"]).await, "");
        assert_eq!(ask(at, &[b"\xfe\xed\x19\x66unfinished\0"]).await, "", "after half a second");
    }

    #[tokio::test]
    async fn idle_clients_hold_nobody_up() {
        let at = server().await;
        let mut idle = Vec::new();
        for _ in 0..3 * CONNECTIONS {
            idle.push(TcpStream::connect(at).await.unwrap());
        }
        let reply = timeout(REQUEST, ask(at, &[b"\xfe\xed\x19\x66status\0\0"])).await;
        assert_eq!(reply.as_deref(), Ok("status\n"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_octets_end_in_a_closed_connection(octets in prop::collection::vec(any::<u8>(), 1025..1400)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let at = server().await;
                let magic = [&b"\xfe\xed\x19\x66"[..], &octets].concat();
                for request in [octets.as_slice(), &magic] {
                    let mut stream = TcpStream::connect(at).await.unwrap();
                    let _ = stream.write_all(request).await; // closed under our hands, perhaps
                    let mut reply = Vec::new();
                    let read = timeout(EXCHANGE, stream.read_to_end(&mut reply)).await;
                    assert!(read.is_ok() && reply.is_empty(), "{reply:?}");
                }
            });
        }
    }
}

//! Accepting connections: so many at once, and none that does not begin to speak HTTP/2.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_stream::Stream;
use tonic::transport::server::{Connected, TcpConnectInfo};

/// Octets every HTTP/2 client begins with (RFC 9113 §3.4). After them pings find out who is gone.
const PREFACE: usize = 24;
/// How long those may take.
const GREETING: Duration = Duration::from_secs(5);
/// The pause after an accept that failed, for want of descriptors or memory.
const AGAIN: Duration = Duration::from_millis(200);

/// A connection that counts against the limit until it is closed.
pub(super) struct Conn {
    stream: TcpStream,
    /// Octets of the preface that are still to come, and until when.
    greeting: Option<(usize, Pin<Box<Sleep>>)>,
    _permit: OwnedSemaphorePermit,
}

/// Connections as they come, `limit` at once; the system keeps the others waiting.
pub(super) fn incoming(listener: TcpListener, limit: usize) -> impl Stream<Item = io::Result<Conn>> {
    let limit = Arc::new(Semaphore::new(limit));
    futures_util::stream::unfold((listener, limit), |(listener, limit)| async move {
        let permit = Arc::clone(&limit).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true); // only makes answers slower
                    let greeting = Some((PREFACE, Box::pin(tokio::time::sleep(GREETING))));
                    return Some((Ok(Conn { stream, greeting, _permit: permit }), (listener, limit)));
                }
                Err(error) => {
                    tracing::debug!(%error, "cannot accept a connection for the GoBGP API");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    })
}

impl Connected for Conn {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Conn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let got = buf.filled().len() - before;
        if let Some((missing, until)) = &mut self.greeting {
            *missing = missing.saturating_sub(got);
            if *missing == 0 {
                self.greeting = None;
            } else if until.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        read
    }
}

impl AsyncWrite for Conn {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

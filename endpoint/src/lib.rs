//! Plain HTTP/1 for `/metrics` and the health pages of a daemon; the bounded accepting under it is [`bounded`].
//!
//! Anybody may connect, so everything is bounded: one request on a connection, its head in size, the exchange in
//! time, connections in number. When there are too many the oldest gives way: whoever holds connections open cannot
//! keep others out.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tracing::{debug, warn};

/// Connections at once.
const CONNECTIONS: usize = 32;
/// From accepting a connection to the last byte of the answer.
const EXCHANGE: Duration = Duration::from_secs(5);
/// Request line and header fields together, in bytes; hyper takes no smaller limit.
const HEAD: usize = 8 << 10;
/// Header fields.
const FIELDS: usize = 64;
/// The pause after an accept that failed: out of descriptors the next would fail at once, too.
const ACCEPT_RETRY: Duration = Duration::from_millis(200);

/// Serves these pages until dropped, on this port of every address, IPv4 and IPv6; on IPv4 only where there is no IPv6.
///
/// # Errors
/// What the system says, e.g. that the port is taken.
pub fn serve(port: u16, pages: Router) -> io::Result<impl Future<Output = ()> + Send + use<>> {
    let listener = match listen((Ipv6Addr::UNSPECIFIED, port).into()) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            debug!(%error, "no dual-stack socket, trying IPv4 alone");
            listen((Ipv4Addr::UNSPECIFIED, port).into())?
        }
        dual => dual?,
    };
    Ok(accept(listener, pages))
}

/// The same on one address.
///
/// # Errors
/// As of [`serve`].
pub fn serve_on(on: SocketAddr, pages: Router) -> io::Result<impl Future<Output = ()> + Send + use<>> {
    Ok(accept(listen(on)?, pages))
}

fn listen(on: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(on), Type::STREAM, None)?;
    if on.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&on.into())?;
    socket.listen(128)?;
    TcpListener::from_std(socket.into())
}

async fn accept(listener: TcpListener, router: Router) {
    bounded(listener, CONNECTIONS, |stream| exchange(stream, router.clone())).await;
}

/// Serves each connection with the future made of it, so many at once; one more and the oldest gives way. For ever, or
/// until dropped: then no connection outlives it. How long one may take is the future's to say.
pub async fn bounded<S>(listener: TcpListener, at_once: usize, serve: impl Fn(TcpStream) -> S)
where
    S: Future<Output = ()> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    let mut order: VecDeque<AbortHandle> = VecDeque::with_capacity(at_once);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                while tasks.try_join_next().is_some() {}
                order.retain(|task| !task.is_finished());
                if order.len() >= at_once
                    && let Some(oldest) = order.pop_front()
                {
                    oldest.abort();
                }
                order.push_back(tasks.spawn(serve(stream)));
            }
            Err(error) => {
                warn!(%error, local = ?listener.local_addr().ok(), "cannot accept a connection");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

/// One request and its answer.
async fn exchange(stream: TcpStream, router: Router) {
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(HEAD)
        .max_headers(FIELDS)
        .header_read_timeout(None) // the exchange as a whole is timed
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match tokio::time::timeout(EXCHANGE, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a request for metrics or health failed"),
        Err(_) => debug!("a request for metrics or health took too long"),
    }
}

//! GoBGP's gRPC API, both generations on one port, so that the stock `gobgp` command and other clients work.
//!
//! `table` and `admin` know no generation. `both` turns what they say into messages: the generations have the same
//! messages under other enum numbers, so its source is compiled for each; what differs stands in `v3` and `v4`.

mod admin;
mod conn;
mod table;
mod v3;
mod v4;
mod watched;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};
use tonic::Status;

use crate::announce::Announcer;
use crate::liveness::Liveness;

/// Connections at once; more wait to be accepted.
const CONNECTIONS: usize = 64;
/// Calls at once on one connection.
const STREAMS: u32 = 16;
/// Tables being listed at once: each holds its rows until the client has taken them.
const LISTINGS: usize = 4;
/// Octets of a request; the largest is a path to add.
const MAX_REQUEST: usize = 64 << 10;
/// How long a client may not take the next message of a listing.
const STALL: Duration = Duration::from_secs(30);
/// How often a silent connection is asked whether it is there, and how long it may take to answer.
const PING: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// What both generations answer from.
#[derive(Clone)]
struct Service {
    announcer: Arc<Announcer>,
    liveness: Liveness,
    writable: bool,
    listings: Arc<Semaphore>,
}

/// Serves both generations until dropped. `writable`: calls that change routes or peers are carried out.
///
/// # Errors
/// What the system says about the address, e.g. that the port is taken.
pub async fn serve(
    on: SocketAddr,
    announcer: Arc<Announcer>,
    writable: bool,
) -> io::Result<impl Future<Output = ()> + Send + use<>> {
    serve_with(on, (announcer, Liveness::default()), writable).await
}

/// The same with BFD.
///
/// # Errors
/// As of [`serve`].
pub async fn serve_with(
    on: SocketAddr,
    (announcer, liveness): (Arc<Announcer>, Liveness),
    writable: bool,
) -> io::Result<impl Future<Output = ()> + Send + use<>> {
    let listener = TcpListener::bind(on).await?;
    let service = Service { announcer, liveness, writable, listings: Arc::new(Semaphore::new(LISTINGS)) };
    let v3 = v3::ApiServer::new(v3::Generation(service.clone())).max_decoding_message_size(MAX_REQUEST);
    let v4 = v4::ApiServer::new(v4::Generation(service)).max_decoding_message_size(MAX_REQUEST);
    Ok(async move {
        let server = tonic::transport::Server::builder()
            .max_concurrent_streams(STREAMS)
            .concurrency_limit_per_connection(STREAMS as usize)
            .http2_keepalive_interval(Some(PING.0))
            .http2_keepalive_timeout(Some(PING.1))
            .add_service(v3)
            .add_service(v4);
        if let Err(error) = server.serve_with_incoming(conn::incoming(listener, CONNECTIONS)).await {
            tracing::error!(%error, "the GoBGP API is not served any more");
        }
    })
}

/// Hands a stream its next message; `false` once the client is gone or has not taken one for too long.
async fn hand<T>(to: &mpsc::Sender<Result<T, Status>>, message: T) -> bool {
    matches!(tokio::time::timeout(STALL, to.send(Ok(message))).await, Ok(Ok(())))
}

/// The time of day `at` was at.
fn timestamp(at: std::time::Instant) -> prost_types::Timestamp {
    let now = SystemTime::now();
    now.checked_sub(at.elapsed()).unwrap_or(now).into()
}

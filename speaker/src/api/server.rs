//! Answers the debug commands from the engine and the plan.

use std::fs::Permissions;
use std::io;
use std::net::IpAddr;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bgp::Family;
use bgp::net::{MessageCounts, PeerStatus};
use ipnet::IpNet;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::{Request, Response, Status};

use super::proto;
use super::proto::speaker_server::{Speaker, SpeakerServer};
use crate::announce::Announcer;

/// Routes in one message of a stream: well below gRPC's 4 MiB.
const PORTION: usize = 1000;

/// A socket file that is removed when the service ends, unless the name stands for another's by then.
struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if std::fs::symlink_metadata(&self.path).is_ok_and(|now| now.ino() == self.inode) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Serves until dropped. The socket is for its owner only.
///
/// # Errors
/// The socket cannot be made, or another speaker answers on it.
pub async fn serve(
    path: &Path,
    announcer: Arc<Announcer>,
) -> io::Result<impl Future<Output = ()> + Send + use<>> {
    if UnixStream::connect(path).await.is_ok() {
        return Err(io::Error::new(io::ErrorKind::AddrInUse, "another speaker answers on this socket"));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Between bind and chmod the umask decides: nobody else may connect in that moment either.
    let umask = rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o177));
    let bound = UnixListener::bind(path);
    rustix::process::umask(umask);
    let listener = bound?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
    let file = SocketFile { path: path.to_owned(), inode: std::fs::symlink_metadata(path)?.ino() };
    let service = SpeakerServer::new(Service { announcer });
    Ok(async move {
        let _file = file;
        let incoming = UnixListenerStream::new(listener);
        if let Err(error) =
            tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming).await
        {
            tracing::error!(%error, "the debug socket is not served any more");
        }
    })
}

struct Service {
    announcer: Arc<Announcer>,
}

type Portions<T> = ReceiverStream<Result<T, Status>>;

/// Sends all in portions, as fast as the client takes them.
fn stream<I: Send + 'static, T: Send + 'static>(all: Vec<I>, wrap: fn(Vec<I>) -> T) -> Response<Portions<T>> {
    let (to, portions) = mpsc::channel(4);
    tokio::spawn(async move {
        let mut all = all.into_iter().peekable();
        while all.peek().is_some() {
            if to.send(Ok(wrap(all.by_ref().take(PORTION).collect()))).await.is_err() {
                return;
            }
        }
    });
    Response::new(ReceiverStream::new(portions))
}

fn address(text: &str) -> Result<IpAddr, Status> {
    text.parse().map_err(|_| Status::invalid_argument(format!("address: {text:?} is not an IP address")))
}

fn no_neighbor(addr: IpAddr) -> Status {
    Status::not_found(format!("{addr} is no neighbor of this speaker"))
}

#[tonic::async_trait]
impl Speaker for Service {
    async fn list_neighbors(
        &self,
        request: Request<proto::ListNeighborsRequest>,
    ) -> Result<Response<proto::ListNeighborsResponse>, Status> {
        let engine = self.announcer.engine();
        let peers = match request.into_inner().address.as_str() {
            "" => engine.peers(),
            text => {
                let addr = address(text)?;
                vec![engine.peer(addr).ok_or_else(|| no_neighbor(addr))?]
            }
        };
        let neighbors = peers.iter().map(neighbor).collect();
        Ok(Response::new(proto::ListNeighborsResponse { neighbors }))
    }

    type ListAdjOutStream = Portions<proto::ListAdjOutResponse>;

    async fn list_adj_out(
        &self,
        request: Request<proto::ListAdjOutRequest>,
    ) -> Result<Response<Self::ListAdjOutStream>, Status> {
        let addr = address(&request.into_inner().address)?;
        let all = self.announcer.engine().advertised(addr).ok_or_else(|| no_neighbor(addr))?;
        Ok(stream(all, |portion| proto::ListAdjOutResponse {
            routes: portion
                .into_iter()
                .map(|route| proto::AdvertisedRoute {
                    prefix: route.prefix.to_string(),
                    next_hop: route.next_hop.to_string(),
                })
                .collect(),
        }))
    }

    type ListRibStream = Portions<proto::ListRibResponse>;

    async fn list_rib(
        &self,
        request: Request<proto::ListRibRequest>,
    ) -> Result<Response<Self::ListRibStream>, Status> {
        let wanted = match request.into_inner().prefix.as_str() {
            "" => None,
            text => {
                let rule = || Status::invalid_argument(format!("prefix: {text:?} is not a prefix"));
                Some(text.parse::<IpNet>().map_err(|_| rule())?.trunc())
            }
        };
        let all = self.announcer.routes(wanted);
        if let (Some(prefix), true) = (wanted, all.is_empty()) {
            return Err(Status::not_found(format!("no object wants {prefix} announced")));
        }
        Ok(stream(all, |portion| proto::ListRibResponse {
            routes: portion
                .into_iter()
                .map(|(prefix, reasons)| proto::WantedRoute { prefix: prefix.to_string(), reasons })
                .collect(),
        }))
    }

    async fn get_status(
        &self,
        _: Request<proto::GetStatusRequest>,
    ) -> Result<Response<proto::GetStatusResponse>, Status> {
        let identity = self.announcer.identity();
        let count = |family| u64::try_from(self.announcer.engine().wanted_len(family)).unwrap_or(u64::MAX);
        Ok(Response::new(proto::GetStatusResponse {
            node: identity.node.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            local_as: identity.local_as.get(),
            router_id: identity.router_id.to_string(),
            synced: self.announcer.engine().is_released(),
            ipv4_prefixes: count(Family::IPV4_UNICAST),
            ipv6_prefixes: count(Family::IPV6_UNICAST),
            notices: self.announcer.notices(),
        }))
    }
}

fn neighbor(peer: &PeerStatus) -> proto::Neighbor {
    let millis = |since: std::time::Instant| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    let text = |addr: Option<String>| addr.unwrap_or_default();
    proto::Neighbor {
        address: peer.addr.to_string(),
        port: peer.port.into(),
        local_as: peer.local_as.get(),
        peer_as: peer.peer_as.get(),
        state: peer.state.name().to_owned(),
        state_ms: millis(peer.since),
        advertised: u64::try_from(peer.advertised).unwrap_or(u64::MAX),
        current: peer.current,
        next_hop_ipv4: text(peer.next_hops.v4.map(|addr| addr.to_string())),
        next_hop_ipv6: text(peer.next_hops.v6.map(|addr| addr.to_string())),
        configured_hold_time: peer.hold_time.seconds().into(),
        sent: Some(counts(&peer.sent)),
        received: Some(counts(&peer.received)),
        flaps: peer.flaps,
        last_end: text(peer.last_end.as_ref().map(|(_, reason)| reason.to_string())),
        last_end_ms_ago: peer.last_end.as_ref().map_or(0, |(at, _)| millis(*at)),
        session: peer.negotiated.as_ref().map(|with| proto::Session {
            router_id: with.peer_id.to_string(),
            hostname: with.peer_hostname.clone().unwrap_or_default(),
            local_address: text(peer.local_addr.map(|addr| addr.to_string())),
            hold_time: with.hold_time.seconds().into(),
            families: with.families.iter().map(ToString::to_string).collect(),
            max_message: with.context.max_message.into(),
            route_refresh: with.route_refresh,
            four_octet_as: with.context.four_octet_as,
        }),
    }
}

fn counts(counts: &MessageCounts) -> proto::MessageCounts {
    proto::MessageCounts {
        open: counts.open,
        update: counts.update,
        notification: counts.notification,
        keepalive: counts.keepalive,
        route_refresh: counts.route_refresh,
    }
}

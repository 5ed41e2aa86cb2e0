//! Answers the debug commands from the engine and the plan.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bgp::Family;
use bgp::net::{Link, PeerAddr, PeerStatus};
use ipnet::IpNet;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::{Request, Response, Status};

use super::proto::speaker_server::{Speaker, SpeakerServer};
use super::{bfd, neighbor, proto};
use crate::announce::Announcer;
use crate::liveness::Liveness;
use crate::roster::Roster;

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
    (roster, liveness): (Arc<Roster>, Liveness),
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
    let service = SpeakerServer::new(Service { announcer, roster, liveness });
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
    roster: Arc<Roster>,
    liveness: Liveness,
}

impl Service {
    /// The neighbour of this name: an address however it is written, or a link.
    fn find(&self, name: &str) -> Result<PeerStatus, Status> {
        let engine = self.announcer.engine();
        let by_address = name.parse::<PeerAddr>().ok().and_then(|addr| engine.peer(addr));
        let by_link = || Link::new(name).and_then(|link| engine.peer(PeerAddr::unnumbered(link)));
        let unknown = || Status::not_found(format!("{name} is no neighbor of this speaker"));
        by_address.or_else(by_link).ok_or_else(unknown)
    }
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

#[tonic::async_trait]
impl Speaker for Service {
    async fn list_neighbors(
        &self,
        request: Request<proto::ListNeighborsRequest>,
    ) -> Result<Response<proto::ListNeighborsResponse>, Status> {
        let peers = match request.into_inner().address.as_str() {
            "" => self.announcer.engine().peers(),
            name => vec![self.find(name)?],
        };
        let watched = self.liveness.snapshot().await.unwrap_or_default().sessions;
        let bfd = |peer: &PeerStatus| watched.iter().find(|one| one.peer == peer.addr).map(bfd::session);
        let shown = |peer: &PeerStatus| proto::Neighbor {
            bfd: bfd(peer),
            ..neighbor::shown(peer, self.roster.row(peer.addr))
        };
        let neighbors = peers.iter().map(shown).collect();
        Ok(Response::new(proto::ListNeighborsResponse { neighbors }))
    }

    async fn list_bfd(
        &self,
        request: Request<proto::ListBfdRequest>,
    ) -> Result<Response<proto::ListBfdResponse>, Status> {
        let name = request.into_inner().address;
        let only = if name.is_empty() { None } else { Some(self.find(&name)?.addr) };
        let Some(now) = self.liveness.snapshot().await else {
            return match only {
                Some(peer) => Err(Status::not_found(format!("there is no BFD with {peer}"))),
                None => Ok(Response::new(proto::ListBfdResponse::default())),
            };
        };
        let of = now.sessions.iter().filter(|one| only.is_none_or(|peer| peer == one.peer));
        let sessions: Vec<_> = of.map(bfd::session).collect();
        match only {
            Some(peer) if sessions.is_empty() => {
                Err(Status::not_found(format!("there is no BFD with {peer}")))
            }
            _ => Ok(Response::new(proto::ListBfdResponse { sessions, counters: Some(bfd::counters(&now)) })),
        }
    }

    type ListAdjOutStream = Portions<proto::ListAdjOutResponse>;

    async fn list_adj_out(
        &self,
        request: Request<proto::ListAdjOutRequest>,
    ) -> Result<Response<Self::ListAdjOutStream>, Status> {
        let addr = self.find(&request.into_inner().address)?.addr;
        let all = self.announcer.engine().advertised(addr).unwrap_or_default();
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

    type ListAdjInStream = Portions<proto::ListAdjInResponse>;

    async fn list_adj_in(
        &self,
        request: Request<proto::ListAdjInRequest>,
    ) -> Result<Response<Self::ListAdjInStream>, Status> {
        let peer = self.find(&request.into_inner().address)?;
        let engine = self.announcer.engine();
        let learned = |family: &Family| engine.learned(peer.addr, *family).unwrap_or_default();
        let all: Vec<_> = peer.families.iter().flat_map(learned).collect();
        Ok(stream(all, |portion| proto::ListAdjInResponse {
            routes: portion.iter().map(neighbor::learned).collect(),
        }))
    }

    async fn administer_neighbor(
        &self,
        request: Request<proto::AdministerNeighborRequest>,
    ) -> Result<Response<proto::AdministerNeighborResponse>, Status> {
        let request = request.into_inner();
        let peers = match request.address.as_str() {
            "all" => self.announcer.engine().peers(),
            name => vec![self.find(name)?],
        };
        let names = peers.iter().map(|peer| peer.addr);
        let addresses = neighbor::administer(self.announcer.engine(), names, &request)?;
        Ok(Response::new(proto::AdministerNeighborResponse { addresses }))
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
            synced: self.announcer.is_synced(),
            ipv4_prefixes: count(Family::IPV4_UNICAST),
            ipv6_prefixes: count(Family::IPV6_UNICAST),
            notices: self.announcer.notices(),
        }))
    }
}

//! One generation of the API; compiled for each, `pb` and what differs are the parent's.

mod capability;
mod path;
mod peer;
mod watch;

use std::sync::Arc;

use bgp::Family;
use bgp::net::Admin;
use ipnet::IpNet;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::super::table::{self, Kind, Listing, Lookup, Table};
use super::super::{Service, hand};
use super::{
    Api, DeletePathResponse, DisablePeerResponse, EnablePeerResponse, ResetPeerResponse,
    ShutdownPeerResponse, direction, given, pb, prefix, with_bfd,
};

/// Messages under way to a slow client.
const AHEAD: usize = 16;
/// Prefixes one listing may pick; the command asks for one at a time.
const LOOKUPS: usize = 16;
/// How long a listing waits for its turn.
const TURN: std::time::Duration = std::time::Duration::from_secs(10);

type Stream<T> = ReceiverStream<Result<T, Status>>;

/// The service of this generation.
pub(in super::super) struct Generation(pub(in super::super) Service);

fn family(wanted: Option<&pb::Family>) -> Result<Family, Status> {
    let Some(wanted) = wanted else { return Ok(Family::IPV4_UNICAST) };
    match (wanted.afi, wanted.safi) {
        (1, 1) => Ok(Family::IPV4_UNICAST),
        (2, 1) => Ok(Family::IPV6_UNICAST),
        (afi, safi) => Err(Status::unimplemented(format!(
            "address family: AFI {afi} SAFI {safi} not supported, this speaker has IPv4 and IPv6 unicast"
        ))),
    }
}

impl Generation {
    fn table(&self, kind: i32, name: &str) -> Result<Table, Status> {
        let addr = || table::neighbor(self.0.announcer.engine(), name).map(|peer| peer.addr);
        match pb::TableType::try_from(kind) {
            Ok(pb::TableType::Global) => Ok(Table::Global),
            Ok(pb::TableType::AdjIn) => Ok(Table::AdjIn(addr()?)),
            Ok(pb::TableType::AdjOut) => Ok(Table::AdjOut(addr()?)),
            Ok(pb::TableType::Local) => {
                Err(Status::not_found(format!("neighbor {name} doesn't have local rib")))
            }
            Ok(pb::TableType::Vrf) => Err(Status::not_found("this speaker has no VRFs")),
            _ => Err(Status::invalid_argument("unspecified table type")),
        }
    }
}

fn lookup(wanted: &pb::TableLookupPrefix) -> Result<Lookup, Status> {
    use pb::table_lookup_prefix::Type;
    let kind = match Type::try_from(wanted.r#type) {
        Ok(Type::Longer) => Kind::Longer,
        Ok(Type::Shorter) => Kind::Shorter,
        _ => Kind::Exact,
    };
    Lookup::parse(&wanted.prefix, kind)
}

/// The empty answer; generation 3 has one for all methods.
fn done<T: Default>() -> Result<Response<T>, Status> {
    Ok(Response::new(T::default()))
}

/// The prefix of a path a client sent.
fn wanted_prefix(path: &pb::Path) -> Result<IpNet, Status> {
    let nlri = path.nlri.as_ref().ok_or_else(|| Status::invalid_argument("nlri: missing"))?;
    let pb::IpAddressPrefix { prefix, prefix_len } = prefix(nlri)?;
    let rule = || Status::invalid_argument(format!("nlri: {prefix}/{prefix_len} is not a prefix"));
    let len = u8::try_from(prefix_len).map_err(|_| rule())?;
    let net = IpNet::new(prefix.parse().map_err(|_| rule())?, len).map_err(|_| rule())?.trunc();
    if path.family.is_some() && family(path.family.as_ref())? != table::family_of(&net) {
        return Err(Status::invalid_argument(format!("family: not that of {net}")));
    }
    Ok(net)
}

#[tonic::async_trait]
impl Api for Generation {
    async fn get_bgp(&self, _: Request<pb::GetBgpRequest>) -> Result<Response<pb::GetBgpResponse>, Status> {
        let global = peer::global(&self.0.announcer);
        Ok(Response::new(pb::GetBgpResponse { global: Some(global) }))
    }

    type ListPeerStream = Stream<pb::ListPeerResponse>;

    async fn list_peer(
        &self,
        request: Request<pb::ListPeerRequest>,
    ) -> Result<Response<Self::ListPeerStream>, Status> {
        let engine = self.0.announcer.engine();
        let peers = match request.into_inner().address.as_str() {
            "" => engine.peers(),
            // Of an unknown one nothing is told: the client says then that there is none.
            name => table::neighbor(engine, name).into_iter().collect(),
        };
        let watched = self.0.liveness.snapshot().await.unwrap_or_default().sessions;
        let (to, stream) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            for status in peers {
                let mut peer = peer::peer(&status);
                if let Some(bfd) = watched.iter().find(|one| one.peer == status.addr) {
                    peer = with_bfd(peer, bfd);
                }
                if !hand(&to, pb::ListPeerResponse { peer: Some(peer) }).await {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    type ListPathStream = Stream<pb::ListPathResponse>;

    async fn list_path(
        &self,
        request: Request<pb::ListPathRequest>,
    ) -> Result<Response<Self::ListPathStream>, Status> {
        let request = request.into_inner();
        let table = self.table(request.table_type, &request.name)?;
        let family = family(request.family.as_ref())?;
        if request.prefixes.len() > LOOKUPS {
            let many = request.prefixes.len();
            return Err(Status::invalid_argument(format!(
                "prefixes: {many} of them, at most {LOOKUPS} may be asked for"
            )));
        }
        let lookups = request.prefixes.iter().map(lookup).collect::<Result<Vec<_>, _>>()?;
        let turn = tokio::time::timeout(TURN, Arc::clone(&self.0.listings).acquire_owned()).await;
        let turn = turn.map_err(|_| Status::unavailable("other tables are being listed: try again"))?;
        let turn = turn.map_err(|_| Status::unavailable("the speaker is stopping"))?;
        let announcer = Arc::clone(&self.0.announcer);
        // A large table takes a while to be looked through: not on a thread that serves sessions.
        let listing =
            tokio::task::spawn_blocking(move || Listing::new(&announcer, table, family, &lookups)).await;
        let listing = listing.map_err(|_| Status::internal("the table could not be read"))??;
        let (to, stream) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            let _turn = turn;
            for at in 0..listing.len() {
                let destination = listing.destination(at).map(|one| path::destination(&one));
                if !hand(&to, pb::ListPathResponse { destination }).await {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }

    async fn get_table(
        &self,
        request: Request<pb::GetTableRequest>,
    ) -> Result<Response<pb::GetTableResponse>, Status> {
        let request = request.into_inner();
        let table = self.table(request.table_type, &request.name)?;
        let size = table::size(&self.0.announcer, table, family(request.family.as_ref())?)?;
        Ok(Response::new(pb::GetTableResponse {
            num_destination: size.destinations,
            num_path: size.paths,
            num_accepted: size.accepted,
        }))
    }

    type WatchEventStream = Stream<pb::WatchEventResponse>;

    async fn watch_event(
        &self,
        request: Request<pb::WatchEventRequest>,
    ) -> Result<Response<Self::WatchEventStream>, Status> {
        watch::watch(&self.0, &request.into_inner()).map(Response::new)
    }

    async fn reset_peer(
        &self,
        request: Request<pb::ResetPeerRequest>,
    ) -> Result<Response<ResetPeerResponse>, Status> {
        let request = request.into_inner();
        match request.soft {
            true => self.0.soft_reset(&request.address, direction(request.direction)?)?,
            false => self.0.administer(&request.address, Admin::Reset(request.communication))?,
        }
        done()
    }

    async fn shutdown_peer(
        &self,
        request: Request<pb::ShutdownPeerRequest>,
    ) -> Result<Response<ShutdownPeerResponse>, Status> {
        let request = request.into_inner();
        self.0.administer(&request.address, Admin::Shutdown(request.communication))?;
        done()
    }

    async fn enable_peer(
        &self,
        request: Request<pb::EnablePeerRequest>,
    ) -> Result<Response<EnablePeerResponse>, Status> {
        self.0.administer(&request.into_inner().address, Admin::Enable)?;
        done()
    }

    async fn disable_peer(
        &self,
        request: Request<pb::DisablePeerRequest>,
    ) -> Result<Response<DisablePeerResponse>, Status> {
        let request = request.into_inner();
        self.0.administer(&request.address, Admin::Disable(request.communication))?;
        done()
    }

    async fn add_path(
        &self,
        request: Request<pb::AddPathRequest>,
    ) -> Result<Response<pb::AddPathResponse>, Status> {
        self.0.allow()?;
        let request = request.into_inner();
        let path = request.path.ok_or_else(|| Status::invalid_argument("path: missing"))?;
        if path.is_withdraw {
            return Err(Status::invalid_argument("path: is a withdrawal, use DeletePath"));
        }
        if self.table(request.table_type, "")? != Table::Global {
            return Err(Status::invalid_argument("table_type: must be GLOBAL"));
        }
        let attrs = path.pattrs.iter().map(given).collect::<Result<Vec<_>, _>>()?;
        let uuid = self.0.add_path(wanted_prefix(&path)?, attrs)?;
        Ok(Response::new(pb::AddPathResponse { uuid: uuid.to_vec() }))
    }

    async fn delete_path(
        &self,
        request: Request<pb::DeletePathRequest>,
    ) -> Result<Response<DeletePathResponse>, Status> {
        self.0.allow()?;
        let request = request.into_inner();
        let of = request.family.as_ref().map(|of| family(Some(of))).transpose()?;
        let prefix = request.path.as_ref().map(wanted_prefix).transpose()?;
        let removed = self.0.announcer.remove_by_hand(|net, handle| match prefix {
            _ if !request.uuid.is_empty() => request.uuid == handle,
            Some(prefix) => prefix == *net,
            None => of.is_none_or(|of| of == table::family_of(net)),
        });
        if removed == 0 && !request.uuid.is_empty() {
            return Err(Status::not_found("can't find a specified path"));
        }
        done()
    }
}

//! State changes as they happen.

use bgp::net::StateChange;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::super::super::{Service, hand};
use super::super::pb;
use super::{AHEAD, Stream, peer};
use pb::watch_event_response::peer_event::Type;
use pb::watch_event_response::{Event, PeerEvent};

/// First every neighbour as it is, then each change. A client that falls behind is told the present state again.
pub(super) fn watch(
    service: &Service,
    request: &pb::WatchEventRequest,
) -> Result<Stream<pb::WatchEventResponse>, Status> {
    if request.table.is_some() {
        return Err(Status::unimplemented(
            "routes cannot be watched here: only neighbors can, tables are listed by ListPath",
        ));
    }
    if request.peer.is_none() {
        return Err(Status::invalid_argument("peer: must be set, nothing else can be watched"));
    }
    let announcer = std::sync::Arc::clone(&service.announcer);
    let mut changes = announcer.engine().subscribe();
    let (to, stream) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        let engine = announcer.engine();
        for status in engine.peers() {
            if !hand(&to, event(Type::Init, peer::peer(&status))).await {
                return;
            }
        }
        let nobody = pb::Peer {
            conf: Some(pb::PeerConf::default()),
            state: Some(pb::PeerState::default()),
            transport: Some(pb::Transport::default()),
            ..pb::Peer::default()
        };
        if !hand(&to, event(Type::EndOfInit, nobody)).await {
            return;
        }
        loop {
            let change = tokio::select! {
                change = changes.recv() => change,
                () = to.closed() => return,
            };
            let told: Vec<StateChange> = match change {
                Ok(change) => vec![change],
                Err(RecvError::Lagged(_)) => engine.peers().iter().map(present).collect(),
                Err(RecvError::Closed) => return,
            };
            for change in told {
                let Some(status) = engine.peer(change.addr) else { continue };
                if !hand(&to, event(Type::State, peer::changed(status, &change))).await {
                    return;
                }
            }
        }
    });
    Ok(ReceiverStream::new(stream))
}

fn present(status: &bgp::net::PeerStatus) -> StateChange {
    StateChange { addr: status.addr, state: status.state, enabled: status.enabled, at: status.since }
}

fn event(kind: Type, peer: pb::Peer) -> pb::WatchEventResponse {
    let event = PeerEvent { r#type: kind.into(), peer: Some(peer) };
    pb::WatchEventResponse { event: Some(Event::Peer(event)) }
}

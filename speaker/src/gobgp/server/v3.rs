//! What generation 3 has of its own: a union is an `Any`, an absent enum means its first value.

use bgp::net::PeerStatus;
use prost::{Message, Name};
use prost_types::Any;
use tonic::Status;

use super::admin::{Given, Soft};
use crate::gobgp::apipb as pb;
use crate::liveness::Watched;

pub(super) use pb::gobgp_api_server::{GobgpApi as Api, GobgpApiServer as ApiServer};

#[path = "both/mod.rs"]
mod both;

pub(super) use both::Generation;

type Capability = Any;
type Attribute = Any;
type Nlri = Any;
type ResetPeerResponse = ();
type ShutdownPeerResponse = ();
type EnablePeerResponse = ();
type DisablePeerResponse = ();
type DeletePathResponse = ();

fn pack<M: Message + Name>(message: M) -> Any {
    Any { type_url: M::type_url(), value: message.encode_to_vec() }
}

fn capability<M: Message + Name>(message: M) -> Capability {
    pack(message)
}

fn attribute<M: Message + Name>(message: M) -> Attribute {
    pack(message)
}

fn nlri(prefix: pb::IpAddressPrefix) -> Nlri {
    pack(prefix)
}

/// 3.10 has no message for it and shows the number.
fn extended_message() -> Capability {
    pack(pb::UnknownCapability { code: 6, value: Vec::new() })
}

/// 3.10 cannot decode its message, later ones panic on the unknown one: it is left out.
fn software_version(_version: String) -> Option<Capability> {
    None
}

/// Generation 3 knows no BFD.
fn with_bfd(peer: pb::Peer, _of: &Watched) -> pb::Peer {
    peer
}

/// Generation 3 does not say why a session ended.
fn disconnected(state: pb::PeerState, _peer: &PeerStatus) -> pb::PeerState {
    state
}

fn direction(number: i32) -> Result<Soft, Status> {
    use pb::reset_peer_request::SoftResetDirection::{Both, In, Out};
    match number.try_into() {
        Ok(In) => Ok(Soft { inbound: true, outbound: false }),
        Ok(Out) => Ok(Soft { inbound: false, outbound: true }),
        Ok(Both) => Ok(Soft { inbound: true, outbound: true }),
        Err(_) => Err(Status::invalid_argument("unknown direction")),
    }
}

/// The message name at the end of the type URL; clients differ in what stands before it.
fn name(any: &Any) -> &str {
    any.type_url.rsplit(['/', '.']).next().unwrap_or_default()
}

fn unpack<M: Message + Default>(any: &Any) -> Result<M, Status> {
    let rule = |error| Status::invalid_argument(format!("{}: cannot be decoded: {error}", name(any)));
    M::decode(any.value.as_slice()).map_err(rule)
}

fn prefix(nlri: &Nlri) -> Result<pb::IpAddressPrefix, Status> {
    match name(nlri) {
        "IPAddressPrefix" => unpack(nlri),
        other => Err(Status::invalid_argument(format!(
            "nlri: {other:?} is not supported, must be IPAddressPrefix"
        ))),
    }
}

fn given(attribute: &Attribute) -> Result<Given, Status> {
    Ok(match name(attribute) {
        "OriginAttribute" => Given::Ours,
        "NextHopAttribute" => Given::NextHop(unpack::<pb::NextHopAttribute>(attribute)?.next_hop),
        "MpReachNLRIAttribute" => {
            let reach: pb::MpReachNlriAttribute = unpack(attribute)?;
            Given::NextHop(reach.next_hops.into_iter().next().unwrap_or_default())
        }
        "MultiExitDiscAttribute" => Given::Med(unpack::<pb::MultiExitDiscAttribute>(attribute)?.med),
        "CommunitiesAttribute" => {
            Given::Communities(unpack::<pb::CommunitiesAttribute>(attribute)?.communities)
        }
        other => Given::Other(other.to_owned()),
    })
}

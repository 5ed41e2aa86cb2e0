//! What generation 4 has of its own: unions, why a session ended, and no meaning in an absent enum.

use bgp::fsm::EndReason;
use bgp::net::PeerStatus;
use bgp::wire::notification::{cease, code, open};
use tonic::Status;

use super::admin::{Given, Soft};
use super::watched::with_bfd;
use crate::gobgp::api as pb;
use pb::{
    Attribute, Capability, DeletePathResponse, DisablePeerResponse, EnablePeerResponse, Nlri,
    ResetPeerResponse, ShutdownPeerResponse,
};

pub(super) use pb::go_bgp_service_server::{GoBgpService as Api, GoBgpServiceServer as ApiServer};

#[path = "both/mod.rs"]
#[allow(clippy::duplicate_mod, reason = "one source for both generations")]
mod both;

pub(super) use both::Generation;

/// Members of a union from the messages in them.
macro_rules! members {
    ($union:ty, $field:ident: $($member:path => $message:ty),+ $(,)?) => {
        $(impl From<$message> for $union {
            fn from(message: $message) -> Self {
                Self { $field: Some($member(message)) }
            }
        })+
    };
}

use pb::attribute::Attr;
use pb::capability::Cap;

members!(Capability, cap:
    Cap::Unknown => pb::UnknownCapability,
    Cap::MultiProtocol => pb::MultiProtocolCapability,
    Cap::RouteRefresh => pb::RouteRefreshCapability,
    Cap::CarryingLabelInfo => pb::CarryingLabelInfoCapability,
    Cap::ExtendedNexthop => pb::ExtendedNexthopCapability,
    Cap::GracefulRestart => pb::GracefulRestartCapability,
    Cap::FourOctetAsn => pb::FourOctetAsnCapability,
    Cap::AddPath => pb::AddPathCapability,
    Cap::EnhancedRouteRefresh => pb::EnhancedRouteRefreshCapability,
    Cap::LongLivedGracefulRestart => pb::LongLivedGracefulRestartCapability,
    Cap::RouteRefreshCisco => pb::RouteRefreshCiscoCapability,
    Cap::Fqdn => pb::FqdnCapability,
    Cap::SoftwareVersion => pb::SoftwareVersionCapability,
    Cap::ExtendedMessage => pb::ExtendedMessageCapability,
);

members!(Attribute, attr:
    Attr::Unknown => pb::UnknownAttribute,
    Attr::Origin => pb::OriginAttribute,
    Attr::AsPath => pb::AsPathAttribute,
    Attr::NextHop => pb::NextHopAttribute,
    Attr::MultiExitDisc => pb::MultiExitDiscAttribute,
    Attr::LocalPref => pb::LocalPrefAttribute,
    Attr::AtomicAggregate => pb::AtomicAggregateAttribute,
    Attr::Aggregator => pb::AggregatorAttribute,
    Attr::Communities => pb::CommunitiesAttribute,
    Attr::OriginatorId => pb::OriginatorIdAttribute,
    Attr::ClusterList => pb::ClusterListAttribute,
    Attr::MpReach => pb::MpReachNlriAttribute,
    Attr::As4Path => pb::As4PathAttribute,
    Attr::As4Aggregator => pb::As4AggregatorAttribute,
    Attr::LargeCommunities => pb::LargeCommunitiesAttribute,
);

fn capability(message: impl Into<Capability>) -> Capability {
    message.into()
}

fn attribute(message: impl Into<Attribute>) -> Attribute {
    message.into()
}

fn nlri(prefix: pb::IpAddressPrefix) -> Nlri {
    Nlri { nlri: Some(pb::nlri::Nlri::Prefix(prefix)) }
}

fn extended_message() -> Capability {
    pb::ExtendedMessageCapability {}.into()
}

fn software_version(software_version: String) -> Option<Capability> {
    Some(pb::SoftwareVersionCapability { software_version }.into())
}

/// Why the last session or attempt ended, in GoBGP's terms and in ours; nothing while there is a session.
fn disconnected(state: pb::PeerState, peer: &PeerStatus) -> pb::PeerState {
    use pb::peer_state::DisconnectReason as Reason;
    let Some((_, ended)) = peer.last_end.as_ref().filter(|_| peer.negotiated.is_none()) else { return state };
    let reason = match ended {
        EndReason::Sent(note) if note.code == code::HOLD_TIMER => Reason::HoldTimerExpired,
        EndReason::Sent(note) if note.code == code::CEASE && note.subcode == cease::ADMIN_SHUTDOWN => {
            Reason::AdminDown
        }
        EndReason::Sent(_) => Reason::NotificationSent,
        EndReason::Received(note) if note.code == code::OPEN && note.subcode == open::BAD_PEER_AS => {
            Reason::BadPeerAs
        }
        EndReason::Received(_) => Reason::NotificationReceived,
        EndReason::Fault(_) => Reason::InvalidMsg,
        EndReason::Lost(_) => Reason::ReadFailed,
        EndReason::DialFailed(_) | EndReason::Replaced | EndReason::Abandoned => Reason::Unspecified,
    };
    pb::PeerState { disconnect_reason: reason.into(), disconnect_message: ended.to_string(), ..state }
}

fn direction(number: i32) -> Result<Soft, Status> {
    use pb::reset_peer_request::Direction::{Both, In, Out, Unspecified};
    match number.try_into() {
        Ok(In) => Ok(Soft { inbound: true, outbound: false }),
        Ok(Out) => Ok(Soft { inbound: false, outbound: true }),
        Ok(Both) => Ok(Soft { inbound: true, outbound: true }),
        Ok(Unspecified) | Err(_) => Err(Status::invalid_argument("unknown direction")),
    }
}

fn prefix(nlri: &Nlri) -> Result<pb::IpAddressPrefix, Status> {
    match &nlri.nlri {
        Some(pb::nlri::Nlri::Prefix(prefix)) => Ok(prefix.clone()),
        None => Err(Status::invalid_argument("nlri: not supported, must be a prefix")),
    }
}

fn given(attribute: &Attribute) -> Result<Given, Status> {
    let missing = || Status::invalid_argument("path attribute: of a kind this speaker does not know");
    Ok(match attribute.attr.as_ref().ok_or_else(missing)? {
        Attr::Origin(_) => Given::Ours,
        Attr::NextHop(next_hop) => Given::NextHop(next_hop.next_hop.clone()),
        Attr::MpReach(reach) => Given::NextHop(reach.next_hops.first().cloned().unwrap_or_default()),
        Attr::MultiExitDisc(med) => Given::Med(med.med),
        Attr::Communities(all) => Given::Communities(all.communities.clone()),
        Attr::AsPath(_) => Given::Other("AS_PATH".to_owned()),
        Attr::LocalPref(_) => Given::Other("LOCAL_PREF".to_owned()),
        _ => Given::Other("this one".to_owned()),
    })
}

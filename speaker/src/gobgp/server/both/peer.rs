//! The speaker and its neighbours. A sub-message that is empty is sent all the same: the stock command panics on one
//! that is missing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bgp::Family;
use bgp::fsm::State;
use bgp::net::{MessageCounts, PeerStatus, StateChange};

use super::super::super::timestamp;
use super::super::{disconnected, pb};
use super::capability::capabilities;
use super::path::family;
use crate::announce::Announcer;

/// What GoBGP says for its port when it takes no connections.
const NOT_LISTENING: i32 = -1;

/// The speaker itself.
pub(super) fn global(announcer: &Announcer) -> pb::Global {
    let (identity, listening) = (announcer.identity(), announcer.engine().listening());
    pb::Global {
        asn: identity.local_as.get(),
        router_id: identity.router_id.to_string(),
        listen_port: listening.first().map_or(NOT_LISTENING, |on| on.port().into()),
        listen_addresses: listening.iter().map(|on| on.ip().to_string()).collect(),
        use_multiple_paths: true,
        ..pb::Global::default()
    }
}

/// One neighbour.
pub(super) fn peer(status: &PeerStatus) -> pb::Peer {
    pb::Peer {
        apply_policy: Some(pb::ApplyPolicy::default()),
        conf: Some(conf(status)),
        ebgp_multihop: Some(pb::EbgpMultihop::default()),
        route_reflector: Some(pb::RouteReflector::default()),
        state: Some(state(status)),
        timers: Some(timers(status)),
        transport: Some(transport(status)),
        route_server: Some(pb::RouteServer::default()),
        graceful_restart: Some(pb::GracefulRestart::default()),
        afi_safis: status.families.iter().map(|of| afi_safi(status, *of)).collect(),
        ..pb::Peer::default()
    }
}

/// One neighbour as an event tells it: `change` is what happened, the rest is as it is now.
pub(super) fn changed(mut status: PeerStatus, change: &StateChange) -> pb::Peer {
    (status.state, status.enabled) = (change.state, change.enabled);
    peer(&status)
}

fn kind(status: &PeerStatus) -> i32 {
    match status.local_as == status.peer_as {
        true => pb::PeerType::Internal.into(),
        false => pb::PeerType::External.into(),
    }
}

fn conf(status: &PeerStatus) -> pb::PeerConf {
    pb::PeerConf {
        local_asn: status.local_as.get(),
        neighbor_address: status.addr.to_string(),
        peer_asn: status.peer_as.get(),
        r#type: kind(status),
        admin_down: !status.enabled,
        ..pb::PeerConf::default()
    }
}

fn state(status: &PeerStatus) -> pb::PeerState {
    use pb::peer_state::{AdminState, SessionState};
    let session = match status.state {
        State::Idle => SessionState::Idle,
        State::Connect => SessionState::Connect,
        State::Active => SessionState::Active,
        State::OpenSent => SessionState::Opensent,
        State::OpenConfirm => SessionState::Openconfirm,
        State::Established => SessionState::Established,
    };
    let admin = if status.enabled { AdminState::Up } else { AdminState::Down };
    let queued = u32::try_from(status.out_queue).unwrap_or(u32::MAX);
    let received = status.negotiated.as_ref().map(|with| capabilities(&with.capabilities));
    let state = pb::PeerState {
        local_asn: status.local_as.get(),
        messages: Some(pb::Messages {
            received: Some(messages(&status.received)),
            sent: Some(messages(&status.sent)),
        }),
        neighbor_address: status.addr.to_string(),
        peer_asn: status.peer_as.get(),
        r#type: kind(status),
        queues: Some(pb::Queues { input: 0, output: queued }),
        session_state: session.into(),
        admin_state: admin.into(),
        out_q: queued,
        flops: u32::try_from(status.flaps).unwrap_or(u32::MAX),
        remote_cap: received.unwrap_or_default(),
        local_cap: capabilities(&status.capabilities),
        router_id: status.peer_id.map(|id| id.to_string()).unwrap_or_default(),
        ..pb::PeerState::default()
    };
    disconnected(state, status)
}

fn messages(counts: &MessageCounts) -> pb::Message {
    pb::Message {
        notification: counts.notification,
        update: counts.update,
        open: counts.open,
        keepalive: counts.keepalive,
        refresh: counts.route_refresh,
        discarded: counts.discarded,
        total: counts.total(),
        withdraw_update: counts.withdraw_update,
        withdraw_prefix: counts.withdraw_prefix,
    }
}

/// A third of the hold time, as the engine paces them (RFC 4271 §10).
fn timers(status: &PeerStatus) -> pb::Timers {
    let configured = u64::from(status.hold_time.seconds());
    let negotiated = status.negotiated.as_ref().map_or(0, |with| u64::from(with.hold_time.seconds()));
    // One that is disabled counts from its next session on.
    let shown = |at: Option<std::time::Instant>| at.filter(|_| status.enabled).map(timestamp);
    pb::Timers {
        config: Some(pb::TimersConfig {
            hold_time: configured,
            keepalive_interval: configured / 3,
            ..pb::TimersConfig::default()
        }),
        state: Some(pb::TimersState {
            hold_time: configured,
            keepalive_interval: negotiated / 3,
            negotiated_hold_time: negotiated,
            uptime: shown(status.last_established),
            downtime: shown(status.last_down),
            ..pb::TimersState::default()
        }),
    }
}

fn transport(status: &PeerStatus) -> pb::Transport {
    let any: IpAddr = match status.addr.ip() {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let local = status.local_addr.unwrap_or(SocketAddr::new(any, 0));
    pb::Transport {
        local_address: local.ip().to_string(),
        local_port: local.port().into(),
        remote_address: status.addr.to_string(),
        remote_port: status.port.into(),
        ..pb::Transport::default()
    }
}

fn afi_safi(status: &PeerStatus, of: Family) -> pb::AfiSafi {
    let learned = status.learned.iter().find(|(family, _)| *family == of).map(|(_, counts)| *counts);
    let learned = learned.unwrap_or_default();
    let sent = status.advertised_by_family.iter().find(|(family, _)| *family == of);
    let exchanged = status.negotiated.as_ref().is_some_and(|with| with.families.contains(&of));
    pb::AfiSafi {
        mp_graceful_restart: Some(pb::MpGracefulRestart::default()),
        config: Some(pb::AfiSafiConfig { family: Some(family(of)), enabled: true }),
        state: Some(pb::AfiSafiState {
            family: Some(family(of)),
            enabled: exchanged,
            received: learned.received,
            accepted: learned.accepted,
            advertised: u64::try_from(sent.map_or(0, |(_, count)| *count)).unwrap_or(u64::MAX),
        }),
        ..pb::AfiSafi::default()
    }
}

//! One neighbour in the terms of the debug service, and what can be done to it.

use std::time::Instant;

use bgp::fsm::{BfdHold, PeerRestart, State};
use bgp::net::{Admin, AdminError, Engine, Hops, MessageCounts, PeerAddr, PeerStatus};
use bgp::rib::LearnedPath;
use bgp::wire::{Attr, MpNextHop, Segment};
use tonic::Status;

use super::proto;
use super::proto::administer_neighbor_request::Action;
use crate::roster::Row;

/// What is known of a neighbour, by the engine and from its configuration.
pub(super) fn shown(peer: &PeerStatus, row: Option<Row>) -> proto::Neighbor {
    let text = |addr: Option<String>| addr.unwrap_or_default();
    let plain = proto::Neighbor {
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
        session: session(peer),
        enabled: peer.enabled,
        received_prefixes: peer.learned.iter().map(|(_, counts)| counts.received).sum(),
        waits: waits(peer).to_owned(),
        stale_prefixes: peer.learned.iter().map(|(_, counts)| counts.stale).sum(),
        ..proto::Neighbor::default()
    };
    match row {
        Some(row) => configured(plain, row),
        None => plain,
    }
}

/// Why nothing happens where something could.
fn waits(peer: &PeerStatus) -> &'static str {
    match peer.bfd_hold {
        BfdHold::No => "",
        BfdHold::Until(_) => "BFD is down: not dialed until it is up, or its hold time is over",
        BfdHold::UntilUp if peer.state == State::Established => "",
        BfdHold::UntilUp => "strict BFD is not up: neither dialed nor let in",
    }
}

pub(super) fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn configured(shown: proto::Neighbor, row: Row) -> proto::Neighbor {
    let peer = &row.neighbor.peer.0;
    let role = peer.session.role;
    proto::Neighbor {
        description: row.neighbor.description.clone(),
        password: peer.password.is_some(),
        ttl: peer.dialing.hops.ttl().unwrap_or_default().into(),
        ttl_security: match peer.dialing.hops {
            Hops::Secured(hops) => hops.into(),
            Hops::Any | Hops::AtMost(_) => 0,
        },
        max_prefixes: peer.max_prefixes.unwrap_or_default(),
        role: role.map(|role| role.role.name().to_owned()).unwrap_or_default(),
        role_strict: role.is_some_and(|role| role.strict),
        restart: peer.session.restart.map(|restart| proto::LocalRestart {
            time: restart.time.into(),
            long_lived: restart.long_lived.unwrap_or_default(),
        }),
        communication_ms_ago: row.communication.as_ref().map_or(0, |(at, _)| millis(*at)),
        communication: row.communication.map(|(_, text)| text).unwrap_or_default(),
        ..shown
    }
}

fn session(peer: &PeerStatus) -> Option<proto::Session> {
    let with = peer.negotiated.as_ref()?;
    Some(proto::Session {
        router_id: with.peer_id.to_string(),
        hostname: with.peer_hostname.clone().unwrap_or_default(),
        local_address: peer.local_addr.map(|addr| addr.to_string()).unwrap_or_default(),
        remote_address: peer.remote_addr.map(|addr| addr.to_string()).unwrap_or_default(),
        hold_time: with.hold_time.seconds().into(),
        families: with.families.iter().map(ToString::to_string).collect(),
        max_message: with.context.max_message.into(),
        route_refresh: with.route_refresh,
        four_octet_as: with.context.four_octet_as,
        enhanced_refresh: with.enhanced_refresh,
        extended_next_hop: with.extended_next_hop,
        peer_role: with.peer_role.map(|role| role.name().to_owned()).unwrap_or_default(),
        restart: with.restart.as_ref().map(restart),
    })
}

fn restart(peer: &PeerRestart) -> proto::PeerRestart {
    let kept = peer.families.iter().filter(|(_, forwarding)| *forwarding);
    proto::PeerRestart {
        time: peer.time.into(),
        restarted: peer.restarted,
        notification: peer.notification,
        families: peer.families.iter().map(|(family, _)| family.to_string()).collect(),
        forwarding: kept.map(|(family, _)| family.to_string()).collect(),
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

/// One path that a neighbour announces.
pub(super) fn learned(path: &LearnedPath) -> proto::LearnedRoute {
    let attrs = path.attrs();
    let next_hop = attrs.iter().find_map(|attr| match attr {
        Attr::NextHop(addr) => Some(addr.to_string()),
        Attr::MpReach(reach) => Some(next_hops(&reach.next_hop)),
        _ => None,
    });
    let as_path = attrs.iter().find_map(|attr| match attr {
        Attr::AsPath(segments) => Some(path_text(segments)),
        _ => None,
    });
    proto::LearnedRoute {
        prefix: path.prefix.to_string(),
        next_hop: next_hop.unwrap_or_default(),
        as_path: as_path.unwrap_or_default(),
        age_ms: millis(path.since),
        accepted: path.accepted,
        stale: path.stale,
    }
}

fn next_hops(of: &MpNextHop) -> String {
    match of {
        MpNextHop::WithLinkLocal(global, local) => format!("{global}, {local}"),
        one => one.addr().map(|addr| addr.to_string()).unwrap_or_default(),
    }
}

/// Sequences as they stand, sets in braces.
fn path_text(segments: &[Segment]) -> String {
    let text = |segment: &Segment| {
        let asns: Vec<String> = segment.asns.iter().map(ToString::to_string).collect();
        match segment.kind {
            2 => asns.join(" "),
            _ => format!("{{{}}}", asns.join(" ")),
        }
    };
    segments.iter().map(text).collect::<Vec<_>>().join(" ")
}

/// Does what is asked to each of the neighbours, whether another one refuses it or not; returns their names, or what the
/// first that refused said.
pub(super) fn administer(
    engine: &Engine,
    peers: impl Iterator<Item = PeerAddr>,
    request: &proto::AdministerNeighborRequest,
) -> Result<Vec<String>, Status> {
    let text = request.text.clone();
    super::communication(&text).map_err(|rule| Status::invalid_argument(format!("text: {rule}")))?;
    let what = match request.action() {
        Action::Reset => Admin::Reset(text),
        Action::Shutdown => Admin::Disable(text),
        Action::SoftReset | Action::Enable if !text.is_empty() => {
            return Err(Status::invalid_argument("text: only reset and shutdown tell the router one"));
        }
        Action::SoftReset => Admin::SoftReset,
        Action::Enable => Admin::Enable,
        Action::Unspecified => return Err(Status::invalid_argument("action: is missing")),
    };
    let refused = |error: AdminError| match error {
        AdminError::Unknown(_) => Status::not_found(error.to_string()),
        AdminError::Busy(_) => Status::resource_exhausted(error.to_string()),
    };
    let all: Vec<_> =
        peers.map(|peer| engine.administer(peer, what.clone()).map(|()| peer.to_string())).collect();
    all.into_iter().collect::<Result<_, _>>().map_err(refused)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use bgp::net::{Dialing, PeerConfig};
    use bgp::{Asn, Family, HoldTime, RouterId, fsm};

    use super::*;

    #[tokio::test]
    async fn one_that_refuses_keeps_no_other_from_being_shut_down() {
        let (known, gone) = (Ipv4Addr::new(127, 0, 0, 9), Ipv4Addr::new(127, 0, 0, 8));
        let asn = Asn::new(65001).expect("legal");
        let own = (asn, RouterId::new(known).expect("legal"));
        let hold = HoldTime::new(90).expect("legal");
        let mut session = fsm::Config::new(own, asn, hold, vec![Family::IPV4_UNICAST]);
        (session.dial, session.listen) = (false, true);
        let engine = Engine::new();
        let dialing = Dialing { remote: (known, 179).into(), local: None, hops: Hops::Any };
        engine.add_peer(PeerConfig::new(dialing, session));
        let action = Action::Shutdown.into();
        let request = proto::AdministerNeighborRequest { action, ..Default::default() };
        let peers = [gone, known].map(|addr| PeerAddr::from(std::net::IpAddr::from(addr)));
        let refused = administer(&engine, peers.into_iter(), &request).expect_err("one is not there");
        assert_eq!(refused.code(), tonic::Code::NotFound);
        let down = async {
            while engine.peer(peers[1]).is_some_and(|peer| peer.enabled) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), down).await.expect("the other is shut down");
    }
}

//! BFD sessions in the terms of the debug service.

use bgp::fsm::Bfd;

use super::neighbor::millis;
use super::proto;
use crate::config::bfd_method_name;
use crate::liveness::{Snapshot, Watched};

/// One neighbour's session, or why there is none.
pub(super) fn session(of: &Watched) -> proto::BfdSession {
    let settings = &of.profile.settings;
    let plain = proto::BfdSession {
        neighbor: of.peer.to_string(),
        trouble: of.trouble.clone().unwrap_or_default(),
        multihop: of.profile.hops == bfd::session::Hops::Multi,
        min_ttl: settings.min_ttl.into(),
        min_tx: settings.desired_min_tx.0,
        min_rx: settings.required_min_rx.0,
        multiplier: settings.detect_mult.get().into(),
        auth: settings.auth.as_ref().map(|auth| bfd_method_name(auth.kind).to_owned()).unwrap_or_default(),
        strict: of.profile.hold.is_none(),
        bgp: heard(of.said).to_owned(),
        ..proto::BfdSession::default()
    };
    match &of.session {
        Some(status) => running(plain, status),
        None => plain,
    }
}

fn running(plain: proto::BfdSession, of: &bfd::session::Status) -> proto::BfdSession {
    let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let text = |addr: Option<std::net::IpAddr>| addr.map(|addr| addr.to_string()).unwrap_or_default();
    let change = |one: &bfd::session::Recorded| proto::BfdChange {
        state: one.state.name().to_owned(),
        ms_ago: millis(one.at),
        forced: one.forced,
    };
    // Before the first packet nothing is known of the other end.
    let heard = of.last_heard.is_some();
    proto::BfdSession {
        state: of.state.name().to_owned(),
        state_ms: of.history.first().map(|last| millis(last.at)),
        diagnostic: of.diagnostic.name().to_owned(),
        remote_state: if heard { of.remote_state.name().to_owned() } else { String::new() },
        remote_diagnostic: if heard { of.remote_diagnostic.name().to_owned() } else { String::new() },
        local_address: text(of.path.local.or(of.local_heard)),
        remote_address: of.path.remote.to_string(),
        interface: of.path.interface,
        discriminator: of.discriminator.get(),
        remote_discriminator: of.remote_discriminator.map_or(0, bfd::Discriminator::get),
        remote_min_tx: of.remote_desired_min_tx.0,
        remote_min_rx: of.remote_required_min_rx.0,
        remote_multiplier: of.remote_detect_mult.map_or(0, |mult| mult.get().into()),
        transmit_interval: micros(of.transmit_interval),
        detection_time: micros(of.detection_time),
        failures: of.failures,
        transmitted: of.transmitted,
        received: of.received,
        last_heard_ms_ago: of.last_heard.map(millis),
        remote_independent: of.remote_independent,
        history: of.history.iter().map(change).collect(),
        ..plain
    }
}

fn heard(said: Bfd) -> &'static str {
    match said {
        Bfd::Silent => "silent",
        Bfd::Awaited => "awaited",
        Bfd::Up => "up",
        Bfd::Down { .. } => "down",
    }
}

/// What all sessions have in common.
pub(super) fn counters(of: &Snapshot) -> proto::BfdCounters {
    let (engine, sockets) = (&of.engine, &of.sockets);
    proto::BfdCounters {
        received: engine.received,
        invalid: engine.invalid,
        ttl: engine.ttl,
        auth: engine.auth,
        unknown: engine.unknown,
        dropped: engine.dropped + sockets.overflow,
        receive_errors: sockets.receive_errors,
        send_errors: sockets.send_errors,
        stalls: engine.stalls,
        lost_ms: u64::try_from(of.lost_time.as_millis()).unwrap_or(u64::MAX),
    }
}

//! BFD: upstream's series, true where upstream leaves them at zero, and ours. None of them without BFD.

use bfd::State;

use super::family::{Family, number};
use crate::liveness::{Snapshot, Watched};

/// All of them.
pub(super) fn all(node: &str, now: &Snapshot) -> Vec<Family> {
    let mut all = server(node, now);
    all.extend(sessions(node, &now.sessions));
    all.extend(own(now));
    all
}

/// Upstream's numbers; 0, unspecified, for a session that there is none of.
fn state(state: Option<State>) -> f64 {
    match state {
        None => 0.0,
        Some(State::Up) => 1.0,
        Some(State::Down) => 2.0,
        Some(State::AdminDown) => 3.0,
        Some(State::Init) => 4.0,
    }
}

fn server(node: &str, now: &Snapshot) -> Vec<Family> {
    let (engine, sockets) = (&now.engine, &now.sockets);
    let invalid = engine.invalid + engine.ttl + engine.auth;
    let counts = [
        ("received_packets", "BFD packets received.", engine.received),
        ("received_drop", "BFD packets lost for want of room.", engine.dropped + sockets.overflow),
        ("received_error", "Times receiving BFD packets failed.", sockets.receive_errors),
        (
            "invalid_packet",
            "BFD packets discarded for what is in them, their TTL or their authentication.",
            invalid,
        ),
        ("unknown_peer", "BFD packets of no session.", engine.unknown),
    ];
    let family = |(name, help, count): (&str, &str, u64)| {
        let name = format!("kube_ovn_speaker_bfd_server_{name}");
        Family::gauge(&name, help).with(&[("node", node)], number(count))
    };
    counts.into_iter().map(family).collect()
}

fn sessions(node: &str, all: &[Watched]) -> Vec<Family> {
    const STATES: &str = "0 no session, 1 Up, 2 Down, 3 AdminDown, 4 Init.";
    type Value = fn(&Watched) -> f64;
    let of: [(&str, String, Value); 6] = [
        ("up", "Whether the BFD session with the peer is Up.".to_owned(), |one| {
            f64::from(one.session.as_ref().is_some_and(|session| session.state == State::Up))
        }),
        ("session_state", format!("State of the BFD session: {STATES}"), |one| {
            state(one.session.as_ref().map(|session| session.state))
        }),
        ("remote_session_state", format!("State of the peer's end, as last heard: {STATES}"), |one| {
            // Before its first packet it is nothing.
            let heard = one.session.as_ref().filter(|session| session.last_heard.is_some());
            state(heard.map(|session| session.remote_state))
        }),
        ("failure_transitions", "Times the BFD session went from Up to Down.".to_owned(), |one| {
            number(one.session.as_ref().map_or(0, |session| session.failures))
        }),
        ("transmitted_packets", "BFD packets sent to the peer.".to_owned(), |one| {
            number(one.session.as_ref().map_or(0, |session| session.transmitted))
        }),
        ("received_packets", "Valid BFD packets of the peer.".to_owned(), |one| {
            number(one.session.as_ref().map_or(0, |session| session.received))
        }),
    ];
    let family = |(name, help, value): (&str, String, Value)| {
        let mut family = Family::gauge(&format!("kube_ovn_speaker_bfd_peer_{name}"), &help);
        for one in all {
            family.add(&[("node", node), ("peer", &one.peer.to_string())], value(one));
        }
        family
    };
    of.into_iter().map(family).collect()
}

fn own(now: &Snapshot) -> Vec<Family> {
    let (engine, sockets) = (&now.engine, &now.sockets);
    let refused = Family::counter("speaker_bfd_refused_packets_total", "BFD packets not taken, by reason.")
        .with(&[("reason", "invalid")], number(engine.invalid))
        .with(&[("reason", "ttl")], number(engine.ttl))
        .with(&[("reason", "auth")], number(engine.auth))
        .with(&[("reason", "unknown_peer")], number(engine.unknown))
        .with(&[("reason", "no_room")], number(engine.dropped))
        .with(&[("reason", "socket_full")], number(sockets.overflow));
    let stalls = Family::counter(
        "speaker_bfd_stalls_total",
        "Times this process was so late that BFD's detection clocks were stopped.",
    );
    let lost = Family::counter("speaker_bfd_lost_seconds_total", "How long they stood still in all.");
    let errors = Family::counter("speaker_bfd_send_errors_total", "Times sending a BFD packet failed.");
    let mut detection =
        Family::gauge("speaker_bfd_detection_seconds", "How long the peer may be silent before it is down.");
    for one in &now.sessions {
        if let Some(session) = &one.session {
            detection.add(&[("peer", &one.peer.to_string())], session.detection_time.as_secs_f64());
        }
    }
    vec![
        refused,
        stalls.with(&[], number(engine.stalls)),
        lost.with(&[], now.lost_time.as_secs_f64()),
        errors.with(&[], number(sockets.send_errors)),
        detection,
    ]
}

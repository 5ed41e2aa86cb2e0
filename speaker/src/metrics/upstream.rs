//! The series of kube-ovn-speaker, under its names, labels and words, for the dashboards and alerts that know them.
//!
//! All are gauges, those that only grow included: that is what upstream exports. Those of BFD are in `bfd`.

use bgp::fsm::State;
use bgp::net::{MessageCounts, PeerStatus};

use super::family::{Family, number};
use crate::logging::Counts;

/// Label values of `level`, in the order of [`Counts`].
const LEVELS: [&str; 3] = ["INFO", "WARN", "ERROR"];

/// What upstream tells of its BGP peers; `node` is empty where no node is known.
pub(super) fn peers(node: &str, peers: &[PeerStatus]) -> Vec<Family> {
    let mut up =
        Family::gauge("kube_ovn_speaker_bgp_peer_up", "Whether the session with the peer is Established.");
    let mut state = Family::gauge(
        "kube_ovn_speaker_bgp_peer_session_state",
        "State of the session: 1 Idle, 2 Connect, 3 Active, 4 OpenSent, 5 OpenConfirm, 6 Established.",
    );
    let mut flaps = Family::gauge(
        "kube_ovn_speaker_bgp_peer_flap_count",
        "Sessions with the peer that were Established and ended.",
    );
    let mut queue = Family::gauge(
        "kube_ovn_speaker_bgp_peer_out_queue",
        "Messages that wait for the peer's socket to take them.",
    );
    let mut received = Family::gauge(
        "kube_ovn_speaker_bgp_peer_received_messages",
        "Messages received from the peer since the start, by type.",
    );
    let mut sent = Family::gauge(
        "kube_ovn_speaker_bgp_peer_sent_messages",
        "Messages sent to the peer since the start, by type.",
    );
    for peer in peers {
        let (addr, asn) = (peer.addr.to_string(), peer.peer_as.get().to_string());
        let labels = [("node", node), ("peer", addr.as_str()), ("peer_asn", asn.as_str())];
        up.add(&labels, number(u64::from(peer.state == State::Established)));
        state.add(&labels, number(session_state(peer.state)));
        flaps.add(&labels, number(peer.flaps));
        queue.add(&labels, number(peer.out_queue));
        for (family, counts) in [(&mut received, &peer.received), (&mut sent, &peer.sent)] {
            for (kind, count) in by_type(counts) {
                family.add(&[("node", node), ("peer", &addr), ("type", kind)], number(count));
            }
        }
    }
    vec![up, state, flaps, queue, received, sent]
}

/// Upstream's numbers; its 0, unspecified, does not occur here.
fn session_state(state: State) -> u64 {
    match state {
        State::Idle => 1,
        State::Connect => 2,
        State::Active => 3,
        State::OpenSent => 4,
        State::OpenConfirm => 5,
        State::Established => 6,
    }
}

fn by_type(counts: &MessageCounts) -> [(&'static str, u64); 9] {
    [
        ("open", counts.open),
        ("update", counts.update),
        ("keepalive", counts.keepalive),
        ("notification", counts.notification),
        ("refresh", counts.route_refresh),
        ("withdraw_update", counts.withdraw_update),
        ("withdraw_prefix", counts.withdraw_prefix),
        ("discarded", counts.discarded),
        ("total", counts.total()),
    ]
}

/// What upstream tells of its log.
pub(super) fn log(counts: &Counts) -> [Family; 2] {
    let mut lines = Family::gauge("klog_lines_total", "Lines logged since the start, by level.");
    let mut bytes = Family::gauge("klog_bytes_total", "Bytes logged since the start, by level.");
    for (level, (line, byte)) in LEVELS.iter().zip(counts.lines.iter().zip(counts.bytes)) {
        lines.add(&[("level", level)], number(*line));
        bytes.add(&[("level", level)], number(byte));
    }
    [lines, bytes]
}

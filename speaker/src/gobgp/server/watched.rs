//! BFD in GoBGP's terms, which generation 4 alone has.

use bfd::State;

use crate::gobgp::api as pb;
use crate::liveness::Watched;

/// The peer with what is known of BFD with it.
pub(super) fn with_bfd(peer: pb::Peer, of: &Watched) -> pb::Peer {
    let settings = &of.profile.settings;
    let config = pb::BfdPeerConfig {
        enabled: true,
        port: of.profile.hops.port().into(),
        desired_minimum_tx_interval: settings.desired_min_tx.0,
        required_minimum_receive: settings.required_min_rx.0,
        detection_multiplier: settings.detect_mult.get().into(),
    };
    let told = of.session.as_ref().map(state);
    let state = peer.state.map(|state| pb::PeerState { bfd_state: told, ..state });
    pb::Peer { bfd: Some(config), state, ..peer }
}

fn state(of: &bfd::session::Status) -> pb::BfdPeerState {
    let heard = of.last_heard.is_some();
    let remote = if heard { number(of.remote_state) } else { pb::BfdSessionState::Unspecified };
    pb::BfdPeerState {
        session_state: number(of.state).into(),
        remote_session_state: remote.into(),
        failure_transitions: of.failures,
        local_discriminator: of.discriminator.get(),
        remote_discriminator: of.remote_discriminator.map_or(0, bfd::Discriminator::get),
        local_diagnostic_code: of.diagnostic.0.into(),
        remote_diagnostic_code: of.remote_diagnostic.0.into(),
        remote_minimum_receive_interval: if heard { of.remote_required_min_rx.0 } else { 0 },
        bfd_async: Some(pb::BfdAsync {
            transmitted_packets: of.transmitted,
            received_packets: of.received,
            ..pb::BfdAsync::default()
        }),
        ..pb::BfdPeerState::default()
    }
}

fn number(state: State) -> pb::BfdSessionState {
    match state {
        State::Up => pb::BfdSessionState::Up,
        State::Down => pb::BfdSessionState::Down,
        State::AdminDown => pb::BfdSessionState::AdminDown,
        State::Init => pb::BfdSessionState::Init,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bfd::session::{Hops, Settings};
    use bgp::fsm::Bfd;

    use super::*;
    use crate::config::BfdProfile;

    #[test]
    fn a_neighbour_with_bfd_says_so_before_there_is_a_session() {
        let profile =
            BfdProfile { hops: Hops::Multi, settings: Settings::default(), hold: Some(Duration::ZERO) };
        let peer = "10.0.0.1".parse().expect("a name");
        let watched = Watched { peer, profile, session: None, trouble: None, said: Bfd::Silent };
        let plain = pb::Peer { state: Some(pb::PeerState::default()), ..pb::Peer::default() };
        let shown = with_bfd(plain.clone(), &watched);
        let config = shown.bfd.expect("configured");
        assert_eq!((config.enabled, config.port, config.detection_multiplier), (true, 4784, 3));
        let intervals = (config.desired_minimum_tx_interval, config.required_minimum_receive);
        assert_eq!(intervals, (1_000_000, 1_000_000), "microseconds");
        assert_eq!(shown.state, plain.state);
    }

    /// The numbers of `BfdSessionState` in GoBGP's API, which are not those of RFC 5880.
    #[test]
    fn states_have_gobgps_numbers() {
        let all = [State::Up, State::Down, State::AdminDown, State::Init].map(|state| number(state) as i32);
        assert_eq!(all, [1, 2, 3, 4]);
    }
}

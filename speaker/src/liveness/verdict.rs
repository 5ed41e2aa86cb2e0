//! What BGP is to make of a change of a BFD session (RFC 5882 §3.2, §4.2, §4.3).

use std::time::Duration;

use bfd::State;
use bfd::session::{Change, Reason};
use bgp::fsm::Bfd;

/// What BGP hears while BFD is not up and has not failed. `hold` as in [`crate::config::BfdProfile`].
pub(super) fn idle(hold: Option<Duration>) -> Bfd {
    if hold.is_none() { Bfd::Awaited } else { Bfd::Silent }
}

/// What BGP hears of a change; `None`: nothing.
pub(super) fn verdict(change: &Change, hold: Option<Duration>) -> Option<Bfd> {
    match (change.from, change.to, change.reason) {
        (_, State::Up, _) => Some(Bfd::Up),
        // Its C bit clear, BFD may have gone with a control plane that restarts.
        (State::Up, _, Reason::Expired | Reason::NeighborDown) => {
            Some(Bfd::Down { keep: !change.remote_independent, hold })
        }
        // Somebody's wish, and no word about the way.
        (State::Up, _, Reason::NeighborAdminDown | Reason::Local | Reason::Handshake) => Some(idle(hold)),
        _ => None,
    }
}

/// Whether a change is one that no later word may hide.
pub(super) fn is_failure(change: &Change) -> bool {
    change.from == State::Up && matches!(change.reason, Reason::Expired | Reason::NeighborDown)
}

#[cfg(test)]
mod tests {
    use bfd::Diagnostic;

    use super::*;

    const HOLD: Option<Duration> = Some(Duration::from_secs(30));

    fn change(from: State, to: State, reason: Reason, remote_independent: bool) -> Change {
        Change { from, to, reason, diagnostic: Diagnostic::NONE, remote_independent, last_heard: None }
    }

    #[test]
    fn rfc5882_4_2_only_up_to_down_without_a_wish_is_a_failure() {
        for reason in [Reason::Expired, Reason::NeighborDown] {
            let failed = change(State::Up, State::Down, reason, false);
            assert_eq!(verdict(&failed, HOLD), Some(Bfd::Down { keep: true, hold: HOLD }));
            assert_eq!(verdict(&failed, None), Some(Bfd::Down { keep: true, hold: None }), "strict");
            assert!(is_failure(&failed));
            let init = change(State::Init, State::Down, reason, false);
            assert_eq!((verdict(&init, HOLD), is_failure(&init)), (None, false), "it was never up");
        }
    }

    #[test]
    fn rfc5882_4_3_a_failure_of_bfd_that_outlives_its_control_plane_is_one_of_the_way() {
        let failed = change(State::Up, State::Down, Reason::Expired, true);
        assert_eq!(verdict(&failed, HOLD), Some(Bfd::Down { keep: false, hold: HOLD }));
    }

    #[test]
    fn rfc5882_3_2_admin_down_is_no_failure_at_either_end() {
        let theirs = change(State::Up, State::Down, Reason::NeighborAdminDown, false);
        let ours = change(State::Up, State::AdminDown, Reason::Local, false);
        for wished in [theirs, ours] {
            assert_eq!(verdict(&wished, HOLD), Some(Bfd::Silent));
            assert_eq!(
                verdict(&wished, None),
                Some(Bfd::Awaited),
                "strict waits, a session that stands goes on"
            );
            assert!(!is_failure(&wished));
        }
    }

    #[test]
    fn up_is_up_whatever_came_before_and_the_rest_is_nothing_to_bgp() {
        for from in [State::Down, State::Init] {
            assert_eq!(verdict(&change(from, State::Up, Reason::Handshake, false), None), Some(Bfd::Up));
        }
        for (from, to) in
            [(State::Down, State::Init), (State::AdminDown, State::Down), (State::Down, State::AdminDown)]
        {
            assert_eq!(verdict(&change(from, to, Reason::Local, false), None), None);
        }
    }
}

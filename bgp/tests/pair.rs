//! Two state machines joined by a network with delay: they come up, stay up, and come up again.

mod network;

use std::time::Duration;

use bgp::fsm::{EndReason, Event, State};
use bgp::wire::Notification;
use proptest::prelude::*;

use network::{BOTH, DIALS, LISTENS, Pair, config, pair, seconds};

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rfc4271_6_8_two_that_dial_each_other_settle_on_one_connection(
        seed in any::<u64>(), longest in 0..400u64, ids in any::<bool>(), asns in any::<bool>(),
    ) {
        // Equal identifiers in different ASes, either way round, or different ones in one AS (RFC 6286 §2.3).
        let (ids, asns) = match (ids, asns) {
            (true, true) => ([5, 5], [65001, 65002]),
            (true, false) => ([5, 5], [65002, 65001]),
            (false, true) => ([1, 2], [65001, 65001]),
            (false, false) => ([2, 1], [65001, 65002]),
        };
        let mut pair = Pair::new([0, 1].map(|side| config(side, ids, asns, BOTH)), seed, longest);
        pair.start();
        pair.check_settles(seconds(8));
    }

    #[test]
    fn one_that_dials_and_one_that_listens_come_up(seed in any::<u64>(), longest in 0..400u64, first in any::<bool>()) {
        let roles = if first { [DIALS, LISTENS] } else { [LISTENS, DIALS] };
        let configs = [0, 1].map(|side| config(side, [1, 2], [65001, 65002], roles[side]));
        let mut pair = Pair::new(configs, seed, longest);
        pair.start();
        pair.check_settles(seconds(10));
        // The one that dials may have been started before the one that listens.
        prop_assert!(pair.links.len() <= 2, "dialed {} times", pair.links.len());
    }

    #[test]
    fn a_restart_of_either_side_is_followed_by_a_new_session(
        seed in any::<u64>(), longest in 0..200u64, roles in 0..3usize, side in 0..2usize,
    ) {
        let roles = [[BOTH, BOTH], [DIALS, LISTENS], [LISTENS, DIALS]][roles];
        let configs = [0, 1].map(|side| config(side, [1, 2], [65001, 65002], roles[side]));
        let mut pair = Pair::new(configs.clone(), seed, longest);
        pair.start();
        pair.check_settles(seconds(20));
        pair.crash(side, configs[side].clone());
        pair.check_settles(seconds(20));
    }
}

#[test]
fn a_silent_cut_is_noticed_by_both_ends_when_the_hold_time_runs_out() {
    let mut pair = pair([DIALS, LISTENS]);
    pair.start();
    pair.run_for(seconds(20));
    assert!(pair.is_settled());
    pair.cut = true;
    pair.wire.clear();
    // The lower of 9 and 30 seconds, counted from the last octet heard: at most one keepalive interval ago.
    pair.run_for(seconds(5));
    assert!(pair.up.iter().all(Option::is_some));
    pair.run_for(seconds(4) + Duration::from_millis(100));
    assert_eq!(pair.up, [None, None]);
    let expired = EndReason::Sent(Notification::hold_timer_expired());
    assert_eq!(pair.ended.each_ref().map(|all| all.last()), [Some(&expired), Some(&expired)]);
    // And when the network heals, the session comes back by itself.
    pair.run_for(seconds(60));
    pair.cut = false;
    pair.check_settles(seconds(10));
}

#[test]
fn a_stopped_side_is_told_to_the_other_which_keeps_trying() {
    let mut pair = pair([LISTENS, DIALS]);
    pair.start();
    pair.run_for(seconds(5));
    pair.feed(0, Event::Stop(Notification::shutdown("back soon")));
    pair.run_for(seconds(5));
    assert_eq!(pair.up, [None, None]);
    assert!(pair.ended[1].contains(&EndReason::Received(Notification::shutdown("back soon"))));
    assert_eq!(pair.peers[0].state(), State::Idle);
    pair.feed(0, Event::Start);
    pair.check_settles(seconds(10));
}

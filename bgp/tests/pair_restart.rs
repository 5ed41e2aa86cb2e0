//! Two state machines that restart gracefully: what each keeps of the other, and until when (RFC 4724, RFC 8538).

mod network;

use std::time::Duration;

use bgp::Family;
use bgp::fsm::{Action, Config, EndReason, Event, Restart, State};
use bgp::wire::notification::cease;
use bgp::wire::{Message, Notification, Update};
use proptest::prelude::*;

use network::{BOTH, DIALS, LISTENS, Pair, Side, config, seconds};

const V4: Family = Family::IPV4_UNICAST;
const PURGE_V4: Action = Action::Purge(Some(V4));
const RETAIN: Action = Action::Retain { time: Duration::from_secs(120) };

/// Restarts in two minutes at most; `restarted` and `forwarding` are what R and F say.
fn restarts(config: Config, (restarted, forwarding): (bool, bool), notification: bool) -> Config {
    Config {
        restart: Some(Restart { time: 120, restarted, forwarding, notification, long_lived: None }),
        ..config
    }
}

/// Both as started for the first time.
fn configs(roles: [(bool, bool); 2], notification: bool) -> [Config; 2] {
    [0, 1].map(|side| {
        let plain = config(side, [1, 2], [65001, 65002], roles[side]);
        restarts(plain, (false, false), notification)
    })
}

fn settled(configs: [Config; 2], seed: u64, longest: u64) -> Pair {
    let mut pair = Pair::new(configs, seed, longest);
    pair.start();
    pair.check_settles(seconds(10));
    assert_eq!(pair.kept, [vec![], vec![]]);
    pair
}

/// What `side` was told to do with the other's routes.
fn kept(pair: &Pair, side: Side) -> Vec<Action> {
    pair.kept[side].iter().map(|(_, action)| action.clone()).collect()
}

/// `side` says that it has announced everything.
fn end_of_rib(pair: &mut Pair, side: Side) {
    let up = pair.up[side].expect("a session");
    pair.act(side, Action::Send(up, Message::Update(Update::end_of_rib(V4))));
    pair.run_for(seconds(1));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rfc4724_4_2_routes_outlive_a_crash_until_the_end_of_rib(
        seed in any::<u64>(), longest in 0..200u64, roles in 0..3usize, side in 0..2usize,
    ) {
        let roles = [[BOTH, BOTH], [DIALS, LISTENS], [LISTENS, DIALS]][roles];
        let configs = configs(roles, true);
        let mut pair = settled(configs.clone(), seed, longest);
        pair.crash(side, restarts(configs[side].clone(), (true, true), true));
        pair.check_settles(seconds(20));
        prop_assert_eq!(kept(&pair, 1 - side), vec![RETAIN], "kept, and only once");
        end_of_rib(&mut pair, side);
        prop_assert_eq!(kept(&pair, 1 - side), vec![RETAIN, PURGE_V4]);
        prop_assert_eq!(kept(&pair, side), vec![], "a new process has nothing to keep");
    }

    #[test]
    fn rfc4724_4_2_routes_do_not_outlive_a_crash_that_cost_the_forwarding(
        seed in any::<u64>(), longest in 0..200u64, side in 0..2usize,
    ) {
        let configs = configs([BOTH, BOTH], true);
        let mut pair = settled(configs.clone(), seed, longest);
        pair.crash(side, configs[side].clone());
        pair.check_settles(seconds(20));
        prop_assert_eq!(kept(&pair, 1 - side), vec![RETAIN, PURGE_V4]);
    }
}

#[test]
fn rfc4724_4_2_a_peer_that_never_comes_back_is_forgotten_when_its_restart_time_is_over() {
    let mut pair = settled(configs([DIALS, LISTENS], true), 3, 20);
    let crashed = pair.now;
    pair.feed(1, Event::Abandon); // and nobody starts it again
    pair.run_for(seconds(300));
    let [(lost, RETAIN), (over, Action::Purge(None))] = &pair.kept[0][..] else { panic!("{:?}", pair.kept) };
    assert!(*lost - crashed < seconds(1) && *over - *lost == seconds(120), "{lost:?} {over:?}");
}

#[test]
fn rfc8538_4_a_reset_is_graceful_on_both_sides_if_both_say_so() {
    for (ours, theirs) in [(true, true), (true, false), (false, true), (false, false)] {
        let [one, other] = [configs([DIALS, LISTENS], ours), configs([DIALS, LISTENS], theirs)];
        let ([one, _], [_, other]) = (one, other);
        let mut pair = settled([one, other], 5, 20);
        pair.feed(0, Event::Reset(Notification::cease(cease::ADMIN_RESET, "")));
        pair.check_settles(seconds(10));
        // The processes lived on: F is set, nothing goes before the End-of-RIB.
        let want = if ours && theirs { vec![RETAIN] } else { vec![] };
        assert_eq!([kept(&pair, 0), kept(&pair, 1)], [want.clone(), want], "{ours} {theirs}");
    }
}

#[test]
fn rfc8538_4_a_silent_cut_is_graceful_on_both_sides_if_both_say_so() {
    for notification in [true, false] {
        let mut pair = settled(configs([DIALS, LISTENS], notification), 7, 20);
        pair.cut = true;
        pair.wire.clear();
        pair.run_for(seconds(10));
        let expired = EndReason::Sent(Notification::hold_timer_expired());
        for side in [0, 1] {
            assert!(pair.ended[side].contains(&expired), "{:?}", pair.ended);
            assert_eq!(kept(&pair, side), if notification { vec![RETAIN] } else { vec![] });
        }
        pair.cut = false;
        pair.check_settles(seconds(10));
    }
}

#[test]
fn rfc8538_3_leaving_lets_nobody_keep_anything() {
    for notification in [true, false] {
        let mut pair = settled(configs([DIALS, LISTENS], notification), 11, 20);
        pair.feed(1, Event::Leave(Notification::shutdown("node removed")));
        pair.run_for(seconds(5));
        assert_eq!(pair.kept, [vec![], vec![]]);
        // The text arrives in either form.
        let told =
            |end: &EndReason| matches!(end, EndReason::Received(note) if note.text() == Some("node removed"));
        assert!(pair.ended[0].iter().any(told), "{:?}", pair.ended);
        assert_eq!(pair.peers[1].state(), State::Idle);
    }
}

#[test]
fn rfc4724_4_2_a_restart_within_a_restart_keeps_the_latest_only() {
    let configs = configs([BOTH, BOTH], true);
    let mut pair = settled(configs.clone(), 13, 20);
    for _ in 0..3 {
        pair.crash(0, restarts(configs[0].clone(), (true, true), true));
        pair.check_settles(seconds(20));
    }
    let again = [Action::Purge(None), RETAIN];
    assert_eq!(kept(&pair, 1), [vec![RETAIN], again.to_vec(), again.to_vec()].concat());
    end_of_rib(&mut pair, 0);
    assert_eq!(kept(&pair, 1).last(), Some(&PURGE_V4));
}

#[test]
fn rfc8538_4_1_a_peer_that_is_back_and_never_done_is_purged_after_three_minutes() {
    let configs = configs([LISTENS, DIALS], true);
    let mut pair = settled(configs.clone(), 17, 20);
    pair.crash(0, restarts(configs[0].clone(), (true, true), true));
    pair.run_for(seconds(400));
    let [(lost, RETAIN), (over, Action::Purge(None))] = &pair.kept[1][..] else { panic!("{:?}", pair.kept) };
    let waited = *over - *lost;
    assert!(waited >= seconds(180) && waited < seconds(200), "{waited:?}");
}

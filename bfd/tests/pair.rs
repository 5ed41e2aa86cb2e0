//! Two engines over a network: they come up, stay up, find out, come back. Bounds are RFC 5880's, by hand.

mod pair_world;

use std::time::Duration;

use bfd::State;
use pair_world::{World, ms, settings};

/// RFC 5880 §6.2: three packets each way at most, the first two at once as both ends speak at the start.
#[test]
fn two_active_ends_come_up_within_two_intervals_of_a_second() {
    for seed in 0..50 {
        let mut world = World::active(seed, [settings(50, 3), settings(50, 3)]);
        world.run(Duration::from_secs(2));
        assert_eq!(world.states(), [State::Up; 2], "seed {seed}");
        world.run(ms(100));
        for host in [0, 1] {
            assert_eq!(world.status(host).detection_time, ms(150), "seed {seed}");
            assert_eq!(world.status(host).transmit_interval, ms(50), "seed {seed}");
        }
    }
}

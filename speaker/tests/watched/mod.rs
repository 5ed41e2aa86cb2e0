//! A neighbour's BFD session made by hand, all of whose numbers differ.

use std::time::{Duration, Instant};

use bfd::engine::SessionId;
use bfd::session::{Hops, Path, Role, Settings, Status};
use bfd::{DetectMult, Diagnostic, Discriminator, Micros, State};
use bgp::fsm::Bfd;
use speaker::config::BfdProfile;
use speaker::liveness::Watched;

/// In this state, counting from `base`.
pub(crate) fn watched(peer: &str, state: State, base: u64) -> Watched {
    let remote = peer.parse().expect("an address");
    let settings = Settings {
        desired_min_tx: Micros(50_000),
        required_min_rx: Micros(60_000),
        detect_mult: DetectMult::new(5).expect("not zero"),
        ..Settings::default()
    };
    let status = Status {
        id: SessionId(7),
        path: Path { hops: Hops::Single, local: None, remote, interface: 0 },
        local_heard: None,
        role: Role::Active,
        settings: settings.clone(),
        state,
        forced: false,
        suspended: false,
        diagnostic: Diagnostic::NEIGHBOR_DOWN,
        discriminator: Discriminator::new(0x0a0b_0c0d).expect("not zero"),
        remote_state: State::Init,
        remote_diagnostic: Diagnostic::TIME_EXPIRED,
        remote_discriminator: Discriminator::new(0x0102_0304),
        remote_detect_mult: DetectMult::new(4),
        remote_desired_min_tx: Micros(70_000),
        remote_required_min_rx: Micros(80_000),
        remote_independent: true,
        desired_min_tx: Micros(50_000),
        required_min_rx: Micros(60_000),
        pending_min_tx: None,
        pending_min_rx: None,
        transmit_interval: Duration::from_millis(80),
        detection_time: Duration::from_millis(280),
        history: Vec::new(),
        failures: base + 1,
        received: base + 2,
        transmitted: base + 3,
        last_heard: Some(Instant::now()),
    };
    let profile = BfdProfile { hops: Hops::Single, settings, hold: Some(Duration::from_secs(30)) };
    let peer = peer.parse().expect("a name");
    Watched { peer, profile, session: Some(status), trouble: None, said: Bfd::Silent }
}

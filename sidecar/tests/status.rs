//! `status` to the byte, at every level, as `docs/sidecar.md` has it. The expected text is written by hand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::time::{Duration, Instant};

use bfd::engine::SessionId;
use bfd::session::{Hops, Path, Recorded, Role, Settings, Status};
use bfd::{DetectMult, Diagnostic, Discriminator, Micros, State};
use sidecar::status::{Form, all, one};

/// A session that is Up for 1 h 5 min 2.5 s, after having been Down for 9 s, forced for 1 s, Down for 2 s and Up before.
fn up(now: Instant) -> Status {
    let ago = |millis| now.checked_sub(Duration::from_millis(millis)).unwrap();
    let was = |state, forced, millis| Recorded { state, forced, at: ago(millis) };
    Status {
        id: SessionId(1),
        path: Path {
            hops: Hops::Single,
            local: Some("10.99.0.2".parse().unwrap()),
            remote: "10.99.0.1".parse().unwrap(),
            interface: 0,
        },
        local_heard: None,
        role: Role::Passive,
        settings: Settings { desired_min_tx: Micros(300_000), ..Settings::default() },
        state: State::Up,
        forced: false,
        suspended: false,
        diagnostic: Diagnostic::NONE,
        discriminator: Discriminator::new(1_804_289_383).unwrap(),
        remote_state: State::Up,
        remote_diagnostic: Diagnostic::TIME_EXPIRED,
        remote_discriminator: Discriminator::new(7),
        remote_detect_mult: DetectMult::new(5),
        remote_desired_min_tx: Micros(100_000),
        remote_required_min_rx: Micros(1_000_000),
        remote_independent: false,
        desired_min_tx: Micros(300_000),
        required_min_rx: Micros(1_000_000),
        pending_min_tx: None,
        pending_min_rx: None,
        transmit_interval: Duration::from_secs(1),
        detection_time: Duration::from_secs(5),
        history: vec![
            was(State::Up, false, 3_902_500),
            was(State::Down, false, 3_911_500),
            was(State::Down, true, 3_912_500),
            was(State::Down, false, 3_914_500),
            was(State::Up, false, 3_999_999),
        ],
        failures: 1,
        received: 10,
        transmitted: 20,
        last_heard: None,
    }
}

fn shown(level: i64, brief: bool, compact: bool, change: impl FnOnce(&mut Status)) -> String {
    let now = Instant::now() + Duration::from_secs(10_000); // room for the past
    let mut status = up(now);
    change(&mut status);
    one(&status, Form { level, brief, compact }, now)
}

#[test]
fn the_line_kube_ovns_probes_read() {
    let now = Instant::now() + Duration::from_secs(10_000);
    let two = Status { id: SessionId(2), role: Role::Active, state: State::Down, ..up(now) };
    assert_eq!(
        all(&[up(now), two], Form::SHORT, now),
        "There are 2 sessions:\n\
         Session 1\n id=1 local=10.99.0.2 (p) remote=10.99.0.1 state=Up \n\
         Session 2\n id=2 local=10.99.0.2 (a) remote=10.99.0.1 state=Down \n"
    );
    assert_eq!(all(&[up(now)], Form::SHORT, now).lines().next(), Some("There are 1 sessions:"));
    assert_eq!(all(&[], Form::SHORT, now), "There are 0 sessions:\n");
}

#[test]
fn uncompacted_sessions_have_an_empty_line_between_them() {
    let now = Instant::now() + Duration::from_secs(10_000);
    let block = " id=1 \n local=10.99.0.2 (p) \n remote=10.99.0.1 \n state=Up \n";
    assert_eq!(
        all(&[up(now), up(now)], Form::LONG, now),
        format!("There are 2 sessions:\nSession 1\n{block}\nSession 1\n{block}")
    );
}

#[test]
fn level_0_has_no_role() {
    let plain = " id=1 local=10.99.0.2 remote=10.99.0.1 state=Up\n";
    assert_eq!(shown(0, false, true, |_| ()), plain);
    assert_eq!(shown(-5, true, true, |status| status.suspended = true), plain);
}

#[test]
fn level_1_tells_forced_and_suspended() {
    assert_eq!(
        shown(1, false, true, |status| status.suspended = true),
        " id=1 local=10.99.0.2 (p) remote=10.99.0.1 state=Up <Suspended>\n"
    );
    let forced = |status: &mut Status| (status.forced, status.state) = (true, State::AdminDown);
    assert_eq!(
        shown(1, false, true, forced),
        " id=1 local=10.99.0.2 (p) remote=10.99.0.1 state=AdminDown<Forced> \n"
    );
}

#[test]
fn level_2_has_both_ends() {
    assert_eq!(
        shown(2, false, true, |_| ()),
        " id=1 local=10.99.0.2 (passive) remote=10.99.0.1 LocalState=Up<No Diagnostic> \
         RemoteState=Up<Control Detection Time Expired> LocalId=1804289383 RemoteId=7 \n"
    );
    let change = |status: &mut Status| {
        (status.forced, status.suspended, status.role) = (true, true, Role::Active);
        (status.state, status.diagnostic) = (State::Down, Diagnostic::PATH_DOWN);
        (status.remote_discriminator, status.remote_state) = (None, State::Down);
        status.remote_diagnostic = Diagnostic(31);
    };
    assert_eq!(
        shown(2, false, false, change),
        " id=1 \n local=10.99.0.2 (active) \n remote=10.99.0.1 \n LocalState=Down<Forced: Suspended: Path Down> \n \
         RemoteState=Down<Unknown> \n LocalId=1804289383 \n RemoteId=0 \n"
    );
    assert_eq!(
        shown(2, true, true, |_| ()),
        " id=1 local=10.99.0.2 (p) remote=10.99.0.1 LocalState=Up<0> RemoteState=Up<1> LocalId=1804289383 RemoteId=7 \n"
    );
}

#[test]
fn level_3_ends_its_line_and_counts_minutes_to_59() {
    let text = shown(3, false, true, |_| ());
    let (_, rest) = text.split_once("RemoteId=7 ").unwrap();
    assert_eq!(
        rest,
        "Time=Up(01:05:02.500)  CurrentTxInterval=1,000,000 us CurrentRxTimeout=5,000,000 us \n"
    );
    let text = shown(3, true, false, |_| ());
    let (_, rest) = text.split_once("RemoteId=7 ").unwrap();
    assert_eq!(
        rest,
        "\n Time=Up(01:05:02.500)  \n CurrentTxInterval=1000000 us \n CurrentRxTimeout=5000000 us \n"
    );
}

#[test]
fn level_4_has_four_changes_and_every_interval() {
    let text = shown(4, false, true, |_| ());
    let (_, rest) = text.split_once("RemoteId=7 ").unwrap();
    assert_eq!(
        rest,
        "Time=Up(01:05:02.500) Down(00:00:09.000) Down/F(00:00:01.000) Down(00:00:02.000)  \
         CurrentTxInterval=1,000,000 us CurrentRxTimeout=5,000,000 us LocalDetectMulti=3 LocalDesiredMinTx=300,000 us \
         LocalRequiredMinRx=1,000,000 us RemoteDetectMulti=5 RemoteDesiredMinTx=100,000 us \
         RemoteRequiredMinRx=1,000,000 us \n"
    );
}

#[test]
fn level_4_tells_what_is_pending_and_what_comes_once_up() {
    let pending = |status: &mut Status| {
        status.settings.desired_min_tx = Micros(500_000);
        (status.pending_min_tx, status.pending_min_rx) = (Some(Micros(500_000)), Some(Micros(50_000)));
    };
    let text = shown(4, false, false, pending);
    let (_, rest) = text.split_once("LocalDetectMulti=3 ").unwrap();
    assert!(
        rest.starts_with(
            "\n LocalDesiredMinTx=300,000 us (pending 500,000 us) \n LocalRequiredMinRx=1,000,000 us (pending 50,000 us) \n"
        ),
        "{rest}"
    );
    let down = |status: &mut Status| {
        (status.state, status.desired_min_tx, status.remote_detect_mult) =
            (State::Down, Micros::SECOND, None);
    };
    let text = shown(9, true, true, down);
    let (_, rest) = text.split_once("LocalDetectMulti=3 ").unwrap();
    assert_eq!(
        rest,
        "LocalDesiredMinTx=1000000 us (def 300000 us) LocalRequiredMinRx=1000000 us RemoteDetectMulti=0 \
         RemoteDesiredMinTx=100000 us RemoteRequiredMinRx=1000000 us \n"
    );
}

#[test]
fn an_end_of_ours_that_was_not_said_is_the_one_that_was_heard() {
    let unknown = |status: &mut Status| status.path.local = None;
    assert!(shown(1, false, true, unknown).contains(" local=0.0.0.0 (p) "));
    let heard = |status: &mut Status| {
        (status.path.local, status.local_heard) = (None, Some("10.99.0.9".parse().unwrap()));
    };
    assert!(shown(1, false, true, heard).contains(" local=10.99.0.9 (p) "));
}

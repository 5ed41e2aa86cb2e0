//! What a process leaves to the next one, and what routers hear of it.

use bgp::fsm::{EndReason, State};
use bgp::wire::Capability;
use rustix::process::Signal;

use crate::world::{Program, Router};

const ON: &str = "graceful-restart = true";

fn helper(net: u8, host: u8) -> Router {
    Router::start(net, host, |peer| {
        peer.session.restart = Some(bgp::fsm::Restart {
            time: 60,
            restarted: false,
            forwarding: false,
            notification: true,
            long_lived: None,
        });
    })
}

/// The R bit, and whether F is set for IPv4, in the speaker's OPEN (RFC 4724 §3).
fn bits(router: &Router) -> (bool, bool) {
    let capabilities = router.status().negotiated.expect("a session").capabilities;
    let restart = capabilities.into_iter().find_map(|one| match one {
        Capability::GracefulRestart(restart) => Some(restart),
        _ => None,
    });
    let restart = restart.expect("graceful restart is offered");
    (restart.flags & 8 != 0, restart.families.iter().any(|(_, flags)| flags & 0x80 != 0))
}

async fn kept(program: &Program, name: &str) {
    let begun = std::time::Instant::now();
    let path = program.path("speaker-n1.state.json");
    while !std::fs::read_to_string(&path)
        .is_ok_and(|text| text.contains(name) && text.contains("\"up\":true"))
    {
        assert!(begun.elapsed() < crate::world::PATIENCE, "{}", program.log());
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_stop_with_graceful_restart_says_nothing_and_the_next_start_says_so() {
    let one = helper(91, 2);
    let mut program = Program::start(&one.entry(ON), &[]);
    one.up().await;
    assert_eq!(bits(&one), (false, false), "a first start is none after a restart");
    kept(&program, "127.91.0.2").await; // the router is up before the program is
    program.end(Signal::TERM);
    let ended = one.until("down", |status| status.flaps == 1).await;
    assert!(matches!(ended.last_end, Some((_, EndReason::Lost(_)))), "no NOTIFICATION: {:?}", ended.last_end);
    program.again();
    one.up().await;
    assert_eq!(bits(&one), (true, true));
    assert!(!one.status().learned.is_empty());
}

#[tokio::test]
async fn a_killed_process_counts_as_restarted_and_another_boot_has_forwarded_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let one = helper(92, 2);
    let mut program = Program::start(&one.entry(ON), &[]);
    one.up().await;
    kept(&program, "127.92.0.2").await;
    let path = program.path("speaker-n1.state.json");
    assert_eq!(std::fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o600);
    program.end(Signal::KILL);
    let text = std::fs::read_to_string(&path).expect("the file");
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("Linux");
    assert!(text.contains(boot.trim()), "{text}");
    std::fs::write(&path, text.replace(boot.trim(), "another")).expect("written");
    one.until("down", |status| status.state != State::Established).await;
    program.again();
    one.up().await;
    assert_eq!(bits(&one), (true, false));
}

#[tokio::test]
async fn a_broken_file_is_a_cold_start_with_one_warning() {
    let one = helper(93, 2);
    let mut program = Program::start(&one.entry(ON), &[]);
    one.up().await;
    kept(&program, "127.93.0.2").await;
    program.end(Signal::KILL);
    std::fs::write(program.path("speaker-n1.state.json"), "{\"version\":1,").expect("written");
    one.until("down", |status| status.state != State::Established).await;
    program.again();
    one.up().await;
    assert_eq!(bits(&one), (false, false));
    assert_eq!(program.log().matches("the state before the restart cannot be read").count(), 1);
    kept(&program, "127.93.0.2").await;
}

#[tokio::test]
async fn who_did_not_agree_is_told_goodbye() {
    let (stays, leaves) = (helper(94, 2), Router::start(94, 3, |_| {}));
    let mut program = Program::start(&(stays.entry(ON) + &leaves.entry(ON)), &[]);
    stays.up().await;
    leaves.up().await;
    program.end(Signal::TERM);
    let left = leaves.until("left", |status| status.flaps == 1).await;
    match left.last_end {
        Some((_, EndReason::Received(note))) => assert_eq!((note.code, note.subcode), (6, 2), "{note}"),
        other => panic!("{other:?}"),
    }
    let stayed = stays.until("dropped", |status| status.flaps == 1).await;
    assert!(matches!(stayed.last_end, Some((_, EndReason::Lost(_)))), "{:?}", stayed.last_end);
    program.again();
    stays.up().await;
    leaves.up().await;
    assert_eq!(
        (bits(&stays).0, bits(&leaves).0),
        (true, false),
        "R only where there was something to resume"
    );
}

#[tokio::test]
async fn what_was_ended_on_purpose_is_not_resumed() {
    let one = helper(95, 2);
    let mut program = Program::start(&one.entry(ON), &[]);
    one.up().await;
    kept(&program, "127.95.0.2").await;
    assert!(program.command(&["neighbor", "all", "shutdown"]).status.success());
    one.until("down", |status| status.flaps == 1).await;
    let begun = std::time::Instant::now();
    while std::fs::read_to_string(program.path("speaker-n1.state.json"))
        .is_ok_and(|text| text.contains("127.95.0.2"))
    {
        assert!(begun.elapsed() < crate::world::PATIENCE, "{}", program.log());
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    program.end(Signal::KILL);
    program.again();
    one.up().await;
    assert_eq!(bits(&one), (false, false));
}

#[tokio::test]
async fn without_graceful_restart_nothing_is_left() {
    let one = helper(96, 2);
    let mut program = Program::start(&one.entry(ON), &[]);
    one.up().await;
    kept(&program, "127.96.0.2").await;
    program.end(Signal::KILL);
    program.write("speaker.toml", &one.entry(""));
    one.until("down", |status| status.state != State::Established).await;
    program.again();
    one.up().await;
    assert!(
        !program.path("speaker-n1.state.json").exists(),
        "what is not true any more must not be found later"
    );
    program.end(Signal::TERM);
    let left = one.until("left", |status| status.flaps == 2).await;
    assert!(matches!(left.last_end, Some((_, EndReason::Received(_)))), "{:?}", left.last_end);
}

#[tokio::test]
async fn a_stop_before_the_routers_are_back_does_not_forget_what_they_keep() {
    let one = helper(99, 2);
    let mut program = Program::start(&one.entry(ON), &["--bgp-port=17999"]);
    one.up().await;
    kept(&program, "127.99.0.2").await; // the router is up before the program is
    program.end(Signal::TERM);
    // This one waits for a router that never dials: there is no session when it is stopped.
    program.write("speaker.toml", &one.entry(&format!("{ON}\npassive = true")));
    program.again();
    program.logged("listening").await;
    program.until(one.addr.ip(), "waiting", |one| one["state"] == "Active").await;
    program.end(Signal::TERM);
    program.write("speaker.toml", &one.entry(ON));
    program.again();
    one.up().await;
    assert_eq!(bits(&one), (true, true), "the router has kept the routes all the time");
}

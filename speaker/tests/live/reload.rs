//! Reload: what did not change is not touched, what is wrong changes nothing.

use bgp::fsm::{EndReason, State};
use rustix::process::Signal;

use crate::world::{Program, Router, communities};

fn flaps(one: &serde_json::Value) -> u64 {
    one["flaps"].as_u64().expect("a number")
}

#[tokio::test]
async fn a_changed_community_is_announced_without_a_new_session_and_others_are_not_touched() {
    let (mut one, mut two) = (Router::start(71, 2, |_| {}), Router::start(71, 3, |_| {}));
    let config = |communities: &str| one.entry(communities) + &two.entry("");
    let (before, after) = (config("communities = [\"65000:1\"]"), config("communities = [\"65000:2\"]"));
    let program = Program::start(&before, &[]);
    let (up_one, up_two) = (one.up().await, two.up().await);
    assert_eq!(communities(&one.announced().await), [0xfde8_0001]);
    assert_eq!(communities(&two.announced().await), [] as [u32; 0]);
    program.write("speaker.toml", &after);
    assert_eq!(communities(&one.announced().await), [0xfde8_0002]);
    program.logged("configuration taken over").await;
    assert_eq!((one.status().since, two.status().since), (up_one.since, up_two.since), "the same sessions");
    assert_eq!((one.status().flaps, two.status().flaps), (0, 0));
    assert!(!two.heard_more(), "nothing was announced anew to the other");
    let log = program.log();
    assert!(
        log.contains("configuration: unchanged") && log.contains("applied, the session goes on"),
        "{log}"
    );
}

#[tokio::test]
async fn a_file_with_a_problem_changes_nothing_and_is_told() {
    let mut one = Router::start(72, 2, |_| {});
    let program = Program::start(&one.entry("med = 5"), &[]);
    one.announced().await;
    let up = one.up().await;
    program.write(
        "speaker.toml",
        &(one.entry("med = 6\nlocal-pref = \"x\"") + "[[neighbor]]\naddress = \"10.0.0.1\"\n"),
    );
    program.logged("neighbor[0].local-pref: x must be a whole number").await;
    program.logged("neighbor[1].as: is missing").await;
    std::fs::remove_file(program.path("speaker.toml")).expect("removed");
    program.logged("cannot be read").await;
    let now = program.until(one.addr.ip(), "still up", |one| one["state"] == "Established").await;
    assert_eq!((flaps(&now), one.status().since), (0, up.since));
    assert!(!one.heard_more());
    // And a good one is taken again, by SIGHUP as well.
    program.write("speaker.toml", &one.entry("med = 7"));
    program.signal(Signal::HUP);
    one.announced().await;
    assert_eq!(one.status().since, up.since);
}

#[tokio::test]
async fn neighbours_come_go_and_are_disabled() {
    let (one, two) = (Router::start(73, 2, |_| {}), Router::start(73, 3, |_| {}));
    let program = Program::start(&one.entry("shutdown-text = \"rack moves\""), &[]);
    one.up().await;
    program.write("speaker.toml", &(one.entry("") + &two.entry("")));
    two.up().await;
    program.write(
        "speaker.toml",
        &(one.entry("") + &two.entry("enabled = false\nshutdown-text = \"rack moves\"")),
    );
    let ended = two.until("disabled", |status| status.state != State::Established).await;
    match ended.last_end {
        Some((_, EndReason::Received(note))) => assert_eq!(note.text(), Some("rack moves"), "{note}"),
        other => panic!("{other:?}"),
    }
    let shown = program.until(two.addr.ip(), "disabled", |one| one["enabled"] == false).await;
    assert_eq!(shown["state"], "Idle");
    program.write("speaker.toml", &two.entry(""));
    two.up().await;
    let gone = one.until("removed", |status| status.state != State::Established).await;
    match gone.last_end {
        Some((_, EndReason::Received(note))) => {
            assert_eq!((note.code, note.subcode), (6, 3), "peer de-configured")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(program.neighbors().len(), 1);
}

#[tokio::test]
async fn another_hold_time_begins_the_session_anew() {
    let one = Router::start(74, 2, |_| {});
    let program = Program::start(&one.entry(""), &[]);
    one.up().await;
    program.write("speaker.toml", &one.entry("hold-time = \"30s\""));
    let new = one.until("a new session", |status| {
        status.negotiated.as_ref().is_some_and(|with| with.hold_time.seconds() == 30)
    });
    assert_eq!(new.await.flaps, 1);
    assert!(program.log().contains("applied, the session begins anew"));
}

/// As kubelet mounts a ConfigMap: the file is a link through `..data`, which is swapped.
#[tokio::test]
async fn a_mounted_config_map_is_followed() {
    let one = Router::start(75, 2, |_| {});
    let program = Program::start("", &["--neighbor-address=127.75.0.9", "--neighbor-as=65001"]);
    let put = |version: &str, text: &str| {
        std::fs::create_dir(program.path(version)).expect("made");
        std::fs::write(program.path(version).join("speaker.toml"), text).expect("written");
        std::os::unix::fs::symlink(version, program.path("..data_tmp")).expect("linked");
        std::fs::rename(program.path("..data_tmp"), program.path("..data")).expect("swapped");
    };
    program.logged("serving the debug socket").await;
    put("..v1", "");
    std::os::unix::fs::symlink("..data/speaker.toml", program.path("link")).expect("linked");
    std::fs::rename(program.path("link"), program.path("speaker.toml")).expect("swapped");
    put("..v2", &one.entry(""));
    one.up().await;
}

#[tokio::test]
async fn a_changed_key_file_is_a_reload() {
    let one = Router::start(76, 2, |_| {});
    let program = Program::start(&one.entry("enabled = false"), &[]);
    program.write("key", "first\n");
    program.write("speaker.toml", &one.entry("enabled = false\npassword-file = \"key\""));
    program.until(one.addr.ip(), "a key", |one| one["password"] == "set").await;
    program.write("key", "");
    program.logged("has a first line of 0 octets, must be 1 to 80").await;
    program.write("key", "second\n");
    program.logged("applied, the session goes on").await;
    assert!(!program.log().contains("second"));
    // The configuration may be there before the key that it names: kubelet mounts them one after the other.
    program.write("speaker.toml", &one.entry("enabled = false\nmed = 5\npassword-file = \"late\""));
    program.logged("late cannot be read").await;
    program.write("late", "third\n");
    program
        .until(one.addr.ip(), "the configuration", |_| {
            program.log().matches("the session goes on").count() == 2
        })
        .await;
}

//! `speaker neighbor ADDR reset|softreset|shutdown|enable [TEXT]`, and what it shows.

use bgp::fsm::{EndReason, State};
use bgp::wire::Role;

use crate::world::{Program, Router};

fn said(status: &bgp::net::PeerStatus) -> (u8, u8, Option<String>) {
    match &status.last_end {
        Some((_, EndReason::Received(note))) => (note.code, note.subcode, note.text().map(str::to_owned)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn sessions_are_reset_shut_down_and_enabled_with_a_text() {
    let mut one = Router::start(81, 2, |_| {});
    let program = Program::start(&one.entry(""), &[]);
    let name = one.addr.ip().to_string();
    one.announced().await;
    let up = one.up().await;
    let asked = program.command(&["neighbor", &name, "softreset"]);
    assert!(asked.status.success(), "{asked:?}");
    one.announced().await;
    assert_eq!(one.status().since, up.since, "softreset is no reset");

    assert!(program.command(&["neighbor", &name, "reset", "Wartung für 5 min"]).status.success());
    let reset = one.until("reset", |status| status.flaps == 1).await;
    assert_eq!(said(&reset), (6, 4, Some("Wartung für 5 min".into())));
    one.up().await;

    assert!(program.command(&["neighbor", "all", "shutdown", "going home"]).status.success());
    let down = one.until("down", |status| status.flaps == 2).await;
    assert_eq!(said(&down), (6, 2, Some("going home".into())));
    let shown = program.until(one.addr.ip(), "down", |one| one["enabled"] == false).await;
    assert_eq!(shown["state"], "Idle");
    let enabled = program.command(&["neighbor", &name, "enable", "-o", "json"]);
    assert_eq!(
        String::from_utf8_lossy(&enabled.stdout).split_whitespace().collect::<String>(),
        format!("[\"{name}\"]")
    );
    one.up().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_its_exit_code() {
    let one = Router::start(82, 2, |_| {});
    let program = Program::start(&one.entry(""), &[]);
    let name = one.addr.ip().to_string();
    one.up().await;
    let long = "x".repeat(256);
    for (args, code, text) in [
        (&["neighbor", &name, "shutdown", &long][..], 1, "has 256 octets, must have 255 at most (RFC 9003)"),
        (&["neighbor", &name, "enable", "text"], 1, "only reset and shutdown tell the router one"),
        (&["neighbor", &name, "adj-out", "text"], 2, "a text goes with reset and shutdown only"),
        (&["neighbor", &name, "sing"], 2, "sing"),
        (&["neighbor", "10.0.0.99", "reset"], 3, "10.0.0.99 is no neighbor"),
        (&["neighbor", "eth7"], 3, "eth7 is no neighbor"),
    ] {
        let output = program.command(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        assert!(said.contains(text), "{args:?}: {said}");
    }
    assert_eq!((one.status().state, one.status().flaps), (State::Established, 0));
}

#[tokio::test]
async fn what_is_configured_and_negotiated_is_shown() {
    let one = Router::start(83, 2, |peer| {
        peer.dialing.hops = bgp::net::Hops::Secured(2); // or its packets would be dropped
        peer.session.role = Some(bgp::fsm::LocalRole { role: Role::Provider, strict: false });
        peer.session.restart = Some(bgp::fsm::Restart {
            time: 77,
            restarted: false,
            forwarding: false,
            notification: true,
            long_lived: None,
        });
    });
    let keys = "description = \"rack 1\"\nrole = \"customer\"\nrole-strict = true\ngraceful-restart = true\n\
                graceful-restart-time = \"88s\"\nlong-lived-stale-time = \"1h\"\nttl-security = 2\nmax-prefixes = 9";
    let program = Program::start(&one.entry(keys), &[]);
    let shown = program.until(one.addr.ip(), "up", |one| one["state"] == "Established").await;
    let session = &shown["session"];
    let expected = serde_json::json!({
        "description": "rack 1", "enabled": true, "password": null, "ttl": 255, "ttlSecurity": 2, "maxPrefixes": 9,
        "role": "customer", "roleStrict": true, "restart": { "time": 88, "longLived": 3600 },
        "communication": "", "receivedPrefixes": 0, "stalePrefixes": 0,
    });
    for (key, value) in expected.as_object().expect("an object") {
        assert_eq!(&shown[key], value, "{key}: {shown:#}");
    }
    assert_eq!(
        (&session["peerRole"], &session["restart"]["time"]),
        (&"provider".into(), &77.into()),
        "{shown:#}"
    );
    assert_eq!(session["restart"]["notification"], true);
    let detail = program.command(&["neighbor", &one.addr.ip().to_string()]);
    let detail = String::from_utf8_lossy(&detail.stdout).into_owned();
    for part in [
        ": rack 1",
        "TTL security, 2 hops",
        "ours customer, strict, its provider",
        "kept for 88 s, 3600 s more",
        "9 in a family",
    ] {
        assert!(detail.contains(part), "{part}: {detail}");
    }
    one.engine.administer(one.speaker, bgp::net::Admin::Reset("cable \u{7}pulled".into())).expect("asked");
    let told = program.until(one.addr.ip(), "its text", |one| one["communication"] != "").await;
    assert_eq!(told["communication"], "cable \u{7}pulled");
    let detail = program.command(&["neighbor", &one.addr.ip().to_string()]);
    assert!(
        String::from_utf8_lossy(&detail.stdout).contains("cable \u{fffd}pulled"),
        "no control characters"
    );
}

#[tokio::test]
async fn what_a_router_announces_is_listed() {
    let one = Router::start(84, 2, |peer| {
        peer.next_hops.v4 = Some([10, 0, 0, 9].into());
    });
    one.engine.apply([("10.77.0.0/16".parse().expect("a prefix"), Some(&bgp::rib::RouteAttrs::default()))]);
    one.engine.release();
    let program = Program::start(&one.entry(""), &[]);
    program.until(one.addr.ip(), "a route", |one| one["receivedPrefixes"] == 1).await;
    let output = program.command(&["neighbor", &one.addr.ip().to_string(), "adj-in", "-o", "json"]);
    let routes: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let route = &routes[0];
    assert_eq!(
        (&route["prefix"], &route["nextHop"], &route["asPath"], &route["accepted"], &route["stale"]),
        (&"10.77.0.0/16".into(), &"10.0.0.9".into(), &"65001".into(), &true.into(), &false.into()),
        "{routes:#}"
    );
}

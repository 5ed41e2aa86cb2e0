//! The Kubernetes source against a scripted server, for answers that a real API server gives only on bad days. (The
//! labs in `tests/` have a real one.)

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod scripted;

use std::path::Path;
use std::time::Duration;

use scripted::{LIST, Scripted, failure, kubeconfig};
use speaker::plan::Settings;
use speaker::source::kubernetes::{Access, AccessError, selections};
use speaker::view::{Batch, Change, Kind};

fn changes(batches: Vec<Batch>) -> Vec<Change> {
    batches.into_iter().flat_map(|batch| batch.changes).collect()
}

#[tokio::test]
async fn an_object_that_cannot_be_read_is_kept_and_the_rest_counts() {
    let dir = tempfile::tempdir().unwrap();
    let server = Scripted::start(|what, _| {
        match what {
        "list" => (200, LIST.to_owned()),
        _ => (200, r#"{"type":"DELETED","object":{"metadata":{"name":"b","resourceVersion":"101"},"spec":{"cidrBlock":42}}}"#.to_owned() + "\n"),
    }
    });
    let batches = server.batches(dir.path(), Duration::from_millis(600)).await;
    assert!(!batches[0].synced && batches[1].synced && batches[1].changes.is_empty(), "{batches:?}");
    let all = changes(batches);
    assert_eq!(all[0], Change::ListBegun(Kind::Subnet));
    assert!(matches!(&all[1], Change::Put(object) if object.key().to_string() == "subnet/a"), "{all:?}");
    assert_eq!(all[2], Change::Keep("subnet/b".parse().unwrap()));
    assert_eq!(all[3], Change::ListDone(Kind::Subnet));
    assert_eq!(all[4], Change::Remove("subnet/b".parse().unwrap()));
    let asked = server.asked();
    assert_eq!(asked[..2], ["list", "watch 100"]);
    assert!(
        asked.len() < 12 && asked[2..].iter().all(|one| one == "watch 101"),
        "it goes on, with pauses: {asked:?}"
    );
}

#[tokio::test]
async fn a_busy_server_is_asked_again_by_our_pauses_alone() {
    let dir = tempfile::tempdir().unwrap();
    let server = Scripted::start(|what, before| match what {
        "list" if before < 2 => failure(503, "ServiceUnavailable"),
        "list" if before < 4 => failure(429, "TooManyRequests"),
        "list" => (200, LIST.to_owned()),
        _ => failure(403, "Forbidden"),
    });
    // 200 + 400 + 800 + 1600 ms of pauses at the most.
    let batches = server.batches(dir.path(), Duration::from_secs(4)).await;
    assert!(batches.iter().any(|batch| batch.synced), "{:?}", server.asked());
    assert_eq!(
        server.asked().iter().filter(|what| *what == "list").count(),
        5,
        "a refused watch lists nothing anew"
    );
}

#[tokio::test]
async fn a_version_that_is_always_gone_is_listed_anew_with_pauses() {
    let dir = tempfile::tempdir().unwrap();
    let server = Scripted::start(|what, _| match what {
        "list" => (200, LIST.to_owned()),
        _ => failure(410, "Expired"),
    });
    let batches = server.batches(dir.path(), Duration::from_secs(2)).await;
    let lists = server.asked().iter().filter(|what| *what == "list").count();
    assert!((3..8).contains(&lists), "{lists} lists in 2 s");
    assert!(changes(batches).iter().filter(|change| **change == Change::ListDone(Kind::Subnet)).count() >= 3);
}

#[tokio::test]
async fn a_version_that_the_server_does_not_like_or_goes_back_behind_is_given_up() {
    for odd in [
        failure(400, "BadRequest"),
        (200, "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Subnet\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"9\"}}}\n".to_owned()),
        (200, "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"c\"}}}\n".to_owned()),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let said = odd.clone();
        let server = Scripted::start(move |what, _| match what {
            "list" => (200, LIST.to_owned()),
            _ => said.clone(),
        });
        server.batches(dir.path(), Duration::from_millis(2500)).await;
        let lists = server.asked().iter().filter(|what| *what == "list").count();
        assert!(lists >= 2, "{odd:?}: {:?}", server.asked());
    }
}

#[tokio::test]
async fn no_credential_is_ever_told() {
    let dir = tempfile::tempdir().unwrap();
    let printing = "exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, interactiveMode: Never, args: ['-c', 'echo SECRET; exit 3']}";
    let cases = [
        ("token: SECRET\n    client-key-data: {a: SECRET}", "line ", "no kubeconfig"),
        ("token: \"SEC RET\"", "--kubeconfig", "no HTTP header"),
        (printing, "no client", "ended with exit status: 3"),
        ("tokenFile: /does/not/exist", "no client", "/does/not/exist"),
    ];
    for (user, first, second) in cases {
        let file = kubeconfig(dir.path(), "http://127.0.0.1:9", user);
        let error = Access::open(Some(&file)).await.err().unwrap_or_else(|| panic!("{user}: connected"));
        let text = format!("{error} {error:?}");
        assert!(text.contains(first) && text.contains(second), "{text}");
        assert!(!text.contains("SECRET") && !text.contains("SEC RET"), "{text}");
    }
    let missing = Access::open(Some(Path::new("/no/kubeconfig"))).await.err().unwrap();
    assert!(matches!(&missing, AccessError::Kubeconfig { .. }), "{missing}");
    assert!(missing.to_string().starts_with("--kubeconfig /no/kubeconfig: "), "{missing}");
}

#[tokio::test]
async fn a_token_may_end_with_a_line_end_as_kubectl_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = kubeconfig(dir.path(), "http://127.0.0.1:9", "token: |\n      abc\n");
    assert!(Access::open(Some(&file)).await.is_ok());
}

#[test]
fn only_what_the_mode_needs_is_asked_for() {
    let of = |settings: &Settings| -> Vec<(Kind, String)> {
        let all = selections(settings).into_iter();
        all.map(|one| (one.kind, one.fields.or(one.labels).unwrap_or_default())).collect()
    };
    let node = |announce_cluster_ip, local_only| {
        of(&Settings::Node { name: "n1".into(), announce_cluster_ip, local_only })
    };
    let subnets = (Kind::Subnet, String::new());
    let pods = |fields: &str| (Kind::Pod, fields.to_owned());
    assert_eq!(node(false, false), [subnets.clone(), pods("spec.hostNetwork=false")]);
    let services = (Kind::Service, String::new());
    assert_eq!(node(true, true), [subnets, pods("spec.nodeName=n1,spec.hostNetwork=false"), services]);
    let gateway = |name: Option<&str>| of(&Settings::NatGateway { name: name.map(Into::into) });
    assert_eq!(gateway(Some("gw1")), [(Kind::Eip, "ovn.kubernetes.io/vpc-nat-gw-name=gw1".to_owned())]);
    assert_eq!(gateway(None), []);
}

//! The Kubernetes source against a scripted server, for answers that a real API server gives only on bad days. (The
//! labs in `tests/` have a real one.)

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use speaker::source::kubernetes::{Access, AccessError, Selection, watch};
use speaker::stages::Stages;
use speaker::view::{Batch, Change, Kind};
use tokio::sync::mpsc;

const LIST: &str = r#"{"kind":"SubnetList","apiVersion":"kubeovn.io/v1","metadata":{"resourceVersion":"100"},"items":[
 {"metadata":{"name":"a","resourceVersion":"7"},"spec":{"cidrBlock":"10.1.0.0/16"}},
 {"metadata":{"name":"b","resourceVersion":"8"},"spec":{"cidrBlock":42}}]}"#;

/// A server that is no API server: it says what the script says, one answer a connection.
struct Scripted {
    url: String,
    /// `list` or `watch VERSION`, with the time.
    asked: Arc<Mutex<Vec<(String, Instant)>>>,
}

impl Scripted {
    /// `script` gets what is asked and how often that was asked before.
    fn start(script: impl Fn(&str, usize) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::<(String, Instant)>::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let what = request(&stream);
                let mut seen = seen.lock().unwrap();
                let before = seen.iter().filter(|(one, _)| *one == what).count();
                seen.push((what.clone(), Instant::now()));
                drop(seen);
                let (status, body) = script(&what, before);
                answer(stream, status, &body);
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(what, _)| what.clone()).collect()
    }

    /// The first batches of a source of Subnets, all that come within the time.
    async fn batches(&self, dir: &Path, within: Duration) -> Vec<Batch> {
        let client = Access::open(Some(&kubeconfig(dir, &self.url, "token: t"))).await.unwrap();
        let (to, mut from) = mpsc::channel(8);
        let selection = Selection { kind: Kind::Subnet, fields: None, labels: None };
        let source = tokio::spawn(watch(client, vec![selection], to, Arc::<Stages>::default()));
        let mut all = Vec::new();
        let _ = tokio::time::timeout(within, async {
            while let Some(batch) = from.recv().await {
                all.push(batch);
            }
        })
        .await;
        source.abort();
        all
    }
}

fn request(stream: &TcpStream) -> String {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().unwrap().unwrap();
    while !lines.next().unwrap().unwrap().is_empty() {}
    let path = first.split(' ').nth(1).unwrap();
    assert!(path.starts_with("/apis/kubeovn.io/v1/subnets?"), "{path}");
    match path.split(['?', '&']).find_map(|part| part.strip_prefix("resourceVersion=")) {
        Some(version) if path.contains("watch=true") => format!("watch {version}"),
        _ => "list".to_owned(),
    }
}

fn answer(mut stream: TcpStream, status: u16, body: &str) {
    // A pause that long is nobody's to ask for.
    let wait = if status == 429 { "Retry-After: 3600\r\n" } else { "" };
    let head =
        format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{wait}Connection: close\r\n\r\n");
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

fn failure(code: u16, reason: &str) -> (u16, String) {
    (
        code,
        format!(r#"{{"kind":"Status","status":"Failure","message":"no","reason":"{reason}","code":{code}}}"#),
    )
}

fn kubeconfig(dir: &Path, server: &str, user: &str) -> std::path::PathBuf {
    let file = dir.join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster:\n    server: {server}\nusers:\n- name: u\n  user:\n    {user}\n\
         contexts:\n- name: c\n  context: {{cluster: c, user: u}}\ncurrent-context: c\n"
    );
    std::fs::write(&file, text).unwrap();
    file
}

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

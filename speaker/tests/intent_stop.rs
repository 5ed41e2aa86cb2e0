//! What changed right before a stop is kept for a start without the API server, from a speaker as a whole.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod command_line;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use command_line::{environment, resolve};
use speaker::intent::Intent;
use speaker::run::Running;

/// One that comes a second after the list.
const SUBNET: &str = r#"{"type":"ADDED","object":{"metadata":{"name":"late","resourceVersion":"101","annotations":{"ovn.kubernetes.io/bgp":"true"}},"spec":{"cidrBlock":"10.7.0.0/16"},"status":{"conditions":[{"type":"Ready","status":"True"}]}}}"#;

/// Lists nothing; the watch of Subnets has one event. No API server: it says only that.
fn server() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || answer(stream.unwrap()));
        }
    });
    url
}

fn answer(mut stream: TcpStream) {
    let mut lines = BufReader::new(&stream).lines();
    let Some(Ok(first)) = lines.next() else { return };
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
    let _ = stream.write_all(head.as_bytes());
    if !first.contains("watch=true") {
        let _ = stream.write_all(br#"{"metadata":{"resourceVersion":"100"},"items":[]}"#);
        return;
    }
    if first.contains("/subnets") {
        std::thread::sleep(Duration::from_secs(1));
        let _ = stream.write_all(format!("{SUBNET}\n").as_bytes());
    }
    std::thread::sleep(Duration::from_secs(60)); // longer than the test
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_word_of_a_speaker_that_stops_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let at = |flag: &str, name: &str| format!("--{flag}={}", dir.path().join(name).display());
    let url = server();
    let text = format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster:\n    server: {url}\nusers:\n- name: u\n  user:\n    \
         token: t\ncontexts:\n- name: c\n  context: {{cluster: c, user: u}}\ncurrent-context: c\n"
    );
    fs::write(dir.path().join("kubeconfig"), text).unwrap();
    let base = ["speaker", "--neighbor-address=10.0.0.1", "--neighbor-as=65001", "--cluster-as=65000"];
    let own = ["--node-name=n1", "--bgp-port=1", "--enable-metrics=false", "--grpc-host=127.0.0.248"];
    let files = [at("kubeconfig", "kubeconfig"), at("socket", "socket"), at("state-dir", "")];
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let config = resolve(&[&base[..], &own, &files, &["--intent-max-age=1h"]].concat(), &environment());
    let running = Running::start(config.unwrap()).await.unwrap();
    let (path, begun) = (dir.path().join("speaker-n1.intent"), Instant::now());
    while !path.exists() || running.announcer().routes(None).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", running.announcer().routes(None));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    running.stop("the test is over").await;
    let scope = r#"node "n1" services=false local-only=false"#;
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let kept = Intent::load(&path, scope, Duration::from_secs(3600), now).unwrap();
    assert_eq!(kept.prefixes, ["10.7.0.0/16".parse().unwrap()]);
}

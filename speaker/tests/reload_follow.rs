//! Graceful restart that a reload turns on: what is asked from then on, against a server that only writes down who asks.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod command_line;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use command_line::{environment, resolve};
use speaker::config::{Config, Environment};
use speaker::pod::OwnPod;
use speaker::run::Running;

const POD: &str = "/api/v1/namespaces/kube-system/pods/s-x";

/// Refuses everything; the paths that were asked for.
fn server() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(&stream).lines();
            let Some(Ok(first)) = lines.next() else { continue };
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            seen.lock().unwrap().extend(first.split(' ').nth(1).map(str::to_owned));
            let _ = stream.write_all(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    (url, asked)
}

fn config(dir: &std::path::Path, more: &[&str]) -> Config {
    let at = |name: &str| dir.join(name).display().to_string();
    let (kubeconfig, socket) =
        (format!("--kubeconfig={}", at("kubeconfig")), format!("--socket={}", at("socket")));
    let base = ["speaker", "--neighbor-address=10.0.0.1", "--neighbor-as=65001", "--cluster-as=65000"];
    let own = ["--node-name=n1", "--bgp-port=1", "--enable-metrics=false", "--grpc-host=127.0.0.249"];
    let pod = OwnPod { namespace: "kube-system".to_owned(), name: "s-x".to_owned() };
    let environment = Environment { pod: Some(pod), ..environment() };
    resolve(&[&base[..], &own, &[&kubeconfig, &socket], more].concat(), &environment).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn graceful_restart_that_a_reload_turns_on_has_the_daemon_set_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (url, asked) = server();
    let text = format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster:\n    server: {url}\nusers:\n- name: u\n  user:\n    \
         token: t\ncontexts:\n- name: c\n  context: {{cluster: c, user: u}}\ncurrent-context: c\n"
    );
    std::fs::write(dir.path().join("kubeconfig"), text).unwrap();
    let asked_for_pod = || asked.lock().unwrap().iter().any(|path| path == POD);
    let mut running = Running::start(config(dir.path(), &[])).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!asked.lock().unwrap().is_empty() && !asked_for_pod(), "{:?}", asked.lock().unwrap());
    running.reload(&config(dir.path(), &["--graceful-restart"])).await.unwrap();
    let begun = Instant::now();
    while !asked_for_pod() {
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", asked.lock().unwrap());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

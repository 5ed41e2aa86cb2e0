//! A server that answers as a script says, in place of an API server, and a source that asks it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]
#![allow(dead_code, reason = "every test uses its own part")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use speaker::source::kubernetes::{Access, Selection, watch};
use speaker::stages::Stages;
use speaker::view::{Batch, Kind};
use tokio::sync::mpsc;

/// Two Subnets, one of which cannot be read.
pub(crate) const LIST: &str = r#"{"kind":"SubnetList","apiVersion":"kubeovn.io/v1","metadata":{"resourceVersion":"100"},"items":[
 {"metadata":{"name":"a","resourceVersion":"7"},"spec":{"cidrBlock":"10.1.0.0/16"}},
 {"metadata":{"name":"b","resourceVersion":"8"},"spec":{"cidrBlock":42}}]}"#;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `list` or `watch VERSION`.
    pub(crate) what: String,
    /// As whom.
    pub(crate) token: Option<String>,
    /// When.
    pub(crate) at: Instant,
}

/// A server that is no API server: it says what the script says, one answer a connection.
pub(crate) struct Scripted {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Scripted {
    /// `script` gets what is asked and how often that was asked before.
    pub(crate) fn start(script: impl Fn(&str, usize) -> (u16, String) + Send + 'static) -> Self {
        Self::start_for(move |asked, before| script(&asked.what, before))
    }

    /// The same, for a script that looks at who asks.
    pub(crate) fn start_for(script: impl Fn(&Asked, usize) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::<Asked>::new()));
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let asked = request(&stream);
                let mut seen = seen.lock().unwrap();
                let before = seen.iter().filter(|one| one.what == asked.what).count();
                seen.push(asked.clone());
                drop(seen);
                let (status, body) = script(&asked, before);
                answer(stream, status, &body);
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.requests().into_iter().map(|asked| asked.what).collect()
    }

    /// The same with all there is to know.
    pub(crate) fn requests(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The first batches of a source of Subnets, all that come within the time.
    pub(crate) async fn batches(&self, dir: &Path, within: Duration) -> Vec<Batch> {
        let access = Access::open(Some(&kubeconfig(dir, &self.url, "token: t"))).await.unwrap();
        let (source, mut from) = subnets(access);
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

/// Lists and watches Subnets.
pub(crate) fn subnets(access: Access) -> (tokio::task::JoinHandle<()>, mpsc::Receiver<Batch>) {
    let (to, from) = mpsc::channel(8);
    let selection = Selection { kind: Kind::Subnet, fields: None, labels: None };
    (tokio::spawn(watch(access, vec![selection], to, Arc::<Stages>::default())), from)
}

fn request(stream: &TcpStream) -> Asked {
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    let first = lines.next().unwrap();
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let token =
        headers.iter().find_map(|line| line.strip_prefix("authorization: Bearer ")).map(str::to_owned);
    let path = first.split(' ').nth(1).unwrap();
    assert!(path.starts_with("/apis/kubeovn.io/v1/subnets?"), "{path}");
    let what = match path.split(['?', '&']).find_map(|part| part.strip_prefix("resourceVersion=")) {
        Some(version) if path.contains("watch=true") => format!("watch {version}"),
        _ => "list".to_owned(),
    };
    Asked { what, token, at: Instant::now() }
}

fn answer(mut stream: TcpStream, status: u16, body: &str) {
    // A pause that long is nobody's to ask for.
    let wait = if status == 429 { "Retry-After: 3600\r\n" } else { "" };
    let head =
        format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{wait}Connection: close\r\n\r\n");
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

pub(crate) fn failure(code: u16, reason: &str) -> (u16, String) {
    (
        code,
        format!(r#"{{"kind":"Status","status":"Failure","message":"no","reason":"{reason}","code":{code}}}"#),
    )
}

/// A kubeconfig file for a user of this form.
pub(crate) fn kubeconfig(dir: &Path, server: &str, user: &str) -> PathBuf {
    let file = dir.join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster:\n    server: {server}\nusers:\n- name: u\n  user:\n    {user}\n\
         contexts:\n- name: c\n  context: {{cluster: c, user: u}}\ncurrent-context: c\n"
    );
    std::fs::write(&file, text).unwrap();
    file
}

//! Credentials that change while the speaker runs: a server that takes one token only, which changes.

mod scripted;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use scripted::{LIST, Scripted, failure, kubeconfig, subnets};
use speaker::source::kubernetes::Access;

const LIMIT: Duration = Duration::from_secs(20);

/// Takes this token alone, and ends every watch at once.
fn server(valid: &Arc<Mutex<String>>) -> Scripted {
    let valid = Arc::clone(valid);
    Scripted::start_for(move |asked, _| match asked.what.as_str() {
        _ if asked.token.as_deref() != Some(valid.lock().expect("a token").as_str()) => {
            failure(401, "Unauthorized")
        }
        "list" => (200, LIST.to_owned()),
        _ => (200, String::new()),
    })
}

/// Waits until somebody asked with the token.
async fn asked_with(server: &Scripted, token: &str) {
    let start = Instant::now();
    while !server.requests().iter().any(|asked| asked.token.as_deref() == Some(token)) {
        assert!(start.elapsed() < LIMIT, "nobody asks with {token}: {:?}", server.requests());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn lists(server: &Scripted) -> usize {
    server.asked().iter().filter(|what| *what == "list").count()
}

#[tokio::test]
async fn a_token_that_is_refused_is_read_anew_and_the_watch_goes_on() {
    let dir = tempfile::tempdir().expect("directory");
    let elsewhere = tempfile::tempdir().expect("directory");
    // Out of the directory that is looked at: only the refusal tells.
    let token = elsewhere.path().join("token");
    std::fs::write(&token, "one\n").expect("written");
    std::os::unix::fs::symlink(&token, dir.path().join("token")).expect("linked");
    let valid = Arc::new(Mutex::new("one".to_owned()));
    let server = server(&valid);
    let file = kubeconfig(dir.path(), &server.url, "tokenFile: token");
    let (source, mut batches) = subnets(Access::open(Some(&file)).await.expect("access"));
    tokio::spawn(async move { while batches.recv().await.is_some() {} });
    asked_with(&server, "one").await;
    "two".clone_into(&mut valid.lock().expect("a token"));
    tokio::time::sleep(Duration::from_secs(4)).await;
    let before = server.requests().len();
    std::fs::write(&token, "two\n").expect("written");
    asked_with(&server, "two").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    source.abort();
    let later = server.requests().split_off(before);
    let last = later.last().expect("asked");
    assert!(last.what == "watch 100" && last.token.as_deref() == Some("two"), "{later:?}");
    assert_eq!(lists(&server), 1, "nothing is listed anew");
}

#[tokio::test]
async fn a_file_that_changes_is_read_anew_before_anybody_refuses_what_it_held() {
    let dir = tempfile::tempdir().expect("directory");
    let valid = Arc::new(Mutex::new("one".to_owned()));
    let server = server(&valid);
    std::fs::write(dir.path().join("token"), "one").expect("written");
    let file = kubeconfig(dir.path(), &server.url, "tokenFile: token");
    let (source, mut batches) = subnets(Access::open(Some(&file)).await.expect("access"));
    tokio::spawn(async move { while batches.recv().await.is_some() {} });
    asked_with(&server, "one").await;
    // The first look at the files is over.
    tokio::time::sleep(Duration::from_secs(1)).await;
    replace(&dir.path().join("token"), "two");
    asked_with(&server, "two").await;
    "two".clone_into(&mut valid.lock().expect("a token"));
    kubeconfig(dir.path(), &server.url, "token: three");
    asked_with(&server, "three").await;
    source.abort();
}

#[tokio::test]
async fn a_program_for_credentials_runs_again_when_they_are_refused_but_not_all_the_time() {
    let dir = tempfile::tempdir().expect("directory");
    let program = dir.path().join("credentials");
    let at = dir.path().display();
    let status =
        r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}"#;
    let text = format!("#!/bin/sh\necho run >> {at}/runs\nprintf '{status}' $(cat {at}/says)\n");
    let says = dir.path().join("says");
    std::fs::write(&says, "one").expect("written");
    std::fs::write(&program, text).expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("executable");
    let valid = Arc::new(Mutex::new("none of them".to_owned()));
    let server = server(&valid);
    let user = format!(
        "exec: {{apiVersion: client.authentication.k8s.io/v1, command: {}, interactiveMode: Never}}",
        program.display()
    );
    let file = kubeconfig(dir.path(), &server.url, &user);
    let access = Access::open(Some(&file)).await.expect("access");
    let (source, mut batches) = subnets(access.clone());
    let (others, mut unread) = subnets(access);
    tokio::spawn(async move { while unread.recv().await.is_some() {} });
    tokio::time::sleep(Duration::from_secs(5)).await;
    let runs = std::fs::read_to_string(dir.path().join("runs")).expect("runs").lines().count();
    // The library runs it three times for one client; there were two or three clients by now.
    assert!((4..=12).contains(&runs), "{runs} runs in some 5 s of refusals, for two sources");
    "two".clone_into(&mut valid.lock().expect("a token"));
    std::fs::write(&says, "two").expect("written");
    let synced = async { while !batches.recv().await.is_some_and(|batch| batch.synced) {} };
    tokio::time::timeout(LIMIT, synced).await.expect("listed at last");
    source.abort();
    others.abort();
}

#[tokio::test]
async fn a_file_that_cannot_be_used_leaves_the_last_credentials_in_force() {
    let dir = tempfile::tempdir().expect("directory");
    let valid = Arc::new(Mutex::new("one".to_owned()));
    let server = server(&valid);
    let file = kubeconfig(dir.path(), &server.url, "token: one");
    let (source, mut batches) = subnets(Access::open(Some(&file)).await.expect("access"));
    tokio::spawn(async move { while batches.recv().await.is_some() {} });
    asked_with(&server, "one").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    replace(&file, "no: kubeconfig: at all");
    tokio::time::sleep(Duration::from_secs(4)).await;
    let before = server.requests().len();
    let start = Instant::now();
    while server.requests().len() == before {
        assert!(start.elapsed() < LIMIT, "nobody asks any more");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(server.requests().iter().all(|asked| asked.token.as_deref() == Some("one")));
    kubeconfig(dir.path(), &server.url, "token: two");
    asked_with(&server, "two").await;
    source.abort();
}

/// As editors and Kubernetes do it.
fn replace(file: &Path, text: &str) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let draft = file.with_extension(NEXT.fetch_add(1, Ordering::Relaxed).to_string());
    std::fs::write(&draft, text).expect("written");
    std::fs::rename(&draft, file).expect("renamed");
}

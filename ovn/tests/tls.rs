//! TLS with certificates as OVN's own tool makes them: named after a role, not after a host.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use ovn::Link;
use ovn::net::{Client, Tls};
use support::{Server, file, options, run, synced, until};
use tempfile::TempDir;

/// An authority in `directory/NAME`, and a certificate of it, `directory/NAME-cert.pem`.
fn authority(directory: &Path, name: &str) {
    let tool = |arguments: &[&str]| {
        let log = file(directory, &format!("{name}.log"));
        let status = Command::new("ovs-pki")
            .arg(format!("--dir={}", file(directory, name)))
            .args(["-l", &log])
            .args(arguments)
            .current_dir(directory)
            .output()
            .unwrap();
        assert!(status.status.success(), "{status:?}");
    };
    tool(&["init"]);
    tool(&["req+sign", name, "switch"]);
}

fn tls(directory: &Path, certificate: &str, authority: &str) -> Tls {
    Tls {
        private_key: directory.join(format!("{certificate}-privkey.pem")),
        certificate: directory.join(format!("{certificate}-cert.pem")),
        authority: directory.join(authority).join("switchca/cacert.pem"),
    }
}

/// A server that only takes clients of its authority; and where it listens.
fn server(directory: &Path) -> (Server, Box<str>) {
    run("ovsdb-tool", &["create", &file(directory, "nb.db"), support::SCHEMA]);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let files = tls(directory, "ovn", "ovn");
    let server = Server::start(
        directory,
        "nb",
        &[
            &format!("--private-key={}", files.private_key.display()),
            &format!("--certificate={}", files.certificate.display()),
            &format!("--ca-cert={}", files.authority.display()),
            &format!("--remote=pssl:{port}:127.0.0.1"),
        ],
    );
    (server, format!("ssl:127.0.0.1:{port}").into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_of_the_authority_are_taken_and_others_are_not() {
    let directory = TempDir::new().unwrap();
    authority(directory.path(), "ovn");
    authority(directory.path(), "other");
    let (_server, remote) = server(directory.path());
    let client = |tls| Client::start(options(std::slice::from_ref(&remote), tls));

    let good = client(Some(tls(directory.path(), "ovn", "ovn")));
    synced(&good).await;
    good.transact(vec![ovn::Operation::Comment("over TLS".into())]).await.unwrap();

    let refused = |link: &Link, words: &str| matches!(link, Link::Down(why) if why.contains(words));
    let deceived = client(Some(tls(directory.path(), "ovn", "other")));
    until(&deceived, "a server of another authority", |_, link| refused(link, "certificate")).await;
    let stranger = client(Some(tls(directory.path(), "other", "ovn")));
    until(
        &stranger,
        "a certificate of another authority",
        |_, link| matches!(link, Link::Down(why) if why != "not connected yet"),
    )
    .await;
    let bare = client(None);
    until(&bare, "no certificates", |_, link| refused(link, "no certificates are given")).await;
    let missing = client(Some(tls(directory.path(), "missing", "ovn")));
    until(&missing, "no such file", |_, link| refused(link, "missing-cert.pem")).await;
    assert!(stranger.counters().syncs == 0 && deceived.counters().syncs == 0);
}

/// A certificate that is renewed while the link is down, or for the next connection, needs no restart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_read_again_at_each_connect() {
    let directory = TempDir::new().unwrap();
    authority(directory.path(), "ovn");
    let (_server, remote) = server(directory.path());
    let late = tls(directory.path(), "late", "ovn");
    let client = Client::start(options(&[remote], Some(late.clone())));
    until(&client, "no such file", |_, link| matches!(link, Link::Down(why) if why.contains("late"))).await;
    let good = tls(directory.path(), "ovn", "ovn");
    std::fs::copy(good.private_key, late.private_key).unwrap();
    std::fs::copy(good.certificate, late.certificate).unwrap();
    synced(&client).await;
}

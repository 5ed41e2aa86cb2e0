//! A client and a cluster of three real ovsdb-servers.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ovn::net::{Client, Timing};
use ovn::{Link, Replica, Row, TransactError, Uuid, Value};
use support::{Server, WATCHED, file, found, insert, options, run, synced, until};
use tempfile::TempDir;

struct Cluster {
    members: Vec<Option<Server>>,
    _directory: TempDir,
}

impl Cluster {
    fn start(members: usize) -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path();
        let raft = |name: &str| format!("unix:{}", file(path, &format!("{name}.raft")));
        let mut running = Vec::new();
        for at in 0..members {
            let name = format!("m{at}");
            let data = file(path, &format!("{name}.db"));
            if at == 0 {
                let timer = "--election-timer=1000";
                run("ovsdb-tool", &[timer, "create-cluster", &data, support::SCHEMA, &raft(&name)]);
            } else {
                let join = ["join-cluster", &data, "OVN_Northbound", &raft(&name), &raft("m0")];
                run("ovsdb-tool", &join);
            }
            let server = Server::start(path, &name, &[]);
            joined(&server);
            running.push(Some(server));
        }
        Self { members: running, _directory: directory }
    }

    fn remotes(&self) -> Vec<Box<str>> {
        self.members.iter().flatten().map(Server::remote).collect()
    }

    /// The position of the leader.
    fn leader(&self) -> usize {
        let deadline = Instant::now() + support::LONG;
        loop {
            let leads = |server: &Server| status(server).contains("Role: leader");
            if let Some(at) = self.members.iter().position(|one| one.as_ref().is_some_and(leads)) {
                return at;
            }
            assert!(Instant::now() < deadline, "no leader");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn take(&mut self, at: usize) -> Server {
        self.members[at].take().unwrap()
    }
}

fn status(server: &Server) -> String {
    server.control(&["cluster/status", "OVN_Northbound"])
}

fn joined(server: &Server) {
    let deadline = Instant::now() + support::LONG;
    while !status(server).contains("Status: cluster member") {
        assert!(Instant::now() < deadline, "not joined: {}", status(server));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What a copy holds, to compare it.
fn contents(replica: &Replica) -> BTreeMap<(&'static str, Uuid), Row> {
    let rows = |table| replica.rows(table).map(move |(uuid, row)| ((table, uuid), row.clone()));
    WATCHED.iter().flat_map(|(table, _)| rows(table)).collect()
}

fn set(name: &str) -> Vec<ovn::Operation> {
    vec![insert("Address_Set", None, &[("name", Value::one(name))])]
}

fn signal(server: &Server, signal: &str) {
    run("kill", &[signal, &server.pid().to_string()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_restarts_sends_only_what_changed() {
    let mut cluster = Cluster::start(1);
    let client = Client::start(options(&cluster.remotes(), None));
    synced(&client).await;
    let rows = (0..1000).flat_map(|number| set(&format!("set{number}"))).collect();
    client.transact(rows).await.unwrap();
    let before = client.counters();
    cluster.members[0].as_mut().unwrap().restart();
    until(&client, "synced again", |_, link| *link == Link::Synced && client.counters().syncs == 2).await;
    let after = client.counters();
    assert_eq!(after.resumes, 1);
    // The schemas are sent again, a thousand rows (100 kB) are not.
    assert!(before.octets > 100_000, "{before:?}");
    assert!(after.octets - before.octets < 50_000, "{before:?} {after:?}");
    assert_eq!(client.read(|replica| replica.rows("Address_Set").count()), 1000);
    client.transact(set("another")).await.unwrap();
    assert_eq!(client.read(|replica| replica.rows("Address_Set").count()), 1001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_dies_is_followed_and_the_copy_stays_equal() {
    let mut cluster = Cluster::start(3);
    let client = Client::start(options(&cluster.remotes(), None));
    synced(&client).await;
    client.transact(set("before")).await.unwrap();

    // The leader hears no more, so what is asked now is under way when it dies.
    let leader = cluster.leader();
    let mut dead = cluster.take(leader);
    signal(&dead, "-STOP");
    let under_way = tokio::spawn({
        let client = client.clone();
        async move { client.transact(set("lost")).await }
    });
    until(&client, "sent", |_, _| client.transactions() == 2).await;
    dead.kill();
    assert_eq!(under_way.await.unwrap(), Err(TransactError::Lost));

    let killed = Instant::now();
    until(&client, "the new leader", |_, link| *link == Link::Synced).await;
    eprintln!("followed the new leader after {:?}", killed.elapsed());
    client.transact(set("after")).await.unwrap();
    assert_eq!(client.counters().resumes, 1, "the new leader knows what we had");

    // Nobody sent the lost one again, and a client that begins now sees the same.
    let other = Client::start(options(&cluster.remotes(), None));
    synced(&other).await;
    assert_eq!(client.read(contents), other.read(contents));
    client.read(|replica| {
        assert!(found(replica, "Address_Set", "name", &Value::one("lost")).is_empty());
        assert_eq!(replica.rows("Address_Set").count(), 2);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_hangs_is_left() {
    let mut cluster = Cluster::start(3);
    let timing = Timing { probe: Duration::from_millis(500), ..Timing::default() };
    let client = Client::with_timing(options(&cluster.remotes(), None), timing);
    synced(&client).await;
    let leader = cluster.leader();
    let hung = cluster.take(leader);
    signal(&hung, "-STOP");
    until(&client, "noticed", |_, link| matches!(link, Link::Down(_))).await;
    synced(&client).await;
    client.transact(set("after")).await.unwrap();
    signal(&hung, "-CONT");
}

/// A router with a policy of this match. Policies have no unique name: one carried out twice is there twice.
fn policy(matching: &str) -> Vec<ovn::Operation> {
    let columns = [("match", Value::one(matching)), ("action", Value::one("drop"))];
    let policies = Value::Set([ovn::op::named("policy")].into());
    vec![
        insert("Logical_Router_Policy", Some("policy"), &columns),
        insert("Logical_Router", None, &[("policies", policies)]),
    ]
}

/// Writes as fast as it goes, each transaction once; what was said of each.
async fn write(client: Client, writer: usize, stop: Arc<AtomicBool>) -> Vec<(String, Option<TransactError>)> {
    let mut told = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let matching = format!("{writer}.{}", told.len());
        let outcome = client.transact(policy(&matching)).await;
        if let Ok(outcome) = &outcome {
            let there =
                client.read(|replica| replica.row("Logical_Router_Policy", outcome.inserted[0]).is_some());
            assert!(there, "carried out, but not in the copy");
        }
        if outcome == Err(TransactError::NotConnected) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        told.push((matching, outcome.err()));
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_carried_out_twice_while_leaders_change() {
    let mut cluster = Cluster::start(3);
    let client = Client::start(options(&cluster.remotes(), None));
    synced(&client).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> =
        (0..4).map(|writer| tokio::spawn(write(client.clone(), writer, Arc::clone(&stop)))).collect();
    for syncs in 1..4 {
        until(&client, "the leader", |_, _| client.counters().syncs >= syncs).await;
        let carried_out = client.transactions() + 100;
        until(&client, "transactions", |_, _| client.transactions() >= carried_out).await;
        let leader = cluster.leader();
        cluster.members[leader].as_mut().unwrap().restart();
    }
    until(&client, "the last leader", |_, _| client.counters().syncs >= 4).await;
    stop.store(true, Ordering::Relaxed);
    let mut count = [0; 3];
    for writer in writers {
        for (matching, error) in writer.await.unwrap() {
            let value = Value::one(&*matching);
            let times = client.read(|replica| found(replica, "Logical_Router_Policy", "match", &value).len());
            match &error {
                None => assert_eq!(times, 1, "{matching}"),
                Some(TransactError::Lost) => assert!(times <= 1, "{matching}"),
                Some(error) => assert_eq!(times, 0, "{matching}: {error:?}"),
            }
            count[match error {
                None => 0,
                Some(TransactError::Lost) => 1,
                Some(_) => 2,
            }] += 1;
        }
    }
    eprintln!("carried out, lost, not sent or refused: {count:?}; {:?}", client.counters());
    assert!(count[0] > 300 && client.counters().resumes == 3, "{count:?} {:?}", client.counters());
}

/// Also where the transaction goes by way of a follower.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_through_a_follower_is_in_the_copy_when_its_reply_is_there() {
    let cluster = Cluster::start(3);
    let leader = cluster.leader();
    let follower = cluster.members[(leader + 1) % 3].as_ref().unwrap();
    let through = ovn::net::Options { leader_only: false, ..options(&[follower.remote()], None) };
    let client = Client::start(through);
    synced(&client).await;
    for number in 0..100 {
        let outcome = client.transact(set(&format!("set{number}"))).await.unwrap();
        let there = client.read(|replica| replica.row("Address_Set", outcome.inserted[0]).is_some());
        assert!(there, "transaction {number}");
    }
    // Whoever insists on a leader does not stay here.
    let insists = Client::start(options(&[follower.remote()], None));
    let refused = |link: &Link| matches!(link, Link::Down(why) if why.contains("does not lead"));
    until(&insists, "refused", |_, link| refused(link)).await;
}

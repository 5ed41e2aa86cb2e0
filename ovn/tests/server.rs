//! A client and a real ovsdb-server with OVN's northbound schema.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use ovn::net::Client;
use ovn::op::{self, Condition, Mutation};
use ovn::{Link, Operation, Replica, TransactError, Value};
use support::{found, insert, options, row, standalone, synced};

/// A router with a policy, in one transaction.
fn router(name: &str) -> Vec<Operation> {
    let policies = Value::Set([op::named("policy")].into());
    vec![
        insert(
            "Logical_Router_Policy",
            Some("policy"),
            &[
                ("priority", Value::one(29100)),
                ("match", Value::one("ip4.src == 10.0.1.0/24")),
                ("action", Value::one("reroute")),
                ("nexthops", Value::set(["10.0.1.3", "10.0.1.2"])),
                ("external_ids", Value::texts([("vendor", "kube-ovn")])),
            ],
        ),
        insert("Logical_Router", Some("router"), &[("name", Value::one(name)), ("policies", policies)]),
    ]
}

#[tokio::test]
async fn a_transaction_is_in_the_copy_when_its_reply_is_there() {
    let (_directory, server) = standalone(support::SCHEMA);
    let client = Client::start(options(&[server.remote()], None));
    synced(&client).await;
    let outcome = client.transact(router("vpc1")).await.unwrap();
    let [policy, router] = outcome.inserted[..] else { panic!("{outcome:?}") };
    client.read(|replica| {
        let row = replica.row("Logical_Router", router).unwrap();
        assert_eq!(row["policies"], Value::one(policy));
        assert_eq!(row["options"], Value::texts([]), "a default is filled in");
        let row = replica.row("Logical_Router_Policy", policy).unwrap();
        assert_eq!(row["nexthops"], Value::set(["10.0.1.2", "10.0.1.3"]));
        assert_eq!(row["priority"], Value::one(29100));
    });
    let difference = Operation::Mutate {
        table: "Logical_Router_Policy".into(),
        rows: op::row(policy),
        mutations: vec![
            Mutation { column: "nexthops".into(), mutator: "delete", value: Value::one("10.0.1.2") },
            Mutation { column: "external_ids".into(), mutator: "insert", value: Value::texts([("af", "4")]) },
        ],
    };
    assert_eq!(client.transact(vec![difference]).await.unwrap().counts, [1]);
    client.read(|replica| {
        let row = replica.row("Logical_Router_Policy", policy).unwrap();
        assert_eq!(row["nexthops"], Value::one("10.0.1.3"));
        assert_eq!(row["external_ids"], Value::texts([("af", "4"), ("vendor", "kube-ovn")]));
    });
    assert_eq!(client.transactions(), 2);
}

#[tokio::test]
async fn a_wait_that_does_not_hold_refuses_all_of_a_transaction() {
    let (_directory, server) = standalone(support::SCHEMA);
    let client = Client::start(options(&[server.remote()], None));
    synced(&client).await;
    let outcome = client.transact(router("vpc1")).await.unwrap();
    let wait = Operation::Wait {
        table: "Logical_Router".into(),
        rows: op::row(outcome.inserted[1]),
        columns: vec!["policies".into()],
        equal: true,
        values: vec![row(&[("policies", Value::none())])],
    };
    let set = insert("Address_Set", None, &[("name", Value::one("set"))]);
    let error = client.transact(vec![wait, set]).await.unwrap_err();
    assert!(matches!(&error, TransactError::Refused { error, .. } if error == "timed out"), "{error:?}");
    assert!(client.read(|replica| found(replica, "Address_Set", "name", &Value::one("set")).is_empty()));
}

#[tokio::test]
async fn what_breaks_an_index_is_refused_with_the_databases_reason() {
    let (_directory, server) = standalone(support::SCHEMA);
    let client = Client::start(options(&[server.remote()], None));
    synced(&client).await;
    let set = || insert("Address_Set", None, &[("name", Value::one("set"))]);
    client.transact(vec![set()]).await.unwrap();
    let error = client.transact(vec![set()]).await.unwrap_err();
    assert!(
        matches!(&error, TransactError::Refused { error, .. } if error == "constraint violation"),
        "{error:?}"
    );
}

#[tokio::test]
async fn only_rows_that_meet_a_condition_are_in_the_copy() {
    let (_directory, server) = standalone(support::SCHEMA);
    let ours = || Value::texts([("vendor", "ours")]);
    let mut conditional = options(&[server.remote()], None);
    for watched in &mut conditional.monitor {
        if watched.table == "Address_Set" {
            watched.only =
                vec![vec![Condition { column: "external_ids".into(), function: "includes", value: ours() }]];
        }
    }
    let (all, some) = (Client::start(options(&[server.remote()], None)), Client::start(conditional));
    tokio::join!(synced(&all), synced(&some));
    let set = |name, ids| insert("Address_Set", None, &[("name", Value::one(name)), ("external_ids", ids)]);
    some.transact(vec![set("a", ours()), set("b", Value::texts([]))]).await.unwrap();
    let names = |replica: &Replica| {
        replica.rows("Address_Set").map(|(_, row)| row["name"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(some.read(names), [Value::one("a")]);
    support::until(&all, "both rows", |replica, _| names(replica).len() == 2).await;
    // A row that begins to meet the condition comes, one that ceases to goes.
    let change = |name, ids| Operation::Update {
        table: "Address_Set".into(),
        rows: vec![Condition { column: "name".into(), function: "==", value: Value::one(name) }],
        row: row(&[("external_ids", ids)]),
    };
    some.transact(vec![change("a", Value::texts([])), change("b", ours())]).await.unwrap();
    assert_eq!(some.read(names), [Value::one("b")]);
}

#[tokio::test]
async fn a_server_that_comes_back_without_history_is_copied_whole() {
    let (_directory, mut server) = standalone(support::SCHEMA);
    let client = Client::start(options(&[server.remote()], None));
    synced(&client).await;
    client.transact(router("vpc1")).await.unwrap();
    server.kill();
    support::until(&client, "down", |_, link| matches!(link, Link::Down(_))).await;
    assert_eq!(client.read(|replica| replica.rows("Logical_Router").count()), 1, "the last state stays");
    assert_eq!(client.transact(router("vpc2")).await.unwrap_err(), TransactError::NotConnected);
    server.restart();
    synced(&client).await;
    client.transact(router("vpc2")).await.unwrap();
    assert_eq!(client.read(|replica| replica.rows("Logical_Router").count()), 2);
    let counters = client.counters();
    assert_eq!((counters.syncs, counters.resumes, counters.transactions), (2, 0, 2));
}

#[tokio::test]
async fn a_schema_with_other_columns_is_served_as_far_as_it_goes() {
    // Older than anything: no BFD, no external_ids of policies. Newer than the distribution's: sessions of policies.
    let directory = tempfile::TempDir::new().unwrap();
    let schema = support::file(directory.path(), "schema.json");
    let edit = r#"del(.tables.BFD, .tables.Logical_Router_Static_Route.columns.bfd)
        | .tables.Logical_Router_Policy.columns |= del(.external_ids)
        | .tables.Logical_Router_Policy.columns.bfd_sessions =
          {"type": {"key": {"type": "uuid"}, "min": 0, "max": "unlimited"}} | del(.cksum)"#;
    let edited = std::process::Command::new("jq").args([edit, support::SCHEMA]).output().unwrap();
    assert!(edited.status.success());
    std::fs::write(&schema, edited.stdout).unwrap();
    let (_data, server) = standalone(&schema);
    let client = Client::start(options(&[server.remote()], None));
    synced(&client).await;
    let columns = [("match", Value::one("1")), ("action", Value::one("drop"))];
    let policy = insert("Logical_Router_Policy", Some("policy"), &columns);
    let policies = Value::Set([op::named("policy")].into());
    let router = insert("Logical_Router", None, &[("name", Value::one("vpc1")), ("policies", policies)]);
    let outcome = client.transact(vec![policy, router]).await.unwrap();
    client.read(|replica| {
        assert!(!replica.has_column("BFD", "dst_ip"));
        assert!(!replica.has_column("Logical_Router_Policy", "external_ids"));
        assert!(replica.has_column("Logical_Router_Policy", "bfd_sessions"));
        let row = replica.row("Logical_Router_Policy", outcome.inserted[0]).unwrap();
        assert_eq!(row["bfd_sessions"], Value::none());
        assert!(!row.contains_key("external_ids"));
    });
}

/// One transaction with every kind of operation, and what the database makes of each.
#[tokio::test]
async fn rfc7047_5_2_a_real_server_understands_every_operation() {
    let (_directory, server) = standalone(support::SCHEMA);
    let client = Client::start(options(&[server.remote()], None));
    synced(&client).await;
    let named = |name| vec![Condition { column: "name".into(), function: "==", value: Value::one(name) }];
    let set = |name, addresses: &[&str]| {
        let addresses = Value::set(addresses.iter().copied());
        insert("Address_Set", None, &[("name", Value::one(name)), ("addresses", addresses)])
    };
    let table = || "Address_Set".into();
    let name = Mutation { column: "addresses".into(), mutator: "insert", value: Value::one("10.0.0.3") };
    let wait = |equal, name: &str| Operation::Wait {
        table: table(),
        rows: named("a"),
        columns: vec!["name".into()],
        equal,
        values: vec![row(&[("name", Value::one(name))])],
    };
    let outcome = client
        .transact(vec![
            set("a", &["10.0.0.1", "10.0.0.2"]),
            set("b", &[]),
            wait(true, "a"),
            wait(false, "c"),
            Operation::Mutate { table: table(), rows: named("a"), mutations: vec![name] },
            Operation::Update {
                table: table(),
                rows: named("a"),
                row: row(&[("external_ids", Value::texts([("k", "v")]))]),
            },
            Operation::Select { table: table(), rows: named("a"), columns: vec!["addresses".into()] },
            Operation::Delete { table: table(), rows: named("b") },
            Operation::Delete { table: table(), rows: named("nobody") },
            Operation::Comment("for the log".into()),
        ])
        .await
        .unwrap();
    assert_eq!((outcome.inserted.len(), &outcome.counts[..]), (2, &[1, 1, 1, 0][..]));
    let addresses = Value::set(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    assert_eq!(outcome.selected, [[row(&[("addresses", addresses.clone())])]]);
    let expected = row(&[
        ("name", Value::one("a")),
        ("addresses", addresses),
        ("external_ids", Value::texts([("k", "v")])),
    ]);
    client.read(|replica| {
        let rows: Vec<_> = replica.rows("Address_Set").collect();
        assert_eq!(rows, [(outcome.inserted[0], &expected)]);
    });
}

/// The database is converted to a newer schema under a client that is connected (ovsdb-server(7) §4.1.19).
#[tokio::test]
async fn a_schema_that_changes_meanwhile_is_followed() {
    let (directory, server) = standalone(support::SCHEMA);
    let client = Client::start(options(&[server.remote()], None));
    synced(&client).await;
    client.transact(router("vpc1")).await.unwrap();
    let newer = support::file(directory.path(), "newer.json");
    let edit = r#".version = "99.0.0" | del(.cksum) | .tables.Logical_Router_Policy.columns.bfd_sessions =
        {"type": {"key": {"type": "uuid", "refTable": "BFD", "refType": "weak"}, "min": 0, "max": "unlimited"}}"#;
    let edited = std::process::Command::new("jq").args([edit, support::SCHEMA]).output().unwrap();
    std::fs::write(&newer, edited.stdout).unwrap();
    assert!(!client.read(|replica| replica.has_column("Logical_Router_Policy", "bfd_sessions")));
    support::run("ovsdb-client", &["convert", &server.remote(), &newer]);
    support::until(&client, "the new column", |replica, link| {
        let sessions = |row: &ovn::Row| row.get("bfd_sessions") == Some(&Value::none());
        *link == Link::Synced && replica.rows("Logical_Router_Policy").all(|(_, row)| sessions(row))
    })
    .await;
    assert_eq!(client.read(|replica| replica.rows("Logical_Router").count()), 1);
    client.transact(router("vpc2")).await.unwrap();
    assert_eq!(client.counters().syncs, 2);
}

//! A client and a real ovsdb-server with OVN's northbound schema.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use ovn::net::Client;
use ovn::op::{self, Mutation};
use ovn::{Operation, TransactError, Value};
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

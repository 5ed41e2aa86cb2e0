//! The requests egress makes through the life of a gateway are those that `deploy/egress` allows: none less, none more.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tests::egress::northbound::Schema;
use tests::egress::process::Egress;
use tests::egress::seed;
use tests::egress::world::{LIMIT, World};
use tests::fault::{Result, ensure};
use tests::kube::{ApiServer, Request, URL, User};
use tests::wait;

/// What is listed once and then watched.
const WATCHED: [&str; 8] = [
    "deployments.apps",
    "namespaces",
    "network-attachment-definitions.k8s.cni.cncf.io",
    "nodes",
    "pods",
    "subnets.kubeovn.io",
    "vpc-egress-gateways.kubeovn.io",
    "vpcs.kubeovn.io",
];

/// What else is asked for; a status counts as its object.
const OTHERS: [(&str, &str); 8] = [
    ("create", "events.events.k8s.io"),
    ("create", "leases.coordination.k8s.io"),
    ("get", "deployments.apps"),
    ("get", "leases.coordination.k8s.io"),
    ("patch", "deployments.apps"),
    ("patch", "vpc-egress-gateways.kubeovn.io"),
    ("patch", "vpcs.kubeovn.io"),
    ("update", "leases.coordination.k8s.io"),
];

fn wanted() -> BTreeSet<Request> {
    let watched = WATCHED.iter().flat_map(|&what| [("list", what), ("watch", what)]);
    watched.chain(OTHERS).map(|(verb, what)| (verb.to_owned(), what.to_owned())).collect()
}

/// What the roles allow.
fn allowed(api: &ApiServer) -> Result<BTreeSet<Request>> {
    let mut all = BTreeSet::new();
    for role in ["clusterrole/egress", "clusterrole/egress-serve", "role/egress"] {
        let text = api.kubectl(&["get", role, "-n", "kube-system", "-o", "json"])?;
        let role: Value = serde_json::from_str(&text)?;
        let texts = |list: &Value| -> Vec<String> {
            list.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
        };
        for rule in role["rules"].as_array().into_iter().flatten() {
            for resource in texts(&rule["resources"]) {
                let object = resource.split('/').next().unwrap_or_default().to_owned();
                for group in texts(&rule["apiGroups"]) {
                    let what = if group.is_empty() { object.clone() } else { format!("{object}.{group}") };
                    all.extend(texts(&rule["verbs"]).into_iter().map(|verb| (verb, what.clone())));
                }
            }
        }
    }
    Ok(all)
}

fn least() -> Result<()> {
    let mut world = World::start(Schema::Stock)?;
    world.server.grant(User::Egress)?;
    let mut settings = world.settings(1)?;
    settings.kubeconfig = world.server.kubeconfig(User::Egress, URL)?;
    let egress = Egress::start(world.server.netns(), &world.dir(), settings)?;
    world.egress = vec![egress];
    world.ready()?;
    // A VPC whose status has to tell something: there is no router.
    let port = json!({"bfdPort": {"enabled": true, "ip": "10.255.255.255"}});
    let vpc =
        json!({"apiVersion": "kubeovn.io/v1", "kind": "Vpc", "metadata": {"name": "lonely"}, "spec": port});
    world.api.put(&vpc)?;
    world.gateway("gateway1", &seed::gateway1())?;
    world.deployed("gateway1", 1)?;
    world.pods(&[seed::GATEWAY1[0]])?;
    wait::until("the gateway is ready", LIMIT, || {
        let now = world.gateway_now("gateway1")?;
        ensure(now["status"]["ready"] == true, || now["status"].to_string())
    })?;
    // This returns once the finalizer is off.
    world.server.kubectl(&["delete", "veg", "gateway1", "--timeout=20s"])?;
    let wanted = wanted();
    let same = || {
        let requests = world.server.requests(User::Egress)?;
        ensure(requests.refused.is_empty(), || format!("refused: {:?}", requests.refused))?;
        let differ: Vec<_> = requests.allowed.symmetric_difference(&wanted).collect();
        ensure(differ.is_empty(), || format!("used or wanted, not both: {differ:?}"))
    };
    wait::until("the requests", LIMIT, same).map_err(|fault| world.told(&fault))?;
    // What server-side apply makes is checked for `create`, too, without a request of that name; a Deployment that
    // kube-ovn-controller made would be replaced.
    let mut wanted = wanted.clone();
    wanted.extend(["create", "update"].map(|verb| (verb.to_owned(), "deployments.apps".to_owned())));
    let allowed = allowed(&world.server)?;
    let differ: Vec<_> = allowed.symmetric_difference(&wanted).collect();
    ensure(differ.is_empty(), || format!("allowed or used, not both: {differ:?}"))
}

#[test]
fn rights_are_exactly_those_that_are_used() {
    least().unwrap();
}

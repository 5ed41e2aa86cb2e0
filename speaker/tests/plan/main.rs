//! The rules of announcing, one by one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

mod notices;

use ipnet::IpNet;
use speaker::plan::{Outcome, Plan, Settings};
use speaker::policy::Policy;
use speaker::view::{Address, AddressProblem, Change, Key, Life, Object, Pod, Service, ServiceType, Subnet};

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn subnet(name: &str, policy: Policy) -> Subnet {
    Subnet {
        name: name.into(),
        policy,
        cidrs: [net("10.16.0.0/16"), net("fd00::/112")].into(),
        bad_cidrs: [].into(),
        ready: true,
        nat_outgoing: false,
    }
}

fn pod(name: &str, policy: Policy, prefix: &str) -> Pod {
    Pod {
        namespace: "n".into(),
        name: name.into(),
        policy,
        addresses: [address("s", prefix)].into(),
        problems: [].into(),
        node: Some("n1".into()),
        life: Life::Alive,
        host_network: false,
    }
}

fn address(subnet: &str, prefix: &str) -> Address {
    Address { provider: "ovn".into(), subnet: subnet.into(), prefix: net(prefix) }
}

fn service(policy: Policy) -> Service {
    Service {
        namespace: "n".into(),
        name: "svc".into(),
        policy,
        service_type: ServiceType::ClusterIp,
        cluster_ips: [net("10.96.0.10/32"), net("fd00:96::a/128")].into(),
        bad_cluster_ips: [].into(),
    }
}

fn put_subnet(subnet: Subnet) -> Change {
    Change::Put(Object::Subnet(subnet))
}

fn put_pod(pod: Pod) -> Change {
    Change::Put(Object::Pod(pod))
}

fn put_service(service: Service) -> Change {
    Change::Put(Object::Service(service))
}

fn empty(announce_cluster_ip: bool) -> Plan {
    Plan::new(Settings::Node { name: "n1".into(), announce_cluster_ip, local_only: false })
}

fn plan(changes: impl IntoIterator<Item = Change>) -> Plan {
    let mut plan = empty(true);
    plan.apply_batch(changes);
    plan
}

fn prefixes(plan: &Plan) -> Vec<String> {
    let mut all: Vec<_> = plan.prefixes().collect();
    all.sort_unstable();
    all.iter().map(ToString::to_string).collect()
}

/// The one refusal of the object; its text is part of the message of a failing test.
fn refusal(plan: &Plan, object: &str) -> &'static str {
    let refusals = plan.explain(&key(object)).unwrap().refusals;
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    let text = refusals[0].to_string();
    assert!(text.len() > 20 && !text.contains("  "), "{text}");
    refusals[0].name()
}

fn invalid() -> Policy {
    Policy::Invalid("maybe".into())
}

const S: [&str; 2] = ["10.16.0.0/16", "fd00::/112"];
const P: &str = "10.16.0.5/32";

#[test]
fn cluster_on_a_subnet_announces_its_cidrs_and_a_host_route_for_each_pod() {
    let plan = plan([put_subnet(subnet("s", Policy::Cluster)), put_pod(pod("p", Policy::Unset, P))]);
    assert_eq!(prefixes(&plan), [S[0], P, S[1]]);
    assert_eq!(plan.refusals().count(), 0);
}

#[test]
fn local_on_a_subnet_announces_no_cidr_but_the_pods_of_this_node() {
    let elsewhere = Pod { node: Some("n2".into()), ..pod("q", Policy::Unset, "10.16.0.6/32") };
    let unscheduled = Pod { node: None, ..pod("r", Policy::Unset, "10.16.0.7/32") };
    let here = pod("p", Policy::Unset, P);
    let plan = plan([
        put_subnet(subnet("s", Policy::Local)),
        put_pod(here),
        put_pod(elsewhere),
        put_pod(unscheduled),
    ]);
    assert_eq!(prefixes(&plan), [P]);
    assert_eq!(refusal(&plan, "subnet/s"), "subnet-local");
    assert_eq!(refusal(&plan, "pod/n/q"), "other-node");
    assert_eq!(refusal(&plan, "pod/n/r"), "other-node");
}

#[test]
fn with_local_only_pods_are_announced_from_their_own_node_and_the_rest_from_every_node() {
    let mut plan =
        Plan::new(Settings::Node { name: "n1".into(), announce_cluster_ip: true, local_only: true });
    let elsewhere = || Pod { node: Some("n2".into()), ..pod("q", Policy::Cluster, "10.16.0.6/32") };
    let unscheduled = Pod { node: None, ..pod("r", Policy::Unset, "10.16.0.7/32") };
    plan.apply_batch([
        put_subnet(subnet("s", Policy::Cluster)),
        put_pod(pod("p", Policy::Unset, P)),
        put_pod(elsewhere()),
        put_pod(unscheduled),
        put_service(service(Policy::Cluster)),
    ]);
    assert_eq!(prefixes(&plan), [S[0], P, "10.96.0.10/32", S[1], "fd00:96::a/128"]);
    assert_eq!((refusal(&plan, "pod/n/q"), refusal(&plan, "pod/n/r")), ("local-only", "local-only"));
    plan.apply(put_pod(Pod { policy: Policy::Local, ..elsewhere() }));
    assert_eq!(refusal(&plan, "pod/n/q"), "other-node");
}

#[test]
fn an_annotated_pod_in_an_unannotated_subnet_is_announced() {
    let plan = plan([put_subnet(subnet("s", Policy::Unset)), put_pod(pod("p", Policy::Cluster, P))]);
    assert_eq!(prefixes(&plan), [P]);
    assert_eq!(refusal(&plan, "subnet/s"), "not-annotated");
}

#[test]
fn nobody_asked_nothing_is_announced() {
    let plan = plan([
        put_subnet(subnet("s", Policy::Unset)),
        put_pod(pod("p", Policy::Unset, P)),
        put_service(service(Policy::Unset)),
    ]);
    assert_eq!(prefixes(&plan), [""; 0]);
    for object in ["subnet/s", "pod/n/p", "service/n/svc"] {
        assert_eq!(refusal(&plan, object), "not-annotated");
    }
}

#[test]
fn a_pods_annotation_beats_its_subnets_and_leaves_the_cidr_alone() {
    let cases = [
        (Policy::Cluster, "n2", None),
        (Policy::Local, "n1", None),
        (Policy::Local, "n2", Some("other-node")),
        (Policy::Off, "n1", Some("policy-off")),
        (invalid(), "n1", Some("policy-invalid")),
    ];
    for (policy, node, refused) in cases {
        let pod = Pod { node: Some(node.into()), ..pod("p", policy.clone(), P) };
        let plan = plan([put_subnet(subnet("s", Policy::Cluster)), put_pod(pod)]);
        let wanted = if refused.is_none() { vec![S[0], P, S[1]] } else { S.to_vec() };
        assert_eq!(prefixes(&plan), wanted, "{policy:?} on {node}");
        assert_eq!(refused, refused.map(|_| refusal(&plan, "pod/n/p")));
    }
}

#[test]
fn a_pods_annotation_counts_in_all_its_networks() {
    let addresses = [address("s", P), address("t", "10.20.0.5/32")];
    let pod = Pod { addresses: addresses.into(), ..pod("p", Policy::Off, P) };
    let subnets = [put_subnet(subnet("s", Policy::Cluster)), put_subnet(subnet("t", Policy::Cluster))];
    let mut plan = plan(subnets.into_iter().chain([put_pod(pod.clone())]));
    assert_eq!(prefixes(&plan), S);
    plan.apply(put_pod(Pod { policy: Policy::Cluster, ..pod }));
    assert_eq!(prefixes(&plan), [S[0], P, "10.20.0.5/32", S[1]]);
}

#[test]
fn off_and_invalid_on_a_subnet_announce_neither_it_nor_its_silent_pods() {
    for (policy, name) in [(Policy::Off, "policy-off"), (invalid(), "policy-invalid")] {
        let own = pod("own", Policy::Cluster, "10.16.0.9/32");
        let plan = plan([put_subnet(subnet("s", policy)), put_pod(pod("p", Policy::Unset, P)), put_pod(own)]);
        assert_eq!(prefixes(&plan), ["10.16.0.9/32"]);
        assert_eq!(refusal(&plan, "subnet/s"), name);
        assert_eq!(refusal(&plan, "pod/n/p"), name);
    }
}

#[test]
fn a_subnet_that_is_not_ready_disables_its_pods_and_so_does_an_unknown_one() {
    let unready = Subnet { ready: false, ..subnet("s", Policy::Cluster) };
    let mut plan = plan([put_pod(pod("p", Policy::Cluster, P))]);
    assert_eq!(refusal(&plan, "pod/n/p"), "subnet-unknown");
    plan.apply(put_subnet(unready));
    assert_eq!(refusal(&plan, "pod/n/p"), "subnet-not-ready");
    assert_eq!(refusal(&plan, "subnet/s"), "subnet-not-ready");
    let ready = plan.apply(put_subnet(subnet("s", Policy::Cluster)));
    assert_eq!(ready.announce, [net(S[0]), net(P), net(S[1])]);
    let gone = plan.apply(Change::Remove(key("subnet/s")));
    assert_eq!(gone.withdraw, [net(S[0]), net(P), net(S[1])]);
    assert_eq!(refusal(&plan, "pod/n/p"), "subnet-unknown");
}

#[test]
fn a_pod_that_has_ended_or_is_leaving_or_is_the_nodes_is_refused() {
    let base = || pod("p", Policy::Cluster, P);
    let cases = [
        (Pod { life: Life::Succeeded, ..base() }, "pod-dead"),
        (Pod { life: Life::Failed, ..base() }, "pod-dead"),
        (Pod { life: Life::Evicted, ..base() }, "pod-dead"),
        (Pod { life: Life::Terminating, ..base() }, "pod-terminating"),
        (Pod { host_network: true, ..base() }, "host-network"),
        (Pod { addresses: [].into(), ..base() }, "no-address"),
    ];
    for (pod, name) in cases {
        let plan = plan([put_subnet(subnet("s", Policy::Unset)), put_pod(pod)]);
        assert_eq!(prefixes(&plan), [""; 0]);
        assert_eq!(refusal(&plan, "pod/n/p"), name);
    }
}

#[test]
fn a_bad_address_is_refused_and_the_good_ones_are_announced() {
    let problems = [
        AddressProblem::BadAddress { provider: "ovn".into(), text: "10.16.0.999".into() },
        AddressProblem::NoSubnet { provider: "lost".into() },
    ];
    let pod = Pod { problems: problems.into(), ..pod("p", Policy::Cluster, P) };
    let plan = plan([put_subnet(subnet("s", Policy::Unset)), put_pod(pod)]);
    assert_eq!(prefixes(&plan), [P]);
    let names: Vec<_> =
        plan.explain(&key("pod/n/p")).unwrap().refusals.iter().map(|one| one.name()).collect();
    assert_eq!(names, ["bad-address", "no-subnet"]);
}

#[test]
fn a_bad_cidr_is_refused_and_the_good_ones_are_announced() {
    let bad = Subnet { bad_cidrs: ["10.16/99".into()].into(), ..subnet("s", Policy::Cluster) };
    let plan =
        plan([put_subnet(bad), put_subnet(Subnet { cidrs: [].into(), ..subnet("t", Policy::Cluster) })]);
    assert_eq!(prefixes(&plan), S);
    assert_eq!(refusal(&plan, "subnet/s"), "bad-cidr");
    assert_eq!(refusal(&plan, "subnet/t"), "no-cidr");
}

#[test]
fn a_service_is_announced_only_by_true_with_cluster_ips_of_type_cluster_ip() {
    assert_eq!(prefixes(&plan([put_service(service(Policy::Cluster))])), ["10.96.0.10/32", "fd00:96::a/128"]);
    let base = || service(Policy::Cluster);
    let cases = [
        (Service { service_type: ServiceType::Other("LoadBalancer".into()), ..base() }, "service-type"),
        (Service { cluster_ips: [].into(), ..base() }, "service-headless"),
        (service(Policy::Local), "service-local"),
        (service(Policy::Off), "policy-off"),
        (service(invalid()), "policy-invalid"),
        (Service { cluster_ips: [].into(), bad_cluster_ips: ["ten".into()].into(), ..base() }, "bad-address"),
    ];
    for (service, name) in cases {
        let plan = plan([put_service(service)]);
        assert_eq!(prefixes(&plan), [""; 0]);
        assert_eq!(refusal(&plan, "service/n/svc"), name);
    }
}

#[test]
fn without_announce_cluster_ip_no_service_is_announced() {
    let mut plan = empty(false);
    plan.apply(put_service(service(Policy::Cluster)));
    assert_eq!(prefixes(&plan), [""; 0]);
    assert_eq!(refusal(&plan, "service/n/svc"), "services-off");
}

#[test]
fn a_prefix_is_withdrawn_only_when_nobody_wants_it_any_more() {
    let mut plan = plan([put_subnet(subnet("s", Policy::Unset))]);
    let names = ["a", "b", "c"];
    let first = names.map(|name| plan.apply(put_pod(pod(name, Policy::Cluster, P))).announce.len());
    assert_eq!(first, [1, 0, 0]);
    let mut reasons: Vec<_> = plan.reasons(&net(P)).map(|key| key.to_string()).collect();
    reasons.sort_unstable();
    assert_eq!(reasons, ["pod/n/a", "pod/n/b", "pod/n/c"]);
    let last = names.map(|name| plan.apply(Change::Remove(key(&format!("pod/n/{name}")))).withdraw.len());
    assert_eq!(last, [0, 0, 1]);
    assert_eq!(plan.reasons(&net(P)).count(), 0);
}

#[test]
fn a_batch_gives_its_net_effect() {
    let mut plan = plan([put_subnet(subnet("s", Policy::Unset)), put_pod(pod("p", Policy::Cluster, P))]);
    let replaced = plan.apply_batch([Change::Remove(key("pod/n/p")), put_pod(pod("q", Policy::Cluster, P))]);
    assert_eq!(replaced, Outcome::default());
    let brief = [put_pod(pod("r", Policy::Cluster, "10.16.0.9/32")), Change::Remove(key("pod/n/r"))];
    assert_eq!(plan.apply_batch(brief), Outcome::default());
    let moved = plan.apply(put_pod(pod("q", Policy::Cluster, "10.16.0.6/32")));
    assert_eq!((moved.announce, moved.withdraw), (vec![net("10.16.0.6/32")], vec![net(P)]));
}

#[test]
fn removing_what_is_not_there_and_putting_what_is_changes_nothing() {
    let changes = || [put_subnet(subnet("s", Policy::Cluster)), put_pod(pod("p", Policy::Unset, P))];
    let mut plan = plan(changes());
    assert_eq!(plan.apply_batch(changes()), Outcome::default());
    assert_eq!(plan.apply(Change::Remove(key("pod/n/other"))), Outcome::default());
}

#[test]
fn a_refusal_names_field_value_and_rule() {
    let plan = plan([
        put_subnet(subnet("s", Policy::Local)),
        put_pod(Pod { node: Some("n2".into()), ..pod("p", Policy::Unset, P) }),
    ]);
    let refusals = plan.explain(&key("pod/n/p")).unwrap().refusals;
    assert_eq!(
        refusals[0].to_string(),
        "policy is local and spec.nodeName is n2, not n1: only the Pod's own node announces 10.16.0.5/32"
    );
    assert!(plan.explain(&key("pod/n/unknown")).is_none());
}

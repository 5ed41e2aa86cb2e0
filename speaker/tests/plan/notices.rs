//! What an operator is told, and how often.

use speaker::plan::{Outcome, Plan, Settings};
use speaker::policy::Policy;
use speaker::view::{AddressProblem, Pod, Service, ServiceType, Subnet};

use super::{P, empty, pod, put_pod, put_service, put_subnet, service, subnet};

fn notices(outcome: &Outcome) -> Vec<String> {
    outcome.notices.iter().map(|notice| format!("{} {}", notice.key(), notice.name())).collect()
}

#[test]
fn an_invalid_value_is_told_once_and_again_when_it_changes() {
    let mut plan = empty(true);
    let with = |text: &str| put_pod(pod("p", Policy::Invalid(text.into()), P));
    assert_eq!(notices(&plan.apply(with("maybe"))), ["pod/n/p policy-invalid"]);
    assert_eq!(notices(&plan.apply(with("maybe"))), [""; 0]);
    assert_eq!(notices(&plan.apply(put_subnet(subnet("s", Policy::Cluster)))), [""; 0]);
    let elsewhere = Pod { node: Some("n2".into()), ..pod("p", Policy::Invalid("maybe".into()), P) };
    assert_eq!(notices(&plan.apply(put_pod(elsewhere))), [""; 0]);
    assert_eq!(notices(&plan.apply(with("perhaps"))), ["pod/n/p policy-invalid"]);
}

#[test]
fn nat_outgoing_is_announced_and_told_once() {
    let nat = || Subnet { nat_outgoing: true, ..subnet("s", Policy::Cluster) };
    let mut plan = empty(true);
    let first = plan.apply(put_subnet(nat()));
    assert_eq!((first.announce.len(), notices(&first)), (2, vec!["subnet/s nat-outgoing".to_owned()]));
    assert_eq!(notices(&plan.apply(put_subnet(Subnet { ready: false, ..nat() }))), [""; 0]);
    assert_eq!(notices(&plan.apply(put_subnet(nat()))), [""; 0]);
    let silent = Subnet { name: "t".into(), policy: Policy::Unset, ..nat() };
    assert_eq!(notices(&plan.apply(put_subnet(silent))), [""; 0]);
}

#[test]
fn what_is_probably_not_meant_is_told() {
    let problems = [AddressProblem::BadAddress { provider: "ovn".into(), text: "x".into() }];
    let outcome = empty(true).apply_batch([
        put_service(service(Policy::Local)),
        put_pod(Pod { problems: problems.into(), ..pod("p", Policy::Unset, P) }),
        put_subnet(Subnet { bad_cidrs: ["x".into()].into(), ..subnet("s", Policy::Cluster) }),
    ]);
    assert_eq!(
        notices(&outcome),
        ["service/n/svc service-local", "pod/n/p bad-address", "subnet/s bad-cidr"]
    );
}

#[test]
fn a_service_that_asks_in_vain_is_told() {
    let of_type = |found: &str, policy| {
        let service_type = ServiceType::Other(found.into());
        put_service(Service { service_type, ..service(policy) })
    };
    let mut plan = empty(true);
    assert_eq!(notices(&plan.apply(of_type("LoadBalancer", Policy::Unset))), [""; 0]);
    let told = plan.apply(of_type("LoadBalancer", Policy::Cluster));
    assert_eq!(notices(&told), ["service/n/svc service-type"]);
    assert!(told.notices[0].to_string().starts_with("spec.type is LoadBalancer: "), "{:?}", told.notices);
    assert_eq!(notices(&plan.apply(of_type("LoadBalancer", Policy::Cluster))), [""; 0]);
    assert_eq!(notices(&plan.apply(of_type("NodePort", Policy::Cluster))), ["service/n/svc service-type"]);
    let headless = Service { cluster_ips: [].into(), ..service(Policy::Cluster) };
    assert_eq!(notices(&plan.apply(put_service(headless))), ["service/n/svc service-headless"]);
}

#[test]
fn a_pod_that_gets_its_node_is_told_of_again_for_the_speaker_of_that_node_alone() {
    let mut plan = empty(true);
    let on = |node: Option<&str>| {
        put_pod(Pod { node: node.map(Into::into), ..pod("p", Policy::Invalid("maybe".into()), P) })
    };
    let told = |outcome: Outcome| -> Vec<_> {
        outcome.notices.iter().map(|one| (one.node().map(str::to_owned), one.is_told())).collect()
    };
    assert_eq!(told(plan.apply(on(None))), [(None, false)]);
    assert_eq!(told(plan.apply(on(None))), []);
    assert_eq!(told(plan.apply(on(Some("n1")))), [(Some("n1".to_owned()), true)]);
    assert_eq!(told(plan.apply(on(Some("n1")))), []);
    assert_eq!(told(empty(true).apply(on(Some("n1")))), [(Some("n1".to_owned()), false)]);
}

#[test]
fn what_asks_for_every_node_is_told_once_where_only_the_own_pods_are_announced() {
    let settings = Settings::Node { name: "n1".into(), announce_cluster_ip: true, local_only: true };
    let mut plan = Plan::new(settings);
    let pods = || pod("p", Policy::Cluster, P);
    let elsewhere = || Pod { node: Some("n2".into()), ..pod("q", Policy::Cluster, "10.16.0.6/32") };
    let objects = || {
        [
            put_subnet(subnet("s", Policy::Cluster)),
            put_pod(pods()),
            put_pod(elsewhere()),
            put_pod(pod("silent", Policy::Unset, "10.16.0.7/32")),
            put_pod(pod("local", Policy::Local, "10.16.0.8/32")),
            put_subnet(subnet("t", Policy::Local)),
        ]
    };
    let first = plan.apply_batch(objects());
    assert_eq!(notices(&first), ["subnet/s cluster-with-local-only", "pod/n/p cluster-with-local-only"]);
    assert_eq!(notices(&plan.apply_batch(objects())), [""; 0]);
    plan.apply(put_pod(pod("p", Policy::Local, P)));
    assert_eq!(notices(&plan.apply(put_pod(pods()))), ["pod/n/p cluster-with-local-only"]);
    let text = first.notices[1].to_string();
    assert!(text.contains("--local-only") && text.contains("own node alone"), "{text}");
}

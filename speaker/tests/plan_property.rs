//! On any history the incremental plan is the plan of the whole view, and its stream of changes leads there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use proptest::collection::vec;
use proptest::prelude::*;
use speaker::plan::{Full, Plan, Settings, full};
use speaker::policy::Policy;
use speaker::view::{
    Address, AddressProblem, Change, Eip, Key, Kind, Life, Object, Pod, Service, ServiceType, Subnet,
};

fn policy() -> impl Strategy<Value = Policy> {
    let texts = [None, Some("cluster"), Some("local"), Some("no"), Some("maybe"), Some("perhaps")];
    proptest::sample::select(texts.map(Policy::read).to_vec())
}

/// Few, so that objects collide.
fn prefix() -> impl Strategy<Value = IpNet> {
    let texts = ["10.0.0.0/24", "10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32", "fd00::1/128", "fd00::/64"];
    proptest::sample::select(texts.map(|text| text.parse().unwrap()).to_vec())
}

fn name() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec!["a", "b", "c"])
}

prop_compose! {
    fn subnet()(
        name in name(), policy in policy(), cidrs in vec(prefix(), 0..3), bad in any::<bool>(),
        ready in proptest::bool::weighted(0.8), nat_outgoing in any::<bool>(),
    ) -> Object {
        let bad_cidrs = bad.then(|| "nonsense".into()).into_iter().collect();
        Object::Subnet(Subnet { name: name.into(), policy, cidrs: cidrs.into(), bad_cidrs, ready, nat_outgoing })
    }
}

prop_compose! {
    fn address()(provider in name(), subnet in name(), prefix in prefix()) -> Address {
        Address { provider: provider.into(), subnet: subnet.into(), prefix }
    }
}

prop_compose! {
    fn pod()(
        (namespace, name) in (name(), name()), policy in policy(), addresses in vec(address(), 0..4),
        lost in any::<bool>(), node in proptest::option::of(name()),
        life in prop_oneof![4 => Just(Life::Alive), 1 => Just(Life::Terminating), 1 => Just(Life::Failed)],
        host_network in proptest::bool::weighted(0.1),
    ) -> Object {
        let problems = lost.then(|| AddressProblem::NoSubnet { provider: "x".into() }).into_iter().collect();
        Object::Pod(Pod {
            namespace: namespace.into(), name: name.into(), policy, addresses: addresses.into(), problems,
            node: node.map(Into::into), life, host_network,
        })
    }
}

prop_compose! {
    fn service()(
        (namespace, name) in (name(), name()), policy in policy(), ips in vec(prefix(), 0..3),
        other in proptest::bool::weighted(0.2),
    ) -> Object {
        let service_type = if other { ServiceType::Other("NodePort".into()) } else { ServiceType::ClusterIp };
        Object::Service(Service {
            namespace: namespace.into(), name: name.into(), policy, service_type, cluster_ips: ips.into(),
            bad_cluster_ips: [].into(),
        })
    }
}

prop_compose! {
    fn eip()(
        name in name(), policy in policy(), gateway in proptest::option::of(name()), ready in any::<bool>(),
        addresses in vec(prefix(), 0..3),
    ) -> Object {
        let (gateway, addresses) = (gateway.map(Into::into), addresses.into());
        Object::Eip(Eip { name: name.into(), policy, gateway, ready, addresses, bad_addresses: [].into() })
    }
}

fn change() -> impl Strategy<Value = Change> {
    let object = prop_oneof![2 => subnet(), 4 => pod(), 1 => service(), 1 => eip()].boxed();
    let kind = proptest::sample::select(Kind::ALL.to_vec());
    prop_oneof![
        12 => object.clone().prop_map(Change::Put),
        4 => object.clone().prop_map(|object| Change::Remove(object.key())),
        2 => object.prop_map(|object| Change::Keep(object.key())),
        1 => kind.clone().prop_map(Change::ListBegun),
        1 => kind.prop_map(Change::ListDone),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let node = |(announce_cluster_ip, local_only)| Settings::Node {
        name: "a".into(),
        announce_cluster_ip,
        local_only,
    };
    prop_oneof![
        4 => any::<(bool, bool)>().prop_map(node),
        1 => proptest::option::of(name()).prop_map(|name| Settings::NatGateway { name: name.map(Into::into) }),
    ]
}

/// The cluster as told so far, kept in the simplest way.
#[derive(Default)]
struct View {
    objects: BTreeMap<Key, Object>,
    /// Put or kept since the last list of their kind began; before any list everything counts as mentioned.
    mentioned: BTreeSet<Key>,
}

impl View {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Put(object) => {
                self.mentioned.insert(object.key());
                self.objects.insert(object.key(), object.clone());
            }
            Change::Remove(key) => {
                self.objects.remove(key);
            }
            Change::Keep(key) => {
                self.mentioned.insert(key.clone());
            }
            Change::ListBegun(kind) => self.mentioned.retain(|key| key.kind != *kind),
            Change::ListDone(kind) => {
                self.objects.retain(|key, _| key.kind != *kind || self.mentioned.contains(key));
            }
        }
    }
}

/// What an incremental plan says, in the shape of a full one.
fn shape(plan: &Plan) -> Full {
    let mut shape = Full::default();
    for prefix in plan.prefixes() {
        shape.prefixes.insert(prefix, plan.reasons(&prefix).collect());
    }
    for (key, refusal) in plan.refusals() {
        shape.refusals.entry(key).or_default().push(refusal);
    }
    shape
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_of_changes_leads_to_the_plan_of_the_whole_view(
        history in vec(vec(change(), 1..4), 1..60), settings in settings(),
    ) {
        let mut plan = Plan::new(settings.clone());
        let mut view = View::default();
        let mut routers = BTreeSet::<IpNet>::new();
        for batch in history {
            batch.iter().for_each(|change| view.apply(change));
            let outcome = plan.apply_batch(batch);
            for prefix in outcome.withdraw {
                prop_assert!(routers.remove(&prefix), "{} withdrawn but not announced", prefix);
            }
            for prefix in outcome.announce {
                prop_assert!(routers.insert(prefix), "{} announced twice", prefix);
            }
            let objects: Vec<Object> = view.objects.values().cloned().collect();
            let reference = full(&objects, &settings);
            prop_assert!(routers.iter().eq(reference.prefixes.keys()), "what routers have is not what is wanted");
            prop_assert_eq!(shape(&plan), reference);
        }
    }

    /// What the selection at the API server leaves out is not missed: with it and without it the same is announced.
    #[test]
    fn with_local_only_pods_of_other_nodes_decide_nothing(
        objects in vec(prop_oneof![1 => subnet(), 4 => pod(), 1 => service()], 0..40),
    ) {
        let settings = Settings::Node { name: "a".into(), announce_cluster_ip: true, local_only: true };
        let here = |object: &&Object| match object {
            Object::Pod(pod) => pod.node.as_deref() == Some("a"),
            _ => true,
        };
        // Of objects with one name the last counts: a Pod does not move.
        let objects: Vec<Object> =
            objects.into_iter().map(|object| (object.key(), object)).collect::<BTreeMap<_, _>>().into_values().collect();
        let seen: Vec<Object> = objects.iter().filter(here).cloned().collect();
        prop_assert_eq!(full(&objects, &settings).prefixes, full(&seen, &settings).prefixes);
    }
}

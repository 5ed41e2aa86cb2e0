//! Selectors, by the rules of Kubernetes.

use std::collections::BTreeMap;
use std::sync::Arc;

use egress::plan::selectors::matches;
use egress::view::{Name, Pod};

use crate::world::{World, object};

fn labels(text: &str) -> BTreeMap<String, String> {
    object(text)
}

#[test]
fn every_operator_as_kubernetes_has_it() {
    let web = "{app: web, tier: front}";
    let cases = [
        ("{}", web, true),
        ("{matchLabels: {app: web}}", web, true),
        ("{matchLabels: {app: web, tier: back}}", web, false),
        ("{matchLabels: {app: web}}", "{}", false),
        ("{matchExpressions: [{key: app, operator: In, values: [db, web]}]}", web, true),
        ("{matchExpressions: [{key: app, operator: In, values: [db]}]}", web, false),
        ("{matchExpressions: [{key: no, operator: In, values: [db]}]}", web, false),
        ("{matchExpressions: [{key: app, operator: NotIn, values: [db]}]}", web, true),
        ("{matchExpressions: [{key: app, operator: NotIn, values: [web]}]}", web, false),
        ("{matchExpressions: [{key: no, operator: NotIn, values: [web]}]}", web, true),
        ("{matchExpressions: [{key: app, operator: Exists}]}", web, true),
        ("{matchExpressions: [{key: no, operator: Exists}]}", web, false),
        ("{matchExpressions: [{key: no, operator: DoesNotExist}]}", web, true),
        ("{matchExpressions: [{key: app, operator: DoesNotExist}]}", web, false),
        ("{matchExpressions: [{key: app, operator: Gt, values: ['1']}]}", web, false),
        (
            "{matchLabels: {app: web}, matchExpressions: [{key: tier, operator: In, values: [back]}]}",
            web,
            false,
        ),
    ];
    for (selector, of, want) in cases {
        assert_eq!(matches(&object(selector), &labels(of)), want, "{selector} of {of}");
    }
}

#[test]
fn entries_are_alternatives_and_their_parts_are_not() {
    let mut world = World::new();
    for (namespace, team) in [("a", "red"), ("b", "blue")] {
        world.cluster.namespaces.insert(namespace.into(), labels(&format!("{{team: {team}}}")));
        for app in ["web", "db"] {
            let pod = Pod {
                labels: labels(&format!("{{app: {app}}}")),
                allocated: true,
                router: "ovn-cluster".into(),
                ..Pod::default()
            };
            world.cluster.pods.insert(Name::new(namespace, app), Arc::new(pod));
            world.network.ports.insert(format!("{app}.{namespace}").into());
        }
    }
    let cases = [
        ("[{namespaceSelector: {matchLabels: {team: red}}}]", "db.a, web.a"),
        ("[{podSelector: {matchLabels: {app: db}}}]", "db.a, db.b"),
        ("[{namespaceSelector: {matchLabels: {team: red}}, podSelector: {matchLabels: {app: db}}}]", "db.a"),
        (
            "[{namespaceSelector: {matchLabels: {team: red}}}, {podSelector: {matchLabels: {app: db}}}]",
            "db.a, db.b, web.a",
        ),
        ("[{namespaceSelector: {matchLabels: {team: green}}}]", ""),
    ];
    for (selectors, want) in cases {
        world.gateway("gateway1", &format!("{{externalSubnet: macvlan1, selectors: {selectors}}}"));
        let want = format!("Port_Group VEG.8ca38ae7da18 [{want}]");
        assert!(world.rows("gateway1").contains(&want), "{selectors}: {:?}", world.rows("gateway1"));
    }
}

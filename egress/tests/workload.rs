//! The Deployment of a gateway beside the one kube-ovn-controller made of the same object.
#![allow(clippy::unwrap_used, reason = "a test")]

mod objects;

use std::collections::BTreeMap;
use std::path::Path;

use egress::workload::{self, deployment};
use kubeovn::GROUP;
use objects::{check, cluster, gateway1, gateway2, with};
use serde_json::{Map, Value, json};

/// A difference that is meant: field below `spec.template.spec`, there, here, why. The same table is in the docs.
type Difference = (&'static str, &'static str, &'static str, &'static str);

const DIFFERENCES: &[Difference] = &[
    ("image", "kube-ovn", "`--gateway-image`", "the image of our sidecar"),
    ("automountServiceAccountToken", "–", "false", "nothing in the pod talks to the API server"),
    ("enableServiceLinks", "–", "false", "no Service is used"),
    (
        "securityContext.sysctls",
        "–",
        "net.ipv4.ip_unprivileged_port_start=957, with BFD",
        "command ports 957 and 958 of `bfdd` without a capability",
    ),
    ("volumes.usr-local-sbin", "emptyDir", "–", "there is no script that picks an iptables"),
    ("volumes.run", "–", "emptyDir", "lock of iptables, as root directories are read-only"),
    (
        "initContainers.init.command",
        "a script",
        "sidecar nat prepare",
        "one program, which can repair what it set",
    ),
    (
        "initContainers.init.env.SNAT_SOURCES",
        "–",
        "sources with `snat: true`, by family",
        "SNAT for these alone, not for whatever arrives",
    ),
    ("initContainers.init.volumeMounts", "/usr/local/sbin", "/run", "as the volumes"),
    ("containers.gateway", "sleep, gone with BFD", "sidecar nat, with BFD too", "keeps the rules"),
    (
        "containers.bfdd.command",
        "/kube-ovn/kube-ovn-bfdd-supervisor",
        "the same name on the path",
        "one binary",
    ),
    ("containers.bfdd.livenessProbe.exec.command", "as above", "as above", "as above"),
    ("containers.bfdd.readinessProbe.exec.command", "as above", "as above", "as above"),
    ("containers.bfdd.startupProbe.exec.command", "as above", "as above", "as above"),
    (
        "containers.bfdd.securityContext",
        "NET_ADMIN, NET_BIND_SERVICE, NET_RAW",
        "no capability, no escalation, read-only root",
        "BFD needs none",
    ),
    ("containers.bfdd.volumeMounts", "/usr/local/sbin too", "its socket alone", "as the volumes"),
];

/// What an API server adds to any Deployment.
const DEFAULTS: [(&str, &str); 8] = [
    ("progressDeadlineSeconds", "600"),
    ("revisionHistoryLimit", "10"),
    ("terminationMessagePath", r#""/dev/termination-log""#),
    ("terminationMessagePolicy", r#""File""#),
    ("dnsPolicy", r#""ClusterFirst""#),
    ("restartPolicy", r#""Always""#),
    ("schedulerName", r#""default-scheduler""#),
    ("successThreshold", "1"),
];

fn without_defaults(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, default) in DEFAULTS {
                let default: Value = serde_json::from_str(default).unwrap();
                if fields.get(name) == Some(&default) {
                    fields.remove(name);
                }
            }
            for name in ["creationTimestamp", "generation", "deployment.kubernetes.io/revision"] {
                fields.remove(name);
            }
            // The hash is of other content. Empty resources are none.
            fields.remove(workload::HASH);
            fields.retain(|name, value| !(name == "resources" && *value == json!({})));
            fields.values_mut().for_each(without_defaults);
        }
        Value::Array(all) => all.iter_mut().for_each(without_defaults),
        _ => {}
    }
}

fn reference(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/reference/{name}.yaml"));
    let mut value: Value = serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    without_defaults(&mut value);
    value
}

fn ours(name: &str, spec: Value) -> Value {
    let spec = check(name, spec, &cluster()).unwrap();
    let mut value = serde_json::to_value(deployment(&spec, GROUP)).unwrap();
    without_defaults(&mut value);
    value
}

/// Lists of named things as maps: order is looked at apart.
fn named(value: &Value) -> Option<Map<String, Value>> {
    let name = |one: &Value| Some((one.get("name")?.as_str()?.to_owned(), one.clone()));
    match value {
        Value::Object(fields) => Some(fields.clone()),
        Value::Array(all) if !all.is_empty() => all.iter().map(name).collect(),
        _ => None,
    }
}

fn compare(path: &str, left: &Value, right: &Value, found: &mut BTreeMap<String, (Value, Value)>) {
    if left == right {
        return;
    }
    let (Some(left), Some(right)) = (named(left), named(right)) else {
        found.insert(path.to_owned(), (left.clone(), right.clone()));
        return;
    };
    for name in left.keys().chain(right.keys()) {
        let side = |side: &Map<String, Value>| side.get(name).cloned().unwrap_or_default();
        compare(&format!("{path}.{name}"), &side(&left), &side(&right), found);
    }
}

fn differences(name: &str, spec: Value) -> BTreeMap<String, (Value, Value)> {
    let mut found = BTreeMap::new();
    compare("", &reference(name), &ours(name, spec), &mut found);
    found
}

/// The row of the table that a path falls under.
fn row(path: &str) -> Option<&'static Difference> {
    let below = path.strip_prefix(".spec.template.spec.")?;
    DIFFERENCES.iter().find(|(field, ..)| {
        let rest = below.strip_prefix(field);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '_']))
            || below.ends_with(&format!(".{field}"))
    })
}

#[test]
fn gateway1_and_gateway2_are_as_kube_ovn_has_them_but_for_the_table() {
    let mut used = Vec::new();
    for (name, spec) in [("gateway1", gateway1()), ("gateway2", gateway2())] {
        for (path, (there, here)) in differences(name, spec) {
            let row = row(&path).unwrap_or_else(|| panic!("{name}{path}: {there} became {here}"));
            used.push(row.0);
        }
    }
    for (field, ..) in DIFFERENCES {
        assert!(used.contains(field), "{field}: no difference there");
    }
}

#[test]
fn the_table_is_in_the_documentation() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/egress.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    for (field, there, here, why) in DIFFERENCES {
        let line = format!("| `{field}` | {there} | {here} | {why} |");
        assert!(docs.lines().any(|one| one == line), "docs/egress.md lacks\n{line}");
    }
}

#[test]
fn what_differs_is_what_was_meant() {
    let one = ours("gateway1", gateway1());
    let pod = &one["spec"]["template"]["spec"];
    assert_eq!(pod["initContainers"][0]["command"], json!(["sidecar", "nat", "prepare"]));
    let env = json!([
        {"name": "INTERNAL_GATEWAY_IPV4", "value": "10.16.0.1"},
        {"name": "EXTERNAL_GATEWAY_IPV4", "value": "172.17.0.1"},
        {"name": "SNAT_SOURCES_IPV4", "value": "10.16.0.0/16"},
        {"name": "NO_SNAT_SOURCES_IPV4"},
    ]);
    assert_eq!(pod["initContainers"][0]["env"], env);
    assert_eq!(pod["volumes"], json!([{"name": "run", "emptyDir": {}}]));
    assert_eq!(pod["securityContext"].get("sysctls"), None);
    assert_eq!(pod["containers"].as_array().unwrap().len(), 1);
    let gateway = &pod["containers"][0];
    assert_eq!(gateway["image"], "gateway:1");
    assert_eq!(gateway["command"], json!(["sidecar", "nat"]));
    assert_eq!(gateway["env"], env);
    assert_eq!(gateway["livenessProbe"]["exec"]["command"], json!(["sidecar", "nat", "live"]));
    assert_eq!(gateway["readinessProbe"]["exec"]["command"], json!(["sidecar", "nat", "ready"]));
    let confined = json!({"allowPrivilegeEscalation": false, "privileged": false, "runAsUser": 0,
        "readOnlyRootFilesystem": true, "capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]}});
    assert_eq!(gateway["securityContext"], confined);

    let two = ours("gateway2", gateway2());
    let pod = &two["spec"]["template"]["spec"];
    let names: Vec<_> = pod["containers"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["gateway", "bfdd"]);
    let bfdd = &pod["containers"][1];
    assert_eq!(bfdd["command"], json!(["kube-ovn-bfdd-supervisor", "run"]));
    let confined = json!({"allowPrivilegeEscalation": false, "privileged": false, "runAsUser": 65534,
        "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]}});
    assert_eq!(bfdd["securityContext"], confined);
    let sysctl = json!([{"name": "net.ipv4.ip_unprivileged_port_start", "value": "957"}]);
    assert_eq!(pod["securityContext"]["sysctls"], sysctl);
}

/// gateway3 of the reference run: its Deployment was not kept, so this follows the rules of each annotation.
#[test]
fn prefix_addresses_bandwidth_and_nodes_arrive_in_the_pods() {
    let spec = json!({"vpc": "vpc1", "prefix": "veg-", "internalSubnet": "subnet1", "externalSubnet": "macvlan1",
        "internalIPs": ["192.168.0.50", "192.168.0.51"], "externalIPs": ["172.17.0.50", "172.17.0.51"],
        "bandwidth": {"ingress": 100, "egress": "1500Mi"}, "bfd": {"enabled": true, "minTX": 400},
        "nodeSelector": [{"matchLabels": {"zone": "b", "kubernetes.io/os": "linux"},
            "matchExpressions": [{"key": "gpu", "operator": "DoesNotExist"}]}],
        "tolerations": [{"operator": "Exists"}],
        "resources": {"limits": {"cpu": "1"}},
        "policies": [{"snat": false, "ipBlocks": ["192.168.0.0/24"]}]});
    let all = ours("gateway3", spec);
    assert_eq!(all["metadata"]["name"], "veg-gateway3");
    assert_eq!(all["metadata"]["labels"]["ovn.kubernetes.io/vpc-egress-gateway"], "gateway3");
    assert_eq!(all["spec"]["replicas"], 1);
    let template = &all["spec"]["template"];
    let annotations = json!({
        "eth1.default.kubernetes.io/ip_pool": "172.17.0.50;172.17.0.51",
        "eth1.default.kubernetes.io/routes": r#"[{"dst":"0.0.0.0/0","gw":"172.17.0.1"}]"#,
        "k8s.v1.cni.cncf.io/networks": "default/eth1",
        "ovn.kubernetes.io/egress_rate": "100",
        "ovn.kubernetes.io/ingress_rate": "1573",
        "ovn.kubernetes.io/ip_pool": "192.168.0.50;192.168.0.51",
        "ovn.kubernetes.io/logical_switch": "subnet1",
        "ovn.kubernetes.io/routes": r#"[{"dst":"10.255.255.255/32","gw":"192.168.0.1"}]"#,
    });
    assert_eq!(template["metadata"]["annotations"], annotations);
    let nodes = json!({"nodeSelectorTerms": [{"matchExpressions": [
        {"key": "gpu", "operator": "DoesNotExist"},
        {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]},
        {"key": "zone", "operator": "In", "values": ["b"]},
    ]}]});
    let pod = &template["spec"];
    let affinity = &pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    assert_eq!(*affinity, nodes);
    assert_eq!(pod["tolerations"], json!([{"operator": "Exists"}]));
    assert_eq!(pod["containers"][1]["resources"], json!({"limits": {"cpu": "1"}}));
    assert_eq!(pod["containers"][0]["resources"]["limits"]["memory"], "64Mi");
    let env = &pod["initContainers"][0]["env"];
    assert_eq!(env[2], json!({"name": "SNAT_SOURCES_IPV4"}));
    assert_eq!(env[3], json!({"name": "NO_SNAT_SOURCES_IPV4", "value": "192.168.0.0/24"}));
}

/// The step of the reference run with sources of every form (kernel routes and environment as they were seen there).
#[test]
fn sources_arrive_as_written_and_what_is_on_the_link_needs_no_route() {
    let policies = json!([{"snat": true, "subnets": ["ovn-default"]},
        {"snat": false, "ipBlocks": ["10.99.7.9/24", "fd00:99::1/64", "10.16.1.1"]}]);
    let selectors = json!([{"podSelector": {"matchLabels": {"app": "web"}}}]);
    let all = ours("gateway1", with(gateway1(), json!({"policies": policies, "selectors": selectors})));
    let template = &all["spec"]["template"];
    let routes = r#"[{"dst":"10.16.1.1/32","gw":"10.16.0.1"},{"dst":"10.99.7.9/24","gw":"10.16.0.1"}]"#;
    assert_eq!(template["metadata"]["annotations"]["ovn.kubernetes.io/routes"], routes);
    let env = json!([
        {"name": "INTERNAL_GATEWAY_IPV4", "value": "10.16.0.1"},
        {"name": "EXTERNAL_GATEWAY_IPV4", "value": "172.17.0.1"},
        {"name": "SNAT_SOURCES_IPV4", "value": "10.16.0.0/16"},
        {"name": "NO_SNAT_SOURCES_IPV4", "value": "10.16.1.1,10.99.7.9/24"},
        {"name": "SNAT_OTHERS", "value": "true"},
    ]);
    assert_eq!(template["spec"]["initContainers"][0]["env"], env);
}

#[test]
fn a_dual_stack_gateway_has_both_of_everything() {
    let mut cluster = cluster();
    let spec = json!({"bfdPort": {"enabled": true, "ip": "10.255.255.255/32,fdff::1"}});
    objects::vpc(&mut cluster, "vpc1", spec, json!({"router": "vpc1"}));
    let spec =
        json!({"cidrBlock": "192.168.0.0/24,fd00:1::/64", "vpc": "vpc1", "gateway": "192.168.0.1,fd00:1::1"});
    objects::subnet(&mut cluster, "subnet1", spec);
    // No gateway is named: the first address is.
    let spec = json!({"provider": "eth1.default.x", "cidrBlock": "172.17.0.0/16,fd00:17::/64"});
    objects::subnet(&mut cluster, "macvlan1", spec);
    let spec = with(
        gateway2(),
        json!({"internalIPs": ["192.168.0.5,fd00:1::5", "192.168.0.6,fd00:1::6"],
        "podAntiAffinity": "Preferred"}),
    );
    let spec = check("gateway2", spec, &cluster).unwrap();
    let all = serde_json::to_value(deployment(&spec, "example.com")).unwrap();
    assert_eq!(all["metadata"]["ownerReferences"][0]["apiVersion"], "example.com/v1");
    // Never taken for those of a gateway of kubeovn.io.
    let labels = json!({"app": "vpc-egress-gateway", "example.com/vpc-egress-gateway": "gateway2"});
    assert_eq!(all["spec"]["selector"]["matchLabels"], labels);
    let template = &all["spec"]["template"];
    let annotations = &template["metadata"]["annotations"];
    assert_eq!(annotations["ovn.kubernetes.io/ip_pool"], "192.168.0.5,fd00:1::5;192.168.0.6,fd00:1::6");
    let routes = r#"[{"dst":"10.255.255.255/32","gw":"192.168.0.1"},{"dst":"fdff::1/128","gw":"fd00:1::1"}]"#;
    assert_eq!(annotations["ovn.kubernetes.io/routes"], routes);
    let routes = r#"[{"dst":"0.0.0.0/0","gw":"172.17.0.1"},{"dst":"::/0","gw":"fd00:17::1"}]"#;
    assert_eq!(annotations["eth1.default.x.kubernetes.io/routes"], routes);
    let pod = &template["spec"];
    assert_eq!(
        pod["containers"][1]["env"][1],
        json!({"name": "BFD_PEER_IPS", "value": "10.255.255.255,fdff::1"})
    );
    let names: Vec<_> =
        pod["initContainers"][0]["env"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(
        names[4..],
        ["INTERNAL_GATEWAY_IPV6", "EXTERNAL_GATEWAY_IPV6", "SNAT_SOURCES_IPV6", "NO_SNAT_SOURCES_IPV6"]
    );
    let apart = &pod["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"][0];
    assert_eq!(apart["weight"], 100);
    assert_eq!(apart["podAffinityTerm"]["topologyKey"], "kubernetes.io/hostname");
}

fn hash(spec: Value) -> String {
    let spec = check("gateway2", spec, &cluster()).unwrap();
    deployment(&spec, GROUP).metadata.annotations.unwrap()[workload::HASH].clone()
}

#[test]
fn the_hash_follows_the_template_and_not_the_replicas() {
    let first = hash(gateway2());
    assert_eq!(first.len(), 12);
    assert_eq!(first, hash(with(gateway2(), json!({"replicas": 5}))));
    for change in
        [json!({"image": "other"}), json!({"bfd": {"enabled": true, "multiplier": 5}}), json!({"bfd": null})]
    {
        assert_ne!(first, hash(with(gateway2(), change)));
    }
}

#[test]
fn a_label_holds_63_characters() {
    let short = "a".repeat(63);
    assert_eq!(workload::label_value(&short), short);
    // printf a%.0s {1..64} | sha256sum
    let expected = format!("{}-ffe054fe", "a".repeat(54));
    assert_eq!(workload::label_value(&"a".repeat(64)), expected);
    let text = workload::label_selector(GROUP, "gateway1");
    assert_eq!(text, "app=vpc-egress-gateway,ovn.kubernetes.io/vpc-egress-gateway=gateway1");
}

//! `deploy/` as operators use it: an API server takes all of it, Helm and kustomize say the same, and what the chart
//! cannot make work it refuses.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use tests::deploy::{
    ARGUMENTS, NEIGHBORS, Object, differences, kustomize, objects, operator_definitions, overlay, path,
    refusal, template,
};
use tests::fault::{During, Result, ensure};
use tests::kube::ApiServer;
use tests::speaker::binary;
use tests::topology::Topology;
use tests::wait;

/// Values of the chart by their names, as `--set` has them.
type Values = &'static [(&'static str, &'static str)];

/// Components, and the values that mean the same. The first is the base alone.
const PAIRS: [(&[&str], Values); 10] = [
    (&[], &[]),
    (&["state"], &[("state.enabled", "true")]),
    (&["graceful-restart"], &[("gracefulRestart.enabled", "true")]),
    (&["bfd"], &[("bfd.enabled", "true")]),
    (&["cluster-ip"], &[("announce.clusterIp", "true")]),
    (&["passive"], &[("bgp.passive", "true")]),
    (&["config"], &[("config", "# An overlay puts its own text here.\n")]),
    (&["md5"], &[("bgp.md5.existingSecret", "kube-ovn-speaker-md5")]),
    (
        &["monitoring"],
        &[("podMonitor.enabled", "true"), ("prometheusRule.enabled", "true"), ("dashboard.enabled", "true")],
    ),
    (&["pod-network"], &[("hostNetwork", "false")]),
];

/// All of them that go together.
const TOGETHER: &[&str] =
    &["graceful-restart", "bfd", "cluster-ip", "passive", "md5", "monitoring", "pod-network"];

fn api_server(topology: &Topology) -> Result<ApiServer> {
    let api = ApiServer::start(topology)?;
    for file in operator_definitions()? {
        // Its annotation would be too long for client-side apply.
        api.kubectl(&["apply", "--server-side", "-f", &file])?;
    }
    api.kubectl(&["wait", "--for=condition=Established", "--all", "crd", "--timeout=20s"])?;
    wait::until("PodMonitors are served", Duration::from_secs(20), || {
        api.kubectl(&["get", "podmonitors,prometheusrules", "-A"])
    })?;
    Ok(api)
}

fn of_kustomize(api: &ApiServer, components: &[&str]) -> Result<BTreeMap<String, Object>> {
    let dir = tempfile::tempdir()?;
    objects(api, &overlay(dir.path(), components, &ARGUMENTS)?).during(format_args!("{components:?}"))
}

fn of_helm(api: &ApiServer, values: &[(&str, &str)]) -> Result<BTreeMap<String, Object>> {
    let values = [&NEIGHBORS[..], values].concat();
    objects(api, &template("kube-system", &values)?).during(format_args!("{values:?}"))
}

fn same() -> Result<()> {
    let topology = Topology::new()?;
    let api = api_server(&topology)?;
    for (components, values) in PAIRS {
        let (left, right) = (of_kustomize(&api, components)?, of_helm(&api, values)?);
        ensure(left.contains_key("DaemonSet/kube-ovn-speaker"), || format!("{:?}", left.keys()))?;
        let found = differences(&left, &right);
        ensure(found.is_empty(), || format!("{components:?}:\n{}", found.join("\n")))?;
    }
    let values: Vec<_> =
        PAIRS.iter().filter(|(one, _)| TOGETHER.contains(one.first().unwrap_or(&""))).collect();
    let values: Vec<_> = values.iter().flat_map(|(_, values)| values.iter().copied()).collect();
    let found = differences(&of_kustomize(&api, TOGETHER)?, &of_helm(&api, &values)?);
    ensure(found.is_empty(), || found.join("\n"))?;
    // The comparison does find what is different.
    let found = differences(&of_kustomize(&api, &["bfd"])?, &of_helm(&api, &[])?);
    ensure(found.len() == 1 && found[0].contains("--enable-bfd"), || format!("{found:?}"))
}

#[test]
fn helm_and_kustomize_say_the_same() {
    same().unwrap();
}

fn taken() -> Result<()> {
    let topology = Topology::new()?;
    let api = api_server(&topology)?;
    objects(&api, &kustomize(&path("deploy/kustomize/example"))?)?;
    for file in ["deploy/rbac/nat-gateway.yaml", "deploy/crds"] {
        let file = path(file).display().to_string();
        api.kubectl(&["apply", "--dry-run=server", "--validate=strict", "-f", &file])?;
    }
    for dir in ["base", "example"] {
        let dir = path("deploy/kustomize").join(dir).display().to_string();
        api.kubectl(&["apply", "--dry-run=server", "--validate=strict", "-k", &dir])?;
    }
    // In a namespace and under a ServiceAccount of the operator's, every name follows.
    let elsewhere =
        [&NEIGHBORS[..], &[("serviceAccount.name", "bgp"), ("announce.clusterIp", "true")]].concat();
    api.kubectl(&["create", "namespace", "routing"])?;
    let all = objects(&api, &template("routing", &elsewhere)?)?;
    for (name, object) in &all {
        let expected = match object["kind"].as_str() {
            Some("ClusterRole") => continue,
            Some("ClusterRoleBinding") => {
                let subject = &object["subjects"][0];
                ensure(subject["name"] == "bgp" && subject["namespace"] == "routing", || {
                    subject.to_string()
                })?;
                continue;
            }
            Some("DaemonSet") => object["spec"]["template"]["spec"]["serviceAccountName"] == "bgp",
            _ => true,
        };
        ensure(expected && object["metadata"]["namespace"] == "routing", || format!("{name}: {object:#}"))?;
    }
    ensure(all.len() == 6, || format!("{:?}", all.keys()))
}

#[test]
fn an_api_server_takes_all_of_it() {
    taken().unwrap();
}

/// A value that is wrong, and words of what Helm says against it.
const WRONG: [(&str, &str, &str); 22] = [
    ("bgp.neighborAddresses", "{fd00::1}", "at '/bgp/neighborAddresses/0': 'fd00::1' does not match pattern"),
    (
        "bgp.neighborIpv6Addresses",
        "{10.0.0.1}",
        "at '/bgp/neighborIpv6Addresses/0': '10.0.0.1' does not match",
    ),
    ("bgp.neighborAs", "0", "at '/bgp/neighborAs': minimum: got 0, want 1"),
    ("bgp.clusterAs", "4294967296", "at '/bgp/clusterAs': maximum: got 4.294967296"),
    ("bgp.routerId", "fd00::1", "at '/bgp/routerId': 'fd00::1' does not match pattern"),
    ("bgp.holdTime", "90", "at '/bgp/holdTime': got number, want string"),
    ("bgp.holdTime", "9x", "at '/bgp/holdTime': '9x' does not match pattern"),
    ("bgp.ebgpMultihop", "256", "at '/bgp/ebgpMultihop': maximum: got 256, want 255"),
    ("bgp.passive", "maybe", "at '/bgp/passive': got string, want boolean"),
    ("bgp.md5.password", "hunter2", "at '/bgp/md5': additional properties 'password' not allowed"),
    ("bfd.minTx", "0", "at '/bfd/minTx': minimum: got 0, want 1"),
    ("bfd.multiplier", "256", "at '/bfd/multiplier': maximum: got 256, want 255"),
    ("gracefulrestart.enabled", "true", "additional properties 'gracefulrestart' not allowed"),
    (
        "image.pullPolicy",
        "Sometimes",
        "at '/image/pullPolicy': value must be one of 'Always', 'IfNotPresent', 'Never'",
    ),
    ("metrics.port", "65536", "at '/metrics/port': maximum: got 65"),
    ("state.hostPath", "var/lib", "at '/state/hostPath': 'var/lib' does not match pattern"),
    ("podLabels.app", "other", "podLabels.app: app, component and type are the published labels"),
    ("maxUnavailable", "0", "at '/maxUnavailable': minimum: got 0, want 1"),
    ("bgp.neighborAs", "null", "bgp.neighborAs: must be given with bgp.neighborAddresses"),
    ("bgp.clusterAs", "null", "bgp.clusterAs: must be given with bgp.neighborAddresses"),
    ("bgp.neighborAddresses", "null", "at least one router must be given, here or in config"),
    ("state.intentMaxAge", "1h", "state.intentMaxAge: needs state.enabled"),
];

#[test]
fn the_chart_refuses_what_cannot_be_meant_and_says_why() {
    for (name, value, words) in WRONG {
        let said = refusal(&[(name, value)]).unwrap();
        assert!(said.contains(words), "{name}={value}: {said}");
    }
    let said = refusal(&[("podMonitor.enabled", "true"), ("metrics.enabled", "false")]).unwrap();
    assert!(said.contains("podMonitor.enabled: needs metrics.enabled"), "{said}");
    let key = [("bgp.md5.existingSecret", "s"), ("config", "listen = true")];
    assert!(refusal(&key).unwrap().contains("config must name the key itself"));
}

/// Every value that becomes an argument, and the argument.
const FLAGS: [(&str, &str, &str); 25] = [
    ("bgp.neighborIpv6Addresses", "{fd00::1,fe80::1%eth0}", "--neighbor-ipv6-address=fd00::1,fe80::1%eth0"),
    ("bgp.clusterAs", "4200000000", "--cluster-as=4200000000"),
    ("bgp.routerId", "10.0.0.7", "--router-id=10.0.0.7"),
    ("bgp.nodeIps", "{10.0.0.7,fd00::7}", "--node-ips=10.0.0.7,fd00::7"),
    ("bgp.allowedSourceAddresses", "{10.0.0.7,10.0.0.8}", "--allowed-source-addresses=10.0.0.7,10.0.0.8"),
    ("bgp.allowedSourceIpv6Addresses", "{fd00::7}", "--allowed-source-ipv6-addresses=fd00::7"),
    ("bgp.holdTime", "30s", "--holdtime=30s"),
    ("bgp.ebgpMultihop", "3", "--ebgp-multihop=3"),
    ("bgp.extendedNextHop", "true", "--extended-nexthop"),
    ("bgp.passive", "true", "--passivemode"),
    ("gracefulRestart.enabled", "true", "--graceful-restart"),
    ("gracefulRestart.time", "2m", "--graceful-restart-time=2m"),
    ("bfd.enabled", "true", "--enable-bfd"),
    ("bfd.minTx", "300", "--bfd-min-tx=300"),
    ("bfd.minRx", "1000000", "--bfd-min-rx=1000000"),
    ("bfd.multiplier", "5", "--bfd-detection-multiplier=5"),
    ("announce.clusterIp", "true", "--announce-cluster-ip"),
    ("announce.localOnly", "true", "--local-only"),
    ("state.intentMaxAge", "24h", "--intent-max-age=24h"),
    ("events", "false", "--events=false"),
    ("verbosity", "3", "--v=3"),
    ("metrics.port", "10668", "--pprof-port=10668"),
    ("grpc.host", "127.0.0.2", "--grpc-host=127.0.0.2"),
    ("grpc.port", "50052", "--grpc-port=50052"),
    ("grpc.writable", "true", "--grpc-writable"),
];

/// The arguments of the container, as the chart writes them: one in a line.
fn arguments(rendered: &str) -> Vec<&str> {
    let lines = rendered.lines().skip_while(|line| line.trim() != "args:").skip(1);
    let items = lines.map_while(|line| line.trim().strip_prefix("- "));
    items.map(|item| item.trim_matches('"')).take_while(|item| item.starts_with("--")).collect()
}

#[test]
fn every_value_becomes_an_argument_that_the_speaker_takes() {
    let values: Vec<_> = FLAGS.iter().map(|(name, value, _)| (*name, *value)).collect();
    let all = [&NEIGHBORS[..2], &values, &[("extraArgs", "{--log_dir=/tmp}")]].concat();
    let text = template("kube-system", &all).unwrap();
    let args = arguments(&text);
    for (name, _, argument) in FLAGS {
        assert!(args.contains(&argument), "{name}: {args:?}");
    }
    assert!(args.contains(&"--log_dir=/tmp"), "{args:?}");
    let mut check = Command::new("timeout");
    check.args(["-k", "1", "20"]).arg(binary().unwrap()).arg("check").args(&args);
    let taken = check.env_clear().env("NODE_NAME", "a").env("POD_IPS", "10.0.0.7").output().unwrap();
    let said = [taken.stdout, taken.stderr].concat();
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&said));
}

/// What is no plain word, or is said twice, must not break the text around it.
#[test]
fn values_of_any_shape_keep_what_they_say() {
    let odd = [
        ("config", "   # its first line is indented\n[defaults]"),
        ("state.enabled", "true"),
        ("state.hostPath", "/var/lib/a: b #c"),
        ("podMonitor.enabled", "true"),
        ("podMonitor.labels.app", "prometheus"),
        ("dashboard.enabled", "true"),
        ("dashboard.labels.app", "grafana"),
    ];
    let text = template("kube-system", &[&NEIGHBORS[..], &odd].concat()).unwrap();
    for line in ["       # its first line is indented\n    [defaults]", "path: \"/var/lib/a: b #c\""] {
        assert!(text.contains(line), "{line}: {text}");
    }
    for app in ["prometheus", "grafana"] {
        let of = |object: &&str| object.contains(&format!("\n    app: {app}\n"));
        let object = text.split("\n---\n").find(of).unwrap();
        assert_eq!(object.matches("\n    app: ").count(), 1, "a key twice: {object}");
    }
}

#[test]
fn versions_are_one() {
    let version = env!("CARGO_PKG_VERSION");
    let chart = std::fs::read_to_string(path("deploy/charts/speaker/Chart.yaml")).unwrap();
    assert!(chart.contains(&format!("\nversion: {version}\nappVersion: {version}\n")), "{chart}");
    for file in ["base/daemonset.yaml", "components/state/volume.yaml"] {
        let text = std::fs::read_to_string(path("deploy/kustomize").join(file)).unwrap();
        let images: Vec<_> = text.lines().filter_map(|line| line.trim().strip_prefix("image: ")).collect();
        assert_eq!(images, [format!("speaker:{version}")], "{file}");
    }
}

/// Every value says what it is for: operators see it in their editor.
#[test]
fn every_value_is_described() {
    fn walk(at: &str, schema: &serde_json::Value, bare: &mut Vec<String>) {
        if schema["description"].as_str().is_none_or(|text| text.len() < 10) {
            bare.push(at.to_owned());
        }
        for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
            walk(&format!("{at}.{name}"), inner, bare);
        }
    }
    let schema = std::fs::read_to_string(path("deploy/charts/speaker/values.schema.json")).unwrap();
    let mut bare = Vec::new();
    walk("", &serde_json::from_str(&schema).unwrap(), &mut bare);
    assert!(bare.is_empty(), "{bare:?}");
}

//! `deploy/monitoring/`: promtool judges rules and expressions, and every series they name is one that a speaker has.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tests::fault::ensure;
use tests::http::get;
use tests::netns::Netns;
use tests::proc::{Daemon, run};
use tests::speaker::binary;
use tests::wait;

const LIMIT: Duration = Duration::from_secs(20);

/// What a Pod says that a speaker warns about, so that there is a series of notices.
const POD: &str = "apiVersion: v1
kind: Pod
metadata:
  name: typo
  namespace: default
  annotations: {ovn.kubernetes.io/bgp: ture}
spec: {nodeName: node-a}
";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/monitoring").join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

fn dashboard() -> Value {
    serde_json::from_str(&read("dashboard.json")).unwrap()
}

/// Every text under this key, however deep.
fn texts<'a>(value: &'a Value, key: &str, out: &mut Vec<&'a str>) {
    match value {
        Value::Array(all) => all.iter().for_each(|one| texts(one, key, out)),
        Value::Object(all) => {
            out.extend(all.get(key).and_then(Value::as_str));
            all.values().for_each(|one| texts(one, key, out));
        }
        _ => {}
    }
}

/// The series a text names: words that begin like ours or upstream's.
fn series(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let known = ["kube_ovn_speaker_", "speaker_", "klog_", "process_"];
    words.filter(|word| known.iter().any(|start| word.starts_with(start))).map(str::to_owned).collect()
}

/// The expressions of the rules, one a line.
fn expressions() -> String {
    let text = read("alerts.yaml");
    text.lines().filter_map(|line| line.trim().strip_prefix("expr: ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_rules_are_valid_and_each_fires_when_it_should_and_only_then() {
    let rules = file("alerts.yaml").display().to_string();
    let said = run(&["promtool", "check", "rules", &rules]).unwrap();
    let count = read("alerts.yaml").matches("- alert: ").count();
    assert!(said.contains(&format!("SUCCESS: {count} rules found")), "{said}");
    run(&["promtool", "test", "rules", &file("alerts_test.yaml").display().to_string()]).unwrap();
}

#[test]
fn every_rule_has_a_test_in_which_it_fires() {
    let (rules, tests) = (read("alerts.yaml"), read("alerts_test.yaml"));
    let fires: BTreeSet<&str> = tests
        .split("- alertname: ")
        .skip(1)
        .filter(|one| one.contains("exp_labels"))
        .filter_map(|one| one.split_whitespace().next())
        .collect();
    let names: BTreeSet<&str> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert_eq!(fires, names);
}

#[test]
fn the_operators_rules_are_the_same() {
    let (plain, theirs) = (read("alerts.yaml"), read("prometheusrule.yaml"));
    let groups = &plain[plain.find("\ngroups:\n").unwrap() + 1..];
    let indented: String = groups.lines().map(|line| format!("  {line}\n")).collect();
    let (head, spec) = theirs.split_once("\nspec:\n").unwrap();
    assert!(head.contains("apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\n"), "{head}");
    assert_eq!(spec, indented);
}

#[test]
fn the_dashboard_is_whole_and_its_expressions_are_valid() {
    let (board, dir) = (dashboard(), tempfile::tempdir().unwrap());
    let panels = board["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "a number twice");
    let mut sources = Vec::new();
    texts(&board, "uid", &mut sources);
    sources.retain(|uid| *uid != "kube-ovn-speaker"); // its own
    assert!(sources.iter().all(|uid| *uid == "${datasource}") && sources.len() > 40, "{sources:?}");
    let mut all = Vec::new();
    texts(&board, "expr", &mut all);
    assert!(all.len() > 30, "{all:?}");
    let rule = |(number, expr): (usize, &&str)| json!({"record": format!("panel_{number}"), "expr": expr});
    let rules: Vec<_> = all.iter().enumerate().map(rule).collect();
    let path = dir.path().join("rules.yaml");
    std::fs::write(&path, json!({"groups": [{"name": "panels", "rules": rules}]}).to_string()).unwrap();
    run(&["promtool", "check", "rules", &path.display().to_string()]).unwrap();
}

/// A speaker in a namespace of its own, whose neighbours do not exist.
fn start(netns: &Netns, dir: &Path, source: &[&str]) -> Daemon {
    let (program, socket) = (binary().unwrap().display().to_string(), dir.join("s.sock"));
    let socket = socket.display().to_string();
    let mut argv = vec![program.as_str(), "--node-name=node-a", "--socket", &socket, "--enable-bfd"];
    argv.extend(["--neighbor-address=127.0.0.99", "--bgp-port=9", "--neighbor-as=65001"]);
    argv.extend(["--cluster-as=65000", "--router-id=10.0.0.1"]);
    netns.spawn("speaker", &[&argv, source].concat(), &dir.join("log")).unwrap()
}

/// Every name in what a speaker serves once it has this one.
fn names(netns: &Netns, daemon: &Daemon, awaited: &str) -> BTreeSet<String> {
    let local = Ipv4Addr::LOCALHOST.into();
    let text = wait::until(awaited, LIMIT, || {
        let (_, text) = get(netns, local, 10667, "/metrics")?;
        ensure(text.contains(awaited), || daemon.log_tail())?;
        Ok(text)
    });
    let (text, _) = text.unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| line.split(['{', ' ']).next()).map(str::to_owned).collect()
}

#[test]
fn every_series_that_is_named_is_one_that_a_speaker_has() {
    let (netns, dir) = (Netns::new("monitor").unwrap(), tempfile::tempdir().unwrap());
    let manifests = dir.path().join("manifests");
    std::fs::create_dir(&manifests).unwrap();
    std::fs::write(manifests.join("pod.yaml"), POD).unwrap();
    let manifests = manifests.display().to_string();
    let mut daemon = start(&netns, dir.path(), &["--manifests", &manifests]);
    let mut has = names(&netns, &daemon, "speaker_notices_total{reason=\"policy-invalid\"} 1");
    assert!(daemon.terminate().unwrap().success());
    drop(daemon);
    // What has to do with an API server is there, too, when that cannot be reached.
    let config = dir.path().join("kubeconfig");
    let cluster = json!({"name": "x", "cluster": {"server": "http://127.0.0.1:9"}});
    let context = json!({"name": "x", "context": {"cluster": "x", "user": "x"}});
    let user = json!({"name": "x", "user": {}});
    let text = json!({"apiVersion": "v1", "kind": "Config", "current-context": "x",
        "clusters": [cluster], "contexts": [context], "users": [user]});
    std::fs::write(&config, text.to_string()).unwrap();
    let config = config.display().to_string();
    let daemon = start(&netns, dir.path(), &["--kubeconfig", &config]);
    has.extend(names(&netns, &daemon, "speaker_source_trouble{kind=\"pod\"} 1"));
    let (head, body) = get(&netns, Ipv4Addr::LOCALHOST.into(), 10667, "/readyz").unwrap();
    assert!(head.starts_with("HTTP/1.1 503"), "{head}");
    assert!(body.starts_with("not ready: not listed yet: subnet, pod; "), "{body}");
    assert!(body.contains("\npod: no good answer of the API server for "), "{body}");

    let board = dashboard();
    let mut texts_of = BTreeMap::from([("alerts", expressions())]);
    let mut all = Vec::new();
    texts(&board, "expr", &mut all);
    texts(&board, "definition", &mut all);
    texts_of.insert("dashboard", all.join("\n"));
    for (what, text) in texts_of {
        let named = series(&text);
        assert!(named.len() > 10, "{what}: {named:?}");
        let missing: Vec<_> = named.iter().filter(|name| !has.contains(*name)).collect();
        assert!(missing.is_empty(), "{what} names what no speaker has: {missing:?}");
    }
}

//! `speaker check`: the program run on files, touching nothing.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn repository(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path).display().to_string()
}

fn check(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_speaker"))
        .arg("check")
        .args(args)
        .env_remove("POD_IPS")
        .env_remove("POD_IP")
        .env_remove("NODE_NAME")
        .output()
        .expect("runs")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn the_effective_configuration_has_every_key_and_no_secret() {
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("speaker.toml");
    let text = std::fs::read_to_string(repository("configs/all-keys.toml")).expect("example");
    std::fs::write(dir.path().join("key"), "hunter2").expect("written");
    std::fs::write(&file, text.replacen("password-file = \"\"", "password-file = \"key\"", 1))
        .expect("written");
    let output = check(&["--config", &file.display().to_string(), "-o", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("hunter2"));
    let shown = json(&output);
    let one = &shown["configuration"]["neighbor"][0];
    for (key, value) in [
        ("address", "\"10.0.0.1\""),
        ("as", "65001"),
        ("local-as", "65010"),
        ("password", "\"set\""),
        ("hold-time", "\"9s\""),
        ("families", "[\"ipv4\",\"ipv6\"]"),
        ("multihop", "2"),
        ("communities", "[\"65000:1\",\"no-export\"]"),
        (
            "extended-communities",
            "[\"0x0002fde800000001\",\"0x01030a0000010007\",\"0x0002fde800000001\",\"0x4004fdf24e9502f9\"]",
        ),
        ("large-communities", "[\"65000:1:2\"]"),
        ("role", "\"customer\""),
        ("long-lived-stale-time", "\"3600s\""),
        ("enabled", "false"),
    ] {
        assert_eq!(one[key].to_string(), value, "{key}: {one:#}");
    }
    assert_eq!(shown["configuration"]["neighbor"][2]["interface"], "eth1");
    assert_eq!(shown["warnings"].as_array().map(Vec::len), Some(3), "three stand-ins: {shown:#}");
    let table = check(&["--config", &file.display().to_string()]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    for part in [
        "  password               set",
        "  bfd.min-tx             50ms",
        "  bfd.min-ttl            254",
        "  large-communities      65000:1:2",
        "warning: --cluster-as: is not given",
    ] {
        assert!(table.contains(part), "{part}: {table}");
    }
}

#[test]
fn what_is_wrong_ends_with_one_and_is_told_all_at_once() {
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("speaker.toml");
    std::fs::write(&file, "lisen = 1\n[[neighbor]]\naddress = \"x\"\n").expect("written");
    std::fs::write(dir.path().join("bad.yaml"), "kind: [").expect("written");
    let dir = dir.path().display().to_string();
    let output = check(&["--config", &file.display().to_string(), "--manifests", &dir]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in
        ["lisen: is no known key; listen?", "neighbor[0].address: x must be an IP address", "bad.yaml"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(check(&["--nonsense"]).status.code(), Some(2));
}

/// Expected by hand from `configs/demo/` and the rules in docs/cli.md.
#[test]
fn manifests_alone_give_the_plan_with_reasons_and_refusals() {
    let demo = repository("configs/demo");
    let output = check(&["--manifests", &demo, "--node-name=node-a", "--announce-cluster-ip", "-o", "json"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let shown = json(&output);
    assert_eq!(shown["configuration"], Value::Null);
    let plan = &shown["plan"];
    let prefixes: Vec<&str> = plan["prefixes"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["prefix"].as_str())
        .collect();
    let expected = [
        "10.16.0.0/16",
        "10.17.0.10/32",
        "10.18.0.20/32",
        "10.96.0.10/32",
        "fd00:10:16::/64",
        "fd00:10:17::10/128",
        "fd00:10:96::a/128",
    ];
    assert_eq!(prefixes, expected);
    assert_eq!(plan["prefixes"][0]["reasons"][0], "subnet/web");
    let refused = plan["refusals"].as_array().expect("a list");
    assert!(refused.iter().any(|one| one["name"] == "other-node"), "{refused:#?}");
}

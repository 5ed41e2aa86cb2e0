//! The image of a gateway as `deploy/image/egress.sh` writes it: everything the sidecar starts is in it and runs.

use std::path::Path;

use serde_json::Value;
use tests::deploy::path;
use tests::fault::{During, Result, ensure};
use tests::proc::run;
use tests::sidecar;

use super::lab::{ENVIRONMENT, Lab, OUTSIDE};

/// Writes both images around a static program of the machine's, unpacks one, and gives its configuration.
fn unpacked(dir: &Path, name: &str) -> Result<Value> {
    let script = path("deploy/image/egress.sh").display().to_string();
    let at = dir.display().to_string();
    run(&[&script, "--egress", "/bin/busybox", "--sidecar", "/bin/busybox", "--out", &at, "--tag", "test"])?;
    run(&["tar", "-C", &at, "-xf", &format!("{at}/{name}.tar")])?;
    let json = |file: &Path| -> Result<Value> {
        Ok(serde_json::from_slice(&std::fs::read(file).during(file.display())?)?)
    };
    let manifest = json(&dir.join("manifest.json"))?;
    let blob = |value: &Value| dir.join(value.as_str().unwrap_or_default());
    let tags = &manifest[0]["RepoTags"];
    ensure(*tags == serde_json::json!([format!("{name}:test")]), || manifest.to_string())?;
    let root = dir.join("root");
    std::fs::create_dir(&root)?;
    let layer = blob(&manifest[0]["Layers"][0]).display().to_string();
    run(&["tar", "-C", &root.display().to_string(), "-xf", &layer])?;
    json(&blob(&manifest[0]["Config"]))
}

/// A command with the image as its root, in the pod.
fn inside(lab: &Lab, root: &Path, command: &str) -> Result<String> {
    let root = root.display();
    // The namespace has mounts of its own, and they go with the command.
    let script =
        format!("mkdir -p {root}/proc; mount --rbind /proc {root}/proc; exec chroot {root} {command}");
    // Nothing of the test's own variables; there is no shell in the image that could set any.
    let clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"];
    lab.gateway.exec(&[&clean[..], &ENVIRONMENT, &["sh", "-ec", &script]].concat())
}

fn gateway() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let config = unpacked(dir.path(), "egress-gateway")?;
    let entry = &config["config"]["Entrypoint"];
    ensure(*entry == serde_json::json!(["/usr/local/bin/sidecar"]), || config.to_string())?;
    let root = dir.path().join("root");
    for name in ["bfdd-beacon", "bfdd-control", "kube-ovn-bfdd-supervisor"] {
        let to = std::fs::read_link(root.join("usr/local/bin").join(name)).during(name)?;
        ensure(to == Path::new("/usr/local/bin/sidecar"), || format!("{name} leads to {}", to.display()))?;
    }
    let lab = Lab::new("nft")?;
    for (program, says) in [
        ("ip address show", "net1"),
        ("iptables -t nat -S", "-P POSTROUTING ACCEPT"),
        ("ip6tables -V", "(nf_tables)"),
        ("iptables-legacy -V", "(legacy)"),
        ("ip6tables-legacy-save -t nat", ""),
    ] {
        let said = inside(&lab, &root, program)?;
        ensure(said.contains(says), || format!("{program}: {said}"))?;
    }
    // The sidecar of the tests is not static: it comes with its libraries.
    let program = sidecar::binary()?;
    std::fs::remove_file(root.join("usr/local/bin/sidecar"))?;
    std::fs::copy(&program, root.join("usr/local/bin/sidecar"))?;
    let needs = run(&["ldd", &program.display().to_string()])?;
    for library in needs.split_whitespace().filter(|word| word.starts_with('/')) {
        let to = root.join(library.trim_start_matches('/'));
        std::fs::create_dir_all(to.parent().unwrap_or(&root))?;
        std::fs::copy(library, to)?;
    }
    for flavour in ["legacy", "nft"] {
        inside(&lab, &root, &format!("/usr/local/bin/sidecar nat prepare --iptables={flavour}"))?;
    }
    let seen = lab.seen("10.16.0.9")?.to_string();
    ensure(seen == OUTSIDE[0], || seen)
}

#[test]
fn the_image_of_a_gateway_has_what_the_sidecar_needs() {
    gateway().unwrap();
}

#[test]
fn the_image_of_the_controller_is_one_program() {
    let dir = tempfile::tempdir().unwrap();
    let config = unpacked(dir.path(), "egress").unwrap();
    assert_eq!(config["config"]["Entrypoint"], serde_json::json!(["/usr/local/bin/egress"]));
    let files =
        run(&["find", &dir.path().join("root").display().to_string(), "-type", "f", "-printf", "%P\n"]);
    let mut files: Vec<_> = files.unwrap().lines().map(str::to_owned).collect();
    files.sort_unstable();
    assert_eq!(files, ["etc/group", "etc/passwd", "usr/local/bin/egress"]);
}

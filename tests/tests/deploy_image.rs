//! The image as `deploy/image` writes it, and its binary with no more rights than the manifests give it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use tests::deploy::path;
use tests::fault::{During, Result, ensure};
use tests::netns::Netns;
use tests::proc::{output, run};
use tests::speaker::binary;
use tests::wait;

/// What is in the image: path, mode, and where a link leads.
const CONTENT: [(&str, &str, &str); 13] = [
    ("etc/", "drwxr-xr-x", ""),
    ("etc/group", "-rw-r--r--", ""),
    ("etc/passwd", "-rw-r--r--", ""),
    ("kube-ovn/", "drwxr-xr-x", ""),
    ("kube-ovn/kube-ovn-speaker", "-rwxr-xr-x", ""),
    ("run/", "drwxr-xr-x", ""),
    ("tmp/", "drwxrwxrwt", ""),
    ("usr/", "drwxr-xr-x", ""),
    ("usr/local/", "drwxr-xr-x", ""),
    ("usr/local/bin/", "drwxr-xr-x", ""),
    ("usr/local/bin/gobgp", "lrwxrwxrwx", "/kube-ovn/kube-ovn-speaker"),
    ("usr/local/bin/kube-ovn-speaker", "lrwxrwxrwx", "/kube-ovn/kube-ovn-speaker"),
    ("usr/local/bin/speaker", "lrwxrwxrwx", "/kube-ovn/kube-ovn-speaker"),
];

fn script(name: &str, args: &[&str]) -> Result<Output> {
    let script = path("deploy/image").join(name).display().to_string();
    output(&[&[script.as_str()], args].concat())
}

/// The speaker's image around a static program of the machine's, unpacked in a directory.
fn image(dir: &Path) -> Result<Value> {
    let out = dir.join("image.tar").display().to_string();
    let done = script("build.sh", &["--binary", "/bin/busybox", "--out", &out])?;
    ensure(done.status.success(), || String::from_utf8_lossy(&done.stderr).into_owned())?;
    run(&["tar", "-C", &dir.display().to_string(), "-xf", &out])?;
    json(&dir.join("manifest.json"))
}

fn json(file: &Path) -> Result<Value> {
    Ok(serde_json::from_slice(&std::fs::read(file).during(file.display())?)?)
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The blob of a digest, which has to be its own.
fn blob(dir: &Path, descriptor: &Value) -> Result<std::path::PathBuf> {
    let digest = word(&descriptor["digest"]).trim_start_matches("sha256:").to_owned();
    let file = dir.join("blobs/sha256").join(&digest);
    let sum = run(&["sha256sum", &file.display().to_string()])?;
    ensure(sum.starts_with(&digest), || format!("{descriptor}: {sum}"))?;
    let size = std::fs::metadata(&file)?.len();
    ensure(descriptor["size"] == size, || format!("{descriptor} has {size}"))?;
    Ok(file)
}

fn both_forms() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let dir = dir.path();
    let docker = image(dir)?;
    ensure(json(&dir.join("oci-layout"))?["imageLayoutVersion"] == "1.0.0", || "oci-layout".into())?;
    let index = json(&dir.join("index.json"))?;
    let version = env!("CARGO_PKG_VERSION");
    let name = format!("docker.io/library/speaker:{version}");
    let entry = &index["manifests"][0];
    ensure(entry["annotations"]["io.containerd.image.name"] == name.as_str(), || index.to_string())?;
    ensure(docker[0]["RepoTags"][0] == format!("speaker:{version}"), || docker.to_string())?;
    let manifest = json(&blob(dir, entry)?)?;
    let config = blob(dir, &manifest["config"])?;
    let layer = blob(dir, &manifest["layers"][0])?;
    let named = |key: &Value| dir.join(word(key));
    ensure(named(&docker[0]["Config"]) == config && named(&docker[0]["Layers"][0]) == layer, || {
        docker.to_string()
    })?;
    let config = json(&config)?;
    // What is not compressed has one digest, packed and unpacked.
    ensure(config["rootfs"]["diff_ids"][0] == manifest["layers"][0]["digest"], || config.to_string())?;
    ensure(config["config"]["Entrypoint"] == serde_json::json!(["/kube-ovn/kube-ovn-speaker"]), || {
        config.to_string()
    })?;
    ensure(config["config"]["User"].is_null(), || config.to_string())?;
    ensure(config["os"] == "linux" && config["architecture"] == "amd64", || config.to_string())?;
    content(dir, &layer)
}

fn content(dir: &Path, layer: &Path) -> Result<()> {
    let listed = run(&["tar", "--numeric-owner", "-tvf", &layer.display().to_string()])?;
    let mut found = BTreeMap::new();
    for line in listed.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        let [mode, owner, _, day, _, path, rest @ ..] = &words[..] else { continue };
        ensure(*owner == "0/0" && *day == "1970-01-01", || line.to_owned())?;
        found.insert(
            (*path).to_owned(),
            ((*mode).to_owned(), rest.last().copied().unwrap_or_default().to_owned()),
        );
    }
    let wanted =
        CONTENT.iter().map(|(path, mode, to)| ((*path).to_owned(), ((*mode).to_owned(), (*to).to_owned())));
    let wanted: BTreeMap<_, _> = wanted.collect();
    ensure(found == wanted, || format!("{found:#?}"))?;
    let root = dir.join("root");
    std::fs::create_dir(&root)?;
    let (root, layer) = (root.display().to_string(), layer.display().to_string());
    run(&["tar", "--xattrs", "--xattrs-include=*", "-C", &root, "-xf", &layer])?;
    // As libcap reads it, which has no part in writing it.
    let capability = run(&["getcap", &format!("{root}/kube-ovn/kube-ovn-speaker")])?;
    ensure(capability.trim_end().ends_with("cap_net_bind_service=p"), || capability)
}

#[test]
fn the_archive_is_an_oci_layout_and_a_docker_archive_of_one_content() {
    both_forms().unwrap();
}

#[test]
fn the_same_input_gives_the_same_octets() {
    let dir = tempfile::tempdir().unwrap();
    let mut sums = Vec::new();
    for (name, mask) in [("a", "022"), ("b", "077")] {
        let out = dir.path().join(name).display().to_string();
        let build = path("deploy/image/build.sh").display().to_string();
        let line = format!("umask {mask}; cd /; exec {build} --binary /bin/busybox --out {out}");
        run(&["sh", "-c", &line]).unwrap();
        sums.push(std::fs::read(&out).unwrap());
    }
    assert!(sums[0] == sums[1]);
}

#[test]
fn what_is_no_static_program_and_what_is_no_item_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("x.tar").display().to_string();
    let cases: [(&str, &[&str], &str); 7] = [
        (
            "build.sh",
            &["--binary", "/usr/bin/jq", "--out", &out],
            "--binary /usr/bin/jq: must be static, it needs: lib",
        ),
        ("build.sh", &["--binary", "/nowhere", "--out", &out], "--binary: there is no file /nowhere"),
        ("archive.sh", &["x:1", &out, "bin/x=/bin/busybox"], "bin/x=/bin/busybox is none of PATH=FILE"),
        ("archive.sh", &["x:1", &out, "/x=/nowhere"], "/x: there is no file /nowhere"),
        ("archive.sh", &["x", &out, "/x=/bin/busybox"], "x: must be NAME:TAG"),
        ("archive.sh", &["--arch", "arm", "x:1", &out, "/tmp/"], "--arch arm: must be amd64 or arm64"),
        ("archive.sh", &["--setcap", "/x=sys_admin=p", "x:1", &out, "/x=/bin/busybox"], "CAP must be chown"),
    ];
    for (name, args, words) in cases {
        let done = script(name, args).unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.code() == Some(1) && said.contains(words), "{args:?}: {said}");
        assert!(!Path::new(&out).exists(), "{args:?}");
    }
}

/// The Dockerfile cannot be run without an engine; what it says is compared with what build.sh does.
#[test]
fn the_dockerfile_has_the_same_content() {
    let text = std::fs::read_to_string(path("deploy/image/Dockerfile")).unwrap();
    let build = std::fs::read_to_string(path("deploy/image/build.sh")).unwrap();
    let text = text.replace("\\\n", " ");
    for (file, mode, to) in CONTENT {
        let said = match (mode, to) {
            ("drwxr-xr-x", _) => continue,
            ("drwxrwxrwt", _) => "mkdir -m 1777 /image/tmp".to_owned(),
            ("-rwxr-xr-x", _) => format!("dist/speaker\" /image/{file}"),
            ("-rw-r--r--", _) => format!("deploy/image/{}", file.trim_start_matches("etc/")),
            _ => format!("ln -s {to} /image/{file}"),
        };
        assert!(text.contains(&said), "{said}");
    }
    for line in [
        "setcap cap_net_bind_service=p /image/kube-ovn/kube-ovn-speaker",
        "FROM scratch",
        "COPY --from=build /image/ /\n",
        "ENTRYPOINT [\"/kube-ovn/kube-ovn-speaker\"]",
        "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n",
    ] {
        assert!(text.contains(line), "{line}");
    }
    assert!(!text.lines().any(|line| line.starts_with("USER")));
    let links = |text: &str| text.matches("/usr/local/bin/").count();
    assert_eq!(links(&text), links(&build), "as many links");
    let flags = r#"[\"-C\",\"target-feature=+crt-static\",\"-C\",\"link-arg=-Wl,-z,pack-relative-relocs\"]"#;
    let build = std::fs::read_to_string(path("deploy/image/static.sh")).unwrap();
    assert!(text.contains(flags) && build.contains(flags), "the same way to a static binary");
    assert!(text.contains("-- -C strip=symbols") && build.contains("-- -C strip=symbols"));
}

/// Runs a program as this user, who may have these capabilities and no other.
fn confined<'a>(user: &'a str, bounds: &'a str, program: &'a [&'a str]) -> Vec<&'a str> {
    let as_user = ["setpriv", "--reuid", user, "--regid", "65534", "--clear-groups", "--inh-caps", "-all"];
    [&as_user[..], &["--bounding-set", bounds], program].concat()
}

fn prepared() -> Result<()> {
    let root = tempfile::tempdir()?;
    std::fs::set_permissions(root.path(), PermissionsExt::from_mode(0o755))?;
    let program = binary()?.display().to_string();
    let dir = root.path().join("state");
    let name = format!("--dir={}", dir.display());
    let prepare = [program.as_str(), "prepare", &name, "--owner=65534:65534"];
    // As the kubelet makes it; as somebody else left it; as it should be.
    for (owner, mode) in [(0, 0o755), (1000, 0o700), (65534, 0o770)] {
        std::fs::create_dir_all(&dir)?;
        chown(&dir, Some(owner), Some(owner))?;
        std::fs::set_permissions(&dir, PermissionsExt::from_mode(mode))?;
        run(&confined("0", "-all,+chown", &prepare)).during(format_args!("{owner} {mode:o}"))?;
        let found = std::fs::metadata(&dir)?;
        let found = (found.uid(), found.gid(), found.mode() & 0o7777);
        ensure(found == (65534, 65534, 0o770), || format!("{found:?}"))?;
    }
    chown(&dir, Some(0), Some(0))?;
    let refused = output(&confined("0", "-all", &prepare))?;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    let cause = format!("--dir {}: cannot change its owner: Operation not permitted", dir.display());
    ensure(refused.status.code() == Some(1) && said.contains(&cause), || said)
}

#[test]
fn the_state_directory_takes_the_right_to_change_owners_and_no_other() {
    prepared().unwrap();
}

/// Who gets the port, where the binary is permitted it: whoever is started by a process that is permitted it, too, as
/// containerd does, or may gain it. Anybody else is told in one line, and nobody is kept from being started.
fn low_port() -> Result<()> {
    let root = tempfile::tempdir()?;
    std::fs::set_permissions(root.path(), PermissionsExt::from_mode(0o777))?;
    let copy = root.path().join("speaker").display().to_string();
    std::fs::copy(binary()?, &copy)?;
    run(&["setcap", "cap_net_bind_service=p", &copy])?;
    let manifests = root.path().join("manifests");
    std::fs::create_dir(&manifests)?;
    let manifests = format!("--manifests={}", manifests.display());
    let bare: &[&str] = &[];
    for (bounds, first, then, listens) in [
        ("-all,+net_bind_service", bare, bare, true),
        ("-all,+net_bind_service", &["--no-new-privs"], bare, true),
        // The second one has lost the permission by being started without a file capability of its own.
        ("-all,+net_bind_service", bare, &["setpriv", "--no-new-privs"], false),
        ("-all", bare, bare, false),
    ] {
        let net = Netns::new("port")?;
        // A port is low or not by its namespace's own rule.
        net.exec(&["sh", "-c", "echo 1024 >/proc/sys/net/ipv4/ip_unprivileged_port_start"])?;
        let log = root.path().join("log");
        let socket = root.path().join("s.sock").display().to_string();
        let program = [
            copy.as_str(),
            "--neighbor-address=10.9.9.9",
            "--neighbor-as=1",
            "--cluster-as=2",
            "--node-name=a",
            "--router-id=10.0.0.7",
            &manifests,
            "--enable-metrics=false",
            "--passivemode",
            "--socket",
            &socket,
        ];
        let program = [then, &program].concat();
        let mut argv = confined("65534", bounds, &program);
        argv.splice(1..1, first.iter().copied());
        let mut daemon = net.spawn("speaker", &argv, &log)?;
        let held = || net.exec(&["ss", "-Hltn", "sport = :179"]);
        wait::until(format!("{bounds} {first:?} {then:?}").as_str(), Duration::from_secs(20), || {
            let listening = held()?.contains(":179");
            let refused = daemon.log().contains("cannot listen on 0.0.0.0:179: Permission denied");
            ensure(listening == listens && refused != listens, || daemon.log_tail())
        })?;
        let _ = daemon.kill(); // one that may not listen has ended by itself, or has not
    }
    Ok(())
}

#[test]
fn a_permitted_port_is_used_and_no_other_start_is_spoilt() {
    low_port().unwrap();
}

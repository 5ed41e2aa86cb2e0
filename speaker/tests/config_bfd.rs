//! BFD in flags and file: what beats what, what each key means, what is refused.

use std::path::Path;
use std::time::Duration;

use bfd::packet::{AuthKind, Key};
use bfd::session::Hops;
use bfd::{DetectMult, Micros};
use clap::Parser;
use speaker::cli::Cli;
use speaker::config::{BfdProfile, Config, Environment};

const FLAGS: [&str; 4] = ["speaker", "--cluster-as=65000", "--node-name=n1", "--manifests=/m"];

fn resolve(path: &Path, more: &[&str]) -> Result<Config, Vec<String>> {
    let path = path.display().to_string();
    let cli = Cli::try_parse_from([&FLAGS[..], &["--config", path.as_str()], more].concat()).expect("flags");
    let environment = Environment { pod_ip: Some("10.0.0.7".into()), ..Environment::default() };
    let short = |line: &str| line.replace(&path, "FILE");
    Config::resolve(&cli.run, &environment)
        .map_err(|problems| problems.to_string().lines().map(short).collect())
}

fn given(text: &str, more: &[&str]) -> Result<Config, Vec<String>> {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("speaker.toml");
    std::fs::write(&path, text).expect("written");
    std::fs::write(dir.path().join("key"), "hunter2\n").expect("written");
    resolve(&path, more)
}

fn neighbor(keys: &str) -> String {
    format!("[[neighbor]]\naddress = \"10.0.0.1\"\nas = 65001\n{keys}\n")
}

fn profile(keys: &str, more: &[&str]) -> Option<BfdProfile> {
    let config = given(&neighbor(keys), more).unwrap_or_else(|problems| panic!("{keys}: {problems:?}"));
    config.neighbors[0].bfd.clone()
}

fn on(keys: &str) -> BfdProfile {
    profile(keys, &["--enable-bfd"]).expect("on")
}

#[test]
fn flags_turn_it_on_for_all_and_the_file_says_more() {
    assert_eq!(profile("", &[]), None);
    assert_eq!(profile("bfd = { min-tx = \"50ms\" }", &[]), None, "nothing turns it on");
    assert_eq!(profile("bfd.enabled = false", &["--enable-bfd"]), None);
    assert!(profile("bfd.enabled = true", &[]).is_some());
    let plain = on("");
    assert_eq!(plain.settings.desired_min_tx, Micros::SECOND);
    assert_eq!(plain.settings.required_min_rx, Micros::SECOND);
    assert_eq!(plain.settings.detect_mult, DetectMult::DEFAULT);
    assert_eq!((plain.settings.auth.as_ref(), plain.settings.control_plane_independent), (None, false));
    assert_eq!(plain.hold, Some(Duration::from_secs(30)));
    let flags = ["--enable-bfd", "--bfd-min-tx=4294967", "--bfd-min-rx=1", "--bfd-detection-multiplier=255"];
    let tuned = profile("", &flags).expect("on").settings;
    let told = (tuned.desired_min_tx.0, tuned.required_min_rx.0, tuned.detect_mult.get());
    assert_eq!(told, (4_294_967_000, 1000, 255), "the wire has microseconds");
    let text = "[defaults.bfd]\nmin-tx = \"50ms\"\nmultiplier = 5\n".to_owned()
        + &neighbor("bfd.min-tx = \"300us\"\nbfd.enabled = true");
    let config = given(&text, &flags[2..]).expect("valid");
    let tuned = config.neighbors[0].bfd.clone().expect("on").settings;
    let told = (tuned.desired_min_tx.0, tuned.required_min_rx.0, tuned.detect_mult.get());
    assert_eq!(told, (300, 1000, 5), "each key for itself");
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
}

/// RFC 5881 §5: 255 on a single hop. Farther away each router takes one off.
#[test]
fn the_hops_of_bgp_decide_port_and_least_ttl_unless_told() {
    for (keys, hops, least) in [
        ("", Hops::Single, 255),
        ("local-as = 65001", Hops::Single, 255),
        ("local-as = 65001\nbfd.multihop = true", Hops::Multi, 1),
        ("multihop = 3", Hops::Multi, 253),
        ("ttl-security = 1", Hops::Single, 255),
        ("ttl-security = 2", Hops::Multi, 254),
        ("multihop = 255", Hops::Multi, 1),
        ("multihop = 3\nbfd.multihop = false", Hops::Single, 255),
        ("multihop = 3\nbfd.min-ttl = 200", Hops::Multi, 200),
    ] {
        let profile = on(keys);
        assert_eq!((profile.hops, profile.settings.min_ttl), (hops, least), "{keys}");
    }
}

/// Upstream's BFD is on 3784 with `--ebgp-multihop`, too, and looks at no TTL: what works with it goes on working.
#[test]
fn the_flag_of_upstream_leaves_the_port_where_upstream_has_it() {
    for (keys, hops, least) in [
        ("", Hops::Single, 253),
        ("multihop = 1", Hops::Single, 255),
        ("multihop = 2", Hops::Multi, 254),
        ("local-as = 65001", Hops::Single, 255),
        ("bfd.multihop = true", Hops::Multi, 253),
        ("bfd.multihop = false", Hops::Single, 255),
    ] {
        let profile = profile(keys, &["--enable-bfd", "--ebgp-multihop=3"]).expect("on");
        assert_eq!((profile.hops, profile.settings.min_ttl), (hops, least), "{keys}");
    }
}

#[test]
fn strict_waits_for_ever_and_others_for_their_hold_time() {
    assert_eq!(on("bfd.strict = true").hold, None);
    assert_eq!(on("bfd.hold-time = \"1500ms\"").hold, Some(Duration::from_millis(1500)));
    assert_eq!(on("bfd.hold-time = \"0s\"").hold, Some(Duration::ZERO));
}

#[test]
fn keys_stand_in_files_that_count_as_part_of_the_configuration_and_are_never_shown() {
    let keys = "bfd = { auth = \"meticulous-sha1\", auth-key-id = 7, auth-key-file = \"key\" }";
    let config = given(&neighbor(keys), &["--enable-bfd"]).expect("valid");
    let auth = config.neighbors[0].bfd.clone().expect("on").settings.auth.expect("signed");
    assert_eq!((auth.kind, auth.key_id), (AuthKind::MeticulousKeyedSha1, 7));
    assert_eq!(Some(auth.key), Key::new(AuthKind::MeticulousKeyedSha1, b"hunter2"));
    assert!(config.files.iter().any(|path| path.ends_with("key")), "{:?}", config.files);
    assert!(!format!("{config:?}").contains("hunter2"));
    let defaults = "[defaults.bfd]\nauth = \"md5\"\nauth-key-file = \"key\"\n";
    let text = defaults.to_owned() + &neighbor("bfd.auth = \"none\"");
    let config = given(&text, &["--enable-bfd"]).expect("valid");
    assert_eq!(config.neighbors[0].bfd.as_ref().expect("on").settings.auth, None, "explicitly none");
}

#[test]
fn what_is_common_stands_at_the_top() {
    let text =
        "[bfd]\nlisten = [\"127.0.0.2\", \"::1\"]\nreal-time-priority = 9\n".to_owned() + &neighbor("");
    let options = given(&text, &[]).expect("valid").bfd;
    let listen: Vec<String> = options.listen.iter().map(ToString::to_string).collect();
    assert_eq!((listen.join(" ").as_str(), options.real_time), ("127.0.0.2 ::1", Some(9)));
}

#[test]
fn each_wrong_value_is_told_with_its_place_and_rule() {
    for (keys, said) in [
        ("bfd = true", "FILE:4: neighbor[0].bfd: true must be a table"),
        ("bfd.min-tx = 50", "FILE:4: neighbor[0].bfd.min-tx: 50 must be a duration with its unit"),
        ("bfd.min-tx = \"0s\"", "bfd.min-tx: 0s must be a duration"),
        ("bfd.min-rx = \"1500ns\"", "bfd.min-rx: 1500ns must be a duration"),
        ("bfd.min-rx = \"4295s\"", "bfd.min-rx: 4295s must be a duration"),
        ("bfd.multiplier = 0", "bfd.multiplier: 0 must be a whole number, 1 to 255"),
        ("bfd.multiplier = 256", "bfd.multiplier: 256 must be a whole number, 1 to 255"),
        ("bfd.min-ttl = 0", "bfd.min-ttl: 0 must be a whole number, 1 to 255"),
        ("bfd.hold-time = \"25h\"", "bfd.hold-time: 25h must be a duration"),
        ("bfd.auth = \"md4\"", "bfd.auth: md4 must be none, simple"),
        ("bfd.auth = \"md5\"", "FILE:1: neighbor[0].bfd.auth: needs auth-key-file"),
        ("bfd.auth-key-file = \"nowhere\"", "nowhere cannot be read: No such file or directory"),
        ("bfd.min_tx = \"50ms\"", "FILE:4: neighbor[0].bfd.min_tx: is no known key; min-tx?"),
        ("bfd = { strict = true, hold-time = \"9s\" }", "bfd.hold-time: cannot be used with strict"),
        ("[bfd]\nreal-time-priority = 100", "bfd.real-time-priority: 100 must be a whole number, 1 to 99"),
        ("[bfd]\nlisten = [\"224.0.0.1\"]", "bfd.listen[0]: 224.0.0.1 must be an address of this host"),
    ] {
        let lines = given(&neighbor(keys), &["--enable-bfd"]).map(|_| ()).expect_err(keys);
        assert!(lines.len() == 1 && lines[0].contains(said), "{keys}: {lines:#?}");
    }
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("speaker.toml");
    std::fs::write(&path, neighbor("bfd = { auth = \"md5\", auth-key-file = \"key\" }")).expect("written");
    std::fs::write(dir.path().join("key"), "seventeen octets!").expect("written");
    let lines = resolve(&path, &["--enable-bfd"]).map(|_| ()).expect_err("too long");
    assert!(lines[0].ends_with("a key of 17 octets must have 1 to 16"), "{lines:?}");
    assert!(!lines.concat().contains("seventeen"), "{lines:?}");
}

#[test]
fn a_profile_that_nothing_turns_on_is_warned_about() {
    let warnings = given(&neighbor("bfd.min-tx = \"50ms\""), &[]).expect("valid").warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].ends_with(":1: neighbor[0].bfd: is without effect without bfd.enabled or --enable-bfd")
    );
}

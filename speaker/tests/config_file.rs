//! The configuration file: every key, every rule, every problem in one pass.

use std::path::Path;

use bgp::fsm::LocalRole;
use bgp::net::Hops;
use bgp::wire::Role;
use clap::Parser;
use speaker::cli::Cli;
use speaker::config::{Config, Environment, Neighbor};

const FLAGS: [&str; 4] = ["speaker", "--cluster-as=65000", "--node-name=n1", "--manifests=/m"];

fn resolve(path: &Path, more: &[&str]) -> Result<Config, Vec<String>> {
    let path = path.display().to_string();
    let cli = Cli::try_parse_from([&FLAGS[..], &["--config", path.as_str()], more].concat()).expect("flags");
    let environment = Environment { pod_ip: Some("10.0.0.7".into()), ..Environment::default() };
    let short = |line: &str| line.replace(&path, "FILE");
    Config::resolve(&cli.run, &environment)
        .map_err(|problems| problems.to_string().lines().map(short).collect())
}

/// The configuration with this file and these flags, or the lines of what is wrong, the file's name as FILE.
fn given(text: &str, more: &[&str]) -> Result<Config, Vec<String>> {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("speaker.toml");
    std::fs::write(&path, text).expect("written");
    resolve(&path, more)
}

fn one(keys: &str) -> Neighbor {
    let text = format!("[[neighbor]]\naddress = \"10.0.0.1\"\nas = 65001\n{keys}\n");
    given(&text, &[]).unwrap_or_else(|problems| panic!("{keys}: {problems:?}")).neighbors.remove(0)
}

/// What is wrong with one neighbour of these keys; `as` and `address` stand on lines 2 and 3.
fn wrong(keys: &str) -> Vec<String> {
    let text = format!("[[neighbor]]\naddress = \"10.0.0.1\"\nas = 65001\n{keys}\n");
    given(&text, &[]).map(|_| ()).expect_err(keys)
}

#[test]
fn each_key_reaches_the_engine() {
    let peer = |keys: &str| one(keys).peer.0;
    assert_eq!(one("description = \"x\"").description, "x");
    assert_eq!(peer("").session.peer_as.get(), 65001);
    assert_eq!(peer("local-as = 4200000000").session.local_as.get(), 4_200_000_000);
    assert_eq!(peer("port = 1790").dialing.remote.to_string(), "10.0.0.1:1790");
    assert_eq!(peer("hold-time = \"1m3s\"").session.hold_time.seconds(), 63);
    assert_eq!(peer("hold-time = \"0s\"").session.hold_time.seconds(), 0);
    assert_eq!(peer("multihop = 5").dialing.hops, Hops::AtMost(5));
    assert_eq!(peer("ttl-security = 2").dialing.hops, Hops::Secured(2));
    assert_eq!(peer("").dialing.hops, Hops::AtMost(1), "eBGP: on the link");
    assert_eq!(peer("local-as = 65001").dialing.hops, Hops::Any, "iBGP keeps the kernel's TTL");
    assert_eq!(peer("source = \"10.0.0.9\"").dialing.local, Some([10, 0, 0, 9].into()));
    let session = peer("passive = true").session;
    assert_eq!((session.dial, session.listen), (false, true));
    let session = peer("listen = true").session;
    assert_eq!((session.dial, session.listen), (true, true));
    let hops = peer("next-hop-ipv4 = \"10.9.9.9\"\nnext-hop-ipv6 = \"fd09::9\"").next_hops;
    assert_eq!((hops.v4, hops.v6), (Some([10, 9, 9, 9].into()), "fd09::9".parse().ok()));
    assert_eq!(peer("max-prefixes = 7").max_prefixes, Some(7));
    let role = peer("role = \"customer\"\nrole-strict = true").session.role;
    assert_eq!(role, Some(LocalRole { role: Role::Customer, strict: true }));
    let restart =
        peer("graceful-restart = true\nlong-lived-stale-time = \"1h\"").session.restart.expect("on");
    assert_eq!((restart.time, restart.long_lived), (90, Some(3600)));
    assert_eq!(
        peer("graceful-restart = true\ngraceful-restart-time = \"5s\"").session.restart.map(|r| r.time),
        Some(5)
    );
    let off = one("enabled = false\nshutdown-text = \"bye\"");
    assert_eq!((off.enabled, off.shutdown_text.as_str()), (false, "bye"));
    assert!(one("").enabled);
}

/// Expected values by hand from RFC 1997, RFC 4360 §4 and §5, RFC 5668 §2, RFC 8092 §5, the IANA registry of well-known
/// communities, and IEEE 754 for 1.25e9 = 0x4e9502f9.
#[test]
fn attributes_are_what_their_rfcs_say() {
    let policy = |keys: &str| one(keys).peer.0.policy;
    let all =
        r#"["65000:1", "no-export", "no-advertise", "graceful-shutdown", "blackhole", "no-llgr", "no-peer"]"#;
    assert_eq!(
        policy(&format!("communities = {all}")).communities,
        [0xfde8_0001, 0xffff_ff01, 0xffff_ff02, 0xffff_0000, 0xffff_029a, 0xffff_0007, 0xffff_ff04]
    );
    let all = r#"["rt:65000:65536", "soo:10.0.0.1:7", "rt:4200000000:9", "0x0102030405060708"]"#;
    let expected = [
        [0x00, 0x02, 0xfd, 0xe8, 0, 1, 0, 0],
        [0x01, 0x03, 10, 0, 0, 1, 0, 7],
        [0x02, 0x02, 0xfa, 0x56, 0xea, 0x00, 0, 9],
        [1, 2, 3, 4, 5, 6, 7, 8],
    ];
    assert_eq!(policy(&format!("extended-communities = {all}")).extended_communities, expected);
    let bandwidth = [[0x40, 0x04, 0xfd, 0xe8, 0x4e, 0x95, 0x02, 0xf9]];
    assert_eq!(policy("link-bandwidth = \"10Gbit\"").extended_communities, bandwidth);
    assert_eq!(policy("link-bandwidth = 1250000000").extended_communities, bandwidth);
    let four_octets = policy("link-bandwidth = \"8bit\"\nlocal-as = 4200000000").extended_communities;
    assert_eq!(four_octets, [[0x40, 0x04, 0x5b, 0xa0, 0x3f, 0x80, 0, 0]], "AS_TRANS, 1.0");
    assert_eq!(policy("large-communities = [\"4294967295:0:2\"]").large_communities, [[u32::MAX, 0, 2]]);
    let rest = policy("med = 0\nlocal-pref = 200\nprepend = 3\ngraceful-shutdown = true");
    assert_eq!(
        (rest.med, rest.local_pref, rest.prepend, rest.graceful_shutdown),
        (Some(0), Some(200), 3, true)
    );
}

#[test]
fn one_neighbour_beats_defaults_and_defaults_beat_flags() {
    let text = "[defaults]\nhold-time = \"30s\"\nmed = 5\n[[neighbor]]\naddress = \"10.0.0.1\"\nmed = 6\nas = 65009\n\
                [[neighbor]]\naddress = \"10.0.0.3\"\n";
    let flags = ["--neighbor-address=10.0.0.2,10.0.0.1", "--neighbor-as=65001", "--holdtime=60s"];
    let config = given(text, &flags).expect("valid");
    let shown: Vec<_> = config
        .neighbors
        .iter()
        .map(|one| {
            let peer = &one.peer.0;
            (
                peer.addr.to_string(),
                peer.session.peer_as.get(),
                peer.session.hold_time.seconds(),
                peer.policy.med,
            )
        })
        .collect();
    let expected = [
        ("10.0.0.2".to_owned(), 65001, 30, Some(5)),
        ("10.0.0.1".to_owned(), 65009, 30, Some(6)),
        ("10.0.0.3".to_owned(), 65001, 30, Some(5)),
    ];
    assert_eq!(shown, expected);
}

#[test]
fn neighbours_by_link_carry_both_families() {
    let text =
        "[[neighbor]]\ninterface = \"eth0\"\nas = 1\n[[neighbor]]\naddress = \"fe80::1%eth1\"\nas = 1\n";
    let config = given(text, &[]).expect("valid");
    let of = |index: usize| {
        let session = &config.neighbors[index].peer.0.session;
        let families: Vec<_> = session.families.iter().map(ToString::to_string).collect();
        (config.neighbors[index].addr().to_string(), families.join(" "), session.extended_next_hop)
    };
    assert_eq!(of(0), ("eth0".into(), "ipv6-unicast ipv4-unicast".into(), true));
    assert_eq!(of(1), ("fe80::1%eth1".into(), "ipv6-unicast".into(), false));
}

#[test]
fn every_problem_is_told_in_one_pass_with_line_and_path() {
    let text = r#"lisen = true
[defaults]
hold_time = "9s"
prepend = 33
[[neighbor]]
address = "10.0.0.1"
as = 0
hold-time = "2s"
communities = ["65000:1", "65536:1", "no-exports", 7]
password = "hunter2"
[[neighbor]]
address = "fe80::1"
multihop = 2
ttl-security = 1
[[neighbor]]
as = 65001
families = ["ipv4", "ipx"]
[[neighbor]]
address = "10.0.0.1"
as = 65001
med = -1
role = "boss"
"#;
    let lines = given(text, &["--holdtime=1s"]).map(|_| ()).expect_err("wrong all over");
    let names = "graceful-shutdown, accept-own, llgr-stale, no-llgr, blackhole, no-export, no-advertise, \
                 no-export-subconfed, no-peer";
    let community = format!("must be AS:NUMBER, 0 to 65535 each, or one of {names}");
    let expected = [
        "FILE:4: defaults.prepend: 33 must be a whole number, 0 to 32".to_owned(),
        "FILE:3: defaults.hold_time: is no known key; hold-time?".to_owned(),
        "FILE:7: neighbor[0].as: 0 must be a whole number, 1 to 4294967295".to_owned(),
        "FILE:8: neighbor[0].hold-time: 2s must be 0 or at least 3s, 65535s at most".to_owned(),
        format!("FILE:9: neighbor[0].communities[1]: 65536:1 {community}"),
        format!("FILE:9: neighbor[0].communities[2]: no-exports {community}"),
        "FILE:9: neighbor[0].communities[3]: 7 must be a string".to_owned(),
        "FILE:10: neighbor[0].password: is no known key; a key stands in a file of its own, which password-file names"
            .to_owned(),
        "FILE:12: neighbor[1].address: fe80::1 is link-local and must name its link: fe80::1%eth0".to_owned(),
        "FILE:11: neighbor[1].ttl-security: cannot be used with multihop: it says how far away the neighbour is, too"
            .to_owned(),
        "FILE:15: neighbor[2].address: is missing: a neighbour has an address, or the interface that it is at"
            .to_owned(),
        "FILE:17: neighbor[2].families[1]: ipx must be ipv4 or ipv6".to_owned(),
        "FILE:22: neighbor[3].role: boss must be provider, customer, peer, route-server or route-server-client"
            .to_owned(),
        "FILE:21: neighbor[3].med: -1 must be a whole number, 0 to 4294967295".to_owned(),
        "FILE:18: neighbor[3].address: 10.0.0.1 has a [[neighbor]] of its own already".to_owned(),
        "FILE:1: lisen: is no known key; listen?".to_owned(),
        "--holdtime: 1s must be 3s to 65535s".to_owned(),
    ];
    assert_eq!(lines, expected, "{lines:#?}");
    assert!(!lines.concat().contains("hunter2"));
}

#[test]
fn what_cannot_go_together_is_refused() {
    for (keys, said) in [
        ("dial = false", "dial: is false, and listen is false, too: no session could ever come up"),
        ("passive = true\nlisten = false", "passive: contradicts dial or listen"),
        ("source = \"fd00::1\"", "source: fd00::1 is not of the neighbour's family"),
        (
            "local-as = 65001\nrole = \"peer\"",
            "role: is for neighbours of another AS, this one is in ours (65001)",
        ),
        ("extended-next-hop = true", "extended-next-hop: needs next-hop-ipv6 towards an IPv4 neighbour"),
        ("families = []", "families: the list must not be empty"),
        ("families = [\"ipv4\", \"ipv4\"]", "families: names a family twice"),
        (
            "interface = \"eth0\"",
            "address: cannot be used with interface: write fe80::1%eth0 for one address of a link",
        ),
    ] {
        let lines = wrong(keys);
        assert!(lines.contains(&format!("FILE:1: neighbor[0].{said}")), "{keys}: {lines:#?}");
    }
    let text = "[[neighbor]]\naddress = \"10.0.0.1\"\n";
    let lines = given(text, &[]).map(|_| ()).expect_err("no AS");
    assert_eq!(lines, ["FILE:1: neighbor[0].as: is missing, and --neighbor-as is not given"]);
}

#[test]
fn single_values_have_their_rules() {
    for (key, said) in [
        ("hold-time = 9", "9 must be a duration of whole seconds with its unit, e.g. \"90s\""),
        ("hold-time = \"3.5s\"", "3.5s must be a duration of whole seconds"),
        ("hold-time = \"65536s\"", "65536s must be 0 or at least 3s"),
        ("graceful-restart-time = \"4096s\"", "4096s must be 1s to 4095s"),
        ("long-lived-stale-time = \"16777216s\"", "16777216s must be 1s to 16777215s"),
        ("port = 0", "0 must be a whole number, 1 to 65535"),
        ("ttl-security = 255", "255 must be a whole number, 1 to 254"),
        ("listen = \"yes\"", "yes must be true or false"),
        ("families = \"ipv4\"", "ipv4 must be a list of strings"),
        ("next-hop-ipv4 = \"0.0.0.0\"", "0.0.0.0 must be the IPv4 address of one host"),
        ("next-hop-ipv6 = \"fe80::1\"", "fe80::1 must be the IPv6 address of one host, not a link-local one"),
        ("extended-communities = [\"rt:65536:65536\"]", "rt:65536:65536 must be rt:AS:NUMBER"),
        ("extended-communities = [\"0x00\"]", "0x00 must be rt:AS:NUMBER"),
        ("large-communities = [\"1:2\"]", "1:2 must be A:B:C, three numbers of 32 bits"),
        ("link-bandwidth = \"10Gb\"", "10Gb must be octets a second"),
        ("link-bandwidth = 0", "0 must be octets a second"),
        ("link-bandwidth = \"infbit\"", "infbit must be octets a second"),
        ("med = 1.5", "1.5 must be a whole number"),
        ("med = 4294967296", "4294967296 must be a whole number"),
        ("password-file = \"nowhere\"", "nowhere cannot be read: No such file or directory"),
    ] {
        let lines = wrong(key);
        assert!(lines.len() == 1 && lines[0].contains(said), "{key}: {lines:#?}");
        assert!(lines[0].starts_with("FILE:"), "{key}: {lines:#?}");
    }
    let long = format!("shutdown-text = \"{}\"", "x".repeat(256));
    assert!(wrong(&long)[0].ends_with("has 256 octets, must have 255 at most (RFC 9003)"));
    assert_eq!(one(&long.replacen("xx", "x", 1)).shutdown_text.len(), 255);
}

#[test]
fn what_is_no_toml_is_told_without_its_text() {
    let lines = given("listen = true\npassword = \"hunter2\nx\n", &[]).map(|_| ()).expect_err("broken");
    assert!(lines.iter().any(|line| line.starts_with("FILE:2: is not TOML: ")), "{lines:#?}");
    assert!(!lines.concat().contains("hunter2"), "{lines:#?}");
    for text in ["neighbor = 1", "defaults = true", "[neighbor]\naddress = \"10.0.0.1\""] {
        let lines = given(text, &[]).map(|_| ()).expect_err(text);
        assert!(lines.iter().any(|line| line.contains("must be a")), "{text}: {lines:#?}");
    }
    assert!(resolve(Path::new("/"), &[]).is_err(), "a directory");
}

#[test]
fn a_key_is_the_first_line_of_its_file_and_never_shown() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("speaker.toml");
    let text = "[[neighbor]]\naddress = \"10.0.0.1\"\nas = 65001\npassword-file = \"key\"\n";
    std::fs::write(&path, text).expect("written");
    let load = |key: &[u8], more: &[&str]| {
        std::fs::write(dir.path().join("key"), key).expect("written");
        resolve(&path, more)
    };
    for (file, key) in
        [(&b"hunter2"[..], &b"hunter2"[..]), (b"hunter2\n", b"hunter2"), (b"a b \r\nmore", b"a b ")]
    {
        let config = load(file, &["--auth-password=other"]).expect("valid");
        assert_eq!(config.neighbors[0].peer.0.password, bgp::net::Password::new(key));
        assert!(!format!("{config:?}").contains("hunter2"));
        assert_eq!(config.files, [path.clone(), dir.path().join("key")]);
    }
    let lines = load(&[b'x'; 81], &[]).map(|_| ()).expect_err("too long");
    assert!(lines[0].ends_with("has a first line of 81 octets, must be 1 to 80"), "{lines:?}");
    assert!(load(b"\nhunter2", &[]).is_err(), "an empty line is no key");
    std::fs::write(&path, text.replace("\"key\"", "\"\"")).expect("written");
    let none = resolve(&path, &["--auth-password=other"]).expect("valid");
    assert!(none.neighbors[0].peer.0.password.is_none(), "explicitly none");
}

#[test]
fn what_is_legal_but_does_nothing_is_warned_about() {
    for (keys, said) in [
        ("local-pref = 5", "local-pref: is not told to another AS"),
        ("local-as = 65001\nprepend = 1", "prepend: is without effect within an AS"),
        ("role-strict = true", "role-strict: is without effect without role"),
        (
            "long-lived-stale-time = \"5s\"",
            "long-lived-stale-time: is without effect without graceful-restart",
        ),
        ("families = [\"ipv6\"]", "families: ipv6 over IPv4 needs next-hop-ipv6: none is announced"),
    ] {
        let text = format!("[[neighbor]]\naddress = \"10.0.0.1\"\nas = 65001\n{keys}\n");
        let warnings = given(&text, &[]).expect(keys).warnings;
        assert!(warnings.len() == 1 && warnings[0].ends_with(said), "{keys}: {warnings:?}");
    }
}

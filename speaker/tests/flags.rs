//! Every flag and environment variable of `run`, through the real parser and [`Config::resolve`].

mod command_line;

use std::collections::BTreeSet;
use std::path::Path;

use clap::CommandFactory;
use command_line::{BASE, environment, resolve, with};
use speaker::cli::Cli;
use speaker::config::{Config, Environment, Mode, Source};
use speaker::logging::{FileSettings, Threshold};

fn shown<T: std::fmt::Debug>(of: fn(&Config) -> T, args: &[&str]) -> String {
    match with(args) {
        Ok(config) => format!("{:?}", of(&config)),
        Err(end) => panic!("{args:?}: {end:?}"),
    }
}

fn neighbors(config: &Config) -> Vec<String> {
    config.neighbors.iter().map(|one| one.peer.0.dialing.remote.to_string()).collect()
}

#[test]
fn what_flags_turn_on_is_turned_on_for_every_neighbour() {
    let session = |args: &[&str], of: usize| with(args).expect("valid").neighbors[of].peer.0.session.clone();
    assert!(session(&[], 0).restart.is_none());
    let restart = session(&["--graceful-restart", "--graceful-restart-time=2m0.5s"], 1).restart.expect("on");
    assert_eq!((restart.time, restart.restarted, restart.forwarding), (120, false, false));
    let families =
        |session: bgp::fsm::Config| session.families.iter().map(ToString::to_string).collect::<Vec<_>>();
    let both = session(&["--extended-nexthop"], 1);
    assert!(both.extended_next_hop);
    assert_eq!(families(both), ["ipv6-unicast", "ipv4-unicast"], "the IPv6 family stays");
    let plain = session(&["--extended-nexthop"], 0);
    assert!(!plain.extended_next_hop, "an IPv4 session needs none");
    assert_eq!(families(plain), ["ipv4-unicast"]);
    let keyed = with(&["--auth-password=hunter2"]).expect("valid");
    assert!(keyed.neighbors.iter().all(|one| one.peer.0.password == bgp::net::Password::new(b"hunter2")));
    let linked = with(&["--neighbor-ipv6-address", "fe80::2%eth0,fe80::2%eth1"]).expect("valid");
    let names: Vec<String> = linked.neighbors.iter().map(|one| one.addr().to_string()).collect();
    assert_eq!(names, ["10.0.0.1", "fd00::1", "fe80::2%eth0", "fe80::2%eth1"]);
}

#[test]
fn the_state_is_kept_where_the_log_is_unless_told_otherwise() {
    let dir = |args: &[&str]| with(args).expect("valid").state_dir;
    assert_eq!(dir(&["--state-dir", "/s", "--log_file=/l/f"]), Some("/s".into()));
    assert_eq!(dir(&["--log_file=/l/f", "--log_dir=/d"]), Some("/l".into()));
    assert_eq!(dir(&["--log_dir=/d"]), Some("/d".into()));
}

#[test]
fn good_values_reach_the_configuration() {
    fn neighbor<T: std::fmt::Debug>(of: fn(&bgp::net::PeerConfig) -> T) -> impl Fn(&[&str]) -> String {
        move |args| format!("{:?}", with(args).map(|config| of(&config.neighbors[0].peer.0)).expect("valid"))
    }
    let both = r#"["10.0.0.1:179", "10.0.0.2:179", "[fd00::1]:179"]"#;
    assert_eq!(shown(neighbors, &["--neighbor-address", "10.0.0.2, 10.0.0.1"]), both);
    assert_eq!(shown(neighbors, &["--neighbor-address=10.0.0.2", "--neighbor-ipv6-address="]), both);
    assert_eq!(neighbor(|one| one.session.peer_as.get())(&["--neighbor-as", "0xfde9"]), "65001");
    assert_eq!(neighbor(|one| one.session.local_as.get())(&["--cluster-as=4200000000"]), "4200000000");
    assert_eq!(neighbor(|one| one.session.hold_time.seconds())(&["--holdtime=1m0s"]), "60");
    assert_eq!(neighbor(|one| one.session.hold_time.seconds())(&["--holdtime=3.9s"]), "3");
    assert_eq!(neighbor(|one| one.session.hold_time.seconds())(&["--holdtime=65536s"]), "65535");
    assert_eq!(neighbor(|one| one.dialing.hops)(&["--ebgp-multihop=017"]), "AtMost(15)");
    assert_eq!(neighbor(|one| one.session.dial)(&["--passivemode"]), "false");
    assert_eq!(neighbor(|one| one.session.dial)(&["--passivemode", "--passivemode=F"]), "true");
    assert_eq!(shown(|c| c.router_id.to_string(), &[]), "\"10.0.0.7\"");
    assert_eq!(shown(|c| c.router_id.to_string(), &["--router-id", "1.1.1.1"]), "\"1.1.1.1\"");
    assert_eq!(shown(|c| c.router_id.to_string(), &["--router-id="]), "\"10.0.0.7\"");
    assert_eq!(shown(|c| c.node.clone(), &["--node-name=Node-B"]), "\"node-b\"");
    let ips = ["--node-ips=10.9.0.1,fd09::1", "--node-ips=10.9.0.2"];
    assert_eq!(shown(|c| c.substitution.node_ips.clone(), &ips), "[10.9.0.2, fd09::1]");
    let listed = ["--allowed-source-addresses=10.0.0.8,10.0.0.9", "--allowed-source-ipv6-addresses=fd00::8"];
    assert_eq!(shown(|c| c.allowed_sources.clone(), &listed), "[10.0.0.8, 10.0.0.9, fd00::8]");
    assert_eq!(shown(|c| c.listen, &["--passivemode=true", "--bgp-port=1790"]), "Some(1790)");
    let mode = |args: &[&str]| shown(|c| c.mode.clone(), args);
    assert_eq!(mode(&[]), "Node { announce_cluster_ip: false, local_only: false }");
    let both = ["--announce-cluster-ip", "--local-only"];
    assert_eq!(mode(&both), "Node { announce_cluster_ip: true, local_only: true }");
    let ours = |args: &[&str]| shown(|c| (c.intent_max_age, c.events), args);
    assert_eq!(ours(&["--intent-max-age=10m", "--events=false"]), "(Some(600s), false)");
    assert_eq!(ours(&[]), "(None, true)");
    let http = |args: &[&str]| shown(|c| c.http_port, args);
    assert_eq!((http(&[]), http(&["--pprof-port=1"])), ("Some(10667)".into(), "Some(1)".into()));
    assert_eq!(http(&["--enable-metrics=false", "--pprof-port=0"]), "None");
    let grpc = |args: &[&str]| shown(|c| (c.grpc.to_string(), c.grpc_writable), args);
    assert_eq!(grpc(&[]), r#"("127.0.0.1:50051", false)"#);
    assert_eq!(
        grpc(&["--grpc-host=::1", "--grpc-port=65535", "--grpc-writable"]),
        r#"("[::1]:65535", true)"#
    );
    assert_eq!(shown(|c| c.socket.clone(), &["--socket", "/s"]), "\"/s\"");
    assert_eq!(shown(|c| c.source.clone(), &["--kubeconfig="]), "Manifests(\"/m\")");
}

#[test]
fn flags_that_only_tune_what_is_off_are_accepted_and_looked_at() {
    let tuned = [
        "--graceful-restart=false",
        "--graceful-restart-time=1m",
        "--graceful-restart-deferral-time=18h",
        "--extended-nexthop=false",
        "--enable-bfd=false",
        "--bfd-min-tx=1",
        "--bfd-min-rx=4294967",
        "--bfd-detection-multiplier=255",
        "--auth-password=",
    ];
    assert_eq!(shown(|c| c.warnings.clone(), &tuned), "[]");
    let out_of_range = ["--graceful-restart-time=0s", "--bfd-min-rx=0"];
    let warnings = "[\"--bfd-min-rx: 0 must be 1 to 4294967 (ms)\", \"--graceful-restart-time: 0ns must be 1s to 4095s\"]";
    assert_eq!(shown(|c| c.warnings.clone(), &out_of_range), warnings);
}

#[test]
fn the_environment_counts_as_upstream_has_it() {
    let router_id = |pod_ips: &str, pod_ip: &str| {
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let environment =
            Environment { pod_ips: given(pod_ips), pod_ip: given(pod_ip), ..Environment::default() };
        resolve(&BASE, &environment).map(|config| config.router_id.to_string()).ok()
    };
    assert_eq!(router_id("10.0.0.8", "10.0.0.9").as_deref(), Some("10.0.0.8"));
    assert_eq!(router_id("fd00::8, 10.0.0.8", "").as_deref(), Some("10.0.0.8"));
    assert_eq!(router_id("", "10.0.0.9").as_deref(), Some("10.0.0.9"));
    for wrong in ["fd00::8", "10.0.0.8,10.0.0.9", "10.0.0.8,fd00::8,fd00::9", "x"] {
        assert_eq!(router_id(wrong, "10.0.0.9"), None, "{wrong}: POD_IP only counts without POD_IPS");
    }
}

#[test]
fn a_gateway_needs_no_node_and_announces_nothing_without_its_name() {
    let args = ["speaker", "--nat-gw-mode", "--router-id=1.1.1.1", "--holdtime=1m0s", "--cluster-as=65500"];
    let more = ["--neighbor-as=65000", "--neighbor-address=100.127.4.161", "-v5", "--log-perm=rw"];
    let args = [&args[..], &more].concat();
    let named = Environment { gateway_name: Some("gw1".into()), ..environment() };
    let config = resolve(&args, &named).expect("valid");
    assert_eq!(config.mode, Mode::NatGateway { gateway: Some("gw1".into()) });
    assert_eq!((config.node.as_str(), config.log.verbosity, config.warnings.len()), ("", 5, 0));
    assert_eq!(config.source, Source::Cluster { kubeconfig: None });
    let nameless = resolve(&args, &environment()).expect("not fatal");
    assert_eq!(nameless.mode, Mode::NatGateway { gateway: None });
    assert_eq!(nameless.warnings, ["GATEWAY_NAME: is empty: nothing is announced"]);
    let outside = resolve(&[&args[..], &["--kubeconfig=/k"]].concat(), &named).expect("valid");
    assert_eq!(outside.source, Source::Cluster { kubeconfig: Some("/k".into()) });
}

#[test]
fn klog_flags_say_where_the_log_goes() {
    let log = |args: &[&str]| with(args).map(|config| config.log).expect("valid");
    let file =
        |path: &str, max_size, mode| Some(FileSettings { path: path.into(), max_size, mode: Some(mode) });
    let default = log(&[]);
    assert_eq!((default.stderr, default.file, default.headers), (Threshold::Info, None, true));
    let shipped =
        ["--logtostderr=false", "--alsologtostderr=true", "--log_file=/l", "--log_file_max_size=200"];
    let both = log(&shipped);
    assert_eq!((both.stderr, both.file), (Threshold::Info, file("/l", 200 << 20, 0o640)));
    let quiet = log(&["--logtostderr=false", "--log_dir=/d", "--log-perm=600", "--log_file_max_size=0"]);
    assert_eq!((quiet.stderr, quiet.file), (Threshold::Error, file("/d/kube-ovn-speaker.log", 0, 0o600)));
    let stderr = |args: &[&str]| log(&[&["--logtostderr=false", "--log_file=/l"], args].concat()).stderr;
    assert_eq!(stderr(&["--stderrthreshold=warning"]), Threshold::Warning);
    assert_eq!(stderr(&["--stderrthreshold", "3"]), Threshold::Fatal);
    assert_eq!(stderr(&["--alsologtostderr", "--alsologtostderrthreshold=1"]), Threshold::Warning);
    let honoured = ["--alsologtostderr", "--legacy_stderr_threshold_behavior=false"];
    assert_eq!(stderr(&honoured), Threshold::Error);
    assert_eq!(log(&["--legacy_stderr_threshold_behavior=false"]).stderr, Threshold::Error);
    assert_eq!(log(&["--log_file=/l"]).file, None, "--logtostderr is on");
    let nowhere = ["--logtostderr=false", "--legacy_stderr_threshold_behavior=false"];
    assert_eq!(log(&nowhere).stderr, Threshold::Info, "no file: everything goes to stderr");
    for form in [&["-v5"][..], &["-v", "5"], &["-v=5"], &["--v=5"], &["--v", "5"], &["-v1", "-v5"]] {
        assert_eq!(log(form).verbosity, 5, "{form:?}");
    }
    let ignored = ["--one_output", "--skip_log_headers", "--add_dir_header", "--log_backtrace_at=a.go:1"];
    assert!(!log(&[&ignored[..], &["--vmodule=a=1", "--skip_headers"]].concat()).headers);
}

/// The tables above and `docs/cli.md` leave no flag out.
#[test]
fn every_flag_is_tested_here_and_documented() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(here.join(path)).expect("a file of ours");
    let tests = ["flags.rs", "flags_refused.rs", "command_line/mod.rs"]
        .map(|file| read(&format!("tests/{file}")))
        .concat();
    let docs = read("../docs/cli.md");
    let command = Cli::command();
    let names: BTreeSet<_> = command.get_arguments().filter_map(|arg| arg.get_long()).collect();
    assert!(names.len() > 45, "{names:?}");
    for name in names {
        assert!(tests.contains(&format!("\"--{name}")), "--{name} has no test");
        assert!(docs.contains(&format!("| `--{name}")), "--{name} is not documented");
    }
}

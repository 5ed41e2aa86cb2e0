//! Command lines that are refused, and what is said about them.

mod command_line;

use clap::Parser;
use command_line::{BASE, End, resolve, with};
use speaker::cli::Cli;
use speaker::config::Environment;

/// One octet more than the kernel takes as a TCP MD5 key.
const KEY_81: &str = "123456789 123456789 123456789 123456789 123456789 123456789 123456789 123456789 1";

#[test]
fn wrong_values_are_told_with_flag_value_and_rule() {
    for (args, said) in [
        (&["--neighbor-address=fd00::2"][..], "--neighbor-address: fd00::2 must be an IPv4 address"),
        (&["--neighbor-address=0.0.0.0"], "--neighbor-address: 0.0.0.0 must be the address of one host"),
        (&["--neighbor-ipv6-address=10.0.0.2"], "--neighbor-ipv6-address: 10.0.0.2 must be an IPv6 address"),
        (&["--neighbor-as=0"], "missing required flags: --neighbor-as must be specified"),
        (&["--cluster-as=0"], "missing required flags: --cluster-as must be specified"),
        (
            &["--node-name="],
            "missing required flags: --node-name or the environment's NODE_NAME must be specified",
        ),
        (&["--router-id=::1"], "--router-id: ::1 must be an IPv4 address other than 0.0.0.0"),
        (&["--allowed-source-addresses=::1"], "--allowed-source-addresses: ::1 must be an IPv4 address"),
        (
            &["--allowed-source-ipv6-addresses=10.0.0.1"],
            "--allowed-source-ipv6-addresses: 10.0.0.1 must be an IPv6 address",
        ),
        (
            &["--neighbor-ipv6-address=fe80::1"],
            "--neighbor-ipv6-address: fe80::1 is link-local and must name its link: fe80::1%eth0",
        ),
        (&["--auth-password", KEY_81], "--auth-password: a key of 81 octets must have 1 to 80"),
        (&["--holdtime=2.9s"], "--holdtime: 2.9s must be 3s to 65535s"),
        (&["--holdtime=65537s"], "--holdtime: 65537s must be 3s to 65535s"),
        (
            &["--graceful-restart", "--graceful-restart-time=4096s"],
            "--graceful-restart-time: 4096s must be 1s to 4095s",
        ),
        (
            &["--graceful-restart", "--graceful-restart-deferral-time=19h"],
            "--graceful-restart-deferral-time: 68400s must be 1s to 18h",
        ),
        (
            &["--enable-bfd", "--bfd-min-rx=0"],
            "missing required flags: --bfd-min-rx: 0 must be 1 to 4294967 (ms)",
        ),
        (&["--ebgp-multihop=0"], "--ebgp-multihop: 0 must be 1 to 255"),
        (&["--ebgp-multihop=256"], "--ebgp-multihop: 256 must be 1 to 255"),
        (&["--kubeconfig=/k"], "--kubeconfig: /k cannot be used with --manifests"),
        (
            &["--config=/nonexistent"],
            "--config: /nonexistent cannot be read: No such file or directory (os error 2)",
        ),
        (&["--bgp-port=65536"], "--bgp-port: 65536 must be 1 to 65535"),
        (&["--grpc-port=0"], "--grpc-port: 0 must be 1 to 65535"),
        (&["--pprof-port=-1"], "--pprof-port: -1 must be 1 to 65535"),
        (&["--log-perm=888"], "--log-perm: \"888\" must be octal, 0 to 777"),
        (&["--log-perm=+640"], "--log-perm: \"+640\" must be octal, 0 to 777"),
    ] {
        match with(args) {
            Err(End::Wrong(lines)) => assert_eq!(lines, [said], "{args:?}"),
            other => panic!("{args:?}: {other:?}"),
        }
    }
}

#[test]
fn all_of_it_is_told_in_one_pass() {
    let args = [
        "speaker",
        "--graceful-restart",
        "--graceful-restart-time=4096s",
        "--graceful-restart-deferral-time=500ms",
        "--enable-bfd",
        "--bfd-min-tx=4294968",
        "--bfd-detection-multiplier=256",
        "--grpc-port=0",
    ];
    let Err(End::Wrong(lines)) = resolve(&args, &Environment::default()) else { panic!("accepted") };
    assert_eq!(
        lines,
        [
            "missing required flags: at least one of --neighbor-address or --neighbor-ipv6-address must be specified; \
             --neighbor-as must be specified; --cluster-as must be specified; \
             --node-name or the environment's NODE_NAME must be specified; \
             --bfd-min-tx: 4294968 must be 1 to 4294967 (ms); --bfd-detection-multiplier: 256 must be 1 to 255",
            "--graceful-restart-time: 4096s must be 1s to 4095s",
            "--graceful-restart-deferral-time: 500ms must be 1s to 18h",
            "--router-id: not given, and neither POD_IPS nor POD_IP has an IPv4 address",
            "--grpc-port: 0 must be 1 to 65535",
        ]
    );
}

#[test]
fn what_does_not_parse_is_a_usage_error_that_names_flag_and_value() {
    for (args, said) in [
        (&["--neighbor-address=10.0.0.1,x"][..], "'--neighbor-address <IP,...>': \"x\" is no IP address"),
        (&["--neighbor-ipv6-address=fd:::1"], "\"fd:::1\" is no IP address"),
        (&["--node-ips=10.0.0.1,"], "'--node-ips <IP,...>': \"\" is no IP address"),
        (&["--neighbor-as=1.5"], "\"1.5\" is no whole number from 0 to 4294967295"),
        (&["--cluster-as=4294967296"], "\"4294967296\" is no whole number"),
        (&["--router-id=1.1.1"], "'--router-id <IP>': \"1.1.1\" is no IP address"),
        (&["--grpc-host=localhost"], "\"localhost\" is no IP address"),
        (&["--holdtime=90"], "\"90\" is no duration: write a number with a unit"),
        (&["--graceful-restart-time=90"], "\"90\" is no duration"),
        (&["--bfd-min-tx=-1"], "\"-1\" is no whole number"),
        (&["--grpc-port=x"], "\"x\" is no whole number from -2147483648 to 2147483647"),
        (&["--passivemode=yes"], "\"yes\" is neither true nor false"),
        (&["--passivemode="], "\"\" is neither true nor false"),
        (&["--passivemode", "true"], "'true'"),
        (&["--log_file_max_size=-1"], "\"-1\" is no whole number from 0 to 18446744073709551615"),
        (&["--stderrthreshold=LOUD"], "\"LOUD\" is none of INFO, WARNING, ERROR, FATAL and 0 to 3"),
        (&["-vx"], "\"x\" is no whole number"),
        (&["--log-file=/l"], "'--log-file'"),
        (&["--no-such-flag"], "'--no-such-flag'"),
        (&["--neighbor-as"], "'--neighbor-as <AS>'"),
    ] {
        match with(args) {
            Err(End::Usage(text)) => assert!(text.contains(said), "{args:?}: {text}"),
            other => panic!("{args:?}: {other:?}"),
        }
        let Err(error) = Cli::try_parse_from([&BASE, args].concat()) else { panic!("{args:?}") };
        assert_eq!(error.exit_code(), 2, "{args:?}");
    }
    let Err(help) = Cli::try_parse_from(["speaker", "--help"]) else { panic!("no help") };
    assert_eq!(help.exit_code(), 0);
}

#[test]
fn nothing_prints_the_password() {
    let args = [&BASE[..], &["--auth-password", "hunter2"]].concat();
    let cli = Cli::try_parse_from(&args).expect("parses");
    let said = format!("{cli:?}{:?}", with(&args[7..]));
    assert!(said.contains("(hidden)") && !said.contains("hunter2"), "{said}");
}

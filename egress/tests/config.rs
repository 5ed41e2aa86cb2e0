//! Flags: what is taken, and what is said of what is not.

use std::time::Duration;

use clap::Parser;
use egress::cli::{Cli, Command};
use egress::config::{Config, Question};

fn resolve(arguments: &[&str]) -> Result<Config, String> {
    let cli = Cli::try_parse_from([&["egress"], arguments].concat()).map_err(|error| error.to_string())?;
    let flags = match cli.command {
        Some(Command::Run(flags)) => flags,
        _ => cli.run,
    };
    Config::resolve(&flags, "host1", 0xabc).map_err(|problems| problems.to_string())
}

fn problem(arguments: &[&str]) -> String {
    resolve(arguments).expect_err("it is bad")
}

#[test]
fn without_flags_it_serves_kube_ovns_group_on_the_local_databases() {
    let config = resolve(&[]).expect("defaults are good");
    assert_eq!((config.served.group(), config.served.vendor()), ("kubeovn.io", "kube-ovn"));
    assert_eq!(config.served.finalizer(), "kubeovn.io/kube-ovn-controller");
    assert_eq!(config.places.northbound, ["unix:/var/run/ovn/ovnnb_db.sock".into()]);
    assert_eq!(config.metrics.map(|address| address.to_string()).as_deref(), Some("[::]:10668"));
    let election = config.election.expect("a leader is elected");
    assert_eq!((&*election.name, &*election.identity), ("egress", "host1_00000abc"));
    assert_eq!(election.timing.duration, Duration::from_secs(15));
}

#[test]
fn another_group_has_its_own_lease_finalizer_and_vendor() {
    let config = resolve(&["run", "--group=egress.example.org"]).expect("it is good");
    assert_eq!(config.served.vendor(), "egress.example.org");
    assert_eq!(config.served.finalizer(), "egress.example.org/egress");
    assert_eq!(config.election.map(|one| one.name), Some("egress.egress.example.org".into()));
}

#[test]
fn several_remotes_and_no_election() {
    let nb = "--ovn-nb=tcp:10.0.0.1:6641, tcp:[fd00::2]:6641";
    let config = resolve(&[nb, "--leader-elect=false", "--metrics-address=off"]).expect("it is good");
    assert_eq!(config.places.northbound, ["tcp:10.0.0.1:6641".into(), "tcp:[fd00::2]:6641".into()]);
    assert!(config.election.is_none() && config.metrics.is_none());
}

#[test]
fn each_bad_value_is_one_line_with_flag_value_and_rule() {
    let remotes = "is not a comma-separated list of unix:PATH, tcp:HOST:PORT and ssl:HOST:PORT (an IPv6 address in brackets)";
    for (flag, value, rule) in [
        ("--ovn-nb", "10.0.0.1:6641", remotes),
        ("--ovn-nb", "tcp:10.0.0.1", remotes),
        ("--ovn-nb", "tcp:a:1,,", remotes),
        ("--ovn-sb", "tcp:a:0", remotes),
        ("--ovn-nb", "tcp:fd00::1:6641", remotes),
        ("--ovn-sb", "ssl:a:6642", "needs --ovn-private-key, --ovn-certificate and --ovn-ca-cert for ssl:"),
        ("--group", "kubeovn", "is not an API group, a DNS name with a dot"),
        ("--group", "Kube.ovn", "is not an API group, a DNS name with a dot"),
        ("--custom-vpc-rows", "routes", "is none of auto, static and policy"),
        ("--default-vpc", "Default", "is not a name of an object"),
        ("--gateway-image", "an image", "is not a name of an image"),
        ("--lease-duration", "2", "is not a number of seconds from 3 to 600"),
        ("--lease-duration", "601s", "is not a number of seconds from 3 to 600"),
        ("--lease-namespace", "Kube", "is not the name of a namespace"),
        ("--lease-name", "a_b", "is not a name of an object"),
        ("--identity", "", "is empty, or longer than 128 octets"),
        ("--metrics-address", "10668", "is not :PORT, ADDRESS:PORT or off"),
        ("--log-level", "5", "is none of error, warn, info, debug and trace"),
    ] {
        let said = problem(&[&format!("{flag}={value}")]);
        assert_eq!(said, format!("{flag}: {value:?} {rule}"));
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let said = problem(&["--group=x", "--ovn-nb=x", "--lease-duration=x", "--custom-vpc-rows=x"]);
    assert_eq!(said.lines().count(), 4, "{said}");
}

#[test]
fn explain_takes_one_object() {
    let ask = |object: &str| {
        let cli = Cli::try_parse_from(["egress", "explain", object]).expect("it is well formed");
        let Some(Command::Explain(flags)) = cli.command else { panic!("another command") };
        Question::resolve(&flags)
            .map(|question| question.subject.to_string())
            .map_err(|error| error.to_string())
    };
    assert_eq!(ask("veg/default/gateway1").as_deref(), Ok("veg/default/gateway1"));
    assert_eq!(ask("vpc/vpc1").as_deref(), Ok("vpc/vpc1"));
    let rule = "is neither veg/NAMESPACE/NAME nor vpc/NAME";
    assert_eq!(ask("pod/default/x"), Err(format!("OBJECT: \"pod/default/x\" {rule}")));
    assert_eq!(ask("veg/x"), Err(format!("OBJECT: \"veg/x\" {rule}")));
}

#[test]
fn the_command_line_is_sound() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
}

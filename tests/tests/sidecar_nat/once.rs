//! What `prepare` and `--dry-run` do.

use tests::fault::{Result, ensure};

use super::lab::{ENVIRONMENT, Lab, OUTSIDE, SERVERS};

/// A source, and whether the server is to see the gateway instead: of the subnet, but not the address that is excepted; not
/// of another subnet that is excepted; and of one that nobody named only where those are asked for.
const SOURCES: [(&str, bool, bool); 7] = [
    ("10.16.0.9", true, true),
    ("10.16.1.1", false, false),
    ("10.99.7.9", false, false),
    ("10.88.0.9", false, true),
    ("fd00:10::9", true, true),
    ("fd00:10::1:1", false, false),
    ("fd00:88::9", false, true),
];

fn addresses(flavour: &'static str) -> Result<()> {
    for others in [false, true] {
        let lab = Lab::new(flavour)?;
        let more: &[&str] = if others { &["SNAT_OTHERS=true"] } else { &[] };
        lab.succeeds(&[&ENVIRONMENT[..], more].concat(), &["nat", "prepare"])?;
        for (source, alone, with_others) in SOURCES {
            let replaced = if others { with_others } else { alone };
            let expected = if replaced { OUTSIDE[usize::from(source.contains(':'))] } else { source };
            let seen = lab.seen(source)?.to_string();
            ensure(seen == expected, || format!("{flavour}, others {others}: {source} is seen as {seen}"))?;
            // A question from outside keeps its address, whatever is done to those that leave.
            let inside = lab.seen_inside(source)?.to_string();
            let server = SERVERS[usize::from(source.contains(':'))];
            ensure(inside == server, || format!("{flavour}: {source} sees the server as {inside}"))?;
        }
    }
    Ok(())
}

#[test]
fn sources_leave_with_the_address_their_policy_asks_for_by_nf_tables() {
    addresses("nft").unwrap();
}

#[test]
fn sources_leave_with_the_address_their_policy_asks_for_by_x_tables() {
    addresses("legacy").unwrap();
}

/// `ip` and `iptables` of a pod of the reference after kube-ovn's init script, for the same policies; where ours differs
/// on purpose (docs/sidecar.md) ours stands.
#[test]
fn the_kernel_holds_what_it_holds_in_the_reference() {
    let held = || -> Result<_> {
        let lab = Lab::new("nft")?;
        lab.succeeds(&ENVIRONMENT, &["nat", "prepare"])?;
        let shown = |words: &[&str]| lab.gateway.ip(words);
        let routing = (shown(&["-4", "rule"])?, shown(&["-4", "route", "show", "table", "1000"])?);
        let six = (shown(&["-6", "rule"])?, shown(&["-6", "route", "show", "table", "1000"])?);
        Ok((routing, six, lab.rules('4')?, lab.rules('6')?))
    };
    let ((rules, route), (rules6, route6), nat, nat6) = held().unwrap();
    let tabs = |text: &str| text.replace(":\t", ": ");
    assert_eq!(
        tabs(&rules),
        "0: from all lookup local
1001: from all iif eth0 lookup default
1002: from all iif net1 lookup 1000
1003: from 10.16.0.5 iif lo lookup 1000
1004: from 172.17.0.13 iif lo lookup default
32766: from all lookup main
32767: from all lookup default
"
    );
    assert_eq!(route.trim(), "default via 10.16.0.1 dev eth0");
    assert_eq!(
        tabs(&rules6),
        "0: from all lookup local
1001: from all iif eth0 lookup default
1002: from all iif net1 lookup 1000
1003: from fd00:10::5 iif lo lookup 1000
1004: from fd00:17::13 iif lo lookup default
32766: from all lookup main
"
    );
    assert!(route6.starts_with("default via fd00:10::1 dev eth0 "), "{route6}");
    assert_eq!(
        nat,
        "-P PREROUTING ACCEPT
-P INPUT ACCEPT
-P OUTPUT ACCEPT
-P POSTROUTING ACCEPT
-N VEG-MASQUERADE
-A POSTROUTING -o net1 -j VEG-MASQUERADE
-A VEG-MASQUERADE -s 10.16.1.1/32 -j RETURN
-A VEG-MASQUERADE -s 10.99.7.0/24 -j RETURN
-A VEG-MASQUERADE -s 10.16.0.0/16 -j MASQUERADE --random-fully
"
    );
    let own: Vec<&str> = nat6.lines().filter(|line| line.starts_with("-A")).collect();
    assert_eq!(
        own,
        [
            "-A POSTROUTING -o net1 -j VEG-MASQUERADE",
            "-A VEG-MASQUERADE -s fd00:10::1:1/128 -j RETURN",
            "-A VEG-MASQUERADE -s fd00:10::/64 -j MASQUERADE --random-fully",
        ]
    );
}

const SYSCTLS: [(&str, &str); 10] = [
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/eth0/rp_filter", "0"),
    ("net/ipv4/conf/net1/rp_filter", "0"),
    ("net/ipv4/conf/all/send_redirects", "0"),
    ("net/ipv4/conf/eth0/send_redirects", "0"),
    ("net/ipv4/conf/net1/send_redirects", "0"),
    ("net/ipv6/conf/all/forwarding", "1"),
    ("net/ipv6/conf/eth0/accept_ra", "0"),
    ("net/ipv6/conf/net1/accept_ra", "0"),
];

fn sysctls() -> Result<()> {
    let lab = Lab::new("nft")?;
    let flip = |value: &str| if value == "0" { "1" } else { "0" };
    for (path, value) in SYSCTLS {
        lab.gateway.exec(&["sh", "-c", &format!("echo {} >/proc/sys/{path}", flip(value))])?;
    }
    lab.route()?; // a change of forwarding takes routes away
    lab.succeeds(&ENVIRONMENT, &["nat", "prepare"])?;
    for (path, value) in SYSCTLS {
        let is = lab.gateway.exec(&["cat", &format!("/proc/sys/{path}")])?;
        ensure(is.trim() == value, || format!("{path} is {is}"))?;
    }
    Ok(())
}

#[test]
fn sysctls_are_set_whatever_they_were() {
    sysctls().unwrap();
}

/// Everything that a pass could change, with the numbers that the kernel gives to each rule it is handed.
fn everything(lab: &Lab) -> Result<String> {
    let mut all = String::new();
    for words in [&["nft", "-a", "list", "ruleset"][..], &["cat", "/proc/net/ip_tables_names"]] {
        all += &lab.gateway.exec(words)?;
    }
    for words in [&["-4", "rule"][..], &["-6", "rule"], &["-4", "route", "show", "table", "all"]] {
        all += &lab.gateway.ip(words)?;
    }
    Ok(all + &lab.gateway.exec(&["sysctl", "-a", "--pattern", "forward|rp_filter|redirects|accept_ra$"])?)
}

fn repeated() -> Result<()> {
    let lab = Lab::new("nft")?;
    let before = everything(&lab)?;
    for words in [&["nat", "--dry-run"][..], &["nat", "prepare", "--dry-run"]] {
        let told = lab.succeeds(&ENVIRONMENT, words)?;
        for line in [
            "ip -4 rule add priority 1001 iif eth0 lookup 253\n",
            "ip -6 route replace default via fd00:10::1 dev eth0 table 1000\n",
            "iptables-nft-restore --noflush <<END\n*nat\n:VEG-MASQUERADE - [0:0]\n",
            "sysctl -w net.ipv4.ip_forward=1\n",
        ] {
            ensure(told.contains(line), || format!("{words:?} does not tell {line:?}: {told}"))?;
        }
        ensure(everything(&lab)? == before, || format!("{words:?} changed something"))?;
    }
    lab.succeeds(&ENVIRONMENT, &["nat", "prepare"])?;
    let after = everything(&lab)?;
    ensure(after != before, || "nothing was changed".to_owned())?;
    lab.succeeds(&ENVIRONMENT, &["nat", "prepare"])?;
    ensure(everything(&lab)? == after, || "the second time changed something".to_owned())?;
    let told = lab.succeeds(&ENVIRONMENT, &["nat", "prepare", "--dry-run"])?;
    ensure(told == "# nothing is to be changed\n", || told)
}

#[test]
fn a_dry_run_tells_and_touches_nothing_and_a_second_run_changes_nothing() {
    repeated().unwrap();
}

/// What was told by the dry run, done by a shell, is what would have been done.
fn told_is_done() -> Result<()> {
    let lab = Lab::new("nft")?;
    let told = lab.succeeds(&ENVIRONMENT, &["nat", "prepare", "--dry-run"])?;
    lab.gateway.exec(&["sh", "-ec", &told])?;
    let left = lab.succeeds(&ENVIRONMENT, &["nat", "prepare", "--dry-run"])?;
    ensure(left == "# nothing is to be changed\n", || left)
}

#[test]
fn a_shell_does_what_the_dry_run_tells() {
    told_is_done().unwrap();
}

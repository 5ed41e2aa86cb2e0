//! What the loop keeps, and what it leaves alone.

use std::time::Duration;

use serde_json::Value;
use tests::fault::{Fault, Result, ensure};
use tests::wait;

use super::lab::{ENVIRONMENT, Lab, OUTSIDE};

/// For the loop to start, and to see what it is told of.
const LIMIT: Duration = Duration::from_secs(15);
/// Two seconds are promised; machines of tests are slow.
const REPAIR: Duration = Duration::from_secs(6);

/// `sidecar status -o json` and its exit code.
fn status(lab: &Lab) -> Result<(Value, i32)> {
    let output = lab.sidecar(&[], &["status", "-o", "json"])?;
    let code = output.status.code().unwrap_or(-1);
    ensure(code != 4, || String::from_utf8_lossy(&output.stderr).into_owned())?;
    Ok((serde_json::from_slice(&output.stdout)?, code))
}

/// Waits until the status is as wanted, or is not.
fn becomes(lab: &Lab, as_wanted: bool) -> Result<Value> {
    let (value, _) = wait::until(if as_wanted { "as wanted" } else { "not as wanted" }, LIMIT, || {
        let (value, code) = status(lab)?;
        let right = value["nat"]["asWanted"] == as_wanted && code == i32::from(!as_wanted);
        ensure(right, || format!("exit code {code}: {value}")).map(|()| value)
    })?;
    Ok(value)
}

fn flushed(flavour: &'static str) -> Result<()> {
    let lab = Lab::new(flavour)?;
    lab.succeeds(&ENVIRONMENT, &["nat", "prepare"])?;
    let mut daemon = lab.keep(&ENVIRONMENT, &[])?;
    becomes(&lab, true)?;
    let held = |lab: &Lab| -> Result<[String; 5]> {
        let ip = |words: &[&str]| lab.gateway.ip(words);
        let route = ip(&["-4", "route", "show", "table", "1000"])?;
        Ok([lab.rules('4')?, lab.rules('6')?, ip(&["-4", "rule"])?, ip(&["-6", "rule"])?, route])
    };
    let before = held(&lab)?;
    lab.iptables('4', &["-F"])?;
    lab.iptables('6', &["-D", "POSTROUTING", "1"])?;
    let back = || {
        let now = held(&lab)?;
        ensure(now == before, || format!("{before:?} is {now:?}"))
    };
    // Alone: the kernel tells of no change of x_tables.
    let (_, took) = wait::until("the nat table is back", REPAIR, back)?;
    println!("{flavour}: the nat table is back after {took:?}");
    lab.gateway.ip(&["-4", "rule", "del", "priority", "1002"])?;
    lab.gateway.ip(&["-6", "rule", "del", "priority", "1001"])?;
    lab.gateway.ip(&["-4", "route", "flush", "table", "1000"])?;
    let (_, took) = wait::until("routing is back", REPAIR, back)?;
    println!("{flavour}: routing is back after {took:?}");
    let seen = lab.seen("10.16.0.9")?.to_string();
    ensure(seen == OUTSIDE[0], || seen)?;
    let value = becomes(&lab, true)?;
    for (family, part, count) in [
        (0, "iptables", 1),
        (1, "iptables", 1),
        (0, "rule", 1),
        (1, "rule", 1),
        (0, "route", 1),
        (1, "route", 0),
    ] {
        let repairs = &value["nat"]["families"][family]["repairs"];
        // A flush that is seen half way is repaired twice.
        ensure(repairs[part].as_u64() >= Some(count) && (count > 0 || repairs[part] == 0), || {
            format!("{family} {part} {count}: {value}")
        })?;
    }
    ensure(daemon.log().contains("repaired family=IPv4 part=\"iptables\""), || daemon.log_tail())?;
    let code = daemon.terminate()?;
    ensure(code.success(), || format!("{code}; {}", daemon.log_tail()))?;
    ensure(held(&lab)? == before, || "rules went with the loop".to_owned())?;
    let code = lab.sidecar(&[], &["nat", "live"])?.status.code();
    ensure(code == Some(1), || format!("alive after its end: {code:?}"))
}

#[test]
fn what_is_flushed_comes_back_in_nf_tables() {
    flushed("nft").unwrap();
}

#[test]
fn what_is_flushed_comes_back_in_x_tables() {
    flushed("legacy").unwrap();
}

fn others() -> Result<()> {
    let lab = Lab::new("nft")?;
    let by_hand = [
        "-A POSTROUTING -d 192.0.2.7/32 -m comment --comment \"to -j VEG-MASQUERADE\" -j ACCEPT",
        "-A PREROUTING -i eth0 -p tcp -m tcp --dport 81 -j REDIRECT --to-ports 82",
        "-A MINE -s 10.7.0.0/16 -j MASQUERADE",
    ];
    lab.iptables('4', &["-N", "MINE"])?;
    lab.iptables(
        '4',
        &[
            "-A",
            "POSTROUTING",
            "-d",
            "192.0.2.7",
            "-m",
            "comment",
            "--comment",
            "to -j VEG-MASQUERADE",
            "-j",
            "ACCEPT",
        ],
    )?;
    lab.iptables(
        '4',
        &[
            "-A",
            "PREROUTING",
            "-i",
            "eth0",
            "-p",
            "tcp",
            "--dport",
            "81",
            "-j",
            "REDIRECT",
            "--to-ports",
            "82",
        ],
    )?;
    lab.iptables('4', &["-A", "MINE", "-s", "10.7.0.0/16", "-j", "MASQUERADE"])?;
    lab.gateway.ip(&["-4", "rule", "add", "priority", "900", "from", "10.7.0.0/16", "lookup", "77"])?;
    lab.gateway.ip(&["-4", "rule", "add", "priority", "1005", "iif", "eth0", "lookup", "77"])?;
    lab.gateway.ip(&["-4", "route", "add", "10.7.0.0/16", "via", "10.16.0.1", "table", "1000"])?;
    let mut daemon = lab.keep(&ENVIRONMENT, &[])?;
    wait::until("programmed", LIMIT, || {
        ensure(lab.rules('6')?.contains("-o net1 -j VEG-MASQUERADE"), || daemon.log_tail())
    })?;
    lab.iptables('4', &["-F", "VEG-MASQUERADE"])?;
    wait::until("filled again", REPAIR, || {
        ensure(lab.rules('4')?.contains("-A VEG-MASQUERADE -s 10.16.0.0/16"), || daemon.log_tail())
    })?;
    daemon.terminate()?;
    let rules = lab.rules('4')?;
    for rule in by_hand {
        ensure(rules.matches(rule).count() == 1, || format!("{rule} is not in: {rules}"))?;
    }
    let (rules, route) =
        (lab.gateway.ip(&["-4", "rule"])?, lab.gateway.ip(&["-4", "route", "show", "table", "1000"])?);
    ensure(rules.contains("900:") && rules.contains("1005:"), || rules)?;
    ensure(route.contains("10.7.0.0/16 via 10.16.0.1"), || route)
}

#[test]
fn rules_and_routes_of_others_stay() {
    others().unwrap();
}

fn drift() -> Result<()> {
    let lab = Lab::new("nft")?;
    lab.succeeds(&ENVIRONMENT, &["nat", "prepare"])?;
    let daemon = lab.keep(&[&ENVIRONMENT[..], &["NAT_METRICS_ADDRESS=127.0.0.1:9753"]].concat(), &[])?;
    becomes(&lab, true)?;
    lab.succeeds(&[], &["nat", "live"])?;
    let page = |what: &str| lab.gateway.exec(&["curl", "-s", &format!("http://127.0.0.1:9753/{what}")]);
    ensure(page("readyz")? == "ok", || "not ready".to_owned())?;
    lab.succeeds(&[], &["nat", "ready"])?;
    lab.gateway.exec(&["sh", "-c", "echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter"])?;
    // Nobody tells of it: it is seen with the next change of anything.
    lab.gateway.ip(&["link", "set", "lo", "mtu", "65000"])?;
    let value = becomes(&lab, false)?;
    let said = &value["nat"]["families"][0]["sysctlDrift"][0];
    ensure(said == "net.ipv4.conf.all.rp_filter=0 is 1", || value.to_string())?;
    let unready = lab.sidecar(&[], &["nat", "ready"])?;
    let reason = String::from_utf8_lossy(&unready.stderr).into_owned();
    let told = "sidecar: not as wanted: IPv4: net.ipv4.conf.all.rp_filter=0 is 1\n";
    ensure(unready.status.code() == Some(1) && reason == told, || reason)?;
    let metrics = page("metrics")?;
    for line in ["sidecar_nat_sysctl_drift{family=\"IPv4\"} 1", "sidecar_nat_as_wanted{family=\"IPv6\"} 1"] {
        ensure(metrics.contains(line), || format!("{line} is not in: {metrics}"))?;
    }
    ensure(daemon.log().contains("a sysctl is not as it must be"), || daemon.log_tail())?;
    lab.gateway.exec(&["sh", "-c", "echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter"])?;
    lab.gateway.ip(&["link", "set", "lo", "mtu", "65536"])?;
    becomes(&lab, true).map(drop)
}

#[test]
fn sysctls_that_drift_are_told_and_not_touched() {
    drift().unwrap();
}

/// The interface goes and comes back with another address, as one does that is plugged in anew.
fn replugged() -> Result<()> {
    let lab = Lab::new("nft")?;
    lab.succeeds(&ENVIRONMENT, &["nat", "prepare"])?;
    let _daemon = lab.keep(&ENVIRONMENT, &[])?;
    becomes(&lab, true)?;
    lab.gateway.ip(&["link", "set", "net1", "down"])?;
    let value = becomes(&lab, false)?;
    let trouble =
        value["nat"]["families"][0]["trouble"].as_str().ok_or_else(|| Fault::new(value.to_string()))?;
    ensure(trouble.starts_with("no route to gateway 172.17.0.1"), || trouble.to_owned())?;
    lab.gateway.ip(&["address", "del", "172.17.0.13/16", "dev", "net1"])?;
    lab.gateway.ip(&["link", "set", "net1", "name", "net7"])?;
    lab.gateway.ip(&["link", "set", "net7", "up"])?;
    for address in ["172.17.0.44/16", "fd00:17::13/64"] {
        lab.gateway.ip(&["address", "replace", address, "dev", "net7"])?;
    }
    lab.route()
        .or_else(|_| lab.gateway.ip(&["route", "replace", "default", "via", "172.17.0.1"]).map(drop))?;
    becomes(&lab, true)?;
    wait::until("rules follow", REPAIR, || {
        let (rules, nat) = (lab.gateway.ip(&["-4", "rule"])?, lab.rules('4')?);
        let right = rules.contains("1004:\tfrom 172.17.0.44 iif lo lookup default")
            && rules.contains("1002:\tfrom all iif net7 lookup 1000")
            && !rules.contains("172.17.0.13")
            && !rules.contains("net1");
        ensure(right, || rules)?;
        ensure(nat.contains("-o net7 -j VEG-MASQUERADE") && !nat.contains("net1"), || nat)
    })?;
    let seen = lab.seen("10.16.0.9")?.to_string();
    ensure(seen == "172.17.0.44", || seen)
}

#[test]
fn rules_follow_an_interface_that_is_plugged_in_anew() {
    replugged().unwrap();
}

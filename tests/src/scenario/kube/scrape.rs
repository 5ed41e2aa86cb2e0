//! Debian's Prometheus scrapes both speakers: every series of kube-ovn-speaker is there, and true.

use super::lab::{Site, Way, start};
use super::outage::follows;
use crate::capture::{KEEPALIVE, NOTIFICATION, OPEN, ROUTE_REFRESH, UPDATE, Verdict, now};
use crate::fault::{Fault, Result, ensure};
use crate::kube::User;
use crate::proc::Daemon;
use crate::router::Kind;
use crate::scenario::lab::{Lab, addresses, conclude};
use crate::wait;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// From its start to several scrapes of each speaker.
const LIMIT: Duration = Duration::from_secs(30);

/// A series: its labels but those Prometheus adds, as `name=value` in the order of the names; and its value.
type Series = BTreeMap<String, f64>;

/// What Prometheus knew of some metrics, and when.
struct Scraped {
    at: Duration,
    received: Series,
    sent: Series,
}

/// Sessions, their messages, log lines.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn scrape(kind: Kind) -> Result<()> {
    conclude(
        start(kind, User::Node, Way::Direct)?,
        |lab| {
            lab.begin()?;
            // Withdrawals, so that their counts are not 0.
            follows(lab, super::lab::SOON)?;
            let mut prometheus = prometheus(lab)?;
            wait::until("Prometheus has scraped", LIMIT, || {
                prometheus.check_alive()?;
                let up = query(lab, "min_over_time(up[2s])")?;
                let count = query(lab, "count_over_time(up[2s])")?;
                let all = up.len() == 2 && up.values().chain(count.values()).all(|value| *value >= 1.0);
                ensure(all, || format!("up {up:?}, samples {count:?}; {}", prometheus.log_tail()))
            })?;
            gauges(lab)?;
            counts(lab)
        },
        true_counts,
    )
}

/// Started in r1's namespace, from which it reaches both nodes.
fn prometheus(lab: &Lab<Site>) -> Result<Daemon> {
    let dir = lab.topology.dir().join("prometheus");
    std::fs::create_dir_all(&dir)?;
    let config = dir.join("prometheus.yml");
    std::fs::write(
        &config,
        "global: {scrape_interval: 250ms, scrape_timeout: 250ms}
scrape_configs:
- job_name: speaker
  static_configs: [{targets: ['10.0.1.11:10667', '10.0.1.12:10667']}]
",
    )?;
    let config = format!("--config.file={}", config.display());
    let data = format!("--storage.tsdb.path={}", dir.join("data").display());
    let argv = ["prometheus", &config, &data, "--web.listen-address=127.0.0.1:9090"];
    lab.topology.routers[0].spawn("prometheus", &argv, &dir.join("prometheus.log"))
}

/// Asks Prometheus over its HTTP API; `promtool` is its client.
fn query(lab: &Lab<Site>, expression: &str) -> Result<Series> {
    let ask = ["promtool", "query", "instant", "-o", "json", "http://127.0.0.1:9090", expression];
    let answer: Value = serde_json::from_str(&lab.topology.routers[0].exec(&ask)?)?;
    let mut out = Series::new();
    for one in answer.as_array().into_iter().flatten() {
        let labels = one["metric"].as_object().into_iter().flatten();
        // Which target it is shows in the label `node`, but for the series that Prometheus makes itself.
        let own = |name: &str| {
            name == "__name__" || name == "job" || (name == "instance" && one["metric"]["node"].is_string())
        };
        let labels = labels.filter(|(name, _)| !own(name));
        let labels = labels.map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()));
        let value = one["value"][1].as_str().and_then(|value| value.parse().ok());
        let value = value.ok_or_else(|| Fault::new(format!("no value: {one}")))?;
        out.insert(labels.collect::<Vec<_>>().join(","), value);
    }
    Ok(out)
}

/// Both nodes' sessions with both routers over both families are Established and never flapped.
fn gauges(lab: &Lab<Site>) -> Result<()> {
    let metric = |name: &str, value: f64| -> Result<()> {
        let name = format!("kube_ovn_speaker_bgp_peer_{name}");
        let mut want = Series::new();
        for node in ["n1", "n2"] {
            for peer in ["10.0.1.1", "10.0.2.1", "fd00:1::1", "fd00:2::1"] {
                want.insert(format!("node={node},peer={peer},peer_asn=65001"), value);
            }
        }
        let got = query(lab, &name)?;
        ensure(got == want, || format!("{name}: {got:?} instead of {want:?}"))
    };
    metric("up", 1.0)?;
    metric("session_state", 6.0)?;
    metric("flap_count", 0.0)?;
    metric("out_queue", 0.0)?;
    for name in ["klog_lines_total", "klog_bytes_total"] {
        let got = query(lab, name)?;
        let levels =
            |level: &str| got.iter().filter(|(labels, _)| labels.contains(&format!("level={level}"))).count();
        let right = ["INFO", "WARN", "ERROR"].iter().all(|level| levels(level) == 2) && got.len() == 6;
        ensure(right, || format!("{name}: {got:?}"))?;
        let informed = got.iter().filter(|(labels, _)| labels.contains("level=INFO"));
        ensure(informed.into_iter().all(|(_, value)| *value > 0.0), || format!("{name}: {got:?}"))?;
    }
    let resident = query(lab, "process_resident_memory_bytes")?;
    ensure(resident.len() == 2 && resident.values().all(|value| *value > 1e6), || format!("{resident:?}"))
}

/// The counts of messages, at a moment in which nothing is sent.
fn counts(lab: &Lab<Site>) -> Result<Scraped> {
    // Both scrapes must have happened after the last message that the capture is compared up to.
    let at = now();
    std::thread::sleep(Duration::from_secs(1));
    let received = query(lab, "kube_ovn_speaker_bgp_peer_received_messages")?;
    let sent = query(lab, "kube_ovn_speaker_bgp_peer_sent_messages")?;
    Ok(Scraped { at, received, sent })
}

/// Compares with the messages that were on the wire.
fn true_counts(scraped: Scraped, verdicts: &[Verdict; 2]) -> Result<()> {
    let (mut received, mut sent) = (Series::new(), Series::new());
    for (segment, verdict) in (1..).zip(verdicts) {
        let routers = [format!("10.0.{segment}.1").parse()?, format!("fd00:{segment}::1").parse()?];
        for host in 1..=2 {
            for (node, router) in addresses(segment, host).into_iter().zip(routers) {
                let labels = format!("node=n{host},peer={router}");
                sent.extend(passed(verdict, (node, router), scraped.at, &labels));
                received.extend(passed(verdict, (router, node), scraped.at, &labels));
            }
        }
    }
    for (what, got, want) in [("sent", &scraped.sent, &sent), ("received", &scraped.received, &received)] {
        let differ = want.iter().filter(|(labels, value)| got.get(*labels) != Some(value));
        let differ: Vec<_> = differ.map(|(labels, value)| (labels, got.get(labels), value)).collect();
        ensure(differ.is_empty(), || format!("{what}, told and true: {differ:?}"))?;
        ensure(got.len() == want.len(), || format!("{what}: {} series", got.len()))?;
    }
    Ok(())
}

/// The messages from one address to another until then, by type, as series.
fn passed(verdict: &Verdict, (from, to): (IpAddr, IpAddr), until: Duration, labels: &str) -> Series {
    let all = verdict.messages.iter().filter(|one| one.from == from && one.to == to && one.at <= until);
    let all: Vec<_> = all.collect();
    let of = |kind| all.iter().filter(|message| message.kind == kind).count();
    let withdrawing = all.iter().filter(|message| !message.withdrawn.is_empty()).count();
    let withdrawn = all.iter().map(|message| message.withdrawn.len()).sum();
    let types = [
        ("open", of(OPEN)),
        ("update", of(UPDATE)),
        ("keepalive", of(KEEPALIVE)),
        ("notification", of(NOTIFICATION)),
        ("refresh", of(ROUTE_REFRESH)),
        ("withdraw_update", withdrawing),
        ("withdraw_prefix", withdrawn),
        ("discarded", 0),
        ("total", all.len()),
    ];
    // Far below 2^32 in a test of a minute.
    let value = |count: usize| u32::try_from(count).map_or(f64::NAN, f64::from);
    types.into_iter().map(|(name, count)| (format!("{labels},type={name}"), value(count))).collect()
}

//! The rules, one function each: what is wrong goes into [`super::Problems`], and the next rule is looked at all the same.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bgp::{HoldTime, RouterId};
use serde::Deserialize;

use super::Source;
use super::problems::Problems;
use crate::cli::{RunFlags, all};
use crate::logging;

/// What the configuration file may say. More comes with per-neighbour configuration.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// Take connections besides dialing; collisions are resolved as RFC 4271 §6.8 says.
    #[serde(default)]
    pub(super) listen: bool,
}

pub(super) fn file(path: &Path, problems: &mut Problems) -> Option<File> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| problems.add("--config", path.display(), &format!("cannot be read: {error}")))
        .ok()?;
    toml::from_str(&text)
        .map_err(|error| problems.add("--config", path.display(), &format!("is not valid: {error}")))
        .ok()
}

/// Upstream's aggregated sentence, BFD ranges included.
pub(super) fn missing(flags: &RunFlags, problems: &mut Problems) {
    let mut missing: Vec<String> = Vec::new();
    if all(&flags.neighbor_address).chain(all(&flags.neighbor_ipv6_address)).next().is_none() {
        missing.push(
            "at least one of --neighbor-address or --neighbor-ipv6-address must be specified".to_owned(),
        );
    }
    if flags.neighbor_as == 0 {
        missing.push("--neighbor-as must be specified".to_owned());
    }
    if flags.cluster_as == 0 {
        missing.push("--cluster-as must be specified".to_owned());
    }
    if flags.node_name.is_empty() && !flags.nat_gw_mode {
        missing.push("--node-name or the environment's NODE_NAME must be specified".to_owned());
    }
    if flags.enable_bfd {
        missing.extend(super::unserved::bfd_ranges(flags));
    }
    if !missing.is_empty() {
        problems.say(format!("missing required flags: {}", missing.join("; ")));
    }
}

pub(super) fn families(flags: &RunFlags, problems: &mut Problems) {
    let v4 = [
        ("--neighbor-address", &flags.neighbor_address),
        ("--allowed-source-addresses", &flags.allowed_source_addresses),
    ];
    let v6 = [
        ("--neighbor-ipv6-address", &flags.neighbor_ipv6_address),
        ("--allowed-source-ipv6-addresses", &flags.allowed_source_ipv6_addresses),
    ];
    for (flag, given) in v4 {
        for addr in all(given).filter(|addr| !addr.is_ipv4()) {
            problems.add(flag, addr, "must be an IPv4 address");
        }
    }
    for (flag, given) in v6 {
        for addr in all(given).filter(|addr| addr.to_canonical().is_ipv4()) {
            problems.add(flag, addr, "must be an IPv6 address");
        }
    }
    for (flag, given) in v4.into_iter().chain(v6) {
        for addr in all(given) {
            if addr.is_unspecified() || addr.is_multicast() {
                problems.add(flag, addr, "must be the address of one host");
            }
            if matches!(addr, IpAddr::V6(v6) if v6.is_unicast_link_local()) {
                problems.add(flag, addr, "is link-local, which is not supported yet");
            }
        }
    }
}

/// Whole seconds; 65536s, which upstream lets pass and then sends as 0, means the largest there is.
pub(super) fn hold_time(wanted: Duration, problems: &mut Problems) -> Option<HoldTime> {
    let legal = (Duration::from_secs(3)..=Duration::from_secs(65536)).contains(&wanted);
    let seconds = u16::try_from(wanted.as_secs()).unwrap_or(u16::MAX);
    let hold_time = HoldTime::new(seconds).filter(|_| legal);
    if hold_time.is_none() {
        problems.add("--holdtime", format_args!("{wanted:?}"), "must be 3s to 65535s");
    }
    hold_time
}

pub(super) fn router_id(
    flag: Option<IpAddr>,
    pod_ips: &[IpAddr],
    problems: &mut Problems,
) -> Option<RouterId> {
    let chosen = flag.or_else(|| pod_ips.iter().copied().find(IpAddr::is_ipv4));
    match chosen {
        None => problems
            .say("--router-id: not given, and neither POD_IPS nor POD_IP has an IPv4 address".to_owned()),
        Some(IpAddr::V4(id)) if id != Ipv4Addr::UNSPECIFIED => return RouterId::new(id),
        Some(other) => problems.add("--router-id", other, "must be an IPv4 address other than 0.0.0.0"),
    }
    None
}

pub(super) fn ttl(hops: u32, problems: &mut Problems) -> Option<u8> {
    let ttl = u8::try_from(hops).ok().filter(|ttl| *ttl != 0);
    if ttl.is_none() {
        problems.add("--ebgp-multihop", hops, "must be 1 to 255");
    }
    ttl
}

pub(super) fn port(flag: &str, given: i32, problems: &mut Problems) -> Option<u16> {
    let port = u16::try_from(given).ok().filter(|port| *port != 0);
    if port.is_none() {
        problems.add(flag, given, "must be 1 to 65535");
    }
    port
}

pub(super) fn grpc(flags: &RunFlags, problems: &mut Problems) -> Option<SocketAddr> {
    let host = flags.grpc_host.0.first().copied().unwrap_or(Ipv4Addr::LOCALHOST.into());
    port("--grpc-port", flags.grpc_port, problems).map(|port| SocketAddr::new(host, port))
}

pub(super) fn source(flags: &RunFlags, problems: &mut Problems) -> Source {
    let kubeconfig = Some(flags.kubeconfig.clone()).filter(|path| !path.as_os_str().is_empty());
    let manifests = flags.manifests.clone().filter(|path| !path.as_os_str().is_empty());
    match (manifests, kubeconfig) {
        (Some(_), Some(kubeconfig)) => {
            problems.add("--kubeconfig", kubeconfig.display(), "cannot be used with --manifests");
            Source::Cluster { kubeconfig: None }
        }
        (Some(dir), None) => Source::Manifests(dir),
        (None, kubeconfig) => Source::Cluster { kubeconfig },
    }
}

/// A gateway's file keeps the default mode, as upstream looks at `--log-perm` in node mode only.
pub(super) fn log(flags: &RunFlags, problems: &mut Problems) -> logging::Settings {
    let mode = u32::from_str_radix(&flags.log_perm, 8).ok().filter(|mode| *mode <= 0o777);
    let plain = flags.log_perm.bytes().all(|digit| digit.is_ascii_digit());
    if !flags.nat_gw_mode && (mode.is_none() || !plain) {
        problems.add("--log-perm", format_args!("{:?}", flags.log_perm), "must be octal, 0 to 777");
    }
    logging::Settings::from_flags(&flags.log, mode.filter(|_| !flags.nat_gw_mode))
}

/// Where the debug commands find the speaker of the same user.
#[must_use]
pub fn default_socket() -> PathBuf {
    let user = rustix::process::geteuid();
    match user.is_root() {
        true => "/run/kube-ovn-speaker.sock".into(),
        false => format!("/tmp/kube-ovn-speaker-{}.sock", user.as_raw()).into(),
    }
}

//! The rules, one function each: what is wrong goes into [`super::Problems`], and the next rule is looked at all the same.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bgp::net::{Password, PeerAddr};
use bgp::{HoldTime, RouterId};

use super::Source;
use super::file::File;
use super::problems::Problems;
use crate::cli::{RunFlags, all, go};
use crate::logging;

/// Upstream's aggregated sentence, BFD ranges included.
pub(super) fn missing(flags: &RunFlags, file: &File, problems: &mut Problems) {
    let mut missing: Vec<String> = Vec::new();
    let of_flags: Vec<PeerAddr> = neighbors(flags).collect();
    if of_flags.is_empty() && file.neighbors.is_empty() {
        missing.push(
            "at least one of --neighbor-address or --neighbor-ipv6-address must be specified".to_owned(),
        );
    }
    // A neighbour of the file that has none is told at its place.
    let has_as =
        |addr: &PeerAddr| file.neighbors.iter().any(|one| one.addr == *addr && one.given.peer_as.is_some());
    let told = !file.neighbors.is_empty() && of_flags.iter().all(has_as);
    if flags.neighbor_as == 0 && file.defaults.peer_as.is_none() && !told {
        missing.push("--neighbor-as must be specified".to_owned());
    }
    if flags.cluster_as == 0 {
        missing.push("--cluster-as must be specified".to_owned());
    }
    if flags.node_name.is_empty() && !flags.nat_gw_mode {
        missing.push("--node-name or the environment's NODE_NAME must be specified".to_owned());
    }
    if flags.enable_bfd {
        missing.extend(super::bfd::ranges(flags));
    }
    if !missing.is_empty() {
        problems.say(format!("missing required flags: {}", missing.join("; ")));
    }
}

/// The neighbours of flags, each once.
pub(super) fn neighbors(flags: &RunFlags) -> impl Iterator<Item = PeerAddr> {
    let all = [&flags.neighbor_address, &flags.neighbor_ipv6_address].into_iter().flatten();
    let mut seen = std::collections::HashSet::new();
    all.flat_map(|one| one.0.iter().copied()).filter(move |addr| seen.insert(*addr))
}

pub(super) fn families(flags: &RunFlags, problems: &mut Problems) {
    let neighbors = |given: &[go::Neighbors]| given.iter().flat_map(|one| one.0.clone()).collect();
    let sources = |given| all(given).map(PeerAddr::from).collect();
    let flags: [(_, _, Vec<PeerAddr>); 4] = [
        ("--neighbor-address", true, neighbors(&flags.neighbor_address)),
        ("--allowed-source-addresses", true, sources(&flags.allowed_source_addresses)),
        ("--neighbor-ipv6-address", false, neighbors(&flags.neighbor_ipv6_address)),
        ("--allowed-source-ipv6-addresses", false, sources(&flags.allowed_source_ipv6_addresses)),
    ];
    for (flag, v4, given) in &flags {
        for addr in given.iter().filter(|addr| addr.ip().to_canonical().is_ipv4() != *v4) {
            problems.add(flag, addr, if *v4 { "must be an IPv4 address" } else { "must be an IPv6 address" });
        }
    }
    for (flag, v4, given) in &flags {
        for addr in given.iter().filter(|addr| addr.ip().to_canonical().is_ipv4() == *v4) {
            if let Err(rule) = super::file::host(*addr) {
                problems.add(flag, addr, &rule);
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

/// The twelve bits of RFC 4724 §3, and the range that upstream has for the other; as upstream, both are looked at only
/// where graceful restart is on, else what is wrong is only told.
pub(super) fn restart_time(
    flags: &RunFlags,
    on: bool,
    (problems, warnings): (&mut Problems, &mut Vec<String>),
) -> u16 {
    let second = Duration::from_secs(1);
    let (restart, deferral) = (flags.graceful_restart_time, flags.graceful_restart_deferral_time);
    let mut out = Vec::new();
    if !(second..=Duration::from_secs(4095)).contains(&restart) {
        out.push(format!("--graceful-restart-time: {restart:?} must be 1s to 4095s"));
    }
    if !(second..=Duration::from_secs(18 * 3600)).contains(&deferral) {
        out.push(format!("--graceful-restart-deferral-time: {deferral:?} must be 1s to 18h"));
    }
    match on {
        true => out.into_iter().for_each(|line| problems.say(line)),
        false => warnings.extend(out),
    }
    u16::try_from(restart.as_secs()).unwrap_or(u16::MAX)
}

/// The key of all neighbours; it is never shown.
pub(super) fn password(flags: &RunFlags, problems: &mut Problems) -> Option<Password> {
    if flags.auth_password.is_empty() {
        return None;
    }
    let password = Password::new(flags.auth_password.octets());
    if password.is_none() {
        let (len, most) = (flags.auth_password.octets().len(), Password::MAX);
        problems.say(format!("--auth-password: a key of {len} octets must have 1 to {most}"));
    }
    password
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

/// Where the log goes, as existing manifests mount that directory from the node; else where they would have it.
pub(super) fn state_dir(flags: &RunFlags) -> Option<PathBuf> {
    let given = |path: &PathBuf| Some(path.clone()).filter(|path| !path.as_os_str().is_empty());
    let of_file = |path: &PathBuf| given(path)?.parent().map(PathBuf::from);
    let usual = || Some(PathBuf::from("/var/log/kube-ovn")).filter(|dir| dir.is_dir());
    given(&flags.state_dir)
        .or_else(|| of_file(&flags.log.file))
        .or_else(|| given(&flags.log.dir))
        .or_else(usual)
}

/// What `--intent-max-age` cannot do without.
pub(super) fn intent(flags: &RunFlags, source: &Source, warnings: &mut Vec<String>) {
    if flags.intent_max_age.is_zero() {
        return;
    }
    if matches!(source, Source::Manifests(_)) {
        warnings.push("--intent-max-age: is without effect with --manifests".to_owned());
    } else if state_dir(flags).is_none() {
        warnings.push(
            "--intent-max-age: is without effect without --state-dir (and there is no directory of a log)"
                .to_owned(),
        );
    }
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

//! Flags of upstream that ask for what this version does not do: refused, so that nobody believes it is on.

use std::time::Duration;

use super::problems::Problems;
use crate::cli::RunFlags;

/// Milliseconds that fit into the 32 bits of microseconds of RFC 5880 §4.1.
const BFD_MS: std::ops::RangeInclusive<u32> = 1..=4_294_967;

/// Says of each that it is not served. Values that only tune it are checked as if it were; while it is off, one that is
/// out of range is only warned about: upstream starts with it.
pub(super) fn refuse(flags: &RunFlags, problems: &mut Problems, warnings: &mut Vec<String>) {
    let asked = [
        ("--graceful-restart", flags.graceful_restart, "graceful restart"),
        ("--extended-nexthop", flags.extended_nexthop, "IPv4 prefixes over IPv6 sessions"),
        ("--enable-bfd", flags.enable_bfd, "BFD"),
        ("--auth-password", !flags.auth_password.is_empty(), "TCP MD5 authentication"),
    ];
    for (flag, asked, what) in asked {
        if asked {
            problems.say(format!("{flag}: is set, but this version does not serve {what} yet"));
        }
    }
    let out = graceful_restart_ranges(flags);
    if flags.graceful_restart {
        out.into_iter().for_each(|line| problems.say(line));
    } else {
        warnings.extend(out);
    }
    if !flags.enable_bfd {
        warnings.extend(bfd_ranges(flags)); // with BFD they are part of the aggregated sentence
    }
}

fn graceful_restart_ranges(flags: &RunFlags) -> Vec<String> {
    let second = Duration::from_secs(1);
    let restart = flags.graceful_restart_time;
    let deferral = flags.graceful_restart_deferral_time;
    let mut out = Vec::new();
    if !(second..=Duration::from_secs(4095)).contains(&restart) {
        out.push(format!("--graceful-restart-time: {restart:?} must be 1s to 4095s"));
    }
    if !(second..=Duration::from_secs(18 * 3600)).contains(&deferral) {
        out.push(format!("--graceful-restart-deferral-time: {deferral:?} must be 1s to 18h"));
    }
    out
}

pub(super) fn bfd_ranges(flags: &RunFlags) -> Vec<String> {
    let intervals = [("--bfd-min-tx", flags.bfd_min_tx), ("--bfd-min-rx", flags.bfd_min_rx)];
    let intervals = intervals.into_iter().filter(|(_, ms)| !BFD_MS.contains(ms));
    let mut out: Vec<String> =
        intervals.map(|(flag, ms)| format!("{flag}: {ms} must be 1 to 4294967 (ms)")).collect();
    let multiplier = flags.bfd_detection_multiplier;
    if !(1..=255).contains(&multiplier) {
        out.push(format!("--bfd-detection-multiplier: {multiplier} must be 1 to 255"));
    }
    out
}

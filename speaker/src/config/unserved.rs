//! Flags of upstream that ask for what this version does not do: refused, so that nobody believes it is on.

use super::problems::Problems;
use crate::cli::RunFlags;

/// Milliseconds that fit into the 32 bits of microseconds of RFC 5880 §4.1.
const BFD_MS: std::ops::RangeInclusive<u32> = 1..=4_294_967;

/// Says that BFD is not served. Values that only tune it are checked as if it were; while it is off, one that is out of
/// range is only warned about: upstream starts with it.
pub(super) fn refuse(flags: &RunFlags, problems: &mut Problems, warnings: &mut Vec<String>) {
    match flags.enable_bfd {
        true => problems.say("--enable-bfd: is set, but this version does not serve BFD yet".to_owned()),
        false => warnings.extend(bfd_ranges(flags)), // with BFD they are part of the aggregated sentence
    }
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

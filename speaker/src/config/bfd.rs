//! BFD out of flags and file: what is common to all sessions, and the profile of each neighbour.

use std::net::IpAddr;
use std::time::Duration;

use bfd::session::{Hops, Settings};
use bfd::{DetectMult, Micros};
use bgp::net;

use super::file::{BfdGiven, File};
use super::problems::Problems;
use crate::cli::RunFlags;

/// Milliseconds that fit into the 32 bits of microseconds of RFC 5880 §4.1.
const MS: std::ops::RangeInclusive<u32> = 1..=4_294_967;

/// How long BGP stays away after BFD went down, unless BFD comes back first: long enough that a path that flaps is left
/// alone, short enough that a router whose BFD was taken out gets its routes again.
pub(super) const HOLD: Duration = Duration::from_secs(30);

/// What all sessions have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BfdOptions {
    /// Addresses of ours that packets are taken on; none: all.
    pub listen: Vec<IpAddr>,
    /// Real-time priority of the thread.
    pub real_time: Option<u8>,
}

/// BFD with one neighbour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BfdProfile {
    /// Which port.
    pub hops: Hops,
    /// Intervals, multiplier, least TTL, authentication.
    pub settings: Settings,
    /// How long BGP waits for BFD after it went down; `None`: BGP waits for BFD always, from the start on (strict).
    pub hold: Option<Duration>,
}

/// What flags say about all neighbours.
pub(super) struct Common {
    enabled: bool,
    min_tx: Micros,
    min_rx: Micros,
    multiplier: DetectMult,
}

/// The flags, checked. While BFD is off, a value that is out of range is only warned about: upstream starts with it. With
/// BFD on it is part of the aggregated sentence.
pub(super) fn common(flags: &RunFlags, warnings: &mut Vec<String>) -> Common {
    if !flags.enable_bfd {
        warnings.extend(ranges(flags));
    }
    let interval = |ms| Micros::from_millis(ms).filter(|time| *time > Micros(0)).unwrap_or(Micros::SECOND);
    let multiplier = u8::try_from(flags.bfd_detection_multiplier).ok().and_then(DetectMult::new);
    Common {
        enabled: flags.enable_bfd,
        min_tx: interval(flags.bfd_min_tx),
        min_rx: interval(flags.bfd_min_rx),
        multiplier: multiplier.unwrap_or(DetectMult::DEFAULT),
    }
}

pub(super) fn ranges(flags: &RunFlags) -> Vec<String> {
    let intervals = [("--bfd-min-tx", flags.bfd_min_tx), ("--bfd-min-rx", flags.bfd_min_rx)];
    let intervals = intervals.into_iter().filter(|(_, ms)| !MS.contains(ms));
    let mut out: Vec<String> =
        intervals.map(|(flag, ms)| format!("{flag}: {ms} must be 1 to 4294967 (ms)")).collect();
    let multiplier = flags.bfd_detection_multiplier;
    if !(1..=255).contains(&multiplier) {
        out.push(format!("--bfd-detection-multiplier: {multiplier} must be 1 to 255"));
    }
    out
}

/// What is common to all sessions.
pub(super) fn options(file: &File) -> BfdOptions {
    BfdOptions { listen: file.bfd_listen.clone(), real_time: file.bfd_real_time }
}

impl Common {
    /// Whether a neighbour of these keys has BFD.
    pub(super) fn is_on(&self, given: &BfdGiven) -> bool {
        given.enabled.unwrap_or(self.enabled)
    }

    /// The profile of a neighbour that BGP reaches by so many hops, and whether the file says so; `None`: without BFD.
    /// `at` names a key of it.
    ///
    /// A distance that only `--ebgp-multihop` tells does not change the port: upstream's BFD is on 3784 however far the
    /// router is, takes any TTL, and so do the routers it works with.
    pub(super) fn profile(
        &self,
        given: &BfdGiven,
        (hops, told): (net::Hops, bool),
        at: impl Fn(&str) -> String,
        problems: &mut Problems,
    ) -> Option<BfdProfile> {
        if !self.is_on(given) {
            return None;
        }
        if given.strict == Some(true) && given.hold_time.is_some() {
            problems
                .say(format!("{}: cannot be used with strict, which waits for ever", at("bfd.hold-time")));
        }
        let auth = super::file::bfd_auth(given, &at, problems);
        let multihop = given.multihop.unwrap_or_else(|| told && is_far(hops));
        let untold = given.multihop.is_none() && !told;
        let (hops, least) = match multihop {
            true => (Hops::Multi, least_ttl(hops)),
            false if untold && is_far(hops) => (Hops::Single, least_ttl(hops)),
            false => (Hops::Single, 255), // RFC 5881 §5
        };
        let settings = Settings {
            desired_min_tx: given.min_tx.unwrap_or(self.min_tx),
            required_min_rx: given.min_rx.unwrap_or(self.min_rx),
            detect_mult: given.multiplier.unwrap_or(self.multiplier),
            // It ends with this process, as BGP does (RFC 5882 §4.3).
            control_plane_independent: false,
            min_ttl: given.min_ttl.unwrap_or(least),
            auth,
            stable_discriminator: false,
        };
        let hold = (given.strict != Some(true)).then(|| given.hold_time.unwrap_or(HOLD));
        Some(BfdProfile { hops, settings, hold })
    }
}

/// More than a hop away by configuration. An iBGP neighbour of which nothing is said counts as near, as upstream and
/// routers of a shared subnet have it.
fn is_far(hops: net::Hops) -> bool {
    matches!(hops, net::Hops::AtMost(2..) | net::Hops::Secured(2..))
}

/// Sent with 255, each router on the way takes one off (RFC 5883 §5 leaves the bound to us).
fn least_ttl(hops: net::Hops) -> u8 {
    match hops {
        net::Hops::Any => 1,
        net::Hops::AtMost(hops) | net::Hops::Secured(hops) => 255 - hops.saturating_sub(1),
    }
}

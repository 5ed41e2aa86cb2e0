//! `[bfd]`, and `bfd` of a neighbour or of `[defaults]`: every key may be missing.

use std::net::IpAddr;
use std::time::Duration;

use bfd::packet::{Auth, AuthKind, Key};
use bfd::{DetectMult, Micros};
use toml::de::DeValue;

use super::File;
use super::layer::{Secrets, given};
use super::section::Section;
use super::value;
use crate::cli::go;
use crate::config::Problems;
use crate::config::password::first_line;

/// Names of the methods of RFC 5880 §4.1.
const METHODS: [(&str, AuthKind); 5] = [
    ("simple", AuthKind::Simple),
    ("md5", AuthKind::KeyedMd5),
    ("meticulous-md5", AuthKind::MeticulousKeyedMd5),
    ("sha1", AuthKind::KeyedSha1),
    ("meticulous-sha1", AuthKind::MeticulousKeyedSha1),
];

/// A secret as it stands in its file; it is never shown.
#[derive(Clone)]
pub(in crate::config) struct Secret(Vec<u8>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(hidden)")
    }
}

given! {
    /// The keys of `bfd`, as far as they are there.
    BfdGiven {
        enabled: bool,
        min_tx: Micros,
        min_rx: Micros,
        multiplier: DetectMult,
        multihop: bool,
        min_ttl: u8,
        strict: bool,
        hold_time: Duration,
        /// `None` inside: explicitly without.
        auth: Option<AuthKind>,
        auth_key_id: u8,
        auth_key: Secret,
    }
}

impl BfdGiven {
    /// The table `bfd` of a neighbour's section.
    pub(super) fn read(
        section: &mut Section<'_>,
        secrets: &mut Secrets<'_>,
        problems: &mut Problems,
    ) -> Self {
        let Some(mut bfd) = section.table("bfd", problems) else { return Self::default() };
        let given = Self {
            enabled: bfd.read("enabled", problems, value::flag),
            min_tx: bfd.read("min-tx", problems, interval),
            min_rx: bfd.read("min-rx", problems, interval),
            multiplier: bfd.read("multiplier", problems, multiplier),
            multihop: bfd.read("multihop", problems, value::flag),
            min_ttl: bfd.read("min-ttl", problems, value::whole(1..=255)),
            strict: bfd.read("strict", problems, value::flag),
            hold_time: bfd.read("hold-time", problems, hold_time),
            auth: bfd.read("auth", problems, method),
            auth_key_id: bfd.read("auth-key-id", problems, value::whole(0..=255)),
            auth_key: read_key(&mut bfd, secrets, problems),
        };
        bfd.finish(problems);
        given
    }

    /// Something is said.
    pub(in crate::config) fn says_anything(&self) -> bool {
        let Self { enabled: _, min_tx, min_rx, multiplier, multihop, min_ttl, strict, .. } = self;
        let times = min_tx.is_some() || min_rx.is_some() || multiplier.is_some() || self.hold_time.is_some();
        times || multihop.is_some() || min_ttl.is_some() || strict.is_some() || self.auth.is_some()
    }
}

/// The top-level table `bfd`.
pub(super) fn read_options(top: &mut Section<'_>, file: &mut File, problems: &mut Problems) {
    let Some(mut bfd) = top.table("bfd", problems) else { return };
    let address = |text: &str| {
        let addr: Option<IpAddr> = text.parse().ok();
        addr.filter(|addr| !addr.is_multicast()).ok_or_else(|| "must be an address of this host".to_owned())
    };
    file.bfd_listen = bfd.read_list("listen", problems, address).unwrap_or_default();
    file.bfd_real_time = bfd.read("real-time-priority", problems, value::whole(1..=99));
    bfd.finish(problems);
}

/// The authentication of these keys (RFC 5880 §6.7); what is missing for it is told.
pub(in crate::config) fn auth(
    given: &BfdGiven,
    at: impl Fn(&str) -> String,
    problems: &mut Problems,
) -> Option<Auth> {
    let kind = given.auth.flatten()?;
    let Some(Secret(octets)) = &given.auth_key else {
        problems.say(format!("{}: needs auth-key-file", at("bfd.auth")));
        return None;
    };
    let key = Key::new(kind, octets);
    if key.is_none() {
        let most = if matches!(kind, AuthKind::KeyedSha1 | AuthKind::MeticulousKeyedSha1) { 20 } else { 16 };
        let (at, len) = (at("bfd.auth-key-file"), octets.len());
        problems.say(format!("{at}: a key of {len} octets must have 1 to {most}"));
    }
    Some(Auth { kind, key_id: given.auth_key_id.unwrap_or(1), key: key? })
}

/// The name of a method, as the file has it.
pub(crate) fn method_name(kind: AuthKind) -> &'static str {
    METHODS.iter().find(|(_, one)| *one == kind).map_or("", |(name, _)| name)
}

fn read_key(bfd: &mut Section<'_>, secrets: &mut Secrets<'_>, problems: &mut Problems) -> Option<Secret> {
    let place = bfd.place();
    let path = bfd.read("auth-key-file", problems, value::text).filter(|path| !path.is_empty())?;
    let path = secrets.base.join(path);
    let octets = first_line(&path);
    secrets.read.push(path.clone());
    octets
        .map(Secret)
        .map_err(|rule| place.refuse("auth-key-file", format_args!("{} {rule}", path.display()), problems))
        .ok()
}

fn interval(value: &DeValue<'_>) -> Result<Micros, String> {
    let rule = "must be a duration with its unit, \"1us\" to \"4294s\", e.g. \"50ms\"";
    let time = value.as_str().and_then(|text| go::duration(text).ok());
    let whole = time.filter(|time| time.subsec_nanos() % 1000 == 0 && !time.is_zero());
    let micros = whole.and_then(|time| u32::try_from(time.as_micros()).ok());
    micros.map(Micros).ok_or_else(|| rule.to_owned())
}

fn multiplier(value: &DeValue<'_>) -> Result<DetectMult, String> {
    let number = value::whole::<u8>(1..=255)(value)?;
    DetectMult::new(number).ok_or_else(String::new)
}

/// A day is as good as for ever, which is `strict`.
fn hold_time(value: &DeValue<'_>) -> Result<Duration, String> {
    let time = value.as_str().and_then(|text| go::duration(text).ok());
    time.filter(|time| *time <= Duration::from_secs(86_400))
        .ok_or_else(|| "must be a duration with its unit, \"0s\" to \"24h\"".to_owned())
}

fn method(value: &DeValue<'_>) -> Result<Option<AuthKind>, String> {
    let wanted = value.as_str().unwrap_or("?");
    let known = METHODS.iter().find(|(name, _)| *name == wanted).map(|(_, kind)| Some(*kind));
    let none = (wanted == "none").then_some(None);
    known
        .or(none)
        .ok_or_else(|| "must be none, simple, md5, meticulous-md5, sha1 or meticulous-sha1".to_owned())
}

//! What was asked for: flags, else variables, else defaults, as checked values.
//!
//! Every fault is told, not only the first, each with the flag or variable, what it is, and the rule.

pub(crate) mod read;

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bfd::session::{Hops, Settings};
use bfd::{DetectMult, Micros};

use crate::address::Address;
use crate::cli::BfdFlags;
use crate::control;
use read::Field;

/// Packets of an OVN port have been routed once, and its router has taken one off their TTL.
const TTL_OF_OVN: u8 = 254;

/// What runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Addresses to answer on.
    pub listen: Vec<Address>,
    /// An address to listen on that is not there yet is waited for.
    pub patient: bool,
    /// Whom to have sessions with from the start.
    pub peers: Vec<Address>,
    /// What sessions are told.
    pub settings: Settings,
    /// Port 3784 or 4784.
    pub hops: Hops,
    /// Never speak first.
    pub passive: bool,
    /// At a planned end peers are told AdminDown. Otherwise they hear nothing any more, as from OpenBFDD: OVN acts on
    /// silence at the end of the detection time, but on AdminDown only when its main loop next wakes, up to 5 s later.
    pub goodbye: bool,
    /// Where commands are taken.
    pub control: Vec<SocketAddr>,
    /// A control port that may not be had ends the program.
    pub control_required: bool,
    /// Where metrics and health are served.
    pub metrics: Option<Metrics>,
    /// See [`bfd::net::Options`].
    pub real_time: Option<u8>,
}

/// Where metrics and health are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metrics {
    /// On this port of every address.
    Port(u16),
    /// On one address.
    On(SocketAddr),
}

/// The variables that say something here.
#[derive(Clone, Debug, Default)]
pub struct Environment(HashMap<&'static str, String>);

impl Environment {
    const NAMES: [&'static str; 23] = [
        "POD_IPS",
        "BFD_PEER_IPS",
        "BFD_MIN_TX",
        "BFD_MIN_RX",
        "BFD_MULTI",
        "BFDD_METRICS_ADDRESS",
        "BFDD_PASSIVE",
        "BFDD_GOODBYE",
        "BFDD_SUPERVISOR_SOCKET",
        "BFDD_CONTROL_PATH",
        "BFDD_BEACON_PATH",
        "INTERNAL_GATEWAY_IPV4",
        "INTERNAL_GATEWAY_IPV6",
        "EXTERNAL_GATEWAY_IPV4",
        "EXTERNAL_GATEWAY_IPV6",
        "SNAT_SOURCES_IPV4",
        "SNAT_SOURCES_IPV6",
        "NO_SNAT_SOURCES_IPV4",
        "NO_SNAT_SOURCES_IPV6",
        "SNAT_OTHERS",
        "SIDECAR_IPTABLES",
        "SIDECAR_NAT_SOCKET",
        "NAT_METRICS_ADDRESS",
    ];

    /// Of this process.
    #[must_use]
    pub fn read() -> Self {
        Self::of(Self::NAMES.iter().filter_map(|name| Some((*name, std::env::var(name).ok()?))))
    }

    /// These.
    pub fn of(variables: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// The value of a variable, if it is set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether a switch is on: `1` or `true`.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        matches!(self.get(name), Some("1" | "true"))
    }
}

/// Everything that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for Problems {}

impl Problems {
    /// The value, if nothing is wrong.
    pub(crate) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    pub(crate) fn add(&mut self, field: Field<'_>, rule: &str) {
        self.0.push(format!("{}: \"{}\" {rule}", field.name, field.text));
    }

    pub(crate) fn missing(&mut self, name: &str, rule: &str) {
        self.0.push(format!("{name}: {rule}"));
    }
}

impl Config {
    /// Of `sidecar bfd`.
    ///
    /// # Errors
    /// [`Problems`].
    pub fn resolve(flags: &BfdFlags, environment: &Environment) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let config = Self::read(flags, environment, &mut problems);
        problems.or(config)
    }

    /// Of `kube-ovn-bfdd-supervisor run`: as `sidecar bfd`, but who it is and whom it talks to must be said.
    ///
    /// # Errors
    /// [`Problems`].
    pub fn supervised(environment: &Environment) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let flags = BfdFlags { passive: environment.is_on("BFDD_PASSIVE"), ..BfdFlags::default() };
        let config = Self::read(&flags, environment, &mut problems);
        for name in ["POD_IPS", "BFD_PEER_IPS"] {
            if environment.get(name).is_none() {
                problems.missing(name, "is not set: must be IP addresses with commas between");
            }
        }
        if environment.get("BFD_MIN_RX").is_some_and(|text| text.trim() == "0") {
            problems.missing("BFD_MIN_RX", "\"0\" must be positive");
        }
        let pairs = |local: &Address| config.peers.iter().any(|peer| peer.same_family(local));
        if problems.0.is_empty() && !config.listen.iter().any(pairs) {
            problems.missing("BFD_PEER_IPS", "has no address of a family POD_IPS has");
        }
        problems.or(config)
    }

    fn read(flags: &BfdFlags, environment: &Environment, problems: &mut Problems) -> Self {
        let settings = settings(flags, environment, problems);
        let listen = read::list(("--listen", &flags.listen), ("POD_IPS", environment), problems);
        let peers = read::list(("--peer", &flags.peer), ("BFD_PEER_IPS", environment), problems);
        for peer in peers.iter().flatten().filter(|peer| peer.ip.is_multicast()) {
            problems.missing("BFD_PEER_IPS", &format!("\"{peer}\" must not be a multicast address"));
        }
        let control = read::control(&flags.control, problems);
        let address = Field::choose(
            ("--metrics-address", flags.metrics_address.as_deref()),
            ("BFDD_METRICS_ADDRESS", environment.get("BFDD_METRICS_ADDRESS")),
        );
        let priority =
            Field::choose(("--real-time-priority", flags.real_time_priority.as_deref()), ("", None));
        Self {
            listen: listen.unwrap_or_else(everywhere),
            patient: true,
            peers: peers.unwrap_or_default(),
            settings,
            hops: if flags.multihop { Hops::Multi } else { Hops::Single },
            passive: flags.passive,
            goodbye: flags.goodbye || environment.is_on("BFDD_GOODBYE"),
            control_required: !control.is_empty(),
            control: if control.is_empty() { control_ports() } else { control },
            metrics: address.map_or(Some(Metrics::Port(10669)), |field| read::metrics(field, problems)),
            real_time: priority.and_then(|field| read::number(field, (1, 99), problems)).and_then(small),
        }
    }
}

fn settings(flags: &BfdFlags, environment: &Environment, problems: &mut Problems) -> Settings {
    let mut number = |(flag, value): (&'static str, &Option<String>), variable: &'static str, range| {
        let field = Field::choose((flag, value.as_deref()), (variable, environment.get(variable)))?;
        read::number(field, range, problems)
    };
    let most = u32::MAX / 1000; // milliseconds that fit into 32 bits as microseconds
    let min_tx = number(("--min-tx", &flags.min_tx), "BFD_MIN_TX", (1, most));
    let min_rx = number(("--min-rx", &flags.min_rx), "BFD_MIN_RX", (0, most));
    let multiplier = number(("--multiplier", &flags.multiplier), "BFD_MULTI", (1, 255));
    let min_ttl = number(("--min-ttl", &flags.min_ttl), "", (1, 255));
    let micros = |millis: Option<u32>| millis.and_then(Micros::from_millis).unwrap_or(Micros::SECOND);
    Settings {
        desired_min_tx: micros(min_tx),
        required_min_rx: micros(min_rx),
        detect_mult: multiplier.and_then(small).and_then(DetectMult::new).unwrap_or(DetectMult::DEFAULT),
        min_ttl: min_ttl.and_then(small).unwrap_or(if flags.multihop { 1 } else { TTL_OF_OVN }),
        stable_discriminator: true,
        ..Settings::default()
    }
}

fn small(number: u32) -> Option<u8> {
    u8::try_from(number).ok()
}

/// Every address of both families.
#[must_use]
pub fn everywhere() -> Vec<Address> {
    vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED).into(), IpAddr::V6(Ipv6Addr::UNSPECIFIED).into()]
}

/// Both ports, on loopback.
#[must_use]
pub fn control_ports() -> Vec<SocketAddr> {
    [control::PORT, control::ALTERNATIVE_PORT].map(control::loopback).to_vec()
}

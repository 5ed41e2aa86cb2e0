//! From flags to checked values: every problem at once, each with flag, value and rule.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ovn::net::{Remote, Tls};
use tracing::level_filters::LevelFilter;

use crate::cli::{ExplainFlags, PlaceFlags, RunFlags};
use crate::lease::{Place, Timing};
use crate::network::Places;
use crate::plan::{Form, Settings};
use crate::source::Served;
use crate::subject::Subject;
use crate::view::Name;

/// Everything that run needs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where the databases are.
    pub places: Places,
    /// How to reach the API server; `None`: as the Pod this is.
    pub kubeconfig: Option<PathBuf>,
    /// Which group is served.
    pub served: Served,
    /// What decisions rest on.
    pub settings: Settings,
    /// The election of a leader; `None`: there is none.
    pub election: Option<Place>,
    /// Who we are among replicas, and in Events.
    pub identity: Box<str>,
    /// Where metrics and health are served; `None`: nowhere.
    pub metrics: Option<SocketAddr>,
    /// Least severity of log lines.
    pub log: LevelFilter,
}

/// Everything that explain needs.
#[derive(Clone, Debug)]
pub struct Question {
    /// About what.
    pub subject: Subject,
    /// As of run; there is no election, and no metrics.
    pub config: Config,
    /// How long to wait for what is read.
    pub patience: Duration,
    /// Answer in JSON.
    pub json: bool,
}

/// What is wrong with the flags, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Problems {}

impl Problems {
    /// The value, or one more problem.
    fn want<T>(&mut self, value: Option<T>, flag: &str, given: &str, rule: &str) -> Option<T> {
        if value.is_none() {
            self.0.push(format!("{flag}: {given:?} {rule}"));
        }
        value
    }
}

impl Config {
    /// Checks flags of run. `host`: a name of this replica that others may have, too; `salt`: a random number.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn resolve(flags: &RunFlags, host: &str, salt: u32) -> Result<Self, Problems> {
        let mut problems = Problems(Vec::new());
        let metrics = match &*flags.metrics_address {
            "off" => Some(None),
            text => {
                let address = address(text);
                problems
                    .want(address, "--metrics-address", text, "is not :PORT, ADDRESS:PORT or off")
                    .map(Some)
            }
        };
        let duration = seconds(&flags.lease_duration, 3);
        let rule = "is not a number of seconds from 3 to 600";
        let duration = problems.want(duration, "--lease-duration", &flags.lease_duration, rule);
        let namespace = Some(&*flags.lease_namespace).filter(|name| is_name(name));
        let namespace = problems.want(
            namespace,
            "--lease-namespace",
            &flags.lease_namespace,
            "is not the name of a namespace",
        );
        let lease = flags.lease_name.clone().unwrap_or_else(|| match &*flags.places.group {
            kubeovn::GROUP => "egress".to_owned(),
            group => format!("egress.{group}"),
        });
        // A bad group is told as that.
        let name = Some(&*lease).filter(|name| is_name(name) || flags.lease_name.is_none());
        let name = problems.want(name, "--lease-name", &lease, "is not a name of an object");
        let identity = flags.identity.clone().unwrap_or_else(|| format!("{host}_{salt:08x}"));
        let identity = problems.want(
            Some(identity.as_str()).filter(|name| !name.is_empty() && name.len() <= 128),
            "--identity",
            &identity,
            "is empty, or longer than 128 octets",
        );
        let places = places(&flags.places, &mut problems);
        match (places, metrics, duration, namespace, name, identity) {
            (
                Some(mut config),
                Some(metrics),
                Some(duration),
                Some(namespace),
                Some(name),
                Some(identity),
            ) => {
                config.metrics = metrics;
                config.identity = identity.into();
                config.election = flags.leader_elect.then(|| Place {
                    namespace: namespace.into(),
                    name: name.into(),
                    identity: identity.into(),
                    timing: Timing { duration },
                });
                Ok(config)
            }
            _ => Err(problems),
        }
    }
}

impl Question {
    /// Checks flags of explain.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn resolve(flags: &ExplainFlags) -> Result<Self, Problems> {
        let mut problems = Problems(Vec::new());
        let rule = "is neither veg/NAMESPACE/NAME nor vpc/NAME";
        let subject = problems.want(subject(&flags.object), "OBJECT", &flags.object, rule);
        let rule = "is not a number of seconds from 1 to 600";
        let patience = problems.want(seconds(&flags.timeout, 1), "--timeout", &flags.timeout, rule);
        let json = match &*flags.output {
            "text" => Some(false),
            "json" => Some(true),
            _ => None,
        };
        let json = problems.want(json, "--output", &flags.output, "is neither text nor json");
        let config = places(&flags.places, &mut problems);
        match (subject, patience, json, config) {
            (Some(subject), Some(patience), Some(json), Some(config)) => {
                Ok(Self { subject, config, patience, json })
            }
            _ => Err(problems),
        }
    }
}

/// What all commands that ask somebody need.
fn places(flags: &PlaceFlags, problems: &mut Problems) -> Option<Config> {
    let tls = match (&flags.ovn_private_key, &flags.ovn_certificate, &flags.ovn_ca_cert) {
        (Some(key), Some(certificate), Some(authority)) => Some(Tls {
            private_key: key.clone(),
            certificate: certificate.clone(),
            authority: authority.clone(),
        }),
        _ => None,
    };
    let northbound = remotes(&flags.ovn_nb, "--ovn-nb", tls.is_some(), problems);
    let southbound = remotes(&flags.ovn_sb, "--ovn-sb", tls.is_some(), problems);
    let group = Some(&*flags.group).filter(|group| is_name(group) && group.contains('.'));
    let group = problems.want(group, "--group", &flags.group, "is not an API group, a DNS name with a dot");
    let form = match &*flags.custom_vpc_rows {
        "auto" => Some(Form::Auto),
        "static" => Some(Form::Static),
        "policy" => Some(Form::Policy),
        _ => None,
    };
    let form = problems.want(
        form,
        "--custom-vpc-rows",
        &flags.custom_vpc_rows,
        "is none of auto, static and policy",
    );
    let vpc = Some(&*flags.default_vpc).filter(|name| is_name(name));
    let vpc = problems.want(vpc, "--default-vpc", &flags.default_vpc, "is not a name of an object");
    let image = Some(&*flags.gateway_image).filter(|image| is_image(image));
    let image = problems.want(image, "--gateway-image", &flags.gateway_image, "is not a name of an image");
    let log = match &*flags.log_level {
        "error" => Some(LevelFilter::ERROR),
        "warn" => Some(LevelFilter::WARN),
        "info" => Some(LevelFilter::INFO),
        "debug" => Some(LevelFilter::DEBUG),
        "trace" => Some(LevelFilter::TRACE),
        _ => None,
    };
    let log =
        problems.want(log, "--log-level", &flags.log_level, "is none of error, warn, info, debug and trace");
    let (group, form, vpc, image) = (group?, form?, vpc?, image?);
    Some(Config {
        places: Places { northbound: northbound?, southbound: southbound?, tls },
        kubeconfig: flags.kubeconfig.clone(),
        served: Served::new(group),
        settings: Settings { group: group.into(), default_vpc: vpc.into(), form, image: image.into() },
        election: None,
        identity: "explain".into(),
        metrics: None,
        log: log?,
    })
}

fn remotes(given: &str, flag: &str, tls: bool, problems: &mut Problems) -> Option<Vec<Box<str>>> {
    let all: Vec<&str> = given.split(',').map(str::trim).collect();
    let rule = "is not a comma-separated list of unix:PATH, tcp:HOST:PORT and ssl:HOST:PORT (an IPv6 address in brackets)";
    let good: Result<Vec<Remote>, _> = all.iter().map(|one| one.parse()).collect();
    let good = problems.want(good.ok(), flag, given, rule)?;
    let missing = !tls && good.iter().any(|one| matches!(one, Remote::Ssl(..)));
    let rule = "needs --ovn-private-key, --ovn-certificate and --ovn-ca-cert for ssl:";
    problems.want((!missing).then_some(()), flag, given, rule)?;
    Some(all.into_iter().map(Box::from).collect())
}

/// `:PORT` is every address.
fn address(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix(':') {
        Some(port) => Some((Ipv6Addr::UNSPECIFIED, port.parse().ok()?).into()),
        None => text.parse().ok(),
    }
}

fn seconds(text: &str, least: u64) -> Option<Duration> {
    let seconds = text.strip_suffix('s').unwrap_or(text).parse::<u64>().ok()?;
    (least..=600).contains(&seconds).then(|| Duration::from_secs(seconds))
}

/// A DNS subdomain, as names of objects are (RFC 1123).
fn is_name(name: &str) -> bool {
    let good = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-')
    };
    name.len() <= 253 && name.split('.').all(good)
}

fn is_image(image: &str) -> bool {
    !image.is_empty() && image.bytes().all(|octet| octet.is_ascii_graphic())
}

/// `veg/NAMESPACE/NAME` or `vpc/NAME`.
fn subject(text: &str) -> Option<Subject> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts[..] {
        ["vpc", name] if is_name(name) => Some(Subject::Vpc(name.into())),
        ["veg", namespace, name] if is_name(namespace) && is_name(name) => {
            Some(Subject::Gateway(Name { namespace: namespace.into(), name: name.into() }))
        }
        _ => None,
    }
}

//! What was asked for: flags, else variables, as checked values.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::cli::NatFlags;
use super::flavour::Flavour;
use crate::config::read::{self, Field};
use crate::config::{Environment, Metrics, Problems};

/// An address family; everything here is programmed per family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// Of an address.
    #[must_use]
    pub const fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// `4` or `6`, as variables and `ip` have it.
    #[must_use]
    pub const fn digit(self) -> char {
        match self {
            Self::V4 => '4',
            Self::V6 => '6',
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IPv{}", self.digit())
    }
}

/// What one family is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which.
    pub family: Family,
    /// Next hop towards the VPC.
    pub internal: IpAddr,
    /// Next hop towards the outside.
    pub external: IpAddr,
    /// Sources whose traffic leaves with the gateway's own address; in network form.
    pub snat: Vec<IpNet>,
    /// Sources whose traffic keeps its address, also inside a longer list of the others. Wins where both have one.
    pub no_snat: Vec<IpNet>,
    /// What comes from the VPC with a source that neither list has leaves with the gateway's own address, too.
    pub snat_others: bool,
}

/// What `sidecar nat` was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The families that have both gateways.
    pub families: Vec<Wanted>,
    /// Of which a family lacks one of its gateways, and is left alone.
    pub lacking: Vec<String>,
    /// Which iptables; `None`: the one that has rules, or else that works.
    pub flavour: Option<Flavour>,
    /// Where `live` and `status` ask; with `@` in front the name of an abstract socket.
    pub socket: String,
    /// Where metrics and health are served.
    pub metrics: Option<Metrics>,
}

/// Where `live` and `status` ask unless told otherwise: an abstract socket, so of the pod's network namespace.
pub const SOCKET: &str = "@sidecar-nat";

/// Whatever a flag or variable of each family says.
struct Said<'a> {
    flag: (&'static str, &'a [String]),
    variables: [&'static str; 2],
}

impl<'a> Said<'a> {
    /// Each text, and which family it must be of.
    fn texts(&self, environment: &'a Environment) -> Vec<(Field<'a>, Option<Family>)> {
        let (name, values) = self.flag;
        if !values.is_empty() {
            return values.iter().map(|text| (Field { name, text: text.trim() }, None)).collect();
        }
        let of = |(name, family): (&'static str, Family)| {
            let text = environment.get(name).unwrap_or_default();
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            items.map(move |text| (Field { name, text }, Some(family)))
        };
        self.variables.into_iter().zip(Family::ALL).flat_map(of).collect()
    }

    /// The address of each family.
    fn gateways(&self, environment: &Environment, problems: &mut Problems) -> [Option<IpAddr>; 2] {
        let mut found = [None; 2];
        for (field, family) in self.texts(environment) {
            let ip: Option<IpAddr> = field.text.parse().ok();
            let Some(ip) = ip.filter(|ip| family.is_none_or(|family| family == Family::of(*ip))) else {
                problems.add(field, &format!("must be {} without a mask", article(family)));
                continue;
            };
            let slot = &mut found[usize::from(ip.is_ipv6())];
            if !is_next_hop(ip) {
                problems.add(field, "must be a unicast address that is neither loopback nor link-local");
            } else if slot.replace(ip).is_some_and(|other| other != ip) {
                problems.add(field, "must be the only address of its family");
            }
        }
        found
    }

    /// The prefixes of each family, in network form, each once.
    fn sources(&self, environment: &Environment, problems: &mut Problems) -> [Vec<IpNet>; 2] {
        let mut found = [Vec::new(), Vec::new()];
        for (field, family) in self.texts(environment) {
            let bare = || field.text.parse::<IpAddr>().ok().map(IpNet::from);
            let net = field.text.parse::<IpNet>().ok().or_else(bare).map(|net| net.trunc());
            match net.filter(|net| family.is_none_or(|family| family == Family::of(net.addr()))) {
                Some(net) => {
                    let nets = &mut found[usize::from(net.addr().is_ipv6())];
                    if !nets.contains(&net) {
                        nets.push(net);
                    }
                }
                None => problems.add(field, &format!("must be {} or a CIDR of it", article(family))),
            }
        }
        found
    }
}

fn article(family: Option<Family>) -> &'static str {
    match family {
        None => "an IP address",
        Some(Family::V4) => "an IPv4 address",
        Some(Family::V6) => "an IPv6 address",
    }
}

fn is_next_hop(ip: IpAddr) -> bool {
    let local = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !(local || ip.is_unspecified() || ip.is_multicast() || ip.is_loopback())
}

impl Settings {
    /// Of the flags, else the variables.
    ///
    /// # Errors
    /// Everything that is wrong, each with its flag or variable, the value and the rule.
    pub fn resolve(flags: &NatFlags, environment: &Environment) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let said = |flag, values, variables| Said { flag: (flag, values), variables };
        let internals = ["INTERNAL_GATEWAY_IPV4", "INTERNAL_GATEWAY_IPV6"];
        let externals = ["EXTERNAL_GATEWAY_IPV4", "EXTERNAL_GATEWAY_IPV6"];
        let internal = said("--internal-gateway", &flags.internal_gateway, internals);
        let external = said("--external-gateway", &flags.external_gateway, externals);
        let snat = said("--snat-source", &flags.snat_source, ["SNAT_SOURCES_IPV4", "SNAT_SOURCES_IPV6"]);
        let keep = ["NO_SNAT_SOURCES_IPV4", "NO_SNAT_SOURCES_IPV6"];
        let no_snat = said("--no-snat-source", &flags.no_snat_source, keep);
        let internal = internal.gateways(environment, &mut problems);
        let external = external.gateways(environment, &mut problems);
        let [snat, no_snat] = [snat, no_snat].map(|said| said.sources(environment, &mut problems));
        let snat_others = flags.snat_others || environment.is_on("SNAT_OTHERS");
        let (mut families, mut lacking) = (Vec::new(), Vec::new());
        for (index, (snat, no_snat)) in snat.into_iter().zip(no_snat).enumerate() {
            let family = Family::ALL[index];
            match (internal[index], external[index]) {
                (Some(internal), Some(external)) => {
                    families.push(Wanted { family, internal, external, snat, no_snat, snat_others });
                }
                (None, None) if snat.is_empty() && no_snat.is_empty() => {}
                (None, _) => lacking.push(internals[index].to_owned()),
                (_, None) => lacking.push(externals[index].to_owned()),
            }
        }
        if families.is_empty() {
            let rule = "neither IPv4 nor IPv6 has an internal and an external gateway";
            problems.missing("INTERNAL_GATEWAY_IPV4, EXTERNAL_GATEWAY_IPV4", rule);
        }
        let settings = Self {
            families,
            lacking,
            flavour: flavour(flags, environment, &mut problems),
            socket: socket(flags.socket.as_deref(), environment),
            metrics: Field::choose(
                ("--metrics-address", flags.metrics_address.as_deref()),
                ("NAT_METRICS_ADDRESS", environment.get("NAT_METRICS_ADDRESS")),
            )
            .and_then(|field| read::metrics(field, &mut problems)),
        };
        problems.or(settings)
    }
}

/// Where the loop is asked.
#[must_use]
pub fn socket(flag: Option<&str>, environment: &Environment) -> String {
    let variable = environment.get("SIDECAR_NAT_SOCKET").filter(|path| !path.is_empty());
    flag.or(variable).unwrap_or(SOCKET).to_owned()
}

fn flavour(flags: &NatFlags, environment: &Environment, problems: &mut Problems) -> Option<Flavour> {
    let field = Field::choose(
        ("--iptables", flags.iptables.as_deref()),
        ("SIDECAR_IPTABLES", environment.get("SIDECAR_IPTABLES")),
    )?;
    match field.text {
        "auto" | "" => None,
        "nft" => Some(Flavour::Nft),
        "legacy" => Some(Flavour::Legacy),
        _ => {
            problems.add(field, "must be auto, nft or legacy");
            None
        }
    }
}

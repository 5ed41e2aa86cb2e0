//! Fields that stand for themselves: names, numbers, words, and those that are not served.

use std::net::IpAddr;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kubeovn::{VpcEgressGateway, VpcEgressGatewaySpec};

use super::refusal::{Faults, Reason};
use super::sides::{Home, one_a_family};
use super::{Bfd, Pods, bandwidth, selectors};
use crate::plan::Settings;

/// Fields of later releases: refused by name, for a gateway that left them out would not do what was asked for.
pub(super) fn unserved(spec: &VpcEgressGatewaySpec, faults: &mut Faults) {
    let named = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let observability = spec.observability.as_ref().filter(|value| !is_empty(value)).map(ToString::to_string);
    let fields = [
        ("spec.bgpConf", named(&spec.bgp_conf)),
        ("spec.evpnConf", named(&spec.evpn_conf)),
        ("spec.observability", observability),
    ];
    for (field, value) in fields {
        if let Some(value) = value {
            faults.add(Reason::UnservedField, field, &value, "is not served yet and must be left out");
        }
    }
}

fn is_empty(value: &serde_json::Value) -> bool {
    value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// What only the pods need.
pub(super) fn pods(gateway: &VpcEgressGateway, settings: &Settings, faults: &mut Faults) -> Pods {
    let spec = &gateway.spec;
    let replicas = spec.replicas.unwrap_or(1);
    let image = spec.image.as_deref().filter(|image| !image.is_empty()).unwrap_or(&settings.image);
    if image.is_empty() {
        faults.add(Reason::NoImage, "spec.image", "", "must be set, for the controller has no default image");
    }
    let may_share_node =
        one_of(spec.pod_anti_affinity.as_deref(), "spec.podAntiAffinity", ["Required", "Preferred"], faults);
    let mut limit = |value: Option<&kubeovn::Limit>, field: &str| {
        let Some(value) = value else { return 0 };
        bandwidth::mbit(value).unwrap_or_else(|| {
            let shown = match value {
                kubeovn::Limit::Number(number) => number.to_string(),
                kubeovn::Limit::Text(text) => text.clone(),
            };
            faults.add(Reason::InvalidBandwidth, field, &shown, bandwidth::RULE);
            0
        })
    };
    let bandwidth = spec.bandwidth.as_ref();
    let ingress = limit(bandwidth.and_then(|both| both.ingress.as_ref()), "spec.bandwidth.ingress");
    let egress = limit(bandwidth.and_then(|both| both.egress.as_ref()), "spec.bandwidth.egress");
    Pods {
        workload: workload(spec, &gateway.metadata, faults),
        replicas: u8::try_from(replicas).ok().filter(|replicas| *replicas <= 10).unwrap_or_else(|| {
            faults.add(Reason::InvalidReplicas, "spec.replicas", &replicas.to_string(), "must be 0 to 10");
            0
        }),
        image: image.into(),
        may_share_node,
        nodes: selectors::nodes(spec, faults),
        tolerations: spec.tolerations.clone().unwrap_or_default(),
        resources: spec.resources.clone(),
        ingress,
        egress,
    }
}

/// Name of the Deployment. A name of the API server is one already, so only a prefix can spoil it.
fn workload(spec: &VpcEgressGatewaySpec, meta: &ObjectMeta, faults: &mut Faults) -> Box<str> {
    let prefix = spec.prefix.as_deref().unwrap_or_default();
    let name = format!("{prefix}{}", meta.name.as_deref().unwrap_or_default());
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let ends = [bytes.first(), bytes.last()];
        bytes.iter().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || *one == b'-')
            && ends.into_iter().all(|end| end.is_some_and(|end| *end != b'-'))
    };
    if name.len() > 253 || !name.split('.').all(label) {
        let rule = format!(
            "with the name after it, {name:?} must be at most 253 of a-z, 0-9, - and ., each part between dots \
             beginning and ending with a letter or digit"
        );
        faults.add(Reason::InvalidName, "spec.prefix", prefix, rule);
    }
    name.into()
}

/// Whether the second of two words is asked for; the first is the default.
pub(super) fn one_of(value: Option<&str>, field: &str, words: [&str; 2], faults: &mut Faults) -> bool {
    match value {
        None | Some("") => false,
        Some(value) if value == words[0] => false,
        Some(value) if value == words[1] => true,
        Some(value) => {
            faults.add(Reason::InvalidValue, field, value, format!("must be {} or {}", words[0], words[1]));
            false
        }
    }
}

/// BFD, with the addresses of the VPC's port; `None` also where something is wrong with it.
pub(super) fn bfd(spec: &VpcEgressGatewaySpec, home: &Home<'_>, faults: &mut Faults) -> Option<Bfd> {
    let bfd = spec.bfd.as_ref().filter(|bfd| bfd.enabled)?;
    let mut interval = |value: Option<i32>, field: &str| {
        let value = value.unwrap_or(1000);
        u32::try_from(value).ok().filter(|value| (1..=3_600_000).contains(value)).or_else(|| {
            faults.add(Reason::InvalidInterval, field, &value.to_string(), "must be 1 to 3600000 ms");
            None
        })
    };
    let (min_tx, min_rx) = (interval(bfd.min_tx, "spec.bfd.minTX"), interval(bfd.min_rx, "spec.bfd.minRX"));
    let multiplier = bfd.multiplier.unwrap_or(3);
    let multiplier = u8::try_from(multiplier).ok().filter(|value| *value > 0).or_else(|| {
        let rule = "must be 1 to 255: it is one octet of the packet (RFC 5880 section 4.1)";
        faults.add(Reason::MultiplierTooBig, "spec.bfd.multiplier", &multiplier.to_string(), rule);
        None
    });
    let peers = peers(home, faults);
    Some(Bfd { min_tx: min_tx?, min_rx: min_rx?, multiplier: multiplier?, peers: peers? })
}

fn peers(home: &Home<'_>, faults: &mut Faults) -> Option<Vec<IpAddr>> {
    let port = home.object.spec.bfd_port.as_ref().filter(|port| port.enabled);
    let Some(text) = port.map(|port| port.ip.as_deref().unwrap_or_default()) else {
        let rule = format!("needs spec.bfdPort.enabled of Vpc {}", home.name);
        faults.add(Reason::VpcBfdPortNotEnabled, "spec.bfd.enabled", "true", rule);
        return None;
    };
    let peers = bfd_port_addresses(text);
    if peers.is_none() {
        let rule = "must be an address, or an IPv4 and an IPv6 one with a comma between";
        faults.add(Reason::InvalidBfdPort, format!("Vpc/{}: spec.bfdPort.ip", home.name), text, rule);
    }
    peers
}

/// Addresses of `spec.bfdPort.ip` of a VPC, at most one a family. A mask, which suits the router port, is left out.
/// `None`: it is not that.
#[must_use]
pub fn bfd_port_addresses(text: &str) -> Option<Vec<IpAddr>> {
    let bare = |one: &str| {
        let one = one.trim();
        one.parse().ok().or_else(|| one.parse::<ipnet::IpNet>().ok().map(|network| network.addr()))
    };
    let all: Vec<IpAddr> = text.split(',').map(bare).collect::<Option<_>>()?;
    one_a_family(all.iter().copied()).then_some(all)
}

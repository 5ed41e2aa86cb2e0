//! Single values of the file: each either means something or breaks a rule that is told.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::time::Duration;

use bgp::net::{Link, PeerAddr};
use bgp::wire::Role;
use bgp::{Asn, Family, HoldTime};
use toml::de::DeValue;

use crate::cli::go;

pub(super) fn text(value: &DeValue<'_>) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| "must be a string".to_owned())
}

pub(super) fn flag(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| "must be true or false".to_owned())
}

pub(super) fn whole<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
) -> impl Fn(&DeValue<'_>) -> Result<T, String> {
    move |value| {
        let number = value.as_integer().and_then(|one| u64::from_str_radix(one.as_str(), one.radix()).ok());
        number
            .filter(|number| range.contains(number))
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| format!("must be a whole number, {} to {}", range.start(), range.end()))
    }
}

pub(super) fn asn(value: &DeValue<'_>) -> Result<Asn, String> {
    whole::<u32>(1..=u32::MAX.into())(value).and_then(|one| Asn::new(one).ok_or_else(String::new))
}

/// Whole seconds; `"0"` and `0` are none at all.
fn seconds(value: &DeValue<'_>) -> Result<u64, String> {
    let rule = "must be a duration of whole seconds with its unit, e.g. \"90s\"";
    let bare = value.as_integer().filter(|one| one.as_str() == "0").map(|_| Duration::ZERO);
    let time = bare.or_else(|| go::duration(value.as_str()?).ok());
    time.filter(|time| time.subsec_nanos() == 0).map(|time| time.as_secs()).ok_or_else(|| rule.to_owned())
}

pub(super) fn hold_time(value: &DeValue<'_>) -> Result<HoldTime, String> {
    let legal = u16::try_from(seconds(value)?).ok().and_then(HoldTime::new);
    legal.ok_or_else(|| "must be 0 or at least 3s, 65535s at most".to_owned())
}

/// Restart time: twelve bits (RFC 4724 §3).
pub(super) fn restart_time(value: &DeValue<'_>) -> Result<u16, String> {
    let legal = u16::try_from(seconds(value)?).ok().filter(|time| (1..=4095).contains(time));
    legal.ok_or_else(|| "must be 1s to 4095s".to_owned())
}

/// Long-lived stale time: 24 bits (RFC 9494 §3.1).
pub(super) fn stale_time(value: &DeValue<'_>) -> Result<u32, String> {
    let legal = u32::try_from(seconds(value)?).ok().filter(|time| (1..=0xff_ffff).contains(time));
    legal.ok_or_else(|| "must be 1s to 16777215s".to_owned())
}

pub(super) fn neighbor(value: &DeValue<'_>) -> Result<PeerAddr, String> {
    let addr: PeerAddr = text(value)?.parse().map_err(|error: bgp::net::NotAPeer| error.to_string())?;
    host(addr).map(|()| addr)
}

/// What no neighbour can have: an address of nobody or of many, or a link-local one that could be on any link.
pub(in crate::config) fn host(addr: PeerAddr) -> Result<(), String> {
    let ip = addr.ip();
    match ip {
        _ if ip.is_unspecified() || ip.is_multicast() => Err("must be the address of one host".to_owned()),
        IpAddr::V6(v6) if v6.is_unicast_link_local() && addr.link().is_none() => {
            Err(format!("is link-local and must name its link: {v6}%eth0"))
        }
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
            Err("is an IPv4 address in IPv6 form, which must be written as IPv4".to_owned())
        }
        _ => Ok(()),
    }
}

pub(super) fn link(value: &DeValue<'_>) -> Result<PeerAddr, String> {
    let link =
        Link::new(&text(value)?).ok_or_else(|| "must be the name of a network interface".to_owned())?;
    Ok(PeerAddr::unnumbered(link))
}

pub(super) fn source(value: &DeValue<'_>) -> Result<IpAddr, String> {
    let addr = value.as_str().and_then(|text| text.parse::<IpAddr>().ok());
    let one = addr.filter(|addr| !addr.is_unspecified() && !addr.is_multicast());
    one.ok_or_else(|| "must be an address of this host".to_owned())
}

pub(super) fn ipv4(value: &DeValue<'_>) -> Result<Ipv4Addr, String> {
    let addr = value.as_str().and_then(|text| text.parse::<Ipv4Addr>().ok());
    let one = addr.filter(|addr| !addr.is_unspecified() && !addr.is_multicast() && !addr.is_broadcast());
    one.ok_or_else(|| "must be the IPv4 address of one host".to_owned())
}

pub(super) fn ipv6(value: &DeValue<'_>) -> Result<Ipv6Addr, String> {
    let addr = value.as_str().and_then(|text| text.parse::<Ipv6Addr>().ok());
    let one = addr.filter(|addr| !addr.is_unspecified() && !addr.is_multicast());
    let one = one.filter(|addr| !addr.is_unicast_link_local() && addr.to_ipv4_mapped().is_none());
    one.ok_or_else(|| "must be the IPv6 address of one host, not a link-local one".to_owned())
}

pub(super) fn family(text: &str) -> Result<Family, String> {
    match text {
        "ipv4" => Ok(Family::IPV4_UNICAST),
        "ipv6" => Ok(Family::IPV6_UNICAST),
        _ => Err("must be ipv4 or ipv6".to_owned()),
    }
}

pub(super) fn role(value: &DeValue<'_>) -> Result<Role, String> {
    let all = [Role::Provider, Role::RouteServer, Role::RouteServerClient, Role::Customer, Role::Peer];
    let wanted = value.as_str().unwrap_or_default();
    let rule = || "must be provider, customer, peer, route-server or route-server-client".to_owned();
    all.into_iter().find(|role| role.name() == wanted).ok_or_else(rule)
}

/// What the other operator reads of a shutdown: 255 octets at most (RFC 9003 §2).
pub(in crate::config) fn communication(value: &DeValue<'_>) -> Result<String, String> {
    let text = text(value)?;
    crate::api::communication(&text).map(|()| text)
}

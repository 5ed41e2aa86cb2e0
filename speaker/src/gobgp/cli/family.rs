//! Address families: what `-a` takes, and the two ways GoBGP prints one.

use super::Error;
use crate::gobgp::api::Family;
use crate::gobgp::api::family::{Afi, Safi};

/// IPv4 unicast.
pub(super) const IPV4: Family = Family { afi: Afi::Ip as i32, safi: Safi::Unicast as i32 };

/// IPv6 unicast.
pub(super) const IPV6: Family = Family { afi: Afi::Ip6 as i32, safi: Safi::Unicast as i32 };

/// A value of `-a`.
///
/// # Errors
/// For a name GoBGP has not.
pub(super) fn parse(name: &str) -> Result<Family, Error> {
    let (afi, safi) = match name {
        "ipv4" | "v4" | "4" => (Afi::Ip, Safi::Unicast),
        "ipv6" | "v6" | "6" => (Afi::Ip6, Safi::Unicast),
        "ipv4-l3vpn" | "vpnv4" | "vpn-ipv4" => (Afi::Ip, Safi::MplsVpn),
        "ipv6-l3vpn" | "vpnv6" | "vpn-ipv6" => (Afi::Ip6, Safi::MplsVpn),
        "ipv4-labeled" | "ipv4-labelled" | "ipv4-mpls" => (Afi::Ip, Safi::MplsLabel),
        "ipv6-labeled" | "ipv6-labelled" | "ipv6-mpls" => (Afi::Ip6, Safi::MplsLabel),
        "evpn" => (Afi::L2vpn, Safi::Evpn),
        "l2vpn-vpls" => (Afi::L2vpn, Safi::Vpls),
        "encap" | "ipv4-encap" => (Afi::Ip, Safi::Encapsulation),
        "ipv6-encap" => (Afi::Ip6, Safi::Encapsulation),
        "rtc" => (Afi::Ip, Safi::RouteTargetConstraints),
        "ipv4-flowspec" | "ipv4-flow" | "flow4" => (Afi::Ip, Safi::FlowSpecUnicast),
        "ipv6-flowspec" | "ipv6-flow" | "flow6" => (Afi::Ip6, Safi::FlowSpecUnicast),
        "ipv4-l3vpn-flowspec" | "ipv4vpn-flowspec" | "flowvpn4" => (Afi::Ip, Safi::FlowSpecVpn),
        "ipv6-l3vpn-flowspec" | "ipv6vpn-flowspec" | "flowvpn6" => (Afi::Ip6, Safi::FlowSpecVpn),
        "l2vpn-flowspec" => (Afi::L2vpn, Safi::FlowSpecVpn),
        "opaque" => (Afi::Opaque, Safi::KeyValue),
        "ls" | "linkstate" | "bgpls" => (Afi::Ls, Safi::Ls),
        "ipv4-mup" | "mup-ipv4" | "mup4" => (Afi::Ip, Safi::Mup),
        "ipv6-mup" | "mup-ipv6" | "mup6" => (Afi::Ip6, Safi::Mup),
        _ => return Err(Error::said(format!("unsupported address family: {name}"))),
    };
    Ok(Family { afi: afi.into(), safi: safi.into() })
}

/// As capabilities and prefix limits show it.
pub(super) fn name(family: &Family) -> String {
    let known = match (family.afi(), family.safi()) {
        (Afi::Ip, Safi::Unicast) => "ipv4-unicast",
        (Afi::Ip6, Safi::Unicast) => "ipv6-unicast",
        (Afi::Ip, Safi::Multicast) => "ipv4-multicast",
        (Afi::Ip6, Safi::Multicast) => "ipv6-multicast",
        (Afi::Ip, Safi::MplsLabel) => "ipv4-labelled-unicast",
        (Afi::Ip6, Safi::MplsLabel) => "ipv6-labelled-unicast",
        (Afi::Ip, Safi::MplsVpn) => "l3vpn-ipv4-unicast",
        (Afi::Ip6, Safi::MplsVpn) => "l3vpn-ipv6-unicast",
        (Afi::Ip, Safi::MplsVpnMulticast) => "l3vpn-ipv4-multicast",
        (Afi::Ip6, Safi::MplsVpnMulticast) => "l3vpn-ipv6-multicast",
        (Afi::L2vpn, Safi::Vpls) => "l2vpn-vpls",
        (Afi::L2vpn, Safi::Evpn) => "l2vpn-evpn",
        (Afi::Ip, Safi::RouteTargetConstraints) => "rtc",
        (Afi::Ip, Safi::Encapsulation) => "ipv4-encap",
        (Afi::Ip6, Safi::Encapsulation) => "ipv6-encap",
        (Afi::Ip, Safi::FlowSpecUnicast) => "ipv4-flowspec",
        (Afi::Ip, Safi::FlowSpecVpn) => "l3vpn-ipv4-flowspec",
        (Afi::Ip6, Safi::FlowSpecUnicast) => "ipv6-flowspec",
        (Afi::Ip6, Safi::FlowSpecVpn) => "l3vpn-ipv6-flowspec",
        (Afi::L2vpn, Safi::FlowSpecVpn) => "l2vpn-flowspec",
        (Afi::Opaque, Safi::KeyValue) => "opaque",
        (Afi::Ls, Safi::Ls) => "ls",
        (Afi::Ip, Safi::SrPolicy) => "ipv4-srpolicy",
        (Afi::Ip6, Safi::SrPolicy) => "ipv6-srpolicy",
        (Afi::Ip, Safi::Mup) => "ipv4-mup",
        (Afi::Ip6, Safi::Mup) => "ipv6-mup",
        _ => return format!("UnknownFamily({})", i64::from(family.afi) << 16 | i64::from(family.safi)),
    };
    known.to_owned()
}

/// As `summary` shows it: protobuf's text form.
pub(super) fn text(family: &Family) -> String {
    let afi =
        Afi::try_from(family.afi).map_or_else(|_| family.afi.to_string(), |afi| afi.as_str_name().into());
    let safi = Safi::try_from(family.safi)
        .map_or_else(|_| family.safi.to_string(), |safi| safi.as_str_name().into());
    format!("afi:{afi} safi:{safi}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_minus_a_takes() {
        assert_eq!(parse("ipv4").unwrap(), IPV4);
        assert_eq!(parse("6").unwrap(), IPV6);
        assert_eq!(parse("vpnv4").unwrap(), Family { afi: 1, safi: 128 });
        assert_eq!(parse("evpn").unwrap(), Family { afi: 25, safi: 70 });
        assert_eq!(parse("foo").unwrap_err().to_string(), "unsupported address family: foo");
    }

    #[test]
    fn both_forms() {
        assert_eq!(name(&IPV6), "ipv6-unicast");
        assert_eq!(name(&Family { afi: 25, safi: 70 }), "l2vpn-evpn");
        assert_eq!(name(&Family { afi: 1, safi: 9 }), "UnknownFamily(65545)");
        assert_eq!(text(&IPV4), "afi:AFI_IP safi:SAFI_UNICAST");
        assert_eq!(text(&Family { afi: 1, safi: 9 }), "afi:AFI_IP safi:9");
    }
}

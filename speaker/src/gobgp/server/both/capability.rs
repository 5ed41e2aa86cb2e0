//! Capabilities, each in the message of its code: the stock command panics on a known code in the unknown one, and
//! drops the whole list over one it cannot decode.

use bgp::Family;
use bgp::wire;

use super::super::{Capability, capability as pack, extended_message, pb, software_version};
use super::path::family;

/// Those that can be shown, in the order sent.
pub(super) fn capabilities(all: &[wire::Capability]) -> Vec<Capability> {
    all.iter().filter_map(capability).collect()
}

fn capability(one: &wire::Capability) -> Option<Capability> {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    Some(match one {
        wire::Capability::Multiprotocol(of) => {
            pack(pb::MultiProtocolCapability { family: Some(family(*of)) })
        }
        wire::Capability::RouteRefresh => pack(pb::RouteRefreshCapability {}),
        wire::Capability::ExtendedNextHop(entries) => {
            let tuple = |(of, afi): &(Family, u16)| pb::ExtendedNexthopCapabilityTuple {
                nlri_family: Some(family(*of)),
                nexthop_family: Some(family(Family { afi: *afi, safi: 1 })),
            };
            pack(pb::ExtendedNexthopCapability { tuples: entries.iter().map(tuple).collect() })
        }
        wire::Capability::ExtendedMessage => extended_message(),
        wire::Capability::GracefulRestart(restart) => {
            let tuple = |(of, flags): &(Family, u8)| pb::GracefulRestartCapabilityTuple {
                family: Some(family(*of)),
                flags: (*flags).into(),
            };
            pack(pb::GracefulRestartCapability {
                flags: restart.flags.into(),
                time: restart.time.into(),
                tuples: restart.families.iter().map(tuple).collect(),
            })
        }
        wire::Capability::FourOctetAs(asn) => {
            pack(pb::FourOctetAsnCapability { asn: asn.map_or(0, bgp::Asn::get) })
        }
        wire::Capability::EnhancedRouteRefresh => pack(pb::EnhancedRouteRefreshCapability {}),
        wire::Capability::Fqdn { host, domain } => {
            pack(pb::FqdnCapability { host_name: text(host), domain_name: text(domain) })
        }
        other => return unknown(other.code(), other.encode()?.get(2..)?),
    })
}

/// From the octets. One that has a message but not the octets for it cannot be shown at all.
fn unknown(code: u8, value: &[u8]) -> Option<Capability> {
    Some(match code {
        1 | 2 | 5 | 6 | 64 | 65 | 70 | 73 => return None,
        4 => pack(pb::CarryingLabelInfoCapability {}),
        69 => {
            let tuple = |entry: &[u8]| match *entry {
                [afi_high, afi_low, safi, mode @ 1..=3] => Some(pb::AddPathCapabilityTuple {
                    family: Some(family(Family { afi: u16::from_be_bytes([afi_high, afi_low]), safi })),
                    mode: mode.into(),
                }),
                _ => None,
            };
            pack(pb::AddPathCapability { tuples: value.chunks(4).map(tuple).collect::<Option<_>>()? })
        }
        71 => {
            let tuple = |entry: &[u8]| match *entry {
                [afi_high, afi_low, safi, flags, high, middle, low] => {
                    Some(pb::LongLivedGracefulRestartCapabilityTuple {
                        family: Some(family(Family { afi: u16::from_be_bytes([afi_high, afi_low]), safi })),
                        flags: flags.into(),
                        time: u32::from_be_bytes([0, high, middle, low]),
                    })
                }
                _ => None,
            };
            pack(pb::LongLivedGracefulRestartCapability {
                tuples: value.chunks(7).map(tuple).collect::<Option<_>>()?,
            })
        }
        75 => {
            let (len, text) = value.split_first()?;
            let text = text.get(..usize::from(*len))?;
            return software_version(String::from_utf8_lossy(text).into_owned());
        }
        128 => pack(pb::RouteRefreshCiscoCapability {}),
        _ => pack(pb::UnknownCapability { code: code.into(), value: value.to_vec() }),
    })
}

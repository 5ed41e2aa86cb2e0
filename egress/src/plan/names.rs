//! Names and owner ids of rows: for the group kubeovn.io those of Kube-OVN, so that either finds what the other wrote.

use sha2::{Digest, Sha256};

use crate::rows::Ids;
use crate::view::{Family, Name};

/// Owner id: the gateway, `NAMESPACE/NAME`.
pub const GATEWAY_ID: &str = "vpc-egress-gateway";
/// Owner id: whose row it is.
pub const VENDOR_ID: &str = "vendor";
/// Route table that no port uses: its routes forward nothing, they keep BFD sessions awake.
pub const ANCHOR_TABLE: &str = "egress-anchor";

/// What `external_ids:vendor` says in rows of the group: Kube-OVN's own word for its group, else the group.
#[must_use]
pub fn vendor(group: &str) -> &str {
    if group == kubeovn::GROUP { "kube-ovn" } else { group }
}

/// First twelve hex digits of SHA-256 over `NAMESPACE/NAME`, or `GROUP/NAMESPACE/NAME` for another group.
#[must_use]
pub fn digest(group: &str, name: &Name) -> String {
    let text = if group == kubeovn::GROUP { name.to_string() } else { format!("{group}/{name}") };
    Sha256::digest(text).iter().take(6).map(|octet| format!("{octet:02x}")).collect()
}

/// Owner ids of a gateway's rows.
#[must_use]
pub fn gateway_ids(group: &str, name: &Name, family: Family) -> Ids {
    Ids::from([
        (VENDOR_ID.into(), vendor(group).into()),
        (GATEWAY_ID.into(), name.to_string().into()),
        ("af".into(), family.digit().into()),
    ])
}

/// The gateway that a row of the group belongs to; `None`: it is somebody else's.
#[must_use]
pub fn gateway_of(group: &str, ids: &Ids) -> Option<Name> {
    if ids.get(VENDOR_ID).map(|word| &**word) != Some(vendor(group)) {
        return None;
    }
    let (namespace, name) = ids.get(GATEWAY_ID)?.split_once('/')?;
    Some(Name::new(namespace, name))
}

/// Ids of the BFD ports of a VPC.
#[must_use]
pub fn port_ids(group: &str, vpc: &str) -> Ids {
    Ids::from([(VENDOR_ID.into(), vendor(group).into()), ("lr".into(), vpc.into())])
}

/// Address set of the sources that policies name.
#[must_use]
pub fn sources(digest: &str, family: Family) -> String {
    format!("VEG.{digest}.ipv{}", family.digit())
}

/// Address set of the pods that selectors name: northd makes it from the port group of [`selected`].
#[must_use]
pub fn selected_addresses(digest: &str, family: Family) -> String {
    format!("VEG.{digest}_ip{}", family.digit())
}

/// Port group of the pods that selectors name.
#[must_use]
pub fn selected(digest: &str) -> String {
    format!("VEG.{digest}")
}

/// Address set of the default VPC's pods on a node, from the node's `ovn.kubernetes.io/port_name`.
#[must_use]
pub fn on_node(port_name: &str, family: Family) -> String {
    format!("{}_ip{}", port_name.replace('-', "."), family.digit())
}

/// BFD port of a VPC: the one of its home chassis, or the one of another chassis.
#[must_use]
pub fn bfd_port(vpc: &str, chassis: Option<&str>) -> String {
    match chassis {
        None => format!("bfd@{vpc}"),
        Some(chassis) => format!("bfd@{vpc}@{chassis}"),
    }
}

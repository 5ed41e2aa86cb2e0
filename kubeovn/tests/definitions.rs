//! The definitions in `deploy/crds` are those of the types, and the types read what Kube-OVN writes.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;

use kubeovn::{Condition, IptablesEip, Subnet, VpcNatGateway};
use serde_json::Value;

#[test]
fn deploy_crds_are_up_to_date() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/crds");
    let mut names = Vec::new();
    for crd in kubeovn::definitions() {
        let name = format!("{}.yaml", crd.spec.names.plural);
        let text = std::fs::read_to_string(dir.join(&name)).unwrap();
        let written: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(written, serde_json::to_value(&crd).unwrap(), "{name}: run `make crds`");
        names.push(name);
    }
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, names, "a file of no type, or a type without a file");
}

#[test]
fn names_are_those_of_kube_ovn() {
    let names: Vec<_> = kubeovn::definitions()
        .into_iter()
        .map(|crd| (crd.metadata.name.unwrap(), crd.spec.names.kind, crd.spec.scope))
        .collect();
    let cluster = |name: &str, kind: &str| (name.to_owned(), kind.to_owned(), "Cluster".to_owned());
    let expected = [
        cluster("ips.kubeovn.io", "IP"),
        cluster("iptables-eips.kubeovn.io", "IptablesEIP"),
        cluster("ovn-eips.kubeovn.io", "OvnEip"),
        cluster("subnets.kubeovn.io", "Subnet"),
        cluster("vips.kubeovn.io", "Vip"),
        ("vpc-egress-gateways.kubeovn.io".to_owned(), "VpcEgressGateway".to_owned(), "Namespaced".to_owned()),
        cluster("vpc-nat-gateways.kubeovn.io", "VpcNatGateway"),
        cluster("vpcs.kubeovn.io", "Vpc"),
    ];
    assert_eq!(names, expected);
}

#[test]
fn objects_are_read_whatever_else_they_hold() {
    let subnet: Subnet = serde_saphyr::from_str(
        "apiVersion: kubeovn.io/v1\nkind: Subnet\nmetadata: {name: ovn-default, finalizers: [x]}\n\
         spec: {cidrBlock: '10.16.0.0/16,fd00:10:16::/64', natOutgoing: true, gateway: 10.16.0.1, default: true}\n\
         status: {v4availableIPs: 65, conditions: [{type: Ready, status: 'True', reason: Init}]}\n",
    )
    .unwrap();
    assert_eq!(subnet.spec.cidr_block.as_deref(), Some("10.16.0.0/16,fd00:10:16::/64"));
    assert_eq!(subnet.spec.nat_outgoing, Some(true));
    let conditions = subnet.status.unwrap().conditions;
    assert!(Condition::holds(conditions.as_deref(), "Ready"));
    assert!(!Condition::holds(conditions.as_deref(), "Validated"));

    let eip: IptablesEip = serde_saphyr::from_str(
        "apiVersion: kubeovn.io/v1\nkind: IptablesEIP\nmetadata: {name: eip1}\n\
         spec: {v4ip: 172.19.0.101, v6ip: '', natGwDp: gw1, macAddress: '00:00:00:01:02:03'}\n\
         status: {ready: true, ip: 172.19.0.101, nat: fip}\n",
    )
    .unwrap();
    assert_eq!((eip.spec.v4ip.as_deref(), eip.spec.v6ip.as_deref()), (Some("172.19.0.101"), Some("")));
    assert_eq!(eip.status.unwrap().ready, Some(true));

    let gateway: VpcNatGateway = serde_saphyr::from_str(
        "apiVersion: kubeovn.io/v1\nkind: VpcNatGateway\nmetadata: {name: vpc-natgw}\n\
         spec:\n  vpc: vpc1\n  subnet: net1\n  lanIp: 10.0.1.10\n  selector: ['kubernetes.io/os: linux']\n\
         \x20 bgpSpeaker: {enabled: true, asn: 65500, remoteAsn: 65000, neighbors: [100.127.4.161, 'fd:01::1'],\n\
         \x20   password: password123, extraArgs: [-v5]}\n",
    )
    .unwrap();
    let speaker = gateway.spec.bgp_speaker.clone().unwrap();
    assert_eq!((speaker.asn, speaker.remote_asn), (Some(65500), Some(65000)));
    assert!(!format!("{gateway:?}").contains("password123"), "the password is not even read");
}

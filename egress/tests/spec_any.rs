//! Whatever is written in a gateway, checking it ends with a specification or with faults that can be read.
#![allow(clippy::unwrap_used, reason = "a test")]

mod objects;

use objects::{check, cluster, gateway2, subnet, vpc, with};
use proptest::prelude::*;
use serde_json::json;

/// Texts near to what is expected, and any others.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9a-f:./,x ]{0,24}",
        "[0-9]{1,3}\\.[0-9]{1,3}\\.0\\.[0-9]{1,3}(/[0-9]{1,3})?",
        "[0-9]{0,30}\\.?[0-9]{0,30}(M|Mi|G|Gi|k)?",
        "\\PC{0,40}",
    ]
}

proptest! {
    #[test]
    fn a_check_always_ends(texts in proptest::collection::vec(text(), 14), number in any::<i32>(), enabled in any::<bool>()) {
        let mut cluster = cluster();
        let port = json!({"bfdPort": {"enabled": enabled, "ip": texts[0]}});
        vpc(&mut cluster, "vpc1", port, json!({"router": "vpc1"}));
        let external = json!({"provider": texts[1], "cidrBlock": texts[2], "gateway": texts[3]});
        subnet(&mut cluster, "any", external);
        let change = json!({
            "externalSubnet": if enabled { "any" } else { "macvlan1" },
            "internalIPs": [texts[4], texts[5]], "externalIPs": [texts[6]], "externalIPPool": texts[7],
            "prefix": texts[8], "replicas": number, "trafficPolicy": texts[9],
            "bandwidth": {"ingress": texts[10], "egress": number},
            "bfd": {"enabled": true, "minTX": number, "multiplier": number},
            "policies": [{"snat": enabled, "ipBlocks": [texts[11], texts[12]], "subnets": [texts[13]]}],
        });
        if let Err(refusal) = check("gateway2", with(gateway2(), change), &cluster) {
            prop_assert!((1..=8).contains(&refusal.faults().count()));
            prop_assert!(refusal.to_string().len() < 8192);
        }
    }
}

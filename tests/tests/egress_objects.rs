//! The definition of VpcEgressGateway and `deploy/egress` on a real API server: what is wrong in itself is refused at the
//! door with a word about it, what Kube-OVN's users write is taken, and the columns are the ones they know.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use tests::deploy::path;
use tests::fault::{Fault, Result, ensure};
use tests::kube::ApiServer;
use tests::topology::Topology;

fn gateway(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: kubeovn.io/v1\nkind: VpcEgressGateway\nmetadata: {{name: {name}, namespace: default}}\nspec: {spec}\n"
    )
}

fn apply(api: &ApiServer, dir: &tempfile::TempDir, text: &str) -> Result<String> {
    let file = dir.path().join("object.yaml");
    std::fs::write(&file, text)?;
    api.kubectl(&["apply", "--server-side", "--validate=strict", "-f", &file.display().to_string()])
}

/// Specifications, `POLICY` for a policy that is fine, and words of what is said against them.
const WRONG: [(&str, &str); 15] = [
    ("{POLICY}", "spec.externalSubnet: Required value"),
    ("{externalSubnet: '', POLICY}", "spec.externalSubnet in body should be at least 1 chars long"),
    ("{externalSubnet: x}", "at least one policy or selector is required"),
    (
        "{externalSubnet: x, policies: [{snat: true}]}",
        "spec.policies[0]: Invalid value: \"object\": ipBlocks or subnets",
    ),
    (
        "{externalSubnet: x, selectors: [{podSelector: {}}]}",
        "spec.selectors[0].podSelector: Invalid value: \"object\": matchLabels or matchExpressions is required",
    ),
    ("{externalSubnet: x, replicas: 11, POLICY}", "should be less than or equal to 10"),
    (
        "{externalSubnet: x, replicas: 2, internalIPs: [10.0.0.1], POLICY}",
        "spec.internalIPs: Invalid value: \"object\": must be at least as many as replicas",
    ),
    (
        "{externalSubnet: x, externalIPs: [10.0.0.1], externalIPPool: p, POLICY}",
        "spec.externalIPPool: Invalid value: \"object\": must be empty beside externalIPs",
    ),
    ("{externalSubnet: x, internalIPs: [a, a], POLICY}", "duplicate"),
    (
        "{externalSubnet: x, bfd: {enabled: true, multiplier: 256}, POLICY}",
        "spec.bfd.multiplier in body should be less than or equal to 255",
    ),
    (
        "{externalSubnet: x, bfd: {minTX: 0}, POLICY}",
        "spec.bfd.minTX in body should be greater than or equal to 1",
    ),
    ("{externalSubnet: x, bandwidth: {egress: 1k}, POLICY}", "spec.bandwidth.egress in body should match"),
    ("{externalSubnet: x, bandwidth: {ingress: -1}, POLICY}", "must be 0 to 9223372036854 Mbit/s"),
    ("{externalSubnet: x, trafficPolicy: local, POLICY}", "supported values: \"Local\", \"Cluster\""),
    ("{externalSubnet: x, prefix: Veg-, POLICY}", "spec.prefix in body should match"),
];

fn at_the_door() -> Result<()> {
    let topology = Topology::new()?;
    let api = ApiServer::start(&topology)?;
    let dir = tempfile::tempdir()?;
    for (spec, words) in WRONG {
        let text = gateway("bad", &spec.replace("POLICY", "policies: [{ipBlocks: [10.0.0.0/8]}]"));
        let said = apply(&api, &dir, &text).err().map(|fault| fault.to_string()).unwrap_or_default();
        ensure(said.contains(words), || format!("{spec}: {said:?}"))?;
    }
    let good = "{externalSubnet: x, prefix: veg-, bandwidth: {ingress: 9223372036854, egress: 1.5Gi}, selectors: [{}], \
                resources: {limits: {cpu: 1}}, bgpConf: later}";
    apply(&api, &dir, &gateway("good", good))?;
    // What a name was made of stays, and comes neither later nor goes.
    for change in [r#"{"spec":{"prefix":"other-"}}"#, r#"{"spec":{"prefix":null}}"#] {
        let said = api.kubectl(&["patch", "veg", "good", "--type=merge", "-p", change]);
        ensure(said.err().is_some_and(|one| one.to_string().contains("cannot be changed")), || {
            change.to_owned()
        })?;
    }
    api.kubectl(&["scale", "veg", "good", "--replicas=3"])?;
    let status = r#"{"status":{"replicas":3,"labelSelector":"a=b","phase":"Completed","ready":true,
        "internalIPs":["10.0.0.1"],"workload":{"nodes":["node1"]},"router":"r"}}"#;
    api.kubectl(&["patch", "veg", "good", "--subresource=status", "--type=merge", "-p", status])?;
    let table = api.kubectl(&["get", "veg", "good", "-o", "wide"])?;
    let mut lines = table.lines().map(|line| line.split("  ").map(str::trim).filter(|one| !one.is_empty()));
    let mut next = || lines.next().map(Iterator::collect::<Vec<_>>).ok_or_else(|| Fault::new(table.clone()));
    // As the reference run printed them.
    let head =
        "NAME,VPC,REPLICAS,BFD,EXTERNAL SUBNET,PHASE,READY,INTERNAL IPS,EXTERNAL IPS,WORKING NODES,AGE";
    let (found, row) = (next()?.join(","), next()?.join(","));
    ensure(found == head, || found.clone())?;
    ensure(row.starts_with(r#"good,3,false,x,Completed,true,["10.0.0.1"],["node1"],"#), || row.clone())
}

#[test]
fn what_is_wrong_in_itself_is_refused_at_the_door() {
    at_the_door().unwrap();
}

fn manifests() -> Result<()> {
    let topology = Topology::new()?;
    let api = ApiServer::start(&topology)?;
    let dry = ["apply", "--dry-run=server", "--validate=strict"];
    for dir in ["base", "beside"] {
        let dir = path("deploy/egress").join(dir).display().to_string();
        let said = api.kubectl(&[&dry[..], &["-k", &dir]].concat())?;
        ensure(said.contains("deployment.apps/egress created"), || said.clone())?;
    }
    // With a component, as an operator's overlay has it; kustomize knows relative paths only.
    let dir = tempfile::tempdir()?;
    let depth = dir.path().canonicalize()?.components().count().saturating_sub(1);
    let root = path("deploy/egress").canonicalize()?;
    let root = format!("{}{}", "../".repeat(depth), root.display().to_string().trim_start_matches('/'));
    let text = format!("resources: [\"{root}/base\"]\ncomponents: [\"{root}/components/tls\"]\n");
    std::fs::write(dir.path().join("kustomization.yaml"), text)?;
    let dir = dir.path().display().to_string();
    let all = tests::deploy::kustomize(dir.as_ref())?;
    ensure(all.contains("value: ssl:ovn-nb.kube-system.svc:6641") && !all.contains("tcp:"), || all.clone())?;
    api.kubectl(&[&dry[..], &["-k", &dir]].concat())?;
    Ok(())
}

#[test]
fn an_api_server_takes_the_manifests_of_egress() {
    manifests().unwrap();
}

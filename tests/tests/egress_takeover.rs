//! A Deployment that kube-ovn-controller made for a gateway becomes one of ours: nothing of its own is left in it, and what
//! we do not want any more later goes, too.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use serde_json::{Value, json};
use tests::egress::northbound::Schema;
use tests::egress::seed;
use tests::egress::world::{LIMIT, World, gateway_path};
use tests::fault::{Result, ensure};
use tests::wait;

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/gateway1";

/// A Deployment of the gateway with this uid, as another controller would have it: a probe by HTTP, rights, a volume.
fn others(uid: &str) -> Value {
    let labels = json!({"app": "vpc-egress-gateway", "ovn.kubernetes.io/vpc-egress-gateway": "gateway1"});
    let probe = json!({"httpGet": {"path": "/", "port": 80}, "initialDelaySeconds": 7});
    let container = json!({"name": "gateway", "image": "example.com/other:1", "command": ["other"],
        "securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}, "livenessProbe": probe, "readinessProbe": probe,
        "volumeMounts": [{"name": "other", "mountPath": "/other"}]});
    let init = json!({"name": "other-init", "image": "example.com/other:1"});
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "gateway1", "namespace": "default", "labels": labels,
            "annotations": {"ovn.kubernetes.io/generate-hash": "other"},
            "ownerReferences": [{"apiVersion": "kubeovn.io/v1", "kind": "VpcEgressGateway", "name": "gateway1",
                "uid": uid, "controller": true, "blockOwnerDeletion": true}]},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container], "initContainers": [init],
                "volumes": [{"name": "other", "emptyDir": {}}], "hostPID": true}}}})
}

/// Fails while there is something of another in it, or somebody else owns what we apply.
fn is_ours(there: &Value) -> Result<()> {
    let text = there["spec"].to_string();
    for word in ["example.com/other", "httpGet", "SYS_ADMIN", "/other", "hostPID", "initialDelaySeconds\":7"]
    {
        ensure(!text.contains(word), || format!("{word} is left: {text}"))?;
    }
    ensure(text.contains("\"exec\""), || format!("no probe of ours: {text}"))?;
    let owners = there["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let of_spec = owners.iter().filter(|one| one["subresource"].is_null());
    let of_spec: Vec<_> = of_spec.map(|one| (one["manager"].clone(), one["operation"].clone())).collect();
    ensure(of_spec == [(json!("egress"), json!("Apply"))], || format!("owned by {of_spec:?}"))
}

fn takeover() -> Result<()> {
    let mut world = World::start(Schema::Stock)?;
    world.gateway("gateway1", &seed::gateway1())?;
    let uid = world.gateway_now("gateway1")?["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    world.api.create(&others(&uid))?;
    world.run(&["--leader-elect=false"])?;
    let taken = wait::until("the Deployment is ours", LIMIT, || is_ours(&world.api.get(DEPLOYMENT)?));
    taken.map_err(|fault| world.told(&fault))?;
    // Nobody writes it for ever.
    let version = world.api.get(DEPLOYMENT)?["metadata"]["generation"].clone();
    let same = || {
        let now = world.api.get(DEPLOYMENT)?["metadata"]["generation"].clone();
        ensure(now == version, || format!("generation {now}, was {version}"))
    };
    wait::stays("its generation", std::time::Duration::from_secs(1), same)?;
    // What is not wanted any more goes.
    let cpu = |there: &Value| {
        there["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"].clone()
    };
    world.change("gateway1", &json!({"resources": {"limits": {"cpu": "123m"}}}))?;
    let limited = wait::until("a limit", LIMIT, || {
        let said = cpu(&world.api.get(DEPLOYMENT)?);
        ensure(said == "123m", || said.to_string())
    });
    limited.map_err(|fault| world.told(&fault))?;
    world.api.merge(&gateway_path("gateway1"), &json!({"spec": {"resources": null}}))?;
    let gone = wait::until("no limit", LIMIT, || {
        let said = cpu(&world.api.get(DEPLOYMENT)?);
        ensure(said != "123m", || said.to_string())
    });
    gone.map(drop).map_err(|fault| world.told(&fault))
}

#[test]
fn a_deployment_of_kube_ovn_controller_becomes_ours() {
    takeover().unwrap();
}

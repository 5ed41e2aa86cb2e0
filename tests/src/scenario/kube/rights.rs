//! Which rights a speaker uses, and what happens when it loses them.

use super::lab::{BACK, SOON, Site, Way, start, world};
use super::outage::follows;
use super::stop::speakers_objects;
use super::table::{WEB, WEB_FROM_N1, WITHOUT_WEB, WORLD, tables, withdrawn_were};
use crate::fault::{During, Fault, Result, ensure};
use crate::kube::objects::{eip, pod};
use crate::kube::{ApiServer, Cut, Request, Seen, URL, User};
use crate::router::Kind;
use crate::scenario::lab::{Lab, conclude};
use crate::speaker::{Extra, Speaker};
use crate::topology::Topology;
use crate::wait;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

const BINDING: &str = "delete clusterrolebinding kube-ovn-speaker";

/// A right is taken away and given back: what was announced stays, what changed meanwhile follows.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn rights_taken(kind: Kind) -> Result<()> {
    conclude(
        start(kind, User::Node, Way::Proxied)?,
        |lab| {
            lab.begin()?;
            taken(lab)?;
            follows(lab, SOON)
        },
        |(), verdicts| withdrawn_were(verdicts, [&WEB, &WEB]),
    )
}

fn taken(lab: &Lab<Site>) -> Result<()> {
    let proxy = lab.proxy()?;
    lab.source.api.kubectl(&BINDING.split(' ').collect::<Vec<_>>())?;
    // A watch that runs is not asked for its rights again.
    proxy.cut_watches(Cut::Abort);
    wait::until("n1 is refused", BACK, || {
        let refused = ["pods", "subnets"].map(|kind| proxy.count(kind, Seen::Forbidden));
        ensure(refused.iter().all(|times| *times >= 2), || format!("refused: {refused:?}"))
    })?;
    lab.kubectl_then("annotate --overwrite pod web ovn.kubernetes.io/bgp=false", WEB_FROM_N1, SOON)?;
    wait::stays("the tables", Duration::from_secs(2), || lab.tables_are(&tables(WEB_FROM_N1)?))?;
    lab.source.api.grant(User::Node)?;
    lab.become_within(&tables(WITHOUT_WEB)?, BACK).during("given back")?;
    lab.kubectl_then("annotate --overwrite pod web ovn.kubernetes.io/bgp=true", WORLD, SOON)
}

/// A way to run a speaker, and what it may do.
struct Case<'a> {
    user: User,
    extra: Extra<'a>,
    /// The roles with its rights, as kubectl names them; of another namespace than kube-system behind its name.
    roles: &'a [&'a str],
    /// What it asks for as long as it runs.
    running: &'a [(&'a str, &'a str)],
    /// What it asks for once it is stopped.
    stopped: &'a [(&'a str, &'a str)],
}

/// Something to announce, something to tell of, and what a speaker that stops looks at.
fn objects(api: &ApiServer) -> Result<()> {
    api.create("world", &world())?;
    api.create("eips", &[eip("sample", "gw1", ("10.30.0.5", "fd00:30::5"), true)])?;
    api.create("typo", &[pod("typo", "n1", "plain-sub", "10.18.0.9", Some("ture"))])?;
    api.kubectl(&["annotate", "eip", "sample", "ovn.kubernetes.io/bgp=ture"])?;
    speakers_objects(api)
}

/// The requests a speaker makes are those that `deploy/rbac/` allows, in every mode: none less, none more.
///
/// # Errors
/// The step that failed.
pub fn least_rights() -> Result<()> {
    let topology = Topology::new()?;
    let mut api = ApiServer::start(&topology)?;
    objects(&api)?;
    api.grant(User::Node)?;
    api.grant(User::Gateway)?;
    let pod = ["POD_NAMESPACE=kube-system", "POD_NAME=kube-ovn-speaker-n1"].map(str::to_owned);
    let gateway = [String::from("GATEWAY_NAME=gw1")];
    let state = format!("--state-dir={}", topology.dir().display());
    let restart = ["--graceful-restart", &state];
    let running = [
        ("list", "pods"),
        ("list", "subnets.kubeovn.io"),
        ("watch", "pods"),
        ("watch", "subnets.kubeovn.io"),
        ("create", "events.events.k8s.io"),
    ];
    let own = [("get", "pods"), ("get", "daemonsets.apps"), ("watch", "daemonsets.apps")];
    let with_own = [&running[..], &own].concat();
    let with_services = [&running[..], &[("list", "services"), ("watch", "services")]].concat();
    let node = Case {
        user: User::Node,
        extra: Extra { arguments: &[], environment: &pod },
        roles: &["clusterrole/kube-ovn-speaker"],
        running: &running,
        stopped: &[],
    };
    used(&topology, &mut api, &node).during("node")?;
    let restarting = Case {
        extra: Extra { arguments: &restart, environment: &pod },
        roles: &[
            "clusterrole/kube-ovn-speaker",
            "clusterrole/kube-ovn-speaker-stop",
            "role/kube-ovn-speaker-stop",
        ],
        running: &with_own,
        stopped: &[("get", "nodes")],
        ..node
    };
    used(&topology, &mut api, &restarting).during("node with graceful restart")?;
    let services = Case {
        extra: Extra { arguments: &["--announce-cluster-ip"], environment: &pod },
        roles: &["clusterrole/kube-ovn-speaker", "clusterrole/kube-ovn-speaker-services"],
        running: &with_services,
        ..node
    };
    used(&topology, &mut api, &services).during("node with Services")?;
    let gateway = Case {
        user: User::Gateway,
        extra: Extra { arguments: &["--nat-gw-mode"], environment: &gateway },
        roles: &["clusterrole/vpc-nat-gateway-speaker", "default:role/vpc-nat-gateway-speaker-events"],
        running: &[
            ("list", "iptables-eips.kubeovn.io"),
            ("watch", "iptables-eips.kubeovn.io"),
            ("create", "events.events.k8s.io"),
        ],
        stopped: &[],
    };
    used(&topology, &mut api, &gateway).during("gateway")?;
    gateway_tells_in_one_namespace(&api)
}

/// A tenant's gateway writes Events where those of objects without a namespace are, and nowhere else.
fn gateway_tells_in_one_namespace(api: &ApiServer) -> Result<()> {
    let who = "--as=system:serviceaccount:kube-system:vpc-nat-gateway-speaker";
    let may = |namespace| {
        api.kubectl(&["auth", "can-i", "create", "events.events.k8s.io", who, "-n", namespace]).is_ok()
    };
    ensure(may("default"), || "no Events in default".into())?;
    ensure(!may("kube-system"), || "Events in kube-system, too".into())
}

/// Runs a speaker through a start, a restart of the API server and its own end; then what it asked for, what its roles
/// allow and what is wanted are the same.
fn used(topology: &Topology, api: &mut ApiServer, case: &Case<'_>) -> Result<()> {
    let set = |list: &[(&str, &str)]| -> BTreeSet<Request> {
        list.iter().map(|(verb, what)| ((*verb).into(), (*what).into())).collect()
    };
    let (running, all) = (set(case.running), set(&[case.running, case.stopped].concat()));
    api.forget_requests()?;
    let dir = topology.dir().join("n1");
    let config = api.kubeconfig(case.user, URL)?;
    let mut speaker = Speaker::deployed(&topology.nodes[0], 1, &dir, &config, case.extra)?;
    let same = |api: &ApiServer, want: &BTreeSet<Request>| {
        let requests = api.requests(case.user)?;
        // An API server that has just started may refuse what it will allow once it has read its roles.
        ensure(requests.refused.is_subset(want), || format!("refused: {:?}", requests.refused))?;
        ensure(requests.allowed == *want, || format!("used {:?}", requests.allowed))
    };
    wait::until("synced", BACK, || speaker.synced()).map_err(|fault| told(&fault, &speaker))?;
    wait::until("the requests", BACK, || same(api, &running)).map_err(|fault| told(&fault, &speaker))?;
    api.kill_apiserver()?;
    api.start_apiserver()?;
    wait::stays("the requests", Duration::from_secs(6), || same(api, &running))
        .map_err(|fault| told(&fault, &speaker))?;
    speaker.terminate()?;
    wait::until("the requests at the end", BACK, || same(api, &all))
        .map_err(|fault| told(&fault, &speaker))?;
    let granted = granted(api, case.roles)?;
    ensure(granted == all, || format!("granted {granted:?}"))
}

fn told(fault: &Fault, speaker: &Speaker) -> Fault {
    Fault::new(format!("{fault}\n{}", speaker.state()))
}

/// Every verb on every resource that these roles allow.
fn granted(api: &ApiServer, roles: &[&str]) -> Result<BTreeSet<Request>> {
    let mut out = BTreeSet::new();
    for role in roles {
        let (namespace, role) = role.split_once(':').unwrap_or(("kube-system", role));
        let role: Value = serde_json::from_str(&api.kubectl(&["-n", namespace, "get", role, "-o", "json"])?)?;
        let words = |list: &Value| {
            let words = list.as_array().into_iter().flatten().filter_map(Value::as_str);
            words.map(str::to_owned).collect::<Vec<_>>()
        };
        for rule in role["rules"].as_array().into_iter().flatten() {
            for group in words(&rule["apiGroups"]) {
                for resource in words(&rule["resources"]) {
                    let what = if group.is_empty() { resource } else { format!("{resource}.{group}") };
                    out.extend(words(&rule["verbs"]).into_iter().map(|verb| (verb, what.clone())));
                }
            }
        }
    }
    Ok(out)
}

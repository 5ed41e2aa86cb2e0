//! Kubernetes Events: one for a cluster of speakers, where `kubectl describe` shows it, and never too many.

use crate::fault::{During, Fault, Result, ensure};
use crate::http::get;
use crate::kube::objects::{pod, subnet};
use crate::kube::{ApiServer, URL, User};
use crate::speaker::{Extra, Speaker};
use crate::topology::Topology;
use crate::wait;
use serde_json::Value;
use std::net::Ipv4Addr;
use std::time::Duration;

/// From an object to its Event: every speaker waits up to two seconds, on a machine where several labs run.
const SOON: Duration = Duration::from_secs(20);

/// A Pod's annotation that is none, and no node.
const UNSCHEDULED: &str = "---
apiVersion: v1
kind: Pod
metadata:
  name: later
  namespace: default
  annotations: {ovn.kubernetes.io/bgp: ture}
spec:
  containers: [{name: main, image: none}]
";

const BINDING: &str = r#"{"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "later"},
 "target": {"apiVersion": "v1", "kind": "Node", "name": "n2"}}"#;

/// The rights without that to create Events.
const WITHOUT: &str = "---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: kube-ovn-speaker
rules:
- {apiGroups: [''], resources: [pods], verbs: [list, watch]}
- {apiGroups: [kubeovn.io], resources: [subnets], verbs: [list, watch]}
";

/// Two speakers without a router: that does not matter to Events.
struct Pair {
    topology: Topology,
    speakers: Vec<Speaker>,
    api: ApiServer,
}

/// What is told once, by whom, and what is told too often.
///
/// # Errors
/// The step that failed.
pub fn events() -> Result<()> {
    let mut pair = pair()?;
    each_once(&mut pair).during("each once")?;
    placed(&pair).during("a Pod that gets its node")?;
    too_many(&pair).during("too many")?;
    forbidden(&mut pair).during("without the right")
}

fn pair() -> Result<Pair> {
    let topology = Topology::new()?;
    let api = ApiServer::start(&topology)?;
    api.grant(User::Node)?;
    let mut pair = Pair { topology, speakers: Vec::new(), api };
    pair.start()?;
    Ok(pair)
}

impl Pair {
    fn start(&mut self) -> Result<()> {
        self.speakers.clear();
        let config = self.api.kubeconfig(User::Node, URL)?;
        for host in 1..=2 {
            let dir = self.topology.dir().join(format!("n{host}"));
            let netns = &self.topology.nodes[usize::from(host) - 1];
            self.speakers.push(Speaker::deployed(netns, host, &dir, &config, Extra::default())?);
        }
        wait::until("both have listed", SOON, || self.speakers.iter().try_for_each(Speaker::synced)).map(drop)
    }

    /// `speaker_events_total` of a node: sent, existed, dropped, failed.
    fn counts(&self, host: usize) -> Result<[u64; 4]> {
        let (_, text) = get(&self.topology.nodes[host - 1], Ipv4Addr::LOCALHOST.into(), 10667, "/metrics")?;
        let count = |result: &str| {
            let start = format!("speaker_events_total{{result=\"{result}\"}} ");
            let value = text.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok());
            value.ok_or_else(|| Fault::new(format!("no {start}")))
        };
        Ok([count("sent")?, count("existed")?, count("dropped")?, count("failed")?])
    }

    fn becomes(&self, what: &str, host: usize, want: [u64; 4]) -> Result<()> {
        wait::until(what, SOON, || {
            let got = self.counts(host)?;
            ensure(got == want, || format!("n{host}: {got:?}; {}", self.speakers[host - 1].state()))
        })
        .map(drop)
    }

    /// Events of speakers about objects whose name begins so.
    fn about(&self, start: &str) -> Result<Vec<Value>> {
        let text = self.api.kubectl(&["get", "events.events.k8s.io", "-A", "-o", "json"])?;
        let all: Value = serde_json::from_str(&text)?;
        let ours = |event: &&Value| {
            event["reportingController"] == "kubeovn.io/speaker"
                && event["regarding"]["name"].as_str().is_some_and(|name| name.starts_with(start))
        };
        Ok(all["items"].as_array().into_iter().flatten().filter(ours).cloned().collect())
    }
}

/// Of a Subnet the first to come tells, of a Pod the speaker on its node.
fn each_once(pair: &mut Pair) -> Result<()> {
    let bad = pod("typo", "n1", "sub", "10.17.0.5", Some("ture"));
    pair.api.create("bad", &[subnet("odd", "10.17.0.0/16", Some("ture")), bad])?;
    let both = wait::until("both have told", SOON, || {
        let both = [pair.counts(1)?, pair.counts(2)?];
        let told: u64 = both.iter().map(|[sent, existed, ..]| sent + existed).sum();
        ensure(told == 3, || format!("{both:?}")).map(|()| both)
    });
    let ([[sent1, existed1, ..], [sent2, existed2, ..]], _) = both?;
    ensure((sent1 + sent2, existed1 + existed2) == (2, 1), || "not two sent, one there already".into())?;
    let (subnets, pods) = (pair.about("odd")?, pair.about("typo")?);
    ensure((subnets.len(), pods.len()) == (1, 1), || format!("{subnets:?} {pods:?}"))?;
    let want = [
        ("namespace of the Event", &subnets[0]["metadata"]["namespace"], "default"),
        ("kind", &subnets[0]["regarding"]["kind"], "Subnet"),
        ("type", &subnets[0]["type"], "Warning"),
        ("reason", &subnets[0]["reason"], "PolicyInvalid"),
        ("action", &subnets[0]["action"], "Announce"),
        ("who tells of a Pod", &pods[0]["reportingInstance"], "n1"),
    ];
    for (what, got, want) in want {
        ensure(got == want, || format!("{what}: {got}"))?;
    }
    for object in [["subnet", "odd"], ["pod", "typo"]] {
        let said = pair.api.kubectl(&["describe", object[0], object[1]])?;
        let (_, events) = said.rsplit_once("Events:").unwrap_or_default();
        ensure(events.matches("PolicyInvalid").count() == 1, || said.clone())?;
        ensure(events.contains(r#"annotation ovn.kubernetes.io/bgp is "ture""#), || said.clone())?;
    }
    // The same words after a restart find the Events that are there.
    pair.start()?;
    pair.becomes("told again", 1, [0, 2, 0, 0])?;
    pair.becomes("told again", 2, [0, 1, 0, 0])
}

/// Of a Pod without a node nobody tells; once it has one, its speaker does.
fn placed(pair: &Pair) -> Result<()> {
    pair.api.create("later", &[UNSCHEDULED.to_owned()])?;
    wait::stays("no Event", Duration::from_secs(2), || {
        ensure(pair.about("later")?.is_empty(), || "there is one".into())
    })?;
    let file = pair.topology.dir().join("binding.json");
    std::fs::write(&file, BINDING)?;
    let path = "/api/v1/namespaces/default/pods/later/binding";
    pair.api.kubectl(&["create", "--raw", path, "-f", &file.display().to_string()])?;
    pair.becomes("its Event", 2, [1, 1, 0, 0])?;
    let events = pair.about("later")?;
    ensure(events.len() == 1 && events[0]["reportingInstance"] == "n2", || format!("{events:?}"))
}

/// Twenty-five at once, then one every ten seconds; the rest waits or is dropped, and the log has all.
fn too_many(pair: &Pair) -> Result<()> {
    let pods: Vec<_> =
        (0..100).map(|at| pod(&format!("many-{at}"), "n1", "sub", "10.17.0.6", Some("ture"))).collect();
    pair.api.create("many", &pods)?;
    let outcome = wait::until("the burst", SOON, || {
        let now = pair.counts(1)?;
        ensure(now[0] >= 22 && now[2] >= 30, || format!("{now:?}")).map(|()| now)
    })?;
    std::thread::sleep(Duration::from_secs(3));
    let written = pair.about("many-")?.len();
    // Of 25 tokens two are gone, one may have come back every ten seconds.
    ensure((22..=30).contains(&written), || format!("{written} Events; {:?}", outcome.0))?;
    ensure(pair.counts(2)?[2] == 0, || "n2 has nothing to do with them".into())
}

/// One line, and no request for ten minutes.
fn forbidden(pair: &mut Pair) -> Result<()> {
    let file = pair.topology.dir().join("without.yaml");
    std::fs::write(&file, WITHOUT)?;
    pair.api.kubectl(&["apply", "-f", &file.display().to_string()])?;
    pair.api.create("more", &[pod("more-1", "n2", "sub", "10.17.0.7", Some("ture"))])?;
    pair.becomes("refused", 2, [1, 1, 0, 1])?;
    pair.api.create("yet-more", &[pod("more-2", "n2", "sub", "10.17.0.8", Some("ture"))])?;
    pair.becomes("not even asked", 2, [1, 1, 1, 1])?;
    let log = pair.speakers[1].state();
    let lines = log.matches("no Events are written").count();
    ensure(lines == 1, || format!("{lines} lines in {log}"))?;
    ensure(pair.about("more-")?.is_empty(), || "an Event without a right".into())
}

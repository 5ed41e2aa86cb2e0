//! A speaker with graceful restart that is stopped: it stays for the next process unless its node is to lose it.
//!
//! There is no kubelet and no controller: the Node, the DaemonSet and its Pod are made by hand, and it is the test that
//! sends SIGTERM. What the routers hold afterwards is the judge, and what they were told.

use super::lab::{BACK, SOON, Site, Way, start, world};
use super::table::{ONLY_N2, WORLD, tables};
use crate::capture::{NOTIFICATION, Verdict, now};
use crate::fault::{During, Result, ensure};
use crate::kube::objects::{daemon_set, node, speaker_pod};
use crate::kube::{ApiServer, Proxy, SEGMENT, URL, User};
use crate::router::Kind;
use crate::scenario::lab::{Lab, addresses, conclude};
use crate::speaker::{Extra, Speaker};
use crate::topology::{cut, mend};
use crate::wait;
use std::time::{Duration, Instant};

/// How long tables are watched that must not change.
const SPAN: Duration = Duration::from_secs(2);

/// From SIGTERM to the end while nobody answers: 3 s of patience, and what a busy machine takes.
const PATIENCE: Duration = Duration::from_millis(4500);

/// A span of time on the capture's clock, and what n1 was to tell the routers in it, if it left.
type Ended = ((Duration, Duration), Option<&'static str>);

/// Stopped for any reason that is none to leave, n1 says nothing and the routers keep its routes.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn staying(kind: Kind) -> Result<()> {
    conclude(
        start(kind, User::Node, Way::Proxied)?,
        |lab| {
            begin(lab)?;
            let mut ends = Vec::new();
            ends.push(
                stay(lab, SOON, &["DaemonSet kube-system/kube-ovn-speaker wants node n1"])
                    .during("wanted")?,
            );
            ends.push(made_anew(lab).during("the DaemonSet made anew")?);
            ends.push(forbidden(lab).during("without the rights")?);
            ends.extend(unanswered(lab)?);
            ends.push(hurried(lab).during("a second signal")?);
            Ok(ends)
        },
        |ends, verdicts| said(kind, &ends, verdicts),
    )
}

/// Stopped because its node is to lose it, n1 leaves: its routes go at once though the routers agreed on keeping them,
/// and they are told why.
///
/// # Errors
/// The step that failed, with the state of everything.
pub fn leaving(kind: Kind) -> Result<()> {
    const FOREGROUND: &str =
        "-n kube-system delete daemonset kube-ovn-speaker --cascade=foreground --wait=false";
    const BACKGROUND: &str = "-n kube-system delete daemonset kube-ovn-speaker --now";
    const SET: &str = "-n kube-system patch daemonset kube-ovn-speaker --type=json -p";
    let steps = [
        (
            "label node n1 ovn.kubernetes.io/bgp-",
            "node has no label ovn.kubernetes.io/bgp=true",
            "label node n1 ovn.kubernetes.io/bgp=true".to_owned(),
        ),
        (
            "annotate node n1 bgp.kubeovn.io/drain=true",
            "node is being drained (annotation bgp.kubeovn.io/drain)",
            "annotate node n1 bgp.kubeovn.io/drain-".to_owned(),
        ),
        (
            "taint node n1 node.kubernetes.io/out-of-service=nodeshutdown:NoExecute",
            "node is out of service (taint node.kubernetes.io/out-of-service)",
            "taint node n1 node.kubernetes.io/out-of-service-".to_owned(),
        ),
        (
            FOREGROUND,
            "DaemonSet kube-system/kube-ovn-speaker is being deleted",
            // What the garbage collector would do once the Pods are gone.
            format!(r#"{SET} [{{"op":"remove","path":"/metadata/finalizers"}}]"#),
        ),
        (BACKGROUND, "DaemonSet kube-system/kube-ovn-speaker was deleted", String::new()),
    ];
    conclude(
        start(kind, User::Node, Way::Direct)?,
        |lab| {
            begin(lab)?;
            let mut ends = Vec::new();
            for (cause, reason, undo) in &steps {
                ends.push(leave(lab, cause, reason).during(format_args!("kubectl {cause}"))?);
                if !undo.is_empty() {
                    lab.source.api.kubectl(&undo.split(' ').collect::<Vec<_>>())?;
                }
                if cause.contains("delete daemonset") {
                    lab.source.api.create("set", &[daemon_set()])?;
                }
                if !cause.contains("--now") {
                    again(lab)?;
                }
            }
            ends.push(removed(lab).during("removed with its rights")?);
            Ok(ends)
        },
        |ends, verdicts| said(kind, &ends, verdicts),
    )
}

/// The world with the speakers' own objects in it, and both speakers with graceful restart.
fn begin(lab: &mut Lab<Site>) -> Result<()> {
    lab.source.api.create("world", &world())?;
    speakers_objects(&lab.source.api)?;
    lab.speakers = vec![speaker(lab, 1)?, speaker(lab, 2)?];
    lab.converge(&tables(WORLD)?).during("start")
}

/// Both nodes, the DaemonSet and its Pods.
pub(super) fn speakers_objects(api: &ApiServer) -> Result<()> {
    api.create("nodes", &[node("n1"), node("n2"), daemon_set()])?;
    let uid = ["-n", "kube-system", "get", "daemonset", "kube-ovn-speaker", "-o", "jsonpath={.metadata.uid}"];
    let uid = api.kubectl(&uid)?;
    api.create("pods", &["n1", "n2"].map(|node| speaker_pod(node, &uid)))
}

fn speaker(lab: &Lab<Site>, host: u8) -> Result<Speaker> {
    let Site { proxy, api, .. } = &lab.source;
    let proxied = host == 1 && proxy.is_some();
    let kubeconfig = api.kubeconfig(User::Node, if proxied { Proxy::URL } else { URL })?;
    let pod = ["POD_NAMESPACE=kube-system".to_owned(), format!("POD_NAME=kube-ovn-speaker-n{host}")];
    let dir = lab.topology.dir().join(format!("n{host}"));
    let state = format!("--state-dir={}", dir.display());
    let arguments =
        ["--announce-cluster-ip=true", "--graceful-restart", "--graceful-restart-time=60s", &state];
    let extra = Extra { arguments: &arguments, environment: &pod };
    Speaker::deployed(&lab.topology.nodes[usize::from(host) - 1], host, &dir, &kubeconfig, extra)
}

/// n1 comes back, as a new process of the same Pod.
fn again(lab: &mut Lab<Site>) -> Result<()> {
    lab.speakers[0] = speaker(lab, 1)?;
    lab.converge(&tables(WORLD)?).during("n1 started again")
}

/// n1 ends within `limit` and logs these words; the tables stay, and it comes back to the same.
fn stay(lab: &mut Lab<Site>, limit: Duration, words: &[&str]) -> Result<Ended> {
    let begun = (now(), Instant::now());
    lab.speakers[0].terminate()?;
    stayed(lab, begun, limit, words)
}

fn stayed(
    lab: &mut Lab<Site>,
    (begun, stopped): (Duration, Instant),
    limit: Duration,
    words: &[&str],
) -> Result<Ended> {
    let took = stopped.elapsed();
    ensure(took < limit, || format!("it took {took:?}"))?;
    let log = lab.speakers[0].log();
    let told = log.lines().find(|line| line.contains("staying: ")).unwrap_or_default();
    println!("{took:?}: {told}");
    ensure(words.iter().all(|word| told.contains(word)), || format!("not {words:?} but {told:?}"))?;
    let world = tables(WORLD)?;
    wait::stays("the tables", SPAN, || lab.tables_are(&world))?;
    Ok(((begun, now()), None))
}

/// The DaemonSet is deleted and made anew under its name: it is another one, but it wants this node.
fn made_anew(lab: &mut Lab<Site>) -> Result<Ended> {
    again(lab)?;
    lab.source.api.kubectl(&["-n", "kube-system", "delete", "daemonset", "kube-ovn-speaker"])?;
    lab.source.api.create("set", &[daemon_set()])?;
    stay(lab, SOON, &["DaemonSet kube-system/kube-ovn-speaker wants node n1"])
}

fn forbidden(lab: &mut Lab<Site>) -> Result<Ended> {
    again(lab)?;
    take_rights(lab)?;
    let words = ["cannot get resource \"nodes\"", "cannot get resource \"pods\""];
    let ended = stay(lab, SOON, &words)?;
    lab.source.api.grant(User::Node)?;
    Ok(ended)
}

/// The API server refuses connections, then hangs, then cannot be reached at all.
fn unanswered(lab: &mut Lab<Site>) -> Result<Vec<Ended>> {
    again(lab)?;
    lab.proxy()?.refuse(true)?;
    let refused =
        stay(lab, PATIENCE, &["not known: Node n1: ", "(within 3s)"]).during("API server refuses")?;
    lab.proxy()?.refuse(false)?;
    again(lab)?;
    lab.proxy()?.hold(true);
    let held = stay(lab, PATIENCE, &["Node n1: no answer (within 3s)"]).during("API server hangs")?;
    lab.proxy()?.hold(false);
    again(lab)?;
    cut(&lab.topology.nodes[0], SEGMENT)?;
    let lost = stay(lab, PATIENCE, &["Node n1: ", "(within 3s)"]).during("API server cut off")?;
    mend(&lab.topology.nodes[0], SEGMENT)?;
    Ok(vec![refused, held, lost])
}

/// A second SIGTERM while it waits for answers: it ends at once, and stays.
fn hurried(lab: &mut Lab<Site>) -> Result<Ended> {
    again(lab)?;
    lab.proxy()?.hold(true);
    let begun = (now(), Instant::now());
    let pid = lab.speakers[0].pid().to_string();
    crate::proc::run(&["kill", "-TERM", &pid])?;
    std::thread::sleep(Duration::from_secs(1));
    lab.speakers[0].terminate()?;
    let ended = stayed(lab, begun, Duration::from_millis(2500), &["a second signal came"])?;
    lab.proxy()?.hold(false);
    again(lab)?;
    Ok(ended)
}

/// The DaemonSet goes, and with it the rights to ask about it, as when all of a manifest is deleted.
fn removed(lab: &mut Lab<Site>) -> Result<Ended> {
    const GET: [&str; 5] = ["-n", "kube-system", "get", "daemonset", "kube-ovn-speaker"];
    let watch = ("watch".to_owned(), "daemonsets.apps".to_owned());
    lab.source.api.forget_requests()?;
    again(lab)?;
    wait::until("its DaemonSet is watched", BACK, || {
        let seen = lab.source.api.requests(User::Node)?.allowed;
        ensure(seen.contains(&watch), || format!("{seen:?}"))
    })?;
    lab.source.api.kubectl(&["-n", "kube-system", "delete", "daemonset", "kube-ovn-speaker", "--now"])?;
    take_rights(lab)?;
    wait::until("nobody may ask", SOON, || {
        let said = lab.source.api.kubectl_as(User::Node, URL, &GET).unwrap_or_else(|fault| fault.to_string());
        ensure(said.contains("Forbidden"), || said)
    })?;
    leave(lab, "version", "DaemonSet kube-system/kube-ovn-speaker was deleted")
}

fn take_rights(lab: &Lab<Site>) -> Result<()> {
    const BINDINGS: [&str; 2] = [
        "delete clusterrolebinding kube-ovn-speaker-stop",
        "-n kube-system delete rolebinding kube-ovn-speaker-stop",
    ];
    BINDINGS
        .iter()
        .try_for_each(|binding| lab.source.api.kubectl(&binding.split(' ').collect::<Vec<_>>()).map(drop))
}

/// n1 is stopped after `kubectl` with these words, and its routes go.
fn leave(lab: &mut Lab<Site>, cause: &str, reason: &'static str) -> Result<Ended> {
    lab.source.api.kubectl(&cause.split(' ').collect::<Vec<_>>())?;
    let (begun, stopped) = (now(), Instant::now());
    lab.speakers[0].terminate()?;
    let took = stopped.elapsed();
    let gone = lab.become_within(&tables(ONLY_N2)?, SOON)?;
    println!("{took:?} to the end, routes gone {gone:?} after it: {reason}");
    let log = lab.speakers[0].log();
    let told = log.lines().find(|line| line.contains("leaving: ")).unwrap_or_default();
    ensure(told.contains(reason), || format!("not {reason:?} but {told:?}"))?;
    for router in &lab.routers {
        wait::until("the router has heard why", SOON, || {
            router.says(&format!("speaker stopped by SIGTERM: {reason}"))
        })?;
    }
    wait::stays("the tables", SPAN, || lab.tables_are(&tables(ONLY_N2)?))?;
    Ok(((begun, now()), Some(reason)))
}

/// In the captures: who stays sends neither NOTIFICATION nor withdrawal; who leaves one NOTIFICATION for each session,
/// after which the router keeps nothing: a Hard Reset where it announced that it would keep routes after another one
/// (RFC 8538 §3), as FRR 8.4 does, else an Administrative Shutdown.
fn said(kind: Kind, ends: &[Ended], verdicts: &[Verdict; 2]) -> Result<()> {
    let want = if kind == Kind::Frr { (6, 9) } else { (6, 2) };
    for (segment, verdict) in (1..).zip(verdicts) {
        for address in addresses(segment, 1) {
            for (span, left) in ends {
                let sent = verdict.select(address, NOTIFICATION, *span);
                let got: Vec<_> = sent.iter().filter_map(|message| message.notification).collect();
                let expected = left.map_or(Vec::new(), |_| vec![want]);
                ensure(got == expected, || format!("{address}, {left:?}: NOTIFICATIONs {got:?}"))?;
                let inside = |at: &Duration| (span.0..span.1).contains(at);
                let ours = verdict.messages.iter().filter(|message| message.from == address);
                let withdrew = ours.filter(|message| inside(&message.at) && !message.withdrawn.is_empty());
                ensure(withdrew.count() == 0, || format!("{address} withdrew routes"))?;
            }
        }
    }
    ensure(!ends.is_empty(), || "nothing was stopped".to_owned())
}

//! Whether to stay or to leave, asked of a scripted server: for answers that a real API server gives only on bad days.
//! (The labs in `tests/` have a real one, and routers.)

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use speaker::leave::{Decision, Followed, Question, decide};
use speaker::pod::OwnPod;
use speaker::source::kubernetes::Access;

const NODE: &str = "/api/v1/nodes/n1";
const POD: &str = "/api/v1/namespaces/kube-system/pods/s-x";
const SET: &str = "/apis/apps/v1/namespaces/kube-system/daemonsets/s";

/// How long the server may take in these tests.
const PATIENCE: Duration = Duration::from_millis(1500);
/// How much longer than that a decision may take on a busy machine.
const SLACK: Duration = Duration::from_secs(3);

/// What the server does with a request.
enum Answer {
    Says(u16, String),
    /// Nothing, but the connection stands.
    Hangs,
    /// The beginning of a good answer, then more and more for ever.
    Floods,
    /// The connection ends without a word.
    Drops,
}

fn object(kind: &str, name: &str, rest: &str) -> Answer {
    Answer::Says(200, format!(r#"{{"kind":"{kind}","metadata":{{"name":"{name}"{rest}}}"#))
}

/// All is as it should be: the node has the label that the DaemonSet of our Pod wants.
fn fine(path: &str) -> Answer {
    match path {
        NODE => object("Node", "n1", r#","labels":{"bgp":"true"}},"spec":{}"#),
        POD => {
            let owner =
                r#"{"apiVersion":"apps/v1","kind":"DaemonSet","name":"s","uid":"u","controller":true}"#;
            object(
                "Pod",
                "s-x",
                &format!(
                    r#","ownerReferences":[{owner}]}},"spec":{{"nodeName":"n1","nodeSelector":{{"bgp":"true"}}}}"#
                ),
            )
        }
        SET => object("DaemonSet", "s", r#"},"spec":{"template":{"spec":{"nodeSelector":{"bgp":"true"}}}}"#),
        other => panic!("asked for {other}"),
    }
}

/// A failure in the API server's own words.
fn failure(code: u16, reason: &str, message: &str, name: &str) -> Answer {
    let body = format!(
        r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"{message}","reason":"{reason}","details":{{"name":"{name}"}},"code":{code}}}"#
    );
    Answer::Says(code, body)
}

struct Server {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// `script` gets the path, and how often it was asked for before.
    fn start(script: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::<String>::new()));
        let (seen, script) = (Arc::clone(&asked), Arc::new(script));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, seen, script) = (stream.unwrap(), Arc::clone(&seen), Arc::clone(&script));
                std::thread::spawn(move || serve(stream, &seen, &*script));
            }
        });
        Self { url, asked }
    }

    async fn decides(&self, question: Question<'_>) -> (Decision, Duration) {
        let dir = tempfile::tempdir().unwrap();
        let access = Access::open(Some(&kubeconfig(dir.path(), &self.url))).await.unwrap();
        let begun = Instant::now();
        let decision = decide(Question { access: Some(&access), ..question }).await;
        (decision, begun.elapsed())
    }

    fn asked(&self) -> Vec<String> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort();
        asked
    }
}

fn kubeconfig(dir: &std::path::Path, server: &str) -> std::path::PathBuf {
    let file = dir.join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster:\n    server: {server}\nusers:\n- name: u\n  user:\n    token: t\n\
         contexts:\n- name: c\n  context: {{cluster: c, user: u}}\ncurrent-context: c\n"
    );
    std::fs::write(&file, text).unwrap();
    file
}

fn serve(mut stream: TcpStream, seen: &Mutex<Vec<String>>, script: &dyn Fn(&str, usize) -> Answer) {
    let mut lines = BufReader::new(&stream).lines();
    let Some(Ok(first)) = lines.next() else { return };
    while !lines.next().unwrap().unwrap().is_empty() {}
    let path = first.split(' ').nth(1).unwrap().to_owned();
    let before = {
        let mut seen = seen.lock().unwrap();
        seen.push(path.clone());
        seen.iter().filter(|one| **one == path).count() - 1
    };
    let head =
        |code| format!("HTTP/1.1 {code} X\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n");
    match script(&path, before) {
        Answer::Says(code, body) => drop(stream.write_all(format!("{}{body}", head(code)).as_bytes())),
        Answer::Hangs => std::thread::sleep(Duration::from_secs(30)),
        Answer::Floods => {
            let _ = stream.write_all(
                format!("{}{{\"metadata\":{{\"name\":\"n1\",\"labels\":{{\"x\":\"", head(200)).as_bytes(),
            );
            while stream.write_all(&[b'x'; 1 << 16]).is_ok() {}
        }
        Answer::Drops => {}
    }
}

fn pod(name: &str) -> OwnPod {
    OwnPod { namespace: "kube-system".to_owned(), name: name.to_owned() }
}

fn question(pod: &OwnPod) -> Question<'_> {
    static NOTHING: LazyLock<Followed> = LazyLock::new(Followed::default);
    let (access, pod, followed) = (None, Some(pod), &*NOTHING);
    Question { access, node: "n1", pod, followed, restarts: true, patience: PATIENCE }
}

fn stays(decision: &Decision, words: &[&str]) {
    let Decision::Stay(why) = decision else { panic!("{decision:?}") };
    assert!(words.iter().all(|word| why.contains(word)), "not all of {words:?} in: {why}");
}

fn leaves(decision: &Decision, want: &str) {
    assert_eq!(*decision, Decision::Leave(want.to_owned()));
}

#[tokio::test]
async fn without_graceful_restart_nobody_is_asked() {
    let server = Server::start(|_, _| panic!("asked"));
    let own = pod("s-x");
    let (decision, took) = server.decides(Question { restarts: false, ..question(&own) }).await;
    leaves(&decision, "graceful restart is off");
    assert!(took < Duration::from_secs(1) && server.asked().is_empty());
    stays(&decide(question(&own)).await, &["there is no API server to ask"]);
}

#[tokio::test]
async fn who_is_wanted_stays_and_each_question_is_asked_once() {
    let server = Server::start(|path, _| fine(path));
    let (decision, took) = server.decides(question(&pod("s-x"))).await;
    stays(&decision, &["DaemonSet kube-system/s wants node n1"]);
    assert!(took < PATIENCE, "{took:?}");
    assert_eq!(server.asked(), [POD, NODE, SET]);
}

#[tokio::test]
async fn only_the_api_servers_own_words_say_that_something_is_gone() {
    let own = pod("s-x");
    let with = |answer: fn() -> Answer| {
        Server::start(move |path, _| if path == SET { answer() } else { fine(path) })
    };
    let gone = with(|| failure(404, "NotFound", "daemonsets.apps \\\"s\\\" not found", "s"));
    leaves(&gone.decides(question(&own)).await.0, "DaemonSet kube-system/s was deleted");
    let others: [fn() -> Answer; 4] = [
        || Answer::Says(404, "<html>404 not found</html>".to_owned()),
        || Answer::Says(404, "{}".to_owned()),
        || failure(404, "NotFound", "the server could not find the requested resource", ""),
        || failure(410, "NotFound", "daemonsets.apps \\\"s\\\" not found", "s"),
    ];
    for other in others {
        let (decision, took) = with(other).decides(question(&own)).await;
        stays(&decision, &["not known: DaemonSet kube-system/s: ", "(4", "within 1.5s"]);
        assert!(took < PATIENCE + SLACK, "{took:?}");
    }
}

#[tokio::test]
async fn a_missing_right_is_told_at_once_and_is_no_reason_to_leave() {
    let server = Server::start(|path, _| {
        let (kind, name) = match path {
            NODE => ("nodes", "n1"),
            POD => ("pods", "s-x"),
            _ => ("daemonsets", "s"),
        };
        let message = format!(
            r#"{kind} \"{name}\" is forbidden: User \"system:serviceaccount:kube-system:kube-ovn-speaker\" cannot get resource \"{kind}\""#
        );
        failure(403, "Forbidden", &message, name)
    });
    let (decision, took) = server.decides(question(&pod("s-x"))).await;
    stays(&decision, &["cannot get resource \"nodes\"", "cannot get resource \"pods\"", "(403)"]);
    assert!(took < PATIENCE, "{took:?}");
    assert_eq!(server.asked(), [POD, NODE]);
}

#[tokio::test]
async fn a_daemon_set_that_may_not_be_read_is_judged_by_our_pod() {
    let forbidden = || failure(403, "Forbidden", "daemonsets.apps is forbidden", "s");
    let bare = || object("Node", "n1", r#","labels":{}},"spec":{}"#);
    let server = Server::start(move |path, _| match path {
        SET => forbidden(),
        NODE => bare(),
        path => fine(path),
    });
    leaves(&server.decides(question(&pod("s-x"))).await.0, "node has no label bgp=true");
}

#[tokio::test]
async fn a_server_that_fails_is_asked_again_until_time_is_up() {
    let own = pod("s-x");
    let drained = || object("Node", "n1", r#","annotations":{"bgp.kubeovn.io/drain":"true"}},"spec":{}"#);
    let server = Server::start(move |path, before| match (path, before) {
        (NODE, 0) => failure(500, "InternalError", "etcd is away", ""),
        (NODE, 1) => Answer::Drops,
        (NODE, 2) => failure(401, "Unauthorized", "Unauthorized", ""),
        (NODE, _) => drained(),
        (path, _) => fine(path),
    });
    leaves(
        &server.decides(question(&own)).await.0,
        "node is being drained (annotation bgp.kubeovn.io/drain)",
    );
    let server = Server::start(|_, _| failure(500, "InternalError", "etcd is away", ""));
    let (decision, took) = server.decides(question(&own)).await;
    stays(&decision, &["Node n1: etcd is away (500) (within 1.5s)", "Pod kube-system/s-x: etcd is away"]);
    assert!(took >= PATIENCE && took < PATIENCE + SLACK, "{took:?}");
    assert!(server.asked().len() < 30, "not without a pause");
}

#[tokio::test]
async fn a_server_that_hangs_floods_or_is_not_there_costs_no_more_than_our_patience() {
    let own = pod("s-x");
    let answers: [fn() -> Answer; 3] = [|| Answer::Hangs, || Answer::Floods, || Answer::Drops];
    for answer in answers {
        let (decision, took) = Server::start(move |_, _| answer()).decides(question(&own)).await;
        stays(&decision, &["not known: Node n1: ", "; Pod kube-system/s-x: ", "within 1.5s"]);
        assert!(took < PATIENCE + SLACK, "{took:?}");
    }
    let nobody = Server { url: "http://127.0.0.1:9".to_owned(), asked: Arc::default() };
    let (decision, took) = nobody.decides(question(&own)).await;
    stays(&decision, &["refused"]);
    assert!(took < PATIENCE + SLACK, "{took:?}");
}

#[tokio::test]
async fn what_is_known_of_a_node_counts_though_the_rest_hangs() {
    let away = || {
        object(
            "Node",
            "n1",
            r#"},"spec":{"taints":[{"key":"node.kubernetes.io/out-of-service","effect":"NoExecute"}]}"#,
        )
    };
    let server = Server::start(move |path, _| if path == NODE { away() } else { Answer::Hangs });
    let (decision, _) = server.decides(question(&pod("s-x"))).await;
    leaves(&decision, "node is out of service (taint node.kubernetes.io/out-of-service)");
}

#[tokio::test]
async fn an_answer_that_is_another_object_or_none_counts_for_nothing() {
    let own = pod("s-x");
    let answers: [fn() -> Answer; 5] = [
        || object("Node", "n2", r#","labels":{}},"spec":{}"#),
        || Answer::Says(200, r#"{"kind":"Status","metadata":{},"status":"Success"}"#.to_owned()),
        || Answer::Says(200, "{}".to_owned()),
        || Answer::Says(200, "\u{1b}[2Jhello".to_owned()),
        || object("Node", "n1", r#","labels":["bgp"]},"spec":{}"#),
    ];
    for answer in answers {
        let server = Server::start(move |path, _| if path == NODE { answer() } else { fine(path) });
        let (decision, took) = server.decides(question(&own)).await;
        stays(&decision, &["there is a DaemonSet kube-system/s", "not known: Node n1: the answer"]);
        assert!(took < PATIENCE, "asking again does not help: {took:?}");
    }
}

#[tokio::test]
async fn the_pod_knows_better_than_a_flag_which_node_this_is() {
    let server = Server::start(|path, _| match path {
        "/api/v1/nodes/rack-7" => failure(404, "NotFound", "nodes \\\"rack-7\\\" not found", "rack-7"),
        path => fine(path),
    });
    let own = pod("s-x");
    let (decision, _) = server.decides(Question { node: "rack-7", ..question(&own) }).await;
    stays(&decision, &["DaemonSet kube-system/s wants node n1"]);
    assert_eq!(server.asked(), [POD, NODE, "/api/v1/nodes/rack-7", SET]);
}

#[tokio::test]
async fn a_node_that_is_deleted_with_its_pods_is_left_by_who_saw_its_pod_before() {
    static DELETED: AtomicBool = AtomicBool::new(false);
    let server = Server::start(|path, _| match path {
        POD if DELETED.load(Ordering::SeqCst) => failure(404, "NotFound", "not found", "s-x"),
        NODE if DELETED.load(Ordering::SeqCst) => failure(404, "NotFound", "not found", "n1"),
        POD | NODE | SET => fine(path),
        _ => Answer::Drops, // the watch
    });
    let (own, dir, followed) = (pod("s-x"), tempfile::tempdir().unwrap(), Followed::default());
    let access = Access::open(Some(&kubeconfig(dir.path(), &server.url))).await.unwrap();
    let following = followed.follow(access, own.clone());
    assert!(tokio::time::timeout(Duration::from_secs(3), following).await.is_err(), "it never ends");
    DELETED.store(true, Ordering::SeqCst);
    let asked = Question { followed: &followed, ..question(&own) };
    leaves(&server.decides(asked).await.0, "node n1 was deleted");
    stays(&server.decides(question(&own)).await.0, &["whether that is our node is not known"]);
}

#[tokio::test]
async fn a_name_that_is_none_is_not_asked_for() {
    let server = Server::start(|path, _| fine(path));
    for name in ["../../secrets", "s-x?watch=1", "S-X", "", "-", "a b", &"x".repeat(300)] {
        let own = pod(name);
        let (decision, _) = server.decides(question(&own)).await;
        stays(&decision, &["that is no name of an object"]);
    }
    assert!(server.asked().iter().all(|path| path == NODE), "{:?}", server.asked());
}

#[tokio::test]
async fn beside_a_gateway_only_the_pod_is_asked_for() {
    let going = || object("Pod", "s-x", r#","deletionTimestamp":"2026-11-21T22:00:00Z"},"spec":{}"#);
    let server = Server::start(move |path, _| if path == POD { going() } else { panic!("asked for {path}") });
    let own = pod("s-x");
    let (decision, _) = server.decides(Question { node: "", ..question(&own) }).await;
    leaves(&decision, "the gateway's Pod is being deleted");
}

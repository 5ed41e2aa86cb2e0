//! The API server's lab itself: that it serves, restarts and forgets, and that its proxy spoils what it says.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tests::fault::{During, Result, ensure};
use tests::kube::objects::{eip, pod, service, subnet};
use tests::kube::{ApiServer, Break, Cut, Proxy, Seen, URL, User};
use tests::proc::Daemon;
use tests::topology::Topology;
use tests::wait;

const LIMIT: Duration = Duration::from_secs(20);

/// Names of all Pods, in order, in pages of two.
const PODS: [&str; 5] = ["get", "pods", "--chunk-size=2", "-o", "jsonpath={.items[*].metadata.name}"];

fn is(got: &str, want: &str) -> Result<()> {
    ensure(got == want, || format!("{got:?} instead of {want:?}"))
}

/// Fails unless `outcome` is a failure that says `word`.
fn fails(outcome: Result<String>, word: &str) -> Result<()> {
    fails_with(outcome, &[word])
}

fn fails_with(outcome: Result<String>, words: &[&str]) -> Result<()> {
    let said = outcome.map_or_else(|fault| fault.to_string(), |said| format!("no failure: {said}"));
    ensure(words.iter().any(|word| said.contains(word)), || format!("none of {words:?} is in: {said}"))
}

fn requests(list: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    list.iter().map(|(verb, what)| ((*verb).to_owned(), (*what).to_owned())).collect()
}

fn serves() -> Result<()> {
    let topology = Topology::new()?;
    let mut api = ApiServer::start(&topology)?;
    let objects = [
        subnet("sub", "10.17.0.0/16,fd00:10:17::/112", Some("local")),
        pod("web", "n1", "sub", "10.17.0.5,fd00:10:17::5", None),
        service("shop", "0.10", "a", Some("true")),
        eip("gw-eip", "gw", ("10.30.0.5", "fd00:30::5"), true),
    ];
    api.create("objects", &objects)?;
    let status = "jsonpath={.status.conditions[0].status} {.metadata.annotations}";
    is(&api.kubectl(&["get", "subnet", "sub", "-o", status])?, r#"True {"ovn.kubernetes.io/bgp":"local"}"#)?;
    let status = "jsonpath={.spec.nodeName} {.status.phase} {.status.podIPs[1].ip}";
    is(&api.kubectl(&["get", "pod", "web", "-o", status])?, "n1 Running fd00:10:17::5")?;
    is(
        &api.kubectl(&["get", "svc", "shop", "-o", "jsonpath={.spec.clusterIPs}"])?,
        r#"["10.96.0.10","fd00:10:96::a"]"#,
    )?;
    is(
        &api.kubectl(&["get", "eip", "gw-eip", "-o", "jsonpath={.spec.v4ip} {.status.ready}"])?,
        "10.30.0.5 true",
    )?;

    // Over the management segment, IPv6 too, as a user that may do nothing and then what the file says.
    let get = ["get", "--raw", "/api/v1/pods"];
    fails(api.kubectl_as(User::Node, URL, &get), "Forbidden")?;
    api.grant(User::Node)?;
    wait::until("the right", LIMIT, || api.kubectl_as(User::Node, URL, &get))?;
    let words = api.kubectl_words(User::Node, "https://[fd00:9::1]:6443")?;
    let words: Vec<_> = words.iter().map(String::as_str).chain(get).collect();
    topology.nodes[1].exec(&words)?;
    let seen = api.requests(User::Node)?;
    ensure(seen.allowed == requests(&[("list", "pods")]), || format!("{seen:?}"))?;
    ensure(seen.refused == requests(&[("list", "pods")]), || format!("{seen:?}"))?;
    ensure(api.requests(User::Gateway)?.allowed.is_empty(), || "the gateway asked for nothing".into())?;

    let start = Instant::now();
    api.kill_apiserver()?;
    fails(api.kubectl(&["get", "pods"]), "refused")?;
    api.kill_etcd()?;
    api.start_etcd()?;
    api.start_apiserver()?;
    println!("restarted in {:?}", start.elapsed());
    is(&api.kubectl(&PODS)?, "web")?;
    api.stop_apiserver()?;
    api.start_apiserver()?;
    is(&api.kubectl(&PODS)?, "web")?;

    let old = "/api/v1/pods?watch=1&resourceVersion=2&timeoutSeconds=1";
    api.compact()?;
    let said = api.kubectl(&["get", "--raw", old])?;
    ensure(said.contains("\"code\":410"), || format!("not 410: {said}"))
}

/// kubectl that watches Pods through the proxy, for as long as it is let.
fn watch(api: &ApiServer, topology: &Topology) -> Result<Daemon> {
    let words = api.kubectl_words(User::Admin, Proxy::URL)?;
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let args = ["get", "pods", "--watch-only", "-o", "name"];
    api.netns().spawn("kubectl", &[&words[..], &args].concat(), &topology.dir().join("watch.log"))
}

fn spoils() -> Result<()> {
    let topology = Topology::new()?;
    let api = ApiServer::start(&topology)?;
    let pods = ["a", "b", "c", "d", "e"].map(|name| pod(name, "n1", "sub", "10.17.0.5", None));
    api.create("pods", &pods)?;
    let proxy = Proxy::start(&api, User::Admin)?;
    let through = |args: &[&str]| api.kubectl_as(User::Admin, Proxy::URL, args);
    is(&through(&PODS)?, "a b c d e")?;
    ensure(proxy.count("pods", Seen::Page) == 3, || "not three pages".into())?;

    proxy.break_list("pods", 2, Break::Status(500), 1);
    fails(through(&PODS), "said by the lab's proxy")?;
    proxy.break_list("pods", 3, Break::Cut, 1);
    fails(through(&PODS), "EOF")?;
    proxy.break_list("pods", 1, Break::EndEarly, 1);
    fails(through(&PODS), "unexpected")?;
    is(&through(&PODS)?, "a b c d e").during("the rules are used up")?;
    ensure(proxy.count("pods", Seen::Broken) == 3, || "not three broken ones".into())?;
    proxy.limit_pages(1);
    let before = proxy.count("pods", Seen::Page);
    is(&through(&PODS)?, "a b c d e").during("smaller pages")?;
    ensure(proxy.count("pods", Seen::Page) == before + 5, || "not five pages".into())?;

    let watched = "/api/v1/pods?watch=true&timeoutSeconds=1";
    proxy.expire_watches("pods", 1);
    ensure(through(&["get", "--raw", watched])?.contains("\"code\":410"), || "no 410".into())?;
    for how in [Cut::End, Cut::Abort, Cut::MidLine] {
        let before = (proxy.count("pods", Seen::Watch), proxy.count("pods", Seen::CutWatch));
        let mut kubectl = watch(&api, &topology)?;
        wait::until("a watch", LIMIT, || {
            kubectl.check_alive()?;
            ensure(proxy.count("pods", Seen::Watch) > before.0, || "none".into())
        })?;
        proxy.cut_watches(how);
        api.kubectl(&["annotate", "pod", "a", "--overwrite", &format!("how={how:?}")])?;
        wait::until("the cut", LIMIT, || {
            ensure(proxy.count("pods", Seen::CutWatch) > before.1, || "none".into())
        })?;
        wait::until("kubectl ends", LIMIT, || ensure(kubectl.check_alive().is_err(), || "it runs".into()))?;
    }

    proxy.hold(true);
    // Which of its timers ends first, and what kubectl calls it, is a race of its own; that no answer came is not.
    let held = through(&["get", "pods", "--request-timeout=2s"]);
    fails_with(held, &["Timeout exceeded", "deadline exceeded", "handshake timeout"])?;
    proxy.hold(false);
    is(&through(&PODS)?, "a b c d e").during("let go")?;
    proxy.refuse(true)?;
    fails(through(&PODS), "refused")?;
    proxy.refuse(false)?;
    is(&through(&PODS)?, "a b c d e").during("taken again")
}

#[test]
fn the_api_server_serves_restarts_and_forgets() {
    serves().unwrap();
}

#[test]
fn the_proxy_spoils_what_it_is_told_and_nothing_else() {
    spoils().unwrap();
}

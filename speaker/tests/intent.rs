//! What was wanted last: the file by its documented form, what may be announced of it, and what becomes of that.

mod command_line;

use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bgp::net::Engine;
use bgp::rib::RouteAttrs;
use bgp::{Asn, Family, RouterId};
use command_line::{environment, resolve, with};
use ipnet::IpNet;
use speaker::announce::{Announcer, FROM_INTENT, Identity};
use speaker::intent::{Intent, Keeper, Unfit};
use speaker::plan::Settings;
use speaker::policy::Policy;
use speaker::view::{Batch, Change, Kind, Object, Subnet};

const SCOPE: &str = r#"node "n1" services=false local-only=false"#;
const HOUR: Duration = Duration::from_secs(3600);

/// By the form in `intent/form.rs`; the sum is another program's.
fn golden() -> Vec<u8> {
    let head = format!("speaker-intent 1\n00000000001700000000\n{SCOPE}\n6 39a6ce40a6f698eb\n").into_bytes();
    let v4 = [0, 8, 10, 32, 10, 1, 2, 3];
    let v6 = [100, 116, 0xfd, 0, 228, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    [&head[..], &v4, &v6].concat()
}

fn nets(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().expect("a prefix")).collect()
}

fn load(octets: &[u8], now: u64) -> Result<Intent, Unfit> {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("file");
    fs::write(&path, octets).expect("written");
    Intent::load(&path, SCOPE, HOUR, now)
}

#[test]
fn a_file_of_the_documented_form_is_read() {
    let intent = load(&golden(), 1_700_000_000).expect("fit");
    assert_eq!((intent.scope.as_str(), intent.confirmed), (SCOPE, 1_700_000_000));
    let all = ["0.0.0.0/0", "10.0.0.0/8", "10.1.2.3/32", "::/0", "fd00::/16", "fd00::1/128"];
    assert_eq!(intent.prefixes, nets(&all));
}

#[test]
fn what_is_too_old_or_from_the_future_or_anothers_is_not_announced() {
    assert!(load(&golden(), 1_700_003_600).is_ok(), "just young enough");
    assert!(matches!(load(&golden(), 1_700_003_601), Err(Unfit::Old { .. })));
    assert!(matches!(load(&golden(), 1_699_999_999), Err(Unfit::Future { .. })), "an age below zero");
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("file");
    fs::write(&path, golden()).expect("written");
    let other =
        Intent::load(&path, &SCOPE.replace("n1", "n2"), HOUR, 1_700_000_000).expect_err("another node");
    let text = other.to_string();
    assert!(text.contains("n1") && text.contains("n2"), "{text}");
    let nothing = Intent::load(&dir.path().join("other"), SCOPE, HOUR, 0).expect_err("no file");
    assert!(matches!(nothing, Unfit::File(error) if error.kind() == std::io::ErrorKind::NotFound));
    assert!(matches!(Intent::load(dir.path(), SCOPE, HOUR, 0), Err(Unfit::File(_))), "a directory");
}

#[test]
fn every_spoiled_file_is_refused() {
    let good = golden();
    for end in 0..good.len() {
        assert!(load(&good[..end], 1_700_000_000).is_err(), "cut at {end}");
    }
    assert!(load(&[&good[..], &[0]].concat(), 1_700_000_000).is_err(), "more than there should be");
    for at in 0..good.len() {
        // The time alone is no part of the sum, as it is overwritten; another one is another age.
        let within_time = (17..37).contains(&at);
        for flipped in [0x01, 0x80] {
            let mut spoiled = good.clone();
            spoiled[at] ^= flipped;
            let read = load(&spoiled, 1_700_000_000);
            assert!(read.is_err() || within_time && spoiled[at].is_ascii_digit(), "octet {at}: {read:?}");
        }
    }
}

fn announcer() -> Arc<Announcer> {
    let identity = Identity {
        node: "n1".into(),
        local_as: Asn::new(65000).expect("legal"),
        router_id: RouterId::new(Ipv4Addr::new(10, 0, 0, 1)).expect("legal"),
    };
    let settings = Settings::Node { name: "n1".into(), announce_cluster_ip: false, local_only: false };
    Arc::new(Announcer::new(Arc::new(Engine::new()), identity, settings))
}

fn batch(changes: Vec<Change>, synced: bool) -> Batch {
    Batch { changes, noticed: Instant::now(), synced }
}

fn subnet(name: &str, cidrs: &[&str]) -> Change {
    Change::Put(Object::Subnet(Subnet {
        name: name.into(),
        policy: Policy::Cluster,
        cidrs: nets(cidrs).into(),
        bad_cidrs: [].into(),
        ready: true,
        nat_outgoing: false,
    }))
}

fn assumed(texts: &[&str]) -> Intent {
    Intent { scope: SCOPE.into(), confirmed: 1_700_000_000, prefixes: nets(texts) }
}

/// Everything that is wanted with its reasons; the engine wants as many.
fn shown(announcer: &Announcer) -> Vec<String> {
    let all = announcer.routes(None);
    assert_eq!(announcer.engine().wanted_len(Family::IPV4_UNICAST), all.len(), "{all:?}");
    all.into_iter().map(|(prefix, reasons)| format!("{prefix} {}", reasons.join(","))).collect()
}

#[test]
fn what_is_assumed_stays_until_everything_was_listed_and_then_only_what_is_wanted() {
    let announcer = announcer();
    announcer.assume(assumed(&["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16"]));
    assert!(announcer.engine().is_released() && !announcer.is_synced());
    assert_eq!(announcer.assumed(), Some(3));
    let from = |prefix: &str| format!("{prefix} {FROM_INTENT}");
    assert_eq!(shown(&announcer), [from("10.1.0.0/16"), from("10.2.0.0/16"), from("10.3.0.0/16")]);
    // Half of the lists: what they show has its true reason, what they do not show stays, and so does what goes again.
    announcer.handle(batch(vec![subnet("a", &["10.1.0.0/16", "10.4.0.0/16"])], false));
    let half = ["10.1.0.0/16 subnet/a", &from("10.2.0.0/16"), &from("10.3.0.0/16"), "10.4.0.0/16 subnet/a"];
    assert_eq!(shown(&announcer), half);
    announcer.handle(batch(vec![Change::Remove("subnet/a".parse().expect("a key"))], false));
    assert_eq!(shown(&announcer).first(), Some(&from("10.1.0.0/16")));
    // By hand and assumed: taken back by hand it is still assumed.
    let prefix = nets(&["10.2.0.0/16"])[0];
    announcer.add_by_hand(prefix, RouteAttrs::default()).expect("room");
    assert_eq!(announcer.remove_by_hand(|_, _| true), 1);
    assert_eq!(announcer.engine().wanted_len(Family::IPV4_UNICAST), 3);
    announcer.handle(batch(vec![subnet("b", &["10.3.0.0/16", "10.5.0.0/16"])], true));
    assert_eq!(shown(&announcer), ["10.3.0.0/16 subnet/b", "10.5.0.0/16 subnet/b"]);
    assert!(announcer.is_synced());
    assert_eq!(announcer.assumed(), None);
    announcer.assume(assumed(&["10.9.0.0/16"]));
    assert_eq!(shown(&announcer).len(), 2, "too late: everything is known");
}

/// As a Pod of the node `n1` runs it.
fn keeper(dir: &Path) -> Arc<Keeper> {
    let dir = format!("--state-dir={}", dir.display());
    let args =
        ["speaker", "--neighbor-address=10.0.0.1", "--neighbor-as=1", "--cluster-as=2", "--node-name=n1"];
    let args = [&args[..], &["--kubeconfig=/k", "--intent-max-age=1h", &dir]].concat();
    Arc::new(Keeper::new(&resolve(&args, &environment()).expect("valid")).expect("asked for"))
}

#[tokio::test]
async fn what_is_wanted_is_kept_for_the_next_process_and_only_once_it_is_known() {
    let dir = tempfile::tempdir().expect("directory");
    let file = dir.path().join("speaker-n1.intent");
    let first = announcer();
    let keeping = tokio::spawn(keeper(dir.path()).run(Arc::clone(&first)));
    first.handle(batch(vec![subnet("a", &["10.1.0.0/16", "10.2.0.0/16"])], false));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!file.exists(), "not everything was listed");
    [Kind::Subnet, Kind::Pod].into_iter().for_each(|kind| first.stages().heard(kind));
    first.handle(batch(Vec::new(), true));
    wait(|| file.exists()).await;
    keeping.abort();
    let now = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    let kept = Intent::load(&file, SCOPE, HOUR, now).expect("fit");
    assert_eq!(kept.prefixes, nets(&["10.1.0.0/16", "10.2.0.0/16"]));
    assert!(now - kept.confirmed < 60, "{kept:?} at {now}");
    assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(dir.path()).expect("directory").count(), 1, "no draft is left");
    first.handle(batch(
        vec![subnet("b", &["10.0.0.0/16"]), Change::Remove("subnet/a".parse().expect("a key"))],
        true,
    ));
    keeper(dir.path()).close(&first);
    let kept = Intent::load(&file, SCOPE, HOUR, now).expect("fit");
    assert_eq!(kept.prefixes, nets(&["10.0.0.0/16"]), "the last word of a process that stops");
    first.handle(batch(
        vec![
            subnet("a", &["10.1.0.0/16", "10.2.0.0/16"]),
            Change::Remove("subnet/b".parse().expect("a key")),
        ],
        true,
    ));
    keeper(dir.path()).close(&first);

    let second = announcer();
    let before = fs::read(&file).expect("read");
    let keeping = tokio::spawn(keeper(dir.path()).run(Arc::clone(&second)));
    wait(|| second.assumed().is_some()).await;
    assert_eq!(shown(&second), ["10.1.0.0/16", "10.2.0.0/16"].map(|one| format!("{one} {FROM_INTENT}")));
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(fs::read(&file).expect("read"), before, "less is known than what it says");
    keeping.abort();
}

#[tokio::test]
async fn lists_that_are_complete_in_time_leave_nothing_to_assume() {
    let dir = tempfile::tempdir().expect("directory");
    fs::write(dir.path().join("speaker-n1.intent"), golden()).expect("written");
    let announcer = announcer();
    let keeping = tokio::spawn(keeper(dir.path()).run(Arc::clone(&announcer)));
    announcer.handle(batch(vec![subnet("a", &["10.1.0.0/16"])], true));
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(shown(&announcer), ["10.1.0.0/16 subnet/a"]);
    keeping.abort();
}

async fn wait(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < Duration::from_secs(30), "not within 30 s");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn without_an_api_server_or_a_directory_the_flag_is_told_to_be_without_effect() {
    let of_files = with(&["--intent-max-age=10m", "--state-dir=/s"]).expect("valid");
    assert_eq!(of_files.warnings, ["--intent-max-age: is without effect with --manifests"]);
    assert!(Keeper::new(&of_files).is_none());
    let args =
        ["speaker", "--neighbor-address=10.0.0.1", "--neighbor-as=1", "--cluster-as=2", "--node-name=n1"];
    let nowhere = resolve(&[&args[..], &["--intent-max-age=10m"]].concat(), &environment()).expect("valid");
    // Where the usual directory of the log is there, it does.
    if !Path::new("/var/log/kube-ovn").is_dir() {
        assert!(
            nowhere.warnings[0].contains("--intent-max-age") && nowhere.warnings[0].contains("--state-dir")
        );
        assert!(Keeper::new(&nowhere).is_none());
    }
    let off = resolve(&[&args[..], &["--state-dir=/s"]].concat(), &environment()).expect("valid");
    assert!(off.warnings.is_empty() && Keeper::new(&off).is_none());
}

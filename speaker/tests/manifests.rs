//! A directory of manifests as a source: what is noticed, and what must never be lost.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, helpers included")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use speaker::source::manifests::{self, Problem};
use speaker::view::{Batch, Change};
use tempfile::TempDir;
use tokio::sync::mpsc::{self, Receiver};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long anything may take; far more than it does.
const PATIENCE: Duration = Duration::from_secs(10);

fn pod(name: &str, address: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n  namespace: n\n  annotations:\n    \
         ovn.kubernetes.io/ip_address: {address}\n    ovn.kubernetes.io/logical_switch: s\n"
    )
}

const SUBNET: &str =
    "apiVersion: kubeovn.io/v1\nkind: Subnet\nmetadata:\n  name: s\nspec:\n  cidrBlock: 10.16.0.0/16\n";

/// A directory and somebody who changes it like a careful operator, or not.
struct Dir(TempDir);

impl Dir {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = Self(TempDir::new().unwrap());
        fs::create_dir(dir.path()).unwrap();
        files.iter().for_each(|(name, text)| fs::write(dir.path().join(name), text).unwrap());
        dir
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("manifests")
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    /// Never a half-written file.
    fn rename(&self, name: &str, text: &str) {
        let draft = self.0.path().join("draft");
        fs::write(&draft, text).unwrap();
        fs::rename(draft, self.path().join(name)).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path().join(name)).unwrap();
    }
}

/// The source at work, with what it has told so far.
struct Source {
    batches: Receiver<Batch>,
    task: JoinHandle<()>,
}

impl Source {
    /// Starts it and swallows the first listing.
    async fn start(dir: &Dir) -> Self {
        let (source, _) = Self::list(dir).await;
        source
    }

    async fn list(dir: &Dir) -> (Self, Vec<String>) {
        let (to, batches) = mpsc::channel(16);
        let task = tokio::spawn(manifests::watch(&dir.path(), to).unwrap());
        let mut source = Self { batches, task };
        let first = source.next().await;
        (source, first)
    }

    /// The next batch, as `+key` and `-key`.
    async fn next(&mut self) -> Vec<String> {
        let batch = timeout(PATIENCE, self.batches.recv()).await.expect("a batch").expect("the source runs");
        assert!(batch.synced);
        let word = |change: &Change| match change {
            Change::Put(object) => format!("+{}", object.key()),
            Change::Remove(key) => format!("-{key}"),
            other => panic!("{other:?}"),
        };
        batch.changes.iter().map(word).collect()
    }

    /// Nothing was told before a change that certainly is.
    async fn nothing_until(&mut self, dir: &Dir) {
        dir.rename("zz-marker.yaml", &pod("marker", "10.16.9.9"));
        assert_eq!(self.next().await, ["+pod/n/marker"]);
    }
}

fn texts(problems: &[Problem], dir: &Path) -> Vec<String> {
    problems.iter().map(|problem| problem.to_string().replace(&format!("{}/", dir.display()), "")).collect()
}

fn load(dir: &Dir) -> (BTreeSet<String>, Vec<String>) {
    let (objects, problems) = manifests::load(&dir.path());
    (objects.iter().map(|object| object.key().to_string()).collect(), texts(&problems, &dir.path()))
}

fn set<const N: usize>(keys: [&str; N]) -> BTreeSet<String> {
    keys.into_iter().map(str::to_owned).collect()
}

#[test]
fn all_documents_of_all_files_are_read_and_other_files_and_kinds_are_not() {
    let many = format!("# comment\n{SUBNET}{}---\n---\n{}", pod("a", "10.16.0.1"), pod("b", "10.16.0.2"));
    let json = r#"{"apiVersion":"v1","kind":"Service","metadata":{"name":"svc"}}"#;
    let dir = Dir::new(&[
        ("many.yaml", many.as_str()),
        ("service.json", json),
        ("empty.yml", ""),
        ("other.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n"),
        (".hidden.yaml", "broken: ["),
        ("a.yaml~", "broken: ["),
        ("#a.yaml", "broken: ["),
        ("README.md", "broken: ["),
    ]);
    fs::create_dir(dir.path().join("folder.yaml")).unwrap();
    let (keys, problems) = load(&dir);
    assert_eq!(keys, set(["subnet/s", "pod/n/a", "pod/n/b", "service/default/svc"]));
    assert_eq!(problems, [""; 0]);
}

#[test]
fn lists_are_unwrapped_whether_their_items_have_a_kind_or_not() {
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n\
                - apiVersion: kubeovn.io/v1\n  kind: Subnet\n  metadata: {name: s}\n";
    let typed =
        "apiVersion: v1\nkind: PodList\nmetadata: {resourceVersion: '7'}\nitems:\n- metadata: {name: b}\n";
    let dir = Dir::new(&[("list.yaml", list), ("typed.yaml", typed)]);
    assert_eq!(load(&dir), (set(["pod/default/a", "pod/default/b", "subnet/s"]), vec![]));
}

#[test]
fn what_is_wrong_is_told_with_file_line_object_and_field() {
    let wrong = "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations:\n    ovn.kubernetes.io/bgp: true\n\
                 ---\napiVersion: v1\nkind: Pod\nmetadata: {name: q}\nspec: {hostNetwork: maybe}\n\
                 ---\napiVersion: v1\nkind: Pod\nspec: {}\n---\njust text\n";
    let dir =
        Dir::new(&[("a.yaml", wrong), ("b.yaml", "kind: Pod\nmetadata: [\n"), ("c.json", "{\n\"kind\": }")]);
    let (keys, problems) = load(&dir);
    assert_eq!(keys, set([]));
    assert_eq!(
        problems[..4],
        [
            "a.yaml:2: pod/default/p: metadata.annotations[\"ovn.kubernetes.io/bgp\"]: true is a boolean, must be text; \
             put it in quotes",
            "a.yaml:9: pod/default/q: spec.hostNetwork: \"maybe\" is text, must be true or false, without quotes",
            "a.yaml:14: metadata.name is missing or empty",
            "a.yaml:18: not a Kubernetes object: it has no kind",
        ]
    );
    assert!(problems[4].starts_with("b.yaml:"), "{problems:?}");
    assert!(problems[5].starts_with("c.json:2: "), "{problems:?}");
    assert_eq!(problems.len(), 6);
}

#[test]
fn the_last_file_in_name_order_wins_and_a_warning_names_both() {
    let dir = Dir::new(&[("b.yaml", &pod("p", "10.16.0.2")), ("a.yaml", &pod("p", "10.16.0.1"))]);
    let (objects, problems) = manifests::load(&dir.path());
    let [speaker::view::Object::Pod(pod)] = &objects[..] else { panic!("{objects:?}") };
    assert_eq!(pod.addresses[0].prefix.to_string(), "10.16.0.2/32");
    assert_eq!(problems.iter().map(Problem::name).collect::<Vec<_>>(), ["duplicate"]);
    let text = problems[0].to_string();
    assert!(text.contains("a.yaml") && text.contains("b.yaml") && text.contains("pod/n/p"), "{text}");
}

#[test]
fn a_missing_directory_is_a_problem_of_its_own() {
    let (objects, problems) = manifests::load(Path::new("/nonexistent/manifests"));
    assert_eq!((objects.len(), problems.len(), problems[0].name()), (0, 1, "unreadable"));
    let (to, _batches) = mpsc::channel(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let started =
        runtime.block_on(async { manifests::watch(Path::new("/nonexistent/manifests"), to).map(drop) });
    assert_eq!(started.unwrap_err().kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn the_first_batch_is_the_whole_directory_even_if_empty() {
    let (_source, first) = Source::list(&Dir::new(&[])).await;
    assert_eq!(first, [""; 0]);
    let dir = Dir::new(&[("s.yaml", SUBNET), ("p.yaml", &pod("p", "10.16.0.5"))]);
    let (_source, first) = Source::list(&dir).await;
    assert_eq!(first, ["+subnet/s", "+pod/n/p"]);
}

#[tokio::test]
async fn a_file_that_is_renamed_into_place_is_noticed_and_so_is_its_removal() {
    let dir = Dir::new(&[("s.yaml", SUBNET)]);
    let mut source = Source::start(&dir).await;
    dir.rename("p.yaml", &pod("p", "10.16.0.5"));
    assert_eq!(source.next().await, ["+pod/n/p"]);
    dir.rename("p.yaml", &pod("q", "10.16.0.5"));
    assert_eq!(source.next().await, ["-pod/n/p", "+pod/n/q"]);
    fs::rename(dir.path().join("p.yaml"), dir.path().join("q.yaml")).unwrap();
    dir.remove("s.yaml");
    assert_eq!(source.next().await, ["-subnet/s"]);
    dir.remove("q.yaml");
    assert_eq!(source.next().await, ["-pod/n/q"]);
}

#[tokio::test]
async fn a_file_rewritten_in_place_is_read_when_it_is_closed_and_not_before() {
    let both = pod("p", "10.16.0.5") + &pod("q", "10.16.0.6");
    let dir = Dir::new(&[("p.yaml", &both)]);
    let mut source = Source::start(&dir).await;
    let mut file = fs::File::create(dir.path().join("p.yaml")).unwrap();
    source.nothing_until(&dir).await; // truncated: not the truth yet
    file.write_all(pod("p", "10.16.0.5").as_bytes()).unwrap();
    dir.remove("zz-marker.yaml");
    assert_eq!(source.next().await, ["-pod/n/marker"]); // half written: neither
    file.write_all(pod("q", "10.16.0.7").as_bytes()).unwrap();
    drop(file);
    assert_eq!(source.next().await, ["+pod/n/q"]);
}

#[tokio::test]
async fn two_writes_in_one_tick_of_the_clock_with_one_size_are_both_noticed() {
    let dir = Dir::new(&[]);
    let mut source = Source::start(&dir).await;
    for digit in 0..50 {
        dir.write("p.yaml", &pod("p", &format!("10.16.0.{}", digit % 10)));
        assert_eq!(source.next().await, ["+pod/n/p"]);
    }
}

#[tokio::test]
async fn a_file_that_is_empty_when_closed_has_no_objects() {
    let dir = Dir::new(&[("p.yaml", &pod("p", "10.16.0.5"))]);
    let mut source = Source::start(&dir).await;
    dir.write("p.yaml", "");
    assert_eq!(source.next().await, ["-pod/n/p"]);
}

#[tokio::test]
async fn a_file_that_breaks_keeps_its_last_good_version() {
    let dir = Dir::new(&[("p.yaml", &pod("p", "10.16.0.5"))]);
    let mut source = Source::start(&dir).await;
    dir.rename("p.yaml", "metadata: [\n");
    source.nothing_until(&dir).await;
    dir.rename("p.yaml", &pod("q", "10.16.0.5"));
    assert_eq!(source.next().await, ["-pod/n/p", "+pod/n/q"]);
}

#[tokio::test]
async fn one_bad_object_keeps_its_last_good_version_and_the_others_apply() {
    let good = pod("p", "10.16.0.5") + &pod("q", "10.16.0.6") + &pod("r", "10.16.0.7");
    let dir = Dir::new(&[("p.yaml", &good)]);
    let mut source = Source::start(&dir).await;
    let bad_p = format!("{}spec:\n  hostNetwork: 7\n", pod("p", "10.16.0.8"));
    dir.rename("p.yaml", &(bad_p + &pod("q", "10.16.0.9")));
    assert_eq!(source.next().await, ["+pod/n/q", "-pod/n/r"]);
}

#[tokio::test]
async fn of_an_object_in_two_files_the_other_one_takes_over() {
    let dir = Dir::new(&[("a.yaml", &pod("p", "10.16.0.1")), ("b.yaml", &pod("p", "10.16.0.2"))]);
    let mut source = Source::start(&dir).await;
    dir.rename("a.yaml", &pod("p", "10.16.0.3"));
    source.nothing_until(&dir).await;
    dir.remove("b.yaml");
    assert_eq!(source.next().await, ["+pod/n/p"]);
    dir.remove("a.yaml");
    assert_eq!(source.next().await, ["-pod/n/p"]);
}

#[tokio::test]
async fn a_config_map_is_swapped_by_one_symlink() {
    let dir = Dir::new(&[]);
    let version = |name: &str, pods: &[&str]| {
        fs::create_dir(dir.path().join(name)).unwrap();
        pods.iter().for_each(|one| dir.write(&format!("{name}/{one}.yaml"), &pod(one, "10.16.0.5")));
    };
    version("..one", &["p"]);
    symlink("..one", dir.path().join("..data")).unwrap();
    symlink("..data/p.yaml", dir.path().join("p.yaml")).unwrap();
    let (mut source, first) = Source::list(&dir).await;
    assert_eq!(first, ["+pod/n/p"]);
    version("..two", &["p", "q"]);
    dir.write("..two/p.yaml", &pod("p", "10.16.0.6"));
    symlink("..two", dir.path().join("..data_tmp")).unwrap();
    fs::rename(dir.path().join("..data_tmp"), dir.path().join("..data")).unwrap();
    assert_eq!(source.next().await, ["+pod/n/p"]);
    symlink("..data/q.yaml", dir.path().join("q.yaml")).unwrap();
    assert_eq!(source.next().await, ["+pod/n/q"]);
    fs::remove_dir_all(dir.path().join("..one")).unwrap();
    source.nothing_until(&dir).await;
}

#[tokio::test]
async fn a_directory_that_is_away_keeps_its_objects_and_is_followed_when_back() {
    let dir = Dir::new(&[("p.yaml", &pod("p", "10.16.0.5"))]);
    let mut source = Source::start(&dir).await;
    let aside = dir.0.path().join("aside");
    fs::rename(dir.path(), &aside).unwrap();
    let silence = timeout(Duration::from_millis(50), source.batches.recv()).await;
    assert!(silence.is_err(), "{silence:?}");
    fs::write(aside.join("q.yaml"), pod("q", "10.16.0.6")).unwrap();
    fs::rename(&aside, dir.path()).unwrap();
    assert_eq!(source.next().await, ["+pod/n/q"]);
    dir.rename("p.yaml", "");
    assert_eq!(source.next().await, ["-pod/n/p"]);
}

#[tokio::test]
async fn what_the_kernel_could_not_queue_is_found_by_looking_at_everything() {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    let dir = Dir::new(&[]);
    let mut source = Source::start(&dir).await;
    // Nobody reads meanwhile: this is the only thread. That the file is closed is what gets lost.
    let mut file = fs::File::create(dir.path().join("p.yaml")).unwrap();
    (0..limit + 100).for_each(|index| dir.write([".a", ".b"][index % 2], ""));
    file.write_all(pod("p", "10.16.0.5").as_bytes()).unwrap();
    drop(file);
    assert_eq!(source.next().await, ["+pod/n/p"]);
}

#[tokio::test]
async fn it_ends_when_nobody_listens_any_more() {
    let dir = Dir::new(&[]);
    let source = Source::start(&dir).await;
    drop(source.batches);
    timeout(PATIENCE, source.task).await.expect("ends").unwrap();
}

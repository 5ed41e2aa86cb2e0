//! The log file: rotation, mode, what happens when it is moved, deleted or cannot be written, and the counts.
//!
//! What goes to stderr is seen in the tests of the binary, `tests/tests/daemonset.rs`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use speaker::logging::{self, FileSettings, Guard, Settings, Threshold};
use tracing::{Dispatch, debug, dispatcher, error, info, warn};

/// A log to this file; stderr, which the tests share, gets nothing.
fn log_to(path: &Path, max_size: u64) -> (Dispatch, Guard) {
    let file = FileSettings { path: path.to_owned(), max_size, mode: Some(0o604) };
    let settings = Settings { stderr: Threshold::Fatal, file: Some(file), ..Settings::default() };
    logging::start(&settings).expect("a log")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Logs a line until it shows up, as the file is written by a thread.
fn logged(path: &Path, line: &str) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !read(path).contains(line) {
        assert!(Instant::now() < deadline, "{line:?} is not in {}", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn old(path: &Path) -> PathBuf {
    format!("{}.1", path.display()).into()
}

#[test]
fn lines_keep_tracings_format_without_colours_and_all_are_there_at_the_end() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let (log, guard) = log_to(&path, 0);
    dispatcher::with_default(&log, || {
        info!(peer = "10.0.0.1", "session state changed");
        debug!("not shown");
        (0..5000).for_each(|at| warn!(at, "many"));
    });
    drop(guard);
    let text = read(&path);
    let first = text.lines().next().expect("a line");
    let (time, rest) = first.split_at(27);
    assert!(time.ends_with('Z') && time.contains('T'), "{first}");
    assert_eq!(rest, "  INFO session state changed peer=\"10.0.0.1\"");
    assert_eq!(text.lines().count(), 5001);
    assert!(text.ends_with("WARN many at=4999\n"));
}

#[test]
fn the_file_rotates_at_its_size_and_one_old_file_is_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let (log, guard) = log_to(&path, 1000);
    dispatcher::with_default(&log, || (0..100).for_each(|at| info!(at, "a line of some length")));
    drop(guard);
    let (new, before) = (read(&path), read(&old(&path)));
    assert!(new.ends_with("at=99\n") && (1..=1000).contains(&new.len()), "{new}");
    assert!((900..=1000).contains(&before.len()), "{}", before.len());
    let joined = before + &new;
    let numbers: Vec<u32> = joined.lines().filter_map(|line| line.rsplit_once('=')?.1.parse().ok()).collect();
    assert_eq!(numbers.len(), joined.lines().count(), "only whole lines");
    assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{numbers:?}");
    assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 2);
}

#[test]
fn a_file_that_cannot_be_moved_away_is_emptied() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    fs::create_dir_all(old(&path).join("in the way")).expect("a directory");
    let (log, guard) = log_to(&path, 1000);
    dispatcher::with_default(&log, || (0..100).for_each(|at| info!(at, "a line of some length")));
    drop(guard);
    let text = read(&path);
    assert!(text.ends_with("at=99\n") && text.len() <= 1000, "{text}");
}

#[test]
fn the_mode_is_set_on_a_file_that_is_there_already() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    fs::write(&path, "before\n").expect("written");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o666)).expect("chmod");
    let (log, guard) = log_to(&path, 0);
    dispatcher::with_default(&log, || info!("after"));
    drop(guard);
    assert!(read(&path).starts_with("before\n") && read(&path).contains("after"));
    assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o604);
}

#[test]
fn a_deleted_renamed_or_replaced_file_is_left_for_the_one_under_the_path() {
    let dir = tempfile::tempdir().expect("a directory");
    let (path, moved) = (dir.path().join("log"), dir.path().join("moved"));
    let (log, _guard) = log_to(&path, 0);
    dispatcher::with_default(&log, || {
        info!("one");
        logged(&path, "one");
        fs::remove_file(&path).expect("deleted");
        info!("two");
        logged(&path, "two");
        fs::rename(&path, &moved).expect("renamed");
        info!("three");
        logged(&path, "three");
        fs::remove_file(&path).expect("deleted");
        fs::write(&path, "another\n").expect("written"); // as logrotate does with `create`
        info!("four");
        logged(&path, "four");
    });
    assert!(read(&moved).contains("two") && !read(&moved).contains("three"));
    assert!(read(&path).starts_with("another\n") && !read(&path).contains("three"));
}

#[test]
fn what_was_logged_before_the_directory_existed_is_not_lost() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("missing/log");
    let (log, _guard) = log_to(&path, 0);
    dispatcher::with_default(&log, || info!("early"));
    std::thread::sleep(Duration::from_millis(50)); // the first try, which fails
    fs::create_dir(dir.path().join("missing")).expect("a directory");
    logged(&path, "early");
}

#[test]
fn a_full_disk_costs_lines_but_no_time_and_they_are_counted() {
    let (log, guard) = log_to(Path::new("/dev/full"), 1000);
    let (before, start) = (logging::counts(), Instant::now());
    let long = "x".repeat(10_000);
    dispatcher::with_default(&log, || {
        (0..300).for_each(|_| error!("{long}")); // 3 MB, of which 2 MiB may wait
    });
    assert!(start.elapsed() < Duration::from_secs(5), "nobody waits for the disk");
    let now = logging::counts();
    assert!(now.lines[2] >= before.lines[2] + 300);
    assert!(now.bytes[2] >= before.bytes[2] + 300 * 10_000);
    assert!(now.dropped >= before.dropped + 50, "{now:?}");
    drop(guard);
    assert!(logging::counts().dropped >= before.dropped + 300, "at the end what waited is lost too");
}

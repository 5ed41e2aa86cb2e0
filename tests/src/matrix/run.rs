//! Runs the labs, several at a time, and compares what came of it with `docs/interop.md`.

use super::absent::can;
use super::feature::{Feature, GROUPS, Group};
use super::report::{Cells, compare_or_write};
use crate::fault::{Fault, Result};
use crate::router::Kind;
use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

/// A lab waits most of its time: so many of them run on a core.
const LABS_PER_CORE: usize = 2;

struct Job {
    kind: Kind,
    group: &'static Group,
    features: Vec<Feature>,
}

impl Job {
    /// For messages, and what words on the command line are looked for in.
    fn name(&self) -> String {
        format!("{:?} {:?}", self.kind, self.features)
    }
}

/// The whole program: words select labs by name (`frr md5`), `--list` lists them, other options mean nothing here.
///
/// Without words all labs run, and the table they make must be the committed one; with `INTEROP_TABLE=write` it is
/// written.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<String> =
        arguments.iter().filter(|word| !word.starts_with('-')).map(|word| word.to_lowercase()).collect();
    let jobs: VecDeque<Job> = jobs().filter(|job| chosen(job, &words)).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        jobs.iter().for_each(|job| println!("{}: test", job.name()));
        return ExitCode::SUCCESS;
    }
    match run(jobs, words.is_empty()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn jobs() -> impl Iterator<Item = Job> {
    let all = GROUPS.iter().flat_map(|group| Kind::ALL.map(|kind| (kind, group)));
    let with = all.map(|(kind, group)| {
        let features = group.features.iter().copied().filter(|feature| can(kind, *feature)).collect();
        Job { kind, group, features }
    });
    with.filter(|job| !job.features.is_empty())
}

fn chosen(job: &Job, words: &[String]) -> bool {
    let name = job.name().to_lowercase();
    words.iter().all(|word| name.contains(word))
}

fn run(jobs: VecDeque<Job>, whole: bool) -> Result<()> {
    let (start, count) = (Instant::now(), jobs.len());
    let queue = Mutex::new(jobs);
    let passed = Mutex::new(Cells::new());
    let failed = Mutex::new(Vec::new());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores * LABS_PER_CORE {
            scope.spawn(|| {
                while let Some(job) = next(&queue) {
                    match one(&job) {
                        Ok(()) => lock(&passed).extend(job.features.iter().map(|cell| (*cell, job.kind))),
                        Err(()) => lock(&failed).push(job.name()),
                    }
                }
            });
        }
    });
    let failed = lock(&failed);
    println!("interop matrix: {count} labs in {:.0?}, {} failed", start.elapsed(), failed.len());
    if !failed.is_empty() {
        return Err(Fault::new(format!("failed:\n  {}", failed.join("\n  "))));
    }
    if whole { compare_or_write(&lock(&passed)) } else { Ok(()) }
}

/// Runs one lab; a panic in it fails it alone.
fn one(job: &Job) -> std::result::Result<(), ()> {
    let start = Instant::now();
    let outcome = thread::scope(|scope| scope.spawn(|| (job.group.run)(job.kind)).join());
    let outcome = outcome.unwrap_or_else(|_| Err(Fault::new("it panicked")));
    match outcome {
        Ok(()) => {
            println!("{} ... ok in {:.1?}", job.name(), start.elapsed());
            Ok(())
        }
        Err(fault) => {
            println!("{} ... FAILED in {:.1?}\n{fault}", job.name(), start.elapsed());
            Err(())
        }
    }
}

fn next(queue: &Mutex<VecDeque<Job>>) -> Option<Job> {
    lock(queue).pop_front()
}

/// A thread that panicked with the lock held has failed already.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
use super::rows::ROWS;

/// Every row is filled by exactly one lab, and no lab fills a cell that cannot be.
#[test]
fn every_feature_has_one_lab() {
    for (feature, _) in ROWS {
        let labs = GROUPS.iter().filter(|group| group.features.contains(&feature)).count();
        assert_eq!(labs, 1, "{feature:?}");
    }
    for kind in Kind::ALL {
        let absent = super::absent::absent;
        for reason in ROWS.iter().filter_map(|(feature, _)| absent(kind, *feature)) {
            assert!(reason.link.starts_with("https://"), "{kind:?}: {reason:?}");
            assert!(reason.quote.len() > 10, "{kind:?}: {reason:?}");
        }
    }
}

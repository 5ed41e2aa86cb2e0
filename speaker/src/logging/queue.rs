//! Lines on their way out: whoever logs leaves a line and goes on, a thread of the sink's own does the writing.
//!
//! However long the sink hangs (a dead NFS server, a pipe that nobody reads), the queue holds a bounded number of
//! octets; what does not fit is dropped, counted, and said so in the log once there is room again.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What may wait, in octets; as much again may be in the writer's hands.
const LIMIT: usize = 1 << 20;

/// What is kept allocated after a burst.
const KEPT: usize = 64 << 10;

/// After a failed write: the pause before the next try.
const RETRY: Duration = Duration::from_secs(1);

/// Lines that no sink will ever see, of all queues.
static DROPPED: AtomicU64 = AtomicU64::new(0);

pub(super) fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Writes lines; says how many octets it took and why not all.
pub(super) type Written = (usize, io::Result<()>);

/// The queue of one sink.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Something to write, or closing.
    wake: Condvar,
    /// The writer has ended.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    pending: Vec<u8>,
    /// Lines that did not fit since the writer last came by.
    missed: u64,
    closing: bool,
    ended: bool,
}

impl Queue {
    /// A queue and the thread that empties it into `sink`.
    pub(super) fn start(
        name: &str,
        sink: impl FnMut(&[u8]) -> Written + Send + 'static,
    ) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self::default());
        let writer = Arc::clone(&queue);
        std::thread::Builder::new().name(name.to_owned()).spawn(move || writer.run(sink))?;
        Ok(queue)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves whole lines to be written; never waits for the sink.
    pub(super) fn push(&self, lines: &[u8]) {
        let mut state = self.lock();
        if state.closing || state.pending.len() + lines.len() > LIMIT {
            state.missed += count(lines);
            lose(lines);
            return;
        }
        state.pending.extend_from_slice(lines);
        drop(state);
        self.wake.notify_one();
    }

    /// Writes what there is and ends the thread; gives up after `patience`.
    pub(super) fn close(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        state.closing = true;
        self.wake.notify_one();
        while !state.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            (state, _) = self.ended.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn run(&self, mut sink: impl FnMut(&[u8]) -> Written) {
        let mut batch = Vec::new();
        while self.take(&mut batch) {
            let mut last = false;
            loop {
                let (written, result) = sink(&batch);
                batch.drain(..written.min(batch.len()));
                if batch.is_empty() {
                    break;
                }
                if last {
                    lose(&batch);
                    break;
                }
                last = result.is_err() && self.pause(RETRY);
            }
            batch.clear();
            batch.shrink_to(KEPT);
        }
        self.lock().ended = true;
        self.ended.notify_all();
    }

    /// Waits for lines; `false`: there will be none any more. `batch` must be empty.
    fn take(&self, batch: &mut Vec<u8>) -> bool {
        let mut state = self.lock();
        while state.pending.is_empty() && !state.closing {
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        std::mem::swap(&mut state.pending, batch);
        let missed = std::mem::take(&mut state.missed);
        drop(state);
        if missed > 0 && !batch.is_empty() {
            batch.extend_from_slice(
                format!("({missed} lines are missing here: the log could not be written)\n").as_bytes(),
            );
        }
        !batch.is_empty()
    }

    /// Waits; returns at once with `true` when the queue is closing.
    fn pause(&self, span: Duration) -> bool {
        let deadline = Instant::now() + span;
        let mut state = self.lock();
        while !state.closing {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            (state, _) = self.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
        true
    }
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().filter(|octet| **octet == b'\n').map(|_| 1).sum()
}

fn lose(lines: &[u8]) {
    DROPPED.fetch_add(count(lines), Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const LONG: Duration = Duration::from_secs(10);

    #[test]
    fn a_hanging_sink_blocks_nobody_and_the_gap_is_told() {
        let (entered, at_work) = mpsc::channel();
        let (go_on, hang) = mpsc::channel::<()>();
        let (lines, seen) = mpsc::channel();
        let queue = Queue::start("test", move |batch| {
            let _ = entered.send(());
            let _ = hang.recv();
            let _ = lines.send(batch.to_vec());
            (batch.len(), Ok(()))
        })
        .unwrap();
        queue.push(b"first\n");
        at_work.recv_timeout(LONG).unwrap();
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        let (before, start) = (dropped(), Instant::now());
        (0..1030).for_each(|_| queue.push(&line)); // 1024 of them fit
        assert!(start.elapsed() < Duration::from_secs(2), "whoever logs does not wait");
        assert!(dropped() >= before + 6);
        drop(go_on);
        queue.close(LONG);
        assert_eq!(seen.recv_timeout(LONG).unwrap(), b"first\n");
        let rest = seen.recv_timeout(LONG).unwrap();
        assert!(rest.starts_with(&line) && rest.len() > LIMIT);
        assert!(rest.ends_with(b"x\n(6 lines are missing here: the log could not be written)\n"));
    }

    #[test]
    fn what_a_failing_sink_did_not_take_is_offered_again() {
        let (lines, seen) = mpsc::channel();
        let mut fails = 1;
        let queue = Queue::start("test", move |batch| {
            let _ = lines.send(batch.to_vec());
            fails -= 1;
            if fails == 0 { (4, Err(io::ErrorKind::StorageFull.into())) } else { (batch.len(), Ok(())) }
        })
        .unwrap();
        queue.push(b"one\ntwo\n");
        assert_eq!(seen.recv_timeout(LONG).unwrap(), b"one\ntwo\n");
        assert_eq!(seen.recv_timeout(LONG).unwrap(), b"two\n");
        queue.close(LONG);
    }

    #[test]
    fn closing_does_not_wait_for_a_sink_that_hangs_or_fails() {
        let (_keep, hang) = mpsc::channel::<()>();
        let hanging = Queue::start("test", move |batch| {
            let _ = hang.recv();
            (batch.len(), Ok(()))
        })
        .unwrap();
        let failing = Queue::start("test", |_| (0, Err(io::ErrorKind::StorageFull.into()))).unwrap();
        let start = Instant::now();
        for queue in [&hanging, &failing] {
            queue.push(b"line\n");
            queue.close(Duration::from_millis(100));
        }
        assert!(start.elapsed() < Duration::from_secs(2));
    }
}

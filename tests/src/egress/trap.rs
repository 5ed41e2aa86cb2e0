//! A program killed at the n-th call it makes: before the call is carried out, or after, when it has not heard of it yet.

use rustix::process::{Pid, Signal, kill_process};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// At which side of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// The call never arrives.
    Before,
    /// The call is carried out, its answer never arrives.
    After,
}

/// Shared by the proxies that calls go through and the test.
#[derive(Debug, Default)]
pub struct Trap {
    seen: AtomicUsize,
    sprung: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    at: Option<(usize, When)>,
    pid: Option<Pid>,
    calls: Vec<String>,
}

impl Trap {
    /// Counts anew, from 1, the calls of the program that is started next, and kills it at this one.
    pub fn set(&self, at: Option<(usize, When)>) {
        self.seen.store(0, Ordering::SeqCst);
        self.sprung.store(false, Ordering::SeqCst);
        *self.lock() = Inner { at, ..Inner::default() };
    }

    /// Whom to kill.
    pub fn aim(&self, pid: u32) {
        self.lock().pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    }

    /// Whether it has killed.
    #[must_use]
    pub fn sprung(&self) -> bool {
        self.sprung.load(Ordering::SeqCst)
    }

    /// The calls since [`Trap::set`], in short.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    /// Counts a call; says whether and where this one is fatal.
    pub(crate) fn call(&self, what: &str) -> Option<When> {
        let number = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        let mut inner = self.lock();
        inner.calls.push(what.to_owned());
        inner.at.filter(|(at, _)| *at == number).map(|(_, when)| when)
    }

    /// Kills. The caller ends the connection without a word more.
    pub(crate) fn spring(&self) {
        let pid = self.lock().pid;
        if let Some(pid) = pid {
            // It is reaped by whoever started it: until then its number is nobody else's.
            let _ = kill_process(pid, Signal::KILL);
        }
        self.sprung.store(true, Ordering::SeqCst);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here panics half way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Bounded waits. Real routers tell nobody when they are done, so their state is polled.

use crate::fault::{Fault, Result};
use std::time::{Duration, Instant};

/// Between two looks. Every look at a router starts a process of its CLI, and CI has two cores.
const POLL: Duration = Duration::from_millis(50);

/// Asks until the probe succeeds; returns its value and how long that took.
///
/// A probe that fails is asked again: "not yet" and "cannot tell yet" are the same here.
///
/// # Errors
/// The last fault of the probe, when `limit` has passed; the last look starts after the limit at the
/// earliest, so a slow machine gets one look however late.
pub fn until<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Result<T>) -> Result<(T, Duration)> {
    let start = Instant::now();
    loop {
        let late = start.elapsed() >= limit;
        match probe() {
            Ok(value) => return Ok((value, start.elapsed())),
            Err(fault) if late => return Err(Fault::new(format!("{what}: not within {limit:?}: {fault}"))),
            Err(_) => std::thread::sleep(POLL),
        }
    }
}

/// Asks for the whole of `span` and fails at the first look that fails.
///
/// # Errors
/// The fault of that look, with the time it came at.
pub fn stays(what: &str, span: Duration, mut probe: impl FnMut() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < span {
        probe().map_err(|fault| {
            Fault::new(format!("{what}: no longer so after {:?}: {fault}", start.elapsed()))
        })?;
        std::thread::sleep(POLL * 2);
    }
    Ok(())
}

//! The one error of the labs: a sentence for whoever reads a failed test.

use std::fmt;

/// What went wrong, outermost step first. `Debug` prints the sentence too, so that `unwrap` in a test does.
pub struct Fault(String);

/// What every operation of a lab returns.
pub type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    /// A fault with this sentence.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<rustix::io::Errno> for Fault {
    fn from(error: rustix::io::Errno) -> Self {
        Self(error.to_string())
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("JSON: {error}"))
    }
}

impl From<std::net::AddrParseError> for Fault {
    fn from(error: std::net::AddrParseError) -> Self {
        Self(error.to_string())
    }
}

impl From<ipnet::AddrParseError> for Fault {
    fn from(error: ipnet::AddrParseError) -> Self {
        Self(error.to_string())
    }
}

/// Says during which step something failed.
pub trait During<T> {
    /// Puts the step before the sentence of the fault.
    ///
    /// # Errors
    /// The same fault, with the step.
    fn during(self, step: impl fmt::Display) -> Result<T>;
}

impl<T, E: Into<Fault>> During<T> for std::result::Result<T, E> {
    fn during(self, step: impl fmt::Display) -> Result<T> {
        self.map_err(|error| Fault(format!("{step}: {}", error.into())))
    }
}

/// Fails with `what` unless `holds`.
///
/// # Errors
/// The sentence, when it does not hold.
pub fn ensure(holds: bool, what: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Fault(what())) }
}

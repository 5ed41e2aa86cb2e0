//! What was wanted last, kept in a file so that a speaker that starts without an API server has something to announce.
//!
//! Opt-in (`--intent-max-age`). `form` is the file, `keep` writes it, beside the announcing and never in its way, and
//! has it announced at a start at which the API server says nothing. What the file holds was wanted by this node under
//! the same flags, and was confirmed at the time it tells: by then the API server had last been heard for every kind of
//! object. [`Assumed`] is what of it is announced until the lists are there.

mod form;
mod keep;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;

pub use form::Broken;
pub use keep::Keeper;

/// A larger file is not ours: a million IPv6 host routes are 17 MB.
const MAX_FILE: u64 = 64 << 20;

/// What was wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intent {
    /// By whom: node or gateway, and the flags that decide. No line end.
    pub scope: String,
    /// When this was last known to be right, in seconds since 1970.
    pub confirmed: u64,
    /// Sorted, each once.
    pub prefixes: Vec<IpNet>,
}

/// Why what was kept is not announced.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// There is none, or it cannot be read.
    #[error("{0}")]
    File(#[from] io::Error),
    /// The file is no such file, or not all of it.
    #[error("the file makes no sense: {0}")]
    Broken(#[from] Broken),
    /// Another node's, or of other flags.
    #[error("it is of {found:?}, not of {wanted:?}")]
    Scope {
        /// Whose it is.
        found: String,
        /// Who this is.
        wanted: String,
    },
    /// Confirmed too long ago.
    #[error("it was known to be right {age:?} ago, longer than --intent-max-age ({max:?})")]
    Old {
        /// How long ago.
        age: Duration,
        /// How long ago it may be.
        max: Duration,
    },
    /// Confirmed after now.
    #[error("it was known to be right {by:?} from now: the clock was set back, so its age is not known")]
    Future {
        /// By how much.
        by: Duration,
    },
}

impl Intent {
    /// What is in the file, if it may be announced at `now` (seconds since 1970).
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn load(path: &Path, wanted: &str, max: Duration, now: u64) -> Result<Self, Unfit> {
        if !fs::metadata(path)?.is_file() {
            return Err(io::Error::other("is no file").into()); // a pipe would keep us waiting for ever
        }
        let mut octets = Vec::new();
        File::open(path)?.take(MAX_FILE).read_to_end(&mut octets)?;
        let intent = form::decode(&octets)?;
        if intent.scope != wanted {
            return Err(Unfit::Scope { found: intent.scope, wanted: wanted.to_owned() });
        }
        let Some(age) = now.checked_sub(intent.confirmed).map(Duration::from_secs) else {
            return Err(Unfit::Future { by: Duration::from_secs(intent.confirmed - now) });
        };
        if age > max {
            return Err(Unfit::Old { age, max });
        }
        Ok(intent)
    }
}

/// What is announced because it was wanted last, until everything was listed.
#[derive(Clone, Debug, Default)]
pub struct Assumed {
    prefixes: Vec<IpNet>,
}

impl Assumed {
    /// All of it.
    #[must_use]
    pub fn of(intent: Intent) -> Self {
        Self { prefixes: intent.prefixes }
    }

    /// Whether the prefix is among it.
    #[must_use]
    pub fn contains(&self, prefix: &IpNet) -> bool {
        self.prefixes.binary_search(prefix).is_ok()
    }

    /// Every prefix, sorted.
    pub fn prefixes(&self) -> impl Iterator<Item = &IpNet> {
        self.prefixes.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.prefixes.len()
    }

    /// Whether nothing is assumed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty()
    }
}

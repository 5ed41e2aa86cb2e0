//! Programs that are in no package and are compiled once, by `tests/setup.sh`, into a cache outside the tree.

use crate::fault::{Fault, Result, ensure};
use std::path::PathBuf;

/// A program of the cache, by its path below `${XDG_CACHE_HOME:-$HOME/.cache}/speaker-lab`.
///
/// # Errors
/// When it is not there, with what compiles it.
pub fn program(path: &str) -> Result<String> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(std::env::var_os("HOME").ok_or_else(|| Fault::new("HOME is not set"))?)
            .join(".cache"),
    };
    let path = cache.join("speaker-lab").join(path);
    ensure(path.exists(), || format!("{} is missing: run tests/setup.sh", path.display()))?;
    Ok(path.display().to_string())
}

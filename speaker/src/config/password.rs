//! The key of TCP MD5 signatures, from a file of its own so that no argument and no manifest shows it.

use std::io::Read;
use std::path::Path;

use bgp::net::Password;

/// The key is the first line of the file, without its end.
///
/// # Errors
/// A rule that does not quote the contents.
pub(super) fn read(path: &Path) -> Result<Password, String> {
    let line = first_line(path)?;
    let len = line.len();
    Password::new(&line)
        .ok_or_else(|| format!("has a first line of {len} octets, must be 1 to {}", Password::MAX))
}

/// The first line of a file, without its end.
///
/// # Errors
/// A rule that does not quote the contents.
pub(super) fn first_line(path: &Path) -> Result<Vec<u8>, String> {
    let mut octets = Vec::new();
    let opened = std::fs::File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    // A key, the end of its line, and enough to see that there is more.
    opened.take(4096).read_to_end(&mut octets).map_err(|error| format!("cannot be read: {error}"))?;
    let line = octets.split(|octet| *octet == b'\n').next().unwrap_or_default();
    Ok(line.strip_suffix(b"\r").unwrap_or(line).to_vec())
}

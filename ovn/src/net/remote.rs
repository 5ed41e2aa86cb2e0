//! Names of servers, as OVN's own programs take them (ovsdb(7), "Connection Methods").

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remote {
    /// `unix:PATH`.
    Unix(PathBuf),
    /// `tcp:HOST:PORT`; HOST is a name or an address, IPv6 in brackets.
    Tcp(Box<str>, u16),
    /// `ssl:HOST:PORT`.
    Ssl(Box<str>, u16),
}

/// A text that names no server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT (an IPv6 address in brackets)")]
pub struct BadRemote(pub Box<str>);

impl FromStr for Remote {
    type Err = BadRemote;

    fn from_str(text: &str) -> Result<Self, BadRemote> {
        let bad = || BadRemote(text.into());
        let (method, rest) = text.trim().split_once(':').ok_or_else(bad)?;
        if method == "unix" && !rest.is_empty() {
            return Ok(Self::Unix(rest.into()));
        }
        let (host, port) = rest.rsplit_once(':').ok_or_else(bad)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(bad)?;
        let host = match host.strip_prefix('[') {
            Some(host) => host.strip_suffix(']').ok_or_else(bad)?,
            None if host.contains(':') => return Err(bad()),
            None => host,
        };
        match method {
            _ if host.is_empty() => Err(bad()),
            "tcp" => Ok(Self::Tcp(host.into(), port)),
            "ssl" => Ok(Self::Ssl(host.into(), port)),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (method, host, port) = match self {
            Self::Unix(path) => return write!(f, "unix:{}", path.display()),
            Self::Tcp(host, port) => ("tcp", host, port),
            Self::Ssl(host, port) => ("ssl", host, port),
        };
        if host.contains(':') {
            write!(f, "{method}:[{host}]:{port}")
        } else {
            write!(f, "{method}:{host}:{port}")
        }
    }
}

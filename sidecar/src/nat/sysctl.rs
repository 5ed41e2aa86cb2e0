//! Sysctls of a gateway: written by the init container, for in others `/proc/sys` is read-only; looked at by all.

use std::fmt;
use std::path::Path;

use super::routing::Ways;
use super::settings::Family;

/// A sysctl and what it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sysctl {
    /// Below `/proc/sys/`.
    pub path: String,
    /// Without a line end.
    pub value: &'static str,
}

impl fmt::Display for Sysctl {
    /// As `sysctl` takes it: dots of an interface's name as slashes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let swapped = |c| match c {
            '/' => '.',
            '.' => '/',
            c => c,
        };
        write!(f, "{}={}", self.path.chars().map(swapped).collect::<String>(), self.value)
    }
}

/// One that is not as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Which, and what it is to be.
    pub wanted: Sysctl,
    /// What it is; `None`: it cannot be read.
    pub is: Option<String>,
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}", self.wanted, self.is.as_deref().unwrap_or("unreadable"))
    }
}

/// What a family needs.
///
/// - Forwarding first: the kernel resets others with it.
/// - Packets of one flow may come in on one interface and go by rules the kernel's check of the way back does not see:
///   `rp_filter` is off, also in `all`, for the larger of the two counts.
/// - Gateways on one link with their clients must not tell them of shorter ways (`send_redirects`: either counts).
/// - A router does not take routes from router advertisements; all there are come with the pod.
#[must_use]
pub fn wanted(family: Family, ways: &Ways) -> Vec<Sysctl> {
    let links = [ways.internal.name.as_str(), ways.external.name.as_str()];
    let sysctl = |path: String, value| Sysctl { path, value };
    match family {
        Family::V4 => {
            let mut all = vec![sysctl("net/ipv4/ip_forward".to_owned(), "1")];
            for knob in ["rp_filter", "send_redirects"] {
                let of = |scope: &str| sysctl(format!("net/ipv4/conf/{scope}/{knob}"), "0");
                all.push(of("all"));
                all.extend(links.map(of));
            }
            all
        }
        Family::V6 => {
            let mut all = vec![sysctl("net/ipv6/conf/all/forwarding".to_owned(), "1")];
            all.extend(links.map(|link| sysctl(format!("net/ipv6/conf/{link}/accept_ra"), "0")));
            all
        }
    }
}

/// Those that are not so; of the network namespace of this thread.
#[must_use]
pub fn drift(wanted: Vec<Sysctl>) -> Vec<Drift> {
    let look = |wanted: Sysctl| {
        let is = std::fs::read_to_string(Path::new("/proc/sys").join(&wanted.path)).ok();
        let is = is.map(|text| text.trim().to_owned());
        (is.as_deref() != Some(wanted.value)).then_some(Drift { wanted, is })
    };
    wanted.into_iter().filter_map(look).collect()
}

/// Sets it.
///
/// # Errors
/// What the system says, with the sysctl.
pub fn write(sysctl: &Sysctl) -> Result<(), String> {
    let path = Path::new("/proc/sys").join(&sysctl.path);
    std::fs::write(path, sysctl.value).map_err(|error| format!("sysctl {sysctl}: {error}"))
}

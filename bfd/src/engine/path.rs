//! Which paths can carry a session.

use std::net::{IpAddr, Ipv4Addr};

use super::OpenError;
use crate::session::Path;

/// Whether both ends are addresses of one host each, of one family, and to be told apart.
pub(super) fn check(path: &Path) -> Result<(), OpenError> {
    end(path.remote)?;
    if let Some(local) = path.local {
        end(local)?;
        if local.is_ipv4() != path.remote.is_ipv4() {
            return Err(OpenError::Path("its ends are of different families"));
        }
        if local == path.remote {
            return Err(OpenError::Path("both ends are the same"));
        }
    }
    let on_link = is_link_local(path.remote) || path.local.is_some_and(is_link_local);
    if on_link && path.interface == 0 {
        return Err(OpenError::Path("a link-local address is on a link, which is not given"));
    }
    Ok(())
}

fn end(address: IpAddr) -> Result<(), OpenError> {
    let fault = match address {
        _ if address.is_unspecified() => "an address is unspecified",
        _ if address.is_multicast() => "an address is multicast",
        IpAddr::V4(Ipv4Addr::BROADCAST) => "an address is broadcast",
        _ => return Ok(()),
    };
    Err(OpenError::Path(fault))
}

/// Whether the address means something on one link alone.
pub(super) fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

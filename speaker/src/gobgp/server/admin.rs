//! Calls that change something: refused unless the operator allowed them. Knows no generation of the API.

use bgp::net::{Admin, AdminError};
use bgp::rib::RouteAttrs;
use ipnet::IpNet;
use tonic::Status;

use super::{Service, table};

/// The longest text for the peer's operator that RFC 9003 has room for.
const MAX_TEXT: usize = 255;

/// Both directions of a soft reset, or one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Soft {
    pub(super) inbound: bool,
    pub(super) outbound: bool,
}

/// An attribute of a path that is to be added, as far as this speaker can carry it.
pub(super) enum Given {
    /// What the speaker sets itself: `ORIGIN`, or an unspecified next hop.
    Ours,
    /// `NEXT_HOP` or that of `MP_REACH_NLRI`.
    NextHop(String),
    /// `MULTI_EXIT_DISC`.
    Med(u32),
    /// `COMMUNITIES`.
    Communities(Vec<u32>),
    /// Anything else, by name.
    Other(String),
}

impl Service {
    /// Whether changes are allowed.
    pub(super) fn allow(&self) -> Result<(), Status> {
        match self.writable {
            true => Ok(()),
            false => Err(Status::permission_denied(
                "the API of this speaker is read-only: --grpc-writable allows changes of routes and neighbors",
            )),
        }
    }

    /// Does it to one neighbour.
    pub(super) fn administer(&self, name: &str, what: Admin) -> Result<(), Status> {
        self.allow()?;
        if let Admin::Reset(text) | Admin::Shutdown(text) | Admin::Disable(text) = &what
            && text.len() > MAX_TEXT
        {
            let len = text.len();
            return Err(Status::invalid_argument(format!(
                "communication: {len} octets, must be {MAX_TEXT} at most"
            )));
        }
        let peer = table::neighbor(self.announcer.engine(), name)?;
        self.announcer.engine().administer(peer.addr, what).map_err(|error| match error {
            AdminError::Unknown(_) => Status::not_found(error.to_string()),
            AdminError::Busy(_) => Status::unavailable(error.to_string()),
        })
    }

    /// Soft reset of one neighbour or of `all`.
    pub(super) fn soft_reset(&self, name: &str, which: Soft) -> Result<(), Status> {
        self.allow()?;
        let names = match name {
            "all" => self.announcer.engine().peers().iter().map(|peer| peer.addr.to_string()).collect(),
            one => vec![one.to_owned()],
        };
        for name in names {
            if which.inbound {
                self.administer(&name, Admin::RefreshIn)?;
            }
            if which.outbound {
                self.administer(&name, Admin::RefreshOut)?;
            }
        }
        Ok(())
    }

    /// Adds a route by hand; returns its handle.
    pub(super) fn add_path(&self, prefix: IpNet, given: Vec<Given>) -> Result<[u8; 16], Status> {
        self.allow()?;
        let attrs = attrs(given)?;
        self.announcer
            .add_by_hand(prefix, attrs)
            .map_err(|error| Status::resource_exhausted(error.to_string()))
    }
}

fn attrs(given: Vec<Given>) -> Result<RouteAttrs, Status> {
    let (mut med, mut communities) = (None, Vec::new());
    for attr in given {
        match attr {
            Given::Ours => {}
            Given::NextHop(addr) if addr == "0.0.0.0" || addr == "::" => {}
            Given::NextHop(addr) => {
                return Err(Status::invalid_argument(format!(
                    "next hop: {addr} cannot be set, each neighbor is told this speaker's own address; leave it out"
                )));
            }
            Given::Med(number) => med = Some(number),
            Given::Communities(all) => communities = all,
            Given::Other(name) => {
                return Err(Status::invalid_argument(format!(
                    "path attribute: {name} cannot be set, only MED and communities can"
                )));
            }
        }
    }
    let count = communities.len();
    let rule = format!("communities: {count} of them, must be {} at most", RouteAttrs::MAX_COMMUNITIES);
    RouteAttrs::new(med, communities).ok_or_else(|| Status::invalid_argument(rule))
}

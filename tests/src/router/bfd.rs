//! The BFD of FRR and BIRD: what their own tables say of it, and its timers changed at run time.

use super::{Bfd, Kind, Router, bird_bfd, frr_bfd};
use crate::fault::{During, Fault, Result, ensure};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// The state of a session in a router's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BfdState {
    /// Taken down on purpose, here.
    AdminDown,
    /// Nothing is heard, or the other end is down.
    Down,
    /// The other end is heard.
    Init,
    /// Both hear each other.
    Up,
}

/// What a router says of one of its BFD sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BfdSession {
    /// Its state.
    pub state: BfdState,
    /// Between two packets the router sends, as negotiated.
    pub interval: Duration,
    /// How long it waits for packets until it takes the session for down.
    pub detection: Duration,
}

impl Router {
    /// What the router says of its BFD sessions, by the other end's address.
    ///
    /// # Errors
    /// When its CLI fails or prints something else than expected, or it is a router without BFD.
    pub fn bfd(&self) -> Result<BTreeMap<IpAddr, BfdSession>> {
        let sessions = match self.kind {
            Kind::Frr => frr_bfd::sessions(&self.place),
            Kind::Bird => bird_bfd::sessions(&self.place),
            Kind::Gobgp | Kind::Exabgp => Err(Fault::new("it has no BFD")),
        };
        sessions.during(format_args!("BFD sessions of {}", self.name()))
    }

    /// Fails unless the session with every one of these is in this state.
    ///
    /// # Errors
    /// What the router says instead.
    pub fn bfd_is(&self, peers: &[IpAddr], state: BfdState) -> Result<()> {
        let sessions = self.bfd()?;
        let are = peers.iter().all(|peer| sessions.get(peer).is_some_and(|session| session.state == state));
        ensure(are, || format!("BFD sessions of {} are not {state:?} but {sessions:?}", self.name()))
    }

    /// Changes its BFD at run time, without a restart; a restart keeps it.
    ///
    /// # Errors
    /// When its CLI refuses.
    pub fn set_bfd(&mut self, bfd: Bfd) -> Result<()> {
        self.place.config.session.bfd = Some(bfd);
        match self.kind {
            Kind::Frr => frr_bfd::change(&self.place, bfd),
            Kind::Bird => bird_bfd::change(&self.place),
            Kind::Gobgp | Kind::Exabgp => Err(Fault::new("it has no BFD")),
        }
    }
}

//! The states in which the events of the table come.

use std::time::Duration;

use bgp::Family;
use bgp::fsm::{Event, State};
use bgp::wire::Capability;

use super::lab::{Lab, config, graceful, restarting, their_open};

/// Where the machine is when the event comes, in the order of a row's cells.
#[derive(Clone, Copy, Debug)]
pub(super) enum Given {
    Idle,
    /// Idle after too many prefixes, started.
    LeftAlone,
    Connect,
    Active,
    OpenSent,
    OpenConfirm,
    Established,
    /// Established with graceful restart after NOTIFICATIONs, refreshes and enhanced ones agreed on.
    Graceful,
}

pub(super) const GIVEN: [Given; 8] = [
    Given::Idle,
    Given::LeftAlone,
    Given::Connect,
    Given::Active,
    Given::OpenSent,
    Given::OpenConfirm,
    Given::Established,
    Given::Graceful,
];

impl Given {
    pub(super) fn lab(self) -> Lab {
        match self {
            Self::Idle => Lab::new(config()),
            Self::LeftAlone => {
                let mut lab = Lab::at(State::Established, 90);
                lab.feed(Event::PrefixLimit { family: Family::IPV4_UNICAST, limit: 10 });
                lab
            }
            Self::Connect => started(),
            Self::Active => {
                let mut lab = started();
                lab.feed(Event::DialFailed("refused".to_owned()));
                lab
            }
            Self::OpenSent => Lab::at(State::OpenSent, 90),
            Self::OpenConfirm => Lab::at(State::OpenConfirm, 90),
            Self::Established => Lab::at(State::Established, 90),
            Self::Graceful => {
                let open = their_open(90)
                    .with(Capability::RouteRefresh)
                    .with(Capability::EnhancedRouteRefresh)
                    .with(graceful(4, 100, &[(Family::IPV4_UNICAST, 0x80)]));
                let mut lab = Lab::up(restarting(true), open);
                lab.now += Duration::from_secs(5); // no collision any more
                lab
            }
        }
    }

    pub(super) fn state(self) -> State {
        match self {
            Self::Idle | Self::LeftAlone => State::Idle,
            Self::Connect => State::Connect,
            Self::Active => State::Active,
            Self::OpenSent => State::OpenSent,
            Self::OpenConfirm => State::OpenConfirm,
            Self::Established | Self::Graceful => State::Established,
        }
    }
}

pub(super) fn started() -> Lab {
    let mut lab = Lab::new(config());
    lab.feed(Event::Start);
    lab
}

//! One neighbour out of flags and file: which key beats which, and what cannot go together.

use bgp::net::{Dialing, Hops, Password, PeerAddr, PeerConfig};
use bgp::rib::{NextHops, Policy};
use bgp::{Asn, Family, HoldTime, RouterId, fsm};

use super::bfd::{self, BfdProfile};
use super::file::{self, Given, Place};
use super::problems::Problems;

/// A neighbour as it is to be served.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbor {
    /// What the engine gets; its next hops are those that are given, the kernel is asked for the others.
    pub peer: Peer,
    /// For people.
    pub description: String,
    /// Administratively up.
    pub enabled: bool,
    /// BFD with it, if it is on.
    pub bfd: Option<BfdProfile>,
    /// Told to the router when its session is ended because it is not enabled, or not configured any more.
    pub shutdown_text: String,
}

/// [`PeerConfig`], which can be compared as nothing in it here is a channel.
#[derive(Clone, Debug)]
pub struct Peer(pub PeerConfig);

impl PartialEq for Peer {
    fn eq(&self, other: &Self) -> bool {
        let parts = |one: &Self| {
            let PeerConfig { addr, dialing, password, session, policy, max_prefixes, next_hops, inbound: _ } =
                one.0.clone();
            (addr, dialing, password, session, policy, max_prefixes, next_hops)
        };
        parts(self) == parts(other)
    }
}

impl Neighbor {
    /// Its name.
    #[must_use]
    pub fn addr(&self) -> PeerAddr {
        self.peer.0.addr
    }

    /// Plainly this peer.
    #[must_use]
    pub fn new(peer: PeerConfig) -> Self {
        let (description, shutdown_text) = (String::new(), String::new());
        Self { peer: Peer(peer), description, enabled: true, bfd: None, shutdown_text }
    }
}

/// What flags say about all neighbours.
pub(super) struct Common {
    pub(super) local_as: Asn,
    pub(super) router_id: RouterId,
    pub(super) peer_as: Option<Asn>,
    pub(super) hold_time: HoldTime,
    /// `--ebgp-multihop`.
    pub(super) ttl: u8,
    pub(super) port: u16,
    pub(super) dials: bool,
    pub(super) listens: bool,
    pub(super) password: Option<Password>,
    pub(super) graceful_restart: bool,
    pub(super) graceful_restart_time: u16,
    pub(super) extended_next_hop: bool,
    pub(super) allowed_sources: Vec<std::net::IpAddr>,
    pub(super) bfd: bfd::Common,
}

/// One neighbour on its way through the rules.
struct Draft<'a> {
    addr: PeerAddr,
    given: Given,
    /// Where the file says it; neighbours of flags have no place.
    place: Option<&'a Place>,
    local_as: Asn,
    peer_as: Asn,
}

impl Draft<'_> {
    fn at(&self, key: &str) -> String {
        match self.place {
            Some(place) => place.key(key),
            None => format!("defaults.{key}, for {}", self.addr),
        }
    }

    fn internal(&self) -> bool {
        self.local_as == self.peer_as
    }

    /// Over which IP version its session runs.
    fn is_ipv4(&self) -> bool {
        self.addr.ip().is_ipv4()
    }
}

impl Common {
    /// The neighbour; `None` with at least one problem told.
    pub(super) fn neighbor(
        &self,
        addr: PeerAddr,
        (given, place): (Given, Option<&Place>),
        problems: &mut Problems,
        warnings: &mut Vec<String>,
    ) -> Option<Neighbor> {
        let Some(peer_as) = given.peer_as.or(self.peer_as) else {
            let at = place.map_or_else(|| addr.to_string(), |place| place.key("as"));
            problems.say(format!("{at}: is missing, and --neighbor-as is not given"));
            return None;
        };
        let local_as = given.local_as.unwrap_or(self.local_as);
        let draft = Draft { addr, given, place, local_as, peer_as };
        self.check(&draft, problems);
        let families = self.families(&draft);
        warnings.extend(self.doubts(&draft, &families));
        let given = &draft.given;
        let peer = PeerConfig {
            addr,
            password: given.password.clone().unwrap_or_else(|| self.password.clone()),
            policy: policy(&draft),
            max_prefixes: given.max_prefixes,
            next_hops: NextHops { v4: given.next_hop_v4, v6: given.next_hop_v6, link_local: None },
            ..PeerConfig::new(self.dialing(&draft), self.session(&draft, families))
        };
        let hops = (peer.dialing.hops, given.hops.is_some());
        let bfd = self.bfd.profile(&given.bfd, hops, |key| draft.at(key), problems);
        let shutdown_text = given.shutdown_text.clone().unwrap_or_default();
        let (description, enabled) = (given.description.clone(), given.enabled.unwrap_or(true));
        Some(Neighbor {
            peer: Peer(peer),
            description: description.unwrap_or_default(),
            enabled,
            bfd,
            shutdown_text,
        })
    }

    fn dialing(&self, draft: &Draft<'_>) -> Dialing {
        // iBGP keeps the kernel's default.
        let hops = if draft.internal() { Hops::Any } else { Hops::AtMost(self.ttl) };
        Dialing {
            remote: (draft.addr.ip(), draft.given.port.unwrap_or(self.port)).into(),
            local: draft.given.source,
            hops: draft.given.hops.unwrap_or(hops),
        }
    }

    fn session(&self, draft: &Draft<'_>, families: Vec<Family>) -> fsm::Config {
        let given = &draft.given;
        let restart = given.graceful_restart.unwrap_or(self.graceful_restart).then(|| fsm::Restart {
            time: given.graceful_restart_time.unwrap_or(self.graceful_restart_time),
            restarted: false, // what was before this process is judged when it starts
            forwarding: false,
            notification: true,
            long_lived: given.long_lived_stale_time,
        });
        let strict = given.role_strict.unwrap_or_default();
        fsm::Config {
            dial: given.dial.unwrap_or(self.dials),
            listen: given.listen.unwrap_or(self.listens),
            hostname: super::hostname(),
            restart,
            extended_next_hop: self.extends(draft),
            role: given.role.map(|role| fsm::LocalRole { role, strict }),
            ..fsm::Config::new(
                (draft.local_as, self.router_id),
                draft.peer_as,
                given.hold_time.unwrap_or(self.hold_time),
                families,
            )
        }
    }

    /// Whether IPv4 prefixes may go with an IPv6 next hop. A neighbour known by its link has no IPv4 address, so it
    /// is the only way there.
    fn extends(&self, draft: &Draft<'_>) -> bool {
        let asked =
            draft.given.extended_next_hop.unwrap_or(self.extended_next_hop || draft.addr.is_unnumbered());
        asked && (!draft.is_ipv4() || draft.given.next_hop_v6.is_some())
    }

    /// By default that of the session; with extended next hops both, the session's own first.
    fn families(&self, draft: &Draft<'_>) -> Vec<Family> {
        match &draft.given.families {
            Some(families) => families.clone(),
            None if draft.is_ipv4() => vec![Family::IPV4_UNICAST],
            None if self.extends(draft) => vec![Family::IPV6_UNICAST, Family::IPV4_UNICAST],
            None => vec![Family::IPV6_UNICAST],
        }
    }

    fn check(&self, draft: &Draft<'_>, problems: &mut Problems) {
        let given = &draft.given;
        let mut refuse = |key: &str, rule: String| problems.say(format!("{}: {rule}", draft.at(key)));
        if given.role.is_some() && draft.internal() {
            refuse(
                "role",
                format!("is for neighbours of another AS, this one is in ours ({})", draft.local_as),
            );
        }
        if let Some(source) = given.source {
            let listed = |family: bool| self.allowed_sources.iter().any(|one| one.is_ipv4() == family);
            if source.is_ipv4() != draft.is_ipv4() {
                refuse("source", format!("{source} is not of the neighbour's family"));
            } else if listed(source.is_ipv4()) && !self.allowed_sources.contains(&source) {
                refuse(
                    "source",
                    format!("{source} is not listed in --allowed-source-addresses or its IPv6 form"),
                );
            }
        }
        if !given.dial.unwrap_or(self.dials) && !given.listen.unwrap_or(self.listens) {
            refuse("dial", "is false, and listen is false, too: no session could ever come up".to_owned());
        }
        let own = draft.place.is_some();
        if own && given.extended_next_hop == Some(true) && draft.is_ipv4() && given.next_hop_v6.is_none() {
            refuse("extended-next-hop", "needs next-hop-ipv6 towards an IPv4 neighbour".to_owned());
        }
        if let Err(rule) = file::host(draft.addr)
            && own
            && !draft.addr.is_unnumbered()
        {
            refuse("address", format!("{} {rule}", draft.addr));
        }
    }

    /// What is legal but does nothing.
    fn doubts(&self, draft: &Draft<'_>, families: &[Family]) -> Vec<String> {
        let given = &draft.given;
        let (v4, v6) = (families.contains(&Family::IPV4_UNICAST), families.contains(&Family::IPV6_UNICAST));
        let restarts = given.graceful_restart.unwrap_or(self.graceful_restart);
        let way_v4 = draft.is_ipv4() || given.next_hop_v4.is_some() || self.extends(draft);
        let own_bfd = draft.place.is_some() && given.bfd.says_anything();
        let doubts = [
            (
                "bfd",
                own_bfd && !self.bfd.is_on(&given.bfd),
                "is without effect without bfd.enabled or --enable-bfd",
            ),
            ("local-pref", given.local_pref.is_some() && !draft.internal(), "is not told to another AS"),
            (
                "prepend",
                given.prepend.is_some_and(|times| times > 0) && draft.internal(),
                "is without effect within an AS",
            ),
            (
                "role-strict",
                given.role_strict == Some(true) && given.role.is_none(),
                "is without effect without role",
            ),
            (
                "long-lived-stale-time",
                given.long_lived_stale_time.is_some() && !restarts,
                "is without effect without graceful-restart",
            ),
            (
                "families",
                v4 && !way_v4,
                "ipv4 over IPv6 needs extended-next-hop or next-hop-ipv4: none is announced",
            ),
            (
                "families",
                v6 && draft.is_ipv4() && given.next_hop_v6.is_none(),
                "ipv6 over IPv4 needs next-hop-ipv6: none is announced",
            ),
        ];
        let doubtful = doubts.into_iter().filter(|(_, doubtful, _)| *doubtful);
        doubtful.map(|(key, _, rule)| format!("{}: {rule}", draft.at(key))).collect()
    }
}

fn policy(draft: &Draft<'_>) -> Policy {
    let given = &draft.given;
    let mut extended = given.extended_communities.clone().unwrap_or_default();
    extended.extend(given.link_bandwidth.map(|octets| file::link_bandwidth(draft.local_as, octets)));
    Policy {
        med: given.med,
        local_pref: given.local_pref,
        prepend: given.prepend.unwrap_or_default(),
        communities: given.communities.clone().unwrap_or_default(),
        extended_communities: extended,
        large_communities: given.large_communities.clone().unwrap_or_default(),
        graceful_shutdown: given.graceful_shutdown.unwrap_or_default(),
    }
}

//! What the file says about one neighbour, or about all of them: every key may be missing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bgp::net::{Hops, Password};
use bgp::rib::RouteAttrs;
use bgp::wire::Role;
use bgp::{Asn, Family, HoldTime};

use super::bfd::BfdGiven;
use super::layer::{Secrets, given};
use super::section::Section;
use super::{community, value};
use crate::config::Problems;

/// The most times our AS is repeated: further than any path of the Internet is long.
const MOST_PREPENDED: u64 = 32;

given! {
    /// The keys of a neighbour, as far as they are there.
    Given {
        description: String,
        peer_as: Asn,
        local_as: Asn,
        port: u16,
        /// `None` inside: explicitly without one.
        password: Option<Password>,
        hold_time: HoldTime,
        families: Vec<Family>,
        hops: Hops,
        source: IpAddr,
        dial: bool,
        listen: bool,
        next_hop_v4: Ipv4Addr,
        next_hop_v6: Ipv6Addr,
        communities: Vec<u32>,
        extended_communities: Vec<[u8; 8]>,
        /// Octets a second.
        link_bandwidth: f32,
        large_communities: Vec<[u32; 3]>,
        med: u32,
        local_pref: u32,
        prepend: u8,
        graceful_shutdown: bool,
        max_prefixes: u32,
        role: Role,
        role_strict: bool,
        graceful_restart: bool,
        graceful_restart_time: u16,
        long_lived_stale_time: u32,
        extended_next_hop: bool,
        enabled: bool,
        shutdown_text: String,
        ;
        bfd: BfdGiven,
    }
}

impl Given {
    /// Takes every key of a neighbour out of its section.
    pub(super) fn read(
        section: &mut Section<'_>,
        secrets: &mut Secrets<'_>,
        problems: &mut Problems,
    ) -> Self {
        let mut given = Self::default();
        given.read_session(section, problems);
        given.read_transport(section, problems);
        given.read_routes(section, problems);
        given.password = read_password(section, secrets, problems);
        given.bfd = BfdGiven::read(section, secrets, problems);
        given
    }

    fn read_session(&mut self, section: &mut Section<'_>, problems: &mut Problems) {
        self.description = section.read("description", problems, value::text);
        self.peer_as = section.read("as", problems, value::asn);
        self.local_as = section.read("local-as", problems, value::asn);
        self.hold_time = section.read("hold-time", problems, value::hold_time);
        self.families = section.read_list("families", problems, value::family);
        self.max_prefixes = section.read("max-prefixes", problems, value::whole(1..=u32::MAX.into()));
        self.role = section.read("role", problems, value::role);
        self.role_strict = section.read("role-strict", problems, value::flag);
        self.graceful_restart = section.read("graceful-restart", problems, value::flag);
        self.graceful_restart_time = section.read("graceful-restart-time", problems, value::restart_time);
        self.long_lived_stale_time = section.read("long-lived-stale-time", problems, value::stale_time);
        self.extended_next_hop = section.read("extended-next-hop", problems, value::flag);
        self.enabled = section.read("enabled", problems, value::flag);
        self.shutdown_text = section.read("shutdown-text", problems, value::communication);
        let families = self.families.as_deref().unwrap_or_default();
        if self.families.as_ref().is_some_and(Vec::is_empty) {
            section.place().refuse("families", "the list must not be empty", problems);
        }
        if families
            .iter()
            .enumerate()
            .any(|(index, one)| families.iter().take(index).any(|other| one == other))
        {
            section.place().refuse("families", "names a family twice", problems);
        }
    }

    fn read_transport(&mut self, section: &mut Section<'_>, problems: &mut Problems) {
        self.port = section.read("port", problems, value::whole(1..=65535));
        let multihop = section.read("multihop", problems, value::whole(1..=255));
        let secured = section.read("ttl-security", problems, value::whole(1..=254));
        self.hops = multihop.map(Hops::AtMost).or(secured.map(Hops::Secured));
        if multihop.is_some() && secured.is_some() {
            let rule = "cannot be used with multihop: it says how far away the neighbour is, too";
            section.place().refuse("ttl-security", rule, problems);
        }
        self.source = section.read("source", problems, value::source);
        self.dial = section.read("dial", problems, value::flag);
        self.listen = section.read("listen", problems, value::flag);
        if let Some(passive) = section.read("passive", problems, value::flag) {
            if self.dial == Some(passive) || (passive && self.listen == Some(false)) {
                section.place().refuse("passive", "contradicts dial or listen", problems);
            }
            self.dial = Some(!passive);
            self.listen = self.listen.or(passive.then_some(true));
        }
    }

    fn read_routes(&mut self, section: &mut Section<'_>, problems: &mut Problems) {
        self.next_hop_v4 = section.read("next-hop-ipv4", problems, value::ipv4);
        self.next_hop_v6 = section.read("next-hop-ipv6", problems, value::ipv6);
        self.communities = section.read_list("communities", problems, community::standard);
        self.extended_communities = section.read_list("extended-communities", problems, community::extended);
        self.large_communities = section.read_list("large-communities", problems, community::large);
        self.link_bandwidth = section.read("link-bandwidth", problems, community::bandwidth);
        self.med = section.read("med", problems, value::whole(0..=u32::MAX.into()));
        self.local_pref = section.read("local-pref", problems, value::whole(0..=u32::MAX.into()));
        self.prepend = section.read("prepend", problems, value::whole(0..=MOST_PREPENDED));
        self.graceful_shutdown = section.read("graceful-shutdown", problems, value::flag);
        let counts = [
            ("communities", self.communities.as_ref().map_or(0, Vec::len)),
            ("extended-communities", self.extended_communities.as_ref().map_or(0, Vec::len)),
            ("large-communities", self.large_communities.as_ref().map_or(0, Vec::len)),
        ];
        for (key, count) in counts.into_iter().filter(|(_, count)| *count > RouteAttrs::MAX_COMMUNITIES) {
            let most = RouteAttrs::MAX_COMMUNITIES;
            section.place().refuse(key, format_args!("{count} of them, must be {most} at most"), problems);
        }
    }
}

fn read_password(
    section: &mut Section<'_>,
    secrets: &mut Secrets<'_>,
    problems: &mut Problems,
) -> Option<Option<Password>> {
    let place = section.place();
    let path = section.read("password-file", problems, value::text)?;
    if path.is_empty() {
        return Some(None);
    }
    let path = secrets.base.join(path);
    let password = crate::config::password::read(&path);
    secrets.read.push(path.clone());
    password
        .map(Some)
        .map_err(|rule| place.refuse("password-file", format_args!("{} {rule}", path.display()), problems))
        .ok()
}

//! A router on the other end of a member: decodes every frame with the public codec and keeps a table.

#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod world;

use std::collections::{BTreeMap, BTreeSet};

use bgp::rib::{Batch, RouteAttrs, UpdateGroup};
use bgp::wire::{
    Attr, Message, MpNextHop, Origin, Prefixes, Segment, Update, attr_code, next_frame, refresh,
};
use bgp::{Asn, Family};
use ipnet::IpNet;

/// What a router knows of one route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Carried {
    pub(crate) next_hop: MpNextHop,
    pub(crate) attrs: Vec<Attr>,
}

pub(crate) type Wanted = BTreeMap<IpNet, RouteAttrs>;

#[derive(Clone, Debug)]
pub(crate) struct Router {
    pub(crate) group: UpdateGroup,
    pub(crate) table: BTreeMap<IpNet, Carried>,
    pub(crate) ended: Vec<Family>,
    /// What has been said of a family since the marker that opened its repetition.
    pub(crate) repeating: Option<(Family, BTreeSet<IpNet>)>,
    /// How many messages of a batch may be less than full: where one run ends and the next begins.
    pub(crate) seams: usize,
}

/// One UPDATE as a packer sees it.
struct Packing {
    /// All that has to be equal for prefixes to share a message.
    kind: (bool, Family, Vec<Attr>),
    len: usize,
    prefixes: Vec<IpNet>,
}

pub(crate) fn family_of(net: &IpNet) -> Family {
    match net {
        IpNet::V4(_) => Family::IPV4_UNICAST,
        IpNet::V6(_) => Family::IPV6_UNICAST,
    }
}

fn nets(prefixes: &Prefixes) -> Vec<IpNet> {
    match prefixes {
        Prefixes::V4(all) => all.iter().copied().map(IpNet::V4).collect(),
        Prefixes::V6(all) => all.iter().copied().map(IpNet::V6).collect(),
        Prefixes::Other(family, _) => panic!("prefixes of {family}"),
    }
}

impl Router {
    pub(crate) fn new(group: UpdateGroup) -> Self {
        Self { group, table: BTreeMap::new(), ended: Vec::new(), repeating: None, seams: 2 }
    }

    /// Where a family must lead (RFC 4271 §5.1.3, RFC 2545 §3, RFC 8950 §3).
    pub(crate) fn hop(&self, family: Family) -> MpNextHop {
        let hops = self.group.next_hops;
        match (family, hops.v4, hops.v6, hops.link_local) {
            (Family::IPV4_UNICAST, Some(addr), ..) => MpNextHop::Addr(addr.into()),
            (_, _, Some(global), Some(local)) => MpNextHop::WithLinkLocal(global, local),
            (_, _, Some(addr), None) => MpNextHop::Addr(addr.into()),
            _ => panic!("no next hop for {family}"),
        }
    }

    /// The attributes a route must arrive with (RFC 4271 §5, RFC 6793 §4.2.2, RFC 8326 §4, RFC 9234 §5).
    fn carried(&self, net: &IpNet, route: &RouteAttrs) -> Carried {
        let (group, policy) = (&self.group, &self.group.policy);
        let wide = group.local_as.get() > 65535 && !group.context.four_octet_as;
        let seen = if wide { Asn::new(Asn::TRANS.into()).expect("not zero") } else { group.local_as };
        let times = 1 + usize::from(policy.prepend);
        let segment = |asn: Asn| Segment { kind: 2, asns: vec![asn.get(); times] };
        let path = |asn| if group.internal { vec![] } else { vec![segment(asn)] };
        let mut attrs = vec![Attr::Origin(Origin::Igp), Attr::AsPath(path(seen))];
        attrs.extend(policy.med.or(route.med()).map(Attr::Med));
        let leaving = policy.graceful_shutdown;
        let local_pref = if leaving { 0 } else { policy.local_pref.unwrap_or(100) };
        attrs.extend(group.internal.then_some(Attr::LocalPref(local_pref)));
        // No community of the policies here is one of the routes here.
        let mut communities = [route.communities(), &policy.communities].concat();
        communities.extend(leaving.then_some(0xffff_0000));
        attrs.extend((!communities.is_empty()).then_some(Attr::Communities(communities)));
        let extended = policy.extended_communities.clone();
        attrs.extend((!extended.is_empty()).then_some(Attr::ExtendedCommunities(extended)));
        attrs.extend((wide && !group.internal).then(|| Attr::As4Path(path(group.local_as))));
        let large = policy.large_communities.clone();
        attrs.extend((!large.is_empty()).then_some(Attr::LargeCommunities(large)));
        let marked = group.only_to_customer && !group.internal;
        attrs.extend(marked.then(|| Attr::OnlyToCustomer(group.local_as.get())));
        Carried { next_hop: self.hop(family_of(net)), attrs }
    }

    /// The table this router must end with.
    pub(crate) fn expected(&self, wanted: &Wanted) -> BTreeMap<IpNet, Carried> {
        let mine = wanted.iter().filter(|(net, _)| self.group.families.contains(&family_of(net)));
        mine.map(|(net, route)| (*net, self.carried(net, route))).collect()
    }

    /// Takes a batch in, checking each message against what is wanted at this very moment.
    pub(crate) fn receive(&mut self, batch: &Batch, wanted: &Wanted) {
        let mut packed: Vec<Packing> = Vec::new();
        let (mut announced, mut withdrawn, mut markers) = (0, 0, 0);
        for frame in &batch.frames {
            let octets = frame.0.concat();
            assert_eq!(octets.len(), frame.len());
            let cut =
                next_frame(&octets, self.group.context.max_message).expect("a frame this peer can take");
            assert_eq!(cut.map(<[u8]>::len), Some(octets.len()), "one frame is one message");
            let update = match Message::decode(&octets, self.group.context) {
                Ok(Message::Update(update)) => update,
                Ok(Message::RouteRefresh { family, subtype }) => {
                    self.marker(family, subtype);
                    markers += 1;
                    continue;
                }
                _ => panic!("neither an UPDATE nor a marker: {octets:02x?}"),
            };
            assert_eq!(update.faults, [], "a message a strict receiver takes");
            if let Some(family) = update.ends_rib_of() {
                self.end_of_rib(family, wanted);
                continue;
            }
            let one = self.update(update, octets.len(), wanted);
            *(if one.kind.0 { &mut announced } else { &mut withdrawn }) += one.prefixes.len();
            packed.push(one);
        }
        assert_eq!(
            (announced, withdrawn, markers),
            (batch.announced, batch.withdrawn, batch.markers),
            "what the batch says of itself"
        );
        assert!(packed.iter().all(|one| one.prefixes.is_sorted()), "prefixes of a message are sorted");
        // A catch-up is three runs at most: what changed, the packed table, what came since it was packed. A policy's
        // MED makes attribute sets alike that are packed apart: two more seams in each run.
        let seams = self.seams + if self.group.policy.med.is_some() { 6 } else { 0 };
        for run in packed.chunk_by(|one, next| one.kind == next.kind) {
            let slack = run.windows(2).filter(|pair| !self.is_full(&pair[0], &pair[1])).count();
            assert!(slack <= seams, "{slack} messages could have taken the next prefix");
        }
    }

    /// RFC 7313 §4.1: what was not repeated between the markers is gone.
    fn marker(&mut self, family: Family, subtype: u8) {
        assert!(self.group.enhanced_refresh, "not negotiated");
        assert!(self.ended.contains(&family), "not before End-of-RIB");
        match (subtype, self.repeating.take()) {
            (refresh::BEGINS, None) => self.repeating = Some((family, BTreeSet::new())),
            (refresh::ENDS, Some((of, said))) if of == family => {
                let held: BTreeSet<_> =
                    self.table.keys().filter(|net| family_of(net) == family).copied().collect();
                assert_eq!(said, held, "the whole family was repeated");
            }
            other => panic!("marker {other:?} of {family}"),
        }
    }

    fn end_of_rib(&mut self, family: Family, wanted: &Wanted) {
        assert!(!self.ended.contains(&family), "End-of-RIB of {family} came twice");
        assert!(self.group.families.contains(&family), "{family} was not negotiated");
        self.ended.push(family);
        let of = |table: BTreeMap<IpNet, Carried>| -> BTreeMap<IpNet, Carried> {
            table.into_iter().filter(|(net, _)| family_of(net) == family).collect()
        };
        assert_eq!(of(self.table.clone()), of(self.expected(wanted)), "End-of-RIB before the whole table");
    }

    fn update(&mut self, update: Update, len: usize, wanted: &Wanted) -> Packing {
        let (mut attrs, mut hop) = (Vec::new(), None);
        let (mut gone, mut news): (Vec<IpNet>, Vec<IpNet>) = (
            update.withdrawn.into_iter().map(IpNet::V4).collect(),
            update.nlri.into_iter().map(IpNet::V4).collect(),
        );
        let codes: Vec<u8> = update.attrs.iter().map(Attr::code).collect();
        let behind_mp = codes.strip_prefix(&[attr_code::MP_REACH_NLRI]).unwrap_or(&codes);
        assert!(behind_mp.is_sorted(), "attributes stand in order (RFC 4271 §5, RFC 7606 §5.1): {codes:?}");
        for attr in update.attrs {
            match attr {
                Attr::NextHop(addr) => hop = Some(MpNextHop::Addr(addr.into())),
                Attr::MpReach(reach) => {
                    hop = Some(reach.next_hop);
                    news.extend(nets(&reach.prefixes));
                }
                Attr::MpUnreach(unreach) => gone.extend(nets(&unreach.prefixes)),
                other => attrs.push(other),
            }
        }
        assert!(gone.is_empty() != news.is_empty(), "a message announces or withdraws");
        for net in &gone {
            assert!(self.table.remove(net).is_some(), "{net} withdrawn, though the peer never had it");
        }
        for net in &news {
            let route = wanted.get(net).unwrap_or_else(|| panic!("{net} announced, though it is not wanted"));
            let carried = Carried { next_hop: hop.clone().expect("a next hop"), attrs: attrs.clone() };
            assert_eq!(carried, self.carried(net, route), "{net}");
            self.table.insert(*net, carried);
            if let Some((_, said)) = &mut self.repeating {
                said.insert(*net);
            }
        }
        let family = family_of(gone.first().or(news.first()).expect("one of them is not empty"));
        Packing {
            kind: (gone.is_empty(), family, attrs),
            len,
            prefixes: if gone.is_empty() { news } else { gone },
        }
    }

    /// Neighbours that could share a message fill the first: nothing more fits. Returns whether they do.
    fn is_full(&self, one: &Packing, next: &Packing) -> bool {
        let bits = next.prefixes.first().expect("not empty").prefix_len();
        let with_next = one.len + 1 + usize::from(bits.div_ceil(8));
        one.kind != next.kind || with_next > self.group.context.max_message.into()
    }

    /// What the RIB believes this router holds is what it holds.
    pub(crate) fn check_advertised(&self, advertised: &[bgp::rib::Advertised], len: usize) {
        let said: BTreeSet<_> = advertised.iter().map(|one| (one.prefix, one.next_hop)).collect();
        let held: BTreeSet<_> =
            self.table.iter().map(|(net, carried)| (*net, carried.next_hop.addr().expect("one"))).collect();
        assert_eq!(said.len(), advertised.len(), "nothing is listed twice");
        assert_eq!(said, held);
        assert_eq!(len, held.len());
    }
}

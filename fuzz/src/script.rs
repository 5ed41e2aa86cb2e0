//! A fuzzer's octets as a script: operations and their arguments, cut off where they end.

use bgp::wire::{Attr, Capability, GracefulRestart, Message, Open, Origin, Role, Segment, Update};
use bgp::{Asn, Family, HoldTime, RouterId};
use ipnet::Ipv4Net;

/// Reads a script from the front; past its end all arguments are zero.
pub struct Script<'a>(pub &'a [u8]);

impl<'a> Script<'a> {
    /// Whether nothing is left.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The next octet.
    pub fn octet(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// As many octets as the next two say, or as are left.
    pub fn octets(&mut self) -> &'a [u8] {
        let len = usize::from(u16::from_be_bytes([self.octet(), self.octet()]));
        let (head, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        head
    }

    /// A family we exchange, or one we do not.
    pub fn family(&mut self) -> Family {
        match self.octet() % 4 {
            0 | 3 => Family::IPV4_UNICAST,
            1 => Family::IPV6_UNICAST,
            _ => Family { afi: 25, safi: 70 },
        }
    }

    /// An OPEN that a peer in `asn` may send, with the capabilities that two octets ask for.
    pub fn open(&mut self, asn: Asn) -> Message {
        let (flags, more) = (self.octet(), self.octet());
        let hold = HoldTime::new(u16::from(more & 3) * 3).expect("0, 3, 6 or 9");
        let id = RouterId::new([192, 0, 2, if more & 4 != 0 { 200 } else { 0 }].into()).expect("not zero");
        let both = [Family::IPV4_UNICAST, Family::IPV6_UNICAST];
        let forwarding = if more & 8 != 0 { 0x80 } else { 0 };
        let families = both.map(|family| (family, forwarding)).to_vec();
        let restart = GracefulRestart { flags: more >> 4, time: 120, families };
        let long_lived = both.map(|family| (family, forwarding, 30)).to_vec();
        let mut open = Open::new(asn, hold, id);
        if more & 0x10 != 0 {
            open = Open { my_as: asn.two_octets(), capabilities: vec![], ..open };
        }
        let all = [
            Capability::Multiprotocol(both[0]),
            Capability::Multiprotocol(both[1]),
            Capability::RouteRefresh,
            Capability::EnhancedRouteRefresh,
            Capability::ExtendedMessage,
            Capability::GracefulRestart(restart),
            Capability::LongLivedGracefulRestart(long_lived),
            Capability::Role(Role::Provider),
        ];
        let chosen = (0..8).zip(all).filter(|(bit, _)| flags & (1 << bit) != 0);
        Message::Open(chosen.fold(open, |open, (_, capability)| open.with(capability)))
    }

    fn announcement(&mut self) -> Update {
        let octet = self.octet();
        let net = Ipv4Net::new([10, 2, 0, octet & 0x0f].into(), 32).expect("a length");
        let path = vec![Segment { kind: Segment::SEQUENCE, asns: vec![65002] }];
        let attrs = vec![Attr::Origin(Origin::Igp), Attr::AsPath(path), Attr::NextHop([192, 0, 2, 2].into())];
        match octet & 0x80 {
            0 => Update { attrs, nlri: vec![net], ..Update::default() },
            _ => Update { withdrawn: vec![net], ..Update::default() },
        }
    }

    /// A well-formed message of no great length.
    pub fn message(&mut self) -> Message {
        match self.octet() % 4 {
            0 => Message::Keepalive,
            3 => Message::Update(self.announcement()),
            1 => Message::Update(Update::end_of_rib(self.family())),
            _ => Message::RouteRefresh { family: self.family(), subtype: self.octet() % 4 },
        }
    }
}

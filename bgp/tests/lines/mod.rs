//! Messages in the lines of our vectors (`bgp/tests/vectors/README.md`): one fact a line, in the order of the wire.

use std::fmt::{Display, Write};

use bgp::Family;
use bgp::wire::{
    Attr, Capability, Message, MpNextHop, Notification, Open, Origin, Prefixes, Reaction, Segment, Update,
};

/// What a message says.
pub(crate) fn of(message: &Message) -> Vec<String> {
    match message {
        Message::Open(open) => of_open(open),
        Message::Update(update) => of_update(update),
        Message::Notification(note) => of_notification(note),
        Message::Keepalive => vec!["keepalive".to_owned()],
        Message::RouteRefresh { family, subtype } => {
            vec![format!("route-refresh {} {subtype}", pair(*family))]
        }
    }
}

/// The octets as digits.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut out, octet| {
        write!(out, "{octet:02x}").expect("a string");
        out
    })
}

fn pair(Family { afi, safi }: Family) -> String {
    format!("{afi}/{safi}")
}

/// A word and what follows it, if anything does.
fn line<T: Display>(word: &str, items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().fold(word.to_owned(), |line, item| format!("{line} {item}"))
}

fn of_open(open: &Open) -> Vec<String> {
    let head = (open.my_as, open.hold_time.seconds(), open.router_id);
    let mut out = vec![format!("open as={} hold={} id={}", head.0, head.1, head.2)];
    out.extend(open.capabilities.iter().map(of_capability));
    out
}

fn of_capability(capability: &Capability) -> String {
    match capability {
        Capability::Multiprotocol(family) => format!("multiprotocol {}", pair(*family)),
        Capability::RouteRefresh => "route-refresh".to_owned(),
        Capability::ExtendedNextHop(all) => {
            line("extended-next-hop", all.iter().map(|(family, afi)| format!("{}>{afi}", pair(*family))))
        }
        Capability::ExtendedMessage => "extended-message".to_owned(),
        Capability::Role(role) => format!("role {}", *role as u8),
        Capability::GracefulRestart(restart) => {
            let word = format!("graceful-restart flags={} time={}", restart.flags, restart.time);
            line(&word, restart.families.iter().map(|(family, flags)| format!("{}={flags}", pair(*family))))
        }
        Capability::FourOctetAs(asn) => format!("four-octet-as {}", asn.map_or(0, bgp::Asn::get)),
        Capability::AddPath(all) => {
            line("add-path", all.iter().map(|(family, direction)| format!("{}={direction}", pair(*family))))
        }
        Capability::EnhancedRouteRefresh => "enhanced-route-refresh".to_owned(),
        Capability::LongLivedGracefulRestart(all) => line(
            "long-lived-graceful-restart",
            all.iter().map(|(family, flags, time)| format!("{}={flags},{time}", pair(*family))),
        ),
        Capability::Fqdn { host, domain } => format!("fqdn host={} domain={}", hex(host), hex(domain)),
        Capability::Unknown { code, value } => {
            format!("capability {code} {}", hex(value)).trim_end().to_owned()
        }
    }
}

fn of_notification(note: &Notification) -> Vec<String> {
    let head = format!("notification {}/{}", note.code, note.subcode);
    match note.text() {
        Some(text) if note.inner().is_none() => vec![head, format!("text {text}")],
        _ => vec![format!("{head} {}", hex(&note.data)).trim_end().to_owned()],
    }
}

/// Faults first, then what is left of the UPDATE.
fn of_update(update: &Update) -> Vec<String> {
    let mut out = vec!["update".to_owned()];
    for fault in &update.faults {
        let word = match fault.reaction {
            Reaction::Discard => "discard",
            Reaction::TreatAsWithdraw => "treat-as-withdraw",
        };
        out.push(format!("{word} {}", fault.code));
    }
    out.extend(update.withdrawn.iter().map(|net| format!("withdraw {net}")));
    update.attrs.iter().for_each(|attr| of_attr(attr, &mut out));
    out.extend(update.nlri.iter().map(|net| format!("announce {net}")));
    out
}

fn of_attr(attr: &Attr, out: &mut Vec<String>) {
    out.push(match attr {
        Attr::Origin(Origin::Igp) => "origin igp".to_owned(),
        Attr::Origin(Origin::Egp) => "origin egp".to_owned(),
        Attr::Origin(Origin::Incomplete) => "origin incomplete".to_owned(),
        Attr::AsPath(path) => line("as-path", path.iter().map(of_segment)),
        Attr::As4Path(path) => line("as4-path", path.iter().map(of_segment)),
        Attr::NextHop(addr) => format!("next-hop {addr}"),
        Attr::Med(number) => format!("med {number}"),
        Attr::LocalPref(number) => format!("local-pref {number}"),
        Attr::AtomicAggregate => "atomic-aggregate".to_owned(),
        Attr::Aggregator { asn, addr } => format!("aggregator {asn} {addr}"),
        Attr::As4Aggregator { asn, addr } => format!("as4-aggregator {asn} {addr}"),
        Attr::Communities(all) => {
            line("communities", all.iter().map(|one| format!("{}:{}", one >> 16, one & 0xffff)))
        }
        Attr::OriginatorId(addr) => format!("originator-id {addr}"),
        Attr::ClusterList(all) => line("cluster-list", all),
        Attr::ExtendedCommunities(all) => line("extended-communities", all.iter().map(|one| hex(one))),
        Attr::LargeCommunities(all) => {
            line("large-communities", all.iter().map(|[admin, one, two]| format!("{admin}:{one}:{two}")))
        }
        Attr::OnlyToCustomer(asn) => format!("only-to-customer {asn}"),
        Attr::MpReach(reach) => {
            let head = format!("reach {}", pair(reach.prefixes.family()));
            out.push(match &reach.next_hop {
                MpNextHop::Addr(addr) => format!("{head} {addr}"),
                MpNextHop::WithLinkLocal(global, local) => format!("{head} {global} {local}"),
                MpNextHop::Other(octets) => format!("{head} {}", hex(octets)).trim_end().to_owned(),
            });
            return of_prefixes("reach", &reach.prefixes, out);
        }
        Attr::MpUnreach(unreach) => {
            out.push(format!("unreach {}", pair(unreach.prefixes.family())));
            return of_prefixes("unreach", &unreach.prefixes, out);
        }
        Attr::Unknown { flags, code, value } => {
            format!("attribute {code} flags={flags} {}", hex(value)).trim_end().to_owned()
        }
    });
}

fn of_segment(segment: &Segment) -> String {
    let asns: Vec<String> = segment.asns.iter().map(u32::to_string).collect();
    format!("{}:{}", segment.kind, asns.join(","))
}

fn of_prefixes(word: &str, prefixes: &Prefixes, out: &mut Vec<String>) {
    match prefixes {
        Prefixes::V4(nets) => out.extend(nets.iter().map(|net| format!("{word} {net}"))),
        Prefixes::V6(nets) => out.extend(nets.iter().map(|net| format!("{word} {net}"))),
        Prefixes::Other(_, octets) if octets.is_empty() => {}
        Prefixes::Other(_, octets) => out.push(format!("{word} {}", hex(octets))),
    }
}

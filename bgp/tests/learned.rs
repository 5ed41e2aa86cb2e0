//! What is kept and counted of what a peer announces, case by case.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use bgp::rib::{Learned, LearnedCounts, LearnedPath};
use bgp::wire::{Attr, MpNextHop, MpReach, MpUnreach, Origin, Prefixes, Segment, Update};
use bgp::{Asn, Family};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

const V4: Family = Family::IPV4_UNICAST;
const V6: Family = Family::IPV6_UNICAST;

fn learned(families: &[Family]) -> Learned {
    Learned::new(Asn::new(65000).expect("not zero"), families.to_vec(), Instant::now())
}

fn path(asns: &[u32]) -> Attr {
    Attr::AsPath(vec![Segment { kind: 2, asns: asns.to_vec() }])
}

fn hosts(range: std::ops::Range<u32>) -> Vec<Ipv4Net> {
    range.map(|at| Ipv4Net::from(Ipv4Addr::from(0x0a00_0000 + at))).collect()
}

fn announce(nlri: Vec<Ipv4Net>, extra: Vec<Attr>) -> Update {
    let hop = Attr::NextHop(Ipv4Addr::new(192, 0, 2, 1));
    let attrs = [vec![Attr::Origin(Origin::Igp), path(&[65001]), hop], extra].concat();
    Update { attrs, nlri, ..Update::default() }
}

fn withdraw(withdrawn: Vec<Ipv4Net>) -> Update {
    Update { withdrawn, ..Update::default() }
}

fn counts(received: u64, accepted: u64) -> LearnedCounts {
    LearnedCounts { received, accepted, stale: 0 }
}

fn only(learned: &Learned, family: Family) -> LearnedPath {
    let mut all = learned.paths(family);
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[test]
fn a_path_is_kept_as_sent_replaced_and_withdrawn() {
    let mut learned = learned(&[V4]);
    let first = announce(hosts(1..2), vec![Attr::Med(5), Attr::Communities(vec![7, 8])]);
    assert!(!learned.update(Instant::now(), &first));
    let kept = only(&learned, V4);
    assert_eq!(kept.prefix, "10.0.0.1/32".parse::<IpNet>().expect("a prefix"));
    assert_eq!(kept.attrs(), first.attrs);
    assert!(kept.accepted);

    let later = Instant::now() + Duration::from_secs(7);
    learned.update(later, &announce(hosts(1..2), vec![Attr::Med(6)]));
    let kept = only(&learned, V4);
    assert_eq!(kept.attrs().last(), Some(&Attr::Med(6)));
    assert!(later.duration_since(kept.since) < Duration::from_secs(2), "the time of the last announcement");
    assert_eq!(learned.counts(V4), counts(1, 1), "the same prefix is one");

    learned.update(Instant::now(), &withdraw(hosts(1..2)));
    learned.update(Instant::now(), &withdraw(hosts(1..2)));
    assert_eq!((learned.paths(V4).len(), learned.counts(V4)), (0, counts(0, 0)));
}

#[test]
fn multiprotocol_routes_keep_their_own_next_hop() {
    let mut learned = learned(&[V4, V6]);
    let nets: Vec<Ipv6Net> = vec!["2001:db8::/48".parse().expect("a prefix")];
    let hop: IpAddr = "fd00::1".parse().expect("an address");
    let reach = MpReach { next_hop: MpNextHop::Addr(hop), prefixes: Prefixes::V6(nets.clone()) };
    // An IPv4 prefix in the same message has the other next hop.
    let both = announce(hosts(1..2), vec![Attr::MpReach(reach)]);
    learned.update(Instant::now(), &both);
    let hops = |path: &LearnedPath| -> (usize, Option<IpAddr>) {
        let attrs = path.attrs();
        let plain = attrs.iter().filter(|attr| matches!(attr, Attr::NextHop(_))).count();
        let multi = attrs.iter().find_map(|attr| match attr {
            Attr::MpReach(reach) => reach.next_hop.addr(),
            _ => None,
        });
        (plain, multi)
    };
    assert_eq!(hops(&only(&learned, V4)), (1, None));
    assert_eq!(hops(&only(&learned, V6)), (0, Some(hop)));
    let gone = Attr::MpUnreach(MpUnreach { prefixes: Prefixes::V6(nets) });
    learned.update(Instant::now(), &Update { attrs: vec![gone], ..Update::default() });
    assert_eq!((learned.counts(V4), learned.counts(V6)), (counts(1, 1), counts(0, 0)));
}

#[test]
fn rfc4271_9_1_2_our_own_as_in_the_path_is_seen_but_not_accepted() {
    let mut learned = learned(&[V4]);
    let mut looped = announce(hosts(1..3), vec![]);
    looped.attrs[1] = path(&[65001, 65000]);
    learned.update(Instant::now(), &looped);
    learned.update(Instant::now(), &announce(hosts(3..4), vec![]));
    assert_eq!(learned.counts(V4), counts(3, 1));
    assert_eq!(learned.paths(V4).iter().filter(|path| path.accepted).count(), 1);
    // Announced anew with another path it is accepted, and counted once.
    learned.update(Instant::now(), &announce(hosts(1..2), vec![]));
    assert_eq!(learned.counts(V4), counts(3, 2));
}

#[test]
fn rfc6793_4_2_3_our_own_long_as_is_seen_in_the_path_of_a_two_octet_peer() {
    let ours = Asn::new(4_200_000_000).expect("not zero");
    let mut learned = Learned::new(ours, vec![V4], Instant::now());
    let wide = Attr::As4Path(vec![Segment { kind: 2, asns: vec![4_200_000_000] }]);
    let mut looped = announce(hosts(1..3), vec![wide]);
    looped.attrs[1] = path(&[65001, 23456]);
    learned.update(Instant::now(), &looped);
    assert_eq!(learned.counts(V4), counts(2, 0));
}

#[test]
fn rfc4760_8_a_family_that_was_not_negotiated_is_ignored() {
    let mut learned = learned(&[V6]);
    learned.update(Instant::now(), &announce(hosts(1..3), vec![]));
    assert_eq!((learned.paths(V4).len(), learned.counts(V4)), (0, counts(0, 0)));
}

#[test]
fn beyond_the_bound_paths_are_counted_exactly_and_told_once() {
    let bound = u32::try_from(Learned::MAX_PATHS).expect("fits");
    let mut learned = learned(&[V4]);
    assert!(!learned.update(Instant::now(), &announce(hosts(0..bound), vec![])));
    assert!(
        learned.update(Instant::now(), &announce(hosts(bound..bound + 5), vec![])),
        "the first one too many"
    );
    let mut looped = announce(hosts(bound + 3..bound + 8), vec![]);
    looped.attrs[1] = path(&[65000]);
    assert!(!learned.update(Instant::now(), &looped), "told already");
    assert_eq!(learned.paths(V4).len(), Learned::MAX_PATHS);
    let all = u64::from(bound);
    assert_eq!(learned.counts(V4), counts(all + 8, all + 3), "3 and 4 were announced twice");
    learned.update(Instant::now(), &withdraw(hosts(bound..bound + 4)));
    assert_eq!(learned.counts(V4), counts(all + 4, all));
    // There is room again for the next announcement.
    learned.update(Instant::now(), &withdraw(hosts(0..1)));
    learned.update(Instant::now(), &announce(hosts(bound + 4..bound + 5), vec![]));
    assert_eq!((learned.paths(V4).len(), learned.counts(V4)), (Learned::MAX_PATHS, counts(all + 3, all)));
}

#[test]
fn attributes_are_bounded_by_their_octets_and_equal_ones_count_once() {
    let mut learned = learned(&[V4]);
    let large = |number: u32| Attr::Communities(vec![number; 10_000]);
    let fit = u32::try_from(Learned::MAX_OCTETS / 40_000).expect("fits");
    for number in 0..fit {
        learned.update(Instant::now(), &announce(hosts(number * 10..number * 10 + 10), vec![large(number)]));
    }
    assert!(learned.paths(V4).len() >= 10 * (fit as usize - 1), "ten paths share one set");
    let more = fit + 10;
    learned.update(Instant::now(), &announce(hosts(more * 10..more * 10 + 1), vec![large(more)]));
    let kept = learned.paths(V4).len();
    assert!(kept <= 10 * fit as usize, "no room for one more set");
    assert_eq!(learned.counts(V4).received, u64::from(fit) * 10 + 1, "but it counts");
    // A set nobody uses any more makes room.
    learned.update(Instant::now(), &withdraw(hosts(0..10)));
    learned.update(Instant::now(), &announce(hosts(more * 10..more * 10 + 1), vec![large(more)]));
    assert_eq!(learned.paths(V4).len(), kept - 10 + 1);
}

fn stale(received: u64, stale: u64) -> LearnedCounts {
    LearnedCounts { received, accepted: received, stale }
}

#[test]
fn rfc4724_4_2_what_a_lost_peer_announced_is_stale_until_it_is_announced_again_or_purged() {
    let mut learned = learned(&[V4]);
    learned.update(Instant::now(), &announce(hosts(1..5), vec![]));
    learned.retain_stale();
    assert_eq!(learned.counts(V4), stale(4, 4));
    learned.resume(vec![V4]);
    learned.update(Instant::now(), &announce(hosts(1..3), vec![]));
    learned.update(Instant::now(), &withdraw(hosts(3..4)));
    assert_eq!(learned.counts(V4), stale(3, 1));
    assert_eq!(learned.paths(V4).iter().filter(|path| path.stale).count(), 1);
    learned.purge_stale(Some(V6));
    assert_eq!(learned.counts(V4), stale(3, 1), "another family");
    learned.purge_stale(Some(V4));
    assert_eq!(learned.counts(V4), stale(2, 0));
    assert_eq!(learned.paths(V4).len(), 2);
}

#[test]
fn a_family_the_peer_does_not_come_back_with_is_gone() {
    let mut learned = learned(&[V4, V6]);
    learned.update(Instant::now(), &announce(hosts(1..5), vec![]));
    learned.retain_stale();
    learned.resume(vec![V6]);
    assert_eq!(learned.counts(V4), stale(0, 0));
}

#[test]
fn rfc7313_4_what_is_not_repeated_between_the_markers_goes_whether_it_is_kept_or_only_counted() {
    let mut learned = learned(&[V4]);
    let most = u32::try_from(Learned::MAX_PATHS).expect("it fits");
    learned.update(Instant::now(), &announce(hosts(0..most + 10), vec![]));
    learned.begin_refresh(V4);
    assert_eq!(learned.counts(V4), stale(u64::from(most) + 10, u64::from(most)));
    learned.update(Instant::now(), &announce(hosts(0..most - 1), vec![]));
    learned.update(Instant::now(), &announce(hosts(most..most + 4), vec![]));
    learned.update(Instant::now(), &withdraw(hosts(most + 5..most + 6)));
    learned.end_refresh(V4);
    assert_eq!(learned.counts(V4), stale(u64::from(most) - 1 + 4, 0));
    learned.end_refresh(V4);
    assert_eq!(
        learned.counts(V4),
        stale(u64::from(most) - 1 + 4, 0),
        "an end without a beginning purges nothing"
    );
}

//! What `neighbor` prints, against text written by hand after GoBGP 4.8's.

use prost_types::Timestamp;

use super::neighbor::{detail, list};
use crate::gobgp::api;
use crate::gobgp::api::capability::Cap;
use crate::gobgp::api::peer_state::{AdminState, SessionState};

const NOW: i64 = 1_000_000;

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

fn peer(address: &str, asn: u32, session: SessionState) -> api::Peer {
    api::Peer {
        conf: Some(api::PeerConf { neighbor_address: address.into(), peer_asn: asn, ..Default::default() }),
        state: Some(api::PeerState {
            neighbor_address: address.into(),
            peer_asn: asn,
            session_state: session.into(),
            admin_state: AdminState::Up.into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn times(mut peer: api::Peer, uptime: Option<Timestamp>, downtime: Option<Timestamp>) -> api::Peer {
    let state = api::TimersState { uptime, downtime, ..Default::default() };
    peer.timers = Some(api::Timers { config: None, state: Some(state) });
    peer
}

fn counted(mut peer: api::Peer, afi: i32, received: u64, accepted: u64) -> api::Peer {
    let family = Some(api::Family { afi, safi: 1 });
    let state = api::AfiSafiState { family, received, accepted, advertised: 3, ..Default::default() };
    peer.afi_safis.push(api::AfiSafi { state: Some(state), ..Default::default() });
    peer
}

fn listed(peers: &[api::Peer], only: &str) -> String {
    let mut out = Vec::new();
    list(&mut out, peers, only, NOW).unwrap();
    String::from_utf8(out).unwrap()
}

fn detailed(peer: &api::Peer) -> String {
    let mut out = Vec::new();
    detail(&mut out, peer, "", NOW).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_list_of_two() {
    let up = times(peer("10.99.0.2", 65002, SessionState::Established), at(NOW - 26), None);
    let peers = [counted(up, 1, 4, 4), peer("10.99.0.9", 65009, SessionState::Active)];
    let wanted = "\
Peer         AS  Up/Down State       |#Received  Accepted
10.99.0.2 65002 00:00:26 Establ      |        4         4
10.99.0.9 65009    never Active      |        0         0
";
    assert_eq!(listed(&peers, ""), wanted);
}

#[test]
fn long_names_and_long_uptimes_widen_the_columns() {
    let mut admin = peer("fd99:0:0:1::2", 0, SessionState::Idle);
    admin.state.as_mut().unwrap().admin_state = AdminState::Down.into();
    let mut limited =
        times(peer("fd00:abcd:ef01:2345:6789:abcd:ef01:2345", 7, SessionState::Idle), at(0), at(0));
    limited.state.as_mut().unwrap().admin_state = AdminState::PfxCt.into();
    let days = times(peer("10.0.0.10", 4_200_000_000, SessionState::Established), at(NOW - 93_784), None);
    let again = times(peer("10.0.0.9", 65001, SessionState::Opensent), at(NOW - 500), at(NOW - 65));
    let mut unnumbered = peer("fe80::1%eth0", 65002, SessionState::Openconfirm);
    unnumbered.conf.as_mut().unwrap().neighbor_interface = "eth0".into();
    let peers = [admin, limited, counted(counted(days, 1, 2, 1), 2, 1_000_000, 999_999), unnumbered, again];
    let wanted = "\
Peer                                            AS      Up/Down State       |#Received  Accepted
10.0.0.9                                     65001     00:01:05 Sent        |        0         0
10.0.0.10                               4200000000  1d 02:03:04 Establ      |  1000002   1000000
fd00:abcd:ef01:2345:6789:abcd:ef01:2345          7 11d 13:46:40 Idle(PfxCt) |        0         0
fd99:0:0:1::2                                    *        never Idle(Admin) |        0         0
eth0                                         65002        never Confirm     |        0         0
";
    assert_eq!(listed(&peers, ""), wanted);
    assert!(listed(&peers, "ipv6").contains(" 1d 02:03:04 Establ      |  1000000    999999\n"));
}

#[test]
fn an_empty_list_is_its_header() {
    assert_eq!(listed(&[], ""), "Peer AS Up/Down State       |#Received  Accepted\n");
}

#[test]
fn a_neighbour_that_never_answered() {
    let mut peer = counted(peer("10.99.0.9", 65009, SessionState::Active), 1, 0, 0);
    let config = api::TimersConfig { hold_time: 90, keepalive_interval: 30, ..Default::default() };
    peer.timers = Some(api::Timers { config: Some(config), state: None });
    peer.transport = Some(api::Transport { local_address: "0.0.0.0".into(), ..Default::default() });
    let refresh = Cap::RouteRefresh(api::RouteRefreshCapability {});
    peer.state.as_mut().unwrap().local_cap = vec![api::Capability { cap: Some(refresh) }];
    let wanted = "\
BGP neighbor is 10.99.0.9, remote AS 65009
  BGP version 4, remote router ID unknown
  BGP state = SESSION_STATE_ACTIVE
  BGP OutQ = 0, Flops = 0
  Local address is 0.0.0.0, local ASN: *
  Hold time is 0, keepalive interval is 0 seconds
  Configured hold time is 90, keepalive interval is 30 seconds
  
  Neighbor capabilities:
    route-refresh:\tadvertised
  Message statistics:
                         Sent       Rcvd
    Opens:                  0          0
    Notifications:          0          0
    Updates:                0          0
    Keepalives:             0          0
    Route Refresh:          0          0
    Discarded:              0          0
    Total:                  0          0
  Route statistics:
    Advertised:             3
    Received:               0
    Accepted:               0
";
    assert_eq!(detailed(&peer), wanted);
}

fn caps(all: Vec<Cap>) -> Vec<api::Capability> {
    all.into_iter().map(|cap| api::Capability { cap: Some(cap) }).collect()
}

fn restarting(flags: u32, time: u32, forward: u32) -> Cap {
    let tuple = api::GracefulRestartCapabilityTuple { family: Some(super::family::IPV4), flags: forward };
    Cap::GracefulRestart(api::GracefulRestartCapability { flags, time, tuples: vec![tuple] })
}

fn named(host: &str) -> Cap {
    Cap::Fqdn(api::FqdnCapability { host_name: host.into(), domain_name: "d".into() })
}

const EVERY_CAPABILITY: &str = "\
  Allow Own AS: 2, Remove private AS: replace
  Neighbor capabilities:
    multiprotocol:
        ipv4-unicast:\tadvertised and received
        ipv6-unicast:\tadvertised
    extended-nexthop:\tadvertised
        Local:
            nlri: ipv4-unicast, nexthop: ipv6
    graceful-restart:\treceived
        Remote: restart time 120 sec, restart flag set, notification flag set
\t    ipv4-unicast, forward flag set
    4-octet-as:\treceived
    add-path:\treceived
      Remote:
         ipv4-unicast:\treceive/send
    long-lived-graceful-restart:\treceived
        Remote:
\t    ipv6-unicast, restart time 3600 sec, forward flag set
    fqdn:\tadvertised and received
      Local:
         name: ours, domain: d
      Remote:
         name: th\u{fffd}[31meirs, domain: d
    software-version:\treceived
      Remote:
         FRR/10
    UnknownCapability(99):\tadvertised
  Message statistics:
";

#[test]
fn every_capability_with_its_details() {
    let mut peer = times(peer("10.99.0.2", 65002, SessionState::Established), at(NOW - 26), None);
    let family = |family| Cap::MultiProtocol(api::MultiProtocolCapability { family: Some(family) });
    let [v4, v6] = [super::family::IPV4, super::family::IPV6];
    let tuple = api::ExtendedNexthopCapabilityTuple { nlri_family: Some(v4), nexthop_family: Some(v6) };
    let paths = api::AddPathCapabilityTuple { family: Some(v4), mode: 3 };
    let long = api::LongLivedGracefulRestartCapabilityTuple { family: Some(v6), flags: 0x80, time: 3600 };
    let state = peer.state.as_mut().unwrap();
    state.router_id = "192.0.2.2".into();
    state.local_asn = 65001;
    state.local_cap = caps(vec![
        named("ours"),
        Cap::ExtendedNexthop(api::ExtendedNexthopCapability { tuples: vec![tuple] }),
        family(v4),
        family(v6),
        Cap::Unknown(api::UnknownCapability { code: 99, value: vec![1] }),
    ]);
    state.remote_cap = caps(vec![
        family(v4),
        restarting(0x0c, 120, 0x80),
        Cap::AddPath(api::AddPathCapability { tuples: vec![paths] }),
        Cap::LongLivedGracefulRestart(api::LongLivedGracefulRestartCapability { tuples: vec![long] }),
        named("th\u{1b}[31meirs"),
        Cap::SoftwareVersion(api::SoftwareVersionCapability { software_version: "FRR/10".into() }),
        Cap::FourOctetAsn(api::FourOctetAsnCapability { asn: 65002 }),
    ]);
    peer.conf.as_mut().unwrap().allow_own_asn = 2;
    peer.conf.as_mut().unwrap().set_remove_private(api::RemovePrivate::Replace);
    peer.route_server = Some(api::RouteServer { route_server_client: true, secondary_route: false });
    let text = detailed(&peer);
    let head = "BGP neighbor is 10.99.0.2, remote AS 65002, route-server-client\n  BGP version 4, remote router ID \
                192.0.2.2\n  BGP state = SESSION_STATE_ESTABLISHED, up for 00:00:26\n";
    assert!(text.starts_with(head), "{text}");
    assert!(text.contains(EVERY_CAPABILITY), "{text}");
}

#[test]
fn one_capability_that_is_none_empties_its_side() {
    let mut peer = peer("10.99.0.2", 65002, SessionState::Active);
    let state = peer.state.as_mut().unwrap();
    state.local_cap = caps(vec![named("ours")]);
    state.local_cap.push(api::Capability { cap: None });
    state.remote_cap = caps(vec![named("theirs")]);
    let text = detailed(&peer);
    assert!(text.contains("    fqdn:\treceived\n      Remote:\n         name: theirs"), "{text}");
    assert!(!text.contains("ours"), "{text}");
}

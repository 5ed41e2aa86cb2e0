//! The GoBGP API as its generated clients see it, on loopback addresses of each test's own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bgp::net::{Dialing, Engine, Hops, PeerConfig};
use bgp::rib::RouteAttrs;
use bgp::wire::{Capability, Context, Message, Open};
use bgp::{Asn, Family, HoldTime, RouterId, fsm};
use ipnet::IpNet;
use speaker::announce::{Announcer, Identity};
use speaker::gobgp::api::go_bgp_service_client::GoBgpServiceClient;
use speaker::gobgp::apipb::gobgp_api_client::GobgpApiClient;
use speaker::gobgp::{api, apipb, server};
use speaker::plan::Settings;
use speaker::policy::Policy;
use speaker::view::{Batch, Change, Kind, Object, Subnet};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tonic::Code;
use tonic::transport::Channel;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn asn(number: u32) -> Asn {
    Asn::new(number).expect("legal")
}

fn id(last: u8) -> RouterId {
    RouterId::new(Ipv4Addr::new(10, 0, 0, last)).expect("legal")
}

fn net(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}

/// An announcer, and where its API is served; the service ends with the test's runtime.
async fn serving(host: u8, writable: bool) -> (Arc<Announcer>, SocketAddr) {
    let identity = Identity { node: "n1".to_owned(), local_as: asn(65000), router_id: id(1) };
    let settings = Settings::Node { name: "n1".into(), announce_cluster_ip: false, local_only: false };
    let announcer = Arc::new(Announcer::new(Arc::new(Engine::new()), identity, settings));
    let on = SocketAddr::new(Ipv4Addr::new(127, 62, 0, host).into(), 50051);
    tokio::spawn(server::serve(on, Arc::clone(&announcer), writable).await.expect("a free port"));
    (announcer, on)
}

async fn v3(on: SocketAddr) -> GobgpApiClient<Channel> {
    GobgpApiClient::connect(format!("http://{on}")).await.expect("served")
}

async fn v4(on: SocketAddr) -> GoBgpServiceClient<Channel> {
    GoBgpServiceClient::connect(format!("http://{on}")).await.expect("served")
}

fn plan(announcer: &Announcer, cidrs: &[&str]) {
    let subnet = Subnet {
        name: "s".into(),
        policy: Policy::read(Some("cluster")),
        cidrs: cidrs.iter().map(|text| net(text)).collect(),
        bad_cidrs: [].into(),
        ready: true,
        nat_outgoing: false,
    };
    let changes = vec![
        Change::ListBegun(Kind::Subnet),
        Change::Put(Object::Subnet(subnet)),
        Change::ListDone(Kind::Subnet),
    ];
    announcer.handle(Batch { changes, noticed: Instant::now(), synced: true });
}

fn wanted(announcer: &Announcer) -> Vec<(String, Option<u32>)> {
    let all = announcer.engine().wanted();
    all.into_iter().map(|(net, attrs)| (net.to_string(), attrs.med())).collect()
}

#[tokio::test]
async fn a_prefix_wanted_by_hand_and_by_the_plan_survives_the_removal_of_either() {
    let (announcer, _on) = serving(1, true).await;
    let med = |med| RouteAttrs::new(Some(med), Vec::new()).expect("few");
    let both = |med| vec![("10.1.0.0/16".to_owned(), med)];
    plan(&announcer, &["10.1.0.0/16"]);
    announcer.add_by_hand(net("10.1.2.3/16"), med(7)).expect("room");
    assert_eq!(wanted(&announcer), both(Some(7)));
    plan(&announcer, &[]);
    assert_eq!(wanted(&announcer), both(Some(7)), "still wanted by hand");
    plan(&announcer, &["10.1.0.0/16"]);
    assert_eq!(wanted(&announcer), both(Some(7)));
    assert_eq!(announcer.remove_by_hand(|net, _| net.prefix_len() == 16), 1);
    assert_eq!(wanted(&announcer), both(None), "still planned");
    plan(&announcer, &[]);
    assert_eq!(wanted(&announcer), []);
}

#[tokio::test]
async fn a_read_only_service_refuses_every_change_in_both_generations() {
    let (announcer, on) = serving(2, false).await;
    plan(&announcer, &["10.1.0.0/16"]);
    let (mut three, mut four) = (v3(on).await, v4(on).await);
    let codes = [
        three.reset_peer(apipb::ResetPeerRequest::default()).await.map(drop),
        three.shutdown_peer(apipb::ShutdownPeerRequest::default()).await.map(drop),
        three.enable_peer(apipb::EnablePeerRequest::default()).await.map(drop),
        three.disable_peer(apipb::DisablePeerRequest::default()).await.map(drop),
        three.add_path(apipb::AddPathRequest::default()).await.map(drop),
        three.delete_path(apipb::DeletePathRequest::default()).await.map(drop),
        four.reset_peer(api::ResetPeerRequest { direction: 3, ..Default::default() }).await.map(drop),
        four.shutdown_peer(api::ShutdownPeerRequest::default()).await.map(drop),
        four.enable_peer(api::EnablePeerRequest::default()).await.map(drop),
        four.disable_peer(api::DisablePeerRequest::default()).await.map(drop),
        four.add_path(api::AddPathRequest::default()).await.map(drop),
        four.delete_path(api::DeletePathRequest::default()).await.map(drop),
    ];
    for (at, outcome) in codes.into_iter().enumerate() {
        let status = outcome.expect_err("refused");
        assert_eq!(status.code(), Code::PermissionDenied, "call {at}");
        assert!(status.message().contains("--grpc-writable"), "{status}");
    }
    assert_eq!(wanted(&announcer).len(), 1);
}

#[tokio::test]
async fn an_absent_table_type_is_global_in_3_and_an_error_in_4() {
    let (announcer, on) = serving(3, false).await;
    plan(&announcer, &["10.1.0.0/16", "fd00::/64"]);
    let mut stream =
        v3(on).await.list_path(apipb::ListPathRequest::default()).await.expect("served").into_inner();
    let first = stream.message().await.expect("no error").and_then(|one| one.destination).expect("one");
    assert_eq!((first.prefix.as_str(), first.paths.len()), ("10.1.0.0/16", 1));
    let path = &first.paths[0];
    // Nobody is told a next hop yet: it is shown as what it is.
    assert!(path.best && path.is_nexthop_invalid);
    assert_eq!(
        path.nlri.as_ref().map(|any| any.type_url.as_str()),
        Some("type.googleapis.com/apipb.IPAddressPrefix")
    );
    assert!(stream.message().await.expect("no error").is_none(), "the other family was not asked for");
    let error = v4(on).await.list_path(api::ListPathRequest::default()).await.expect_err("refused");
    assert_eq!((error.code(), error.message()), (Code::InvalidArgument, "unspecified table type"));
}

#[tokio::test]
async fn a_path_that_cannot_be_announced_as_given_is_refused_with_its_field() {
    let (announcer, on) = serving(4, true).await;
    let path = |prefix: &str, prefix_len, attr: Option<api::attribute::Attr>| api::Path {
        nlri: Some(api::Nlri {
            nlri: Some(api::nlri::Nlri::Prefix(api::IpAddressPrefix {
                prefix_len,
                prefix: prefix.to_owned(),
            })),
        }),
        pattrs: attr.map(|attr| api::Attribute { attr: Some(attr) }).into_iter().collect(),
        ..api::Path::default()
    };
    let local_pref = api::attribute::Attr::LocalPref(api::LocalPrefAttribute { local_pref: 5 });
    let next_hop = api::attribute::Attr::NextHop(api::NextHopAttribute { next_hop: "10.9.9.9".to_owned() });
    let many = api::attribute::Attr::Communities(api::CommunitiesAttribute { communities: vec![1; 513] });
    let family = Some(api::Family { afi: 2, safi: 1 });
    let cases = [
        (None, "path: missing"),
        (Some(api::Path::default()), "nlri: missing"),
        (Some(path("10.0.0.0", 33, None)), "nlri: 10.0.0.0/33 is not a prefix"),
        (Some(path("ten", 8, None)), "nlri: ten/8 is not a prefix"),
        (Some(api::Path { family, ..path("10.0.0.0", 8, None) }), "family: not that of 10.0.0.0/8"),
        (
            Some(path("10.0.0.0", 8, Some(local_pref))),
            "path attribute: LOCAL_PREF cannot be set, only MED and communities can",
        ),
        (
            Some(path("10.0.0.0", 8, Some(next_hop))),
            "next hop: 10.9.9.9 cannot be set, each neighbor is told this speaker's own address; leave it out",
        ),
        (Some(path("10.0.0.0", 8, Some(many))), "communities: 513 of them, must be 512 at most"),
    ];
    let mut client = v4(on).await;
    for (path, text) in cases {
        let request = api::AddPathRequest { table_type: 1, path, ..Default::default() };
        let error = client.add_path(request).await.expect_err("refused");
        assert_eq!((error.code(), error.message()), (Code::InvalidArgument, text));
    }
    assert_eq!(wanted(&announcer), []);
    let request =
        api::AddPathRequest { table_type: 1, path: Some(path("10.0.0.1", 8, None)), ..Default::default() };
    let uuid = client.add_path(request).await.expect("added").into_inner().uuid;
    assert_eq!((uuid.len(), wanted(&announcer)), (16, vec![("10.0.0.0/8".to_owned(), None)]));
    let wrong = api::DeletePathRequest { table_type: 1, uuid: vec![0; 16], ..Default::default() };
    assert_eq!(client.delete_path(wrong).await.expect_err("unknown").code(), Code::NotFound);
    client
        .delete_path(api::DeletePathRequest { table_type: 1, uuid, ..Default::default() })
        .await
        .expect("known");
    assert_eq!(wanted(&announcer), []);
}

#[tokio::test]
async fn connections_that_say_nothing_do_not_keep_others_out() {
    let (_announcer, on) = serving(5, false).await;
    let mut idle = Vec::new();
    for _ in 0..80 {
        idle.push(TcpStream::connect(on).await.expect("the system takes them"));
    }
    let answer = tokio::time::timeout(PATIENCE, async { v4(on).await.get_bgp(api::GetBgpRequest {}).await });
    let global = answer.await.expect("in time").expect("served").into_inner().global.expect("always there");
    assert_eq!((global.asn, global.listen_port), (65000, -1));
}

#[tokio::test]
async fn a_table_larger_than_any_buffer_arrives_whole() {
    const ALL: u32 = 20_000;
    let (announcer, on) = serving(6, false).await;
    let attrs = RouteAttrs::default();
    let hosts = (0..ALL).map(|at| IpNet::from(IpAddr::from(Ipv4Addr::from(0x0a00_0000 + at))));
    announcer.engine().apply(hosts.map(|net| (net, Some(&attrs))));
    let request = api::ListPathRequest { table_type: 1, ..Default::default() };
    let mut stream = v4(on).await.list_path(request).await.expect("served").into_inner();
    tokio::time::sleep(Duration::from_millis(300)).await; // the sender runs into the limits
    let mut count = 0;
    while let Some(one) = stream.message().await.expect("no error") {
        let prefix = format!("{}/32", Ipv4Addr::from(0x0a00_0000 + count));
        assert_eq!(one.destination.map(|destination| destination.prefix), Some(prefix));
        count += 1;
    }
    assert_eq!(count, ALL);
}

/// A router that sends these capabilities and stays.
async fn router(listener: TcpListener, capabilities: Vec<Capability>) -> TcpStream {
    let (mut stream, _) = listener.accept().await.expect("dialed");
    let mut open = Open::new(asn(65001), HoldTime::new(90).expect("legal"), id(2));
    open.capabilities.extend(capabilities);
    for message in [Message::Open(open), Message::Keepalive] {
        stream.write_all(&message.encode(Context::default()).expect("short")).await.expect("read");
    }
    let mut scrap = [0; 4096];
    let _ = stream.read(&mut scrap).await;
    stream
}

fn config(remote: SocketAddr, local: IpAddr) -> PeerConfig {
    PeerConfig::new(
        Dialing { remote, local: Some(local), hops: Hops::Any },
        fsm::Config::new(
            (asn(65000), id(1)),
            asn(65001),
            HoldTime::new(90).expect("legal"),
            vec![Family::IPV4_UNICAST],
        ),
    )
}

#[tokio::test]
async fn no_capability_breaks_the_stock_command() {
    let (announcer, on) = serving(7, false).await;
    let listener = TcpListener::bind((Ipv4Addr::new(127, 62, 1, 2), 0)).await.expect("a free port");
    let at = listener.local_addr().expect("bound");
    let unknown = |code, value: &[u8]| Capability::Unknown { code, value: value.to_vec() };
    let sent = vec![
        unknown(4, &[0, 1, 0, 1]),
        unknown(69, &[0, 1, 1, 3]),
        unknown(69, &[0, 1, 1]), // cut off: cannot be shown
        unknown(71, &[0, 1, 1, 0x80, 0, 0, 9]),
        unknown(75, b"\x03FRR"),
        unknown(128, &[]),
        unknown(65, &[1]), // not an AS number: cannot be shown
        unknown(239, &[5]),
    ];
    announcer.engine().add_peer(config(at, Ipv4Addr::new(127, 62, 1, 1).into()));
    let _router = tokio::time::timeout(PATIENCE, router(listener, sent)).await.expect("in time");
    let begun = Instant::now();
    while announcer.engine().established() == 0 {
        assert!(begun.elapsed() < PATIENCE, "not established");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut stream =
        v3(on).await.list_peer(apipb::ListPeerRequest::default()).await.expect("served").into_inner();
    let peer = stream.message().await.expect("no error").and_then(|one| one.peer).expect("one");
    let caps = peer.state.expect("always there").remote_cap;
    let names: Vec<_> =
        caps.iter().map(|any| any.type_url.trim_start_matches("type.googleapis.com/apipb.")).collect();
    let expected = [
        "FourOctetASNCapability",
        "CarryingLabelInfoCapability",
        "AddPathCapability",
        "LongLivedGracefulRestartCapability",
        "RouteRefreshCiscoCapability",
        "UnknownCapability",
    ];
    assert_eq!(names, expected, "75 is left out, 239 is the only unknown one");
    assert_eq!(caps[5].value, [8, 239, 1, 18, 1, 5]);
    let mut stream =
        v4(on).await.list_peer(api::ListPeerRequest::default()).await.expect("served").into_inner();
    let peer = stream.message().await.expect("no error").and_then(|one| one.peer).expect("one");
    let caps = peer.state.expect("always there").remote_cap;
    let version = api::SoftwareVersionCapability { software_version: "FRR".to_owned() };
    assert!(caps.contains(&api::Capability { cap: Some(api::capability::Cap::SoftwareVersion(version)) }));
    assert_eq!((caps.len(), caps.iter().filter(|one| one.cap.is_none()).count()), (7, 0));
}

#[tokio::test]
async fn events_begin_with_every_neighbor_and_go_on_with_changes() {
    use api::watch_event_response::{Event, peer_event::Type};
    let (announcer, on) = serving(8, true).await;
    for host in [8, 9] {
        // Nobody listens there.
        let remote = SocketAddr::new(Ipv4Addr::new(127, 62, 1, host).into(), 1);
        let mut config = config(remote, Ipv4Addr::new(127, 62, 1, 1).into());
        (config.session.dial, config.session.listen) = (false, true);
        announcer.engine().add_peer(config);
    }
    let mut client = v4(on).await;
    let nothing = client.watch_event(api::WatchEventRequest::default()).await.expect_err("nothing to watch");
    assert_eq!(nothing.code(), Code::InvalidArgument);
    let request =
        api::WatchEventRequest { peer: Some(api::watch_event_request::Peer {}), ..Default::default() };
    let mut stream = client.watch_event(request).await.expect("served").into_inner();
    let mut next = async || {
        let event =
            tokio::time::timeout(PATIENCE, stream.message()).await.expect("in time").expect("no error");
        let Some(Event::Peer(event)) = event.and_then(|one| one.event) else { panic!("no event of a peer") };
        let peer = event.peer.expect("always there");
        let (conf, state) = (peer.conf.expect("always there"), peer.state.expect("always there"));
        (
            Type::try_from(event.r#type).expect("known"),
            conf.neighbor_address,
            state.session_state,
            state.admin_state,
        )
    };
    let text = |host| format!("127.62.1.{host}");
    assert_eq!(next().await, (Type::Init, text(8), 3, 1));
    assert_eq!(next().await, (Type::Init, text(9), 3, 1));
    assert_eq!(next().await, (Type::EndOfInit, String::new(), 0, 0));
    let name = api::DisablePeerRequest { address: text(9), ..Default::default() };
    client.disable_peer(name).await.expect("writable");
    assert_eq!(next().await, (Type::State, text(9), 1, 2));
    client.enable_peer(api::EnablePeerRequest { address: text(9) }).await.expect("writable");
    assert_eq!(next().await, (Type::State, text(9), 3, 1));
}

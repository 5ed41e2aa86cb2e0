//! What one client of the GoBGP API may ask for.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bgp::net::Engine;
use bgp::{Asn, RouterId};
use speaker::announce::{Announcer, Identity};
use speaker::gobgp::api::go_bgp_service_client::GoBgpServiceClient;
use speaker::gobgp::{api, server};
use speaker::plan::Settings;
use tonic::Code;

#[tokio::test]
async fn a_request_picks_sixteen_prefixes_at_the_most() {
    let identity = Identity {
        node: "n1".to_owned(),
        local_as: Asn::new(65000).expect("legal"),
        router_id: RouterId::new(Ipv4Addr::new(10, 0, 0, 1)).expect("legal"),
    };
    let settings = Settings::Node { name: "n1".into(), announce_cluster_ip: false, local_only: false };
    let announcer = Arc::new(Announcer::new(Arc::new(Engine::new()), identity, settings));
    let on = SocketAddr::new(Ipv4Addr::new(127, 62, 1, 1).into(), 50051);
    tokio::spawn(server::serve(on, announcer, false).await.expect("a free port"));
    let mut client = GoBgpServiceClient::connect(format!("http://{on}")).await.expect("served");
    let request = |count: usize| api::ListPathRequest {
        table_type: api::TableType::Global.into(),
        family: Some(api::Family { afi: 1, safi: 1 }),
        prefixes: vec![
            api::TableLookupPrefix { prefix: "10.0.0.0/8".to_owned(), ..Default::default() };
            count
        ],
        ..Default::default()
    };
    assert!(client.list_path(request(16)).await.is_ok());
    let refused = client.list_path(request(17)).await.expect_err("too many");
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(refused.message(), "prefixes: 17 of them, at most 16 may be asked for");
}

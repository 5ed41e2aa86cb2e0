//! The messages of the API as JSON, one line each: their fields in the order of the protobuf.

use super::json::{Json, Object};
use crate::gobgp::api;
use crate::gobgp::api::capability::Cap;

macro_rules! messages {
    ($($message:ident { $($field:ident),* })*) => {$(
        impl Json for api::$message {
            // A message that is there is shown, even when it is empty.
            fn is_zero(&self) -> bool {
                false
            }

            fn write(&self, out: &mut String) {
                let mut object = Object::open(out);
                $(object.field(stringify!($field).trim_start_matches("r#"), &self.$field);)*
                object.close();
            }
        }
    )*};
}

messages! {
    Global { asn, router_id, listen_port, listen_addresses, families, use_multiple_paths, route_selection_options,
        default_route_distance, confederation, graceful_restart, bind_to_device }
    DefaultRouteDistance { external_route_distance, internal_route_distance }
    Confederation { enabled, identifier, member_as_list }
    GetTableResponse { num_destination, num_path, num_accepted }

    Peer { apply_policy, conf, ebgp_multihop, route_reflector, state, timers, transport, route_server,
        graceful_restart, afi_safis, ttl_security, bfd }
    PeerConf { auth_password, description, local_asn, neighbor_address, peer_asn, peer_group, r#type, remove_private,
        route_flap_damping, send_community, neighbor_interface, vrf, allow_own_asn, replace_peer_asn, admin_down,
        send_software_version, allow_aspath_loop_local }
    PeerState { auth_password, description, local_asn, messages, neighbor_address, peer_asn, peer_group, r#type,
        queues, remove_private, route_flap_damping, send_community, session_state, admin_state, out_q, flops,
        remote_cap, local_cap, router_id, disconnect_reason, disconnect_message, bfd_state }
    Messages { received, sent }
    Message { notification, update, open, keepalive, refresh, discarded, total, withdraw_update, withdraw_prefix }
    Queues { input, output }
    Timers { config, state }
    TimersConfig { connect_retry, hold_time, keepalive_interval, minimum_advertisement_interval,
        idle_hold_time_after_reset }
    TimersState { connect_retry, hold_time, keepalive_interval, minimum_advertisement_interval,
        negotiated_hold_time, uptime, downtime }
    Transport { local_address, local_port, mtu_discovery, passive_mode, remote_address, remote_port, tcp_mss,
        bind_interface, ip_tos }
    EbgpMultihop { enabled, multihop_ttl }
    RouteReflector { route_reflector_client, route_reflector_cluster_id }
    RouteServer { route_server_client, secondary_route }
    TtlSecurity { enabled, ttl_min }
    GracefulRestart { enabled, restart_time, helper_only, deferral_time, notification_enabled, longlived_enabled,
        stale_routes_time, peer_restart_time, peer_restarting, local_restarting, mode }
    BfdPeerConfig { enabled, port, desired_minimum_tx_interval, required_minimum_receive, detection_multiplier }
    BfdPeerState { session_state, remote_session_state, last_failure_time, failure_transitions, local_discriminator,
        remote_discriminator, local_diagnostic_code, remote_diagnostic_code, remote_minimum_receive_interval,
        bfd_async }
    BfdAsync { last_packet_transmitted, last_packet_received, transmitted_packets, received_packets }
    ApplyPolicy { export_policy, import_policy }
    PolicyAssignment { name, direction, default_action }

    AfiSafi { mp_graceful_restart, config, state, apply_policy, route_selection_options, use_multiple_paths,
        prefix_limits, route_target_membership, long_lived_graceful_restart, add_paths }
    MpGracefulRestart { config, state }
    MpGracefulRestartConfig { enabled }
    MpGracefulRestartState { enabled, received, advertised, end_of_rib_received, end_of_rib_sent, running }
    AfiSafiConfig { family, enabled }
    AfiSafiState { family, enabled, received, accepted, advertised }
    RouteSelectionOptions { config, state }
    RouteSelectionOptionsConfig { always_compare_med, ignore_as_path_length, external_compare_router_id,
        advertise_inactive_routes, enable_aigp, ignore_next_hop_igp_metric, disable_best_path_selection }
    RouteSelectionOptionsState { always_compare_med, ignore_as_path_length, external_compare_router_id,
        advertise_inactive_routes, enable_aigp, ignore_next_hop_igp_metric, disable_best_path_selection }
    UseMultiplePaths { config, state, ebgp, ibgp }
    UseMultiplePathsConfig { enabled }
    UseMultiplePathsState { enabled }
    Ebgp { config, state }
    EbgpConfig { allow_multiple_asn, maximum_paths }
    EbgpState { allow_multiple_asn, maximum_paths }
    Ibgp { config, state }
    IbgpConfig { maximum_paths }
    IbgpState { maximum_paths }
    PrefixLimit { family, max_prefixes, shutdown_threshold_pct }
    RouteTargetMembership { config, state }
    RouteTargetMembershipConfig { deferral_time }
    RouteTargetMembershipState { deferral_time }
    LongLivedGracefulRestart { config, state }
    LongLivedGracefulRestartConfig { enabled, restart_time }
    LongLivedGracefulRestartState { enabled, received, advertised, peer_restart_time, peer_restart_timer_expired,
        running }
    AddPaths { config, state }
    AddPathsConfig { receive, send_max }
    AddPathsState { receive, send_max }

    Family { afi, safi }
    UnknownCapability { code, value }
    MultiProtocolCapability { family }
    RouteRefreshCapability {}
    CarryingLabelInfoCapability {}
    ExtendedNexthopCapability { tuples }
    ExtendedNexthopCapabilityTuple { nlri_family, nexthop_family }
    GracefulRestartCapability { flags, time, tuples }
    GracefulRestartCapabilityTuple { family, flags }
    FourOctetAsnCapability { asn }
    AddPathCapability { tuples }
    AddPathCapabilityTuple { family, mode }
    EnhancedRouteRefreshCapability {}
    LongLivedGracefulRestartCapability { tuples }
    LongLivedGracefulRestartCapabilityTuple { family, flags, time }
    RouteRefreshCiscoCapability {}
    FqdnCapability { host_name, domain_name }
    SoftwareVersionCapability { software_version }
    ExtendedMessageCapability {}
}

/// A union: the name of its member around it.
impl Json for api::Capability {
    fn is_zero(&self) -> bool {
        false
    }

    fn write(&self, out: &mut String) {
        Object::open(out).always("Cap", &self.cap).close();
    }
}

impl Json for Cap {
    fn is_zero(&self) -> bool {
        false
    }

    fn write(&self, out: &mut String) {
        let mut object = Object::open(out);
        match self {
            Self::Unknown(cap) => object.always("Unknown", cap),
            Self::MultiProtocol(cap) => object.always("MultiProtocol", cap),
            Self::RouteRefresh(cap) => object.always("RouteRefresh", cap),
            Self::CarryingLabelInfo(cap) => object.always("CarryingLabelInfo", cap),
            Self::ExtendedNexthop(cap) => object.always("ExtendedNexthop", cap),
            Self::GracefulRestart(cap) => object.always("GracefulRestart", cap),
            Self::FourOctetAsn(cap) => object.always("FourOctetAsn", cap),
            Self::AddPath(cap) => object.always("AddPath", cap),
            Self::EnhancedRouteRefresh(cap) => object.always("EnhancedRouteRefresh", cap),
            Self::LongLivedGracefulRestart(cap) => object.always("LongLivedGracefulRestart", cap),
            Self::RouteRefreshCisco(cap) => object.always("RouteRefreshCisco", cap),
            Self::Fqdn(cap) => object.always("Fqdn", cap),
            Self::SoftwareVersion(cap) => object.always("SoftwareVersion", cap),
            Self::ExtendedMessage(cap) => object.always("ExtendedMessage", cap),
        };
        object.close();
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::document;
    use super::*;

    #[test]
    fn a_peer_is_written_as_go_writes_it() {
        let fqdn = api::FqdnCapability { host_name: "r1".into(), domain_name: String::new() };
        let peer = api::Peer {
            conf: Some(api::PeerConf {
                neighbor_address: "10.99.0.2".into(),
                r#type: 2,
                ..Default::default()
            }),
            state: Some(api::PeerState {
                session_state: 6,
                remote_cap: vec![
                    api::Capability { cap: Some(Cap::RouteRefresh(api::RouteRefreshCapability {})) },
                    api::Capability { cap: Some(Cap::Fqdn(fqdn)) },
                    api::Capability { cap: None },
                ],
                ..Default::default()
            }),
            route_server: Some(api::RouteServer::default()),
            afi_safis: vec![api::AfiSafi {
                state: Some(api::AfiSafiState { received: 4, ..Default::default() }),
                ..Default::default()
            }],
            ..Default::default()
        };
        let wanted = r#"{"conf":{"neighbor_address":"10.99.0.2","type":2},"state":{"session_state":6,"#
            .to_owned()
            + r#""remote_cap":[{"Cap":{"RouteRefresh":{}}},{"Cap":{"Fqdn":{"host_name":"r1"}}},{"Cap":null}]},"#
            + r#""route_server":{},"afi_safis":[{"state":{"received":4}}]}"#;
        assert_eq!(document(&peer), wanted);
    }
}

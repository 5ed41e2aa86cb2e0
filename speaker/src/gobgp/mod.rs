//! GoBGP's gRPC API in the two generations that are in use, and the `gobgp` command over it.
//!
//! Both are of our own wording: `proto/gobgp/` declares what an originating unicast speaker can hold.

pub mod cli;
pub mod server;

/// Generation 4, generated from `proto/gobgp/v4.proto`.
#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    reason = "generated code"
)]
pub mod api {
    tonic::include_proto!("api");
}

/// Generation 3, generated from `proto/gobgp/v3.proto`. What generation 4 has in unions is packed in an `Any` here, by
/// `Any::from_msg`, under `type.googleapis.com/apipb.NAME`.
#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    reason = "generated code"
)]
pub mod apipb {
    tonic::include_proto!("apipb");
}

#[cfg(test)]
mod tests {
    use prost_types::Any;

    use super::{api, apipb};

    #[test]
    fn generation_3_packs_under_the_type_url_of_gobgp() {
        let origin = Any::from_msg(&apipb::OriginAttribute { origin: 2 }).unwrap();
        assert_eq!(origin.type_url, "type.googleapis.com/apipb.OriginAttribute");
        assert_eq!(origin.value, [0x08, 2]);
    }

    #[test]
    fn enums_differ_between_the_generations() {
        assert_eq!(apipb::TableType::AdjOut as i32, 3);
        assert_eq!(api::TableType::AdjOut as i32, 4);
        assert_eq!(apipb::peer_state::AdminState::Down as i32, 1);
        assert_eq!(api::peer_state::AdminState::Down as i32, 2);
    }
}

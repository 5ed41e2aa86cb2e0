//! The features of the matrix, and the labs that fill their cells. What each row says is in `rows`.

use super::{addresses, capability, dialing, plain, restart, transport};
use crate::fault::Result;
use crate::router::Kind;

/// A row of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// IPv4 prefixes over IPv4.
    Ipv4,
    /// IPv6 prefixes over IPv6.
    Ipv6,
    /// RFC 8950.
    ExtendedNextHop,
    /// RFC 2385.
    Md5,
    /// The same with another key.
    WrongMd5,
    /// A router two hops away.
    Multihop,
    /// RFC 5082.
    TtlSecurity,
    /// The router only waits.
    RouterPassive,
    /// The speaker only waits.
    SpeakerPassive,
    /// RFC 4724, the speaker restarts.
    GracefulRestart,
    /// The same without.
    GracefulRestartOff,
    /// RFC 2918.
    RouteRefresh,
    /// RFC 7313.
    EnhancedRefresh,
    /// RFC 9003.
    ShutdownText,
    /// RFC 6793.
    FourOctetAs,
    /// The same AS.
    Ibgp,
    /// Neighbours with link-local addresses.
    LinkLocal,
    /// Neighbours found on a link.
    Unnumbered,
    /// RFC 9234.
    Roles,
    /// RFC 7911, from the router only.
    AddPath,
    /// RFC 8654.
    ExtendedMessages,
    /// RFC 9494.
    LongLived,
}

/// Rows that one lab fills.
pub struct Group {
    /// Which rows.
    pub features: &'static [Feature],
    /// The lab.
    pub run: fn(Kind) -> Result<()>,
}

/// All labs; together they fill every row. Those that take longest come first.
pub const GROUPS: [Group; 17] = [
    Group { features: &[Feature::GracefulRestart], run: restart::graceful },
    Group { features: &[Feature::TtlSecurity], run: transport::ttl_security },
    Group {
        features: &[
            Feature::Ipv4,
            Feature::Ipv6,
            Feature::RouterPassive,
            Feature::RouteRefresh,
            Feature::EnhancedRefresh,
            Feature::ShutdownText,
        ],
        run: plain::plain,
    },
    Group { features: &[Feature::Md5], run: transport::signed },
    Group { features: &[Feature::WrongMd5], run: transport::wrong_key },
    Group { features: &[Feature::Multihop], run: transport::multihop },
    Group { features: &[Feature::SpeakerPassive], run: dialing::passive },
    Group { features: &[Feature::FourOctetAs], run: dialing::four_octets },
    Group { features: &[Feature::Ibgp], run: dialing::ibgp },
    Group { features: &[Feature::ExtendedNextHop], run: addresses::extended_next_hop },
    Group { features: &[Feature::LinkLocal], run: addresses::link_local },
    Group { features: &[Feature::Unnumbered], run: addresses::unnumbered },
    Group { features: &[Feature::Roles], run: capability::roles },
    Group { features: &[Feature::GracefulRestartOff], run: restart::plain },
    Group { features: &[Feature::LongLived], run: capability::long_lived },
    Group { features: &[Feature::AddPath], run: capability::add_path },
    Group { features: &[Feature::ExtendedMessages], run: capability::extended_messages },
];

//! The rows of the matrix, and the labs that fill them.

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

impl Feature {
    /// All rows, in the order of `docs/interop.md`.
    pub const ALL: [Self; 22] = [
        Self::Ipv4,
        Self::Ipv6,
        Self::ExtendedNextHop,
        Self::Md5,
        Self::WrongMd5,
        Self::Multihop,
        Self::TtlSecurity,
        Self::RouterPassive,
        Self::SpeakerPassive,
        Self::GracefulRestart,
        Self::GracefulRestartOff,
        Self::RouteRefresh,
        Self::EnhancedRefresh,
        Self::ShutdownText,
        Self::FourOctetAs,
        Self::Ibgp,
        Self::LinkLocal,
        Self::Unnumbered,
        Self::Roles,
        Self::AddPath,
        Self::ExtendedMessages,
        Self::LongLived,
    ];

    /// Its row: what it is, what the router itself showed, and what was seen to fail.
    #[must_use]
    pub fn row(self) -> [&'static str; 3] {
        match self {
            Self::Ipv4 => [
                "IPv4",
                "the table, exactly; AS path; a change and back",
                "what is not announced is not there; an annotation removed takes its route away",
            ],
            Self::Ipv6 => ["IPv6", "the same over an IPv6 session", "the same"],
            Self::ExtendedNextHop => [
                "IPv4 over IPv6 next hop (RFC 8950)",
                "IPv4 and IPv6 prefixes with an IPv6 next hop",
                "a router without the capability gets IPv6 prefixes and no IPv4 prefix",
            ],
            Self::Md5 => [
                "TCP MD5 (RFC 2385)",
                "the table; every message is signed",
                "a router without a key: no session in 4 s, unexpected signatures counted by its kernel",
            ],
            Self::WrongMd5 => [
                "wrong TCP MD5 key",
                "no session in 4 s, bad signatures counted by the router's kernel",
                "the right key: the table",
            ],
            Self::Multihop => [
                "router two hops away",
                "the table; TTL 2 of the speaker arrives as 1",
                "without `--ebgp-multihop`: no session in 4 s",
            ],
            Self::TtlSecurity => [
                "GTSM (RFC 5082)",
                "the table; TTL 255 arrives",
                "router with TTL 64, then speaker with TTL 1: no session in 4 s",
            ],
            Self::RouterPassive => {
                ["router passive", "the table; its end has port 179", "the row below: both passive"]
            }
            Self::SpeakerPassive => [
                "speaker passive",
                "the table; the speaker's end has port 179",
                "both passive: no session in 4 s",
            ],
            Self::GracefulRestart => [
                "graceful restart (RFC 4724), SIGKILL and start",
                "the table while the speaker is away and after; no route goes, says the router's monitor",
                "killed for good: the routes go when the time is over, says the same monitor",
            ],
            Self::GracefulRestartOff => {
                ["graceful restart off, SIGKILL", "the table is empty within 4 s", "started again: the table"]
            }
            Self::RouteRefresh => [
                "route refresh (RFC 2918)",
                "it asks, the whole table comes again",
                "no UPDATE in the second and a half before",
            ],
            Self::EnhancedRefresh => [
                "enhanced route refresh (RFC 7313)",
                "BoRR and EoRR around the answer",
                "none without a question",
            ],
            Self::ShutdownText => [
                "shutdown communication (RFC 9003)",
                "the text of SIGTERM's Cease, and an empty table",
                "the text is not there before",
            ],
            Self::FourOctetAs => [
                "4-octet AS (RFC 6793)",
                "the table with AS path 4200000001",
                "a router that expects 4200000002: no session in 4 s",
            ],
            Self::Ibgp => [
                "iBGP",
                "the table with an empty AS path and LOCAL_PREF 100",
                "a router that expects another AS: no session in 4 s",
            ],
            Self::LinkLocal => [
                "link-local neighbour",
                "the table from `fe80::11`",
                "a router that expects `fe80::12`: no session in 4 s",
            ],
            Self::Unnumbered => [
                "unnumbered",
                "both families from whoever is on the link",
                "a router that expects another AS: no session in 4 s",
            ],
            Self::Roles => [
                "roles (RFC 9234)",
                "customer and provider: the table",
                "two customers: Role Mismatch, no session in 4 s",
            ],
            Self::AddPath => [
                "ADD-PATH offered by the router (RFC 7911)",
                "the table, no NOTIFICATION",
                "its OPEN did offer it",
            ],
            Self::ExtendedMessages => {
                ["extended messages (RFC 8654)", "the table; both OPENs offer them", "—"]
            }
            Self::LongLived => [
                "long-lived graceful restart (RFC 9494)",
                "it shows the capability",
                "a speaker that is not told to: it is not offered",
            ],
        }
    }
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

//! The rows of `docs/interop.md`, in order: what a feature is, what the router itself showed, what was seen to fail.

use super::feature::Feature;

/// A row: the feature and its three texts.
pub type Row = (Feature, [&'static str; 3]);

/// All of them.
pub const ROWS: [Row; 22] = [
    (
        Feature::Ipv4,
        [
            "IPv4",
            "the table, exactly; AS path; a change and back",
            "what is not announced is not there; an annotation removed takes its route away",
        ],
    ),
    (Feature::Ipv6, ["IPv6", "the same over an IPv6 session", "the same"]),
    (
        Feature::ExtendedNextHop,
        [
            "IPv4 over IPv6 next hop (RFC 8950)",
            "IPv4 and IPv6 prefixes with an IPv6 next hop",
            "one side without the capability: IPv6 prefixes, no IPv4 prefix",
        ],
    ),
    (
        Feature::Md5,
        [
            "TCP MD5 (RFC 2385)",
            "the table; every message is signed",
            "a router without a key: no session in 4 s, unexpected signatures counted by its kernel",
        ],
    ),
    (
        Feature::WrongMd5,
        [
            "wrong TCP MD5 key",
            "no session in 4 s, bad signatures counted by the router's kernel",
            "the right key: the table",
        ],
    ),
    (
        Feature::Multihop,
        [
            "router two hops away",
            "the table; TTL 2 of the speaker arrives as 1",
            "without `--ebgp-multihop`: no session in 4 s",
        ],
    ),
    (
        Feature::TtlSecurity,
        [
            "GTSM (RFC 5082)",
            "the table; TTL 255 arrives",
            "router with TTL 64, then speaker with TTL 1 (not with ExaBGP): no session in 4 s",
        ],
    ),
    (
        Feature::RouterPassive,
        ["router passive", "the table; its end has port 179", "the row below: both passive"],
    ),
    (
        Feature::SpeakerPassive,
        ["speaker passive", "the table; the speaker's end has port 179", "both passive: no session in 4 s"],
    ),
    (
        Feature::GracefulRestart,
        [
            "graceful restart (RFC 4724), SIGKILL and start, SIGTERM",
            "the table while the speaker is away and after; no route goes, says the router's monitor",
            "ended for good: the routes go when the time is over, says the same monitor",
        ],
    ),
    (
        Feature::GracefulRestartOff,
        ["graceful restart off, SIGKILL", "the table is empty within 4 s", "started again: the table"],
    ),
    (
        Feature::RouteRefresh,
        [
            "route refresh (RFC 2918)",
            "it asks, the whole table comes again",
            "no UPDATE in the second and a half before",
        ],
    ),
    (
        Feature::EnhancedRefresh,
        ["enhanced route refresh (RFC 7313)", "BoRR and EoRR around the answer", "none without a question"],
    ),
    (
        Feature::ShutdownText,
        [
            "shutdown communication (RFC 9003)",
            "the texts of `speaker neighbor … shutdown TEXT` and of SIGTERM, and their routes gone (ExaBGP: the octets)",
            "the texts are not there before; the other session's routes stay",
        ],
    ),
    (
        Feature::FourOctetAs,
        [
            "4-octet AS (RFC 6793)",
            "the table with AS path 4200000001",
            "a router that expects 4200000002: no session in 4 s",
        ],
    ),
    (
        Feature::Ibgp,
        [
            "iBGP",
            "the table with an empty AS path and LOCAL_PREF 100",
            "a router that expects another AS: no session in 4 s",
        ],
    ),
    (
        Feature::LinkLocal,
        [
            "link-local neighbour",
            "the table from `fe80::11`",
            "a router that expects `fe80::12`: no session in 4 s",
        ],
    ),
    (
        Feature::Unnumbered,
        [
            "unnumbered",
            "both families over a link with link-local addresses only, from whoever is there",
            "a router that expects another AS: no session in 4 s",
        ],
    ),
    (
        Feature::Roles,
        [
            "roles (RFC 9234)",
            "customer and provider: the table",
            "two customers: Role Mismatch, no session in 4 s",
        ],
    ),
    (
        Feature::AddPath,
        ["ADD-PATH offered by the router (RFC 7911)", "the table, no NOTIFICATION", "its OPEN did offer it"],
    ),
    (Feature::ExtendedMessages, ["extended messages (RFC 8654)", "the table; both OPENs offer them", "—"]),
    (
        Feature::LongLived,
        [
            "long-lived graceful restart (RFC 9494)",
            "it shows the capability",
            "a speaker that is not told to: it is not offered",
        ],
    ),
];

//! What a router's sessions have beside an AS and a hold time; the same for all neighbours of a router.

/// How a router knows its neighbours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Peering {
    /// By a global address.
    #[default]
    Address,
    /// By a link-local address on its link.
    LinkLocal,
    /// Whoever is there on its link, which it tells of itself by router advertisements (RFC 4861 §4.2). The neighbour in
    /// the configuration is whom the test expects there; FRR has to be told.
    Unnumbered,
}

/// How far away the neighbours are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hops {
    /// On the link; what is sent has TTL 1 over eBGP.
    #[default]
    Link,
    /// Multihop: what is sent has this TTL.
    Routed(u8),
    /// GTSM (RFC 5082): what is sent has TTL 255, what is received must have it.
    Secured,
}

/// How FRR or BIRD speaks BFD (RFC 5880) with its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bfd {
    /// What it desires to send and requires to receive, in milliseconds.
    pub interval: u32,
    /// Detection multiplier.
    pub multiplier: u8,
    /// FRR: offer echo (RFC 5880 §6.4).
    pub echo: bool,
    /// FRR: administratively down.
    pub shutdown: bool,
    /// BIRD: authentication (RFC 5880 §6.7) in its words, and the key with ID 1.
    pub auth: Option<(&'static str, &'static str)>,
}

impl Bfd {
    /// So many milliseconds, so many times; no echo.
    #[must_use]
    pub fn new(interval: u32, multiplier: u8) -> Self {
        Self { interval, multiplier, echo: false, shutdown: false, auth: None }
    }
}

/// What a router's sessions have; the default is nothing special.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// How it knows its neighbours.
    pub peering: Peering,
    /// How far away they are.
    pub hops: Hops,
    /// The key of TCP MD5 (RFC 2385).
    pub password: Option<&'static str>,
    /// IPv4 and IPv6 routes over every session, whatever its addresses.
    pub both_families: bool,
    /// IPv4 routes may have an IPv6 next hop (RFC 8950).
    pub extended_next_hop: bool,
    /// Help neighbours that restart (RFC 4724 §4.2). FRR and BIRD always do.
    pub graceful_restart: bool,
    /// The router's role (RFC 9234), as FRR and BIRD write it.
    pub role: Option<&'static str>,
    /// Offer ADD-PATH in both directions (RFC 7911).
    pub add_path: bool,
    /// BIRD: its own address towards each neighbour, which BFD over several hops must know.
    pub sources: Vec<&'static str>,
    /// BFD with all neighbours, on FRR and BIRD.
    pub bfd: Option<Bfd>,
    /// BIRD: offer extended messages (RFC 8654). The others always do, or never.
    pub extended_messages: bool,
    /// BIRD: give the kernel what was learned, as FRR always does.
    pub kernel: bool,
    /// BIRD: what it must know to resolve next hops that are not on its link: family, network, gateway.
    pub routes: Vec<(&'static str, &'static str, &'static str)>,
}

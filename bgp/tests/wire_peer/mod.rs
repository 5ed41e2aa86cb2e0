//! What the engine tests talk to: a peer made by hand on a socket, and a table kept from an engine's inbound.
#![allow(dead_code, reason = "each test program uses its part")]

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use bgp::net::{Dialing, Engine, Hops, Inbound, InboundEvent, PeerConfig};
use bgp::rib::{NextHops, RouteAttrs};
use bgp::wire::{Attr, Capability, Context, Message, Notification, Open, Prefixes, Update, next_frame};
use bgp::{Asn, Family, HoldTime, RouterId, fsm};
use ipnet::IpNet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;

/// Longer than anything here takes, backoff and a busy machine included.
const PATIENCE: Duration = Duration::from_secs(20);

/// A host of a loopback network: each test has its own, for the engine tells peers by address.
pub(crate) fn host(net: u8, number: u8) -> IpAddr {
    Ipv4Addr::new(127, 7, net, number).into()
}

pub(crate) fn asn(number: u8) -> Asn {
    Asn::new(65000 + u32::from(number)).expect("not zero")
}

pub(crate) async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("{what}: not within {PATIENCE:?}"))
}

/// Looks again and again until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    soon(what, async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

pub(crate) fn next_hops(number: u8) -> NextHops {
    let v6 = format!("2001:db8::{number}").parse().expect("an address");
    NextHops { v4: Some(Ipv4Addr::new(192, 0, 2, number)), v6: Some(v6), link_local: None }
}

/// The peer `remote` of an engine that is `local`, each with its number as AS and identifier.
pub(crate) fn peer(local: u8, remote: u8, at: SocketAddr, from: IpAddr) -> PeerConfig {
    PeerConfig {
        next_hops: next_hops(local),
        ..PeerConfig::new(
            Dialing { remote: at, local: Some(from), hops: Hops::Any },
            fsm::Config {
                hostname: Some(format!("host-{local}")),
                ..fsm::Config::new(
                    (asn(local), RouterId::new(Ipv4Addr::new(10, 0, 0, local)).expect("not zero")),
                    asn(remote),
                    HoldTime::new(90).expect("legal"),
                    vec![Family::IPV4_UNICAST, Family::IPV6_UNICAST],
                )
            },
        )
    }
}

/// The same, waiting to be dialed.
pub(crate) fn waiting(local: u8, remote: u8, at: IpAddr) -> PeerConfig {
    let mut config = peer(local, remote, SocketAddr::new(at, 179), at);
    (config.session.dial, config.session.listen) = (false, true);
    config.dialing.local = None; // which of our addresses it comes to does not matter
    config
}

/// Routes to wanted prefixes, without attributes of their own.
pub(crate) fn announce(engine: &Engine, nets: impl IntoIterator<Item = IpNet>) {
    let attrs = RouteAttrs::default();
    engine.apply(nets.into_iter().map(|net| (net, Some(&attrs))));
}

pub(crate) fn net(text: &str) -> IpNet {
    text.parse().expect("a prefix")
}

/// An engine as host 1 of a network that waits for host 2, and where it listens.
pub(crate) fn listening(net: u8, change: impl FnOnce(&mut PeerConfig)) -> (Engine, SocketAddr) {
    let engine = Engine::new();
    let mut config = waiting(1, 2, host(net, 2));
    change(&mut config);
    engine.add_peer(config);
    let at = engine.listen(SocketAddr::new(host(net, 1), 0)).expect("a free port");
    (engine, at)
}

/// What an engine's inbound channel tells, as a table.
pub(crate) struct Seen {
    events: mpsc::Receiver<Inbound>,
    pub(crate) table: BTreeMap<IpNet, IpAddr>,
    pub(crate) ended: Vec<Family>,
    pub(crate) downs: usize,
}

impl Seen {
    pub(crate) fn new() -> (mpsc::Sender<Inbound>, Self) {
        let (sender, events) = mpsc::channel(4);
        (sender, Self { events, table: BTreeMap::new(), ended: Vec::new(), downs: 0 })
    }

    pub(crate) async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        soon(what, async {
            while !is_so(self) {
                let event = self.events.recv().await.expect("the engine lives");
                self.take(event.event);
            }
        })
        .await;
    }

    fn take(&mut self, event: InboundEvent) {
        let InboundEvent::Update(update) = event else {
            (self.downs, self.table) = (self.downs + 1, BTreeMap::new());
            return self.ended.clear();
        };
        assert_eq!(update.faults, []);
        self.ended.extend(update.ends_rib_of());
        for net in &update.withdrawn {
            self.table.remove(&IpNet::V4(*net));
        }
        let hop = update.attrs.iter().find_map(|attr| match attr {
            Attr::NextHop(addr) => Some(IpAddr::V4(*addr)),
            _ => None,
        });
        self.table.extend(update.nlri.iter().map(|net| (IpNet::V4(*net), hop.expect("a next hop"))));
        for attr in &update.attrs {
            match attr {
                Attr::MpReach(reach) => {
                    let hop = reach.next_hop.addr().expect("an address");
                    let Prefixes::V6(nets) = &reach.prefixes else { panic!("IPv4 in MP_REACH_NLRI") };
                    self.table.extend(nets.iter().map(|net| (IpNet::V6(*net), hop)));
                }
                Attr::MpUnreach(unreach) => {
                    let Prefixes::V6(nets) = &unreach.prefixes else { panic!("IPv4 in MP_UNREACH_NLRI") };
                    for net in nets {
                        self.table.remove(&IpNet::V6(*net));
                    }
                }
                _ => {}
            }
        }
    }
}

/// A peer made by hand: host and AS by number, octets as the test wants them.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    read: Vec<u8>,
}

impl Raw {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// Connects from `from`; a small receive buffer makes a peer that does not read felt soon.
    pub(crate) async fn connect(from: IpAddr, to: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4096)?;
        socket.bind(SocketAddr::new(from, 0))?;
        Ok(Self::new(soon("connect", socket.connect(to)).await?))
    }

    pub(crate) fn open(number: u8, hold: u16) -> Message {
        let id = RouterId::new(Ipv4Addr::new(10, 0, 0, number)).expect("not zero");
        let open = Open::new(asn(number), HoldTime::new(hold).expect("legal"), id)
            .with(Capability::Multiprotocol(Family::IPV4_UNICAST));
        Message::Open(open)
    }

    pub(crate) fn octets(message: &Message) -> Vec<u8> {
        message.encode(Context { four_octet_as: true, ..Context::default() }).expect("short")
    }

    pub(crate) async fn send(&mut self, message: &Message) {
        self.stream.write_all(&Self::octets(message)).await.expect("the engine reads");
    }

    /// The next message, or `None` at the end of the connection.
    pub(crate) async fn receive(&mut self) -> Option<Message> {
        let context = Context { four_octet_as: true, internal: true, ..Context::default() };
        soon("a message", async {
            loop {
                if let Some(frame) = next_frame(&self.read, 4096).expect("the engine frames well") {
                    let (len, message) = (frame.len(), Message::decode(frame, context).expect("valid"));
                    self.read.drain(..len);
                    return Some(message);
                }
                match self.stream.read_buf(&mut self.read).await {
                    Ok(0) | Err(_) => return None,
                    Ok(_) => {}
                }
            }
        })
        .await
    }

    /// OPENs and KEEPALIVEs both ways.
    pub(crate) async fn handshake(&mut self, number: u8, hold: u16) {
        self.send(&Self::open(number, hold)).await;
        assert!(matches!(self.receive().await, Some(Message::Open(_))));
        assert_eq!(self.receive().await, Some(Message::Keepalive));
        self.send(&Message::Keepalive).await;
    }

    /// The next UPDATE that announces or withdraws.
    pub(crate) async fn update(&mut self) -> Update {
        loop {
            match self.receive().await.expect("a session") {
                Message::Update(update) if update.ends_rib_of().is_none() => return update,
                _ => {}
            }
        }
    }

    /// Reads on to the NOTIFICATION, which must be the last word.
    pub(crate) async fn farewell(&mut self) -> Notification {
        loop {
            let message = self.receive().await.expect("a NOTIFICATION before the end");
            if let Message::Notification(note) = message {
                assert_eq!(self.receive().await, None);
                return note;
            }
        }
    }
}

//! The sockets packets go out on: one for each session, with a source port of its own that stays (RFC 5881 §4).

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tracing::{debug, warn};

use super::Shared;
use super::sockopt::{SockOpt, disconnect, set};
use crate::engine::SessionId;
use crate::session::Path;

/// Source ports are of this and above (RFC 5881 §4).
const FIRST_PORT: u16 = 49_152;
/// Ports tried before a socket is given up: others may use this range, too, but not so many of it.
const TRIES: u32 = 256;
/// A socket that cannot be made or whose path fails is made anew this often at most.
const REOPEN: Duration = Duration::from_secs(1);
/// While nobody answers, the kernel is asked this often for the source address: routes and addresses change.
const REROUTE: Duration = Duration::from_secs(5);
/// Network control, class selector 6 (RFC 4594 §3.1).
const TRAFFIC_CLASS: u32 = 48 << 2;

/// All of them.
pub(super) struct Senders {
    by_id: HashMap<SessionId, Sender, RandomState>,
    ports: HashSet<u16, RandomState>,
    next_port: u16,
    shared: Arc<Shared>,
}

/// One session's.
struct Sender {
    path: Path,
    /// Up: its addresses stay.
    up: bool,
    port: Option<u16>,
    socket: Option<UdpSocket>,
    /// When the socket was connected last, or could not be.
    tried: Option<Instant>,
    /// The last packet did not go out.
    failing: bool,
}

impl Senders {
    /// None yet; source ports count from a random one.
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let (by_id, ports) = (HashMap::default(), HashSet::default());
        Self { by_id, ports, next_port: fastrand::u16(FIRST_PORT..), shared }
    }

    /// Whether the session has its entry.
    pub(super) fn has(&self, id: SessionId) -> bool {
        self.by_id.contains_key(&id)
    }

    /// Makes a session's entry; its socket is made with the first packet.
    pub(super) fn add(&mut self, id: SessionId, path: Path) {
        let sender = Sender { path, up: false, port: None, socket: None, tried: None, failing: false };
        self.by_id.entry(id).or_insert(sender);
    }

    /// Closes a session's socket.
    pub(super) fn remove(&mut self, id: SessionId) {
        if let Some(port) = self.by_id.remove(&id).and_then(|sender| sender.port) {
            self.ports.remove(&port);
        }
    }

    /// A session came up, or went down.
    pub(super) fn set_up(&mut self, id: SessionId, up: bool) {
        if let Some(sender) = self.by_id.get_mut(&id) {
            sender.up = up;
        }
    }

    /// Sends a session's packet, if it can be sent now; it never waits and is never sent later.
    pub(super) fn send(&mut self, id: SessionId, packet: &[u8], now: Instant) {
        let Some(sender) = self.by_id.get_mut(&id) else { return };
        let since = sender.tried.map_or(Duration::MAX, |tried| now.saturating_duration_since(tried));
        let done = match &sender.socket {
            Some(socket) if !sender.renew(since) => transmit(socket, packet),
            None if since < REOPEN => return self.shared.count_send_error(),
            _ => {
                sender.tried = Some(now);
                self.open(id).and_then(|socket| transmit(socket, packet))
            }
        };
        let Some(sender) = self.by_id.get_mut(&id) else { return };
        match done {
            Ok(()) if sender.failing => {
                debug!(session = id.0, peer = %sender.path.remote, "packets leave again")
            }
            Ok(()) => {}
            Err(ref error) => {
                self.shared.count_send_error();
                if !sender.failing {
                    warn!(session = id.0, peer = %sender.path.remote, %error, "packet not sent");
                }
            }
        }
        sender.failing = done.is_err();
    }

    /// Makes a session's socket, or connects the one it has again, with the same source port.
    fn open(&mut self, id: SessionId) -> io::Result<&UdpSocket> {
        let gone = || io::Error::from(io::ErrorKind::NotFound);
        let sender = self.by_id.get_mut(&id).ok_or_else(gone)?;
        if let Some(socket) = sender.socket.take() {
            // Without a bound address the kernel forgets the source with the connection, and chooses anew.
            let again = if sender.path.local.is_none() { disconnect(&socket) } else { Ok(()) };
            if again.and_then(|()| socket.connect(remote(&sender.path))).is_ok() {
                return Ok(sender.socket.insert(socket));
            }
        }
        for _ in 0..TRIES {
            let ours = sender.port.is_some();
            let Some(port) = sender.port.or_else(|| free_port(&self.ports, &mut self.next_port)) else {
                break;
            };
            let made = connect(&sender.path, port);
            match made
                .or_else(|error| if more_files(&error) { connect(&sender.path, port) } else { Err(error) })
            {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    if ours {
                        self.ports.remove(&port);
                        sender.port = None; // somebody took it while our socket could not be made
                    }
                }
                result => {
                    let socket = result?;
                    self.ports.insert(port);
                    sender.port = Some(port);
                    return Ok(sender.socket.insert(socket));
                }
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "no free source port from 49152 on"))
    }
}

impl Sender {
    /// Whether the socket is to be connected again, so long after it was the last time.
    fn renew(&self, since: Duration) -> bool {
        let unanswered = !self.up && self.path.local.is_none() && since >= REROUTE;
        unanswered || (self.failing && since >= REOPEN)
    }
}

/// The next source port that none of our sessions has; thousands in a row may be theirs.
fn free_port(ours: &HashSet<u16, RandomState>, next: &mut u16) -> Option<u16> {
    (FIRST_PORT..=u16::MAX).find_map(|_| {
        let port = *next;
        *next = port.checked_add(1).unwrap_or(FIRST_PORT);
        (!ours.contains(&port)).then_some(port)
    })
}

/// Hands a packet to the kernel. An ICMP error is told with the next packet after it, in whose place: so that one is
/// handed over again, or whoever forges such errors would silence the session. Of these only the usual one, that the
/// peer does not listen, is no failure even if it comes each time.
fn transmit(socket: &UdpSocket, packet: &[u8]) -> io::Result<()> {
    /// Errors that may come in between, until it is taken for the packet's own.
    const AGAIN: u32 = 3;
    let mut done = socket.send(packet);
    for _ in 0..AGAIN {
        if done.is_ok() {
            break;
        }
        done = socket.send(packet);
    }
    match done {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
        done => done.map(drop),
    }
}

/// A socket that sends as RFC 5881 §4 and §5 want it: from that port, with a TTL or hop limit of 255.
fn connect(path: &Path, port: u16) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address((path.remote, 0).into()), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    let link = path.interface.to_be_bytes();
    match path.remote {
        IpAddr::V4(_) => {
            socket.set_ttl_v4(255)?;
            socket.set_tos_v4(TRAFFIC_CLASS)?;
            set(&socket, SockOpt::Link, link)?;
        }
        IpAddr::V6(_) => {
            socket.set_only_v6(true)?;
            socket.set_unicast_hops_v6(255)?;
            socket.set_tclass_v6(TRAFFIC_CLASS)?;
            set(&socket, SockOpt::Link6, link)?;
        }
    }
    // After the traffic class, which sets it, too. Seven is for CAP_NET_ADMIN, six for everybody.
    socket.set_priority(7).or_else(|_| socket.set_priority(6))?;
    SockRef::from(&socket).set_recv_buffer_size(0)?; // nothing is read here: the least there is
    socket.bind(&local(path, port).into())?;
    socket.connect(&remote(path).into())?;
    Ok(socket.into())
}

/// Whether more files may be open from now on. The usual soft limit of 1024 is for programs that use `select`; it is
/// raised to the hard one by the first session that finds no room.
fn more_files(error: &io::Error) -> bool {
    let limit = getrlimit(Resource::Nofile);
    error.raw_os_error() == Some(libc::EMFILE)
        && limit.current < limit.maximum
        && setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).is_ok()
}

fn remote(path: &Path) -> SocketAddr {
    scoped(path.remote, path.hops.port(), path.interface)
}

fn local(path: &Path, port: u16) -> SocketAddr {
    let any = match path.remote {
        IpAddr::V4(_) => IpAddr::from([0; 4]),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    scoped(path.local.unwrap_or(any), port, path.interface)
}

/// With the link, where the address alone is not enough.
fn scoped(address: IpAddr, port: u16, link: u32) -> SocketAddr {
    match address {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => SocketAddrV6::new(ip, port, 0, link).into(),
        address => SocketAddr::new(address, port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Hops;

    /// Ports of the sockets of that many sessions, each from another address of ours.
    fn ports(senders: &mut Senders, from: u8, to: u8) -> Vec<u16> {
        let port = |n: u8| {
            let (local, remote) = ([127, 9, 8, n].into(), [127, 9, 9, 1].into());
            let id = SessionId(n.into());
            senders.add(id, Path { hops: Hops::Single, local: Some(local), remote, interface: 0 });
            senders.open(id).unwrap().local_addr().unwrap().port()
        };
        (from..=to).map(port).collect()
    }

    #[test]
    fn rfc5881_4_source_ports_go_around_in_their_range_and_are_used_once() {
        for _ in 0..100 {
            assert!(Senders::new(Arc::default()).next_port >= 49_152);
        }
        let mut senders = Senders::new(Arc::default());
        senders.next_port = 65_534;
        assert_eq!(ports(&mut senders, 1, 4), [65_534, 65_535, 49_152, 49_153]);
        // From addresses of their own the kernel would let two have one.
        senders.next_port = 65_534;
        assert_eq!(ports(&mut senders, 5, 6), [49_154, 49_155]);
        senders.remove(SessionId(2));
        senders.next_port = 65_534;
        assert_eq!(ports(&mut senders, 7, 8), [65_535, 49_156]);
    }

    #[test]
    fn rfc5881_4_a_session_keeps_its_port_when_its_socket_is_made_anew() {
        let mut senders = Senders::new(Arc::default());
        let before = ports(&mut senders, 10, 10);
        assert_eq!(ports(&mut senders, 10, 10), before, "connected again");
        senders.by_id.get_mut(&SessionId(10)).unwrap().socket = None;
        assert_eq!(ports(&mut senders, 10, 10), before, "made anew");
    }

    #[test]
    fn a_long_row_of_ports_in_use_is_passed_over_and_none_is_free_when_all_are_in_use() {
        let mut senders = Senders::new(Arc::default());
        senders.ports = (50_000..60_000).collect();
        senders.next_port = 50_000;
        assert_eq!(ports(&mut senders, 20, 20), [60_000]);
        senders.ports = (FIRST_PORT..u16::MAX).collect();
        assert_eq!(ports(&mut senders, 21, 21), [65_535]);
        let mut next = FIRST_PORT;
        assert_eq!(free_port(&senders.ports, &mut next), None);
    }
}

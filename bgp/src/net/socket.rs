//! Making sockets: dialing from the right address, listening on one family, and what both are guarded with.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::md5::set_key;
use super::privilege::with_low_ports;
use super::sockopt::{link_index, peek};
use super::{Hops, Password, PeerAddr};
use crate::wire::{HEADER_LEN, MAX_MESSAGE};

/// Connections that may wait to be accepted: more than a burst of peers, so that strangers do not crowd them out.
const BACKLOG: u32 = 1024;

/// How to reach one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialing {
    /// Address and port of the peer. Of a peer on a named link, the scope is looked up whenever it is dialed.
    pub remote: SocketAddr,
    /// The local address to use, which is then the only one its connections may come to; `None` leaves it to the
    /// kernel.
    pub local: Option<IpAddr>,
    /// How many hops packets may take.
    pub hops: Hops,
}

/// What a connection is guarded with.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub(super) hops: Hops,
    pub(super) password: Option<Password>,
}

impl Guard {
    /// Puts both on a connection with this address. A key that it has and is not to have stays.
    pub(super) fn set(&self, stream: &TcpStream, peer: IpAddr) -> io::Result<()> {
        self.hops.set(stream, peer)?;
        match &self.password {
            Some(key) => set_key(stream, peer, Some(key)),
            None => Ok(()),
        }
    }
}

/// Where a peer is now; of one on a link, with the link's index as it is now: links are made anew.
pub(super) fn remote(
    addr: PeerAddr,
    configured: SocketAddr,
    found: Option<Ipv6Addr>,
) -> io::Result<SocketAddr> {
    let Some(link) = addr.link() else { return Ok(configured) };
    let ip = match (addr.is_unnumbered(), addr.ip()) {
        (true, _) => found.ok_or_else(|| io::Error::other(format!("no router was found on {link} yet")))?,
        (false, IpAddr::V6(ip)) => ip,
        (false, IpAddr::V4(_)) => return Ok(configured),
    };
    let scope = link_index(link).ok_or_else(|| io::Error::other(format!("there is no interface {link}")))?;
    Ok(SocketAddrV6::new(ip, configured.port(), 0, scope).into())
}

/// Connects; hop limits and key are on the socket before its first packet.
pub(super) async fn dial(remote: SocketAddr, local: Option<IpAddr>, guard: Guard) -> io::Result<TcpStream> {
    let socket = match remote {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    guard.hops.set(&socket, remote.ip())?;
    if let Some(key) = &guard.password {
        set_key(&socket, remote.ip(), Some(key))?;
    }
    if let Some(local) = local {
        socket.bind(match (local, remote) {
            (IpAddr::V6(ip), SocketAddr::V6(remote)) if ip.is_unicast_link_local() => {
                SocketAddrV6::new(ip, 0, 0, remote.scope_id()).into()
            }
            _ => SocketAddr::new(local, 0),
        })?;
    }
    let stream = socket.connect(remote).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Options of an accepted connection.
///
/// What came before they were set was not looked at: the kernel has no least time to live for one peer of a
/// listening socket, and a key may have been put after the handshake. So no more than an OPEN may have come; what
/// makes a session of it, the KEEPALIVE, has to pass the guard.
pub(super) fn prepare(stream: &TcpStream, peer: IpAddr, guard: &Guard) -> io::Result<()> {
    stream.set_nodelay(true)?;
    guard.set(stream, peer)?;
    if guard.hops.least().is_none() && guard.password.is_none() {
        return Ok(());
    }
    let mut early = [0; MAX_MESSAGE as usize + 1];
    let held = peek(stream, &mut early)?;
    let open = early.get(16..18).and_then(|len| len.try_into().ok()).map_or(0, u16::from_be_bytes);
    if held > usize::from(open).max(HEADER_LEN) {
        return Err(io::Error::other("more than an OPEN came before the connection was guarded"));
    }
    Ok(())
}

/// Whether this host still has the address.
pub(super) fn is_local(mut addr: SocketAddr) -> bool {
    addr.set_port(0);
    // Binding asks the kernel without privilege and sends nothing.
    let gone = |error: io::Error| {
        error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(libc::ENODEV)
    };
    !UdpSocket::bind(addr).is_err_and(gone)
}

pub(super) fn listen(on: SocketAddr) -> io::Result<TcpListener> {
    let socket = match on {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => {
            let socket = TcpSocket::new_v6()?;
            SockRef::from(&socket).set_only_v6(true)?; // the IPv4 wildcard has a socket of its own
            socket
        }
    };
    // A peer that demands 255 of us (RFC 5082) drops an answer to its SYN that has less, and whose SYN it is, is
    // not known yet. Accepted connections get their peer's own.
    Hops::AtMost(255).set(&socket, on.ip())?;
    socket.set_reuseaddr(true)?;
    with_low_ports(|| socket.bind(on))?;
    socket.listen(BACKLOG)
}

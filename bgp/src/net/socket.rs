//! Making sockets: dialing from the right address, listening on one family, hop limits.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};

use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// How to reach one peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialing {
    /// Address and port of the peer.
    pub remote: SocketAddr,
    /// The local address to use; `None` leaves it to the kernel.
    pub local: Option<IpAddr>,
    /// How many hops packets may take.
    pub hops: Hops,
}

/// How far away a peer may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hops {
    /// What we send has the kernel's time to live, what comes may have any.
    #[default]
    Any,
    /// What we send dies after so many hops: 1 for a peer on the same link.
    AtMost(u8),
    /// Generalized TTL security (RFC 5082): what we send starts at 255, what has come further than so many hops is
    /// dropped. 1 for a peer on the same link.
    Secured(u8),
}

impl Hops {
    /// The time to live of what we send; `None` keeps the kernel's.
    #[must_use]
    pub fn ttl(self) -> Option<u8> {
        match self {
            Self::Any => None,
            Self::AtMost(hops) => Some(hops),
            Self::Secured(_) => Some(255),
        }
    }
}

pub(super) async fn dial(how: Dialing) -> io::Result<TcpStream> {
    let socket = match how.remote {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    set_ttl(&SockRef::from(&socket), how.remote.ip(), how.hops.ttl())?;
    if let Some(local) = how.local {
        socket.bind(SocketAddr::new(local, 0))?;
    }
    let stream = socket.connect(how.remote).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Options of an accepted connection.
pub(super) fn prepare(stream: &TcpStream, peer: IpAddr, hops: Hops) -> io::Result<()> {
    stream.set_nodelay(true)?;
    set_ttl(&SockRef::from(stream), peer, hops.ttl())
}

fn set_ttl(socket: &SockRef<'_>, peer: IpAddr, ttl: Option<u8>) -> io::Result<()> {
    match (peer, ttl) {
        (_, None) => Ok(()),
        (IpAddr::V4(_), Some(ttl)) => socket.set_ttl_v4(ttl.into()),
        (IpAddr::V6(_), Some(ttl)) => socket.set_unicast_hops_v6(ttl.into()),
    }
}

/// Whether this host still has the address.
pub(super) fn is_local(mut addr: SocketAddr) -> bool {
    addr.set_port(0);
    // Binding asks the kernel without privilege and sends nothing.
    !UdpSocket::bind(addr).is_err_and(|error| error.kind() == io::ErrorKind::AddrNotAvailable)
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
    socket.set_reuseaddr(true)?;
    socket.bind(on)?;
    socket.listen(128)
}

//! The sockets packets come in on.

use std::io;
use std::net::{IpAddr, SocketAddr};

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::Listen;
use super::sockopt::{SockOpt, set};

/// What a socket may hold, in octets as the kernel counts them (some 800 for a packet): at 11 000 packets a second, a
/// hundred sessions at 10 ms, nearly half a second of sleep.
const BUFFER: u32 = 4 << 20;

/// A socket that is listened on.
pub(super) struct Listener {
    pub(super) on: Listen,
    pub(super) socket: Socket,
    /// What the kernel said last of datagrams dropped.
    pub(super) dropped: u32,
}

impl Listener {
    /// Binds. All options are set before: no datagram comes without what they tell of it.
    ///
    /// The port is not shared (no `SO_REUSEADDR`): of two processes that listen on it one would be deaf without
    /// knowing.
    pub(super) fn bind(on: &Listen) -> io::Result<Self> {
        let socket =
            Socket::new(Domain::for_address((on.address, 0).into()), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        match on.address {
            IpAddr::V4(_) => {
                set(&socket, SockOpt::ReceiveTtl, ON)?;
                set(&socket, SockOpt::PacketInfo, ON)?;
            }
            IpAddr::V6(_) => {
                socket.set_only_v6(true)?;
                set(&socket, SockOpt::ReceiveHopLimit, ON)?;
                set(&socket, SockOpt::PacketInfo6, ON)?;
            }
        }
        set(&socket, SockOpt::Timestamp, ON)?;
        set(&socket, SockOpt::Overflow, ON)?;
        grow(&socket)?;
        if let Some(device) = &on.device {
            socket.bind_device(Some(device.as_bytes())).map_err(|error| said(on, &error))?;
        }
        socket.bind(&SocketAddr::new(on.address, on.hops.port()).into()).map_err(|error| said(on, &error))?;
        Ok(Self { on: on.clone(), socket, dropped: 0 })
    }
}

const ON: [u8; 4] = 1_u32.to_ne_bytes();

/// As far as the system lets us.
fn grow(socket: &Socket) -> io::Result<()> {
    // The kernel doubles what it is given.
    if set(socket, SockOpt::ReceiveBuffer, (BUFFER / 2).to_ne_bytes()).is_ok() {
        return Ok(());
    }
    SockRef::from(socket).set_recv_buffer_size(usize::try_from(BUFFER / 2).unwrap_or(usize::MAX))
}

/// The same error, with what it was about.
fn said(on: &Listen, error: &io::Error) -> io::Error {
    let (port, address) = (on.hops.port(), on.address);
    let on = on.device.as_ref().map(|device| format!(" on {device}")).unwrap_or_default();
    let text = match error.kind() {
        io::ErrorKind::AddrInUse => format!("UDP port {port} of {address}{on} is taken"),
        _ => format!("cannot listen on UDP port {port} of {address}{on}: {error}"),
    };
    io::Error::new(error.kind(), text)
}

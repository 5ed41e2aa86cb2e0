//! The sockets packets come in on.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use foldhash::fast::RandomState;
use rustix::event::{Timespec, epoll};
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

    /// Its number as long as it is open.
    fn key(&self) -> u64 {
        u64::try_from(self.socket.as_raw_fd()).unwrap_or(u64::MAX)
    }
}

/// What one can ask for all sockets: which of them can be read.
#[derive(Clone, Debug)]
pub(super) struct Watch(Arc<OwnedFd>);

impl Watch {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(Arc::new(epoll::create(epoll::CreateFlags::CLOEXEC)?)))
    }

    /// Watches this one, too, until it is closed.
    pub(super) fn add(&self, listener: &Listener) -> io::Result<()> {
        let key = epoll::EventData::new_u64(listener.key());
        Ok(epoll::add(&self.0, &listener.socket, key, epoll::EventFlags::IN)?)
    }
}

/// All sockets that are listened on, and which of them can be read.
pub(super) struct Listeners {
    watch: Watch,
    by_key: HashMap<u64, Listener, RandomState>,
    /// Room for what the kernel says.
    events: Vec<epoll::Event>,
    ready: Vec<u64>,
}

/// So few sockets are read without asking first which can be: one that is empty costs less than the question.
const FEW: usize = 4;

impl Listeners {
    /// Those, which are watched already.
    pub(super) fn new(watch: Watch, listeners: Vec<Listener>) -> Self {
        let by_key = listeners.into_iter().map(|listener| (listener.key(), listener)).collect();
        Self { watch, by_key, events: Vec::new(), ready: Vec::new() }
    }

    pub(super) fn add(&mut self, listener: Listener) {
        self.by_key.insert(listener.key(), listener);
    }

    /// Closes the one that listens there.
    pub(super) fn remove(&mut self, on: &Listen) {
        self.by_key.retain(|_, listener| listener.on != *on);
    }

    /// Looks which sockets there are to read now; returns how many.
    pub(super) fn look(&mut self) -> usize {
        self.ready.clear();
        if self.by_key.len() <= FEW {
            self.ready.extend(self.by_key.keys());
        } else {
            self.events.clear();
            self.events.reserve(self.by_key.len());
            let now = Timespec { tv_sec: 0, tv_nsec: 0 };
            let spare = rustix::buffer::spare_capacity(&mut self.events);
            let _ = epoll::wait(&self.watch.0, spare, Some(&now)); // interrupted: the next round looks again
            self.ready.extend(self.events.iter().map(|event| event.data.u64()));
        }
        self.ready.len()
    }

    /// One of those the last [`Listeners::look`] found.
    pub(super) fn ready(&mut self, at: usize) -> Option<&mut Listener> {
        self.by_key.get_mut(self.ready.get(at)?)
    }
}

impl AsFd for Listeners {
    /// Can be read while any of the sockets can.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watch.0.as_fd()
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

//! What the socket crates have no safe call for: some socket options, forgetting a connection, the thread's scheduling.
#![allow(unsafe_code, reason = "each call stands alone, with the reason why it is sound")]

use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd};

/// The socket options set here. Their values are of four octets, without pointers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SockOpt {
    /// With every datagram: its time to live.
    ReceiveTtl,
    /// The same of IPv6.
    ReceiveHopLimit,
    /// With every datagram: where it was sent to, and the link it came in on.
    PacketInfo,
    /// The same of IPv6.
    PacketInfo6,
    /// With every datagram: when it arrived, by the wall clock.
    Timestamp,
    /// With every datagram: how many were dropped before it as the buffer was full.
    Overflow,
    /// The size of the receive buffer, whatever the system's limit; needs `CAP_NET_ADMIN`.
    ReceiveBuffer,
    /// The link to send on, by its index in network order; unlike binding to a device it needs no privilege.
    Link,
    /// The same of IPv6.
    Link6,
}

/// Sets an option.
pub(super) fn set(socket: &impl AsFd, option: SockOpt, value: [u8; 4]) -> io::Result<()> {
    let (level, name) = match option {
        SockOpt::ReceiveTtl => (libc::IPPROTO_IP, libc::IP_RECVTTL),
        SockOpt::ReceiveHopLimit => (libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT),
        SockOpt::PacketInfo => (libc::IPPROTO_IP, libc::IP_PKTINFO),
        SockOpt::PacketInfo6 => (libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
        SockOpt::Timestamp => (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS),
        SockOpt::Overflow => (libc::SOL_SOCKET, libc::SO_RXQ_OVFL),
        SockOpt::ReceiveBuffer => (libc::SOL_SOCKET, libc::SO_RCVBUFFORCE),
        SockOpt::Link => (libc::IPPROTO_IP, libc::IP_UNICAST_IF),
        SockOpt::Link6 => (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_IF),
    };
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the descriptor is borrowed and so open; the kernel copies the four octets there are, and keeps no
    // pointer.
    let done = unsafe { libc::setsockopt(fd, level, name, value.as_ptr().cast(), 4) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Takes a datagram socket's connection away, and its source address unless that was bound; its port stays.
pub(super) fn disconnect(socket: &impl AsFd) -> io::Result<()> {
    let nowhere = libc::sockaddr { sa_family: libc::AF_UNSPEC.try_into().unwrap_or(0), sa_data: [0; 14] };
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the descriptor is borrowed and so open; the kernel reads the 16 octets of `nowhere` and keeps no pointer.
    let done = unsafe { libc::connect(fd, &raw const nowhere, 16) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Gives the calling thread a real-time priority, 1 to 99, over everything that has none. Needs `CAP_SYS_NICE`.
pub(super) fn real_time(priority: u8) -> io::Result<()> {
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: all its fields are integers, for which zero is a value.
    let mut param: libc::sched_param = unsafe { std::mem::zeroed() };
    param.sched_priority = i32::from(priority);
    // SAFETY: the system call reads one `sched_param`, which is there, and keeps no pointer; 0 is the calling thread.
    // By number, for musl's function of this name does nothing.
    let done = unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, policy, &raw const param) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Asks for the shortest time slice there is, without privilege: who asks for little at a time is let in earlier, so
/// that a thread that was just woken does not wait for a busy neighbour's slice to end. Linux 6.12; before, no effect.
pub(super) fn short_slice() -> io::Result<()> {
    /// Nanoseconds; the kernel takes 0.1 to 100 ms.
    const SLICE: u64 = 100_000;
    let size = u32::try_from(size_of::<libc::sched_attr>()).unwrap_or(0);
    // SAFETY: all its fields are integers, for which zero is a value.
    let mut attr: libc::sched_attr = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes at most `size` octets to `attr`, which has as many, and keeps no pointer.
    let done = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attr, size, 0) };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    attr.size = size;
    attr.sched_runtime = SLICE;
    // SAFETY: the kernel reads `attr.size` octets of `attr`, which has as many, and keeps no pointer.
    let done = unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attr, 0) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// By how much the kernel may delay the calling thread's timers to handle several at once, in nanoseconds.
pub(super) fn timer_slack(nanos: u32) -> io::Result<()> {
    // SAFETY: `PR_SET_TIMERSLACK` takes an integer and touches no memory.
    let done = unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, libc::c_ulong::from(nanos), 0, 0, 0) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

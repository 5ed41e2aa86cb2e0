//! What the socket crates have no safe call for: three socket options, a look at what came, the index of a link.
#![allow(unsafe_code, reason = "each call stands alone, with the reason why it is sound")]

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use super::Link;

/// The socket options set here. None of them has pointers in its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SockOpt {
    /// A TCP MD5 key (RFC 2385), Linux's `TCP_MD5SIG_EXT`.
    Md5Key,
    /// The least time to live of what is taken, IPv4: `IP_MINTTL`.
    MinTtl,
    /// The same of IPv6: `IPV6_MINHOPCOUNT`.
    MinHopCount,
}

/// Sets an option to a value in the kernel's layout.
pub(super) fn set(socket: &impl AsFd, option: SockOpt, value: &[u8]) -> io::Result<()> {
    let (level, name) = match option {
        SockOpt::Md5Key => (libc::IPPROTO_TCP, libc::TCP_MD5SIG_EXT),
        SockOpt::MinTtl => (libc::IPPROTO_IP, libc::IP_MINTTL),
        SockOpt::MinHopCount => (libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT),
    };
    let len = libc::socklen_t::try_from(value.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the descriptor is borrowed and so open; the kernel copies `len` octets out of `value`, which has as
    // many, and keeps no pointer.
    let done = unsafe { libc::setsockopt(fd, level, name, value.as_ptr().cast(), len) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Copies what has come and was not read yet, as far as it fits, and leaves it there. Returns the octets copied.
pub(super) fn peek(socket: &impl AsFd, into: &mut [u8]) -> io::Result<usize> {
    let fd = socket.as_fd().as_raw_fd();
    // SAFETY: the descriptor is borrowed and so open; the kernel writes at most `into.len()` octets, all of which
    // are there and may be overwritten, and keeps no pointer.
    let held =
        unsafe { libc::recv(fd, into.as_mut_ptr().cast(), into.len(), libc::MSG_PEEK | libc::MSG_DONTWAIT) };
    match usize::try_from(held) {
        Ok(held) => Ok(held),
        Err(_) => match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            error => Err(error),
        },
    }
}

/// The index the kernel has for a link at present; `None` while there is no such link. A link that is made anew
/// under its old name has another one.
pub(super) fn link_index(link: Link) -> Option<u32> {
    let name = CString::new(link.name()).ok()?;
    // SAFETY: the name ends with a zero octet and outlives the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

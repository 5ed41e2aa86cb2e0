//! Many datagrams with one system call, and what the kernel tells about each (`recvmmsg`, control messages).
#![allow(unsafe_code, reason = "one system call, whose pointers live on the stack of one function")]
#![allow(clippy::unnecessary_cast, reason = "the C libraries disagree on the types of these fields")]

use std::io;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

/// Datagrams taken at once.
pub(super) const BATCH: usize = 32;
/// Room for one: a packet says its length in one octet (RFC 5880 §4.1); what is longer is cut off.
const PAYLOAD: usize = 256;
/// Room for the control messages asked for, 112 octets of IPv6's.
const CONTROL: usize = 256;
/// A `sockaddr_in6` is 28.
const NAME: u8 = 32;

#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Slot {
    name: [u8; NAME as usize],
    control: [u8; CONTROL],
    payload: [u8; PAYLOAD],
    name_len: usize,
    control_len: usize,
    payload_len: usize,
}

/// Room for a batch, made once.
pub(super) struct Batch {
    slots: Box<[Slot; BATCH]>,
    filled: usize,
}

/// One datagram. What the kernel did not say is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Received<'a> {
    pub(super) payload: &'a [u8],
    pub(super) source: Option<IpAddr>,
    pub(super) destination: Option<IpAddr>,
    pub(super) interface: u32,
    /// Time to live or hop limit.
    pub(super) ttl: Option<u8>,
    /// When it arrived, since the wall clock's epoch.
    pub(super) stamp: Option<Duration>,
    /// How many the socket's full buffer has cost since it was made; wraps around.
    pub(super) dropped: Option<u32>,
}

impl Batch {
    pub(super) fn new() -> Self {
        let slot = Slot {
            name: [0; NAME as usize],
            control: [0; CONTROL],
            payload: [0; PAYLOAD],
            name_len: 0,
            control_len: 0,
            payload_len: 0,
        };
        Self { slots: Box::new([slot; BATCH]), filled: 0 }
    }

    /// Takes what waits in a socket, at most [`BATCH`], and does not wait. Less than that: the socket was empty then.
    pub(super) fn receive(&mut self, socket: &impl AsFd) -> io::Result<usize> {
        self.filled = 0;
        let fd = socket.as_fd().as_raw_fd();
        // SAFETY: both are structures of integers and pointers, for which all zero is a value.
        let (mut vectors, mut headers): ([libc::iovec; BATCH], [libc::mmsghdr; BATCH]) = unsafe { zeroed() };
        for ((slot, vector), header) in self.slots.iter_mut().zip(&mut vectors).zip(&mut headers) {
            *vector = libc::iovec { iov_base: slot.payload.as_mut_ptr().cast(), iov_len: PAYLOAD };
            header.msg_hdr.msg_name = slot.name.as_mut_ptr().cast();
            header.msg_hdr.msg_namelen = NAME.into();
            header.msg_hdr.msg_control = slot.control.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL as _;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
        }
        let room = u32::try_from(BATCH).unwrap_or(0);
        // SAFETY: the descriptor is borrowed and so open; there are `room` headers, each with pointers to a name, a
        // control buffer and one vector with a payload buffer of the lengths it says, all of them borrowed mutably or
        // owned by this function until the call returns; the kernel keeps none of the pointers.
        let taken = unsafe {
            libc::recvmmsg(fd, headers.as_mut_ptr(), room, libc::MSG_DONTWAIT as _, std::ptr::null_mut())
        };
        let Ok(taken) = usize::try_from(taken) else {
            return match io::Error::last_os_error() {
                error if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                    Ok(0)
                }
                error => Err(error),
            };
        };
        for (slot, header) in self.slots.iter_mut().zip(&headers).take(taken) {
            slot.payload_len = header.msg_len as usize;
            slot.name_len = header.msg_hdr.msg_namelen as usize;
            slot.control_len = header.msg_hdr.msg_controllen as usize;
        }
        self.filled = taken.min(BATCH);
        Ok(self.filled)
    }

    /// What the last call took, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = Received<'_>> {
        self.slots.iter().take(self.filled).map(|slot| {
            let control = slot.control.get(..slot.control_len).unwrap_or(&slot.control);
            let payload = slot.payload.get(..slot.payload_len).unwrap_or(&slot.payload);
            let source = address(slot.name.get(..slot.name_len).unwrap_or(&slot.name));
            Received { payload, source, ..told(control) }
        })
    }
}

/// The address in a `sockaddr_in` or `sockaddr_in6`.
fn address(name: &[u8]) -> Option<IpAddr> {
    match i32::from(u16::from_ne_bytes(octets(name, 0)?)) {
        libc::AF_INET => Some(Ipv4Addr::from(octets::<4>(name, 4)?).into()),
        libc::AF_INET6 => Some(Ipv6Addr::from(octets::<16>(name, 8)?).into()),
        _ => None,
    }
}

/// What control messages say: each has a length with its head in it, a level and a kind, and starts aligned to a word.
fn told(mut rest: &[u8]) -> Received<'static> {
    const WORD: usize = size_of::<usize>();
    const HEAD: usize = WORD + 8;
    let mut told = Received::default();
    while let (Some(len), Some(level), Some(kind)) =
        (octets(rest, 0), octets(rest, WORD), octets(rest, WORD + 4))
    {
        let len = usize::from_ne_bytes(len);
        let Some(data) = rest.get(HEAD..len) else { break };
        note(&mut told, (i32::from_ne_bytes(level), i32::from_ne_bytes(kind)), data);
        rest = len.checked_next_multiple_of(WORD).and_then(|next| rest.get(next..)).unwrap_or_default();
    }
    told
}

fn note(told: &mut Received<'_>, what: (i32, i32), data: &[u8]) {
    match what {
        (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
            told.ttl = octets(data, 0).and_then(|ttl| u8::try_from(i32::from_ne_bytes(ttl)).ok());
        }
        // struct in_pktinfo: index of the link, our address, the address in the header
        (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
            told.interface = octets(data, 0).map_or(0, u32::from_ne_bytes);
            told.destination = octets::<4>(data, 8).map(|ip| Ipv4Addr::from(ip).into());
        }
        // struct in6_pktinfo: the address in the header, index of the link
        (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
            told.destination = octets::<16>(data, 0).map(|ip| Ipv6Addr::from(ip).into());
            told.interface = octets(data, 16).map_or(0, u32::from_ne_bytes);
        }
        (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS) => told.stamp = stamp(data),
        (libc::SOL_SOCKET, libc::SO_RXQ_OVFL) => told.dropped = octets(data, 0).map(u32::from_ne_bytes),
        _ => {}
    }
}

/// A `timespec`, of two 64-bit numbers or, on a 32-bit system, of two of 32.
fn stamp(data: &[u8]) -> Option<Duration> {
    let (seconds, nanos) = if data.len() >= 16 {
        (i64::from_ne_bytes(octets(data, 0)?), i64::from_ne_bytes(octets(data, 8)?))
    } else {
        (i32::from_ne_bytes(octets(data, 0)?).into(), i32::from_ne_bytes(octets(data, 4)?).into())
    };
    let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    Some(Duration::new(u64::try_from(seconds).ok()?, nanos))
}

fn octets<const N: usize>(of: &[u8], at: usize) -> Option<[u8; N]> {
    of.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the kernel lays it out on a 64-bit system: length of 8 octets, level, kind, data, filled up to 8.
    #[cfg(target_pointer_width = "64")]
    fn message(level: i32, kind: i32, data: &[u8]) -> Vec<u8> {
        let mut out = (16 + data.len() as u64).to_ne_bytes().to_vec();
        out.extend(level.to_ne_bytes());
        out.extend(kind.to_ne_bytes());
        out.extend(data);
        out.resize(out.len().next_multiple_of(8), 0);
        out
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn control_messages_are_read_whatever_their_order_and_strangers_are_passed_over() {
        let stamp = [1_700_000_000_i64.to_ne_bytes(), 123_456_789_i64.to_ne_bytes()].concat();
        let info = [7_u32.to_ne_bytes(), [10, 0, 0, 1], [10, 0, 0, 2]].concat();
        let all = [
            message(1, 40, &5_u32.to_ne_bytes()), // SOL_SOCKET, SO_RXQ_OVFL
            message(77, 1, b"?"),
            message(0, 8, &info),                  // IPPROTO_IP, IP_PKTINFO
            message(1, 35, &stamp),                // SOL_SOCKET, SCM_TIMESTAMPNS
            message(0, 2, &254_i32.to_ne_bytes()), // IPPROTO_IP, IP_TTL
        ]
        .concat();
        let expected = Received {
            payload: &[],
            source: None,
            destination: Some("10.0.0.2".parse().expect("an address")),
            interface: 7,
            ttl: Some(254),
            stamp: Some(Duration::new(1_700_000_000, 123_456_789)),
            dropped: Some(5),
        };
        assert_eq!(told(&all), expected);
        for cut in 0..all.len() {
            let _ = told(&all[..cut]); // no panic, whatever is missing
        }
    }

    #[test]
    fn a_length_that_lies_ends_the_reading() {
        for len in [0, 1, 15, usize::MAX, usize::MAX - 7] {
            let mut lie = len.to_ne_bytes().to_vec();
            lie.resize(64, 0xff);
            assert_eq!(told(&lie), Received::default());
        }
    }
}

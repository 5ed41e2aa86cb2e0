//! TCP MD5 signatures (RFC 2385): a key for one peer on a socket. Needs no privilege.
//!
//! The kernel signs what leaves and drops, without an answer, what comes unsigned or with another signature. A
//! listening socket has the keys of all its peers, told apart by address; a connection it accepts inherits the one
//! of its peer. Keys may change at any time, on a connection that stands, too.

use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;

use super::Password;
use super::sockopt::{SockOpt, set};

/// `struct tcp_md5sig` of `linux/tcp.h`: a `sockaddr_storage`, flags, prefix length, key length, interface, key.
const LEN: usize = KEY + Password::MAX;
const FLAGS: usize = 128;
const PREFIX_LEN: usize = 129;
const KEY_LEN: usize = 130;
const KEY: usize = 136;
/// `TCP_MD5SIG_FLAG_PREFIX`: the prefix length counts.
const FLAG_PREFIX: u8 = 1;

/// Signs what goes to and demands it of what comes from this address; `None` takes its key away. The interface of
/// a link-local address makes no difference to the kernel.
///
/// # Errors
/// What the system says; that there was no key to take away is none.
pub(super) fn set_key(socket: &impl AsFd, peer: IpAddr, key: Option<&Password>) -> io::Result<()> {
    let Some(value) = layout(peer, key) else { return Err(io::ErrorKind::InvalidInput.into()) };
    match set(socket, SockOpt::Md5Key, &value) {
        Err(error) if key.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The fields at their places; `None` only if one did not fit, which the types rule out.
fn layout(peer: IpAddr, key: Option<&Password>) -> Option<[u8; LEN]> {
    let mut value = [0; LEN];
    let mut put = |at: usize, octets: &[u8]| {
        let end = at.checked_add(octets.len())?;
        value.get_mut(at..end)?.copy_from_slice(octets);
        Some(())
    };
    // The port, and for IPv6 flow label and scope, stay zero: the kernel looks at the address alone.
    let (family, address_at) = match peer {
        IpAddr::V4(_) => (libc::AF_INET, 4),
        IpAddr::V6(_) => (libc::AF_INET6, 8),
    };
    put(0, &u16::try_from(family).ok()?.to_ne_bytes())?;
    let bits = match peer {
        IpAddr::V4(addr) => put(address_at, &addr.octets()).map(|()| 32),
        IpAddr::V6(addr) => put(address_at, &addr.octets()).map(|()| 128),
    }?;
    put(FLAGS, &[FLAG_PREFIX])?;
    put(PREFIX_LEN, &[bits])?;
    if let Some(key) = key {
        put(KEY_LEN, &u16::try_from(key.octets().len()).ok()?.to_ne_bytes())?;
        put(KEY, key.octets())?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_lies_where_the_kernels_header_says() {
        // Offsets counted by hand in struct tcp_md5sig: 128 of sockaddr_storage, 1 + 1 + 2 + 4, 80 of key.
        let key = Password::new(b"secret").expect("short");
        let value = layout("10.1.2.3".parse().expect("an address"), Some(&key)).expect("fits");
        assert_eq!(value.len(), 216);
        assert_eq!(value[..2], 2_u16.to_ne_bytes(), "AF_INET");
        assert_eq!(value[4..8], [10, 1, 2, 3]);
        assert_eq!((value[128], value[129]), (1, 32));
        assert_eq!(value[130..132], 6_u16.to_ne_bytes());
        assert_eq!(&value[136..142], b"secret");
        assert!(value[8..128].iter().chain(&value[132..136]).chain(&value[142..]).all(|octet| *octet == 0));
        let value = layout("fe80::1".parse().expect("an address"), None).expect("fits");
        assert_eq!(value[..2], 10_u16.to_ne_bytes(), "AF_INET6");
        assert_eq!((value[8], value[9], value[23], value[129]), (0xfe, 0x80, 1, 128));
        assert!(value[130..].iter().all(|octet| *octet == 0), "no key");
    }
}

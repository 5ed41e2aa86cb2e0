//! Whose packet it is: sessions by discriminator and by address (RFC 5880 §6.3, §6.8.6).

use std::collections::HashMap;
use std::net::IpAddr;

use fastrand::Rng;
use foldhash::fast::RandomState;

use super::{Datagram, SessionId};
use crate::session::Path;
use crate::types::Discriminator;

/// Both ways to a session.
#[derive(Default)]
pub(super) struct Registry {
    numbers: HashMap<Discriminator, SessionId, RandomState>,
    paths: HashMap<Path, SessionId, RandomState>,
}

impl Registry {
    pub(super) fn insert(&mut self, id: SessionId, path: Path, discriminator: Discriminator) {
        self.numbers.insert(discriminator, id);
        self.paths.insert(path, id);
    }

    pub(super) fn remove(&mut self, path: &Path, discriminator: Discriminator) {
        self.numbers.remove(&discriminator);
        self.paths.remove(path);
    }

    /// The session with exactly this path.
    pub(super) fn find(&self, path: &Path) -> Option<SessionId> {
        self.paths.get(path).copied()
    }

    /// The session that calls itself so.
    pub(super) fn by_discriminator(&self, discriminator: Discriminator) -> Option<SessionId> {
        self.numbers.get(&discriminator).copied()
    }

    /// The session a datagram's addresses fit, the one that asks for most before others.
    pub(super) fn by_address(&self, datagram: &Datagram<'_>) -> Option<SessionId> {
        let local = Some(datagram.destination);
        let tries = [(local, datagram.interface), (local, 0), (None, datagram.interface), (None, 0)];
        tries.into_iter().find_map(|(local, interface)| {
            self.find(&Path { hops: datagram.hops, local, remote: datagram.source, interface })
        })
    }

    /// A discriminator nobody has: random.
    pub(super) fn random(&self, rng: &mut Rng) -> Discriminator {
        self.free_from(rng.u32(1..))
    }

    /// A discriminator nobody has: the same for the same ends, whenever and wherever it is asked for, unless another
    /// session was there first.
    pub(super) fn stable(&self, path: &Path) -> Discriminator {
        let mut hash = Fnv::new();
        hash.take(&path.hops.port().to_be_bytes());
        hash.address(Some(path.remote));
        hash.address(path.local);
        self.free_from(hash.fold())
    }

    /// The first free one from there on. Ends, as there are always fewer sessions than numbers.
    fn free_from(&self, start: u32) -> Discriminator {
        let mut number = start;
        loop {
            match Discriminator::new(number) {
                Some(free) if !self.numbers.contains_key(&free) => return free,
                _ => number = number.wrapping_add(1),
            }
        }
    }
}

/// FNV-1a: fixed by its definition, so that another version of this program comes to the same result. Nobody gains by
/// making two ends fall together: the second takes the next number.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn take(&mut self, octets: &[u8]) {
        for octet in octets {
            self.0 = (self.0 ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// With its length, so that two addresses never run into one another.
    fn address(&mut self, address: Option<IpAddr>) {
        match address {
            None => self.take(&[0]),
            Some(IpAddr::V4(address)) => {
                self.take(&[4]);
                self.take(&address.octets());
            }
            Some(IpAddr::V6(address)) => {
                self.take(&[16]);
                self.take(&address.octets());
            }
        }
    }

    /// Both halves in one.
    fn fold(&self) -> u32 {
        let [a, b, c, d, e, f, g, h] = self.0.to_be_bytes();
        u32::from_be_bytes([a, b, c, d]) ^ u32::from_be_bytes([e, f, g, h])
    }
}

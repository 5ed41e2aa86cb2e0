//! BFD: one packet, and engines that talk to each other and to a liar.

mod actions;
pub mod packet;
pub mod session;
mod world;

use bfd::packet::{Auth, AuthKind, Key};

/// The methods, by number.
const KINDS: [AuthKind; 5] = [
    AuthKind::Simple,
    AuthKind::KeyedMd5,
    AuthKind::MeticulousKeyedMd5,
    AuthKind::KeyedSha1,
    AuthKind::MeticulousKeyedSha1,
];

/// The method an octet asks for, with a key of these octets, cut to what it may have.
fn auth(kind: u8, key_id: u8, key: &[u8]) -> Option<Auth> {
    let kind = KINDS[usize::from(kind) % KINDS.len()];
    let key = key.get(..kind.longest_key()).unwrap_or(key);
    Some(Auth { kind, key_id, key: Key::new(kind, key)? })
}

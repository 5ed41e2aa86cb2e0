//! A connection's octets: cut into frames, each decoded.

use bgp::wire::{HEADER_LEN, next_frame};

use crate::digest;

/// The first octet is the session, the rest what arrives in it.
pub fn run(octets: &[u8]) {
    let Some((flags, mut octets)) = octets.split_first() else { return };
    let context = digest::context(*flags);
    loop {
        match next_frame(octets, context.max_message) {
            Ok(None) => {
                assert!(octets.len() < context.max_message.into(), "a full buffer holds a frame or a fault");
                return;
            }
            Ok(Some(frame)) => {
                assert!((HEADER_LEN..=context.max_message.into()).contains(&frame.len()));
                octets = &octets[frame.len()..];
                if digest::message(frame, context).is_err() {
                    return;
                }
            }
            Err(fault) => {
                digest::fault(&fault.into());
                return;
            }
        }
    }
}

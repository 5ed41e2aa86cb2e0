//! UPDATE bodies one after another: decoded and learned.

use std::time::Instant;

use bgp::rib::Learned;
use bgp::wire::Message;
use bgp::{Asn, Family};

use crate::digest;

/// A body of parts, the lengths between them made right: an attribute put in or taken out leaves the others readable.
/// The first octet counts those of withdrawn routes, the second those of the prefixes at the end.
fn assembled(parts: &[u8]) -> Option<Vec<u8>> {
    let ([withdrawn, announced], rest) = parts.split_first_chunk::<2>()?;
    let (withdrawn, rest) = rest.split_at(rest.len().min(usize::from(*withdrawn)));
    let (attrs, announced) = rest.split_at(rest.len().saturating_sub(usize::from(*announced)));
    let len = |part: &[u8]| u16::try_from(part.len()).ok().map(u16::to_be_bytes);
    Some([&len(withdrawn)?[..], withdrawn, &len(attrs)?[..], attrs, announced].concat())
}

/// The first octet is the session; then bodies of UPDATEs, each after two octets with its length, the last to the end.
/// With its bit 8 the bodies are in parts.
pub fn run(octets: &[u8]) {
    let Some((flags, mut octets)) = octets.split_first() else { return };
    let context = digest::context(*flags);
    let families = [Family::IPV4_UNICAST, Family::IPV6_UNICAST];
    let now = Instant::now();
    let mut learned = Learned::new(Asn::new(65001).expect("not zero"), families.to_vec(), now);
    while let Some((len, rest)) = octets.split_first_chunk::<2>() {
        let (body, rest) = rest.split_at(rest.len().min(u16::from_be_bytes(*len).into()));
        octets = rest;
        let body = if flags & 8 == 0 { Some(body.to_vec()) } else { assembled(body) };
        let Some(body) = body else { return };
        let Some(frame) = digest::framed(2, &body).filter(|frame| frame.len() <= context.max_message.into())
        else {
            return;
        };
        let Ok(Message::Update(update)) = digest::message(&frame, context) else { return };
        learned.update(now, &update);
        for family in families {
            let (counts, paths) = (learned.counts(family), learned.paths(family));
            assert!(counts.accepted <= counts.received);
            assert_eq!(paths.len() as u64, counts.received, "nothing spills from so few");
            paths.iter().take(4).for_each(|path| assert!(path.attrs().len() <= frame.len()));
        }
    }
}

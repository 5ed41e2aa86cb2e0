//! One frame through the codec: whatever it is, it has an answer, and what decodes is stable.

use bgp::wire::{
    Attr, AttrCause, Context, Fault, MAX_EXTENDED_MESSAGE, MAX_MESSAGE, Message, Notification, Reaction,
    Update,
};

use crate::counters;

/// The session an input's first octet asks for.
#[must_use]
pub fn context(flags: u8) -> Context {
    Context {
        four_octet_as: flags & 1 != 0,
        max_message: if flags & 2 != 0 { MAX_EXTENDED_MESSAGE } else { MAX_MESSAGE },
        internal: flags & 4 != 0,
    }
}

/// A whole message of a body, its header made right; `None` if it is too long for one.
#[must_use]
pub fn framed(kind: u8, body: &[u8]) -> Option<Vec<u8>> {
    let len = u16::try_from(body.len() + 19).ok()?;
    let mut octets = vec![0xff; 16];
    octets.extend(len.to_be_bytes());
    octets.push(kind);
    octets.extend(body);
    Some(octets)
}

/// What a fault asks for can be said in any session.
pub fn fault(fault: &Fault) -> Notification {
    let note = Notification::from(fault);
    counters::FAULTS.count(note.code * 16 + note.subcode);
    assert!((1..=8).contains(&note.code), "{fault} has no NOTIFICATION");
    assert!(!fault.to_string().is_empty() && !note.to_string().contains(char::is_control));
    assert!(Message::Notification(note.clone()).encode(Context::default()).is_some(), "{note} is too long");
    note
}

/// Decodes a frame, checking what must hold for any.
pub fn message(frame: &[u8], context: Context) -> Result<Message, Fault> {
    let first = Message::decode(frame, context).inspect_err(|broken| drop(fault(broken)))?;
    counters::message(&first);
    planted(&first);
    match &first {
        Message::Update(update) => self::update(update, frame.len(), context),
        other => stable(other, frame.len(), context),
    }
    Ok(first)
}

/// What decoded encodes, no longer than it was, and means the same again.
fn stable(message: &Message, len: usize, context: Context) {
    let again = message.encode(context).expect("what was received can be sent");
    // Parameters of an OPEN are one list when we write them, in the longer form only where it is needed.
    assert!(again.len() <= len || matches!(message, Message::Open(_)), "grew from {len} to {}", again.len());
    assert_eq!(Message::decode(&again, context).as_ref(), Ok(message));
}

fn update(update: &Update, len: usize, context: Context) {
    let withdrawn = update.faults.iter().any(|fault| fault.reaction == Reaction::TreatAsWithdraw);
    if withdrawn {
        assert!(update.nlri.is_empty(), "routes of a broken UPDATE");
        assert!(
            update.attrs.iter().all(|attr| matches!(attr, Attr::MpUnreach(_))),
            "attributes without a route"
        );
        return;
    }
    for attr in &update.attrs {
        let internal = matches!(attr, Attr::LocalPref(_) | Attr::OriginatorId(_) | Attr::ClusterList(_));
        let two_octet = matches!(attr, Attr::As4Path(_) | Attr::As4Aggregator { .. });
        assert!(context.internal || !internal, "{attr:?} of another AS");
        assert!(!context.four_octet_as || !two_octet, "{attr:?} of a four-octet speaker");
        let again = update.attrs.iter().filter(|other| other.code() == attr.code()).count();
        assert_eq!(again, 1, "{attr:?} twice");
    }
    for fault in &update.faults {
        assert!(
            fault.cause == AttrCause::Repeated || update.attrs.iter().all(|attr| attr.code() != fault.code)
        );
    }
    let _ = (update.path(), update.ends_rib_of());
    stable(&Message::Update(Update { faults: vec![], ..update.clone() }), len, context);
}

/// A bug put there on purpose, in a build that asks for it: proof that this harness finds one. Steps deep, each of which
/// the fuzzer can see it has made: routes that come and routes that go in one UPDATE, over a path of two segments.
fn planted(message: &Message) {
    let Message::Update(update) = message else { return };
    let has = |wanted: fn(&Attr) -> bool| cfg!(planted_bug) && update.attrs.iter().any(wanted);
    if has(|attr| matches!(attr, Attr::MpReach(_)))
        && std::hint::black_box(has(|attr| matches!(attr, Attr::MpUnreach(_))))
        && std::hint::black_box(has(|attr| matches!(attr, Attr::AsPath(path) if path.len() == 2)))
    {
        panic!("the planted bug");
    }
}

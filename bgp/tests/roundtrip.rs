//! Properties of the codec: values survive the wire, octets of any kind are answered, never a panic.

mod messages;

use bgp::wire::notification::code;
use bgp::wire::{
    Attr, Context, HEADER_LEN, HeaderFault, MAX_EXTENDED_MESSAGE, Message, Notification, Reaction, Segment,
    Update, attr_code, next_frame,
};
use messages::{context, damage, damaged, spoken};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// A message without what only tells of its trip. `None` for an UPDATE whose routes are treated as withdrawn:
/// that is what to do with it, no message any more.
fn meaning(message: Message) -> Option<Message> {
    match message {
        Message::Update(update) => {
            let discard = update.faults.iter().all(|fault| fault.reaction == Reaction::Discard);
            discard.then(|| Message::Update(Update { faults: vec![], ..update }))
        }
        other => Some(other),
    }
}

/// Cuts and decodes like a driver does, checking everything that must hold for any octets.
fn digest(mut octets: &[u8], context: Context) -> Result<(), TestCaseError> {
    loop {
        let frame = match next_frame(octets, context.max_message) {
            Ok(None) => {
                prop_assert!(
                    octets.len() < context.max_message.into(),
                    "a full buffer holds a frame or a fault"
                );
                return Ok(());
            }
            Err(fault) => {
                let note = Notification::from(&bgp::wire::Fault::from(fault));
                prop_assert_eq!(note.code, code::HEADER);
                return Ok(());
            }
            Ok(Some(frame)) => frame,
        };
        prop_assert!((HEADER_LEN..=context.max_message.into()).contains(&frame.len()));
        octets = &octets[frame.len()..];
        match Message::decode(frame, context) {
            Err(fault) => {
                let note = Notification::from(&fault);
                prop_assert!((1..=7).contains(&note.code), "{fault} has no NOTIFICATION");
                prop_assert!(Message::Notification(note).encode(Context::default()).is_some());
                return Ok(());
            }
            Ok(first) => {
                let Some(first) = meaning(first) else { continue };
                let again = first.encode(context);
                let again =
                    again.ok_or_else(|| TestCaseError::fail(format!("does not encode: {first:?}")))?;
                prop_assert!(again.len() <= frame.len() || matches!(first, Message::Open(_)));
                prop_assert_eq!(Message::decode(&again, context), Ok(first));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_message_survives_encode_then_decode((message, context) in spoken()) {
        let Some(octets) = message.encode(context) else { return Ok(()) }; // longer than 4096
        let frame = next_frame(&octets, context.max_message).expect("a header").expect("a whole message");
        prop_assert_eq!(frame, &octets[..]);
        prop_assert_eq!(Message::decode(frame, context), Ok(message));
    }

    #[test]
    fn a_message_cut_short_asks_for_more_and_never_decodes((message, context) in spoken(), at in any::<Index>()) {
        let Some(octets) = message.encode(context) else { return Ok(()) };
        prop_assert_eq!(next_frame(&octets[..at.index(octets.len())], context.max_message), Ok(None));
    }

    #[test]
    fn random_octets_are_answered(octets in vec(any::<u8>(), 0..200), context in context()) {
        digest(&octets, context)?;
    }

    #[test]
    fn random_octets_behind_a_good_header_are_answered(
        kind in 0..7u8, body in vec(any::<u8>(), 0..300), context in context(),
    ) {
        let mut octets = vec![0xff; 16];
        octets.extend(u16::try_from(HEADER_LEN + body.len()).expect("small").to_be_bytes());
        octets.push(kind);
        octets.extend(body);
        digest(&octets, context)?;
    }

    #[test]
    fn damaged_messages_are_answered(
        messages in vec((spoken(), vec(damage(), 0..4)), 1..4), context in context(),
    ) {
        let octets: Vec<u8> = messages
            .into_iter()
            .filter_map(|((message, _), harm)| Some(damaged(message.encode(context)?, &harm)))
            .flatten()
            .collect();
        digest(&octets, context)?;
    }
}

#[test]
fn a_notification_of_any_code_has_a_name_and_prints_without_control_characters() {
    for (code, subcode) in (0..=255u8).flat_map(|code| (0..=255u8).map(move |subcode| (code, subcode))) {
        let note = Notification::new(code, subcode, b"\x05\x1b[2J\n");
        assert!(!note.name().is_empty());
        assert!(!note.to_string().contains(char::is_control), "{note:?}");
    }
}

#[test]
fn rfc4271_6_1_a_frame_too_short_to_hold_a_header_is_a_fault_not_a_panic() {
    for len in 0..HEADER_LEN {
        let fault = Message::decode(&vec![0xff; len], Context::default()).expect_err("no header");
        assert!(matches!(fault, bgp::wire::Fault::Header(HeaderFault::BadLength { .. })), "{fault}");
    }
}

const LONG: Context = Context { four_octet_as: true, max_message: MAX_EXTENDED_MESSAGE, internal: true };

#[test]
fn a_list_longer_than_its_length_field_does_not_encode() {
    let path = Attr::AsPath(vec![Segment { kind: 2, asns: vec![1; 256] }]);
    let update = Update { attrs: vec![path], ..Update::default() };
    assert_eq!(Message::Update(update).encode(LONG), None);
    let value = Attr::Unknown { flags: 0xc0, code: attr_code::AS4_PATH + 100, value: vec![0; 70_000] };
    let update = Update { attrs: vec![value], ..Update::default() };
    assert_eq!(Message::Update(update).encode(LONG), None);
}

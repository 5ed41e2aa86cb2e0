//! Messages through our codec and two others, `netgauze-bgp-pkt` and `bgpkit-parser`: the same verdict and the same
//! content, or a difference that the RFC explains (`explain.rs`). One that is not explained fails.

mod bgpkit;
mod explain;
#[path = "../lines/mod.rs"]
mod lines;
#[path = "../messages/mod.rs"]
mod messages;
mod netgauze;
#[path = "../vector_files/mod.rs"]
mod vector_files;

use std::collections::BTreeMap;
use std::fmt::Display;

use bgp::wire::{Attr, Context, Message, MpReach, MpUnreach, Prefixes, next_frame};
use messages::{damage, damaged, spoken};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// What a codec makes of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reading {
    /// A message, in the words of `lines`.
    Understood(Vec<String>),
    /// A message with something broken in it.
    Complained(String),
    /// None.
    Refused(String),
}

/// A word and its items.
fn list<T: Display>(word: &str, items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().fold(word.to_owned(), |line, item| format!("{line} {item}"))
}

/// What ours makes of it.
fn ours(frame: &[u8], context: Context) -> Reading {
    match next_frame(frame, context.max_message) {
        Err(fault) => return Reading::Refused(fault.to_string()),
        Ok(None) => return Reading::Refused("not whole".to_owned()),
        Ok(Some(cut)) if cut.len() != frame.len() => return Reading::Refused("more than one".to_owned()),
        Ok(Some(_)) => {}
    }
    match Message::decode(frame, context) {
        Err(fault) => Reading::Refused(fault.to_string()),
        Ok(Message::Update(update)) if !update.faults.is_empty() => {
            Reading::Complained(format!("{:?}", update.faults))
        }
        Ok(message) => Reading::Understood(shared(lines::of(&message))),
    }
}

/// The facts that all three can express: no details of capabilities, NOTIFICATIONs and unknown attributes.
fn shared(facts: Vec<String>) -> Vec<String> {
    let mut facts = facts.into_iter();
    let Some(head) = facts.next() else { return Vec::new() };
    let word = head.split(' ').next().unwrap_or_default().to_owned();
    match word.as_str() {
        "update" => facts
            .filter(|fact| !fact.starts_with("attribute "))
            .map(|fact| match fact.strip_prefix("extended-communities ") {
                Some(all) => format!("extended-communities {}", all.split(' ').count()),
                None => fact,
            })
            .collect(),
        "open" => vec![head],
        _ => vec![word],
    }
}

/// How often each explanation was needed.
type Explained = BTreeMap<&'static str, usize>;

/// Compares one frame with both others.
fn compare(frame: &[u8], context: Context, explained: &mut Explained) -> Result<(), String> {
    let mine = ours(frame, context);
    for (name, theirs) in [
        ("netgauze", netgauze::read(frame, context.four_octet_as)),
        ("bgpkit", bgpkit::read(frame, context.four_octet_as)),
    ] {
        let same = match (&mine, &theirs) {
            (Reading::Understood(mine), Reading::Understood(theirs)) => sorted(mine) == sorted(theirs),
            (Reading::Understood(_), _) | (_, Reading::Understood(_)) => false,
            _ => true, // both found something broken
        };
        if same {
            continue;
        }
        match explain::difference(name, frame, context, (&mine, &theirs)) {
            Some(why) => *explained.entry(why).or_default() += 1,
            None => {
                return Err(format!("{}\nours: {mine:?}\n{name}: {theirs:?}", lines::hex(frame)));
            }
        }
    }
    Ok(())
}

fn sorted(facts: &[String]) -> Vec<&String> {
    let mut facts: Vec<&String> = facts.iter().collect();
    facts.sort();
    facts
}

/// Without multicast prefixes, which one of the others takes for broken, and without families that only some know: they
/// would hide what else is said.
fn tame(message: Message) -> Message {
    let Message::Update(mut update) = message else { return message };
    update.withdrawn.retain(|net| !net.addr().is_multicast());
    update.nlri.retain(|net| !net.addr().is_multicast());
    let foreign = |prefixes: &Prefixes| matches!(prefixes, Prefixes::Other(..));
    update.attrs.retain(|attr| match attr {
        Attr::MpReach(reach) => !foreign(&reach.prefixes),
        Attr::MpUnreach(unreach) => !foreign(&unreach.prefixes),
        _ => true,
    });
    for attr in &mut update.attrs {
        if let Attr::MpReach(MpReach { prefixes, .. }) | Attr::MpUnreach(MpUnreach { prefixes }) = attr {
            match prefixes {
                Prefixes::V4(nets) => nets.retain(|net| !net.addr().is_multicast()),
                Prefixes::V6(nets) => nets.retain(|net| !net.addr().is_multicast()),
                Prefixes::Other(..) => {}
            }
        }
    }
    Message::Update(update)
}

/// Compares as many frames as a strategy is asked for; those that differ without a reason are all told.
fn run(cases: u32, frames: impl Strategy<Value = (Option<Vec<u8>>, Context)>) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let (mut explained, mut wrong, mut compared) = (Explained::new(), Vec::new(), 0);
    for _ in 0..cases {
        let (frame, context) = frames.new_tree(&mut runner).expect("a value").current();
        let Some(frame) = frame else { continue }; // longer than 4096
        compared += 1;
        wrong.extend(compare(&frame, context, &mut explained).err());
    }
    println!("{compared} messages; {explained:#?}");
    let shown: Vec<&str> = wrong.iter().take(12).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} differ without a reason:\n{}", wrong.len(), shown.join("\n"));
}

#[test]
fn vectors_read_the_same_or_the_rfc_says_why_not() {
    let mut explained = Explained::new();
    let wrong: Vec<String> = vector_files::all()
        .iter()
        .filter_map(|vector| {
            let said = compare(&vector.octets, vector.context, &mut explained).err()?;
            Some(format!("{}: {said}", vector.name))
        })
        .collect();
    println!("{explained:#?}");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn random_messages_read_the_same_or_the_rfc_says_why_not() {
    run(6000, spoken().prop_map(|(message, context)| (tame(message).encode(context), context)));
}

#[test]
fn damaged_messages_read_the_same_or_the_rfc_says_why_not() {
    let harmed = |((message, context), harm): ((Message, Context), Vec<_>)| {
        (tame(message).encode(context).map(|frame| damaged(frame, &harm)), context)
    };
    run(12_000, (spoken(), vec(damage(), 1..3)).prop_map(harmed));
}

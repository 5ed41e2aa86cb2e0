//! What an Event says, from what there is to tell and whom it is about.

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;

use crate::plan::Notice;
use crate::view::{Key, Kind};

/// The component that tells, as the API server wants it: a qualified name.
const CONTROLLER: &str = "kubeovn.io/speaker";
/// What was being done.
const ACTION: &str = "Announce";
/// The most octets of `note` that the API server takes.
const MAX_NOTE: usize = 1024;
/// The most octets of `reportingInstance` that it takes.
const MAX_INSTANCE: usize = 128;
/// The most octets of an object's name.
const MAX_NAME: usize = 253;
/// The namespace of Events about objects that have none.
const NO_NAMESPACE: &str = "default";

/// What is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Telling {
    /// Of whom.
    pub(super) key: Key,
    /// One word, CamelCase.
    reason: String,
    note: String,
}

impl From<&Notice> for Telling {
    fn from(notice: &Notice) -> Self {
        let reason = notice.name().split('-').map(capitalized).collect();
        Self { key: notice.key().clone(), reason, note: cut(notice.to_string(), MAX_NOTE) }
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

/// At most so many octets, and whole characters.
fn cut(mut text: String, octets: usize) -> String {
    let end = (0..=octets.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or_default());
    text
}

impl Telling {
    /// The Event; `uid` is the object's. Whoever tells the same of the same object gives it the same name, so that a
    /// cluster of speakers writes one.
    pub(super) fn event(self, uid: &str, instance: &str, now: Timestamp) -> Event {
        let name = self.name(uid);
        let Key { kind, namespace, name: object } = &self.key;
        let regarding = ObjectReference {
            api_version: Some(api_version(*kind).to_owned()),
            kind: Some(api_kind(*kind).to_owned()),
            namespace: kind.is_namespaced().then(|| namespace.to_string()),
            name: Some(object.to_string()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        };
        Event {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: Some(self.namespace().to_owned()),
                ..ObjectMeta::default()
            },
            event_time: Some(MicroTime(now)),
            type_: Some("Warning".to_owned()),
            reason: Some(self.reason),
            action: Some(ACTION.to_owned()),
            note: Some(self.note),
            regarding: Some(regarding),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(cut(instance.to_owned(), MAX_INSTANCE)),
            ..Event::default()
        }
    }

    /// Where the Event is.
    pub(super) fn namespace(&self) -> &str {
        if self.key.kind.is_namespaced() { &self.key.namespace } else { NO_NAMESPACE }
    }

    fn name(&self, uid: &str) -> String {
        let key = self.key.to_string();
        let suffix = format!(".{:016x}", fnv1a(&[&key, uid, &self.reason, &self.note]));
        let mut name = cut(self.key.name.to_string(), MAX_NAME - suffix.len());
        name.truncate(name.trim_end_matches(['.', '-']).len()); // no part of a name ends so
        name + &suffix
    }
}

pub(super) fn api_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Subnet => "Subnet",
        Kind::Pod => "Pod",
        Kind::Service => "Service",
        Kind::Eip => "IptablesEIP",
    }
}

fn api_version(kind: Kind) -> &'static str {
    match kind {
        Kind::Subnet | Kind::Eip => "kubeovn.io/v1",
        Kind::Pod | Kind::Service => "v1",
    }
}

/// FNV-1a of 64 bits over all parts, each ended by an octet that no text has: the same in every process and version.
fn fnv1a(parts: &[&str]) -> u64 {
    let octets = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    octets.fold(0xcbf2_9ce4_8422_2325, |hash, octet| (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telling(object: &str, note: &str) -> Telling {
        let key = object.parse().expect("a key");
        Telling { key, reason: "BadAddress".to_owned(), note: cut(note.to_owned(), MAX_NOTE) }
    }

    fn named(telling: &Telling) -> String {
        telling.clone().event("u", "n1", Timestamp::UNIX_EPOCH).metadata.name.expect("a name")
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        // Appendix C of the FNV specification: the empty string and "a"; parts are ended by 0xff.
        assert_eq!(fnv1a(&[]), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(&["a"]), (0xaf63_dc4c_8601_ec8c_u64 ^ 0xff).wrapping_mul(0x0100_0000_01b3));
        assert_ne!(fnv1a(&["ab", "c"]), fnv1a(&["a", "bc"]));
    }

    #[test]
    fn names_are_those_of_objects_however_long_theirs_is() {
        let long = "a".repeat(235) + "." + &"b".repeat(17);
        assert_eq!(long.len(), 253);
        let name = named(&telling(&format!("pod/ns/{long}"), "x"));
        assert_eq!(name.len(), 235 + 17, "the dot before the hash would stand beside another");
        assert!(name.starts_with(&"a".repeat(235)) && name.as_bytes()[235] == b'.', "{name}");
        assert_ne!(named(&telling("pod/a/web", "x")), named(&telling("pod/b/web", "x")));
        assert_ne!(named(&telling("pod/a/web", "x")), named(&telling("pod/a/web", "y")));
        assert_eq!(named(&telling("pod/a/web", "x")), named(&telling("pod/a/web", "x")));
    }

    #[test]
    fn a_note_is_cut_between_characters() {
        let note = telling("subnet/s", &"é".repeat(600)).note;
        assert_eq!((note.len(), note.chars().count()), (1024, 512));
        let note = telling("subnet/s", &format!("a{}", "é".repeat(600))).note;
        assert_eq!(note.len(), 1023);
    }

    #[test]
    fn what_has_no_namespace_is_told_in_the_default_one() {
        let event = telling("subnet/s", "x").event("u", "n1", Timestamp::UNIX_EPOCH);
        assert_eq!(event.metadata.namespace.as_deref(), Some("default"));
        let regarding = event.regarding.expect("whom");
        assert_eq!((regarding.namespace, regarding.api_version.as_deref()), (None, Some("kubeovn.io/v1")));
        let event = telling("service/shop/web", "x").event("u", "n1", Timestamp::UNIX_EPOCH);
        assert_eq!(event.metadata.namespace.as_deref(), Some("shop"));
    }
}

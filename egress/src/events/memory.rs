//! What was told of each object.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::plan::Notice;

/// The same is told once more after this time at the earliest. What is news follows from the status of the object, which
/// comes back from the API server a moment after it was written; and a gateway that changes to and fro is told of once.
const AGAIN: Duration = Duration::from_secs(600);
/// Stories remembered; with more, the memory begins anew: something is told twice then.
const STORIES: usize = 4096;

/// What is told: of whom (uid), the reason, the message.
type Story = (Box<str>, &'static str, Box<str>);

/// What was told, and when.
#[derive(Debug, Default)]
pub(super) struct Memory {
    told: HashMap<Story, Instant>,
}

impl Memory {
    /// Whether it was not told, or long ago; it counts as told then.
    pub(super) fn is_news(&mut self, uid: &str, notice: &Notice, now: Instant) -> bool {
        let story = (uid.into(), notice.reason, notice.message.as_str().into());
        if self.told.get(&story).is_some_and(|at| now < *at + AGAIN) {
            return false;
        }
        if self.told.len() >= STORIES {
            self.told.clear();
        }
        self.told.insert(story, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_is_told_once_until_it_changes_or_grows_old() {
        let notice = |message: &str| Notice { warning: true, reason: "Reason", message: message.to_owned() };
        let (mut memory, now) = (Memory::default(), Instant::now());
        assert!(memory.is_news("a", &notice("x"), now));
        assert!(!memory.is_news("a", &notice("x"), now));
        assert!(memory.is_news("b", &notice("x"), now), "another object");
        assert!(memory.is_news("a", &notice("y"), now));
        assert!(!memory.is_news("a", &notice("x"), now), "to and fro");
        assert!(!memory.is_news("b", &notice("x"), now + Duration::from_secs(599)));
        assert!(memory.is_news("b", &notice("x"), now + Duration::from_secs(600)));
    }
}

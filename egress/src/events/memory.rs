//! What was told last of each object.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::plan::Notice;

/// After this time the same is told once more: as long as the API server keeps an Event.
const AGAIN: Duration = Duration::from_secs(3600);
/// Objects remembered; with more, the memory begins anew: something is told twice then.
const OBJECTS: usize = 4096;

/// What was told, and when.
#[derive(Debug)]
struct Story {
    reason: &'static str,
    message: Box<str>,
    at: Instant,
}

/// The last story of each kind (warning or not), by the object's uid.
#[derive(Debug, Default)]
pub(super) struct Memory {
    told: HashMap<(Box<str>, bool), Story>,
}

impl Memory {
    /// Whether it was not told just so last, or long ago; it counts as told then.
    pub(super) fn is_news(&mut self, uid: &str, notice: &Notice, now: Instant) -> bool {
        let key = (uid.into(), notice.warning);
        let known = self.told.get(&key).is_some_and(|story| {
            story.reason == notice.reason && *story.message == *notice.message && now < story.at + AGAIN
        });
        if known {
            return false;
        }
        if self.told.len() >= OBJECTS {
            self.told.clear();
        }
        // Whoever is well may fall ill in the same way again, and is told so.
        self.told.remove(&(uid.into(), !notice.warning));
        let story = Story { reason: notice.reason, message: notice.message.as_str().into(), at: now };
        self.told.insert(key, story);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_story_is_told_once_until_it_changes_or_grows_old() {
        let notice =
            |warning, message: &str| Notice { warning, reason: "Reason", message: message.to_owned() };
        let (mut memory, now) = (Memory::default(), Instant::now());
        assert!(memory.is_news("a", &notice(true, "x"), now));
        assert!(!memory.is_news("a", &notice(true, "x"), now));
        assert!(memory.is_news("b", &notice(true, "x"), now), "another object");
        assert!(memory.is_news("a", &notice(true, "y"), now));
        assert!(memory.is_news("a", &notice(false, "well"), now));
        assert!(memory.is_news("a", &notice(true, "y"), now), "ill again");
        assert!(!memory.is_news("b", &notice(true, "x"), now + Duration::from_secs(3599)));
        assert!(memory.is_news("b", &notice(true, "x"), now + Duration::from_secs(3600)));
    }
}

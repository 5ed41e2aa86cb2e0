//! What was told last of each object.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::plan::Notice;

/// After this time the same is told once more: as long as the API server keeps an Event.
const AGAIN: Duration = Duration::from_secs(3600);
/// Objects remembered; with more, the memory begins anew: something is told twice then.
const OBJECTS: usize = 4096;

/// The last story of each kind (warning or not), by the object's uid.
#[derive(Debug, Default)]
pub(super) struct Memory {
    told: HashMap<(Box<str>, bool), (&'static str, Box<str>, Instant)>,
}

impl Memory {
    /// Whether it was not told just so last, or long ago; it counts as told then.
    pub(super) fn is_news(&mut self, uid: &str, notice: &Notice, now: Instant) -> bool {
        let key = (uid.into(), notice.warning);
        let known = self.told.get(&key).is_some_and(|(reason, message, at)| {
            *reason == notice.reason && **message == *notice.message && now < *at + AGAIN
        });
        if known {
            return false;
        }
        if self.told.len() >= OBJECTS {
            self.told.clear();
        }
        // Whoever is well may fall ill in the same way again, and is told so.
        self.told.remove(&(uid.into(), !notice.warning));
        self.told.insert(key, (notice.reason, notice.message.as_str().into(), now));
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

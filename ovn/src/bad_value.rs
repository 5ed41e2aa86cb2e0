//! What is said of JSON that cannot be read.

use serde_json::Value as Json;

/// JSON that is not the value it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value} {rule}")]
pub struct BadValue {
    /// The JSON, cut off after some 200 octets.
    pub value: Box<str>,
    /// What is wrong with it.
    pub rule: &'static str,
}

pub(crate) fn bad(value: &Json, rule: &'static str) -> BadValue {
    const SHOWN: usize = 200;
    let mut text = value.to_string();
    if let Some((end, _)) = text.char_indices().find(|(at, _)| *at >= SHOWN) {
        text.truncate(end);
        text.push('…');
    }
    BadValue { value: text.into(), rule }
}

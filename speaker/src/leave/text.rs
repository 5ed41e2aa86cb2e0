//! Words of others, on their way into the log and to the routers.

/// Longer words of others are cut here, in octets.
const WORD: usize = 96;
/// Longer messages of the API server are cut here, in octets.
const MESSAGE: usize = 400;

/// A name or a value: short, and without what a terminal or a log takes for more than text.
pub(super) fn shown(word: &str) -> String {
    harmless(cut(word, WORD))
}

/// A sentence of the API server.
pub(super) fn sentence(message: &str) -> String {
    harmless(cut(message, MESSAGE))
}

fn harmless(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}

/// The beginning of a text that has at most so many octets, and whole characters.
#[must_use]
pub(crate) fn cut(text: &str, octets: usize) -> &str {
    let mut end = text.len().min(octets);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

//! The text back into rows.

use super::{Cell, Dump, Row};
use crate::fault::{Fault, Result, ensure};

/// Lines of a dump: empty ones and those that start with `#` are not looked at.
pub(super) fn rows(text: &str) -> Result<Dump> {
    let mut dump = Dump::default();
    for (name, lines) in blocks(text)? {
        let row: Result<Row> = lines.into_iter().map(column).collect();
        ensure(dump.0.insert(name.clone(), row?).is_none(), || format!("{name} is there twice"))?;
    }
    Ok(dump)
}

/// Names of rows and the lines below each, without their indentation.
pub(super) fn blocks(text: &str) -> Result<Vec<(String, Vec<&str>)>> {
    let mut blocks: Vec<(String, Vec<&str>)> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if line.starts_with('<') && line.ends_with('>') {
            blocks.push((line.to_owned(), Vec::new()));
            continue;
        }
        let inside = line.strip_prefix("    ").zip(blocks.last_mut());
        let (line, (_, lines)) = inside.ok_or_else(|| Fault::new(format!("no row, no column: {line:?}")))?;
        lines.push(line);
    }
    Ok(blocks)
}

fn column(line: &str) -> Result<(String, Cell)> {
    let parts = line.split_once(" = ");
    let (name, value) = parts.ok_or_else(|| Fault::new(format!("no column: {line:?}")))?;
    Ok((name.trim().to_owned(), cell(value)))
}

/// A value as [`Cell`] prints it.
pub(super) fn cell(text: &str) -> Cell {
    let text = masked(text.trim());
    if text == "(default)" {
        return Cell::default();
    }
    let within = |open, close| text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    match (within('{', '}'), within('[', ']')) {
        (Some(inside), _) => Cell::new(items(inside), true),
        (None, Some(inside)) => Cell::new(items(inside), false),
        (None, None) => Cell::new(vec![text], false),
    }
}

/// Parts between commas that are neither in quotes nor in the name of a row.
fn items(text: &str) -> Vec<String> {
    let (mut out, mut quoted, mut named, mut start) = (Vec::new(), false, false, 0);
    for (at, char) in text.char_indices() {
        match char {
            '"' if !named => quoted = !quoted,
            '<' if !quoted => named = true,
            '>' if !quoted => named = false,
            ',' if !quoted && !named => {
                out.push(text[start..at].trim().to_owned());
                start = at + 1;
            }
            _ => {}
        }
    }
    let last = text[start..].trim();
    if !last.is_empty() {
        out.push(last.to_owned());
    }
    out
}

/// The text with `MAC` in place of every Ethernet address.
pub(super) fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let alone = !out.ends_with(|char: char| char.is_ascii_hexdigit() || char == ':');
        if alone && is_mac(rest) {
            out.push_str("MAC");
            rest = &rest[MAC..];
        } else {
            out.push(char);
            rest = &rest[char.len_utf8()..];
        }
    }
    out
}

/// Octets of an Ethernet address in text.
const MAC: usize = 17;

fn is_mac(text: &str) -> bool {
    let Some(head) = text.as_bytes().get(..MAC) else { return false };
    let ends = !text[MAC..].starts_with(|char: char| char.is_ascii_hexdigit() || char == ':');
    let fits = |(at, octet): (usize, &u8)| {
        if at % 3 == 2 { *octet == b':' } else { octet.is_ascii_hexdigit() }
    };
    ends && head.iter().enumerate().all(fits)
}

//! Takes from an answer what differs from one answer to the next.

use std::net::IpAddr;

use serde_json::Value;

/// Without ages, keepalives, the order in which Go walks its maps, and the
/// blanks in protobuf's text, which differ from build to build.
pub(crate) fn masked(text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(line_masked).collect();
    // Families of the capability multiprotocol; the addresses of `-q`.
    let alike = |one: &String, next: &String| [family, address].iter().any(|kind| kind(one) && kind(next));
    for run in lines.chunk_by_mut(alike) {
        run.sort();
    }
    lines.join("\n") + if text.ends_with('\n') { "\n" } else { "" }
}

fn family(line: &str) -> bool {
    line.starts_with("        ipv") && line.contains("-unicast:\t")
}

fn address(line: &str) -> bool {
    line.parse::<IpAddr>().is_ok()
}

fn line_masked(line: &str) -> String {
    if line.starts_with('{') || line.starts_with('[') {
        return serde_json::from_str(line)
            .map_or_else(|_| line.to_owned(), |value: Value| json_masked(line, &value));
    }
    if ["    Keepalives:", "    Total:"].iter().any(|title| line.starts_with(title)) {
        return line.replace(|c: char| c.is_ascii_digit(), "#").replace(' ', "");
    }
    if line.starts_with("Table ") {
        return line.replace("  ", " ");
    }
    without_clocks(line)
}

/// `26:01:13` becomes `##:##:##`.
pub(crate) fn without_clocks(line: &str) -> String {
    let mut out: Vec<char> = line.chars().collect();
    for at in 0..out.len().saturating_sub(7) {
        let clock = out[at..at + 8].iter().zip("00:00:00".chars());
        if clock.into_iter().all(|(c, kind)| if kind == ':' { *c == ':' } else { c.is_ascii_digit() }) {
            out[at..at + 8].fill('#');
        }
    }
    out.into_iter().collect()
}

/// The order of neighbours and capabilities is taken away, the rest stays text: the order of fields counts.
fn json_masked(line: &str, value: &Value) -> String {
    if let Some(peers) = value.as_array() {
        let mut peers: Vec<String> = peers.iter().map(|peer| json_masked(&peer.to_string(), peer)).collect();
        peers.sort();
        return peers.join("\n");
    }
    let mut text = line.to_owned();
    for side in ["\"remote_cap\":[", "\"local_cap\":["] {
        let Some(start) = text.find(side).map(|at| at + side.len()) else { continue };
        let Some(length) = closing(&text[start..]) else { continue };
        let caps = text[start..start + length].replace(",{\"Cap\"", "\n{\"Cap\"");
        let mut caps: Vec<&str> = caps.split('\n').collect();
        caps.sort_unstable();
        let caps = caps.join(",");
        text.replace_range(start..start + length, &caps);
    }
    for counter in ["\"keepalive\":", "\"total\":"] {
        let parts: Vec<&str> = text.split(counter).collect();
        let parts: Vec<&str> = parts
            .iter()
            .enumerate()
            .map(
                |(at, part)| {
                    if at == 0 { part } else { part.trim_start_matches(|c: char| c.is_ascii_digit()) }
                },
            )
            .collect();
        text = parts.join(counter);
    }
    text
}

/// Where the bracket closes in front of which `text` begins.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1;
    text.char_indices().find_map(|(at, c)| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        (depth == 0).then_some(at)
    })
}

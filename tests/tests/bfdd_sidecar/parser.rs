//! A parser of `status` by the rules kube-ovn's supervisor reads it with, written apart from the printer.

use std::net::IpAddr;

/// A session as the supervisor sees it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: u32,
    pub(crate) local: IpAddr,
    pub(crate) remote: IpAddr,
    pub(crate) state: String,
}

/// Every session, or why the whole reply counts as invalid.
pub(crate) fn sessions(reply: &str) -> Result<Vec<Session>, String> {
    for line in reply.lines().map(str::trim) {
        for error in ["Unable to complete ", "Unknown command ", "No session ", "Failed to ", "Must "] {
            if line.starts_with(error) {
                return Err(format!("an error: {line}"));
            }
        }
    }
    let mut lines = reply.lines();
    let head = lines.next().unwrap_or_default();
    let count = head.strip_prefix("There are ").and_then(|rest| rest.strip_suffix(" sessions:"));
    let count: usize = count.and_then(|count| count.parse().ok()).ok_or(format!("first line: {head}"))?;
    let mut found = Vec::new();
    for line in lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("Session ")) {
        let field = |name: &str| {
            let value = line.split(' ').find_map(|field| field.strip_prefix(name));
            value.ok_or(format!("no {name} in: {line}"))
        };
        let state = field("state=")?;
        if !["Up", "Down", "Init", "AdminDown"].contains(&state) {
            return Err(format!("state: {line}"));
        }
        found.push(Session {
            id: field("id=")?.parse().map_err(|_| format!("id: {line}"))?,
            local: field("local=")?.parse().map_err(|_| format!("local: {line}"))?,
            remote: field("remote=")?.parse().map_err(|_| format!("remote: {line}"))?,
            state: state.to_owned(),
        });
    }
    if found.len() == count { Ok(found) } else { Err(format!("{count} announced, {} there", found.len())) }
}

#[test]
fn the_parser_refuses_what_the_supervisor_refuses() {
    let good = "There are 1 sessions:\nSession 1\n id=1 local=10.0.0.2 (p) remote=10.0.0.1 state=Up \n";
    assert_eq!(sessions(good).map(|found| found.len()), Ok(1));
    for (from, to) in
        [("state=Up", "state=Up<Forced>"), ("are 1", "are 2"), ("id=1", "id=x"), ("10.0.0.2", "x")]
    {
        assert!(sessions(&good.replace(from, to)).is_err(), "{to}");
    }
    assert!(sessions("Unknown command <status>\n").is_err());
}

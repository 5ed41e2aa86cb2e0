//! The debug commands: tables for people, JSON for programs (its fields are documented in `docs/cli.md`).

mod bfd;
mod detail;
mod neighbor;

use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::client::{Client, ShowError};
use super::table::Table;
use crate::cli::{Output, RibArgs, ShowArgs};
pub use bfd::bfd;
pub use neighbor::neighbor;

fn socket(show: &ShowArgs) -> PathBuf {
    show.socket.clone().unwrap_or_else(crate::config::default_socket)
}

fn print(out: &mut impl Write, value: &Value) -> Result<(), ShowError> {
    Ok(writeln!(out, "{}", harmless(&format!("{value:#}")))?)
}

/// JSON as it is, but for DEL and the C1 control characters: they may stand in its strings, a router may have put them
/// there, and a terminal obeys them.
fn harmless(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            other => out.push(other),
        }
    }
    out
}

/// `speaker rib [PREFIX]`.
///
/// # Errors
/// [`ShowError`], with its exit code.
pub async fn rib(args: &RibArgs, out: &mut impl Write) -> Result<(), ShowError> {
    let mut client = Client::connect(&socket(&args.show)).await?;
    let prefix = args.prefix.map(|prefix| prefix.to_string()).unwrap_or_default();
    let routes = client.rib(prefix).await?;
    if args.show.output == Output::Json {
        let all = routes.iter().map(|route| json!({ "prefix": route.prefix, "reasons": route.reasons }));
        return print(out, &Value::Array(all.collect()));
    }
    let mut table = Table::new(["Prefix", "Wanted by"]);
    for route in routes {
        table.row([route.prefix, route.reasons.join(", ")]);
    }
    Ok(table.print(out)?)
}

/// `speaker status`.
///
/// # Errors
/// [`ShowError`], with its exit code.
pub async fn status(args: &ShowArgs, out: &mut impl Write) -> Result<(), ShowError> {
    let status = Client::connect(&socket(args)).await?.status().await?;
    if args.output == Output::Json {
        let notices: std::collections::BTreeMap<_, _> = status.notices.into_iter().collect();
        return print(
            out,
            &json!({
                "node": status.node, "version": status.version, "localAs": status.local_as,
                "routerId": status.router_id, "synced": status.synced,
                "ipv4Prefixes": status.ipv4_prefixes, "ipv6Prefixes": status.ipv6_prefixes, "notices": notices,
            }),
        );
    }
    writeln!(out, "Node       {}", status.node)?;
    writeln!(out, "Version    {}", status.version)?;
    writeln!(out, "AS         {}, router ID {}", status.local_as, status.router_id)?;
    let synced =
        if status.synced { "yes" } else { "no: nothing is announced before every source has listed" };
    writeln!(out, "Synced     {synced}")?;
    writeln!(
        out,
        "Wanted     {} IPv4 prefixes, {} IPv6 prefixes",
        status.ipv4_prefixes, status.ipv6_prefixes
    )?;
    for (kind, count) in std::collections::BTreeMap::from_iter(status.notices) {
        writeln!(out, "Notices    {kind}: {count}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_routers_words_stay_the_same_and_move_no_cursor() {
        let value = json!({ "communication": "ü\u{1b}[2J \u{9b}2J \u{7f}\n" });
        let mut out = Vec::new();
        print(&mut out, &value).expect("written");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(text, "{\n  \"communication\": \"ü\\u001b[2J \\u009b2J \\u007f\\n\"\n}\n");
        assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), value);
    }
}

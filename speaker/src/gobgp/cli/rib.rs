//! Tables of routes: what is asked, the rows, the columns, the JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

use super::attribute::{as_path, column, next_hop, usable};
use super::attribute_json::prefix_json;
use super::json::{Object, Raw};
use super::text::{address, ago};
use super::{Error, family, prefix};
use crate::gobgp::api;
use crate::gobgp::api::{TableType, table_lookup_prefix};

/// Which table, and with it which columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// `global rib`.
    Global,
    /// `local`: the table of a route server's client.
    Local,
    /// `adj-in`.
    AdjIn,
    /// `accepted`: what the import policy let pass.
    Accepted,
    /// `rejected`: what it did not.
    Rejected,
    /// `adj-out`.
    AdjOut,
}

impl View {
    pub(super) fn table(self) -> TableType {
        match self {
            Self::Global => TableType::Global,
            Self::Local => TableType::Local,
            Self::AdjIn | Self::Accepted | Self::Rejected => TableType::AdjIn,
            Self::AdjOut => TableType::AdjOut,
        }
    }

    pub(super) fn filters(self) -> bool {
        matches!(self, Self::Accepted | Self::Rejected)
    }
}

/// `[PREFIX [longer-prefixes|shorter-prefixes]]`.
///
/// # Errors
/// For what is neither an address nor a prefix, and for another word behind it.
pub(super) fn lookup(words: &[&str]) -> Result<Vec<api::TableLookupPrefix>, Error> {
    let Some((target, options)) = words.split_first() else { return Ok(Vec::new()) };
    if target.parse::<IpAddr>().is_err() && target.parse::<ipnet::IpNet>().is_err() {
        return Err(Error::said("invalid CIDR/IP"));
    }
    let mut kind = table_lookup_prefix::Type::Unspecified;
    for option in options {
        kind = match *option {
            "longer-prefixes" => table_lookup_prefix::Type::Longer,
            "shorter-prefixes" => table_lookup_prefix::Type::Shorter,
            _ => return Err(Error::said("invalid format for route filtering")),
        };
    }
    Ok(vec![api::TableLookupPrefix { prefix: (*target).into(), r#type: kind.into(), rd: String::new() }])
}

/// The table as text: by network address, whatever order the server has.
pub(super) fn table(
    out: &mut dyn Write,
    view: View,
    mut destinations: Vec<api::Destination>,
    now: i64,
) -> io::Result<()> {
    if destinations.is_empty() {
        return writeln!(out, "Network not in table");
    }
    destinations.sort_by_cached_key(|destination| network(&destination.prefix));
    let paths = destinations.iter().flat_map(|destination| &destination.paths);
    let shown = paths.filter(|path| !view.filters() || path.filtered == (view == View::Rejected));
    let rows: Vec<Row> = shown.map(|path| Row::new(view, path, now)).collect();
    let width =
        |cell: fn(&Row) -> &str| rows.iter().map(|row| cell(row).chars().count()).max().unwrap_or(0).max(20);
    let widths = [width(|row| &row.network), width(|row| &row.next_hop), width(|row| &row.as_path)];
    let header = Row {
        symbols: String::new(),
        id: "ID".into(),
        network: "Network".into(),
        next_hop: "Next Hop".into(),
        as_path: "AS_PATH".into(),
        age: "Age".into(),
        attributes: "Attrs".into(),
        filtered: "Filtered",
    };
    header.print(out, view, widths)?;
    rows.iter().try_for_each(|row| row.print(out, view, widths))
}

/// The key of the order: the network without host bits.
fn network(prefix: &str) -> Option<IpAddr> {
    let net: ipnet::IpNet = prefix.parse().ok()?;
    Some(net.network())
}

struct Row {
    symbols: String,
    id: String,
    network: String,
    next_hop: String,
    as_path: String,
    age: String,
    attributes: String,
    filtered: &'static str,
}

impl Row {
    fn new(view: View, path: &api::Path, now: i64) -> Self {
        let attrs = usable(path).unwrap_or_default();
        let network = path.family.and(path.nlri.as_ref()).and_then(prefix);
        Self {
            symbols: symbols(view, path),
            id: if view == View::AdjOut { path.local_identifier } else { path.identifier }.to_string(),
            network: network.unwrap_or_else(|| "?".into()),
            next_hop: next_hop(&attrs).unwrap_or_else(|| "fictitious".into()),
            as_path: as_path(&attrs),
            age: ago(path.age.unwrap_or_default().seconds, now),
            attributes: column(&attrs),
            filtered: match (path.send_max_filtered, path.filtered) {
                (true, _) => "send-max-filtered",
                (false, true) => "policy-filtered",
                (false, false) => "not filtered",
            },
        }
    }

    fn print(&self, out: &mut dyn Write, view: View, widths: [usize; 3]) -> io::Result<()> {
        let [network, next_hop, as_path] = widths;
        write!(out, "{:<3}", self.symbols)?;
        if !matches!(view, View::Global | View::Local) {
            write!(out, "{:<3} ", self.id)?;
        }
        write!(out, "{:<network$} {:<next_hop$} {:<as_path$} ", self.network, self.next_hop, self.as_path)?;
        if view == View::AdjOut {
            return writeln!(out, "{}{}", self.attributes, self.filtered);
        }
        writeln!(out, "{:<10} {}", self.age, self.attributes)
    }
}

/// Stale, origin validation, best.
fn symbols(view: View, path: &api::Path) -> String {
    let stale = if path.stale { "S" } else { "" };
    let validation = match path.validation.unwrap_or_default().state() {
        api::ValidationState::NotFound => "N",
        api::ValidationState::Valid => "V",
        api::ValidationState::Invalid => "I",
        api::ValidationState::Unspecified | api::ValidationState::None => "",
    };
    let best = match view {
        View::Global | View::Local if path.best && !path.is_nexthop_invalid => "*>",
        View::Global | View::Local => "* ",
        _ => "",
    };
    format!("{stale}{validation}{best}")
}

/// The table as JSON: an object of its prefixes, sorted as text.
pub(super) fn json(destinations: &[api::Destination]) -> String {
    let sorted: BTreeMap<&String, &Vec<api::Path>> =
        destinations.iter().map(|destination| (&destination.prefix, &destination.paths)).collect();
    let mut out = String::new();
    let mut object = Object::open(&mut out);
    for (prefix, paths) in sorted {
        object.always(prefix, &paths.iter().map(path_json).collect::<Vec<_>>());
    }
    object.close();
    out
}

fn path_json(path: &api::Path) -> Raw {
    let mut out = String::new();
    Object::open(&mut out)
        .always("Family", &0_u32) // GoBGP never fills it
        .always("nlri", &path.family.and(path.nlri.as_ref()).and_then(prefix_json))
        .always("age", &path.age.unwrap_or_default().seconds)
        .always("best", &path.best)
        .always("attrs", &usable(path))
        .always("stale", &path.stale)
        .field("withdrawal", &path.is_withdraw)
        .field("peer-id", &address(&path.source_id))
        .field("peer-address", &address(&path.neighbor_ip))
        .field("send-max-filtered", &path.send_max_filtered)
        .always("RemoteID", &0_u32)
        .always("LocalID", &0_u32)
        .close();
    Raw(out)
}

/// `… summary`.
pub(super) fn summary(
    out: &mut dyn Write,
    family: &api::Family,
    table: &api::GetTableResponse,
) -> io::Result<()> {
    writeln!(out, "Table {}", family::text(family))?;
    writeln!(out, "Destination: {}, Path: {}", table.num_destination, table.num_path)
}

//! The configuration file: TOML, walked by hand so that everything wrong is told at once, with file, line and path.

mod bfd;
mod community;
mod given;
mod layer;
mod section;
mod value;

use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use bgp::net::PeerAddr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problems::Problems;
pub(crate) use bfd::method_name as bfd_method_name;
pub(super) use bfd::{BfdGiven, auth as bfd_auth};
pub use community::community_text;
pub(super) use community::link_bandwidth;
pub(super) use given::Given;
use layer::Secrets;
pub(super) use section::Place;
use section::{Section, Source};
pub(super) use value::host;

/// A larger file is surely not ours.
const MAX_FILE: u64 = 1 << 20;

/// What the file says.
#[derive(Debug, Default)]
pub(super) struct File {
    /// Take connections besides dialing; collisions are resolved as RFC 4271 §6.8 says.
    pub(super) listen: bool,
    /// For every neighbour, those of flags too.
    pub(super) defaults: Given,
    /// Neighbours of their own, and more about those of flags.
    pub(super) neighbors: Vec<Entry>,
    /// Addresses of ours that BFD packets are taken on; none: all.
    pub(super) bfd_listen: Vec<IpAddr>,
    /// Real-time priority of the BFD thread.
    pub(super) bfd_real_time: Option<u8>,
    /// The files it names: they count as part of it.
    pub(super) secrets: Vec<PathBuf>,
}

/// One `[[neighbor]]`.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) addr: PeerAddr,
    pub(super) given: Given,
    pub(super) place: Place,
}

/// Reads the file; what is wrong with it is told, what is right is returned for further checks.
pub(super) fn read(path: &Path, problems: &mut Problems) -> File {
    let name = path.display().to_string();
    match contents(path) {
        Ok(text) => parse(Source { name: &name, text: &text }, path, problems),
        Err(error) => {
            problems.add("--config", name, &error);
            File::default()
        }
    }
}

fn contents(path: &Path) -> Result<String, String> {
    let cannot = |error| format!("cannot be read: {error}");
    let mut octets = Vec::new();
    let file = std::fs::File::open(path).map_err(cannot)?;
    file.take(MAX_FILE + 1).read_to_end(&mut octets).map_err(cannot)?;
    if u64::try_from(octets.len()).is_ok_and(|len| len > MAX_FILE) {
        return Err(format!("is larger than {MAX_FILE} octets"));
    }
    String::from_utf8(octets).map_err(|_| "is not UTF-8".to_owned())
}

fn parse(source: Source<'_>, path: &Path, problems: &mut Problems) -> File {
    let (table, errors) = DeTable::parse_recoverable(source.text);
    if !errors.is_empty() {
        for error in &errors {
            // The message alone: the source line, which the error could show, may hold what nobody is to see.
            let line = source.line(error.span().map_or(0, |span| span.start));
            problems.say(format!("{}:{line}: is not TOML: {}", source.name, error.message()));
        }
        return File::default();
    }
    let base = path.parent().unwrap_or(Path::new("."));
    let mut secrets = Secrets { base, read: Vec::new() };
    let mut top = Section::new(source, String::new(), 0, table.get_ref());
    let listen = top.read("listen", problems, value::flag).unwrap_or_default();
    let defaults = read_defaults(&mut top, source, &mut secrets, problems);
    let neighbors = read_neighbors(&mut top, source, &mut secrets, problems);
    let mut file = File { listen, defaults, neighbors, secrets: secrets.read, ..File::default() };
    bfd::read_options(&mut top, &mut file, problems);
    top.finish(problems);
    file
}

fn read_defaults(
    top: &mut Section<'_>,
    source: Source<'_>,
    secrets: &mut Secrets<'_>,
    problems: &mut Problems,
) -> Given {
    let Some((place, value)) = top.take("defaults") else { return Given::default() };
    let Some(table) = value.as_table() else {
        place.refuse("defaults", "must be a table: [defaults]", problems);
        return Given::default();
    };
    let at = first_offset(table);
    let mut section = Section::new(source, "defaults".to_owned(), at, table);
    let given = Given::read(&mut section, secrets, problems);
    section.finish(problems);
    given
}

fn read_neighbors(
    top: &mut Section<'_>,
    source: Source<'_>,
    secrets: &mut Secrets<'_>,
    problems: &mut Problems,
) -> Vec<Entry> {
    let Some((place, value)) = top.take("neighbor") else { return Vec::new() };
    let tables: Option<Vec<(usize, &DeTable<'_>)>> = value.as_array().and_then(|all| {
        all.iter()
            .map(|one: &Spanned<DeValue<'_>>| Some((one.span().start, one.get_ref().as_table()?)))
            .collect()
    });
    let Some(tables) = tables else {
        place.refuse("neighbor", "must be a list of tables: [[neighbor]]", problems);
        return Vec::new();
    };
    let mut entries: Vec<Entry> = Vec::new();
    for (index, (at, table)) in tables.into_iter().enumerate() {
        let mut section = Section::new(source, format!("neighbor[{index}]"), at, table);
        let place = section.place();
        let addr = read_name(&mut section, problems);
        let given = Given::read(&mut section, secrets, problems);
        section.finish(problems);
        let Some(addr) = addr else { continue };
        if entries.iter().any(|other| other.addr == addr) {
            place.refuse("address", format_args!("{addr} has a [[neighbor]] of its own already"), problems);
        } else {
            entries.push(Entry { addr, given, place });
        }
    }
    entries
}

fn read_name(section: &mut Section<'_>, problems: &mut Problems) -> Option<PeerAddr> {
    let place = section.place();
    let (address, interface) = (section.take("address"), section.take("interface"));
    let parsed = match (address, interface) {
        (Some((place, value)), None) => Ok((place, "address", value, value::neighbor(value))),
        (None, Some((place, value))) => Ok((place, "interface", value, value::link(value))),
        (None, None) => Err("is missing: a neighbour has an address, or the interface that it is at"),
        (Some(_), Some(_)) => {
            Err("cannot be used with interface: write fe80::1%eth0 for one address of a link")
        }
    };
    match parsed {
        Ok((_, _, _, Ok(addr))) => Some(addr),
        Ok((place, key, value, Err(rule))) => {
            let value = value.as_str().unwrap_or("the value").escape_debug().to_string();
            place.refuse(key, format_args!("{value} {rule}"), problems);
            None
        }
        Err(rule) => {
            place.refuse("address", rule, problems);
            None
        }
    }
}

/// Where a table begins, for problems with it as a whole: at its first key.
fn first_offset(table: &DeTable<'_>) -> usize {
    table.keys().map(|key| key.span().start).min().unwrap_or(0)
}

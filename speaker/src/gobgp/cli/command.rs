//! From words to requests and answers.

use std::io::{self, Write};
use std::net::IpAddr;

use super::client::Client;
use super::flags::{CommandLine, Scope};
use super::json::document;
use super::rib::{self, View};
use super::{Error, family, neighbor, text, words};
use crate::gobgp::api;
use crate::gobgp::api::reset_peer_request::Direction;

/// As BGP has it for a text in a Cease (RFC 9003 §2), in octets.
const LONGEST_REASON: usize = 128;

const ROOT: [&str; 11] = [
    "global",
    "neighbor",
    "vrf",
    "policy",
    "monitor",
    "mrt",
    "rpki",
    "bmp",
    "log-level",
    "completion",
    "help",
];

const HELP: &str = "\
Asks a BGP speaker that serves GoBGP's API, generation 4, as GoBGP's own command does.

Usage:
  gobgp [flags] COMMAND            words of a command may be shortened: gobgp neigh

Commands:
  global                           AS, router id, listening addresses
  global rib [PREFIX [longer-prefixes|shorter-prefixes]] [-a FAMILY]
  global rib summary [-a FAMILY]
  neighbor [-a FAMILY]             all neighbours
  neighbor ADDR                    one neighbour
  neighbor ADDR adj-in|adj-out|accepted|rejected|local [PREFIX [longer-prefixes|shorter-prefixes]] [-a FAMILY]
  neighbor ADDR adj-in|adj-out|local summary [-a FAMILY]
  neighbor ADDR softreset|softresetin|softresetout
  neighbor ADDR reset|shutdown [--reason TEXT]
  neighbor ADDR enable|disable
  monitor neighbor [ADDR]          changes of the sessions' states, as they happen

Flags:
  -u, --host HOST                  default 127.0.0.1
  -p, --port PORT                  default 50051
      --target TARGET              instead of both: HOST:PORT or unix:PATH
  -a, --address-family FAMILY      ipv4 or ipv6
  -j, --json                       JSON
  -q, --quiet                      addresses only, for neighbor
      --version, -h, --help
";

/// Runs one command.
///
/// # Errors
/// What is to be reported instead of an answer.
pub(super) async fn execute(line: &CommandLine, out: &mut dyn Write) -> Result<(), Error> {
    let words: Vec<&str> = line.words.iter().map(String::as_str).collect();
    let Some((first, rest)) = words.split_first() else { return Ok(out.write_all(HELP.as_bytes())?) };
    let Some(command) = words::pick(first, &ROOT) else {
        return Err(Error::Usage(words::unknown(first, "gobgp", &ROOT[..9])));
    };
    if line.options.help || command == "help" {
        return Ok(out.write_all(HELP.as_bytes())?);
    }
    match command {
        "global" => global(line, rest, out).await,
        "neighbor" => neighbors(line, rest, out).await,
        "monitor" => monitor(line, rest, out).await,
        other => Err(absent(other)),
    }
}

/// For what GoBGP's command has and this one has not.
fn absent(what: &str) -> Error {
    Error::said(format!("{what} is not there: there are global, global rib, neighbor and monitor neighbor"))
}

async fn global(line: &CommandLine, words: &[&str], out: &mut dyn Write) -> Result<(), Error> {
    let Some((first, rest)) = words.split_first() else {
        line.only(&[]).map_err(Error::Usage)?;
        let global = Client::connect(&line.options).await?.global().await?;
        if line.options.json {
            return Ok(writeln!(out, "{}", document(&global))?);
        }
        return Ok(show_global(out, &global)?);
    };
    match words::pick(first, &["rib", "policy", "del"]) {
        Some("rib") => {}
        Some(other) => return Err(absent(&format!("global {other}"))),
        None => return Err(absent("setting AS and router id")),
    }
    line.only(&[Scope::Tables, Scope::Rib]).map_err(Error::Usage)?;
    let first = rest.first().and_then(|word| words::pick(word, &["add", "del", "summary"]));
    match first {
        Some("summary") => summary(line, View::Global, "", out).await,
        Some(other) => Err(absent(&format!("global rib {other}"))),
        None => table(line, View::Global, "", rest, out).await,
    }
}

fn show_global(out: &mut dyn Write, global: &api::Global) -> io::Result<()> {
    writeln!(out, "AS:        {}\nRouter-ID: {}", global.asn, text::clean(&global.router_id))?;
    if !global.listen_addresses.is_empty() {
        let addresses = global.listen_addresses.join(", ");
        writeln!(out, "Listening Port: {}, Addresses: {}", global.listen_port, text::clean(&addresses))?;
    }
    if global.use_multiple_paths {
        write!(out, "Multipath: enabled")?;
    }
    Ok(())
}

async fn neighbors(line: &CommandLine, words: &[&str], out: &mut dyn Write) -> Result<(), Error> {
    line.only(&[Scope::Neighbor, Scope::Tables]).map_err(Error::Usage)?;
    let options = &line.options;
    if let Some(other) = words.first().and_then(|word| words::pick(word, &["add", "del", "update"])) {
        return Err(absent(&format!("neighbor {other}")));
    }
    match words {
        [] => {
            let peers = Client::connect(options).await?.peers("", false).await?;
            if options.json {
                writeln!(out, "{}", document(&peers))?;
            } else if options.quiet {
                for state in peers.iter().filter_map(|peer| peer.state.as_ref()) {
                    writeln!(out, "{}", text::clean(&state.neighbor_address))?;
                }
            } else {
                neighbor::list(out, &peers, &options.family, text::now())?;
            }
            Ok(())
        }
        [address] => {
            let peer = Client::connect(options).await?.peer(address, true).await?;
            if options.json {
                return Ok(writeln!(out, "{}", document(&peer))?);
            }
            neighbor::detail(out, &peer, &options.family, text::now())
        }
        [address, word, rest @ ..] => one_neighbor(line, address, word, rest, out).await,
    }
}

const OF_ONE: [&str; 13] = [
    "local",
    "adj-in",
    "adj-out",
    "accepted",
    "rejected",
    "reset",
    "softreset",
    "softresetin",
    "softresetout",
    "shutdown",
    "enable",
    "disable",
    "policy",
];

async fn one_neighbor(
    line: &CommandLine,
    address: &str,
    word: &str,
    rest: &[&str],
    out: &mut dyn Write,
) -> Result<(), Error> {
    let Some(command) = words::pick(word, &OF_ONE) else {
        return Err(Error::said(words::unknown(word, "", &OF_ONE)));
    };
    let view = match command {
        "local" => View::Local,
        "adj-in" => View::AdjIn,
        "adj-out" => View::AdjOut,
        "accepted" => View::Accepted,
        "rejected" => View::Rejected,
        "policy" => return Err(absent("neighbor ADDR policy")),
        _ => return act(line, address, command, out).await,
    };
    let summarized = rest.first().is_some_and(|word| words::pick(word, &["summary"]).is_some());
    if summarized && !view.filters() {
        return summary(line, view, address, out).await;
    }
    table(line, view, address, rest, out).await
}

/// Commands that change a session; silent when the server did it.
async fn act(line: &CommandLine, address: &str, command: &str, out: &mut dyn Write) -> Result<(), Error> {
    let mut client = Client::connect(&line.options).await?;
    let all = address == "all" && !matches!(command, "enable" | "disable");
    let address = match all {
        true => address.to_owned(),
        false => client.peer(address, false).await?.state.unwrap_or_default().neighbor_address,
    };
    let reason = line.options.reason.clone();
    if reason.len() > LONGEST_REASON {
        let rule = format!("too long reason for shutdown communication (max {LONGEST_REASON} bytes)");
        return Err(Error::Said(rule));
    }
    let reset = |address, communication, direction: Direction| api::ResetPeerRequest {
        address,
        communication,
        soft: command != "reset",
        direction: direction.into(),
    };
    match command {
        "reset" => client.reset(reset(address, reason, Direction::Both)).await,
        "softreset" => client.reset(reset(address, String::new(), Direction::Both)).await,
        "softresetin" => client.reset(reset(address, String::new(), Direction::In)).await,
        "softresetout" => client.reset(reset(address, String::new(), Direction::Out)).await,
        "enable" => client.enable(address).await,
        "disable" => client.disable(address).await,
        _ => {
            writeln!(out, "WARNING: command `shutdown` is deprecated. use `disable` instead")?;
            client.shutdown(address, reason).await
        }
    }
}

/// A table of routes; of a neighbour after asking for its address, as it may be called by an interface.
async fn table(
    line: &CommandLine,
    view: View,
    address: &str,
    words: &[&str],
    out: &mut dyn Write,
) -> Result<(), Error> {
    let mut client = Client::connect(&line.options).await?;
    let name = match view {
        View::Global => String::new(),
        _ => client.peer(address, false).await?.state.unwrap_or_default().neighbor_address,
    };
    let request = api::ListPathRequest {
        table_type: view.table().into(),
        family: Some(family_of(line, view, &name)?),
        prefixes: rib::lookup(words)?,
        sort_type: api::list_path_request::SortType::Prefix.into(),
        enable_filtered: view.filters(),
        batch_size: line.options.batch_size,
        name: name.clone(),
        ..Default::default()
    };
    let destinations = client.paths(request).await?;
    if destinations.is_empty() && view != View::Global {
        let state = client.peer(&name, false).await?.state.unwrap_or_default();
        if state.session_state() != api::peer_state::SessionState::Established {
            return Err(Error::said(format!(
                "neighbor {}'s BGP session is not established",
                text::clean(&name)
            )));
        }
    }
    if line.options.json {
        return Ok(writeln!(out, "{}", rib::json(&destinations))?);
    }
    Ok(rib::table(out, view, destinations, text::now())?)
}

async fn summary(line: &CommandLine, view: View, address: &str, out: &mut dyn Write) -> Result<(), Error> {
    let family = family_of(line, view, address)?;
    let table_type = view.table().into();
    let request = api::GetTableRequest { table_type, family: Some(family), name: address.into() };
    let counts = Client::connect(&line.options).await?.counts(request).await?;
    if line.options.json {
        return Ok(writeln!(out, "{}", document(&counts))?);
    }
    Ok(rib::summary(out, &family, &counts)?)
}

/// `-a`, else IPv4 for the global table and the family of its address for a neighbour's.
fn family_of(line: &CommandLine, view: View, address: &str) -> Result<api::Family, Error> {
    if !line.options.family.is_empty() {
        return family::parse(&line.options.family);
    }
    if view == View::Global {
        return Ok(family::IPV4);
    }
    // An address may carry a zone.
    match address.split('%').next().unwrap_or_default().parse() {
        Ok(IpAddr::V4(_)) => Ok(family::IPV4),
        Ok(IpAddr::V6(_)) => Ok(family::IPV6),
        Err(_) => {
            Err(Error::said(format!("{:?} has no address family: say which with -a", text::clean(address))))
        }
    }
}

async fn monitor(line: &CommandLine, words: &[&str], out: &mut dyn Write) -> Result<(), Error> {
    line.only(&[Scope::Monitor]).map_err(Error::Usage)?;
    let Some((first, rest)) = words.split_first() else { return Ok(out.write_all(HELP.as_bytes())?) };
    match words::pick(first, &["global", "neighbor", "adj-in"]) {
        Some("neighbor") => {}
        Some(other) => return Err(absent(&format!("monitor {other}"))),
        None => {
            return Err(Error::Usage(words::unknown(
                first,
                "gobgp monitor",
                &["global", "neighbor", "adj-in"],
            )));
        }
    }
    if rest.len() > 1 {
        return Err(Error::Usage(format!("accepts at most 1 arg(s), received {}", rest.len())));
    }
    let json = line.options.json;
    let mut client = Client::connect(&line.options).await?;
    let each = |peer: api::Peer| {
        let conf = peer.conf.clone().unwrap_or_default();
        // As text, as GoBGP compares; but without an address that one shows nothing at all.
        if rest.first().is_some_and(|address| conf.neighbor_address != **address) {
            return Ok(());
        }
        let shown = if json { document(&peer) } else { change(&peer, &conf, text::now()) };
        writeln!(out, "{shown}")?;
        Ok(out.flush()?)
    };
    client.changes(each).await
}

/// One line of `monitor neighbor`.
fn change(peer: &api::Peer, conf: &api::PeerConf, now: i64) -> String {
    let state = peer.state.clone().unwrap_or_default();
    let address = match conf.neighbor_interface.as_str() {
        "" => text::clean(&conf.neighbor_address).into_owned(),
        interface => format!("{}({})", text::clean(&conf.neighbor_address), text::clean(interface)),
    };
    let (fsm, admin) = (neighbor::session_state(&state), neighbor::admin_state(&state));
    format!("{} [NEIGH] {address} fsm: {fsm} admin: {admin}", text::moment(now))
}

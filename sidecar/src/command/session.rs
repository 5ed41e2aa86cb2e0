//! `session …`.

use bfd::{DetectMult, Diagnostic, Micros};

use super::{Act, Command, Item, Words, which, yes_or_no};

const WHICH: &str = "'all', 'new', session id or 'remote ip local ip'";
const ACTIONS: &str = "'state', 'set', 'kill', 'reset', 'suspend' or 'resume'";
const STATES: &str = "'up', 'admin', or 'down'";
const ITEMS: &str = "'mintx', 'minrx', 'multi', 'cpi' or 'admin_up_poll'";
const UNITS: &str = "'s', 'ms' or 'us'";
/// The last diagnostic RFC 5880 §4.1 names.
const LAST_DIAGNOSTIC: u8 = Diagnostic::REVERSE_CONCATENATED_DOWN.0;

pub(super) fn parse(words: &mut Words<'_>) -> Result<Command, String> {
    let first = words.next().ok_or_else(|| format!("Must supply {WHICH}.\n"))?;
    let target = match first {
        "new" => None,
        _ => Some(
            which(first, words)
                .map_err(|error| format!("Must supply {WHICH} before other settings. {error}\n"))?,
        ),
    };
    let act = act(words)?;
    match (target, act) {
        (Some(which), act) => Ok(Command::Session(which, act)),
        (None, Act::Set(item)) => Ok(Command::Defaults(item)),
        (None, _) => Err("'new' can only be used with 'set'.\n".to_owned()),
    }
}

fn act(words: &mut Words<'_>) -> Result<Act, String> {
    let word = words.next().ok_or_else(|| format!("Must supply session action: {ACTIONS}.\n"))?;
    match word {
        "state" => state(words),
        "set" => item(words).map(Act::Set),
        "kill" => Ok(Act::Kill),
        "reset" => Ok(Act::Reset),
        "suspend" => Ok(Act::Suspend),
        "resume" => Ok(Act::Resume),
        _ => Err(format!("Unrecognized session action <{word}> use: {ACTIONS}.\n")),
    }
}

fn state(words: &mut Words<'_>) -> Result<Act, String> {
    let word = words.next().ok_or_else(|| format!("Must supply state: {STATES}.\n"))?;
    if !["up", "down", "admin"].contains(&word) {
        return Err(format!("Unrecognized state <{word}> use {STATES}.\n"));
    }
    let diagnostic = match words.next() {
        None => None,
        Some(_) if word == "up" => return Err("State up can not have diagnostic value.\n".to_owned()),
        Some(text) => Some(diagnostic(text)?),
    };
    Ok(match word {
        "up" => Act::Up,
        "down" => Act::Down(diagnostic.unwrap_or(Diagnostic::PATH_DOWN)),
        _ => Act::Admin(diagnostic.unwrap_or(Diagnostic::ADMIN_DOWN)),
    })
}

fn diagnostic(text: &str) -> Result<Diagnostic, String> {
    let number: i64 =
        text.parse().map_err(|_| format!("Unrecognized diagnostic value. Must be integer <{text}>.\n"))?;
    match u8::try_from(number) {
        Ok(number @ 0..=LAST_DIAGNOSTIC) => Ok(Diagnostic(number)),
        _ => Err(format!("Diagnostic value. Must be integer between 0 and {LAST_DIAGNOSTIC}.\n")),
    }
}

fn item(words: &mut Words<'_>) -> Result<Item, String> {
    let name = words.next().ok_or_else(|| format!("Must supply item to set: {ITEMS}.\n"))?;
    if !["mintx", "minrx", "multi", "cpi", "admin_up_poll"].contains(&name) {
        return Err(format!("Unrecognized item to set <{name}> use {ITEMS}.\n"));
    }
    let value = words.next();
    if let "cpi" | "admin_up_poll" = name {
        let rule = format!("Must supply 'yes' or 'no' for 'set {name}'.");
        let value = value.ok_or_else(|| format!("{rule}\n"))?;
        let on = yes_or_no(value).ok_or_else(|| format!("{rule} Unknown value <{value}>.\n"))?;
        return Ok(if name == "cpi" { Item::ControlPlaneIndependent(on) } else { Item::AdminUpPoll(on) });
    }
    let value = value.ok_or_else(|| format!("Must supply value for 'set {name}'.\n"))?;
    match name {
        "multi" => multi(value).map(Item::Multi),
        "minrx" => time(name, value, words).map(Item::MinRx),
        _ => match time(name, value, words)? {
            Micros(0) => Err("'set mintx' value can not be 0.\n".to_owned()),
            time => Ok(Item::MinTx(time)),
        },
    }
}

/// A multiplier outside 1 to 255 is refused; the one it imitates went on with the number cut to eight bits.
fn multi(text: &str) -> Result<DetectMult, String> {
    let no_number = || "Must supply an non-zero integer value for 'set multi'.\n".to_owned();
    let number: i64 = text.parse().map_err(|_| no_number())?;
    if number < 0 {
        return Err(no_number());
    }
    let number = u8::try_from(number).map_err(|_| "Value for 'set multi is too large..\n".to_owned())?;
    DetectMult::new(number).ok_or_else(|| "'set multi' value can not be 0.\n".to_owned())
}

/// A number and its unit.
fn time(name: &str, value: &str, words: &mut Words<'_>) -> Result<Micros, String> {
    let number: i64 = value
        .parse()
        .map_err(|_| format!("'set {name}' value must be an integer followed by time unit : <{value}>.\n"))?;
    let number = u64::try_from(number).map_err(|_| "Negative values not allowed\n".to_owned())?;
    let unit =
        words.next().ok_or_else(|| format!("Must supply a unit after the value {value}: {UNITS}\n"))?;
    let (factor, too_large) = match unit {
        "s" => (1_000_000, " seconds is too large to be converted to microseconds.\n"),
        "ms" => (1_000, " milliseconds is too large to be converted to microseconds.\n"),
        "us" => (1, " microseconds is too large.\n"),
        _ => return Err(format!("Unknown unit <{unit}>. Use: {UNITS}\n")),
    };
    number
        .checked_mul(factor)
        .and_then(|micros| u32::try_from(micros).ok())
        .map(Micros)
        .ok_or_else(|| format!("Value <{value}>{too_large}"))
}

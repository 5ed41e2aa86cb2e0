//! `log …`.

use super::{LogCommand, Words, yes_or_no};
use crate::logging::{Level, Type};

const ITEMS: &str = "'level', 'type' or 'timing'";
const YES_OR_NO: &str = "Must specify 'yes' or 'no'.\n";

pub(super) fn parse(words: &mut Words<'_>) -> Result<LogCommand, String> {
    let item = words.next().ok_or_else(|| format!("Must specify: {ITEMS}.\n"))?;
    match item {
        "level" => match words.next().ok_or("Must specify a level name or 'list'.\n")? {
            "list" => Ok(LogCommand::Levels),
            name => {
                Level::named(name).map(LogCommand::Level).ok_or_else(|| format!("Unknown level: {name}.\n"))
            }
        },
        "type" => match words.next().ok_or("'type' must be followed by 'list' or a log type.\n")? {
            "list" => Ok(LogCommand::Types),
            name => {
                let kind = Type::named(name).ok_or_else(|| format!("Unknown log type: {name}.\n"))?;
                Ok(LogCommand::Type(kind, words.next().and_then(yes_or_no).ok_or(YES_OR_NO)?))
            }
        },
        "timing" => Ok(LogCommand::Timing(words.next().and_then(yes_or_no).ok_or(YES_OR_NO)?)),
        _ => Err(format!("'log' must be followed by one of {ITEMS}. Unknown <{item}>\n")),
    }
}

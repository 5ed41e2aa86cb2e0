//! Commands that cannot be read, and what is said of them; expectations by hand from the documented texts.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use bfd::{DetectMult, Diagnostic, Micros};
use sidecar::command::{Act, Command, Item, LogCommand, Pair, Which, parse};
use sidecar::logging::{Level, Type};
use sidecar::status::Form;

fn read(line: &str) -> Result<Command, String> {
    parse(&line.split(' ').collect::<Vec<_>>())
}

const WHICH: &str = "Must supply 'all', session id or 'remote ip local ip' before other settings.";
const SESSION: &str = "Must supply 'all', 'new', session id or 'remote ip local ip'";
const ACTIONS: &str = "'state', 'set', 'kill', 'reset', 'suspend' or 'resume'";

fn refused(cases: &[(&str, &str)]) {
    for (line, reply) in cases {
        assert_eq!(read(line), Err(format!("{reply}\n")), "{line}");
    }
}

#[test]
fn what_is_wrong_with_a_peer_or_a_form_is_said() {
    refused(&[
        ("bogus", "Unknown command <bogus>"),
        ("consume 5", "Unknown command <consume>"),
        ("test consume 5", "Unknown command <test>"),
        ("allow", "Must supply ip address."),
        ("allow 10.0.0.01", "Invalid IPv4 or IPv6 address <10.0.0.01>."),
        ("block", "Must supply an IPv4 or IPv6 address."),
        ("block x", "Invalid IPv4 or IPv6 address <x>."),
        ("connect", "Must supply 'local ip remote ip' address pair."),
        (
            "connect all",
            "'connect' must be followed by an ip pair. Error: Unknown <all> should be 'remote' or 'local'.",
        ),
        ("status x", &format!("{WHICH} Unknown <x>.")),
        ("status 0", &format!("{WHICH} Unknown <0>.")),
        ("status ALL", &format!("{WHICH} Unknown <ALL>.")),
        ("status local 10.0.0.1", &format!("{WHICH} Error: 'remote' not found.")),
        ("status local 10.0.0.1 remote ::1", &format!("{WHICH} Error: can not mix IPv4 and IPv6 addresses.")),
        (
            "status remote 10.0.0.1 to",
            &format!("{WHICH} Error: unknown <to>. 'remote' ip must be followed by 'local'."),
        ),
        ("status remote x", &format!("{WHICH} Error: <x> is not an IPv4 or IPv6 address.")),
        (
            "status remote 1.1.1.1 local",
            &format!("{WHICH} Error: 'local' should be followed by an ip address."),
        ),
        ("status all level", "level must be followed by an integer."),
        ("status all level x", "level value must be an integer : <x>."),
        ("status all Brief", "Unrecognized  status setting <Brief>."),
    ]);
}

#[test]
fn what_is_wrong_with_a_session_command_is_said() {
    refused(&[
        ("session", &format!("{SESSION}.")),
        ("session x kill", &format!("{SESSION} before other settings. Unknown <x>.")),
        ("session all", &format!("Must supply session action: {ACTIONS}.")),
        ("session all jump", &format!("Unrecognized session action <jump> use: {ACTIONS}.")),
        ("session new kill", "'new' can only be used with 'set'."),
        ("session all set", "Must supply item to set: 'mintx', 'minrx', 'multi', 'cpi' or 'admin_up_poll'."),
        (
            "session all set x",
            "Unrecognized item to set <x> use 'mintx', 'minrx', 'multi', 'cpi' or 'admin_up_poll'.",
        ),
    ]);
}

#[test]
fn what_is_wrong_with_a_value_is_said() {
    refused(&[
        ("session new set mintx", "Must supply value for 'set mintx'."),
        ("session new set mintx 5", "Must supply a unit after the value 5: 's', 'ms' or 'us'"),
        ("session new set mintx 5 m", "Unknown unit <m>. Use: 's', 'ms' or 'us'"),
        ("session new set mintx -5 ms", "Negative values not allowed"),
        ("session new set mintx 0 ms", "'set mintx' value can not be 0."),
        ("session new set mintx x ms", "'set mintx' value must be an integer followed by time unit : <x>."),
        (
            "session new set minrx 4295 s",
            "Value <4295> seconds is too large to be converted to microseconds.",
        ),
        ("session new set minrx 4294967296 us", "Value <4294967296> microseconds is too large."),
        ("session new set multi", "Must supply value for 'set multi'."),
        ("session new set multi 0", "'set multi' value can not be 0."),
        ("session new set multi 256", "Value for 'set multi is too large.."),
        ("session new set multi -3", "Must supply an non-zero integer value for 'set multi'."),
        ("session new set cpi", "Must supply 'yes' or 'no' for 'set cpi'."),
        ("session new set cpi on", "Must supply 'yes' or 'no' for 'set cpi'. Unknown value <on>."),
        ("session all state", "Must supply state: 'up', 'admin', or 'down'."),
        ("session all state init", "Unrecognized state <init> use 'up', 'admin', or 'down'."),
        ("session all state up 1", "State up can not have diagnostic value."),
        ("session all state down x", "Unrecognized diagnostic value. Must be integer <x>."),
        ("session all state down 9", "Diagnostic value. Must be integer between 0 and 8."),
        ("log", "Must specify: 'level', 'type' or 'timing'."),
        ("log x", "'log' must be followed by one of 'level', 'type' or 'timing'. Unknown <x>"),
        ("log level", "Must specify a level name or 'list'."),
        ("log level x", "Unknown level: x."),
        ("log type", "'type' must be followed by 'list' or a log type."),
        ("log type x", "Unknown log type: x."),
        ("log type app", "Must specify 'yes' or 'no'."),
        ("log timing maybe", "Must specify 'yes' or 'no'."),
    ]);
}

#[test]
fn commands_are_read() {
    let address = |text: &str| sidecar::address::Address::parse(text).unwrap();
    let pair = Pair { local: address("10.0.0.2"), remote: address("10.0.0.1") };
    for (line, command) in [
        ("STOP", Command::Stop),
        ("Version", Command::Version),
        ("allow FD00::0:1", Command::Allow(address("fd00::1"))),
        ("block 0.0.0.0", Command::Block(address("0.0.0.0"))),
        ("connect remote 10.0.0.1 local 10.0.0.2", Command::Connect(pair)),
        ("status", Command::Status(Which::All, Form { level: 1, brief: false, compact: true })),
        ("status 7", Command::Status(Which::Id(7), Form { level: 1, brief: false, compact: false })),
        (
            "status all level 4 brief compact",
            Command::Status(Which::All, Form { level: 4, brief: true, compact: true }),
        ),
        ("session new set multi 255", Command::Defaults(Item::Multi(DetectMult::new(255).unwrap()))),
        ("session new set minrx 0 s", Command::Defaults(Item::MinRx(Micros(0)))),
        (
            "session 7 set mintx 300 ms",
            Command::Session(Which::Id(7), Act::Set(Item::MinTx(Micros(300_000)))),
        ),
        ("session local 10.0.0.2 remote 10.0.0.1 reset", Command::Session(Which::Pair(pair), Act::Reset)),
        ("session all state down", Command::Session(Which::All, Act::Down(Diagnostic(5)))),
        ("session all state admin 0", Command::Session(Which::All, Act::Admin(Diagnostic(0)))),
        ("session all state up", Command::Session(Which::All, Act::Up)),
        ("log level dev", Command::Log(LogCommand::Level(Level::Dev))),
        ("log type command no", Command::Log(LogCommand::Type(Type::Command, false))),
        ("log timing yes", Command::Log(LogCommand::Timing(true))),
    ] {
        assert_eq!(read(line), Ok(command), "{line}");
    }
}

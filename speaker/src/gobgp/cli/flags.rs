//! Flags and words of a command line, told apart as Go's `pflag` does: anywhere, `-p 1`, `-p1`, `--port=1`, `-jq`.

use crate::cli::go;

/// Which commands take a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Every command.
    All,
    /// `neighbor`.
    Neighbor,
    /// `neighbor` and `global rib`.
    Tables,
    /// `global rib`.
    Rib,
    /// `monitor`.
    Monitor,
}

/// A flag: what it is called, whether it takes a value, who takes it.
struct Flag {
    long: &'static str,
    short: Option<char>,
    valued: bool,
    scope: Scope,
}

const fn flag(long: &'static str, short: Option<char>, valued: bool, scope: Scope) -> Flag {
    Flag { long, short, valued, scope }
}

const FLAGS: [Flag; 19] = [
    flag("host", Some('u'), true, Scope::All),
    flag("port", Some('p'), true, Scope::All),
    flag("target", None, true, Scope::All),
    flag("json", Some('j'), false, Scope::All),
    flag("quiet", Some('q'), false, Scope::All),
    flag("debug", Some('d'), false, Scope::All),
    flag("help", Some('h'), false, Scope::All),
    flag("gen-cmpl", Some('c'), false, Scope::All),
    flag("bash-cmpl-file", None, true, Scope::All),
    flag("pprof-port", Some('r'), true, Scope::All),
    flag("tls", None, false, Scope::All),
    flag("tls-ca-file", None, true, Scope::All),
    flag("tls-client-cert-file", None, true, Scope::All),
    flag("tls-client-key-file", None, true, Scope::All),
    flag("address-family", Some('a'), true, Scope::Tables),
    flag("reason", None, true, Scope::Neighbor),
    flag("transport", Some('t'), true, Scope::Neighbor),
    flag("batch-size", Some('b'), true, Scope::Rib),
    flag("current", None, false, Scope::Monitor),
];

/// What the flags said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) host: String,
    pub(super) port: u16,
    /// Instead of host and port; empty if not given.
    pub(super) target: String,
    pub(super) json: bool,
    pub(super) quiet: bool,
    pub(super) help: bool,
    pub(super) tls: bool,
    /// `-a`, as written; empty if not given.
    pub(super) family: String,
    pub(super) reason: String,
    pub(super) batch_size: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 50051,
            target: String::new(),
            json: false,
            quiet: false,
            help: false,
            tls: false,
            family: String::new(),
            reason: String::new(),
            batch_size: 0,
        }
    }
}

/// A command line taken apart.
#[derive(Debug, Default)]
pub(super) struct CommandLine {
    pub(super) options: Options,
    pub(super) words: Vec<String>,
    /// The flags that only some commands take, as they were written.
    limited: Vec<(Scope, String)>,
}

impl CommandLine {
    /// Takes the arguments apart.
    ///
    /// # Errors
    /// A sentence, for a flag that does not exist or a value that it cannot have.
    pub(super) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut line = Self::default();
        let mut rest = arguments.into_iter();
        while let Some(argument) = rest.next() {
            if argument == "--" {
                line.words.extend(rest);
                break;
            } else if let Some(long) = argument.strip_prefix("--") {
                line.long(long, &mut rest)?;
            } else if argument.len() > 1 && argument.starts_with('-') {
                line.short(&argument[1..], &mut rest)?;
            } else {
                line.words.push(argument);
            }
        }
        Ok(line)
    }

    /// Refuses the flags that a command with these scopes does not take.
    ///
    /// # Errors
    /// A sentence that names the flag.
    pub(super) fn only(&self, scopes: &[Scope]) -> Result<(), String> {
        let foreign = self.limited.iter().find(|(scope, _)| !scopes.contains(scope));
        foreign.map_or(Ok(()), |(_, written)| Err(format!("{written} is no flag of this command")))
    }

    fn long(&mut self, written: &str, rest: &mut impl Iterator<Item = String>) -> Result<(), String> {
        let (name, value) = match written.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (written, None),
        };
        let flag = FLAGS.iter().find(|flag| flag.long == name);
        let flag = flag.ok_or_else(|| format!("unknown flag: --{name}"))?;
        let value = match value {
            Some(value) => value,
            None if !flag.valued => "true".into(),
            None => rest.next().ok_or_else(|| format!("flag needs an argument: --{name}"))?,
        };
        self.set(flag, &value, &format!("--{name}"))
    }

    /// One or more letters: the last one may take a value, behind it, behind `=` or as the next argument.
    fn short(&mut self, letters: &str, rest: &mut impl Iterator<Item = String>) -> Result<(), String> {
        let mut left = letters.chars();
        while let Some(letter) = left.next() {
            let flag = FLAGS.iter().find(|flag| flag.short == Some(letter));
            let flag = flag.ok_or_else(|| format!("unknown shorthand flag: '{letter}' in -{letters}"))?;
            let behind = left.as_str();
            let value = match behind.strip_prefix('=') {
                Some(value) => value.to_owned(),
                None if !flag.valued => {
                    self.set(flag, "true", &format!("-{letter}"))?;
                    continue;
                }
                None if !behind.is_empty() => behind.to_owned(),
                None => {
                    rest.next().ok_or_else(|| format!("flag needs an argument: '{letter}' in -{letters}"))?
                }
            };
            return self.set(flag, &value, &format!("-{letter}"));
        }
        Ok(())
    }

    fn set(&mut self, flag: &Flag, value: &str, written: &str) -> Result<(), String> {
        let wrong = |rule: &str| format!("invalid argument {value:?} for \"{written}\" flag: {rule}");
        let options = &mut self.options;
        let yes = if flag.valued { false } else { go::boolean(value).map_err(|rule| wrong(&rule))? };
        match flag.long {
            "host" => value.clone_into(&mut options.host),
            "port" => options.port = value.parse().map_err(|_| wrong("a port is 0 to 65535"))?,
            "target" => value.clone_into(&mut options.target),
            "json" => options.json = yes,
            "quiet" => options.quiet = yes,
            "help" => options.help = yes,
            "tls" => options.tls = yes,
            "address-family" => value.clone_into(&mut options.family),
            "reason" => value.clone_into(&mut options.reason),
            "batch-size" => {
                options.batch_size = value.parse().map_err(|_| wrong("a number of paths is expected"))?;
            }
            _ => {} // debug and the like: taken and without meaning here
        }
        if flag.scope != Scope::All {
            self.limited.push((flag.scope, written.to_owned()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<CommandLine, String> {
        CommandLine::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn flags_stand_anywhere_and_in_every_spelling() {
        for line in [
            "-p 50052 -j neighbor 10.0.0.1 -a ipv6",
            "neighbor -p50052 10.0.0.1 -ja ipv6",
            "neighbor 10.0.0.1 --port=50052 --json=true --address-family ipv6",
            "neighbor -p=50052 -aipv6 --json -- 10.0.0.1",
        ] {
            let line = parse(line).unwrap();
            assert_eq!(line.words, ["neighbor", "10.0.0.1"]);
            let wanted = Options { port: 50052, json: true, family: "ipv6".into(), ..Options::default() };
            assert_eq!(line.options, wanted);
        }
    }

    #[test]
    fn the_defaults_are_those_of_gobgp() {
        let options = parse("global").unwrap().options;
        assert_eq!((options.host.as_str(), options.port, options.target.as_str()), ("127.0.0.1", 50051, ""));
    }

    #[test]
    fn wrong_flags_are_named() {
        for (line, said) in [
            ("-z global", "unknown shorthand flag: 'z' in -z"),
            ("--zone global", "unknown flag: --zone"),
            ("global -p", "flag needs an argument: 'p' in -p"),
            ("global --port", "flag needs an argument: --port"),
            ("-p x global", "invalid argument \"x\" for \"-p\" flag: a port is 0 to 65535"),
            ("--json=x", "invalid argument \"x\" for \"--json\" flag: \"x\" is neither true nor false"),
        ] {
            assert_eq!(parse(line).unwrap_err(), said);
        }
    }

    #[test]
    fn a_flag_of_another_command_is_refused() {
        let line = parse("global -a ipv6").unwrap();
        assert_eq!(line.only(&[]).unwrap_err(), "-a is no flag of this command");
        assert_eq!(line.only(&[Scope::Tables]), Ok(()));
    }
}

//! The nat table: which rules there are to be, and how to get there from what `iptables-save` shows.
//!
//! Two chains are ours, [`MASQUERADE`] and [`MARK`], and so is a rule of a built-in chain that jumps to one of them.
//! Nothing else is looked at. The rules are ones that `iptables -S` shows as they are written here.

use ipnet::IpNet;

use super::settings::Wanted;

/// The chain that decides who leaves with the gateway's address.
pub const MASQUERADE: &str = "VEG-MASQUERADE";
/// The chain that marks what comes from the VPC. Only there where sources without a rule of their own are masqueraded.
pub const MARK: &str = "VEG-MARK";
/// The mark, with its mask. It is read before the packet leaves the pod, and nobody outside sees it.
const MARKED: &str = "0x4000/0x4000";

/// A jump from a built-in chain, and the rules of the chain it leads to.
struct Chain {
    name: &'static str,
    from: &'static str,
    /// Without `-A CHAIN `. `None`: there is to be no such chain.
    wanted: Option<(String, Vec<String>)>,
}

fn chains(wanted: &Wanted, internal: &str, external: &str) -> [Chain; 2] {
    let mark = || (format!("-i {internal} -j {MARK}"), vec![format!("-j MARK --set-xmark {MARKED}")]);
    let masquerade = (format!("-o {external} -j {MASQUERADE}"), masquerade(wanted));
    [
        Chain { name: MARK, from: "PREROUTING", wanted: wanted.snat_others.then(mark) },
        Chain { name: MASQUERADE, from: "POSTROUTING", wanted: Some(masquerade) },
    ]
}

/// The rules of [`MASQUERADE`]: longest prefix first, and of two of one length RETURN first.
fn masquerade(wanted: &Wanted) -> Vec<String> {
    let keep = wanted.no_snat.iter().map(|net| (*net, "-j RETURN"));
    let replace = wanted.snat.iter().map(|net| (*net, "-j MASQUERADE --random-fully"));
    let mut sources: Vec<(IpNet, &str)> = keep.chain(replace).collect();
    sources.sort_by_key(|(net, _)| (u8::MAX - net.prefix_len(), net.addr())); // stable: RETURN stays first
    sources.dedup_by_key(|(net, _)| *net);
    let rule = |(net, target): &(IpNet, &str)| match net.prefix_len() {
        0 => (*target).to_owned(), // as iptables shows it
        _ => format!("-s {net} {target}"),
    };
    let mut rules: Vec<String> = sources.iter().map(rule).collect();
    if wanted.snat_others {
        rules.push(format!("-m mark --mark {MARKED} -j MASQUERADE --random-fully"));
    }
    rules
}

/// The rules of both chains, and the jumps to them, as `iptables -S` shows them.
#[must_use]
pub fn lines(wanted: &Wanted, internal: &str, external: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for Chain { name, from, wanted } in chains(wanted, internal, external) {
        if let Some((jump, rules)) = wanted {
            lines.push(format!("-A {from} {jump}"));
            lines.extend(rules.iter().map(|rule| format!("-A {name} {rule}")));
        }
    }
    lines
}

/// The input of `iptables-restore --noflush` that makes ours of what `iptables-save -t nat` shows; `None`: it is so already.
/// `internal` and `external` are the names of the interfaces.
#[must_use]
pub fn restore(saved: &str, wanted: &Wanted, internal: &str, external: &str) -> Option<String> {
    let there = Table::read(saved);
    let (mut heads, mut lines, mut ends) = (String::new(), String::new(), String::new());
    for Chain { name, from, wanted } in chains(wanted, internal, external) {
        let jumps = there.jumps(from, name);
        let (jump, rules) = wanted.as_ref().map_or((None, None), |(jump, rules)| (Some(jump), Some(rules)));
        let kept = jumps.iter().position(|rule| Some(&canonical(rule)) == jump);
        for (index, rule) in jumps.iter().enumerate() {
            if Some(index) != kept {
                lines += &format!("-D {from} {rule}\n");
            }
        }
        match rules {
            Some(rules) if !there.has(name) || there.rules(name) != *rules => {
                heads += &format!(":{name} - [0:0]\n"); // makes it, and empties it where it is
                rules.iter().for_each(|rule| ends += &format!("-A {name} {rule}\n"));
            }
            None if there.has(name) && there.referred(name) == jumps.len() => {
                ends += &format!("-F {name}\n-X {name}\n")
            }
            _ => {}
        }
        if let (Some(jump), None) = (jump, kept) {
            ends += &format!("-A {from} {jump}\n");
        }
    }
    let script = heads + &lines + &ends;
    (!script.is_empty()).then(|| format!("*nat\n{script}COMMIT\n"))
}

/// The nat table of an `iptables-save` text.
struct Table {
    chains: Vec<String>,
    /// Chain and rule.
    rules: Vec<(String, String)>,
}

impl Table {
    fn read(saved: &str) -> Self {
        let mut table = Self { chains: Vec::new(), rules: Vec::new() };
        let mut inside = false;
        for line in saved.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('*') {
                inside = name == "nat";
            } else if let (true, Some(chain)) = (inside, line.strip_prefix(':')) {
                table.chains.extend(chain.split_whitespace().next().map(str::to_owned));
            } else if let (true, Some((chain, rule))) =
                (inside, line.strip_prefix("-A ").and_then(|rest| rest.split_once(' ')))
            {
                table.rules.push((chain.to_owned(), rule.to_owned()));
            }
        }
        table
    }

    fn has(&self, chain: &str) -> bool {
        self.chains.iter().any(|name| name == chain)
    }

    fn rules(&self, chain: &str) -> Vec<String> {
        self.rules.iter().filter(|(name, _)| name == chain).map(|(_, rule)| canonical(rule)).collect()
    }

    /// The rules of one chain that jump to another, as they were shown.
    fn jumps(&self, from: &str, to: &str) -> Vec<&str> {
        let rules = self.rules.iter().filter(|(chain, rule)| chain == from && target(rule) == Some(to));
        rules.map(|(_, rule)| rule.as_str()).collect()
    }

    /// How many rules of any chain jump to this one.
    fn referred(&self, to: &str) -> usize {
        self.rules.iter().filter(|(_, rule)| target(rule) == Some(to)).count()
    }
}

/// Where a rule goes. Other words of a rule may be quoted, and say anything; these two never are.
fn target(rule: &str) -> Option<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let mut words = rule.split(|c: char| {
        let splits = c == ' ' && !quoted;
        match c {
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        splits
    });
    words.find(|word| ["-j", "-g"].contains(word))?;
    words.next()
}

/// A rule with its source as this program writes addresses: a few IPv6 addresses have two spellings.
fn canonical(rule: &str) -> String {
    let mut words: Vec<String> = rule.split_whitespace().map(str::to_owned).collect();
    for index in 1..words.len() {
        if words[index - 1] == "-s"
            && let Ok(net) = words[index].parse::<IpNet>()
        {
            words[index] = net.to_string();
        }
    }
    words.join(" ")
}

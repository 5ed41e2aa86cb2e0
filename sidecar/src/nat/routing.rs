//! Policy routing: what comes from the VPC leaves by the main table, and what comes from outside, or is sent by the pod
//! from its address in the VPC, goes to the VPC's gateway.
//!
//! The priorities 1001 to 1004 and the default route of table 1000 are ours; nothing else is looked at.

use std::fmt;
use std::net::IpAddr;

use super::settings::{Family, Wanted};

/// Holds one route: to the VPC.
pub const TABLE: u32 = 1000;
/// The table `default`, which is empty as a rule: what is sent there is decided by `main`.
const DEFAULT: u32 = 253;
/// Priorities of our rules, first and last.
pub const PRIORITIES: [u32; 2] = [1001, 1004];

/// An interface that leads to a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// As the kernel counts it.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Its addresses of the family, without link-local ones.
    pub addresses: Vec<IpAddr>,
}

/// The two interfaces of a family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ways {
    /// Towards the VPC.
    pub internal: Link,
    /// Towards the outside.
    pub external: Link,
}

/// A policy rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Lower ones are asked first.
    pub priority: u32,
    /// Packets from this address; `None`: from any.
    pub source: Option<IpAddr>,
    /// Packets that came in there; `lo`: that are sent by the pod itself.
    pub input: Option<String>,
    /// Where the route is looked up.
    pub table: u32,
    /// It has something that no rule of ours has.
    pub foreign: bool,
}

/// A default route of [`TABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Default {
    /// `None`: on the link, or something else that ours is not.
    pub gateway: Option<IpAddr>,
    /// The index of the interface.
    pub link: Option<u32>,
}

/// What there is.
#[derive(Clone, Debug, PartialEq, Eq, std::default::Default)]
pub struct Seen {
    /// Rules of our priorities.
    pub rules: Vec<Rule>,
    /// Default routes of [`TABLE`].
    pub defaults: Vec<Default>,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Sets the default route of [`TABLE`].
    Route(Default),
    /// Takes one away.
    RouteGone(Default),
    /// Adds a rule.
    Rule(Rule),
    /// Takes one away.
    RuleGone(Rule),
}

/// What makes the wanted routing of what there is; nothing: it is so already.
#[must_use]
pub fn changes(wanted: &Wanted, ways: &Ways, seen: &Seen) -> Vec<Change> {
    let rules = rules(ways);
    let route = Default { gateway: Some(wanted.internal), link: Some(ways.internal.index) };
    let mut changes = Vec::new();
    // The route is there before rules lead to it, and new rules before old ones go.
    if !seen.defaults.contains(&route) {
        changes.push(Change::Route(route));
    }
    changes
        .extend(seen.defaults.iter().filter(|other| **other != route).map(|other| Change::RouteGone(*other)));
    changes.extend(rules.iter().filter(|rule| !seen.rules.contains(rule)).cloned().map(Change::Rule));
    changes.extend(seen.rules.iter().filter(|rule| !rules.contains(rule)).cloned().map(Change::RuleGone));
    changes
}

fn rules(ways: &Ways) -> Vec<Rule> {
    let rule = |priority, source: Option<IpAddr>, input: &str, table| Rule {
        priority,
        source,
        input: Some(input.to_owned()),
        table,
        foreign: false,
    };
    let mut rules =
        vec![rule(1001, None, &ways.internal.name, DEFAULT), rule(1002, None, &ways.external.name, TABLE)];
    rules.extend(ways.internal.addresses.iter().map(|ip| rule(1003, Some(*ip), "lo", TABLE)));
    rules.extend(ways.external.addresses.iter().map(|ip| rule(1004, Some(*ip), "lo", DEFAULT)));
    rules
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "priority {}", self.priority)?;
        if let Some(source) = self.source {
            write!(f, " from {source}")?;
        }
        if let Some(input) = &self.input {
            write!(f, " iif {input}")?;
        }
        write!(f, " lookup {}", self.table)
    }
}

impl Default {
    /// As `ip route` has it; the link by name where that is known, else by index.
    fn words(&self, link: Option<&Link>) -> String {
        let mut words = "default".to_owned();
        if let Some(gateway) = self.gateway {
            words += &format!(" via {gateway}");
        }
        match (self.link, link) {
            (Some(index), Some(link)) if link.index == index => words += &format!(" dev {}", link.name),
            (Some(index), _) => words += &format!(" oif {index}"),
            (None, _) => {}
        }
        words + &format!(" table {TABLE}")
    }
}

impl Change {
    /// As a command of `ip`. `internal`: the interface of our route.
    #[must_use]
    pub fn command(&self, family: Family, internal: Option<&Link>) -> String {
        let ip = format!("ip -{}", family.digit());
        match self {
            Self::Route(route) => format!("{ip} route replace {}", route.words(internal)),
            Self::RouteGone(route) => format!("{ip} route del {}", route.words(internal)),
            Self::Rule(rule) => format!("{ip} rule add {rule}"),
            Self::RuleGone(rule) => format!("{ip} rule del {rule}"),
        }
    }

    /// Whether it is of a rule, and not of a route.
    #[must_use]
    pub const fn is_rule(&self) -> bool {
        matches!(self, Self::Rule(_) | Self::RuleGone(_))
    }
}

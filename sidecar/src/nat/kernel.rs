//! What the kernel says and does by rtnetlink: ways to the gateways, policy rules, the default route of our table.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_route::address::AddressAttribute;
use netlink_packet_route::link::LinkAttribute;
use netlink_packet_route::route::{RouteAttribute, RouteMessage};
use netlink_packet_route::rule::{RuleAction, RuleMessage};
use rtnetlink::{Handle, MulticastGroup};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::message::{any_route, default, ip, message, question, rule, version};
use super::routing::{Change, Default, Link, PRIORITIES, Rule, Seen, TABLE, Ways};
use super::settings::{Family, Wanted};

/// Changes after which something may have to be repaired.
const GROUPS: [MulticastGroup; 7] = [
    MulticastGroup::Link,
    MulticastGroup::Ipv4Ifaddr,
    MulticastGroup::Ipv4Route,
    MulticastGroup::Ipv4Rule,
    MulticastGroup::Ipv6Ifaddr,
    MulticastGroup::Ipv6Route,
    MulticastGroup::Ipv6Rule,
];
/// An answer takes microseconds; one that takes this long was lost.
const PATIENCE: Duration = Duration::from_secs(2);
/// Errors that say that what is to go has gone (Linux: ENOENT, ESRCH), or what is to come is there (EEXIST).
const GONE: [i32; 2] = [2, 3];
const THERE: i32 = 17;

/// Why the kernel cannot be asked, or what is wrong with what it says.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// As the kernel says it.
    #[error("rtnetlink: {0}")]
    Kernel(#[from] rtnetlink::Error),
    /// It said nothing.
    #[error("the kernel did not answer")]
    Silent,
    /// The route to a gateway leads through another router.
    #[error("gateway {0} is not on a link: the route to it leads through {1}")]
    Far(IpAddr, IpAddr),
    /// No route to a gateway, with the kernel's word.
    #[error("no route to gateway {0}: {1}")]
    NoRoute(IpAddr, String),
    /// The gateway is an address of the pod.
    #[error("gateway {0} is an address of this pod")]
    Own(IpAddr),
    /// Both gateways are on one link.
    #[error("gateways {0} and {1} are both on {2}")]
    OneLink(IpAddr, IpAddr, String),
    /// An interface without an address of the family.
    #[error("interface {0} has no {1} address")]
    NoAddress(String, Family),
    /// A name that has a meaning of its own for iptables.
    #[error("the name of interface {0:?} cannot be written in a rule of iptables")]
    Name(String),
    /// A change, as a command.
    #[error("{0}: {1}")]
    Step(String, rtnetlink::Error),
}

/// Two sockets: a burst of events that overruns the one must not cost an answer on the other.
pub struct Kernel {
    handle: Handle,
    _tasks: JoinSet<()>,
}

impl Kernel {
    /// A kernel that wakes `changed` at every change of links, addresses, routes and rules.
    ///
    /// # Errors
    /// The system refused a netlink socket.
    pub fn open(changed: &Arc<Notify>) -> io::Result<Self> {
        let (questions, handle, _) = rtnetlink::new_connection()?;
        let (monitor, _, mut events) = rtnetlink::new_multicast_connection(&GROUPS)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(questions);
        tasks.spawn(monitor);
        let wake = Arc::clone(changed);
        // Always reading, so that events never pile up: one permit stands for any number of them.
        tasks.spawn(async move {
            while events.next().await.is_some() {
                wake.notify_one();
            }
        });
        Ok(Self { handle, _tasks: tasks })
    }

    /// The interfaces that lead to the gateways.
    ///
    /// # Errors
    /// [`Trouble`]: one of them does not, or not alone.
    pub async fn ways(&self, wanted: &Wanted) -> Result<Ways, Trouble> {
        let ask = async {
            let internal = self.link_towards(wanted.internal).await?;
            let external = self.link_towards(wanted.external).await?;
            if internal.index == external.index {
                return Err(Trouble::OneLink(wanted.internal, wanted.external, internal.name));
            }
            Ok(Ways { internal, external })
        };
        tokio::time::timeout(PATIENCE, ask).await.unwrap_or(Err(Trouble::Silent))
    }

    /// `ip route get GATEWAY`, and the name and addresses of that interface.
    async fn link_towards(&self, gateway: IpAddr) -> Result<Link, Trouble> {
        let mut answers = std::pin::pin!(self.handle.route().get(question(gateway)).execute());
        let answer = answers.next().await.ok_or(Trouble::Silent)?;
        let route = answer.map_err(|error| Trouble::NoRoute(gateway, error.to_string()))?;
        let mut index = None;
        for attribute in &route.attributes {
            match attribute {
                RouteAttribute::Gateway(hop) => match ip(hop) {
                    Some(hop) if hop != gateway => return Err(Trouble::Far(gateway, hop)),
                    _ => {}
                },
                RouteAttribute::Oif(link) => index = Some(*link),
                _ => {}
            }
        }
        let index = index.ok_or_else(|| Trouble::NoRoute(gateway, "no interface".to_owned()))?;
        let name = self.name(index).await?;
        if name == "lo" {
            return Err(Trouble::Own(gateway));
        }
        let addresses = self.addresses(index, Family::of(gateway)).await?;
        match addresses.is_empty() {
            true => Err(Trouble::NoAddress(name, Family::of(gateway))),
            false => Ok(Link { index, name, addresses }),
        }
    }

    async fn name(&self, index: u32) -> Result<String, Trouble> {
        let mut answers = std::pin::pin!(self.handle.link().get().match_index(index).execute());
        let link = answers.try_next().await?.ok_or(Trouble::Silent)?;
        let name = link.attributes.into_iter().find_map(|attribute| match attribute {
            LinkAttribute::IfName(name) => Some(name),
            _ => None,
        });
        let name = name.unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
        if name.chars().all(plain) && !name.is_empty() { Ok(name) } else { Err(Trouble::Name(name)) }
    }

    async fn addresses(&self, link: u32, family: Family) -> Result<Vec<IpAddr>, Trouble> {
        let answers = self.handle.address().get().set_link_index_filter(link).execute();
        let mut answers = std::pin::pin!(answers);
        let mut found = Vec::new();
        while let Some(address) = answers.try_next().await? {
            let ip = address.attributes.iter().find_map(|attribute| match attribute {
                AddressAttribute::Local(ip) => Some(*ip),
                _ => None,
            });
            // IPv6 addresses come without a local one of their own.
            let ip = ip.or_else(|| {
                address.attributes.iter().find_map(|attribute| match attribute {
                    AddressAttribute::Address(ip) => Some(*ip),
                    _ => None,
                })
            });
            let near = |ip: &IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
            found.extend(ip.filter(|ip| Family::of(*ip) == family && !near(ip)));
        }
        found.sort_unstable(); // the kernel's order is not always the same
        Ok(found)
    }

    /// The rules of our priorities, and the default routes of our table.
    ///
    /// # Errors
    /// [`Trouble::Kernel`], [`Trouble::Silent`].
    pub async fn routing(&self, family: Family) -> Result<Seen, Trouble> {
        let ask = async {
            let rules = self.rules(family).await?.into_iter().map(|(rule, _)| rule).collect();
            let defaults = self.defaults(family).await?.into_iter().map(|(route, _)| route).collect();
            Ok(Seen { rules, defaults })
        };
        tokio::time::timeout(PATIENCE, ask).await.unwrap_or(Err(Trouble::Silent))
    }

    async fn rules(&self, family: Family) -> Result<Vec<(Rule, RuleMessage)>, Trouble> {
        let mut answers = std::pin::pin!(self.handle.rule().get(version(family)).execute());
        let mut found = Vec::new();
        while let Some(message) = answers.try_next().await? {
            let rule = rule(&message);
            if (PRIORITIES[0]..=PRIORITIES[1]).contains(&rule.priority) {
                found.push((rule, message));
            }
        }
        Ok(found)
    }

    async fn defaults(&self, family: Family) -> Result<Vec<(Default, RouteMessage)>, Trouble> {
        let mut answers = std::pin::pin!(self.handle.route().get(any_route(family)).execute());
        let mut found = Vec::new();
        while let Some(message) = answers.try_next().await? {
            let table = message.attributes.iter().find_map(|attribute| match attribute {
                RouteAttribute::Table(table) => Some(*table),
                _ => None,
            });
            if table == Some(TABLE) && message.header.destination_prefix_length == 0 {
                found.push((default(&message), message));
            }
        }
        Ok(found)
    }

    /// Whether after this trouble the kernel is to be asked over new sockets.
    #[must_use]
    pub fn is_lost(trouble: &Trouble) -> bool {
        matches!(trouble, Trouble::Silent | Trouble::Kernel(rtnetlink::Error::RequestFailed))
    }

    /// Does it.
    ///
    /// # Errors
    /// [`Trouble::Step`], with the step.
    pub async fn change(&self, family: Family, change: &Change) -> Result<(), Trouble> {
        let work = async {
            match change {
                Change::Route(route) => {
                    let message = message(family, route);
                    self.handle.route().add(message).replace().execute().await?;
                }
                Change::RouteGone(gone) => {
                    for (_, message) in
                        self.defaults(family).await?.into_iter().filter(|(one, _)| one == gone)
                    {
                        settled(self.handle.route().del(message).execute().await)?;
                    }
                }
                Change::Rule(rule) => settled(self.add(family, rule).await)?,
                Change::RuleGone(gone) => {
                    for (_, message) in self.rules(family).await?.into_iter().filter(|(one, _)| one == gone) {
                        settled(self.handle.rule().del(message).execute().await)?;
                    }
                }
            }
            Ok(())
        };
        let done = tokio::time::timeout(PATIENCE, work).await.unwrap_or(Err(Trouble::Silent));
        done.map_err(|trouble| match trouble {
            Trouble::Kernel(error) => Trouble::Step(change.command(family, None), error),
            other => other,
        })
    }

    async fn add(&self, family: Family, rule: &Rule) -> Result<(), rtnetlink::Error> {
        let mut request =
            self.handle.rule().add().table_id(rule.table).priority(rule.priority).action(RuleAction::ToTable);
        if let Some(input) = &rule.input {
            request = request.input_interface(input.as_str());
        }
        match (family, rule.source) {
            (Family::V4, Some(IpAddr::V4(source))) => request.v4().source_prefix(source, 32).execute().await,
            (Family::V6, Some(IpAddr::V6(source))) => request.v6().source_prefix(source, 128).execute().await,
            (Family::V4, _) => request.v4().execute().await,
            (Family::V6, _) => request.v6().execute().await,
        }
    }
}

/// Whoever else does the same at the same time is no fault.
fn settled(done: Result<(), rtnetlink::Error>) -> Result<(), rtnetlink::Error> {
    match done {
        Err(rtnetlink::Error::NetlinkError(error))
            if GONE.contains(&error.raw_code().abs()) || error.raw_code().abs() == THERE =>
        {
            Ok(())
        }
        other => other,
    }
}

//! The network outside: a bridge that gateways have `net1` on, and a router that is the server at many addresses, too.
//!
//! ```text
//!   net1 172.17.0.x fd00:17::x ── bridge ── 172.17.0.1 fd00:17::1 ── 203.0.113.1… 2001:db8:9::1… (on its lo)
//! ```

use super::server::Server;
use crate::fault::Result;
use crate::netns::Netns;
use std::net::IpAddr;

/// The router outside, that gateways go on by.
pub const ROUTER: [&str; 2] = ["172.17.0.1", "fd00:17::1"];

/// How many addresses of each family the server has.
pub const ADDRESSES: u8 = 24;

/// It, running.
#[derive(Debug)]
pub struct Outside {
    _server: Server,
    router: Netns,
}

impl Outside {
    /// Makes it.
    ///
    /// # Errors
    /// When a command fails.
    pub fn start() -> Result<Self> {
        let router = Netns::new("outside")?;
        router.ip(&["link", "add", "br0", "type", "bridge"])?;
        router.ip(&["link", "set", "br0", "up"])?;
        router.ip(&["address", "add", &format!("{}/16", ROUTER[0]), "dev", "br0"])?;
        router.ip(&["address", "add", &format!("{}/64", ROUTER[1]), "dev", "br0", "nodad"])?;
        let servers = [servers(false)?, servers(true)?].concat();
        for address in &servers {
            let at_once = &["nodad"][..usize::from(address.is_ipv6())];
            router.ip(&[&["address", "add", &address.to_string(), "dev", "lo"], at_once].concat())?;
        }
        let server = Server::start(&router, "outside", &servers)?;
        Ok(Self { _server: server, router })
    }

    /// Cables a namespace to the bridge by `net1`, with these addresses (a comma between) and its default routes this way.
    ///
    /// # Errors
    /// When a command fails.
    pub fn plug(&self, port: &str, host: &Netns, addresses: &str) -> Result<()> {
        self.router.ip(&[
            "link",
            "add",
            port,
            "type",
            "veth",
            "peer",
            "name",
            "net1",
            "netns",
            host.name(),
        ])?;
        self.router.ip(&["link", "set", port, "master", "br0", "up"])?;
        host.ip(&["link", "set", "net1", "up"])?;
        for address in addresses.split(',') {
            let length = if address.contains(':') { 64 } else { 16 };
            let at_once = &["nodad"][..usize::from(address.contains(':'))];
            let with_length = format!("{address}/{length}");
            host.ip(&[&["address", "add", &with_length, "dev", "net1"], at_once].concat())?;
            let (family, via) = if address.contains(':') { ("-6", ROUTER[1]) } else { ("-4", ROUTER[0]) };
            host.ip(&[family, "route", "add", "default", "via", via])?;
        }
        Ok(())
    }

    /// Routes a network inside by a gateway's address outside: what a site does whose gateways do not masquerade.
    ///
    /// # Errors
    /// What `ip` says.
    pub fn route(&self, network: &str, gateway: IpAddr) -> Result<()> {
        let family = if gateway.is_ipv4() { "-4" } else { "-6" };
        self.router.ip(&[family, "route", "replace", network, "via", &gateway.to_string()]).map(drop)
    }
}

/// The server's addresses of a family.
///
/// # Errors
/// Never.
pub fn servers(v6: bool) -> Result<Vec<IpAddr>> {
    let one = |number: u8| {
        let text = if v6 { format!("2001:db8:9::{number:x}") } else { format!("203.0.113.{number}") };
        Ok(text.parse()?)
    };
    (1..=ADDRESSES).map(one).collect()
}

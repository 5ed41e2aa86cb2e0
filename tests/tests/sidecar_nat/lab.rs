//! A client, a gateway's pod and a server, with addresses as in the reference.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tests::fault::{During, Result, ensure};
use tests::netns::Netns;
use tests::proc::{Daemon, output};
use tests::sidecar;

/// For an answer over three namespaces.
const ANSWER: Duration = Duration::from_secs(3);
/// Where the next question is answered. Each at a port of its own: a child that another test is just starting may hold the
/// socket of the last one for a moment longer.
static PORT: AtomicU16 = AtomicU16::new(7007);

/// Addresses of the server.
pub(crate) const SERVERS: [&str; 2] = ["172.17.0.1", "fd00:17::1"];
/// Addresses of the gateway towards the server.
pub(crate) const OUTSIDE: [&str; 2] = ["172.17.0.13", "fd00:17::13"];

/// What the controller sets, as in the reference, and the same for IPv6. A subnet is masqueraded, an address in it not.
pub(crate) const ENVIRONMENT: [&str; 8] = [
    "INTERNAL_GATEWAY_IPV4=10.16.0.1",
    "EXTERNAL_GATEWAY_IPV4=172.17.0.1",
    "SNAT_SOURCES_IPV4=10.16.0.0/16",
    "NO_SNAT_SOURCES_IPV4=10.99.7.9/24,10.16.1.1",
    "INTERNAL_GATEWAY_IPV6=fd00:10::1",
    "EXTERNAL_GATEWAY_IPV6=fd00:17::1",
    "SNAT_SOURCES_IPV6=fd00:10::/64",
    "NO_SNAT_SOURCES_IPV6=fd00:10::1:1",
];

/// A client with many addresses behind a gateway, and a server that has a way back to all of them.
pub(crate) struct Lab {
    /// The client, which also is the VPC's router.
    pub(crate) client: Netns,
    /// The pod.
    pub(crate) gateway: Netns,
    /// The server.
    pub(crate) server: Netns,
    dir: tempfile::TempDir,
    flavour: &'static str,
}

impl Lab {
    /// With iptables of this flavour, `nft` or `legacy`.
    pub(crate) fn new(flavour: &'static str) -> Result<Self> {
        let (client, gateway, server) = (Netns::new("client")?, Netns::new("veg")?, Netns::new("server")?);
        client.ip(&[
            "link",
            "add",
            "eth0",
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            gateway.name(),
        ])?;
        gateway.ip(&[
            "link",
            "add",
            "net1",
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            server.name(),
        ])?;
        let lab = Self { client, gateway, server, dir: tempfile::tempdir()?, flavour };
        for (net, link, addresses) in [
            (&lab.client, "eth0", &CLIENT[..]),
            (&lab.gateway, "eth0", &["10.16.0.5/16", "fd00:10::5/64"]),
            (&lab.gateway, "net1", &["172.17.0.13/16", "fd00:17::13/64"]),
            (&lab.server, "eth0", &["172.17.0.1/16", "fd00:17::1/64"]),
        ] {
            net.ip(&["link", "set", link, "up"])?;
            for address in addresses {
                net.ip(&["address", "add", address, "dev", link])?;
            }
        }
        lab.route()?;
        Ok(lab)
    }

    /// As the network plugin sets the routes of the pod.
    pub(crate) fn route(&self) -> Result<()> {
        for (net, routes) in [
            (&self.client, &[["172.17.0.0/16", "10.16.0.5"], ["fd00:17::/64", "fd00:10::5"]][..]),
            (
                &self.gateway,
                &[
                    ["default", "172.17.0.1"],
                    ["10.99.7.0/24", "10.16.0.1"],
                    ["10.88.0.0/16", "10.16.0.1"],
                    ["::/0", "fd00:17::1"],
                    ["fd00:88::/64", "fd00:10::1"],
                ],
            ),
            (
                &self.server,
                &[
                    ["10.0.0.0/8", "172.17.0.13"],
                    ["fd00:10::/64", "fd00:17::13"],
                    ["fd00:88::/64", "fd00:17::13"],
                ],
            ),
        ] {
            for [to, via] in routes {
                net.ip(&["route", "replace", to, "via", via])?;
            }
        }
        Ok(())
    }

    /// `sidecar` with these words in the pod, to its end.
    pub(crate) fn sidecar(&self, environment: &[&str], words: &[&str]) -> Result<std::process::Output> {
        output(&self.command(environment, &[], words)?.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// As [`Lab::sidecar`]; it must succeed. What it wrote to stdout.
    pub(crate) fn succeeds(&self, environment: &[&str], words: &[&str]) -> Result<String> {
        let output = self.sidecar(environment, words)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure(output.status.success(), || format!("sidecar {words:?}: {}: {said}", output.status))?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// `sidecar nat` in the pod. `under`: a program it is started by.
    pub(crate) fn keep(&self, environment: &[&str], under: &[&str]) -> Result<Daemon> {
        let argv = self.command(environment, under, &["nat"])?;
        Daemon::start("sidecar nat", &argv.iter().map(String::as_str).collect::<Vec<_>>(), &self.log())
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("nat.log")
    }

    fn command(&self, environment: &[&str], under: &[&str], words: &[&str]) -> Result<Vec<String>> {
        let program = sidecar::binary()?.display().to_string();
        let flavour = format!("SIDECAR_IPTABLES={}", self.flavour);
        let enter = ["ip", "netns", "exec", self.gateway.name(), "env", &flavour];
        let argv = [&enter[..], environment, under, &[&program], words].concat();
        Ok(argv.into_iter().map(str::to_owned).collect())
    }

    /// Which address a datagram from `source` has at the server; its answer must come back to `source`.
    pub(crate) fn seen(&self, source: &str) -> Result<IpAddr> {
        let source: IpAddr = source.parse()?;
        let server: IpAddr = SERVERS[usize::from(source.is_ipv6())].parse()?;
        asks(&self.client, source, &self.server, SocketAddr::new(server, next_port()))
    }

    /// Which address the client sees of a datagram that the server sends it unasked.
    pub(crate) fn seen_inside(&self, client: &str) -> Result<IpAddr> {
        let client: IpAddr = client.parse()?;
        let server: IpAddr = SERVERS[usize::from(client.is_ipv6())].parse()?;
        asks(&self.server, server, &self.client, SocketAddr::new(client, next_port()))
    }

    /// The rules of the nat table, as `iptables -S` has them.
    pub(crate) fn rules(&self, family: char) -> Result<String> {
        let six = if family == '6' { "6" } else { "" };
        self.gateway.exec(&[&format!("ip{six}tables-{}", self.flavour), "-t", "nat", "-S"])
    }

    /// `iptables -t nat …` in the pod.
    pub(crate) fn iptables(&self, family: char, words: &[&str]) -> Result<()> {
        let six = if family == '6' { "6" } else { "" };
        let program = format!("ip{six}tables-{}", self.flavour);
        self.gateway.exec(&[&[program.as_str(), "-t", "nat"], words].concat()).map(drop)
    }
}

const CLIENT: [&str; 9] = [
    "10.16.0.1/16",
    "10.16.0.9/16",
    "10.16.1.1/16",
    "10.99.7.9/24",
    "10.88.0.9/16",
    "fd00:10::1/64",
    "fd00:10::9/64",
    "fd00:10::1:1/64",
    "fd00:88::9/64",
];

fn next_port() -> u16 {
    PORT.fetch_add(1, Ordering::Relaxed)
}

/// A question from `source` to `to` and its answer: the address the question came with.
fn asks(from: &Netns, source: IpAddr, at: &Netns, to: SocketAddr) -> Result<IpAddr> {
    let open = |net: &Netns, address: SocketAddr| {
        net.enter(move || {
            let socket = UdpSocket::bind(address).during(address)?;
            socket.set_read_timeout(Some(ANSWER))?;
            Ok(socket)
        })
    };
    let answering = open(at, to)?;
    let asking = open(from, SocketAddr::new(source, 0))?;
    asking.send_to(b"who am I", to).during(format_args!("from {source} to {to}"))?;
    let (_, seen) = answering.recv_from(&mut [0; 64]).during(format_args!("from {source}: nothing came"))?;
    answering.send_to(b"you", seen)?;
    asking
        .recv_from(&mut [0; 64])
        .during(format_args!("from {source}, seen as {seen}: no answer came back"))?;
    Ok(seen.ip())
}

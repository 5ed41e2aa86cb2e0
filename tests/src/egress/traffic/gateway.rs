//! A gateway's pod as a namespace: `eth0` in OVN, `net1` outside, and the real sidecar doing what its containers do.

use super::outside::Outside;
use crate::egress::pods::Pod;
use crate::fault::{During, Fault, Result, ensure};
use crate::netns::Netns;
use crate::ovn::Ovn;
use crate::proc::Daemon;
use crate::sidecar::{Sidecar, binary};
use crate::topology::{cut, mend};
use crate::wait;
use serde_json::Value;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The segment of `crate::topology` whose link is `eth0`.
const ETH0: u8 = 0;

/// What containers of the pod are told, as `NAME=value`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// For `sidecar nat`.
    pub nat: Vec<String>,
    /// For `sidecar bfd`; empty: no BFD.
    pub bfd: Vec<String>,
}

impl Environment {
    /// From a Deployment, for a pod with these addresses.
    ///
    /// # Errors
    /// When it has no container `gateway`.
    pub fn of(deployment: &Value, addresses: &str) -> Result<Self> {
        let containers = deployment["spec"]["template"]["spec"]["containers"].as_array();
        let find = |name: &str| containers.into_iter().flatten().find(|one| one["name"] == name);
        let nat = find("gateway").ok_or_else(|| Fault::new(format!("no container gateway: {deployment}")))?;
        let bfd = find("bfdd").map(|container| variables(container, addresses)).unwrap_or_default();
        Ok(Self { nat: variables(nat, addresses), bfd })
    }
}

fn variables(container: &Value, addresses: &str) -> Vec<String> {
    let of = |one: &Value| {
        let name = one["name"].as_str().unwrap_or_default();
        // The only field that is referred to: the pod's own addresses.
        let value = one["value"].as_str().unwrap_or(if one["valueFrom"].is_null() { "" } else { addresses });
        format!("{name}={value}")
    };
    container["env"].as_array().into_iter().flatten().map(of).collect()
}

/// What is done to a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Its BFD gets SIGKILL; the kernel goes on forwarding.
    Responder,
    /// Every frame of `eth0` is dropped, both ways, with nobody told.
    Link,
    /// All its processes get SIGSTOP; the kernel goes on forwarding.
    Stopped,
}

/// A running gateway. Fields drop in this order.
#[derive(Debug)]
pub struct Gateway {
    bfd: Option<Sidecar>,
    nat: Daemon,
    environment: Environment,
    external: Vec<IpAddr>,
    dir: PathBuf,
    netns: Arc<Netns>,
}

impl Gateway {
    /// Starts one, whose port of OVN is there already: the addresses of the pod, prefix lengths of its subnet, the way to
    /// the router (for BFD), then what the containers run.
    ///
    /// # Errors
    /// When a command fails, or its NAT is not ready within 10 s.
    pub fn start(
        ovn: &Ovn,
        outside: &Outside,
        pod: &Pod<'_>,
        environment: &Environment,
        dir: &Path,
    ) -> Result<Self> {
        let netns = plug(ovn, pod)?;
        outside.plug(pod.name, &netns, pod.external)?;
        std::fs::create_dir_all(dir)?;
        for route in environment.bfd.iter().filter_map(|pair| pair.strip_prefix("BFD_PEER_IPS=")) {
            for peer in route.split(',') {
                let gateway = internal_gateway(environment, peer.contains(':'))?;
                let family = if peer.contains(':') { "-6" } else { "-4" };
                netns.ip(&[family, "route", "add", peer, "via", gateway])?;
            }
        }
        let program = binary()?.display().to_string();
        let nat: Vec<&str> = environment.nat.iter().map(String::as_str).collect();
        netns
            .exec(&[&["env"], &nat[..], &[&program, "nat", "prepare"]].concat())
            .during("sidecar nat prepare")?;
        let mut daemon =
            netns.spawn("nat", &[&["env"], &nat[..], &[&program, "nat"]].concat(), &dir.join("nat.log"))?;
        wait::until("sidecar nat lives", Duration::from_secs(10), || {
            daemon.check_alive()?;
            netns.exec(&[&program, "nat", "live"]).map(drop)
        })?;
        let external = pod.external.split(',').map(str::parse).collect::<std::result::Result<_, _>>()?;
        let (environment, dir) = (environment.clone(), dir.to_owned());
        let mut gateway = Self { bfd: None, nat: daemon, environment, external, dir, netns };
        gateway.start_bfd()?;
        Ok(gateway)
    }

    fn start_bfd(&mut self) -> Result<()> {
        if self.environment.bfd.is_empty() {
            return Ok(());
        }
        let environment: Vec<&str> = self.environment.bfd.iter().map(String::as_str).collect();
        self.bfd = Some(Sidecar::start(&self.netns, &self.dir, &environment)?);
        Ok(())
    }

    /// Its address outside, of the family of `like`: what a server sees of masqueraded traffic.
    ///
    /// # Errors
    /// When it has none.
    pub fn external(&self, like: IpAddr) -> Result<IpAddr> {
        let same = self.external.iter().find(|address| address.is_ipv4() == like.is_ipv4());
        same.copied().ok_or_else(|| Fault::new("no external address of the family"))
    }

    /// Has it fail.
    ///
    /// # Errors
    /// When a signal cannot be sent, or what `nft` says.
    pub fn fail(&mut self, failure: Failure) -> Result<()> {
        let bfd = self.bfd.as_mut().ok_or_else(|| Fault::new("a gateway without BFD"));
        match failure {
            Failure::Responder => bfd?.kill(),
            Failure::Link => cut(&self.netns, ETH0),
            Failure::Stopped => {
                bfd?.pause(true)?;
                self.nat.pause(true)
            }
        }
    }

    /// Undoes [`Gateway::fail`].
    ///
    /// # Errors
    /// As there.
    pub fn recover(&mut self, failure: Failure) -> Result<()> {
        let bfd = self.bfd.as_mut().ok_or_else(|| Fault::new("a gateway without BFD"));
        match failure {
            Failure::Responder => self.start_bfd(),
            Failure::Link => mend(&self.netns, ETH0),
            Failure::Stopped => {
                bfd?.pause(false)?;
                self.nat.pause(false)
            }
        }
    }

    /// Fails unless so many BFD sessions are up, and no other is there.
    ///
    /// # Errors
    /// What its sidecar says.
    pub fn is_up(&self, sessions: usize) -> Result<()> {
        self.bfd.as_ref().ok_or_else(|| Fault::new("a gateway without BFD"))?.shows(sessions, "Up")
    }

    /// Its namespace.
    #[must_use]
    pub fn netns(&self) -> &Arc<Netns> {
        &self.netns
    }

    /// What its sidecars say, for messages.
    #[must_use]
    pub fn state(&self) -> String {
        let bfd = self.bfd.as_ref().map(Sidecar::state).unwrap_or_default();
        let shown = [&["ip", "rule"][..], &["ip", "route"], &["iptables", "-t", "nat", "-S"]];
        let shown = shown.map(|command| self.netns.exec(command).unwrap_or_else(|fault| fault.to_string()));
        format!("{}\n{}\n{bfd}", shown.join("\n"), self.nat.log_tail())
    }
}

fn internal_gateway(environment: &Environment, v6: bool) -> Result<&str> {
    let name = if v6 { "INTERNAL_GATEWAY_IPV6=" } else { "INTERNAL_GATEWAY_IPV4=" };
    let found = environment.nat.iter().find_map(|pair| pair.strip_prefix(name));
    found.ok_or_else(|| Fault::new(format!("no {name}")))
}

/// A pod's namespace with `eth0` on the port of OVN that the pod has, its addresses with the length of their subnet.
///
/// # Errors
/// When a command fails.
pub fn plug(ovn: &Ovn, pod: &Pod<'_>) -> Result<Arc<Netns>> {
    let host = Arc::new(Netns::new(pod.name)?);
    ensure(pod.name.len() < 15, || format!("{} is too long for a link", pod.name))?;
    ovn.switch().plug("br-int", pod.name, &host)?;
    host.ip(&["link", "set", "eth0", "address", &pod.mac()])?;
    for address in pod.addresses.split(',') {
        let length = if address.contains(':') { 64 } else { 24 };
        // An IPv6 address is of use at once only without duplicate address detection.
        let at_once = &["nodad"][..usize::from(address.contains(':'))];
        let address = format!("{address}/{length}");
        host.ip(&[&["address", "add", &address, "dev", "eth0"], at_once].concat())?;
    }
    let port = format!("external_ids:iface-id={}", pod.port());
    ovn.switch().vsctl(&["set", "Interface", pod.name, &port])?;
    Ok(host)
}

//! The router's end: takes one session and remembers when each prefix came.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use bgp::net::{Dialing, Engine, Hops, Inbound, InboundEvent, PeerConfig};
use bgp::{Asn, Family, HoldTime, RouterId, fsm};
use tests::fault::{Fault, Result};
use tokio::sync::mpsc;

/// Where it listens; the speaker comes from the same loopback.
const ADDR: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const SPEAKER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

pub(crate) struct Sink {
    pub(crate) addr: SocketAddr,
    inbound: mpsc::Receiver<Inbound>,
    held: HashSet<Ipv4Addr>,
    /// Prefixes of UPDATEs that [`Sink::change`] has not told yet.
    untold: usize,
    _engine: Engine,
}

impl Sink {
    pub(crate) fn start() -> Result<Self> {
        let engine = Engine::new();
        let addr = engine.listen(SocketAddr::new(ADDR, 0))?;
        let (to, inbound) = mpsc::channel(4096);
        let missing = || Fault::new("a number out of range");
        engine.add_peer(PeerConfig {
            inbound: Some(to),
            ..PeerConfig::new(
                Dialing { remote: SocketAddr::new(SPEAKER, 0), local: None, hops: Hops::Any },
                fsm::Config {
                    dial: false,
                    listen: true,
                    ..fsm::Config::new(
                        (
                            Asn::new(65001).ok_or_else(missing)?,
                            RouterId::new(Ipv4Addr::new(10, 0, 0, 1)).ok_or_else(missing)?,
                        ),
                        Asn::new(65000).ok_or_else(missing)?,
                        HoldTime::new(90).ok_or_else(missing)?,
                        vec![Family::IPV4_UNICAST],
                    )
                },
            )
        });
        Ok(Self { addr, inbound, held: HashSet::new(), untold: 0, _engine: engine })
    }

    /// Waits until it holds so many prefixes; gives the time of the last.
    pub(crate) async fn holds(&mut self, count: usize, patience: Duration) -> Result<Instant> {
        let mut at = Instant::now();
        let all = async {
            while self.held.len() != count {
                at = self.next().await?;
            }
            Ok(at)
        };
        let held = tokio::time::timeout(patience, all).await;
        held.map_err(|_| Fault::new(format!("the router has {} of {count} prefixes", self.held.len())))?
    }

    /// Begins to count changes anew.
    pub(crate) fn forget(&mut self) {
        self.untold = 0;
    }

    /// Waits for one more prefix that came or went; an UPDATE may tell of several.
    pub(crate) async fn change(&mut self) -> Result<()> {
        while self.untold == 0 {
            self.next().await?;
        }
        self.untold -= 1;
        Ok(())
    }

    /// Takes the next UPDATE that says something; gives the time it was read at.
    pub(crate) async fn next(&mut self) -> Result<Instant> {
        loop {
            let Some(inbound) = self.inbound.recv().await else { return Err(Fault::new("the sink ended")) };
            let at = Instant::now();
            match inbound.event {
                InboundEvent::Update(update) if !update.nlri.is_empty() || !update.withdrawn.is_empty() => {
                    self.untold += update.withdrawn.len() + update.nlri.len();
                    for net in update.withdrawn {
                        self.held.remove(&net.network());
                    }
                    self.held.extend(update.nlri.iter().map(ipnet::Ipv4Net::network));
                    return Ok(at);
                }
                InboundEvent::Update(_) => {} // End-of-RIB
                InboundEvent::Down => return Err(Fault::new("the session ended")),
            }
        }
    }
}

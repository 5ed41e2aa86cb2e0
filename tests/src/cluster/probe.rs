//! Probes: one datagram per address every 10 ms, from changing ports, echoed by the nodes.

use crate::fault::{During, Fault, Result};
use crate::netns::Netns;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The port of the echo protocol (RFC 862).
const ECHO: u16 = 7;

/// Between two probes of one address.
const EVERY: Duration = Duration::from_millis(10);

/// Flows per address: with two routers and two nodes, each of the four ways has its share of them.
const FLOWS: usize = 32;

/// A probe without an answer for so long is lost.
const PATIENCE: Duration = Duration::from_millis(500);

/// Losses closer to each other than this are one outage.
const APART: Duration = Duration::from_millis(700);

/// Answers at one address of a namespace; ends when dropped.
#[derive(Debug)]
pub(super) struct Responder {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Responder {
    pub(super) fn start(netns: &Netns, address: IpAddr) -> Result<Self> {
        let socket = netns.enter(|| {
            let socket = UdpSocket::bind((address, ECHO)).during(address)?;
            socket.set_read_timeout(Some(Duration::from_millis(100)))?;
            Ok(socket)
        })?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 64];
            while !stopped.load(Ordering::Relaxed) {
                if let Ok((length, from)) = socket.recv_from(&mut buffer) {
                    // An answer that cannot be sent is a probe that was lost.
                    let _ = socket.send_to(&buffer[..length], from);
                }
            }
        });
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What became of the probes to one address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// Sent.
    pub sent: usize,
    /// Sent and not answered.
    pub lost: usize,
    /// From the first loss to the last of the outage that took longest. Not longest of all flows alone: an outage of
    /// one of several ways counts for as long as it lasts.
    pub longest: Duration,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} lost", self.lost, self.sent)?;
        if self.lost > 0 { write!(f, ", longest {:.2} s", self.longest.as_secs_f64()) } else { Ok(()) }
    }
}

/// Probes under way.
#[derive(Debug)]
pub struct Probing {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<BTreeMap<IpAddr, Loss>>>,
}

impl Probing {
    pub(super) fn start(netns: &Netns, targets: &[IpAddr]) -> Result<Self> {
        let lanes: Vec<Lane> =
            netns.enter(|| targets.iter().map(|&target| Lane::open(target)).collect::<Result<_>>())?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || probe(lanes, &stopped));
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Ends them, waits for the last answers, and adds up.
    ///
    /// # Errors
    /// When the thread that sends them panicked.
    pub fn finish(mut self) -> Result<BTreeMap<IpAddr, Loss>> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().ok_or_else(|| Fault::new("ended before"))?;
        thread.join().map_err(|_| Fault::new("the thread that probes panicked"))
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// All flows to one address.
struct Lane {
    target: IpAddr,
    flows: Vec<UdpSocket>,
    /// When each probe was sent; none once it was answered, or if it was not even sent for want of a buffer.
    open: Vec<Option<Instant>>,
}

impl Lane {
    fn open(target: IpAddr) -> Result<Self> {
        let any: SocketAddr = if target.is_ipv4() { "0.0.0.0:0".parse()? } else { "[::]:0".parse()? };
        let flow = |_| {
            let socket = UdpSocket::bind(any)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        Ok(Self { target, flows: (0..FLOWS).map(flow).collect::<Result<_>>()?, open: Vec::new() })
    }

    fn send(&mut self) {
        let number = self.open.len();
        self.open.push(Some(Instant::now()));
        // Not connected, and an error is no different from a loss: without a route the kernel says so at once.
        let _ = self.flows[number % FLOWS].send_to(&number.to_be_bytes(), (self.target, ECHO));
    }

    fn receive(&mut self) {
        let mut number = [0; 8];
        for flow in &self.flows {
            loop {
                match flow.recv_from(&mut number) {
                    Ok((8, _)) => {
                        let answered = usize::try_from(u64::from_be_bytes(number)).ok();
                        if let Some(probe) = answered.and_then(|number| self.open.get_mut(number)) {
                            *probe = None;
                        }
                    }
                    Ok(_) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                    // What a router said about an earlier probe; the next one may have been answered.
                    Err(_) => {}
                }
            }
        }
    }

    fn loss(&self) -> Loss {
        let lost: Vec<Instant> = self.open.iter().flatten().copied().collect();
        let mut longest = Duration::ZERO;
        for outage in lost.chunk_by(|earlier, later| later.duration_since(*earlier) < APART) {
            longest = longest.max(outage[outage.len() - 1].duration_since(outage[0]) + EVERY);
        }
        Loss { sent: self.open.len(), lost: lost.len(), longest }
    }
}

fn probe(mut lanes: Vec<Lane>, stop: &AtomicBool) -> BTreeMap<IpAddr, Loss> {
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        for lane in &mut lanes {
            lane.send();
            lane.receive();
        }
        // A machine that was busy sends the next one later, not several at once.
        due = (due + EVERY).max(Instant::now());
        std::thread::sleep(due - Instant::now());
    }
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        lanes.iter_mut().for_each(Lane::receive);
        std::thread::sleep(EVERY);
    }
    lanes.iter().map(|lane| (lane.target, lane.loss())).collect()
}

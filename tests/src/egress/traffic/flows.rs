//! Flows of UDP probes, 10 ms apart, each to an address of the server of its own: with the userspace datapath OVN spreads
//! UDP by the pair of addresses, so what tells flows apart is where they go.

use super::server::{PORT, Seen};
use crate::fault::{Fault, Result};
use crate::netns::Netns;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two probes of a flow.
pub const INTERVAL: Duration = Duration::from_millis(10);

/// Between two looks for answers.
const TURN: Duration = Duration::from_millis(1);

/// One probe that was answered.
#[derive(Clone, Debug)]
struct Answer {
    sent: Instant,
    client: IpAddr,
}

/// What became of a flow.
#[derive(Clone, Debug)]
pub struct Track {
    /// Where it went.
    pub to: IpAddr,
    /// In the order in which they were sent.
    answers: Vec<Answer>,
}

impl Track {
    /// The longest time between two probes that were answered, of those sent from `from` on (and the last one before).
    ///
    /// # Errors
    /// When fewer than two were.
    pub fn longest_gap(&self, from: Instant) -> Result<Duration> {
        let first = self.answers.partition_point(|answer| answer.sent < from).saturating_sub(1);
        let answers = self.answers.get(first..).unwrap_or_default();
        let gaps = answers.windows(2).filter_map(|pair| match pair {
            [earlier, later] => Some(later.sent.duration_since(earlier.sent)),
            _ => None,
        });
        gaps.max().ok_or_else(|| Fault::new(format!("{}: no answers from then on", self.to)))
    }

    /// The address the server saw it come from at this time: that of the last answer before, else of the first one.
    ///
    /// # Errors
    /// When nothing was answered.
    pub fn client_at(&self, time: Instant) -> Result<IpAddr> {
        let before = self.answers.partition_point(|answer| answer.sent < time).saturating_sub(1);
        let answer = self.answers.get(before);
        answer.map(|answer| answer.client).ok_or_else(|| Fault::new(format!("{}: never answered", self.to)))
    }

    /// When the last answered probe was sent.
    #[must_use]
    pub fn last(&self) -> Option<Instant> {
        self.answers.last().map(|answer| answer.sent)
    }
}

/// Flows that run until they are ended.
#[derive(Debug)]
pub struct Flows {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<Vec<Track>>>>,
}

impl Flows {
    /// Starts a flow to each of these addresses, from ports the kernel chooses.
    ///
    /// # Errors
    /// When a socket cannot be had.
    pub fn start(client: &Netns, servers: &[IpAddr]) -> Result<Self> {
        let flows = client.enter(|| servers.iter().map(|to| Flow::open(*to)).collect::<Result<Vec<_>>>())?;
        let stop = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&stop);
        let thread = std::thread::spawn(move || run(flows, &ended));
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Ends them.
    ///
    /// # Errors
    /// When a server said something odd.
    pub fn end(mut self) -> Result<Vec<Track>> {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().ok_or_else(|| Fault::new("no flows"))?;
        thread.join().unwrap_or_else(|_| Err(Fault::new("the flows panicked")))
    }
}

impl Drop for Flows {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // Whoever drops them unended does not want to know.
            let _ = thread.join();
        }
    }
}

struct Flow {
    socket: UdpSocket,
    to: IpAddr,
    sent: Vec<Instant>,
    answered: Vec<Option<IpAddr>>,
}

impl Flow {
    fn open(to: IpAddr) -> Result<Self> {
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any)?;
        socket.connect(SocketAddr::new(to, PORT))?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, to, sent: Vec::new(), answered: Vec::new() })
    }

    /// A probe is its number. One that cannot be sent, as after an ICMP error, is one that was lost.
    fn send(&mut self) {
        let number = u32::try_from(self.sent.len()).unwrap_or(u32::MAX);
        self.sent.push(Instant::now());
        self.answered.push(None);
        let _ = self.socket.send(&number.to_be_bytes());
    }

    fn receive(&mut self) -> Result<()> {
        let mut packet = [0; 512];
        while let Ok(length) = self.socket.recv(&mut packet) {
            let answer = packet.get(..length).unwrap_or_default();
            let (number, said) = answer.split_first_chunk().ok_or_else(|| Fault::new("a short answer"))?;
            let seen = Seen::read(&String::from_utf8_lossy(said))?;
            let number = usize::try_from(u32::from_be_bytes(*number)).unwrap_or(usize::MAX);
            let slot = self.answered.get_mut(number);
            *slot.ok_or_else(|| Fault::new(format!("an answer to probe {number}, not sent")))? =
                Some(seen.client);
        }
        Ok(())
    }

    fn track(self) -> Track {
        let pairs = self.sent.into_iter().zip(self.answered);
        let answers = pairs.filter_map(|(sent, client)| client.map(|client| Answer { sent, client }));
        Track { to: self.to, answers: answers.collect() }
    }
}

fn run(mut flows: Vec<Flow>, stop: &AtomicBool) -> Result<Vec<Track>> {
    let mut due = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        if Instant::now() >= due {
            flows.iter_mut().for_each(Flow::send);
            due += INTERVAL;
        }
        flows.iter_mut().try_for_each(Flow::receive)?;
        std::thread::sleep(TURN);
    }
    // What is still on its way is not lost.
    std::thread::sleep(INTERVAL * 5);
    flows.iter_mut().try_for_each(Flow::receive)?;
    Ok(flows.into_iter().map(Flow::track).collect())
}

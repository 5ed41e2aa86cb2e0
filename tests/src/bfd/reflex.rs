//! The least that a BFD peer can be: it answers every packet, repeats its answer every 80 ms for a while, and judges
//! nothing. It stands in for what is tested where the lab itself is.

use crate::fault::Result;
use crate::netns::Netns;
use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The flags (RFC 5880 §4.1), in the second octet.
const POLL: u8 = 0x20;
const FINAL: u8 = 0x10;

/// How long it repeats the answer to what it heard last: longer than a peer that is not Up waits between two packets.
const MEMORY: Duration = Duration::from_millis(1500);

/// A peer in a thread, until it is dropped.
#[derive(Debug)]
pub struct Reflex {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Reflex {
    /// Answers on port 3784 of this address, with 100 ms desired and required, and a multiplier of 3.
    ///
    /// # Errors
    /// When the socket cannot be had.
    pub fn start(netns: &Netns, address: IpAddr) -> Result<Self> {
        let (heard, said) = netns.enter(|| {
            let (heard, said) = (UdpSocket::bind((address, 3784))?, UdpSocket::bind((address, 50_000))?);
            heard.set_read_timeout(Some(Duration::from_millis(80)))?;
            if address.is_ipv4() {
                said.set_ttl(255)?;
            } else {
                rustix::net::sockopt::set_ipv6_unicast_hops(&said, Some(255))?;
            }
            Ok((heard, said))
        })?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut packet = [0; 64];
            let mut last = None;
            while !told.load(Ordering::Relaxed) {
                if let Ok((length, from)) = heard.recv_from(&mut packet)
                    && let Some(answer) = answer(&packet[..length])
                {
                    last = Some((Instant::now(), answer, from.ip()));
                }
                if let Some((at, answer, to)) = &mut last
                    && at.elapsed() < MEMORY
                {
                    // A peer that is gone says so by ICMP: the next packet will tell.
                    let _ = said.send_to(answer, (*to, 3784));
                    answer[1] &= !FINAL;
                }
            }
        });
        Ok(Self { stop, thread: Some(thread) })
    }
}

/// Down is answered by Init, Init and Up by Up, AdminDown by Down, a Poll by a Final (RFC 5880 §6.2, §6.5).
fn answer(packet: &[u8]) -> Option<[u8; 24]> {
    let packet: &[u8; 24] = packet.get(..24)?.try_into().ok()?;
    let state = match packet[1] >> 6 {
        0 => 1,
        1 => 2,
        _ => 3,
    };
    let answer_to_poll = if packet[1] & POLL != 0 { FINAL } else { 0 };
    let mut out = [
        0x20,
        state << 6 | answer_to_poll,
        3,
        24,
        0,
        0,
        0,
        77,
        0,
        0,
        0,
        0,
        0,
        1,
        0x86,
        0xa0,
        0,
        1,
        0x86,
        0xa0,
        0,
        0,
        0,
        0,
    ];
    out[8..12].copy_from_slice(&packet[4..8]);
    Some(out)
}

impl Drop for Reflex {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It cannot panic, and ends within its read timeout.
            let _ = thread.join();
        }
    }
}

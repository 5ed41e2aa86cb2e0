//! A router that reads, or does not, and knows when each change was applied.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bgp::wire::{Capability, Context, Message, Open};
use bgp::{Asn, Family, HoldTime, RouterId};
use socket2::{Domain, Socket, Type};

use crate::{FIRST, ROUTER_AS, router_addr};

/// What all routers look at.
pub(crate) struct Shared {
    /// When each prefix was changed last, in ns since `begin`; 0 for never.
    pub(crate) applied: Vec<AtomicU64>,
    pub(crate) begin: Instant,
    pub(crate) stop: AtomicBool,
}

/// What one router shows while it runs.
#[derive(Default)]
pub(crate) struct View {
    pub(crate) paused: AtomicBool,
    pub(crate) messages: AtomicU64,
    pub(crate) prefixes: AtomicU64,
    /// Prefixes it holds at present.
    pub(crate) held: AtomicUsize,
}

/// What it has when it ends.
pub(crate) struct End {
    /// Nanoseconds from a change to its arrival, each with when it arrived.
    pub(crate) latencies: Vec<(u64, u64)>,
    pub(crate) held: Vec<bool>,
}

/// A running router.
pub(crate) struct Router {
    pub(crate) view: Arc<View>,
    thread: JoinHandle<End>,
}

impl Router {
    pub(crate) fn start(number: usize, to: SocketAddr, shared: Arc<Shared>, samples: usize) -> Self {
        let view = Arc::new(View::default());
        let seen = Arc::clone(&view);
        let thread = thread::spawn(move || run(number, to, &shared, &seen, samples));
        Self { view, thread }
    }

    pub(crate) fn join(self) -> End {
        self.thread.join().unwrap()
    }
}

fn run(number: usize, to: SocketAddr, shared: &Shared, view: &View, samples: usize) -> End {
    let mut socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((router_addr(number), 0)).into()).unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    socket.connect(&to.into()).unwrap();
    let id = RouterId::new(Ipv4Addr::new(10, 255, 0, u8::try_from(number + 1).unwrap())).unwrap();
    let open = Open::new(Asn::new(ROUTER_AS).unwrap(), HoldTime::new(240).unwrap(), id)
        .with(Capability::Multiprotocol(Family::IPV4_UNICAST));
    socket.write_all(&Message::Open(open).encode(Context::default()).unwrap()).unwrap();
    let keepalive = Message::Keepalive.encode(Context::default()).unwrap();
    socket.write_all(&keepalive).unwrap();
    // Written once, so that the memory is there before anything is measured.
    let mut end = End { latencies: vec![(1, 1); samples], held: vec![false; shared.applied.len()] };
    end.latencies.clear();
    let (mut buffer, mut filled, mut spoke) = (vec![0; 1 << 18], 0, Instant::now());
    while !shared.stop.load(Ordering::Relaxed) {
        if spoke.elapsed() > Duration::from_secs(30) {
            spoke = Instant::now();
            socket.write_all(&keepalive).unwrap();
        }
        if view.paused.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(10));
            continue;
        }
        match socket.read(&mut buffer[filled..]) {
            Ok(0) => panic!("router {number}: the session ended"),
            Ok(read) => filled += read,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(error) => panic!("router {number}: {error}"),
        }
        let now = u64::try_from(shared.begin.elapsed().as_nanos()).unwrap();
        let mut at = 0;
        while let Some(len) = message_len(&buffer[at..filled]) {
            let message = &buffer[at..at + len];
            assert_ne!(message[18], 3, "router {number}: NOTIFICATION {message:?}");
            if message[18] == 2 {
                take(message, (shared, view, now), &mut end);
            }
            at += len;
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
    }
    end
}

fn take(message: &[u8], (shared, view, now): (&Shared, &View, u64), end: &mut End) {
    let field = |at: usize| usize::from(u16::from_be_bytes([message[at], message[at + 1]]));
    let attrs = 21 + field(19);
    let (withdrawn, nlri) = (&message[21..attrs], &message[attrs + 2 + field(attrs)..]);
    view.messages.fetch_add(1, Ordering::Relaxed);
    for (nets, announced) in [(withdrawn, false), (nlri, true)] {
        for net in nets.chunks_exact(5) {
            let at = u32::from_be_bytes([net[1], net[2], net[3], net[4]]) - FIRST;
            let at = usize::try_from(at).unwrap();
            let before = std::mem::replace(&mut end.held[at], announced);
            match (before, announced) {
                (false, true) => view.held.fetch_add(1, Ordering::Relaxed),
                (true, false) => view.held.fetch_sub(1, Ordering::Relaxed),
                _ => 0,
            };
            let applied = shared.applied[at].load(Ordering::Acquire);
            if applied != 0 && end.latencies.len() < end.latencies.capacity() {
                end.latencies.push((now, now.saturating_sub(applied)));
            }
        }
        view.prefixes.fetch_add(u64::try_from(nets.len() / 5).unwrap(), Ordering::Relaxed);
    }
}

fn message_len(buffer: &[u8]) -> Option<usize> {
    let len = usize::from(u16::from_be_bytes([*buffer.get(16)?, *buffer.get(17)?]));
    (buffer.len() >= len).then_some(len)
}

//! The router of the benchmark: shakes hands, counts prefixes by their length octets, understands nothing else.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use bgp::wire::{Capability, Context, Message, Open};
use bgp::{Asn, Family, HoldTime, RouterId};
use socket2::{Domain, Socket, Type};

pub(crate) const ROUTER_AS: u32 = 64512;

/// The address of a router, and so of its peer in the originators.
pub(crate) fn router_addr(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(number + 1).unwrap())
}

/// How long the slowest router waited, counted from the moment all connect.
#[derive(Clone, Copy)]
pub(crate) struct Took {
    /// For 99 % of the prefixes: BIRD keeps the rest back for seconds.
    pub(crate) most: Duration,
    /// For the last prefix.
    pub(crate) all: Duration,
}

/// Lets the routers connect, all at once, and waits until each has all `routes` prefixes.
pub(crate) fn fill(originator: SocketAddr, routers: usize, routes: usize) -> Took {
    for _ in 0..100 {
        // An originator that still mourns the sessions of the last round refuses: that round does not count.
        thread::sleep(Duration::from_millis(300));
        if let Ok(took) = attempt(originator, routers, routes) {
            return took;
        }
    }
    panic!("{originator} does not fill {routers} routers");
}

fn attempt(originator: SocketAddr, routers: usize, routes: usize) -> io::Result<Took> {
    let gate = Arc::new(Barrier::new(routers + 1));
    let threads: Vec<_> = (0..routers)
        .map(|number| {
            let gate = Arc::clone(&gate);
            thread::spawn(move || {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
                socket.bind(&SocketAddr::from((router_addr(number), 0)).into())?;
                socket.set_tcp_nodelay(true)?;
                socket.set_read_timeout(Some(Duration::from_secs(60)))?;
                let mut buffer = vec![0; 1 << 18];
                gate.wait();
                socket.connect(&originator.into())?;
                receive(socket, number, routes, &mut buffer)
            })
        })
        .collect();
    gate.wait();
    let begin = Instant::now();
    let ends: Vec<io::Result<Ends>> = threads.into_iter().map(|one| one.join().unwrap()).collect();
    let ends: Vec<Ends> = ends.into_iter().collect::<io::Result<_>>()?;
    let last = |when: fn(&Ends) -> Instant| ends.iter().map(when).max().unwrap() - begin;
    Ok(Took { most: last(|ends| ends.0), all: last(|ends| ends.1) })
}

/// When 99 % and all had come, and the connection, which lives on until every router is done.
type Ends = (Instant, Instant, Socket);

fn receive(mut socket: Socket, number: usize, routes: usize, buffer: &mut [u8]) -> io::Result<Ends> {
    let id = RouterId::new(Ipv4Addr::new(10, 0, 0, u8::try_from(number + 1).unwrap())).unwrap();
    let open = Open::new(Asn::new(ROUTER_AS).unwrap(), HoldTime::new(240).unwrap(), id)
        .with(Capability::Multiprotocol(Family::IPV4_UNICAST));
    socket.write_all(&Message::Open(open).encode(Context::default()).unwrap())?;
    let (mut filled, mut prefixes, mut most) = (0, 0, None);
    while prefixes < routes {
        let read = socket.read(&mut buffer[filled..])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += read;
        let mut at = 0;
        while let Some(len) = message_len(&buffer[at..filled]) {
            let message = &buffer[at..at + len];
            match message[18] {
                1 => socket.write_all(&Message::Keepalive.encode(Context::default()).unwrap())?,
                2 => prefixes += count(message),
                3 => return Err(io::ErrorKind::ConnectionRefused.into()),
                _ => {}
            }
            at += len;
        }
        if prefixes >= routes - routes / 100 {
            most.get_or_insert_with(Instant::now);
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
    }
    let all = Instant::now();
    Ok((most.unwrap_or(all), all, socket))
}

fn message_len(buffer: &[u8]) -> Option<usize> {
    let len = usize::from(u16::from_be_bytes([*buffer.get(16)?, *buffer.get(17)?]));
    (buffer.len() >= len).then_some(len)
}

/// Prefixes in the NLRI field of an UPDATE.
fn count(message: &[u8]) -> usize {
    let field = |at: usize| usize::from(u16::from_be_bytes([message[at], message[at + 1]]));
    let attrs = 21 + field(19);
    let mut at = attrs + 2 + field(attrs);
    let mut count = 0;
    while at < message.len() {
        at += 1 + usize::from(message[at].div_ceil(8));
        count += 1;
    }
    count
}

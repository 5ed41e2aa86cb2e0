//! The three originators, each a process: the engine and the floor are this program under a subcommand.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bgp::net::{Dialing, Engine, Hops, PeerConfig};
use bgp::rib::{NextHops, RouteAttrs};
use bgp::wire::{Attr, Capability, Context, Message, Open, Origin, Segment, Update};
use bgp::{Asn, Family, HoldTime, RouterId, fsm};
use ipnet::Ipv4Net;

use crate::ROUTERS;
use crate::sink::{ROUTER_AS, router_addr};

const NEXT_HOP: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const LOCAL_AS: u32 = 65001;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Engine,
    Floor,
    Bird,
}

fn asn(number: u32) -> Asn {
    Asn::new(number).unwrap()
}

fn host_routes(count: usize) -> impl Iterator<Item = Ipv4Net> {
    let first = u32::from(Ipv4Addr::new(10, 0, 0, 0));
    (0..u32::try_from(count).unwrap()).map(move |at| Ipv4Net::from(Ipv4Addr::from(first + at)))
}

fn most_routers() -> usize {
    ROUTERS.into_iter().max().unwrap()
}

impl Which {
    pub(crate) const ALL: [Self; 3] = [Self::Engine, Self::Floor, Self::Bird];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Engine => "engine",
            Self::Floor => "floor",
            Self::Bird => "BIRD",
        }
    }

    pub(crate) fn of_subcommand(arg: &str) -> Option<Self> {
        [Self::Engine, Self::Floor].into_iter().find(|which| which.name() == arg)
    }

    /// The originator itself: prints its address once it is ready, ends with its standard input.
    pub(crate) fn run(self, routes: usize) {
        match self {
            Self::Engine => engine(routes),
            Self::Floor => floor(routes),
            Self::Bird => unreachable!("a program of its own"),
        }
    }
}

fn ready(addr: SocketAddr) {
    println!("{addr}");
    let _ = std::io::stdin().read(&mut [0]);
}

fn engine(routes: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let _inside = runtime.enter();
    let engine = Engine::new();
    for number in 0..most_routers() {
        let remote = SocketAddr::from((router_addr(number), 179));
        engine.add_peer(PeerConfig {
            next_hops: NextHops { v4: Some(NEXT_HOP), v6: None, link_local: None },
            ..PeerConfig::new(
                Dialing { remote, local: None, hops: Hops::Any },
                fsm::Config {
                    dial: false,
                    listen: true,
                    ..fsm::Config::new(
                        (asn(LOCAL_AS), RouterId::new(NEXT_HOP).unwrap()),
                        asn(ROUTER_AS),
                        HoldTime::new(90).unwrap(),
                        vec![Family::IPV4_UNICAST],
                    )
                },
            )
        });
    }
    let attrs = RouteAttrs::default();
    engine.apply(host_routes(routes).map(|net| (net.into(), Some(&attrs))));
    engine.release();
    ready(engine.listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap());
}

/// Writes the same octets from memory, after a handshake that looks at nothing.
fn floor(routes: usize) {
    let context = Context { four_octet_as: true, ..Context::default() };
    let attrs = vec![
        Attr::Origin(Origin::Igp),
        Attr::AsPath(vec![Segment::sequence(asn(LOCAL_AS))]),
        Attr::NextHop(NEXT_HOP),
    ];
    let full = (4096 - 43) / 5; // header and attributes above; five octets a host route
    let mut table = Vec::new();
    for nlri in host_routes(routes).collect::<Vec<_>>().chunks(full) {
        let update = Update { attrs: attrs.clone(), nlri: nlri.to_vec(), ..Update::default() };
        table.extend(Message::Update(update).encode(context).unwrap());
    }
    table.extend(Message::Update(Update::end_of_rib(Family::IPV4_UNICAST)).encode(context).unwrap());
    let open = Open::new(asn(LOCAL_AS), HoldTime::new(240).unwrap(), RouterId::new(NEXT_HOP).unwrap())
        .with(Capability::Multiprotocol(Family::IPV4_UNICAST));
    let mut hello = Message::Open(open).encode(context).unwrap();
    hello.extend(Message::Keepalive.encode(context).unwrap());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (addr, table) = (listener.local_addr().unwrap(), Arc::new(table));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (hello, table) = (hello.clone(), Arc::clone(&table));
            std::thread::spawn(move || serve(stream.unwrap(), &hello, &table));
        }
    });
    ready(addr);
}

fn serve(mut stream: TcpStream, hello: &[u8], table: &[u8]) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(hello)?;
    let mut header = [0; 19];
    while header[18] != 4 {
        stream.read_exact(&mut header)?;
        let len = u64::from(u16::from_be_bytes([header[16], header[17]]));
        std::io::copy(&mut Read::by_ref(&mut stream).take(len - 19), &mut std::io::sink())?;
    }
    stream.write_all(table)?;
    let _ = stream.read(&mut header)?; // until the router closes
    Ok(())
}

/// A running originator; dropping it kills the process it started.
pub(crate) struct Originator {
    pub(crate) which: Which,
    pub(crate) addr: SocketAddr,
    child: Child,
    dir: Option<PathBuf>,
}

impl Originator {
    pub(crate) fn start(which: Which, routes: usize) -> Self {
        if which == Which::Bird {
            return bird(routes);
        }
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([which.name(), &routes.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { which, addr: line.trim().parse().expect("the originator's address"), child, dir: None }
    }

    /// A field of the process's status, in kB.
    pub(crate) fn memory_kb(&self, field: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(field)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}

impl Drop for Originator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(dir) = &self.dir {
            let _ = std::fs::remove_dir_all(dir);
        }
    }
}

fn bird(routes: usize) -> Originator {
    // A port nobody has now; BIRD cannot be told to choose one.
    let addr = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let dir = std::env::temp_dir().join(format!("fanout-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let (config, control) = (dir.join("bird.conf"), dir.join("bird.ctl"));
    std::fs::write(&config, bird_config(addr, routes)).unwrap();
    let child = Command::new("bird")
        .arg("-f")
        .args([Path::new("-c"), &config, Path::new("-s"), &control, Path::new("-P"), &dir.join("bird.pid")])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect(
            "BIRD 2 is one of the three originators: install it (Debian package bird2), with `bird` in PATH",
        );
    let originator = Originator { which: Which::Bird, addr, child, dir: Some(dir) };
    let deadline = Instant::now() + Duration::from_secs(120);
    while bird_routes(&control) < routes {
        assert!(Instant::now() < deadline, "BIRD does not load {routes} routes");
        std::thread::sleep(Duration::from_millis(100));
    }
    originator
}

fn bird_config(addr: SocketAddr, routes: usize) -> String {
    let mut text = format!("router id {NEXT_HOP};\nprotocol static {{ ipv4;\n");
    for net in host_routes(routes) {
        writeln!(text, "route {net} blackhole;").unwrap();
    }
    text.push_str("}\n");
    for number in 0..most_routers() {
        let (ip, port, router) = (addr.ip(), addr.port(), router_addr(number));
        writeln!(
            text,
            "protocol bgp {{ local {ip} port {port} as {LOCAL_AS}; neighbor {router} as {ROUTER_AS}; multihop;
             strict bind; passive; error wait time 1, 1; error forget time 1;
             ipv4 {{ import none; export all; next hop address {NEXT_HOP}; }}; }}"
        )
        .unwrap();
    }
    text
}

/// How many routes BIRD says it has; zero while it does not answer.
fn bird_routes(control: &Path) -> usize {
    let ask = || -> std::io::Result<String> {
        let mut socket = UnixStream::connect(control)?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        socket.write_all(b"show route count\n")?;
        let mut reader = BufReader::new(socket);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line.contains("Total:") || line.contains("routes for") {
                return Ok(line);
            }
        }
    };
    let line = ask().unwrap_or_default();
    let numbers = line.split(|other: char| !other.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
    numbers.filter(|number| *number != 14).max().unwrap_or(0)
}

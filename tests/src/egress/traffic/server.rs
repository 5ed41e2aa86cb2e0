//! A server that tells each client the address it saw, over TCP and UDP, at as many addresses as wanted.

use crate::fault::{During, Fault, Result};
use crate::netns::Netns;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, UdpSocket};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

/// Where it listens, in both protocols.
pub const PORT: u16 = 9000;

/// A running server. Over TCP it says `NAME ADDRESS` and closes; over UDP it answers with what it was sent, then the same.
#[derive(Debug)]
pub struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts one at these addresses, which the namespace has.
    ///
    /// # Errors
    /// When a socket cannot be had.
    pub fn start(netns: &Netns, name: &str, addresses: &[IpAddr]) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let sockets = netns.enter(|| bind(addresses))?;
        let (stop, stopped) = oneshot::channel();
        let name = name.to_owned();
        let thread = std::thread::spawn(move || serve(&runtime, sockets, &name, stopped));
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell.
            let _ = thread.join();
        }
    }
}

type Sockets = Vec<(std::net::UdpSocket, std::net::TcpListener)>;

fn bind(addresses: &[IpAddr]) -> Result<Sockets> {
    let one = |address: &IpAddr| {
        let at = SocketAddr::new(*address, PORT);
        let datagrams = std::net::UdpSocket::bind(at).during(at)?;
        let connections = std::net::TcpListener::bind(at).during(at)?;
        datagrams.set_nonblocking(true)?;
        connections.set_nonblocking(true)?;
        Ok((datagrams, connections))
    };
    addresses.iter().map(one).collect()
}

fn serve(runtime: &Runtime, sockets: Sockets, name: &str, stopped: oneshot::Receiver<()>) {
    runtime.block_on(async {
        for (datagrams, connections) in sockets {
            let (Ok(datagrams), Ok(connections)) =
                (UdpSocket::from_std(datagrams), TcpListener::from_std(connections))
            else {
                return;
            };
            tokio::spawn(answer_datagrams(datagrams, name.to_owned()));
            tokio::spawn(answer_connections(connections, name.to_owned()));
        }
        // The sender is dropped to end it.
        let _ = stopped.await;
    });
}

async fn answer_datagrams(socket: UdpSocket, name: String) {
    let mut packet = [0; 512];
    loop {
        // An error here is an ICMP message about an earlier answer.
        let Ok((length, from)) = socket.recv_from(&mut packet).await else { continue };
        let said = format!("{name} {}", from.ip());
        let answer = [packet.get(..length).unwrap_or_default(), said.as_bytes()].concat();
        let _ = socket.send_to(&answer, from).await;
    }
}

async fn answer_connections(listener: TcpListener, name: String) {
    loop {
        let Ok((mut stream, from)) = listener.accept().await else { continue };
        // A client that is gone needs no answer.
        let _ = stream.write_all(format!("{name} {}", from.ip()).as_bytes()).await;
    }
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    /// The server's name.
    pub server: String,
    /// The client's address, as the server saw it.
    pub client: IpAddr,
}

impl Seen {
    /// Reads the words of a server.
    ///
    /// # Errors
    /// When they are not `NAME ADDRESS`.
    pub fn read(text: &str) -> Result<Self> {
        let (server, client) = text.split_once(' ').ok_or_else(|| Fault::new(format!("it said {text:?}")))?;
        Ok(Self { server: server.to_owned(), client: client.parse()? })
    }
}

/// Connects from a namespace once and returns what the server says.
///
/// # Errors
/// When it does not answer within 2 s.
pub fn ask(client: &Netns, server: IpAddr) -> Result<Seen> {
    let text = client.enter(|| {
        let limit = Duration::from_secs(2);
        let stream = TcpStream::connect_timeout(&SocketAddr::new(server, PORT), limit).during(server)?;
        stream.set_read_timeout(Some(limit))?;
        std::io::read_to_string(stream).during(server)
    })?;
    Seen::read(&text)
}

/// Connects so many times, each from another port, and counts what servers say.
///
/// # Errors
/// When one does not answer within 2 s.
pub fn ask_often(
    client: &Netns,
    server: IpAddr,
    count: u16,
) -> Result<std::collections::BTreeMap<Seen, usize>> {
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..count {
        *seen.entry(ask(client, server)?).or_default() += 1;
    }
    Ok(seen)
}

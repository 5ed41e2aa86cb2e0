//! The endpoints over raw sockets: paths, methods, both families, and clients that mean no good.

mod exposition;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bgp::net::Engine;
use bgp::{Asn, RouterId};
use exposition::Exposition;
use speaker::announce::{Announcer, Identity};
use speaker::http::serve;
use speaker::logging::Counts;
use speaker::metrics::Metrics;
use speaker::plan::Settings;
use speaker::view::{Batch, Kind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// A server on a port of its own; ended with the test.
struct Server {
    port: u16,
    metrics: Arc<Metrics>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start() -> Self {
        let identity = Identity {
            node: "node-a".into(),
            local_as: Asn::new(65000).expect("legal"),
            router_id: RouterId::new(Ipv4Addr::new(10, 0, 0, 1)).expect("legal"),
        };
        let settings =
            Settings::Node { name: "node-a".into(), announce_cluster_ip: false, local_only: false };
        let announcer = Announcer::new(Arc::new(Engine::new()), identity, settings);
        let metrics = Arc::new(Metrics::new(Arc::new(announcer), Counts::default));
        loop {
            let free = std::net::TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).expect("a free port");
            let port = free.local_addr().expect("bound").port();
            drop(free);
            match serve(port, Arc::clone(&metrics)).await {
                Ok(service) => return Self { port, metrics, task: tokio::spawn(service) },
                // Another test was faster.
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{error}"),
            }
        }
    }

    async fn connect(&self, to: IpAddr) -> TcpStream {
        TcpStream::connect(SocketAddr::new(to, self.port)).await.expect("connected")
    }

    /// Sends these octets and returns all that comes back.
    async fn exchange(&self, to: IpAddr, octets: &[u8]) -> String {
        let mut stream = self.connect(to).await;
        stream.write_all(octets).await.expect("sent");
        rest(&mut stream).await
    }

    /// Status code, header fields (lower case) and body.
    async fn ask(&self, to: IpAddr, method: &str, path: &str) -> (u16, String, String) {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: speaker\r\n\r\n");
        let answer = self.exchange(to, request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (code(&answer), head.to_lowercase(), body.to_owned())
    }

    fn list_everything(&self) {
        self.metrics.announcer().handle(Batch { changes: vec![], noticed: Instant::now(), synced: true });
    }
}

/// Everything until the server closes, which it must do within 20 s. A reset ends it, too.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(20), reading).await.expect("the server closes");
    String::from_utf8(answer).expect("text")
}

fn code(answer: &str) -> u16 {
    let word = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
    word.and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("no status: {answer:?}"))
}

#[tokio::test]
async fn health_and_metrics_answer_on_both_families() {
    let server = Server::start().await;
    for to in [V4, V6] {
        for path in ["/healthz", "/livez"] {
            let (code, _, body) = server.ask(to, "GET", path).await;
            assert_eq!((code, body.as_str()), (200, "ok"), "{path} at {to}");
        }
        let (code, head, body) = server.ask(to, "GET", "/metrics").await;
        assert_eq!(code, 200);
        assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
        assert_eq!(Exposition::parse(&body).value("speaker_released", &[]), Some(0.0));
    }
}

#[tokio::test]
async fn readiness_names_what_is_missing_until_everything_was_listed() {
    let server = Server::start().await;
    let ready = || server.ask(V4, "GET", "/readyz");
    let (code, _, body) = ready().await;
    let said = "not ready: not listed yet: subnet, pod; 0 of 0 sessions are up";
    assert_eq!((code, body.as_str()), (503, said));
    server.metrics.announcer().stages().synced(Kind::Subnet);
    let (code, _, body) = ready().await;
    assert_eq!((code, body.as_str()), (503, "not ready: not listed yet: pod; 0 of 0 sessions are up"));
    server.list_everything();
    let (code, _, body) = ready().await;
    assert_eq!((code, body.as_str()), (200, "ok, but 0 of 0 sessions are up"));
}

#[tokio::test]
async fn other_paths_are_404_and_other_methods_405() {
    let server = Server::start().await;
    for path in ["/", "/metrics/", "/debug/pprof/", "/readyz/../metrics", "/%2e%2e/etc/passwd"] {
        assert_eq!(server.ask(V4, "GET", path).await.0, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "FROBNICATE"] {
        let (code, head, _) = server.ask(V6, method, "/metrics").await;
        assert!(code == 405 && head.contains("allow: get,head"), "{method}: {head}");
    }
    let (code, _, body) = server.ask(V4, "HEAD", "/healthz").await;
    assert_eq!((code, body.as_str()), (200, ""));
    assert_eq!(server.ask(V4, "GET", "/metrics?x=1").await.0, 200, "a query is not part of the path");
}

#[tokio::test]
async fn what_is_no_request_is_refused_within_bounds() {
    let server = Server::start().await;
    let long = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", "x".repeat(9 << 10));
    assert_eq!(code(&server.exchange(V4, long.as_bytes()).await), 431, "a head of 9 KiB");
    let many = format!("GET /metrics HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(65));
    assert_eq!(code(&server.exchange(V4, many.as_bytes()).await), 431, "65 fields");
    let enough = format!("GET /healthz HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(64));
    assert_eq!(code(&server.exchange(V4, enough.as_bytes()).await), 200, "64 fields");
    assert_eq!(code(&server.exchange(V4, b"\x16\x03\x01 TLS hello\r\n\r\n").await), 400);
    let pipelined = b"GET /healthz HTTP/1.1\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n";
    let answers = server.exchange(V4, pipelined).await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 1, "one request on a connection: {answers}");
}

#[tokio::test]
async fn whoever_holds_connections_keeps_nobody_out() {
    let server = Server::start().await;
    let mut held = Vec::new();
    for _ in 0..200 {
        let mut stream = server.connect(V4).await;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: sp").await.expect("sent");
        held.push(stream);
    }
    let begun = Instant::now();
    assert_eq!(server.ask(V4, "GET", "/healthz").await.2, "ok");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    // The oldest gave way at once; of the youngest the next test says when.
    assert_eq!(rest(&mut held[0]).await, "");
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    let youngest = held.last_mut().expect("200 of them");
    youngest.write_all(b"eaker\r\n\r\n").await.expect("still there");
    assert_eq!(code(&rest(youngest).await), 200);
}

#[tokio::test]
async fn an_exchange_ends_in_time_however_slow_the_client() {
    let server = Server::start().await;
    let (mut stream, begun) = (server.connect(V6).await, Instant::now());
    let (mut reader, mut writer) = stream.split();
    let drip = async {
        for octet in b"GET /metrics HTTP/1.1\r\nHost: speaker\r\nx: ".iter().chain(std::iter::repeat(&b'x')) {
            if writer.write_all(&[*octet]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let mut answer = Vec::new();
    tokio::select! {
        () = drip => {}
        _ = reader.read_to_end(&mut answer) => {}
    }
    assert!((4..10).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_port_in_use_is_an_error_and_the_server_ends_with_its_future() {
    let server = Server::start().await;
    let error = serve(server.port, Arc::clone(&server.metrics)).await.err().expect("the port is taken");
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    let mut open = server.connect(V4).await;
    assert_eq!(server.ask(V4, "GET", "/livez").await.0, 200);
    server.task.abort();
    assert_eq!(rest(&mut open).await, "", "its connections end, too");
    assert!(TcpStream::connect(SocketAddr::new(V4, server.port)).await.is_err());
}

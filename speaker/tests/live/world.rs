//! A running program, its configuration, and the routers it talks to. Each test has loopback addresses of its own.
#![allow(clippy::unwrap_used, reason = "test support")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use bgp::fsm::State;
use bgp::net::{Dialing, Engine, Hops, Inbound, InboundEvent, PeerConfig, PeerStatus};
use bgp::wire::{Attr, Update};
use bgp::{Asn, Family, HoldTime, RouterId, fsm};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::sync::mpsc;

/// Far beyond anything on loopback: only a defect takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A router: the speaker is its only neighbour.
pub(crate) struct Router {
    pub(crate) engine: Engine,
    pub(crate) addr: SocketAddr,
    pub(crate) speaker: IpAddr,
    updates: mpsc::Receiver<Inbound>,
}

impl Router {
    /// At 127.`net`.0.`host`, AS 65001; the speaker comes from 127.`net`.0.1.
    pub(crate) fn start(net: u8, host: u8, change: impl Fn(&mut PeerConfig)) -> Self {
        let (own, speaker) = (Ipv4Addr::new(127, net, 0, host), IpAddr::V4(Ipv4Addr::new(127, net, 0, 1)));
        let engine = Engine::new();
        let addr = engine.listen(SocketAddr::new(own.into(), 0)).unwrap();
        let (to, updates) = mpsc::channel(1024);
        let session = fsm::Config {
            dial: false,
            listen: true,
            ..fsm::Config::new(
                (Asn::new(65001).unwrap(), RouterId::new(own).unwrap()),
                Asn::new(65000).unwrap(),
                HoldTime::new(90).unwrap(),
                vec![Family::IPV4_UNICAST],
            )
        };
        let dialing = Dialing { remote: SocketAddr::new(speaker, 0), local: None, hops: Hops::Any };
        let mut peer = PeerConfig { inbound: Some(to), ..PeerConfig::new(dialing, session) };
        change(&mut peer);
        engine.add_peer(peer);
        Self { engine, addr, speaker, updates }
    }

    /// The `[[neighbor]]` of it, with more keys.
    pub(crate) fn entry(&self, keys: &str) -> String {
        format!(
            "[[neighbor]]\naddress = \"{}\"\nport = {}\nas = 65001\nsource = \"{}\"\nnext-hop-ipv4 = \"192.0.2.1\"\n{keys}\n",
            self.addr.ip(),
            self.addr.port(),
            self.speaker
        )
    }

    pub(crate) fn status(&self) -> PeerStatus {
        self.engine.peer(self.speaker).unwrap()
    }

    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&PeerStatus) -> bool) -> PeerStatus {
        let begun = Instant::now();
        loop {
            let status = self.status();
            if is_so(&status) {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {status:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) async fn up(&self) -> PeerStatus {
        self.until("up", |status| status.state == State::Established).await
    }

    /// The next UPDATE with prefixes.
    pub(crate) async fn announced(&mut self) -> Update {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.updates.recv()).await;
            match next.expect("an update in time").expect("a router").event {
                InboundEvent::Update(update) if !update.nlri.is_empty() => return update,
                _ => {}
            }
        }
    }

    /// Whether an UPDATE with prefixes came that nobody looked at.
    pub(crate) fn heard_more(&mut self) -> bool {
        std::iter::from_fn(|| self.updates.try_recv().ok())
            .any(|one| matches!(one.event, InboundEvent::Update(update) if !update.nlri.is_empty()))
    }
}

pub(crate) fn communities(update: &Update) -> Vec<u32> {
    let all = update.attrs.iter().find_map(|attr| match attr {
        Attr::Communities(all) => Some(all.clone()),
        _ => None,
    });
    all.unwrap_or_default()
}

/// The program, with files in a directory that goes with it.
pub(crate) struct Program {
    pub(crate) dir: tempfile::TempDir,
    flags: Vec<String>,
    child: Child,
}

impl Program {
    /// Writes the configuration and starts.
    pub(crate) fn start(config: &str, flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("manifests")).unwrap();
        let subnet = "apiVersion: kubeovn.io/v1\nkind: Subnet\nmetadata:\n  name: web\n  annotations:\n    \
                      ovn.kubernetes.io/bgp: \"true\"\nspec:\n  cidrBlock: 10.16.0.0/16\nstatus:\n  conditions:\n  - \
                      type: Ready\n    status: \"True\"\n";
        std::fs::write(dir.path().join("manifests/subnet.yaml"), subnet).unwrap();
        std::fs::write(dir.path().join("speaker.toml"), config).unwrap();
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let child = launch(&dir, &flags);
        Self { dir, flags, child }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Replaces a file as editors and kubelets do.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let draft = self.path("draft");
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(draft, self.path(name)).unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Ends it by this signal, and waits.
    pub(crate) fn end(&mut self, signal: Signal) {
        self.signal(signal);
        self.child.wait().unwrap();
    }

    /// The same program with the same files once more.
    pub(crate) fn again(&mut self) {
        self.child = launch(&self.dir, &self.flags);
    }

    /// `speaker …` against its socket.
    pub(crate) fn command(&self, args: &[&str]) -> Output {
        let socket = self.path("socket");
        Command::new(env!("CARGO_BIN_EXE_speaker")).args(args).arg("--socket").arg(socket).output().unwrap()
    }

    /// What it says about its neighbours.
    pub(crate) fn neighbors(&self) -> Vec<Value> {
        let output = self.command(&["neighbor", "-o", "json"]);
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    /// Waits until a neighbour is shown as wanted.
    pub(crate) async fn until(&self, addr: IpAddr, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let (begun, name) = (Instant::now(), addr.to_string());
        loop {
            let all = self.neighbors();
            if let Some(one) = all.iter().find(|one| one["address"] == name.as_str() && is_so(one)) {
                return one.clone();
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {all:#?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub(crate) async fn logged(&self, text: &str) {
        let begun = Instant::now();
        while !self.log().contains(text) {
            assert!(begun.elapsed() < PATIENCE, "{text:?} is not in\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(dir: &tempfile::TempDir, flags: &[String]) -> Child {
    let file = |name: &str| dir.path().join(name).display().to_string();
    let log = std::fs::OpenOptions::new().create(true).append(true).open(file("log")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_speaker"))
        .args(["--cluster-as=65000", "--node-name=n1", "--router-id=10.0.0.7", "--grpc-port=1"])
        .args(["--enable-metrics=false", "--grpc-host=127.0.0.250", "--manifests", &file("manifests")])
        .args(["--config", &file("speaker.toml"), "--socket", &file("socket"), "--state-dir", &file("")])
        .args(flags)
        .env_remove("POD_IPS")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

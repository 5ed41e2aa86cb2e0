//! The program under test: the real binary, in a node's namespace.

use crate::fault::{Fault, Result, ensure};
use crate::netns::Netns;
use crate::proc::{Daemon, run};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

/// How it connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The default.
    Dial,
    /// `--passivemode`.
    Passive,
    /// `listen = true`: it dials and listens, and collisions have to be resolved.
    Both,
}

/// What differs from test to test.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How it connects.
    pub mode: Mode,
    /// The AS of the routers; its own is 65000.
    pub neighbor_asn: u32,
    /// Hold time in seconds.
    pub hold: u16,
    /// `--grpc-writable`.
    pub writable: bool,
}

/// What differs from one deployed speaker to another.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extra<'a> {
    /// More arguments.
    pub arguments: &'a [&'a str],
    /// More variables, as `NAME=value`.
    pub environment: &'a [String],
}

/// What the DaemonSet of Kube-OVN's documentation says, with the addresses of the lab.
const DAEMON_SET: [&str; 7] = [
    "--neighbor-address=10.0.1.1,10.0.2.1",
    "--neighbor-ipv6-address=fd00:1::1,fd00:2::1",
    "--neighbor-as=65001",
    "--cluster-as=65000",
    "--logtostderr=false",
    "--alsologtostderr=true",
    "--log_file_max_size=200",
];

/// A speaker on node `n<host>`.
#[derive(Debug)]
pub struct Speaker {
    daemon: Daemon,
    socket: String,
    program: String,
    // After the daemon: see `Router`.
    netns: Arc<Netns>,
}

impl Speaker {
    /// Starts it on node `host` (1 or 2), with its files in `dir` and objects from `manifests`.
    ///
    /// # Errors
    /// When there is no binary to start.
    pub fn start(
        netns: &Arc<Netns>,
        host: u8,
        dir: &Path,
        manifests: &Path,
        options: Options,
    ) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        Self::launch(netns, dir, &[], &arguments(host, dir, manifests, options)?)
    }

    /// Starts it on node `n<host>` with the environment and the arguments that a Pod of Kube-OVN's gives it, plus
    /// `--kubeconfig`, and `extra`.
    ///
    /// # Errors
    /// When there is no binary to start.
    pub fn deployed(
        netns: &Arc<Netns>,
        host: u8,
        dir: &Path,
        kubeconfig: &Path,
        extra: Extra<'_>,
    ) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        let (v4, v6) = (format!("10.0.1.1{host}"), format!("fd00:1::1{host}"));
        let pod = [format!("NODE_NAME=n{host}"), format!("POD_IP={v4}"), format!("POD_IPS={v4},{v6}")];
        let environment = [&pod, extra.environment].concat();
        let mut arguments: Vec<String> = DAEMON_SET.iter().map(|&argument| argument.into()).collect();
        arguments.push(format!("--log_file={}", dir.join("kube-ovn-speaker.log").display()));
        arguments.push(format!("--kubeconfig={}", kubeconfig.display()));
        arguments.extend(extra.arguments.iter().map(|&argument| argument.into()));
        Self::launch(netns, dir, &environment, &arguments)
    }

    /// Starts it with these arguments, its files in `dir`.
    ///
    /// # Errors
    /// When there is no binary to start.
    pub fn with(netns: &Arc<Netns>, dir: &Path, arguments: &[String]) -> Result<Self> {
        std::fs::create_dir_all(dir)?;
        Self::launch(netns, dir, &[], arguments)
    }

    fn launch(netns: &Arc<Netns>, dir: &Path, environment: &[String], arguments: &[String]) -> Result<Self> {
        let program = binary()?.display().to_string();
        let socket = dir.join("speaker.sock").display().to_string();
        let words = environment.iter().chain([&program]).chain(arguments).map(String::as_str);
        let argv: Vec<_> = ["env"].into_iter().chain(words).chain(["--socket", &socket]).collect();
        let name = format!("speaker in {}", netns.name());
        let daemon = netns.spawn(&name, &argv, &dir.join("speaker.log"))?;
        Ok(Self { daemon, socket, program, netns: Arc::clone(netns) })
    }

    /// SIGTERM; it must leave with exit code 0.
    ///
    /// # Errors
    /// When it does not end, or ends with another status.
    pub fn terminate(&mut self) -> Result<()> {
        let status = self.daemon.terminate()?;
        ensure(status.success(), || format!("the speaker left with {status}; {}", self.daemon.log_tail()))
    }

    /// The process, for signals.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.daemon.pid()
    }

    /// All it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.daemon.log()
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn kill(&mut self) -> Result<()> {
        self.daemon.kill()
    }

    /// Fails unless every source it needs has been listed to its end.
    ///
    /// # Errors
    /// When it is not so yet, or it does not answer.
    pub fn synced(&self) -> Result<()> {
        let status = self.ask(&["status"])?;
        ensure(status["synced"] == true, || format!("not synced: {status}; {}", self.daemon.log_tail()))
    }

    /// What it says about one neighbour, see `docs/cli.md`.
    ///
    /// # Errors
    /// When its command line fails.
    pub fn neighbor(&self, address: &str) -> Result<Value> {
        Ok(self.ask(&["neighbor", address])?[0].clone())
    }

    /// Runs one of its commands, as `speaker neighbor ADDR shutdown TEXT`; returns what it printed.
    ///
    /// # Errors
    /// When its command line fails.
    pub fn command(&self, command: &[&str]) -> Result<String> {
        let enter = ["ip", "netns", "exec", self.netns.name(), &self.program];
        run(&[&enter[..], command, &["--socket", &self.socket]].concat())
    }

    fn ask(&self, command: &[&str]) -> Result<Value> {
        let enter = ["ip", "netns", "exec", self.netns.name(), &self.program];
        let text = run(&[&enter[..], command, &["-o", "json", "--socket", &self.socket]].concat())?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Its resident memory, in KiB.
    ///
    /// # Errors
    /// When it does not run any more.
    pub fn resident_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.daemon.pid()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| Fault::new("no VmRSS in its status"))
    }

    /// What it says about its sessions and routes, and the end of its log, for messages.
    #[must_use]
    pub fn state(&self) -> String {
        let show = |command| {
            let enter = ["ip", "netns", "exec", self.netns.name(), &self.program];
            let shown = run(&[&enter[..], &[command, "--socket", &self.socket]].concat());
            shown.unwrap_or_else(|fault| fault.to_string())
        };
        format!("{}\n{}\n{}", self.daemon.log_tail(), show("neighbor"), show("rib"))
    }
}

fn arguments(host: u8, dir: &Path, manifests: &Path, options: Options) -> Result<Vec<String>> {
    let mut out: Vec<String> = vec!["run".into()];
    let mut flag = |name: &str, value: String| out.extend([format!("--{name}"), value]);
    flag("manifests", manifests.display().to_string());
    flag("node-name", format!("n{host}"));
    flag("neighbor-address", "10.0.1.1,10.0.2.1".into());
    flag("neighbor-ipv6-address", "fd00:1::1,fd00:2::1".into());
    flag("neighbor-as", options.neighbor_asn.to_string());
    flag("cluster-as", "65000".into());
    flag("router-id", format!("10.0.1.1{host}"));
    flag("holdtime", format!("{}s", options.hold));
    if options.mode == Mode::Both {
        let config = dir.join("speaker.toml");
        std::fs::write(&config, "listen = true\n")?;
        flag("config", config.display().to_string());
    }
    if options.mode == Mode::Passive {
        out.push("--passivemode".into());
    }
    out.push("--announce-cluster-ip".into());
    out.push(format!("--grpc-writable={}", options.writable));
    Ok(out)
}

/// `$SPEAKER_BIN`, else the binary beside this test's own: `target/debug/deps/TEST` → `target/debug/speaker`.
///
/// # Errors
/// When there is none.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("SPEAKER_BIN") {
        return Ok(path.into());
    }
    let path = beside("speaker")?;
    ensure(path.exists(), || {
        format!("{} is missing: run `cargo build -p speaker` first, or set SPEAKER_BIN", path.display())
    })?;
    Ok(path)
}

/// A binary of ours in the directory that the program which asks was built into.
pub(crate) fn beside(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let profile = this.parent().and_then(Path::parent).ok_or_else(|| Fault::new("no target directory"))?;
    Ok(profile.join(name))
}

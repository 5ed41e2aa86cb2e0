//! The program under test: `egress run`.

use crate::fault::{Fault, Result, ensure};
use crate::http;
use crate::netns::Netns;
use crate::proc::{Daemon, run};
use crate::speaker;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where it finds everything, and what differs from test to test.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The API server.
    pub kubeconfig: PathBuf,
    /// Remote of the northbound database.
    pub north: String,
    /// Remote of the southbound database.
    pub south: String,
    /// Who it is in the election, and its port for metrics.
    pub replica: u16,
    /// More arguments.
    pub arguments: Vec<String>,
}

/// It is killed when dropped.
#[derive(Debug)]
pub struct Egress {
    daemon: Daemon,
    program: String,
    settings: Settings,
    // After the daemon: processes end before their namespace goes.
    netns: Arc<Netns>,
}

impl Egress {
    /// Starts it, with its log in `dir`.
    ///
    /// # Errors
    /// When there is no binary to start.
    pub fn start(netns: &Arc<Netns>, dir: &Path, settings: Settings) -> Result<Self> {
        let program = binary()?.display().to_string();
        let fixed = [
            "run".to_owned(),
            format!("--kubeconfig={}", settings.kubeconfig.display()),
            format!("--ovn-nb={}", settings.north),
            format!("--ovn-sb={}", settings.south),
            format!("--identity=replica{}", settings.replica),
            format!("--metrics-address=127.0.0.1:{}", port(settings.replica)),
            "--gateway-image=lab/egress-gateway".to_owned(),
        ];
        let words = fixed.iter().chain(&settings.arguments).map(String::as_str);
        let argv: Vec<_> = std::iter::once(program.as_str()).chain(words).collect();
        let name = format!("egress{}", settings.replica);
        let daemon = netns.spawn(&name, &argv, &dir.join(format!("{name}.log")))?;
        Ok(Self { daemon, program, settings, netns: Arc::clone(netns) })
    }

    /// The sum of all series of a metric; 0 where there is none yet.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn metric(&self, name: &str) -> Result<f64> {
        let (_, page) = self.get("/metrics")?;
        let values = page.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let value =
                if rest.starts_with('{') { rest.rsplit_once("} ")?.1 } else { rest.strip_prefix(' ')? };
            value.trim().parse::<f64>().ok()
        });
        Ok(values.sum())
    }

    /// Status line and body of a page.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn get(&self, path: &str) -> Result<(String, String)> {
        http::get(&self.netns, IpAddr::V4(Ipv4Addr::LOCALHOST), port(self.settings.replica), path)
    }

    /// Fails unless it says that it is ready.
    ///
    /// # Errors
    /// What it says instead.
    pub fn ready(&self) -> Result<()> {
        let (head, body) = self.get("/readyz")?;
        ensure(head.contains(" 200 "), || format!("/readyz: {head} {body}"))
    }

    /// `egress …`, e.g. `explain veg/default/gateway1`, with its own connections.
    ///
    /// # Errors
    /// When it fails.
    pub fn command(&self, command: &[&str]) -> Result<String> {
        let Settings { kubeconfig, north, south, .. } = &self.settings;
        let way = [
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--ovn-nb={north}"),
            format!("--ovn-sb={south}"),
        ];
        let way: Vec<_> = way.iter().map(String::as_str).collect();
        let enter = ["ip", "netns", "exec", self.netns.name(), &self.program];
        run(&[&enter[..], command, &way].concat())
    }

    /// Fails, with the end of its log, when it has ended.
    ///
    /// # Errors
    /// Its exit status.
    pub fn check_alive(&mut self) -> Result<()> {
        self.daemon.check_alive()
    }

    /// The process, for signals.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.daemon.pid()
    }

    /// SIGTERM; it must leave with exit code 0.
    ///
    /// # Errors
    /// When it does not end, or ends with another status.
    pub fn terminate(&mut self) -> Result<()> {
        let status = self.daemon.terminate()?;
        ensure(status.success(), || format!("egress left with {status}; {}", self.daemon.log_tail()))
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn kill(&mut self) -> Result<()> {
        self.daemon.kill()
    }

    /// All it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        self.daemon.log()
    }

    /// The end of its log, for messages.
    #[must_use]
    pub fn state(&self) -> String {
        self.daemon.log_tail()
    }
}

fn port(replica: u16) -> u16 {
    10668 + replica
}

/// `$EGRESS_BIN`, else the binary beside the speaker's.
///
/// # Errors
/// When there is none.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("EGRESS_BIN") {
        return Ok(path.into());
    }
    let path = speaker::beside("egress")?;
    if path.exists() {
        return Ok(path);
    }
    Err(Fault::new(format!(
        "{} is missing: run `cargo build -p egress` first, or set EGRESS_BIN",
        path.display()
    )))
}

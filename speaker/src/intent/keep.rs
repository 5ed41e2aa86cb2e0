//! Keeps the file: has what it holds announced at a start without an API server, then writes it as it changes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ipnet::IpNet;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

use super::{Intent, MAX_FILE, Unfit, form};
use crate::announce::Announcer;
use crate::config::{Config, Mode, Source};
use crate::restart;

/// How long the API server has for its lists before what was wanted last is announced. One that answers at all has them
/// done in less, but for very large clusters, for which it is no harm: routers that are without us need not wait.
const PATIENCE: Duration = Duration::from_secs(3);

/// Between two writes while things change.
const WRITE: Duration = Duration::from_secs(5);

/// Between two notes of the time while nothing does.
const CONFIRM: Duration = Duration::from_secs(30);

/// Keeps the file of one speaker.
#[derive(Debug)]
pub struct Keeper {
    path: PathBuf,
    scope: String,
    max_age: Duration,
    start: Instant,
    /// Held while the file is made anew: the last word may come while another write is under way.
    alone: Mutex<()>,
}

/// What was written last, and is still the file's contents.
struct Written {
    file: File,
    version: u64,
    confirmed: u64,
    at: Instant,
}

impl Keeper {
    /// A keeper if one is asked for, there is an API server to start without, and somewhere to keep the file.
    #[must_use]
    pub fn new(config: &Config) -> Option<Self> {
        let (Some(max_age), Some(dir), Source::Cluster { .. }) =
            (config.intent_max_age, &config.state_dir, &config.source)
        else {
            return None;
        };
        let (gateway, scope) = match &config.mode {
            Mode::Node { announce_cluster_ip, local_only } => {
                let node = &config.node;
                (None, format!("node {node:?} services={announce_cluster_ip} local-only={local_only}"))
            }
            // It announces nothing without a name.
            Mode::NatGateway { gateway } => {
                (Some(gateway.as_deref()?), format!("gateway {:?}", gateway.as_deref()?))
            }
        };
        let path = restart::intent_path(dir, &config.node, gateway);
        Some(Self { path, scope, max_age, start: Instant::now(), alone: Mutex::default() })
    }

    /// The last word of a speaker that stops: changes of the last seconds are not lost to a start without the API
    /// server. Blocks.
    pub fn close(&self, announcer: &Announcer) {
        let Some(confirmed) = announcer.stages().confirmed().filter(|_| announcer.is_synced()) else {
            return;
        };
        if let Err(error) = self.save(confirmed, announcer.wanted()) {
            warn!(path = %self.path.display(), %error, "what is wanted is kept as it was some seconds ago");
        }
    }

    /// Never ends.
    pub async fn run(self: Arc<Self>, announcer: Arc<Announcer>) {
        let this = self;
        let reader = Arc::clone(&this);
        let intent = spawn_blocking(move || reader.load()).await.ok().flatten();
        let patience = PATIENCE.saturating_sub(this.start.elapsed());
        if let Some(intent) = intent
            && timeout(patience, announcer.until_synced()).await.is_err()
        {
            announcer.assume(intent);
        }
        // Nothing is written before: what is known by then is less than what the file says.
        announcer.until_synced().await;
        let (mut written, mut told) = (None, None);
        loop {
            match this.write_if_due(&announcer, &mut written).await {
                Ok(()) => told = None,
                Err(error) => {
                    let text = error.to_string();
                    if told.as_ref() != Some(&text) {
                        warn!(path = %this.path.display(), "what is wanted cannot be kept for a start without the API server: {text}");
                        told = Some(text);
                    }
                }
            }
            sleep(WRITE).await;
        }
    }

    /// What was wanted last, if it may be announced; why not is told.
    fn load(&self) -> Option<Intent> {
        match Intent::load(&self.path, &self.scope, self.max_age, now()) {
            Ok(intent) => Some(intent),
            Err(Unfit::File(error)) if error.kind() == io::ErrorKind::NotFound => {
                info!(path = %self.path.display(), "nothing is known of what was wanted last");
                None
            }
            Err(unfit) => {
                warn!(path = %self.path.display(), "what was wanted last is not announced, should the API server be away: {unfit}");
                None
            }
        }
    }

    async fn write_if_due(
        self: &Arc<Self>,
        announcer: &Announcer,
        written: &mut Option<Written>,
    ) -> io::Result<()> {
        // Until the API server was heard for every kind, nothing is known to be right.
        let Some(confirmed) = announcer.stages().confirmed() else { return Ok(()) };
        let version = announcer.version();
        match written {
            Some(last) if last.version == version => {
                if last.confirmed < confirmed && last.at.elapsed() >= CONFIRM {
                    // Twenty octets in place: neither the disk nor the file system can make two halves of them.
                    last.file.write_all_at(form::confirmed(confirmed).as_bytes(), form::CONFIRMED_AT)?;
                    (last.confirmed, last.at) = (confirmed, Instant::now());
                }
                Ok(())
            }
            _ => {
                let prefixes = announcer.wanted();
                let this = Arc::clone(self);
                let file = spawn_blocking(move || this.save(confirmed, prefixes)).await;
                let file = file.map_err(io::Error::other)??;
                *written = Some(Written { file, version, confirmed, at: Instant::now() });
                Ok(())
            }
        }
    }

    /// Writes all of it or nothing, for its owner only. Blocks.
    fn save(&self, confirmed: u64, mut prefixes: Vec<IpNet>) -> io::Result<File> {
        let _alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        let path = &self.path;
        let start = Instant::now();
        prefixes.sort_unstable();
        let octets = form::encode(&self.scope, confirmed, &prefixes);
        if u64::try_from(octets.len()).map_or(true, |len| len >= MAX_FILE) {
            return Err(io::Error::other(format!("{} prefixes are too many", prefixes.len())));
        }
        let draft = path.with_extension("intent.new");
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft);
        let written = written.and_then(|mut file| {
            file.write_all(&octets)?;
            file.sync_data()?;
            fs::rename(&draft, path)?;
            Ok(file)
        });
        debug!(prefixes = prefixes.len(), octets = octets.len(), took = ?start.elapsed(), "what is wanted is kept");
        written.inspect_err(|_| {
            let _ = fs::remove_file(&draft);
        })
    }
}

fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs())
}

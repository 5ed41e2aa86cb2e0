//! The Kubernetes API as a source: each needed kind is listed, then watched, by a task of its own.
//!
//! `listed` is what one object looks like to the client, `reflector` lists and watches one kind for ever, `trouble`
//! says what went wrong and how long to wait. Only list and watch are used, and only of the kinds the mode needs.

mod listed;
mod reflector;
mod trouble;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use secrecy::ExposeSecret;
use tokio::sync::mpsc::Sender;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::timeout;

use crate::object::{self, GATEWAY_LABEL};
use crate::plan::Settings;
use crate::stages::Stages;
use crate::view::{Batch, Change, Kind};
use listed::Listable;
use reflector::Reflector;

/// How long a TCP connection to the API server may take to stand.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the credentials may take, which a program may have to get.
const CREDENTIALS: Duration = Duration::from_secs(60);

/// There is no way to know the API server.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The file cannot be read, or does not say enough.
    #[error("--kubeconfig {}: {cause}", file.display())]
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, without any of its text: that holds credentials.
        cause: String,
    },
    /// No file was given, and this is no Pod with a token.
    #[error("no API server: not in a Pod with a service account ({0}); give --kubeconfig or --manifests")]
    InCluster(#[from] kube::config::InClusterError),
    /// The certificates or credentials are unusable.
    #[error("no client for the API server: {0}")]
    Client(String),
    /// A program that gives credentials, or a disk, hangs.
    #[error(
        "no client for the API server within {CREDENTIALS:?}: does the program of `exec` in the kubeconfig hang?"
    )]
    Slow,
}

/// A client of the API server that the file names, or of the cluster whose Pod this is. Nothing is sent yet.
///
/// # Errors
/// [`AccessError`].
pub async fn connect(kubeconfig: Option<&Path>) -> Result<Client, AccessError> {
    let mut config = match kubeconfig {
        None => Config::incluster()?,
        Some(file) => from_file(file).await?,
    };
    config.connect_timeout = Some(CONNECT);
    // What fails is told and waited out here: retries below would hide what the server says, for minutes.
    config.default_retry = false;
    // Making a client may run a program and read files, and waits for them.
    let client = spawn_blocking(move || Client::try_from(config));
    let client = timeout(CREDENTIALS, client).await.map_err(|_| AccessError::Slow)?;
    let client = client.map_err(|_| AccessError::Client("the credentials cannot be used".to_owned()))?;
    client.map_err(|error| AccessError::Client(trouble::brief(&error)))
}

async fn from_file(file: &Path) -> Result<Config, AccessError> {
    let wrong = |cause: String| AccessError::Kubeconfig { file: file.to_owned(), cause };
    let mut read = Kubeconfig::read_from(file).map_err(|error| wrong(trouble::kubeconfig(&error)))?;
    let proxied =
        read.clusters.iter().filter_map(|one| one.cluster.as_ref()).any(|one| one.proxy_url.is_some());
    for user in read.auth_infos.iter_mut().filter_map(|one| one.auth_info.as_mut()) {
        let Some(token) = &user.token else { continue };
        // kubectl takes a token with the line end of the file it was pasted from; a header does not.
        let trimmed = token.expose_secret().trim().to_owned();
        if !trimmed.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(wrong("a user's token has characters that no HTTP header can have".to_owned()));
        }
        user.token = Some(trimmed.into());
    }
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
    let mut config = config.map_err(|error| wrong(trouble::kubeconfig(&error)))?;
    if !proxied {
        config.proxy_url = None; // one that the environment names is meant for other ways than that to the API server
    }
    Ok(config)
}

/// Which objects of a kind are needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// The kind.
    pub kind: Kind,
    /// A field selector.
    pub fields: Option<&'static str>,
    /// A label selector.
    pub labels: Option<String>,
}

/// What the mode needs to know: nothing else is asked for, so nothing else need be granted.
#[must_use]
pub fn selections(settings: &Settings) -> Vec<Selection> {
    let all = |kind| Selection { kind, fields: None, labels: None };
    match settings {
        Settings::Node { announce_cluster_ip, .. } => {
            let pods = Selection { fields: Some("spec.hostNetwork=false"), ..all(Kind::Pod) };
            let services = announce_cluster_ip.then(|| all(Kind::Service));
            [all(Kind::Subnet), pods].into_iter().chain(services).collect()
        }
        Settings::NatGateway { name: Some(name) } => {
            vec![Selection { labels: Some(format!("{GATEWAY_LABEL}={name}")), ..all(Kind::Eip) }]
        }
        Settings::NatGateway { name: None } => Vec::new(),
    }
}

/// Lists and watches until the receiver is dropped. The first batch that says `synced` follows the first list of the
/// last kind; with nothing to select it comes at once.
pub async fn watch(client: Client, selections: Vec<Selection>, to: Sender<Batch>, stages: Arc<Stages>) {
    let outlet = Outlet { to: to.clone(), unlisted: Arc::new(AtomicUsize::new(selections.len())) };
    if selections.is_empty() {
        outlet.send(Vec::new(), Instant::now()).await;
    }
    let mut tasks = JoinSet::new(); // dropped with this future, which ends them
    for selection in selections {
        let parts = (client.clone(), outlet.clone(), Arc::clone(&stages));
        match selection.kind {
            Kind::Subnet => tasks.spawn(follow::<object::Subnet>(selection, parts)),
            Kind::Pod => tasks.spawn(follow::<object::Pod>(selection, parts)),
            Kind::Service => tasks.spawn(follow::<object::Service>(selection, parts)),
            Kind::Eip => tasks.spawn(follow::<object::Eip>(selection, parts)),
        };
    }
    tokio::select! {
        Some(_) = tasks.join_next() => {} // it panicked: the others go with it, and the speaker is told
        () = to.closed() => {}
    }
}

async fn follow<T: Listable>(selection: Selection, (client, outlet, stages): (Client, Outlet, Arc<Stages>)) {
    Reflector::<T>::new(client, selection, outlet, stages).run().await;
}

/// Where the tasks send what they see.
#[derive(Clone)]
struct Outlet {
    to: Sender<Batch>,
    /// Kinds that were not listed to the end yet.
    unlisted: Arc<AtomicUsize>,
}

impl Outlet {
    /// Waits while the announcer is behind, which slows the server down instead of filling memory.
    async fn send(&self, changes: Vec<Change>, noticed: Instant) {
        let synced = self.unlisted.load(Ordering::Acquire) == 0;
        let _ = self.to.send(Batch { changes, noticed, synced }).await; // a closed channel ends everything above
    }

    /// The kind was listed to its end for the first time, and all of that was sent: only then may a batch, of this
    /// or another kind, say that everything is known.
    async fn listed(&self) {
        if self.unlisted.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.send(Vec::new(), Instant::now()).await;
        }
    }
}

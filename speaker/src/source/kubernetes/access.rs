//! The way to the API server: who we are there, and the client that everything goes through.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::Client;
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use secrecy::ExposeSecret;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::trouble;

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

/// The API server that a file names, or that of the cluster whose Pod this is. Clones share one client.
#[derive(Clone)]
pub struct Access {
    client: Client,
}

impl Access {
    /// Makes a client. Nothing is sent yet.
    ///
    /// # Errors
    /// [`AccessError`].
    pub async fn open(kubeconfig: Option<&Path>) -> Result<Self, AccessError> {
        Ok(Self { client: connect(kubeconfig).await? })
    }

    /// The client of the moment: whoever asks again after a refusal gets one with credentials read anew.
    #[must_use]
    pub fn client(&self) -> Client {
        self.client.clone()
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access") // what is inside holds credentials
    }
}

async fn connect(kubeconfig: Option<&Path>) -> Result<Client, AccessError> {
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

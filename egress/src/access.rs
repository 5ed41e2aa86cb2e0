//! The way to the API server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// How long a connection to the API server may take to stand.
const CONNECT: Duration = Duration::from_secs(5);
/// How long an answer of the API server may take; watches have their own times.
pub const ANSWER: Duration = Duration::from_secs(5);

/// Who we are in `managedFields`.
pub const MANAGER: &str = "egress";

/// There is no way to know the API server.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// The file cannot be read, or does not say enough.
    #[error("--kubeconfig {}: {cause}", file.display())]
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, without any of its text: that holds credentials.
        cause: &'static str,
    },
    /// No file was given, and this is no Pod with a token.
    #[error("no API server: not in a Pod with a service account ({0}); give --kubeconfig")]
    InCluster(#[from] kube::config::InClusterError),
    /// The certificates or credentials are unusable.
    #[error("no client for the API server: the credentials cannot be used")]
    Client,
}

/// Makes a client: of this file, or of the Pod this is. Nothing is sent yet.
///
/// # Errors
/// [`AccessError`].
pub async fn connect(kubeconfig: Option<&Path>) -> Result<Client, AccessError> {
    let mut config = match kubeconfig {
        None => Config::incluster()?,
        Some(file) => from_file(file).await?,
    };
    config.connect_timeout = Some(CONNECT);
    config.default_retry = false; // what fails is told and waited out here
    Client::try_from(config).map_err(|_| AccessError::Client)
}

async fn from_file(file: &Path) -> Result<Config, AccessError> {
    let wrong = |cause| AccessError::Kubeconfig { file: file.to_owned(), cause };
    let read = Kubeconfig::read_from(file).map_err(|_| wrong("it cannot be read, or is no kubeconfig"))?;
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
    let mut config = config
        .map_err(|_| wrong("its current context does not name a cluster and a user that can be used"))?;
    config.proxy_url = None; // one that the environment names is meant for other ways than that to the API server
    Ok(config)
}

/// An error in a few words. Of errors of our own side no text is given: it may quote credentials.
#[must_use]
pub fn brief(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("{} ({} {})", status.message, status.code, status.reason),
        kube::Error::Auth(_) => "the credentials cannot be used".to_owned(),
        kube::Error::SerdeError(error) => format!("the answer cannot be read: {error}"),
        other => {
            // The innermost error of a request that went nowhere is the system's word, e.g. "Connection refused".
            let mut last: &dyn std::error::Error = other;
            while let Some(inner) = last.source() {
                last = inner;
            }
            match last.downcast_ref::<std::io::Error>() {
                Some(system) => format!("the API server cannot be asked: {}", system.kind()),
                None => "the API server cannot be asked".to_owned(),
            }
        }
    }
}

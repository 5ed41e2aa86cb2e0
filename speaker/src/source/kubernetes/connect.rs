//! How a client is made: what says where the API server is and who we are there, and in which files that is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::Client;
use kube::config::{AuthInfo, Config, KubeConfigOptions, Kubeconfig};
use secrecy::{ExposeSecret, SecretString};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::trouble;

/// How long a TCP connection to the API server may take to stand.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the credentials may take, which a program may have to get.
const CREDENTIALS: Duration = Duration::from_secs(60);
/// Where Kubernetes mounts what a Pod needs to talk to it; both are replaced while the Pod runs.
const MOUNTED: [&str; 2] = [
    "/var/run/secrets/kubernetes.io/serviceaccount/token",
    "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt",
];

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

/// A client, and the files whose change makes it an old one.
pub(super) struct Made {
    pub(super) client: Client,
    pub(super) files: Vec<PathBuf>,
}

/// Makes a client of what the files say now. Nothing is sent yet.
pub(super) async fn connect(kubeconfig: Option<&Path>) -> Result<Made, AccessError> {
    let (mut config, files) = match kubeconfig {
        None => (Config::incluster()?, MOUNTED.map(PathBuf::from).to_vec()),
        Some(file) => from_file(file).await?,
    };
    config.connect_timeout = Some(CONNECT);
    // What fails is told and waited out here: retries below would hide what the server says, for minutes.
    config.default_retry = false;
    // Making a client may run a program and read files, and waits for them.
    let client = spawn_blocking(move || Client::try_from(config));
    let client = timeout(CREDENTIALS, client).await.map_err(|_| AccessError::Slow)?;
    let client = client.map_err(|_| AccessError::Client("the credentials cannot be used".to_owned()))?;
    let client = client.map_err(|error| AccessError::Client(trouble::brief(&error)))?;
    Ok(Made { client, files })
}

async fn from_file(file: &Path) -> Result<(Config, Vec<PathBuf>), AccessError> {
    let wrong = |cause: String| AccessError::Kubeconfig { file: file.to_owned(), cause };
    let mut read = Kubeconfig::read_from(file).map_err(|error| wrong(trouble::kubeconfig(&error)))?;
    let proxied =
        read.clusters.iter().filter_map(|one| one.cluster.as_ref()).any(|one| one.proxy_url.is_some());
    let files = [file.to_owned()].into_iter().chain(named(&read)).collect();
    for user in read.auth_infos.iter_mut().filter_map(|one| one.auth_info.as_mut()) {
        trim_token(user).map_err(|cause| wrong(cause.to_owned()))?;
    }
    let config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await;
    let mut config = config.map_err(|error| wrong(trouble::kubeconfig(&error)))?;
    if !proxied {
        config.proxy_url = None; // one that the environment names is meant for other ways than that to the API server
    }
    Ok((config, files))
}

/// kubectl takes a token with the line end of the file it was pasted from, or is in; a header does not.
fn trim_token(user: &mut AuthInfo) -> Result<(), &'static str> {
    // A file that cannot be read is told when the client is made, if this is the user who counts.
    let of_file = || std::fs::read_to_string(user.token_file.as_ref()?).ok().map(SecretString::from);
    let Some(token) = user.token.clone().or_else(of_file) else { return Ok(()) };
    let trimmed = token.expose_secret().trim();
    if !trimmed.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err("a user's token has characters that no HTTP header can have");
    }
    user.token = Some(trimmed.into());
    Ok(())
}

/// The files that the current context names. Those of others may not even be there.
fn named(of: &Kubeconfig) -> impl Iterator<Item = PathBuf> {
    let current = of.contexts.iter().find(|one| Some(&one.name) == of.current_context.as_ref());
    let context = current.and_then(|one| one.context.as_ref());
    let cluster = of.clusters.iter().find(|one| context.is_some_and(|context| context.cluster == one.name));
    let user = of.auth_infos.iter().find(|one| context.and_then(|at| at.user.as_ref()) == Some(&one.name));
    let authority = cluster.and_then(|one| one.cluster.as_ref()?.certificate_authority.clone());
    let user = user.and_then(|one| one.auth_info.as_ref());
    let of_user =
        user.map(|user| [&user.token_file, &user.client_certificate, &user.client_key].map(Clone::clone));
    let names = of_user.into_iter().flatten().flatten().chain(authority);
    names.filter(|name| !name.is_empty()).map(PathBuf::from).collect::<Vec<_>>().into_iter()
}

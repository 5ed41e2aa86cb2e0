//! The command line's side: asks the running speaker, and turns its refusals into exit codes.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use super::proto;
use super::proto::speaker_client::SpeakerClient;

/// Why a debug command failed.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    /// Nobody answers on the socket.
    #[error("cannot reach a speaker on {socket}: {cause} (is it running, as this user? see --socket)")]
    Unreachable {
        /// Where it was looked for.
        socket: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(&'static str),
    /// What was asked for does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The speaker refused.
    #[error("{0}")]
    Refused(String),
    /// The output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] std::io::Error),
}

impl ShowError {
    /// Exit code of the command: 1 failed, 2 usage, 3 not found, 4 cannot reach the speaker.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Refused(_) | Self::Output(_) => 1,
            Self::Usage(_) => 2,
            Self::NotFound(_) => 3,
            Self::Unreachable { .. } => 4,
        }
    }

    fn from_status(status: &tonic::Status, socket: &Path) -> Self {
        match status.code() {
            Code::NotFound => Self::NotFound(status.message().to_owned()),
            Code::Unavailable => {
                Self::Unreachable { socket: socket.to_owned(), cause: status.message().to_owned() }
            }
            _ => Self::Refused(status.message().to_owned()),
        }
    }
}

/// A connection to the running speaker.
pub(super) struct Client {
    inner: SpeakerClient<Channel>,
    socket: PathBuf,
}

impl Client {
    pub(super) async fn connect(socket: &Path) -> Result<Self, ShowError> {
        let unreachable = |cause: String| ShowError::Unreachable { socket: socket.to_owned(), cause };
        let owner = std::fs::metadata(socket).map_err(|error| unreachable(error.to_string()))?.uid();
        let user = rustix::process::geteuid();
        // In a directory for all, such as /tmp, anybody could answer in the speaker's name.
        if !user.is_root() && owner != 0 && owner != user.as_raw() {
            return Err(unreachable(format!(
                "the socket belongs to user {owner}, who is neither you nor root"
            )));
        }
        // A plain connect first: its error names the cause, the channel's only says "transport error".
        tokio::net::UnixStream::connect(socket).await.map_err(|error| unreachable(error.to_string()))?;
        let endpoint = Endpoint::from_shared(format!("unix:{}", socket.display()));
        let endpoint = endpoint.map_err(|error| unreachable(error.to_string()))?;
        let channel = endpoint.connect().await.map_err(|error| unreachable(error.to_string()))?;
        Ok(Self { inner: SpeakerClient::new(channel), socket: socket.to_owned() })
    }

    pub(super) async fn neighbors(&mut self, address: String) -> Result<Vec<proto::Neighbor>, ShowError> {
        let answer = self.inner.list_neighbors(proto::ListNeighborsRequest { address }).await;
        Ok(answer.map_err(|status| ShowError::from_status(&status, &self.socket))?.into_inner().neighbors)
    }

    pub(super) async fn adj_out(
        &mut self,
        address: String,
    ) -> Result<Vec<proto::AdvertisedRoute>, ShowError> {
        let failed = |status| ShowError::from_status(&status, &self.socket);
        let answer = self.inner.list_adj_out(proto::ListAdjOutRequest { address }).await;
        let mut stream = answer.map_err(failed)?.into_inner();
        let mut all = Vec::new();
        while let Some(portion) = stream.message().await.map_err(failed)? {
            all.extend(portion.routes);
        }
        Ok(all)
    }

    pub(super) async fn adj_in(&mut self, address: String) -> Result<Vec<proto::LearnedRoute>, ShowError> {
        let failed = |status| ShowError::from_status(&status, &self.socket);
        let answer = self.inner.list_adj_in(proto::ListAdjInRequest { address }).await;
        let mut stream = answer.map_err(failed)?.into_inner();
        let mut all = Vec::new();
        while let Some(portion) = stream.message().await.map_err(failed)? {
            all.extend(portion.routes);
        }
        Ok(all)
    }

    pub(super) async fn administer(
        &mut self,
        request: proto::AdministerNeighborRequest,
    ) -> Result<Vec<String>, ShowError> {
        let answer = self.inner.administer_neighbor(request).await;
        Ok(answer.map_err(|status| ShowError::from_status(&status, &self.socket))?.into_inner().addresses)
    }

    pub(super) async fn rib(&mut self, prefix: String) -> Result<Vec<proto::WantedRoute>, ShowError> {
        let failed = |status| ShowError::from_status(&status, &self.socket);
        let mut stream =
            self.inner.list_rib(proto::ListRibRequest { prefix }).await.map_err(failed)?.into_inner();
        let mut all = Vec::new();
        while let Some(portion) = stream.message().await.map_err(failed)? {
            all.extend(portion.routes);
        }
        Ok(all)
    }

    pub(super) async fn bfd(&mut self, address: String) -> Result<proto::ListBfdResponse, ShowError> {
        let answer = self.inner.list_bfd(proto::ListBfdRequest { address }).await;
        Ok(answer.map_err(|status| ShowError::from_status(&status, &self.socket))?.into_inner())
    }

    pub(super) async fn status(&mut self) -> Result<proto::GetStatusResponse, ShowError> {
        let answer = self.inner.get_status(proto::GetStatusRequest {}).await;
        Ok(answer.map_err(|status| ShowError::from_status(&status, &self.socket))?.into_inner())
    }
}

//! The connection to a server, and its answers; refusals in the words of Go's gRPC.

use std::io;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::Error;
use super::flags::Options;
use super::text::clean;
use crate::gobgp::api;
use crate::gobgp::api::go_bgp_service_client::GoBgpServiceClient;

/// How long a connection may take, as in gRPC.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);

/// A connection to a server.
pub(super) struct Client(GoBgpServiceClient<Channel>);

impl Client {
    /// Connects to where the flags say.
    ///
    /// # Errors
    /// In one sentence, for TLS and for a target that does not answer.
    pub(super) async fn connect(options: &Options) -> Result<Self, Error> {
        if options.tls {
            return Err(Error::said("--tls is not there: connect in plain text, or over a unix socket"));
        }
        let reached = tokio::time::timeout(CONNECT_LIMIT, reach(options)).await;
        let endpoint = reached.unwrap_or_else(|_| Err(unreachable("context deadline exceeded")))?;
        let channel = endpoint.connect_timeout(CONNECT_LIMIT).connect().await;
        Ok(Self(GoBgpServiceClient::new(channel.map_err(|error| unreachable(&error.to_string()))?)))
    }

    pub(super) async fn global(&mut self) -> Result<api::Global, Error> {
        let answer = self.0.get_bgp(api::GetBgpRequest {}).await.map_err(refused)?;
        Ok(answer.into_inner().global.unwrap_or_default())
    }

    /// All neighbours, or for an address the one.
    pub(super) async fn peers(&mut self, address: &str, advertised: bool) -> Result<Vec<api::Peer>, Error> {
        let request = api::ListPeerRequest { address: address.into(), enable_advertised: advertised };
        let mut stream = self.0.list_peer(request).await.map_err(refused)?.into_inner();
        let mut peers = Vec::new();
        while let Some(answer) = stream.message().await.map_err(refused)? {
            peers.extend(answer.peer);
        }
        Ok(peers)
    }

    /// The neighbour with this address: the first that the server names.
    pub(super) async fn peer(&mut self, address: &str, advertised: bool) -> Result<api::Peer, Error> {
        let first = self.peers(address, advertised).await?.into_iter().next();
        first.ok_or_else(|| Error::said(format!("not found neighbor {address}")))
    }

    pub(super) async fn paths(
        &mut self,
        request: api::ListPathRequest,
    ) -> Result<Vec<api::Destination>, Error> {
        let mut stream = self.0.list_path(request).await.map_err(refused)?.into_inner();
        let mut destinations = Vec::new();
        while let Some(answer) = stream.message().await.map_err(refused)? {
            destinations.extend(answer.destination);
        }
        Ok(destinations)
    }

    pub(super) async fn counts(
        &mut self,
        request: api::GetTableRequest,
    ) -> Result<api::GetTableResponse, Error> {
        Ok(self.0.get_table(request).await.map_err(refused)?.into_inner())
    }

    pub(super) async fn reset(&mut self, request: api::ResetPeerRequest) -> Result<(), Error> {
        self.0.reset_peer(request).await.map(|_| ()).map_err(refused)
    }

    pub(super) async fn shutdown(&mut self, address: String, communication: String) -> Result<(), Error> {
        let request = api::ShutdownPeerRequest { address, communication };
        self.0.shutdown_peer(request).await.map(|_| ()).map_err(refused)
    }

    pub(super) async fn enable(&mut self, address: String) -> Result<(), Error> {
        self.0.enable_peer(api::EnablePeerRequest { address }).await.map(|_| ()).map_err(refused)
    }

    /// Without a reason: GoBGP's command sends none here.
    pub(super) async fn disable(&mut self, address: String) -> Result<(), Error> {
        let request = api::DisablePeerRequest { address, communication: String::new() };
        self.0.disable_peer(request).await.map(|_| ()).map_err(refused)
    }

    /// Hands over every change of a neighbour's state, until the server ends the stream.
    pub(super) async fn changes(
        &mut self,
        mut each: impl FnMut(api::Peer) -> Result<(), Error>,
    ) -> Result<(), Error> {
        use api::watch_event_response::{Event, peer_event};
        let watched = api::watch_event_request::Peer {};
        let request = api::WatchEventRequest { peer: Some(watched), table: None, batch_size: 0 };
        let mut stream = self.0.watch_event(request).await.map_err(refused)?.into_inner();
        while let Some(answer) = stream.message().await.map_err(refused)? {
            if let Some(Event::Peer(event)) = answer.event
                && event.r#type() == peer_event::Type::State
                && let Some(peer) = event.peer
            {
                each(peer)?;
            }
        }
        Ok(())
    }
}

/// A plain connect first: its error names the cause, a channel's only says "transport error".
async fn reach(options: &Options) -> Result<Endpoint, Error> {
    if let Some(path) = options.target.strip_prefix("unix:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        let failed = |error: io::Error| dialing(&format!("unix {}", clean(path)), &error);
        UnixStream::connect(path).await.map_err(failed)?;
        return endpoint(format!("unix:{path}"));
    }
    let target = match options.target.strip_prefix("dns:///").unwrap_or(&options.target) {
        "" if options.host.contains(':') => format!("[{}]:{}", options.host, options.port),
        "" => format!("{}:{}", options.host, options.port),
        target => target.to_owned(),
    };
    let failed = |error: io::Error| dialing(&format!("tcp {}", clean(&target)), &error);
    TcpStream::connect(&target).await.map_err(failed)?;
    endpoint(format!("http://{target}"))
}

fn endpoint(uri: String) -> Result<Endpoint, Error> {
    Endpoint::from_shared(uri).map_err(|error| unreachable(&error.to_string()))
}

/// In Go's words, and with the system's in lower case as there.
fn dialing(whom: &str, error: &io::Error) -> Error {
    let text = error.to_string();
    let cause = text.split(" (os error").next().unwrap_or(&text).to_lowercase();
    unreachable(&format!("transport: Error while dialing: dial {whom}: connect: {cause}"))
}

fn unreachable(cause: &str) -> Error {
    Error::said(format!("rpc error: code = Unavailable desc = connection error: desc = {cause:?}"))
}

/// A refusal as Go prints it.
fn refused(status: Status) -> Error {
    let code = match status.code() {
        Code::Ok => "OK",
        Code::Cancelled => "Canceled",
        Code::Unknown => "Unknown",
        Code::InvalidArgument => "InvalidArgument",
        Code::DeadlineExceeded => "DeadlineExceeded",
        Code::NotFound => "NotFound",
        Code::AlreadyExists => "AlreadyExists",
        Code::PermissionDenied => "PermissionDenied",
        Code::ResourceExhausted => "ResourceExhausted",
        Code::FailedPrecondition => "FailedPrecondition",
        Code::Aborted => "Aborted",
        Code::OutOfRange => "OutOfRange",
        Code::Unimplemented => "Unimplemented",
        Code::Internal => "Internal",
        Code::Unavailable => "Unavailable",
        Code::DataLoss => "DataLoss",
        Code::Unauthenticated => "Unauthenticated",
    };
    Error::said(format!("rpc error: code = {code} desc = {}", clean(status.message())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_read_as_in_go() {
        let status = Status::permission_denied("read only\u{1b}[2J");
        let said = refused(status).to_string();
        assert_eq!(said, "rpc error: code = PermissionDenied desc = read only\u{fffd}[2J");
    }

    #[test]
    fn a_refused_connection_reads_as_in_go() {
        let error = io::Error::from_raw_os_error(111);
        let wanted = "rpc error: code = Unavailable desc = connection error: desc = \
                      \"transport: Error while dialing: dial tcp 127.0.0.1:50051: connect: connection refused\"";
        assert_eq!(dialing("tcp 127.0.0.1:50051", &error).to_string(), wanted);
    }
}

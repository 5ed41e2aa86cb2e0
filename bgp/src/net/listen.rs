//! Accepting connections and handing each to the peer it comes from.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tracing::{debug, warn};

use super::Shared;
use super::peer::Command;

/// Runs until the engine is gone. Connections from unknown addresses are closed without a word.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                let peer = from.ip().to_canonical();
                let taken = shared.command(peer.into(), Command::Accepted(stream));
                if !taken {
                    debug!(%peer, "connection from an address that is no neighbour, or one too busy, closed");
                }
            }
            Err(error) => {
                // Out of descriptors or memory: the next accept would fail at once, too.
                warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

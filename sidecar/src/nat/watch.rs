//! Word from the kernel that somebody changed a table of nf_tables.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rtnetlink::sys::protocols::NETLINK_NETFILTER;
use rtnetlink::sys::{AsyncSocket, AsyncSocketExt, SocketAddr, TokioSocket};
use tokio::sync::Notify;

/// The multicast group of changes of nf_tables (`NFNLGRP_NFTABLES`, linux/netfilter/nfnetlink.h).
const GROUP: u32 = 7;
/// What is told is of no interest, only that it is.
const OCTETS: usize = 4096;
/// After an error; one that stays must not take a core.
const REST: Duration = Duration::from_millis(500);

/// Wakes `changed` at every change, until dropped.
///
/// # Errors
/// The kernel has no nf_tables, or does not tell this process: that takes `CAP_NET_ADMIN`.
pub(super) fn nftables(changed: &Arc<Notify>) -> io::Result<impl Future<Output = ()> + Send + use<>> {
    let mut socket = TokioSocket::new(NETLINK_NETFILTER)?;
    socket.socket_mut().bind(&SocketAddr::new(0, 0))?;
    socket.socket_mut().add_membership(GROUP)?;
    let wake = Arc::clone(changed);
    Ok(async move {
        let mut buffer = Vec::with_capacity(OCTETS);
        loop {
            buffer.clear();
            // An error is word as well: of changes there was no room for.
            let told = socket.recv(&mut buffer).await;
            wake.notify_one();
            if told.is_err() {
                tokio::time::sleep(REST).await;
            }
        }
    })
}

//! A real Kubernetes API in the lab: etcd and kube-apiserver in a namespace of their own, and what is
//! needed to drive them, read what they saw and spoil what they say.
//!
//! There are no kubelets unless [`crate::cluster`] adds them: Pods are made already bound to their node, and their status is patched. The
//! programs are compiled by `tests/lab/kube/build.sh` (see `tests/setup.sh`) into a cache outside the tree.

mod audit;
mod kubectl;
pub mod objects;
mod pki;
mod proxy;
mod server;

pub use audit::{Request, Requests};
pub use kubectl::User;
pub use proxy::{Break, Cut, Proxy, Seen};
pub use server::{ApiServer, Around};

use crate::fault::Result;

/// The segment on which the API server is reached, apart from those of the routers.
pub const SEGMENT: u8 = 9;

/// The API server as the nodes reach it. The certificate also covers its IPv6 address, `fd00:9::1`.
pub const URL: &str = "https://10.0.9.1:6443";

/// A program of the pinned Kubernetes.
pub(crate) fn program(name: &str) -> Result<String> {
    crate::cache::program(&format!("kube-1.34.4/{name}"))
}

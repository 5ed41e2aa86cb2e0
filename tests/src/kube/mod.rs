//! A real Kubernetes API in the lab: etcd and kube-apiserver in a namespace of their own, and what is
//! needed to drive them, read what they saw and spoil what they say.
//!
//! There are no kubelets: Pods are made already bound to their node, and their status is patched. The
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
pub use server::ApiServer;

use crate::fault::{Fault, Result, ensure};
use std::path::PathBuf;

/// The segment on which the API server is reached, apart from those of the routers.
pub const SEGMENT: u8 = 9;

/// The API server as the nodes reach it. The certificate also covers its IPv6 address, `fd00:9::1`.
pub const URL: &str = "https://10.0.9.1:6443";

/// A program of the pinned Kubernetes, from the cache.
fn program(name: &str) -> Result<String> {
    let cache = match std::env::var_os("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => PathBuf::from(std::env::var_os("HOME").ok_or_else(|| Fault::new("HOME is not set"))?)
            .join(".cache"),
    };
    let path = cache.join("speaker-lab/kube-1.34.4").join(name);
    ensure(path.exists(), || format!("{} is missing: run tests/setup.sh", path.display()))?;
    Ok(path.display().to_string())
}

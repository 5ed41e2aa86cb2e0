//! The real sidecar between two namespaces, under every name and by every command of kube-ovn's pods.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod lab;
mod parser;
mod paths;
mod pods;
mod scripts;
mod survival;

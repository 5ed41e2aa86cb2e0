//! `sidecar nat` in a pod's namespace between a client and a server: who the server sees, what the kernel then holds, and
//! what happens to it. Judges are the server's sockets, `ip`, `iptables` and `nft`.

mod image;
mod keeping;
mod lab;
mod once;
mod rights;

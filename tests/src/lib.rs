//! Labs with real routers in network namespaces, and the scenarios the interop tests run in them.
//!
//! Bottom up: [`fault`] and [`wait`] (every wait is bounded and says what was missing), [`proc`]
//! (daemons ended by pid), [`netns`] and [`topology`] (two routers, two nodes), [`router`] (FRR, BIRD,
//! GoBGP and ExaBGP behind one type), [`ovn`] (a whole OVN on one chassis), [`kube`] (a real API server, and a proxy that spoils its answers),
//! [`speaker`], [`manifests`] and [`sidecar`] (what is under test), [`http`], [`capture`] and [`stream`] (tshark judges every
//! BGP message) and [`bfd`] (and every BFD packet), [`gobgp_cli`] (the stock `gobgp` commands as clients of the speaker), [`scenario`] (the
//! steps, shared by all router kinds), [`matrix`] (one cell for each feature and router: `docs/interop.md`), [`egress`]
//! (rows that the egress controller leaves in OVN).
//!
//! Needs root and what `tests/setup.sh` installs. Everything a lab makes has a name of its
//! own and is removed in `Drop`, so that tests run in parallel and a panic leaves nothing behind.

pub mod bfd;
pub mod cache;
pub mod capture;
pub mod cluster;
pub mod deploy;
pub mod egress;
pub mod fault;
pub mod gobgp_cli;
pub mod http;
pub mod kube;
pub mod manifests;
pub mod matrix;
pub mod netns;
pub mod ovn;
pub mod proc;
pub mod router;
pub mod scenario;
pub mod sidecar;
pub mod speaker;
pub mod stream;
pub mod topology;
pub mod wait;

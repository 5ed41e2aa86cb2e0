//! Labs of the egress controller: what it leaves in OVN's northbound database, row by row.
//!
//! Bottom up: [`dump`] (the whole database as text, differences, and fixtures as a series of them), [`northbound`]
//! (databases of OVN with `ovn-northd`), [`monitor`] (what changes in them), [`api`] and [`objects`] (the API server and what is in it), [`topology`] (the
//! stand-in for kube-ovn-controller), [`pods`] (the stand-in for kubelet and CNI), [`process`] (the program under test),
//! [`world`] (all of it), [`seed`] (the gateways of the seeds), [`trap`] and [`wire`] (a program killed at the n-th call it makes), [`traffic`] (what goes
//! through gateways).

pub mod api;
pub mod dump;
pub mod monitor;
pub mod northbound;
pub mod objects;
pub mod pods;
pub mod process;
mod schema;
pub mod seed;
pub mod topology;
pub mod traffic;
pub mod trap;
pub mod wire;
pub mod world;

//! The sidecar of gateway pods.

fn main() {}

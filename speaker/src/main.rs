//! The speaker binary.
fn main() {}

//! BGP-4 engine.

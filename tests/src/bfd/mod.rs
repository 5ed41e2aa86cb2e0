//! BFD as a capture shows it: [`packet`] has what tshark dissects, [`judge`] what every packet of one end must have,
//! [`pace`] when it may come, [`reflex`] a peer for labs without what is tested.

pub mod judge;
pub mod pace;
pub mod packet;
pub mod reflex;

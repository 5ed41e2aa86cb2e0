//! OVSDB as a client speaks it (RFC 7047), and the tables of OVN that the daemons read and write.
//!
//! Without the feature `net` nothing here knows a socket, a clock or a runtime. `net` connects to databases by unix
//! socket, TCP and TLS, follows the leader of a cluster and resumes its monitors.

pub mod bad_value;
pub mod json;
pub mod nb;
#[cfg(feature = "net")]
pub mod net;
pub mod op;
pub mod outcome;
pub mod record;
pub mod replica;
pub mod rpc;
pub mod sb;
pub mod schema;
pub mod session;
pub mod value;

pub use op::Operation;
pub use outcome::{Outcome, TransactError};
pub use record::Record;
pub use replica::{Replica, Row};
pub use schema::Schema;
pub use session::{Link, Watched};
pub use value::{Atom, Uuid, Value};

//! What this OVN can do, from what its databases show.

use ovn::Replica;

use super::cells;
use crate::view::Features;

pub(super) fn features(nb: &Replica, sb: &Replica) -> Features {
    Features {
        policy_sessions: nb.has_column("Logical_Router_Policy", "bfd_sessions"),
        bfd_only: sb
            .rows("Port_Binding")
            .any(|(_, row)| !cells::entry(row, "options", "bfd-only").is_empty()),
    }
}

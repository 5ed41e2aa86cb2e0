//! What routers are told while addresses and routes of a node change; what is tested is in `tests::scenario`.

use tests::scenario;

#[test]
fn listed_sources_come_move_leave_and_return_while_sessions_stand() {
    scenario::pinned().unwrap();
}

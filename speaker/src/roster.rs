//! Who is configured, beside what the engine knows: for the debug commands, the state file and the next reload.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bgp::fsm::EndReason;
use bgp::net::{PeerAddr, PeerStatus};

use crate::config::Neighbor;

/// The configured neighbours, and the last word of each.
#[derive(Debug, Default)]
pub struct Roster {
    rows: Mutex<BTreeMap<PeerAddr, Row>>,
}

/// One neighbour.
#[derive(Clone, Debug)]
pub struct Row {
    /// As configured.
    pub neighbor: Neighbor,
    /// What its operator wrote when it last ended a session (RFC 9003), and when that was.
    pub communication: Option<(Instant, String)>,
}

impl Roster {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PeerAddr, Row>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a neighbour, or replaces its configuration.
    pub fn enter(&self, neighbor: Neighbor) {
        let mut rows = self.lock();
        let communication = rows.get(&neighbor.addr()).and_then(|row| row.communication.clone());
        rows.insert(neighbor.addr(), Row { neighbor, communication });
    }

    /// Strikes a neighbour out.
    pub fn strike(&self, addr: PeerAddr) {
        self.lock().remove(&addr);
    }

    /// One neighbour.
    #[must_use]
    pub fn row(&self, addr: PeerAddr) -> Option<Row> {
        self.lock().get(&addr).cloned()
    }

    /// All of them as configured, by name.
    #[must_use]
    pub fn neighbors(&self) -> BTreeMap<PeerAddr, Neighbor> {
        self.lock().iter().map(|(addr, row)| (*addr, row.neighbor.clone())).collect()
    }

    /// Keeps what the neighbour said when its session ended; later ends without a text leave it there.
    pub fn hear(&self, status: &PeerStatus) {
        let Some((at, EndReason::Received(note))) = &status.last_end else { return };
        let Some(text) = note.text() else { return };
        if let Some(row) = self.lock().get_mut(&status.addr) {
            row.communication = Some((*at, text.to_owned()));
        }
    }
}

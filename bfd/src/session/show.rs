//! A session as it looks from outside.

use std::time::Duration;

use super::{Recorded, Session, Status, clock::Clock};
use crate::types::Micros;

impl Session {
    /// Everything there is to show.
    pub(crate) fn status(&self, clock: &Clock) -> Status {
        let (told, used) = (self.timing.told(), self.timing.used());
        let pending = |told: Micros, used: Micros, wanted: Micros| {
            [told, wanted].into_iter().rev().find(|value| *value != used)
        };
        let wanted = self.pace();
        let interval = if self.is_periodic() { self.transmit_interval() } else { 0 };
        Status {
            id: self.id,
            path: self.path,
            local_heard: self.local_heard,
            role: self.role,
            settings: self.settings.clone(),
            state: self.state,
            forced: self.forced,
            suspended: self.suspended,
            diagnostic: self.diagnostic,
            discriminator: self.discriminator,
            remote_state: self.remote.state,
            remote_diagnostic: self.remote.diagnostic,
            remote_discriminator: self.remote.discriminator,
            remote_detect_mult: self.remote.detect_mult,
            remote_desired_min_tx: self.remote.desired_min_tx,
            remote_required_min_rx: self.remote.required_min_rx,
            remote_independent: self.remote.independent,
            desired_min_tx: used.tx,
            required_min_rx: used.rx,
            pending_min_tx: pending(told.tx, used.tx, wanted.tx),
            pending_min_rx: pending(told.rx, used.rx, wanted.rx),
            transmit_interval: Duration::from_nanos(interval),
            detection_time: Duration::from_nanos(self.detection().unwrap_or(0)),
            history: self.history(clock),
            failures: self.failures,
            received: self.received,
            transmitted: self.transmitted,
            last_heard: self.heard.and_then(|(at, _)| clock.instant(at)),
        }
    }

    fn history(&self, clock: &Clock) -> Vec<Recorded> {
        let entries = self.history.newest_first();
        entries
            .filter_map(|entry| {
                Some(Recorded { state: entry.state, forced: entry.forced, at: clock.instant(entry.at)? })
            })
            .collect()
    }
}

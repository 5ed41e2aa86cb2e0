//! A round: take datagrams from all sockets; if something was due much earlier, tell the engine how much time was lost;
//! let timers run as of the horizon (`pace`); send.

use std::sync::atomic::Ordering;
use std::time::Instant;

use tracing::warn;

use super::Notice;
use super::mmsg::BATCH;
use super::thread::Worker;
use crate::engine::{Action, Datagram};
use crate::types::State;

/// Batches taken from one socket in a round: a flood holds sending up for a millisecond or two, not for ever.
const BATCHES: usize = 16;

/// What a round took.
struct Taken {
    /// Everything that arrived before was taken.
    horizon: Instant,
    /// The first arrival.
    first: Option<Instant>,
}

impl<T: FnMut(Notice)> Worker<T> {
    /// See the module. `due` is when it should have begun at the latest.
    pub(super) fn round(&mut self, due: Option<Instant>) {
        let taken = self.take();
        if let Some(since) = self.pace.advance(taken.horizon, [due, taken.first]) {
            let late = self.pace.horizon().saturating_duration_since(since);
            self.engine.stalled(since, self.pace.horizon());
            let nanos = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
            self.inside.shared.lost_nanos.fetch_add(nanos, Ordering::Relaxed);
            (self.tell)(Notice::Stalled(late));
        }
        self.engine.advance(self.pace.horizon(), &mut self.actions);
        self.flush(self.pace.horizon());
    }

    /// Takes what waits in the sockets, all of it or what the bound lets.
    ///
    /// The clock is read before each pass over the sockets, and a pass that finds the end of each is the last: so there
    /// is nothing left of before that reading, however long the thread is interrupted after it.
    fn take(&mut self) -> Taken {
        let mut taken = Taken { horizon: self.pace.horizon(), first: None };
        self.busy = false;
        for _ in 0..BATCHES {
            let now = self.clock.read();
            taken.horizon = now;
            let mut emptied = true;
            for at in 0..self.inside.listeners.len() {
                let Some((first, last)) = self.receive(at, now) else { continue };
                taken.first = Some(taken.first.map_or(first, |before| before.min(first)));
                if let Some(last) = last {
                    emptied = false;
                    taken.horizon = taken.horizon.min(last);
                }
            }
            if emptied {
                self.busy |= taken.first.is_some();
                break;
            }
            self.flush(now);
        }
        self.clock.settle();
        taken
    }

    /// Takes one batch from a socket. Returns the first arrival and, if there may be more, the last.
    fn receive(&mut self, at: usize, now: Instant) -> Option<(Instant, Option<Instant>)> {
        let listener = self.inside.listeners.get_mut(at)?;
        let count = match self.batch.receive(&listener.socket) {
            Ok(count) => count,
            Err(error) => {
                if self.inside.shared.receive_errors.fetch_add(1, Ordering::Relaxed) == 0 {
                    warn!(%error, address = %listener.on.address, "receiving failed; further failures are counted");
                }
                self.busy = true; // if it stays so, it is not tried again at once
                return None;
            }
        };
        let mut bounds: Option<(Instant, Instant)> = None;
        for got in self.batch.iter() {
            let since = self.pace.horizon();
            let arrived = got.stamp.map_or(now, |stamp| self.clock.arrival(stamp, since, now));
            bounds = Some(bounds.map_or((arrived, arrived), |(first, _)| (first.min(arrived), arrived)));
            if let Some(dropped) = got.dropped {
                let more = dropped.wrapping_sub(std::mem::replace(&mut listener.dropped, dropped));
                self.inside.shared.overflow.fetch_add(more.into(), Ordering::Relaxed);
            }
            let Some(source) = got.source else { continue };
            let datagram = Datagram {
                payload: got.payload,
                hops: listener.on.hops,
                source,
                destination: got.destination.unwrap_or(listener.on.address),
                interface: got.interface,
                ttl: got.ttl.unwrap_or(0),
                at: arrived,
            };
            self.engine.receive(now, &datagram, &mut self.actions);
        }
        bounds.map(|(first, last)| (first, (count == BATCH).then_some(last)))
    }

    /// Does what the engine asks for.
    pub(super) fn flush(&mut self, now: Instant) {
        let mut actions = std::mem::take(&mut self.actions);
        for action in actions.drain(..) {
            match action {
                Action::Transmit(id, packet) => {
                    if !self.senders.has(id)
                        && let Some(session) = self.engine.session(id)
                    {
                        self.senders.add(id, session.path);
                    }
                    self.senders.send(id, packet.as_bytes(), now);
                }
                Action::Opened(id, path) => {
                    self.senders.add(id, path);
                    (self.tell)(Notice::Opened(id, path));
                }
                Action::Closed(id, path) => {
                    self.senders.remove(id);
                    (self.tell)(Notice::Closed(id, path));
                }
                Action::Changed(id, path, change) => {
                    self.senders.set_up(id, change.to == State::Up);
                    (self.tell)(Notice::Changed(id, path, change));
                }
            }
        }
        self.actions = actions; // its room is used again
    }
}

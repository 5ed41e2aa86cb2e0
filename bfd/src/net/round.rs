//! A round: read the clock; take from all sockets what arrived before; if something was due much earlier, tell the
//! engine how much time was lost; let timers run; send.
//!
//! Everything is as of that one reading, the horizon of `pace`: wherever in a round the thread is interrupted, and
//! whatever floods it, the engine judges no silence in which a packet waits unread.
//!
//! A flood faster than the thread can read has its price: packets of live peers are dropped with it. Its rounds take
//! longer than a stall and count as one, so live peers stay, and one that dies meanwhile is found when the flood is
//! over. Where the buffer is so small that it overflows in shorter rounds, a live peer may be taken for dead. Lost time
//! and overflow show both.

use std::sync::atomic::Ordering;
use std::time::Instant;

use tracing::warn;

use super::Notice;
use super::mmsg::BATCH;
use super::thread::Worker;
use crate::engine::{Action, Datagram};
use crate::types::State;

/// Batches taken from one socket in a round, more than its buffer holds: the last bound, if a clock deceives us.
const BATCHES: usize = 256;

impl<T: FnMut(Notice)> Worker<T> {
    /// See the module. `due` is when it should have begun at the latest.
    pub(super) fn round(&mut self, due: Option<Instant>) {
        let now = self.clock.read();
        let wanted = self.rush.until(); // what came while the sockets were left alone, was not waited for
        let first = self.take(now).map(|first| wanted.map_or(first, |wanted| first.max(wanted)));
        if let Some(since) = self.pace.advance(now, [due, first]) {
            let late = now.saturating_duration_since(since);
            self.engine.stalled(since, now);
            let nanos = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
            self.inside.shared.lost_nanos.fetch_add(nanos, Ordering::Relaxed);
            (self.tell)(Notice::Stalled(late));
        }
        self.engine.advance(now, &mut self.actions);
        self.flush(now);
    }

    /// Takes everything that arrived before `now` from all sockets, whatever comes meanwhile: against a flood each is
    /// read until a datagram is of later. Returns the first arrival.
    fn take(&mut self, now: Instant) -> Option<Instant> {
        let mut first: Option<Instant> = None;
        for at in 0..self.listeners.look() {
            for _ in 0..BATCHES {
                let taken = self.receive(at, now);
                self.flush(now);
                let Some((earliest, more)) = taken else { break };
                first = Some(first.map_or(earliest, |first| first.min(earliest)));
                if !more {
                    break;
                }
            }
        }
        self.clock.settle();
        self.rush.expect(self.engine.shortest_interval());
        self.rush.took(now, first.is_some());
        first
    }

    /// Takes one batch from a socket. Returns the first arrival, and whether there may be more of before `now`.
    ///
    /// What is of later counts as of now: the engine's time must not run ahead of what was taken from the other
    /// sockets.
    fn receive(&mut self, at: usize, now: Instant) -> Option<(Instant, bool)> {
        let listener = self.listeners.ready(at)?;
        let count = match self.batch.receive(&listener.socket) {
            Ok(count) => count,
            Err(error) => {
                if self.inside.shared.receive_errors.fetch_add(1, Ordering::Relaxed) == 0 {
                    warn!(%error, address = %listener.on.address, "receiving failed; further failures are counted");
                }
                self.rush.failed();
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
        bounds.map(|(first, last)| (first, count == BATCH && last < now))
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

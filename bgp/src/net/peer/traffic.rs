//! What a peer's task does when a socket is ready: reads messages, writes what is queued, asks the RIB for more.

use std::collections::VecDeque;
use std::time::Instant;

use tokio::sync::mpsc;
use tracing::{debug, warn};

use super::{PeerTask, lock};
use crate::fsm::{ConnId, Event};
use crate::net::transport::Incoming;
use crate::net::{Inbound, InboundEvent, PeerAddr};
use crate::wire::{Message, Update};

/// Messages parsed from one connection before the other events get a turn.
const MESSAGES_A_TURN: usize = 256;
/// Updates kept for a receiver at once: one of 64 KiB may unfold into a megabyte.
const INBOUND_A_TURN: usize = 8;

impl PeerTask {
    /// Reads what came, writes what can be written.
    pub(super) fn serve(&mut self, id: ConnId) {
        if self.inbound.is_empty() {
            self.read(id);
        }
        match self.flush(id) {
            Ok(()) => self.feed(),
            Err(error) => self.lost(id, error.to_string()),
        }
        // A peer that never stops talking would keep the clock from ever getting a turn. What it has said so far is
        // read, so nobody is declared silent too early.
        if self.fsm.next_deadline().is_some_and(|at| at <= Instant::now()) {
            self.handle(Event::Tick);
        }
    }

    fn read(&mut self, id: ConnId) {
        for _ in 0..MESSAGES_A_TURN {
            if self.inbound.len() >= INBOUND_A_TURN {
                return;
            }
            let Some(conn) = self.conn(id) else { return };
            match conn.receive() {
                Incoming::Message(message) => {
                    self.count(&message);
                    self.handle(Event::Received(id, message));
                }
                Incoming::Broken(fault) => {
                    lock(&self.outputs.status).received.discarded += 1;
                    return self.handle(Event::Broken(id, fault));
                }
                Incoming::Lost(cause) => return self.lost(id, cause),
                Incoming::Nothing => return,
            }
        }
    }

    fn count(&mut self, message: &Message) {
        let mut status = lock(&self.outputs.status);
        status.received.count(message.kind());
        if let Message::Update(update) = message {
            status.received.count_withdrawals(update);
            drop(status);
            self.complain(update);
        }
    }

    /// Said once a session: a peer must not be able to fill the log.
    fn complain(&mut self, update: &Update) {
        if let Some(fault) = update.faults.first().filter(|_| !self.complained) {
            self.complained = true;
            let peer = self.config.addr;
            warn!(%peer, %fault, "broken attribute received, more of them are not logged in this session");
        }
    }

    pub(super) fn lost(&mut self, id: ConnId, cause: String) {
        self.conns.retain(|(of, _)| *of != id);
        self.handle(Event::Lost(id, cause));
    }

    /// Gives the member what it lacks, as long as the kernel takes it.
    pub(super) fn feed(&mut self) {
        self.feed_member();
        let out_queue = self.queued();
        lock(&self.outputs.status).out_queue = out_queue;
    }

    fn feed_member(&mut self) {
        let Some((id, member)) = self.member else { return };
        while self.is_drained(id) {
            self.changed.mark_unchanged(); // what changes from here on wakes the task again
            let begun = Instant::now();
            let Some(batch) = lock(&self.shared.rib).pull(member) else { return };
            self.writing = batch.due.map(|due| self.shared.timing.packed(due, begun));
            lock(&self.outputs.status).sent.count_batch(&batch);
            debug!(
                peer = %self.config.addr,
                announced = batch.announced, withdrawn = batch.withdrawn, messages = batch.frames.len(),
                "updates queued"
            );
            let Some(conn) = self.conn(id) else { return };
            conn.send_table(batch.frames);
            if self.flush(id).is_err() {
                return; // shows up again when the connection is read
            }
        }
    }
}

/// Hands over received updates as the receiver makes room; reading waits meanwhile, so that a slow receiver slows
/// the peer instead of growing this queue.
pub(super) async fn deliver(
    to: Option<&mpsc::Sender<Inbound>>,
    peer: PeerAddr,
    queue: &mut VecDeque<InboundEvent>,
) {
    while !queue.is_empty() {
        let Some(to) = to else { return queue.clear() };
        let Ok(permit) = to.reserve().await else { return queue.clear() };
        if let Some(event) = queue.pop_front() {
            permit.send(Inbound { peer, event });
        }
    }
}

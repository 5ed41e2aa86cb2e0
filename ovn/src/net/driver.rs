//! The task: feeds the core and carries out what it says.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};
use tracing::debug;

use super::tls::Tls;
use super::wire::{News, Wire};
use super::{Command, Link, Outcome, Shared, TransactError};
use crate::session::{Action, Session};

/// How much is read at a time, in octets.
const CHUNK: usize = 64 << 10;

pub(super) struct Driver {
    pub(super) session: Session,
    pub(super) shared: Arc<Shared>,
    pub(super) remotes: Vec<Box<str>>,
    pub(super) tls: Option<Tls>,
    pub(super) wire: Wire,
    pub(super) waiting: HashMap<u64, oneshot::Sender<Result<Outcome, TransactError>>>,
    pub(super) number: u64,
}

impl Driver {
    /// Until the last client is dropped.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut buffer = vec![0; CHUNK];
        let mut out = Vec::new();
        self.session.start(Instant::now(), &mut out);
        loop {
            self.carry_out(&mut out);
            let deadline = self.session.deadline();
            tokio::select! {
                command = commands.recv(), if self.wire.has_room() => match command {
                    None => return,
                    Some(command) => self.command(command, &mut out),
                },
                () = at(deadline) => self.session.tick(Instant::now(), &mut out),
                news = self.wire.news(&mut buffer) => self.news(&news, &buffer, &mut out),
            }
        }
    }

    fn command(&mut self, command: Command, out: &mut Vec<Action>) {
        self.number += 1;
        self.waiting.insert(self.number, command.done);
        self.session.transact(Instant::now(), self.number, &command.operations, out);
    }

    fn news(&mut self, news: &News, buffer: &[u8], out: &mut Vec<Action>) {
        let now = Instant::now();
        match news {
            News::Sent => {}
            News::Opened => self.session.connected(now, out),
            News::Gone(why) => self.session.lost(now, why, out),
            News::Read(len) => {
                let octets = buffer.get(..*len).unwrap_or_default();
                let mut replica = self.shared.replica.write().unwrap_or_else(PoisonError::into_inner);
                self.session.receive(now, octets, &mut replica, out);
            }
        }
    }

    fn carry_out(&mut self, out: &mut Vec<Action>) {
        // Before anybody is told of anything, so that who is told sees it.
        let (link, counters) = (self.session.link(), self.session.counters());
        let mut status = self.shared.status();
        if status.0 != *link {
            status.0 = link.clone();
            match link {
                Link::Synced => debug!(syncs = counters.syncs, resumes = counters.resumes, "database synced"),
                Link::Down(why) => debug!(%why, "database not connected"),
            }
        }
        status.1 = counters;
        drop(status);
        for action in out.drain(..) {
            match action {
                Action::Connect(remote) => match self.remotes.get(remote) {
                    Some(remote) => {
                        debug!(%remote, "connecting to the database");
                        self.wire = Wire::open(remote.clone(), self.tls.clone());
                    }
                    None => self.wire = Wire::None,
                },
                Action::Disconnect => self.wire = Wire::None,
                Action::Send(octets) => self.wire.send(&octets),
                Action::Changed => self.shared.changes.send_modify(|count| *count = count.wrapping_add(1)),
                Action::Done(number, outcome) => {
                    if let Some(done) = self.waiting.remove(&number) {
                        // Who asked may have gone.
                        let _ = done.send(outcome);
                    }
                }
            }
        }
    }
}

/// At an instant, or never.
async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

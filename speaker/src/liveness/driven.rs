//! The driver as the keeper uses it: started when it is needed, asked, and heard without ever being held up.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bfd::Diagnostic;
use bfd::State;
use bfd::engine::{Action, Control, Engine, OpenError, SessionId};
use bfd::net::{Driver, Listen, Notice, Options};
use bfd::session::{Path, Role, Settings};
use tracing::warn;

use super::verdict::is_failure;
use super::{Heard, Shared, lock};

impl Shared {
    /// Starts the thread, unless it runs; `false` once everything is ending.
    pub(super) fn start(self: &Arc<Self>) -> io::Result<bool> {
        let mut driver = lock(&self.driver);
        if self.ending.load(Ordering::Acquire) {
            return Ok(false);
        }
        if driver.is_none() {
            let real_time = lock(&self.options).real_time;
            let to = Arc::downgrade(self);
            let tell = move |notice| {
                if let Some(shared) = to.upgrade() {
                    shared.hear(notice);
                }
            };
            *driver = Some(Driver::start(Options { real_time, ..Options::default() }, tell)?);
        }
        Ok(true)
    }

    /// On the driver's thread: writes it down and goes.
    fn hear(&self, notice: Notice) {
        match notice {
            Notice::Changed(id, _, change) => {
                let mut heard = lock(&self.heard);
                let one = heard.entry(id).or_insert(Heard { failure: None, last: change });
                one.last = change;
                if is_failure(&change) {
                    one.failure = Some(change);
                }
                drop(heard);
                self.due.notify_one();
            }
            Notice::Stalled(_) | Notice::Opened(..) | Notice::Closed(..) => {}
        }
    }

    pub(super) fn listen(&self, on: &Listen) -> io::Result<()> {
        lock(&self.driver).as_ref().map_or(Ok(()), |driver| driver.listen(on))
    }

    pub(super) fn ignore(&self, on: &Listen) {
        if let Some(driver) = lock(&self.driver).as_ref() {
            driver.ignore(on);
        }
    }

    /// `None`: the thread is gone.
    async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&mut Engine, Instant, &mut Vec<Action>) -> T + Send + 'static,
    ) -> Option<T> {
        let answer = lock(&self.driver).as_ref()?.call(what);
        answer.await.ok()
    }

    /// The thread ended though nobody asked it to.
    pub(super) async fn is_gone(&self) -> bool {
        let runs = lock(&self.driver).is_some();
        runs && self.ask(|_, _, _| ()).await.is_none() && lock(&self.driver).is_some()
    }

    pub(super) async fn open(&self, path: Path, settings: Settings) -> Option<Result<SessionId, OpenError>> {
        self.ask(move |engine, now, out| engine.open(now, path, (Role::Active, settings), out)).await
    }

    /// Says that it is on purpose, and forgets the session.
    pub(super) async fn close(&self, id: SessionId) {
        let gone = self.ask(move |engine, now, out| {
            engine.control(now, id, Control::Force(State::AdminDown, Diagnostic::ADMIN_DOWN), out);
            engine.close(id, out)
        });
        if gone.await == Some(false) {
            warn!(%id, "a BFD session was gone already");
        }
        lock(&self.heard).remove(&id);
    }

    pub(super) async fn set(&self, id: SessionId, settings: Settings) {
        let _ = self.ask(move |engine, now, out| engine.set(now, id, settings, out)).await;
    }

    /// Holds the session down on purpose, or lets it come up.
    pub(super) async fn force(&self, id: SessionId, down: bool) {
        let what = match down {
            true => Control::Force(State::AdminDown, Diagnostic::ADMIN_DOWN),
            false => Control::Release,
        };
        let _ = self.ask(move |engine, now, out| engine.control(now, id, what, out)).await;
    }

    /// The state it is in; `None`: it is not there.
    pub(super) async fn state(&self, id: SessionId) -> Option<State> {
        self.ask(move |engine, _, _| engine.session(id).map(|status| status.state)).await?
    }
}

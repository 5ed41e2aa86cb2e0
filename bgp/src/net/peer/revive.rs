//! A peer's task outlives its panics: the others must not notice, and this one comes back.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::time::Duration;

use tracing::error;

use super::{PeerTask, machine};

/// Between a panic and the next start: whatever caused it may well come again.
const PAUSE: Duration = Duration::from_secs(1);

impl PeerTask {
    /// Runs until told to end, or until the engine is dropped.
    pub(in crate::net) async fn run(mut self) {
        while caught(self.work()).await.is_err() {
            error!(peer = %self.config.addr, "internal error: its task panicked, it is started anew");
            self.forget_session();
            // Nothing of what was going on is trusted; what the engine told is.
            self.told = self.inputs.told.borrow_and_update().clone();
            self.config = std::sync::Arc::clone(&self.told.config);
            self.fsm = machine(&self.config);
            (self.next_conn, self.abandoning, self.dial_refused) = (0, false, false);
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A future's output, or that it panicked.
async fn caught<T>(work: impl Future<Output = T>) -> Result<T, ()> {
    let mut work = pin!(work);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(_) => std::task::Poll::Ready(Err(())),
    })
    .await
}

//! Follows the sessions: what routers said at the end of theirs, and what the next process has to know.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bgp::fsm::{EndReason, State as SessionState};
use bgp::net::{Engine, PeerAddr, PeerStatus, StateChange};
use bgp::wire::notification::{cease, code};
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tracing::{info, warn};

use crate::config::{Config, Mode};
use crate::restart::{self, Session, State, judge};
use crate::roster::Roster;

/// Between two writes of the file: sessions come and go together.
const PAUSE: Duration = Duration::from_secs(1);

/// What is known of the process before, and what is kept for the one after.
pub(super) struct Keeper {
    /// Where; `None`: nowhere.
    path: Option<PathBuf>,
    boot_id: String,
    now: Mutex<Kept>,
    /// Held while the file is written: of two writers the one that knows less must not be the last.
    writing: Mutex<()>,
}

struct Kept {
    /// Less those that were taken out since: who comes back later is not resumed.
    previous: Option<State>,
    state: State,
    dirty: bool,
    /// Nothing is noted any more: this process is leaving.
    closed: bool,
    warned: bool,
}

impl Keeper {
    /// Reads what the process before left; whatever is wrong with it makes this a cold start.
    pub(super) fn open(config: &Config) -> Self {
        let gateway = match &config.mode {
            Mode::NatGateway { gateway } => gateway.as_deref(),
            Mode::Node { .. } => None,
        };
        let wanted = config.neighbors.iter().any(|one| one.peer.0.session.restart.is_some());
        let path = config.state_dir.as_ref().map(|dir| restart::path(dir, &config.node, gateway));
        let previous = path.as_deref().and_then(|path| previous(path, wanted));
        if wanted && path.is_none() {
            warn!(
                "graceful restart without --state-dir and without a log directory: every start is a cold one"
            );
        }
        let boot_id = restart::boot_id();
        // Neighbours that have not been heard of yet may still be keeping routes if this process ends early.
        let mut state = State::new(boot_id.clone());
        state.neighbors = previous.as_ref().map(|state| state.neighbors.clone()).unwrap_or_default();
        let same_boot = previous.as_ref().is_some_and(|state| state.boot_id == boot_id);
        let configured: BTreeSet<String> =
            config.neighbors.iter().map(|one| one.addr().to_string()).collect();
        state.neighbors.retain(|name, _| same_boot && configured.contains(name));
        let now = Mutex::new(Kept { previous, state, dirty: false, closed: false, warned: false });
        Self { path, boot_id, now, writing: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the OPEN may say to a neighbour: restarted, and forwarding kept.
    pub(super) fn judge(&self, neighbor: PeerAddr) -> (bool, bool) {
        judge(self.lock().previous.as_ref(), &self.boot_id, &neighbor.to_string())
    }

    /// A neighbour's session is in another state.
    fn note(&self, status: &PeerStatus) {
        let mut kept = self.lock();
        if kept.closed {
            return;
        }
        let name = status.addr.to_string();
        let agreed = status.negotiated.as_ref().is_some_and(|with| with.restart.is_some());
        let since = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
        let neighbors = &mut kept.state.neighbors;
        let changed = match (status.state, neighbors.get(&name).copied()) {
            (SessionState::Established, Some(known)) if agreed && known.up => false,
            (SessionState::Established, _) if agreed => {
                neighbors.insert(name, Session { up: true, since }).is_none_or(|before| !before.up)
            }
            (SessionState::Established, _) => neighbors.remove(&name).is_some(),
            (_, None) => false,
            (_, Some(_)) if is_on_purpose(status) => neighbors.remove(&name).is_some(),
            (_, Some(known)) if known.up && status.last_down.is_some() => {
                neighbors.insert(name, Session { up: false, since });
                true
            }
            (_, Some(_)) => false,
        };
        kept.dirty |= changed;
    }

    /// Some neighbour may be keeping what it was told, whether its session is up again or not.
    pub(super) fn has_any(&self) -> bool {
        !self.lock().state.neighbors.is_empty()
    }

    /// A neighbour is one no more.
    pub(super) fn forget(&self, neighbor: PeerAddr) {
        let (mut kept, name) = (self.lock(), neighbor.to_string());
        if let Some(previous) = &mut kept.previous {
            previous.neighbors.remove(&name);
        }
        kept.dirty |= kept.state.neighbors.remove(&name).is_some();
    }

    /// The last note: what is kept is kept for the next process, or, when leaving, there is nothing to be resumed.
    pub(super) fn close(&self, leaving: bool) {
        let mut kept = self.lock();
        kept.closed = true;
        if leaving {
            kept.dirty |= !kept.state.neighbors.is_empty();
            kept.state.neighbors.clear();
        }
        drop(kept);
        self.write();
    }

    /// Writes what changed. Blocks.
    fn write(&self) {
        let Some(path) = &self.path else { return };
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = self.lock();
        if !std::mem::take(&mut kept.dirty) {
            return;
        }
        let state = kept.state.clone();
        drop(kept);
        if let Err(error) = state.save(path) {
            let mut kept = self.lock();
            if !std::mem::replace(&mut kept.warned, true) {
                warn!(path = %path.display(), %error, "the state for a restart cannot be written: it will be a cold start");
            }
        }
    }
}

fn previous(path: &Path, wanted: bool) -> Option<State> {
    if !wanted {
        // What it says will not be true any more when somebody wants it again.
        let _ = std::fs::remove_file(path);
        return None;
    }
    match State::load(path) {
        Ok(state) => Some(state),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => {
            warn!(path = %path.display(), %error, "the state before the restart cannot be read: a cold start");
            None
        }
    }
}

/// We ended it and meant it: nothing of it is kept by anybody.
fn is_on_purpose(status: &PeerStatus) -> bool {
    let for_good = [cease::ADMIN_SHUTDOWN, cease::DECONFIGURED, cease::HARD_RESET];
    let ended = |reason: &EndReason| matches!(reason, EndReason::Sent(note) if note.code == code::CEASE && for_good.contains(&note.subcode));
    !status.enabled || status.last_end.as_ref().is_some_and(|(_, reason)| ended(reason))
}

/// Notes every change until the engine is gone. `changes` must have been there before the first peer: a session on the
/// same host is up before this task runs.
pub(super) async fn follow(
    mut changes: Receiver<StateChange>,
    engine: Arc<Engine>,
    roster: Arc<Roster>,
    keeper: Arc<Keeper>,
) {
    let look = |status: &PeerStatus| {
        roster.hear(status);
        keeper.note(status);
    };
    loop {
        match changes.recv().await {
            Ok(change) => engine.peer(change.addr).iter().for_each(look),
            Err(RecvError::Lagged(missed)) => {
                info!(missed, "more state changes than could be followed one by one");
                engine.peers().iter().for_each(look);
            }
            Err(RecvError::Closed) => return,
        }
        while let Ok(change) = changes.try_recv() {
            engine.peer(change.addr).iter().for_each(look);
        }
        if keeper.lock().dirty {
            let to = Arc::clone(&keeper);
            let _ = tokio::task::spawn_blocking(move || to.write()).await;
            tokio::time::sleep(PAUSE).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc4724_3_a_neighbour_that_was_taken_out_and_comes_back_hears_of_no_restart() {
        let (one, two) = ("10.0.0.1".parse().expect("a name"), "10.0.0.2".parse().expect("a name"));
        let mut state = State::new("boot".to_owned());
        for neighbor in [one, two].map(|neighbor: PeerAddr| neighbor.to_string()) {
            state.neighbors.insert(neighbor, Session { up: true, since: 1 });
        }
        let (dirty, closed, warned) = (false, false, false);
        let kept = Kept { previous: Some(state.clone()), state, dirty, closed, warned };
        let (boot_id, writing) = ("boot".to_owned(), Mutex::default());
        let keeper = Keeper { path: None, boot_id, now: Mutex::new(kept), writing };
        assert_eq!((keeper.judge(one), keeper.judge(two)), ((true, true), (true, true)));
        keeper.forget(one); // Cease/3: the router keeps nothing
        assert_eq!((keeper.judge(one), keeper.judge(two)), ((false, false), (true, true)));
    }
}

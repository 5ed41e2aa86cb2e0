//! The end of a speaker: leaving, or staying for the next process.

use std::sync::Arc;
use std::time::Duration;

use bgp::fsm::State;
use bgp::net::{Admin, PeerStatus};
use tracing::info;

use super::Running;
use crate::leave::{Decision, Question, cut, decide, unasked};

/// How long those who are left while others are stayed with may take to hear it, and the disk to keep the last word.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long the API server may take to say whether this node is to lose its speaker.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a text for a router may be, in octets: RFC 9003 has 255, but FRR up to 8.4 and others that only know RFC 8203
/// take no more than this, and show nothing of what is longer.
const TEXT: usize = 128;

impl Running {
    fn restarts(&self) -> bool {
        let agreed = |peer: &crate::config::Neighbor| peer.peer.0.session.restart.is_some();
        self.peers.roster.neighbors().values().any(agreed)
    }

    /// With graceful restart on, what happens to our DaemonSet matters at the end, when it may be too late to ask. Beside a
    /// gateway there is none.
    pub(super) fn follow_daemon_set(&mut self) {
        let (Some(access), Some(pod)) = (self.access.clone(), self.pod.clone()) else { return };
        if self.following || !self.restarts() || self.announcer.identity().node.is_empty() {
            return;
        }
        self.following = true;
        let followed = Arc::clone(&self.followed);
        self.tasks.spawn(async move {
            followed.follow(access, pod).await;
            "the watch of our DaemonSet"
        });
    }

    /// Stays or leaves, as [`decide`] has it; `text` says what stops us. Once `hurry` is done, as after a second signal,
    /// nobody is waited for any more.
    pub async fn end(self, text: &str, hurry: impl Future<Output = ()>) {
        let restarts = self.restarts();
        let question = Question {
            access: self.access.as_ref(),
            node: &self.announcer.identity().node,
            pod: self.pod.as_ref(),
            followed: &self.followed,
            restarts,
            patience: PATIENCE,
        };
        let decision = tokio::select! {
            biased;
            decision = decide(question) => decision,
            () = hurry => unasked(restarts, "a second signal came before the API server's answers"),
        };
        match decision {
            Decision::Leave(reason) => self.stop(&format!("{text}: {reason}")).await,
            Decision::Stay(reason) => self.pause(text, &reason).await,
        }
    }

    /// Leaves: Cease with this text to every router, then everything is closed.
    pub async fn stop(self, text: &str) {
        info!(reason = %text, "leaving: withdrawing everything");
        self.peers.keeper.close(true);
        self.announcer.engine().shutdown(cut(text, TEXT)).await;
        self.peers.liveness.stop().await;
        self.close().await;
    }

    /// Stays, for the routers that agreed on graceful restart: their connections are dropped without a word, and they
    /// keep the routes for the next process. The others are left as by [`Running::stop`], and hear only `text`: why we
    /// stay is nothing to them.
    pub async fn pause(self, text: &str, reason: &str) {
        let engine = Arc::clone(&self.peers.engine);
        let agreed = |peer: &PeerStatus| peer.negotiated.as_ref().is_some_and(|with| with.restart.is_some());
        // Who is not back yet may still be keeping the routes of the process before.
        if !engine.peers().iter().any(agreed) && !self.peers.keeper.has_any() {
            info!("not staying, though {reason}: no router agreed on graceful restart");
            return self.stop(&format!("{text}: no graceful restart agreed")).await;
        }
        info!(
            reason = %format!("{text}: {reason}"),
            "staying: routers that agreed on graceful restart keep the routes"
        );
        self.peers.keeper.close(false);
        let up = |peer: &PeerStatus| !agreed(peer) && peer.state == State::Established;
        for peer in engine.peers().iter().filter(|peer| up(peer)) {
            let _ = engine.administer(peer.addr, Admin::Disable(cut(text, TEXT).to_owned())); // one that is gone needs no goodbye
        }
        let left = async {
            while engine.peers().iter().any(up) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(GOODBYE, left).await;
        engine.abandon().await;
        self.peers.liveness.stop().await;
        self.close().await;
    }

    async fn close(mut self) {
        self.tasks.shutdown().await;
        let Some(intent) = self.intent.take() else { return };
        let announcer = Arc::clone(&self.announcer);
        // A disk that hangs must not keep the process.
        let written = tokio::task::spawn_blocking(move || intent.close(&announcer));
        let _ = tokio::time::timeout(GOODBYE, written).await;
    }
}

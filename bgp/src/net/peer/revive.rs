//! A peer's task outlives its panics: the others must not notice, and this one comes back.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::time::Duration;

use tracing::error;

use super::{PeerTask, machine};
use crate::fsm::{Bfd, BfdHold};

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
            self.fsm = machine(&self.config, self.is_first()).with_bfd_hold(self.hold_again());
            (self.next_conn, self.abandoning, self.dial_refused, self.retained) = (0, false, false, false);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// How to wait for BFD as of the last word of it, which may not have been heard before the panic.
    fn hold_again(&self) -> BfdHold {
        match self.told.path.bfd {
            Bfd::Up | Bfd::Silent => BfdHold::No,
            Bfd::Awaited | Bfd::Down { hold: None, .. } => BfdHold::UntilUp,
            Bfd::Down { .. } => self.fsm.bfd_hold(),
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

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::sync::{Arc, Mutex};

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpSocket;
    use tokio::sync::{mpsc, watch};

    use super::super::{Inputs, Outputs, PeerTask, lock};
    use crate::net::status::PeerStatus;
    use crate::net::told::{Path, Told};
    use crate::net::{Dialing, Engine, Handle, Hops, PeerConfig};
    use crate::types::{Asn, Family, HoldTime, RouterId};
    use crate::{fsm, wire};

    const PEER: Ipv4Addr = Ipv4Addr::new(127, 7, 59, 2);

    fn config() -> PeerConfig {
        let (asn, id) = (Asn::new(65001).expect("not zero"), RouterId::new(PEER).expect("not zero"));
        let hold = HoldTime::new(90).expect("legal");
        let mut session = fsm::Config::new((asn, id), asn, hold, vec![Family::IPV4_UNICAST]);
        (session.dial, session.listen) = (false, true);
        PeerConfig::new(Dialing { remote: (PEER, 179).into(), local: None, hops: Hops::Any }, session)
    }

    /// The type of the first message on a new connection; `None` if it ends without one.
    async fn first_message(to: SocketAddr) -> Option<u8> {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((PEER, 0).into()).expect("free");
        let mut stream = socket.connect(to).await.expect("connected");
        let mut header = [0; 19];
        stream.read_exact(&mut header).await.ok().map(|_| header[18])
    }

    /// A task that panics with its first connection, and the engine it belongs to.
    fn doomed(path: Path) -> (Engine, PeerTask) {
        let engine = Engine::new();
        let told = Told::new(config(), path);
        let status = Arc::new(Mutex::new(PeerStatus::new(&told)));
        let (commands, receiver) = mpsc::channel(4);
        let (told, told_receiver) = watch::channel(told);
        let outputs = Outputs { status: Arc::clone(&status), learned: Arc::default() };
        let inputs = Inputs { commands: receiver, told: told_receiver };
        let mut task = PeerTask::new(Arc::clone(&engine.shared), outputs, inputs);
        task.next_conn = u64::MAX; // overflows with the first connection
        let handle = Handle { commands, told, status, learned: Arc::default() };
        lock(&engine.shared.peers).insert(config().addr, handle);
        (engine, task)
    }

    #[tokio::test]
    async fn a_task_that_panics_serves_its_peer_again() {
        let (engine, task) = doomed(Path::default());
        lock(&engine.tasks).spawn(task.run());
        let at = engine.listen((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
        assert_eq!(first_message(at).await, None, "that was the panic");
        let again = tokio::time::timeout(super::PAUSE * 10, first_message(at)).await;
        assert_eq!(again, Ok(Some(wire::kind::OPEN)));
    }

    #[tokio::test]
    async fn what_bfd_said_just_before_a_panic_is_not_lost() {
        let (engine, task) = doomed(Path { bfd: fsm::Bfd::Awaited, ..Path::default() });
        let at = engine.listen((Ipv4Addr::LOCALHOST, 0).into()).expect("a free port");
        let doom = tokio::spawn(first_message(at));
        while lock(&engine.shared.peers)[&config().addr].commands.capacity() == 4 {
            tokio::task::yield_now().await; // until the connection waits for the task
        }
        engine.bfd(config().addr, fsm::Bfd::Up); // heard after the connection
        lock(&engine.tasks).spawn(task.run());
        assert_eq!(doom.await.expect("an answer"), None, "that was the panic");
        let again = tokio::time::timeout(super::PAUSE * 10, first_message(at)).await;
        assert_eq!(again, Ok(Some(wire::kind::OPEN)), "and no Cease");
    }
}

//! One TCP connection as messages: frames in, frames out, never blocking and never growing without bound.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::md5::set_key;
use super::socket::Guard;
use crate::rib::Frame;
use crate::wire::{Context, Fault, HEADER_LEN, Message, next_frame};

/// How much is read or written before the task looks at its other events again.
const TURN: usize = 1 << 20;
/// Slices handed to one vectored write; the kernel takes 1024 at most.
const SLICES: usize = 768;
/// How long a farewell may take to leave and to be read.
const LINGER: Duration = Duration::from_secs(1);

struct Queued {
    frame: Frame,
    /// Part of the table: may be overtaken by control messages and dropped when the session ends.
    table: bool,
}

/// A connection's socket, what was received and not yet parsed, and what is to be sent.
pub(super) struct Transport {
    stream: TcpStream,
    context: Context,
    received: BytesMut,
    queue: VecDeque<Queued>,
    /// Some octets of the first queued frame have left: it must be finished.
    started: bool,
}

/// What a turn of reading gave.
pub(super) enum Incoming {
    /// A message and the octets it had.
    Message(Message),
    /// Octets that are no message; nothing after them can be read.
    Broken(Fault),
    /// No more messages for now.
    Nothing,
    /// The connection is at its end.
    Lost(String),
}

impl Transport {
    pub(super) fn new(stream: TcpStream) -> Self {
        let (received, queue) = (BytesMut::new(), VecDeque::new());
        Self { stream, context: Context::default(), received, queue, started: false }
    }

    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        self.stream.local_addr().ok()
    }

    pub(super) fn remote_addr(&self) -> Option<SocketAddr> {
        self.stream.peer_addr().ok()
    }

    /// Puts hop limits and key on the socket.
    pub(super) fn guard(&self, guard: &Guard) -> io::Result<()> {
        guard.set(&self.stream, self.stream.peer_addr()?.ip())
    }

    /// Takes the key off the socket.
    pub(super) fn take_key(&self) -> io::Result<()> {
        set_key(&self.stream, self.stream.peer_addr()?.ip(), None)
    }

    /// The form of messages from now on, as the OPENs settled it.
    pub(super) fn set_context(&mut self, context: Context) {
        self.context = context;
    }

    /// Everything handed over has left for the kernel.
    pub(super) fn is_drained(&self) -> bool {
        self.queue.is_empty()
    }

    /// Messages handed over that have not left whole.
    pub(super) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Queues a message before what is still to be sent of the table. `false` if it cannot be expressed.
    pub(super) fn send(&mut self, message: &Message) -> bool {
        let Some(octets) = message.encode(self.context) else { return false };
        let first = usize::from(self.started);
        let at = self
            .queue
            .iter()
            .skip(first)
            .position(|queued| queued.table)
            .map_or(self.queue.len(), |at| at + first);
        self.queue.insert(at, Queued { frame: octets.into(), table: false });
        true
    }

    /// A KEEPALIVE handed over earlier has not begun to leave.
    pub(super) fn keepalive_waits(&self) -> bool {
        let waiting = self.queue.iter().skip(usize::from(self.started)).take_while(|queued| !queued.table);
        waiting.into_iter().any(|queued| queued.frame.len() == HEADER_LEN) // no other message is as short
    }

    /// Queues part of the table.
    pub(super) fn send_table(&mut self, frames: Vec<Frame>) {
        self.queue.extend(frames.into_iter().map(|frame| Queued { frame, table: true }));
    }

    /// Ready when there is something to read, or room for what is to be written.
    pub(super) fn poll_ready(&self, cx: &mut TaskContext<'_>, reading: bool) -> Poll<()> {
        let readable = reading && self.stream.poll_read_ready(cx).is_ready();
        let writable = !self.queue.is_empty() && self.stream.poll_write_ready(cx).is_ready();
        if readable || writable { Poll::Ready(()) } else { Poll::Pending }
    }

    /// The next message: from what was already received, else from one more read.
    pub(super) fn receive(&mut self) -> Incoming {
        loop {
            match next_frame(&self.received, self.context.max_message) {
                Err(fault) => return Incoming::Broken(fault.into()),
                Ok(Some(frame)) => {
                    let (len, message) = (frame.len(), Message::decode(frame, self.context));
                    self.received.advance(len);
                    return message.map_or_else(Incoming::Broken, Incoming::Message);
                }
                Ok(None) => {}
            }
            self.received.reserve(64 << 10);
            match self.stream.try_read_buf(&mut self.received) {
                Ok(0) => return Incoming::Lost("closed by the peer".to_owned()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.received.is_empty() {
                        self.received = BytesMut::new(); // an idle session keeps no buffer
                    }
                    return Incoming::Nothing;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Incoming::Lost(error.to_string()),
            }
        }
    }

    /// Writes until the kernel takes no more, the queue is empty or the turn is over. Returns octets written.
    pub(super) fn flush(&mut self) -> io::Result<usize> {
        let mut total = 0;
        while !self.queue.is_empty() && total < TURN {
            let mut slices = Vec::with_capacity(SLICES);
            let pieces =
                self.queue.iter().flat_map(|queued| &queued.frame.0).filter(|piece| !piece.is_empty());
            slices.extend(pieces.take(SLICES).map(|piece| IoSlice::new(piece)));
            match self.stream.try_write_vectored(&slices) {
                Ok(written) => {
                    total += written;
                    self.advance(written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(total)
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(queued) = self.queue.front_mut() {
            let len = queued.frame.len();
            if written < len {
                self.started |= written > 0;
                for piece in &mut queued.frame.0 {
                    let part = written.min(piece.len());
                    piece.advance(part);
                    written -= part;
                }
                return;
            }
            written -= len;
            self.started = false;
            self.queue.pop_front();
        }
    }

    /// Sends what is not table, says it is done, and waits a moment for the peer to have read it: closing a
    /// socket with unread input resets the connection, and a reset may overtake the NOTIFICATION.
    pub(super) async fn close(mut self) {
        let first = usize::from(self.started);
        let mut at = 0;
        self.queue.retain(|queued| {
            at += 1;
            !queued.table || at <= first
        });
        let farewell = async {
            while !self.queue.is_empty() {
                self.stream.writable().await?;
                self.flush()?;
            }
            self.stream.shutdown().await?;
            let mut scrap = [0; 4096];
            loop {
                self.stream.readable().await?;
                match self.stream.try_read(&mut scrap) {
                    Ok(0) => return Ok(()),
                    Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
                    _ => {}
                }
            }
        };
        let _: Result<io::Result<()>, _> = tokio::time::timeout(LINGER, farewell).await;
    }
}

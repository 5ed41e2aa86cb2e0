//! One connection: being made, or open with octets that wait to be sent.

use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::{TcpStream, UnixStream};

use super::remote::Remote;
use super::tls::{self, Tls};

/// Any stream of octets.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Opening = Pin<Box<dyn Future<Output = io::Result<Box<dyn Stream>>> + Send>>;

/// More than this waiting to be sent, and nothing is taken in before it went.
const BACKLOG: usize = 64 << 20;

/// What there is of a connection.
pub(super) enum Wire {
    None,
    Opening(Opening),
    Open { reader: ReadHalf<Box<dyn Stream>>, writer: WriteHalf<Box<dyn Stream>>, outbox: Outbox },
}

/// What waits to be sent.
#[derive(Default)]
pub(super) struct Outbox {
    octets: Vec<u8>,
    sent: usize,
    unflushed: bool,
}

/// What a connection tells.
pub(super) enum News {
    /// It is open.
    Opened,
    /// So many octets arrived.
    Read(usize),
    /// Some were sent.
    Sent,
    /// It could not be made, or is gone.
    Gone(String),
}

impl Wire {
    /// Begins a connection.
    pub(super) fn open(remote: Box<str>, tls: Option<Tls>) -> Self {
        Self::Opening(Box::pin(connect(remote, tls)))
    }

    /// Adds octets to be sent; without a connection there is nobody to send them to.
    pub(super) fn send(&mut self, octets: &[u8]) {
        if let Self::Open { outbox, .. } = self {
            outbox.octets.extend_from_slice(octets);
        }
    }

    /// Whether more may be put in the way of what waits to be sent.
    pub(super) fn has_room(&self) -> bool {
        match self {
            Self::Open { outbox, .. } => outbox.octets.len() - outbox.sent < BACKLOG,
            Self::None | Self::Opening(_) => true,
        }
    }

    /// The next news; never, without a connection. Nothing is lost if the future is dropped.
    pub(super) async fn news(&mut self, buffer: &mut [u8]) -> News {
        let room = self.has_room();
        match self {
            Self::None => std::future::pending().await,
            Self::Opening(opening) => match opening.await {
                Ok(stream) => {
                    let (reader, writer) = split(stream);
                    *self = Self::Open { reader, writer, outbox: Outbox::default() };
                    News::Opened
                }
                Err(fault) => News::Gone(fault.to_string()),
            },
            Self::Open { reader, writer, outbox } => tokio::select! {
                read = reader.read(buffer), if room => match read {
                    Ok(0) => News::Gone("closed by the server".into()),
                    Ok(len) => News::Read(len),
                    Err(fault) => News::Gone(fault.to_string()),
                },
                sent = outbox.send(writer), if outbox.is_waiting() => match sent {
                    Ok(()) => News::Sent,
                    Err(fault) => News::Gone(fault.to_string()),
                },
            },
        }
    }
}

impl Outbox {
    fn is_waiting(&self) -> bool {
        self.unflushed || self.sent < self.octets.len()
    }

    async fn send(&mut self, writer: &mut WriteHalf<Box<dyn Stream>>) -> io::Result<()> {
        if self.sent < self.octets.len() {
            let len = writer.write(&self.octets[self.sent..]).await?;
            if len == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.sent += len;
            self.unflushed = true;
            if self.sent == self.octets.len() {
                self.octets.clear();
                self.sent = 0;
            }
            return Ok(());
        }
        writer.flush().await?;
        self.unflushed = false;
        Ok(())
    }
}

async fn connect(remote: Box<str>, tls: Option<Tls>) -> io::Result<Box<dyn Stream>> {
    let remote: Remote =
        remote.parse().map_err(|fault| io::Error::new(io::ErrorKind::InvalidInput, fault))?;
    let stream: io::Result<Box<dyn Stream>> = match (&remote, tls) {
        (Remote::Unix(path), _) => UnixStream::connect(path).await.map(|stream| Box::new(stream) as _),
        (Remote::Tcp(host, port), _) => tcp(host, *port).await.map(|stream| Box::new(stream) as _),
        (Remote::Ssl(..), None) => {
            Err(io::Error::new(io::ErrorKind::InvalidInput, "no certificates are given"))
        }
        (Remote::Ssl(host, port), Some(tls)) => {
            let stream = tcp(host, *port).await?;
            tls::wrap(tls, host, stream).await.map(|stream| Box::new(stream) as _)
        }
    };
    stream.map_err(|fault| io::Error::new(fault.kind(), format!("{remote}: {fault}")))
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

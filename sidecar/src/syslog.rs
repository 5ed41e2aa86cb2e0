//! Log lines to the system's log, as a beacon without `--tee` has them (RFC 3164 form, facility daemon).

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// Where the system takes lines.
const LOG: &str = "/dev/log";
/// The facility daemon, times eight.
const DAEMON: u8 = 3 << 3;

/// The system's log; where there is none, lines are dropped.
#[derive(Clone, Debug)]
pub struct Syslog {
    name: &'static str,
    socket: Option<Arc<UnixDatagram>>,
}

impl Syslog {
    /// Under this name.
    #[must_use]
    pub fn open(name: &'static str) -> Self {
        let open = || {
            let socket = UnixDatagram::unbound()?;
            socket.set_nonblocking(true)?; // a log that is stuck holds nothing up
            socket.connect(LOG)?;
            io::Result::Ok(Arc::new(socket))
        };
        Self { name, socket: open().ok() }
    }
}

/// One line.
#[derive(Debug)]
pub struct Line {
    log: Syslog,
    severity: u8,
}

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(socket) = &self.log.socket {
            let mut text = format!("<{}>{}[{}]: ", DAEMON | self.severity, self.log.name, std::process::id())
                .into_bytes();
            text.extend_from_slice(line.trim_ascii_end());
            let _ = socket.send(&text); // full or gone: the line is lost
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Syslog {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { log: self.clone(), severity: 6 }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line {
        let severity = match *metadata.level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            _ => 7,
        };
        Line { log: self.clone(), severity }
    }
}

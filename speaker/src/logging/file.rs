//! The log file: opened when there is something to write, followed when it is moved or deleted, rotated at its size.
//!
//! Everything here may block; it runs on the thread of its queue.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;

use super::queue::{Queue, Written};
use super::settings::FileSettings;

/// Of a new file, unless the settings say otherwise.
const MODE: u32 = 0o640;

/// An open file under its path.
struct Open {
    file: File,
    /// Device and inode: what the path meant when it was opened.
    identity: (u64, u64),
    /// Not of a device or a pipe, which have no size and are nobody's to rename.
    rotates: bool,
    /// Octets in it.
    size: u64,
}

/// A log file; troubles are told on stderr, once until they are over.
pub(super) struct LogFile {
    settings: FileSettings,
    old: PathBuf,
    stderr: Arc<Queue>,
    open: Option<Open>,
    troubled: bool,
    /// It was said that the full file cannot be moved away.
    stuck: bool,
}

impl LogFile {
    pub(super) fn new(settings: FileSettings, stderr: Arc<Queue>) -> Self {
        let mut old = OsString::from(&settings.path);
        old.push(".1");
        Self { settings, old: old.into(), stderr, open: None, troubled: false, stuck: false }
    }

    /// Appends whole lines.
    pub(super) fn write(&mut self, lines: &[u8]) -> Written {
        let mut done = 0;
        let result = self.append(lines, &mut done);
        match &result {
            Ok(()) => self.troubled = false,
            Err(error) => {
                self.open = None;
                if !std::mem::replace(&mut self.troubled, true) {
                    self.tell(&format!("cannot be written, will try again every second: {error}"));
                }
            }
        }
        (done, result)
    }

    fn tell(&self, what: &str) {
        self.stderr.push(format!("speaker: log file {}: {what}\n", self.settings.path.display()).as_bytes());
    }

    fn append(&mut self, lines: &[u8], done: &mut usize) -> io::Result<()> {
        while *done < lines.len() {
            let rest = &lines[*done..];
            let max_size = self.settings.max_size;
            let open = self.current()?;
            let part = match open.rotates && max_size > 0 {
                true => fitting(rest, max_size.saturating_sub(open.size), open.size == 0),
                false => rest,
            };
            if part.is_empty() {
                self.rotate()?;
                continue;
            }
            let written = open.file.write(part)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            open.size += written as u64;
            *done += written;
        }
        Ok(())
    }

    /// The file that the path means now.
    fn current(&mut self) -> io::Result<&mut Open> {
        let found = fs::metadata(&self.settings.path).ok();
        let open = self
            .open
            .take()
            .filter(|open| found.as_ref().is_some_and(|found| (found.dev(), found.ino()) == open.identity));
        let open = match (open, found) {
            (Some(open), Some(found)) => Open { size: found.len(), ..open },
            _ => self.reopen()?,
        };
        Ok(self.open.insert(open))
    }

    fn reopen(&self) -> io::Result<Open> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(self.settings.mode.unwrap_or(MODE));
        let file = options.open(&self.settings.path)?;
        let found = file.metadata()?;
        if let Some(mode) = self.settings.mode.filter(|mode| found.is_file() && found.mode() & 0o777 != *mode)
            && let Err(error) = file.set_permissions(Permissions::from_mode(mode))
        {
            self.tell(&format!("its mode cannot be set to {mode:o}: {error}"));
        }
        let identity = (found.dev(), found.ino());
        Ok(Open { file, identity, rotates: found.is_file(), size: found.len() })
    }

    /// The full file becomes the old one. If it cannot be moved it is emptied: the disk matters more than the log.
    fn rotate(&mut self) -> io::Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        match fs::rename(&self.settings.path, &self.old) {
            Ok(()) => self.stuck = false,
            Err(error) => {
                open.file.set_len(0)?;
                if !std::mem::replace(&mut self.stuck, true) {
                    self.tell(&format!("is full and cannot be renamed, so it is emptied: {error}"));
                }
            }
        }
        Ok(())
    }
}

/// The lines that fit into `room`. `empty`: the file has nothing in it, so one line goes there however long it is.
fn fitting(lines: &[u8], room: u64, empty: bool) -> &[u8] {
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    if lines.len() <= room {
        return lines;
    }
    let end = lines[..room].iter().rposition(|octet| *octet == b'\n').map_or(0, |at| at + 1);
    if end == 0 && empty {
        let line = lines.iter().position(|octet| *octet == b'\n').map_or(lines.len(), |at| at + 1);
        return &lines[..line];
    }
    &lines[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_whole_lines_up_to_its_room() {
        let lines = b"aaa\nbb\ncccc\n";
        for (room, empty, fits) in [
            (12, false, &lines[..]),
            (11, false, b"aaa\nbb\n"),
            (7, false, b"aaa\nbb\n"),
            (6, false, b"aaa\n"),
            (3, false, b""),
            (3, true, b"aaa\n"),
            (0, false, b""),
        ] {
            assert_eq!(fitting(lines, room, empty), fits, "{room}");
        }
    }
}

//! Ports below 1024, for a process that is permitted them without using the permission all the time.
//!
//! A program file whose capability is effective cannot be started at all where the capability was taken away (EPERM,
//! capabilities(7)). One whose capability is only permitted can, everywhere; but whoever starts it has to make use of the
//! permission. That is done here, for as long as one call takes and for the thread that makes it.
#![allow(unsafe_code, reason = "each call stands alone, with the reason why it is sound")]

use std::io;

/// `CAP_NET_BIND_SERVICE` among the first 32 capabilities.
const BIND_SERVICE: u32 = 1 << 10;

/// `_LINUX_CAPABILITY_VERSION_3`: two words of each set.
const VERSION: u32 = 0x2008_0522;

/// `struct __user_cap_header_struct`; thread 0 is the one that calls.
#[repr(C)]
struct Header {
    version: u32,
    thread: i32,
}

/// `struct __user_cap_data_struct`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Word {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// Does what needs a port below 1024, with the permission in use if there is one.
pub(super) fn with_low_ports<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    match call() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let Ok(before) = get() else { return Err(error) };
            let Some(_used) = Used::begin(before) else { return Err(error) };
            call()
        }
        other => other,
    }
}

/// The permission in use, until dropped.
struct Used([Word; 2]);

impl Used {
    /// `None` if it is not permitted, or used already.
    fn begin(before: [Word; 2]) -> Option<Self> {
        let mut with = before;
        if with[0].permitted & BIND_SERVICE == 0 || with[0].effective & BIND_SERVICE != 0 {
            return None;
        }
        with[0].effective |= BIND_SERVICE;
        set(with).ok()?;
        Some(Self(before))
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        let _ = set(self.0); // giving up what is permitted cannot be refused
    }
}

fn get() -> io::Result<[Word; 2]> {
    let mut header = Header { version: VERSION, thread: 0 };
    let mut words = [Word::default(); 2];
    // SAFETY: both structs have the kernel's layout and live on this stack; of this version it writes two words.
    let done = unsafe { libc::syscall(libc::SYS_capget, &raw mut header, words.as_mut_ptr()) };
    if done == 0 { Ok(words) } else { Err(io::Error::last_os_error()) }
}

fn set(words: [Word; 2]) -> io::Result<()> {
    let mut header = Header { version: VERSION, thread: 0 };
    // SAFETY: both structs have the kernel's layout and live on this stack; of this version it reads two words.
    let done = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, words.as_ptr()) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

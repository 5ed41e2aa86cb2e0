//! Ports below 1024, for a process that is permitted them without using the permission all the time.
//!
//! A program file whose capability is effective cannot be started at all where the capability was taken away (EPERM,
//! capabilities(7)). One whose capability is only permitted can, everywhere; but whoever starts it has to make use of the
//! permission. That is done here, for as long as one call takes and for the thread that makes it.

use std::io;

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

/// Does what needs a port below 1024, with the permission in use if there is one.
pub(super) fn with_low_ports<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    match call() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            let Some(_used) = Used::begin() else { return Err(error) };
            call()
        }
        other => other,
    }
}

/// The permission in use, until dropped.
struct Used(CapabilitySets);

impl Used {
    /// `None` if it is not permitted, or used already. No process is named, so this is about the thread that calls.
    fn begin() -> Option<Self> {
        let before = capabilities(None).ok()?;
        let wanted = CapabilitySet::NET_BIND_SERVICE;
        if !before.permitted.contains(wanted) || before.effective.contains(wanted) {
            return None;
        }
        set_capabilities(None, CapabilitySets { effective: before.effective | wanted, ..before }).ok()?;
        Some(Self(before))
    }
}

impl Drop for Used {
    fn drop(&mut self) {
        let _ = set_capabilities(None, self.0); // giving up what is permitted cannot be refused
    }
}

//! Handles of open files: the same numbers in every world.

use crate::effect::{Failure, Handle};
use std::collections::BTreeMap;
use tollgate_abi::host::kinds;

/// The most files that one instance may have open.
const MAX_OPEN: Handle = 256;

/// The lowest free handle, so that handles do not depend on history.
pub(crate) fn free<T>(opened: &BTreeMap<Handle, T>) -> Result<Handle, Failure> {
    let free = (0..MAX_OPEN).find(|handle| !opened.contains_key(handle));
    free.ok_or_else(|| {
        let message = format!("more than {MAX_OPEN} files open at once");
        Failure::new(kinds::FS, "EMFILE", message)
    })
}

/// What is open under this handle.
pub(super) fn find<T>(opened: &BTreeMap<Handle, T>, handle: Handle) -> Result<&T, Failure> {
    let found = opened.get(&handle);
    found.ok_or_else(|| Failure::new(kinds::FS, "EBADF", "no such open file"))
}

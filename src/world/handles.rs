//! Handles of open files: the same numbers in every world.

use crate::effect::{Failure, Handle};
use alloc::collections::BTreeMap;
use tollgate_abi::host::kinds;

/// The lowest free handle, so that handles do not depend on history. How many a guest may have open is
/// limited where it gets its descriptors.
pub(crate) fn free<T>(opened: &BTreeMap<Handle, T>) -> Handle {
    let mut numbered = (0..).zip(opened.keys());
    let gap = numbered.find(|(number, handle)| number != *handle);
    match (gap, opened.last_key_value()) {
        (Some((number, _)), _) => number,
        (None, Some((last, _))) => last.saturating_add(1),
        (None, None) => 0,
    }
}

/// What is open under this handle.
pub(super) fn find<T>(opened: &BTreeMap<Handle, T>, handle: Handle) -> Result<&T, Failure> {
    let found = opened.get(&handle);
    found.ok_or_else(|| Failure::new(kinds::FS, "EBADF", "no such open file"))
}

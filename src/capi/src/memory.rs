//! What C is given to keep: texts and bytes, all of which `tollgate_free` frees.

use crate::error::Failure;
use std::{
    alloc::{Layout, alloc, dealloc},
    ffi::{c_char, c_void},
    ptr,
};
use tollgate::printable;

/// The length of a block stands in so many bytes before it.
const HEADER: usize = 16;

/// A block of so many bytes with its length before it and NUL behind it.
fn layout(length: usize) -> Option<Layout> {
    Layout::from_size_align(length.checked_add(HEADER + 1)?, HEADER).ok()
}

/// A copy of these bytes for C, with NUL behind it.
pub(crate) fn give(bytes: &[u8]) -> Result<*mut u8, Failure> {
    let out_of_memory = || Failure::internal("the host ran out of memory");
    let layout = layout(bytes.len()).ok_or_else(out_of_memory)?;
    // SAFETY: the layout is never of size 0.
    let block = unsafe { alloc(layout) };
    if block.is_null() {
        return Err(out_of_memory());
    }
    // SAFETY: the block has room for the length, the bytes and NUL, and is aligned for the length.
    unsafe {
        block.cast::<usize>().write(bytes.len());
        let start = block.add(HEADER);
        ptr::copy_nonoverlapping(bytes.as_ptr(), start, bytes.len());
        start.add(bytes.len()).write(0);
        Ok(start)
    }
}

/// JSON for C, on one line and safe to print.
pub(crate) fn give_json(json: &str) -> Result<*mut c_char, Failure> {
    Ok(give(printable::json(json).as_bytes())?.cast())
}

/// # Safety
///
/// `memory` is NULL or came from this library for the caller to free, and was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_free(memory: *mut c_void) {
    if memory.is_null() {
        return;
    }
    // SAFETY: it came from `give`, as the caller promises, so its length stands before it.
    unsafe {
        let block = memory.cast::<u8>().sub(HEADER);
        if let Some(layout) = layout(block.cast::<usize>().read()) {
            dealloc(block, layout);
        }
    }
}

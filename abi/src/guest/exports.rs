//! What a module exports, except for the names that [`plugin!`](crate::plugin!) adds, and what
//! those call. Only on wasm32, where there is a host to export to.

// Each use says why it is needed.
#![allow(unsafe_code)]

use super::{Error, ErrorKind, Mailbox, Plugin, blocks::Blocks, decode_config};
use crate::PtrLen;
use core::{cell::RefCell, fmt, panic::Location};

#[cfg(target_feature = "atomics")]
compile_error!("a plugin has one thread; build it without the target feature `atomics`");

struct OneThread<T>(T);

// SAFETY: without `atomics` (refused above) a wasm module has a single thread.
unsafe impl<T> Sync for OneThread<T> {}

static BLOCKS: OneThread<RefCell<Blocks>> = OneThread(RefCell::new(Blocks::new()));

// SAFETY: the contract reserves the name; nothing else in a plugin has it.
#[unsafe(export_name = "tollgate_panic")]
static MAILBOX: Mailbox = Mailbox::new();

/// The version for the custom section.
pub const VERSION_BYTES: [u8; crate::VERSION.len()] = {
    let mut bytes = [0; crate::VERSION.len()];
    bytes.copy_from_slice(crate::VERSION.as_bytes());
    bytes
};

// A borrow can only fail when the host calls an export while the guest reads a buffer. There is
// no way to do that; the result would be "no block".

// SAFETY: the contract reserves the name; nothing else in a plugin has it.
#[unsafe(no_mangle)]
extern "C" fn allocate(size: u32) -> u32 {
    BLOCKS
        .0
        .try_borrow_mut()
        .map_or(0, |mut blocks| blocks.allocate(size as usize) as u32)
}

// SAFETY: as for `allocate`.
#[unsafe(no_mangle)]
extern "C" fn deallocate(ptr: u32, _size: u32) {
    if let Ok(mut blocks) = BLOCKS.0.try_borrow_mut() {
        blocks.release(ptr as usize);
    }
}

/// Gives `read` the bytes of a buffer that the host filled, if there is such a buffer.
pub(super) fn with_buffer<T>(range: PtrLen, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let blocks = BLOCKS.0.try_borrow().ok()?;
    blocks
        .bytes(range.ptr() as usize, range.len() as usize)
        .map(read)
}

/// Frees a buffer that the host filled for us.
pub(super) fn release(range: PtrLen) {
    deallocate(range.ptr(), range.len());
}

/// Writes the message of a panic into the mailbox.
pub fn post_panic(text: &dyn fmt::Display, place: Option<&Location<'_>>) {
    MAILBOX.post(text, place);
}

/// The export `describe`.
pub fn describe<P: Plugin>() -> u64 {
    hand_over(&P::INFO.json())
}

/// The export `schema`.
pub fn schema<P: Plugin>() -> u64 {
    hand_over(P::schema().as_bytes())
}

/// The export `observe`.
pub fn observe<P: Plugin>(ptr: u32, len: u32) -> u64 {
    let config = match PtrLen::new(ptr, len) {
        Ok(PtrLen::NOTHING) => Some(decode_config::<P>(&[])),
        Ok(range) => with_buffer(range, decode_config::<P>),
        Err(_) => None,
    };
    let config = config.unwrap_or_else(|| {
        let message = "the config is not in a buffer from `allocate`";
        Err(Error::new(ErrorKind::Config, message))
    });
    let evidence = config.and_then(P::observe).unwrap_or_else(Into::into);
    hand_over(&evidence.json())
}

/// Copies a result into a buffer that the host reads and frees; 0 if there is no memory.
fn hand_over(bytes: &[u8]) -> u64 {
    let ptr = BLOCKS
        .0
        .try_borrow_mut()
        .map_or(0, |mut blocks| blocks.copy_in(bytes));
    PtrLen::new(ptr as u32, bytes.len() as u32).map_or(0, PtrLen::pack)
}

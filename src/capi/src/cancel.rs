//! `tollgate_cancel`: ends calls from another thread.

use tollgate::Cancel;

/// `tollgate_cancel`.
#[derive(Debug, Default)]
pub struct CancelHandle(Cancel);

/// # Safety
///
/// The handle is NULL or alive.
pub(crate) unsafe fn cancel(handle: *const CancelHandle) -> Option<Cancel> {
    // SAFETY: the caller promises it.
    let handle = unsafe { handle.as_ref() };
    handle.map(|handle| handle.0.clone())
}

/// A handle that is not cancelled.
#[unsafe(no_mangle)]
pub extern "C" fn tollgate_cancel_new() -> *mut CancelHandle {
    Box::into_raw(Box::default())
}

/// # Safety
///
/// The handle is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_cancel_all(handle: *const CancelHandle) {
    // SAFETY: the caller promises it.
    if let Some(cancel) = unsafe { cancel(handle) } {
        cancel.cancel();
    }
}

/// # Safety
///
/// The handle is NULL or alive.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tollgate_cancel_free(handle: *mut CancelHandle) {
    if !handle.is_null() {
        // SAFETY: it came from `tollgate_cancel_new`, as the caller promises.
        drop(unsafe { Box::from_raw(handle) });
    }
}

//! Locking and waiting where a panic of another thread must not spread to this one.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Locks a mutex, also one that is poisoned: no mutex of this crate guards a value that a panic can
/// leave half changed.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a change, at most for `longest`.
pub(crate) fn wait<'a, T>(
    changed: &Condvar,
    guard: MutexGuard<'a, T>,
    longest: Duration,
) -> MutexGuard<'a, T> {
    let waited = changed.wait_timeout(guard, longest);
    waited.unwrap_or_else(PoisonError::into_inner).0
}

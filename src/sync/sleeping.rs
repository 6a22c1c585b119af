//! Locking and waiting where a panic of another thread must not spread to this one.

use core::time::Duration;
use std::sync::PoisonError;
pub(crate) use std::sync::{Condvar, LazyLock, Mutex, MutexGuard, OnceLock};

/// Locks a mutex, also one that is poisoned: no mutex of this crate guards a value that a panic can
/// leave half changed.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the mutex guards.
pub(crate) fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a change.
pub(crate) fn wait<'a, T>(changed: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    let waited = changed.wait(guard);
    waited.unwrap_or_else(PoisonError::into_inner)
}

/// Waits for a change, at most for `longest`.
pub(crate) fn wait_for<'a, T>(
    changed: &Condvar,
    guard: MutexGuard<'a, T>,
    longest: Duration,
) -> MutexGuard<'a, T> {
    let waited = changed.wait_timeout(guard, longest);
    waited.unwrap_or_else(PoisonError::into_inner).0
}

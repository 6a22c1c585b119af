//! Locks, and values that are made once, with and without the standard library. What is locked is only what
//! several threads may use; who waits for what is decided where it is used.

#[cfg(feature = "std")]
mod sleeping;
#[cfg(not(feature = "std"))]
mod spinning;

#[cfg(feature = "std")]
pub(crate) use sleeping::{
    Condvar, LazyLock, Mutex, MutexGuard, OnceLock, into_inner, lock, wait, wait_for,
};
#[cfg(not(feature = "std"))]
pub(crate) use spinning::{LazyLock, Mutex, MutexGuard, OnceLock, into_inner, lock};

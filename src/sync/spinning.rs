//! Locks without an operating system: whoever finds one taken spins. All of them are held for a few instructions,
//! except the one of a module that is being compiled.

pub(crate) use spin::{Lazy as LazyLock, Mutex, MutexGuard};

/// A value that is set once.
#[derive(Debug, Default)]
pub(crate) struct OnceLock<T>(spin::Once<T>);

impl<T> OnceLock<T> {
    pub(crate) const fn new() -> OnceLock<T> {
        OnceLock(spin::Once::new())
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.0.get()
    }

    pub(crate) fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        self.0.call_once(make)
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> OnceLock<T> {
        OnceLock(spin::Once::initialized(value))
    }
}

pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

/// What the mutex guards.
pub(crate) fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner()
}

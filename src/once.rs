//! A value that is made once, by whoever needs it first. What is made, and why it may fail, is the
//! caller's business.

use std::sync::{Mutex, OnceLock, PoisonError};

/// A value made at most once at a time, and never again after success: those who come while it is
/// being made wait for it, and a failure is not kept.
pub(crate) struct Once<T> {
    value: OnceLock<T>,
    making: Mutex<()>,
}

impl<T> Default for Once<T> {
    fn default() -> Once<T> {
        Once {
            value: OnceLock::new(),
            making: Mutex::new(()),
        }
    }
}

impl<T> Once<T> {
    /// The value, if it is there. Never waits for one that is being made.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// The value; `make` is called if it is not there.
    pub(crate) fn get_or_try<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        // A poisoned lock guards nothing that a panic could have left half done.
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        match self.value.get() {
            Some(value) => Ok(value),
            None => {
                let value = make()?;
                Ok(self.value.get_or_init(|| value))
            }
        }
    }
}

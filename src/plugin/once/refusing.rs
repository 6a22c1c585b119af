//! Without threads that have names: whoever needs a value while it is being made may be the one who makes it, and is
//! refused.

use super::NoWait;
use crate::{limits::Interrupt, sync::OnceLock};
use core::sync::atomic::{AtomicBool, Ordering};

/// A value made at most once at a time, and never again after success; a failure is not kept.
pub(crate) struct Once<T> {
    value: OnceLock<T>,
    is_made: AtomicBool,
}

impl<T> Default for Once<T> {
    fn default() -> Once<T> {
        Once {
            value: OnceLock::new(),
            is_made: AtomicBool::new(false),
        }
    }
}

impl<T> Once<T> {
    /// The value, if it is there.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// Whether the value is being made.
    pub(crate) fn is_circle(&self) -> bool {
        self.value.get().is_none() && self.is_made.load(Ordering::Acquire)
    }

    /// A value that is there already.
    pub(crate) fn of(value: T) -> Once<T> {
        Once {
            value: OnceLock::from(value),
            is_made: AtomicBool::new(false),
        }
    }

    /// The value; `make` is called if it is not there. While it is being made, everybody else gets the error of
    /// `refuse`.
    pub(crate) fn get_or_try<E>(
        &self,
        _: &Interrupt,
        make: impl FnOnce() -> Result<T, E>,
        refuse: impl FnOnce(NoWait) -> E,
    ) -> Result<&T, E> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        if self.is_made.swap(true, Ordering::AcqRel) {
            return Err(refuse(NoWait::Circle));
        }
        let _made = Made(&self.is_made);
        let value = make()?;
        Ok(self.value.get_or_init(|| value))
    }
}

/// Ends the making of a value when it is dropped.
struct Made<'a>(&'a AtomicBool);

impl Drop for Made<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

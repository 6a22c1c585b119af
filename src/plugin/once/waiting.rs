//! Threads wait for the one that makes a value.
//!
//! Making a value may run code of the embedder's that needs that value: on the same thread, on one
//! that works for it, or in a cycle with values that other threads make. A thread that would then
//! wait forever gets an error instead. One case is not seen: a thread that a callback starts and
//! joins itself. Only its interrupt ends its wait. All values share one lock for which thread makes
//! what, which is held for a few instructions only.

use super::NoWait;
use crate::{
    limits::Interrupt,
    sync::{Condvar, LazyLock, Mutex, OnceLock, lock, wait_for},
};
use core::{cell::RefCell, time::Duration};
use std::{
    collections::{HashMap, hash_map::Entry},
    thread::{self, ThreadId},
};

/// A value made at most once at a time, and never again after success: those who come while it is
/// being made wait for it, and a failure is not kept.
pub(crate) struct Once<T> {
    value: OnceLock<T>,
}

impl<T> Default for Once<T> {
    fn default() -> Once<T> {
        Once {
            value: OnceLock::new(),
        }
    }
}

/// Names a value that is being made by its address: it does not move meanwhile.
type Place = usize;

/// Who makes what, and who waits for what.
#[derive(Default)]
struct Making {
    makers: HashMap<Place, ThreadId>,
    waiting: HashMap<ThreadId, Place>,
}

static MAKING: LazyLock<Mutex<Making>> = LazyLock::new(Mutex::default);

/// Something was made, or could not be.
static CHANGED: Condvar = Condvar::new();

thread_local! {
    /// The threads that wait for this one to end.
    static CALLERS: RefCell<Vec<ThreadId>> = const { RefCell::new(Vec::new()) };
}

/// This thread, and those that wait for it to end.
pub(crate) fn callers() -> Vec<ThreadId> {
    let mut callers = CALLERS.with_borrow(Clone::clone);
    callers.push(thread::current().id());
    callers
}

/// Sets which threads wait for this one to end: it must not wait for what these are making.
pub(crate) fn work_for(callers: Vec<ThreadId>) {
    CALLERS.set(callers);
}

impl<T> Once<T> {
    /// The value, if it is there. Never waits for one that is being made.
    pub(crate) fn get(&self) -> Option<&T> {
        self.value.get()
    }

    /// Whether waiting for the value would never end.
    pub(crate) fn is_circle(&self) -> bool {
        self.value.get().is_none() && lock(&MAKING).leads_to(self.place(), &callers())
    }

    fn place(&self) -> Place {
        core::ptr::from_ref(self).addr()
    }

    /// A value that is there already.
    pub(crate) fn of(value: T) -> Once<T> {
        Once {
            value: OnceLock::from(value),
        }
    }

    /// The value; `make` is called if it is not there. A thread that cannot wait for another one
    /// that makes it gets the error of `refuse`.
    pub(crate) fn get_or_try<E>(
        &self,
        interrupt: &Interrupt,
        make: impl FnOnce() -> Result<T, E>,
        refuse: impl FnOnce(NoWait) -> E,
    ) -> Result<&T, E> {
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        let place = self.place();
        let me = thread::current().id();
        let mut guard = lock(&MAKING);
        loop {
            if let Some(value) = self.value.get() {
                return Ok(value);
            }
            let making = &mut *guard;
            if let Entry::Vacant(free) = making.makers.entry(place) {
                free.insert(me);
                break;
            }
            if making.leads_to(place, &callers()) {
                return Err(refuse(NoWait::Circle));
            }
            if let Err(why) = interrupt.check() {
                return Err(refuse(NoWait::Interrupted(why)));
            }
            making.waiting.insert(me, place);
            let longest = interrupt.remaining().unwrap_or(Duration::MAX);
            guard = wait_for(&CHANGED, guard, interrupt.slice(longest));
            guard.waiting.remove(&me);
        }
        drop(guard);
        let made = Made(place);
        let value = make()?;
        let value = self.value.get_or_init(|| value);
        drop(made);
        Ok(value)
    }
}

impl Making {
    /// Whether what is at `place` is made by one of these threads, or by one that waits for them.
    fn leads_to(&self, mut place: Place, threads: &[ThreadId]) -> bool {
        while let Some(maker) = self.makers.get(&place) {
            if threads.contains(maker) {
                return true;
            }
            match self.waiting.get(maker) {
                Some(next) => place = *next,
                None => return false,
            }
        }
        false
    }
}

/// Ends the making of a value when it is dropped, also in a panic.
struct Made(Place);

impl Drop for Made {
    fn drop(&mut self) {
        lock(&MAKING).makers.remove(&self.0);
        CHANGED.notify_all();
    }
}

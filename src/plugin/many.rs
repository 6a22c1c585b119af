//! Many calls of one plugin, over the machine's cores: each thread calls an instance of its own and
//! resets it in between, and results are reported in the order of the calls.

use super::{Observation, Plugin, call::Call, once};
use crate::{
    error::Error,
    guest,
    sync::{Condvar, Mutex, MutexGuard, lock, wait},
};
use alloc::collections::BTreeMap;
use core::{num::NonZero, ops::ControlFlow};
use std::thread;

/// So many calls for each thread may be taken before the first of them is reported: one that takes
/// long must not make the results of the others pile up.
const AHEAD: usize = 16;

type Outcome = Result<Observation, Error>;

/// What the threads share.
struct Batch<I> {
    /// Locked while the next call is made, which may take as long as the embedder likes; `None`
    /// behind the last.
    calls: Mutex<Option<I>>,
    state: Mutex<State>,
    changed: Condvar,
    /// How many calls may be taken before the next result is reported.
    window: usize,
}

struct State {
    /// How many calls were taken.
    taken: usize,
    /// How many results were reported.
    reported: usize,
    /// Whether there are no more calls, or no more results are wanted.
    ended: bool,
    /// How many threads are at work.
    working: usize,
    results: BTreeMap<usize, Outcome>,
}

impl Plugin {
    /// Runs the plugin for each of these calls (or configs) on so many threads, by default as many
    /// as the machine has cores. `report` gets the index of each call and its outcome, on this
    /// thread and in the order of the calls. If it breaks, no more calls begin, and those that run
    /// are waited for and not reported.
    ///
    /// Threads end before this returns. At most 17 calls and outcomes for each thread are held at
    /// once, however many calls there are.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    ///
    /// # let bytes = include_bytes!("../../fixtures/file/file.wasm");
    /// let file = tollgate::Runtime::new()?.load("file", bytes)?;
    /// let configs = (0..100).map(|n| tollgate::Config::new().set("path", format!("/{n}")));
    /// let mut denied = 0;
    /// file.observe_many(configs, None, |index, outcome| {
    ///     denied += usize::from(!outcome.unwrap().evidence.status);
    ///     if index < 49 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    /// });
    /// assert_eq!(denied, 50);
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    pub fn observe_many<I>(
        &self,
        calls: I,
        threads: impl Into<Option<NonZero<usize>>>,
        mut report: impl FnMut(usize, Result<Observation, Error>) -> ControlFlow<()>,
    ) where
        I: IntoIterator<Item: Into<Call<'static>>, IntoIter: Send>,
    {
        let cores = || thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let threads = threads.into().unwrap_or_else(cores).get();
        let batch = Batch {
            calls: Mutex::new(Some(calls.into_iter())),
            state: Mutex::new(State {
                taken: 0,
                reported: 0,
                ended: false,
                working: threads,
                results: BTreeMap::new(),
            }),
            changed: Condvar::new(),
            window: threads.saturating_mul(AHEAD),
        };
        let callers = once::callers();
        thread::scope(|scope| {
            // Also if `report` or a thread panics: no thread must wait for it then.
            let _end = End(|| batch.lock().ended = true, &batch.changed);
            for _ in 0..threads {
                let callers = callers.clone();
                let batch = &batch;
                scope.spawn(move || {
                    let _end = End(|| batch.lock().working -= 1, &batch.changed);
                    once::work_for(callers);
                    batch.work(self);
                });
            }
            while let Some((index, outcome)) = batch.next() {
                if report(index, outcome).is_break() {
                    break;
                }
            }
        });
    }

    /// Runs a call in an instance that is kept for the next one.
    fn observe_on(&self, own: &mut Option<Box<guest::Instance>>, call: Call<'_>) -> Outcome {
        // What an instance did in earlier calls is not noted, so one that is kept gets no backtraces.
        if self.parts().settings.backtraces {
            return self.call(call);
        }
        let make = || {
            let ready = self.prepare(call)?;
            let instance = match own {
                Some(instance) => {
                    self.renew(instance, None, &ready.allowance)?;
                    instance
                }
                None => own.insert(self.start(&ready.allowance)?),
            };
            self.answer(instance, &ready)
        };
        self.traced(make, Result::as_ref)
    }
}

impl<I: Iterator<Item: Into<Call<'static>>>> Batch<I> {
    /// Runs calls as long as there are some.
    fn work(&self, plugin: &Plugin) {
        let mut own = None;
        while let Some((index, call)) = self.take() {
            let outcome = plugin.observe_on(&mut own, call.into());
            self.lock().results.insert(index, outcome);
            self.changed.notify_all();
        }
    }

    /// The next call and its index, when there is room for its result.
    fn take(&self) -> Option<(usize, I::Item)> {
        let mut calls = lock(&self.calls);
        let mut state = self.lock();
        while !state.ended && state.taken - state.reported >= self.window {
            state = wait(&self.changed, state);
        }
        if state.ended {
            return None;
        }
        // The iterator may wait for results to be reported, which takes this lock.
        drop(state);
        let call = calls.as_mut().and_then(Iterator::next);
        let mut state = self.lock();
        let Some(call) = call else {
            *calls = None;
            state.ended = true;
            self.changed.notify_all();
            return None;
        };
        let index = state.taken;
        state.taken += 1;
        Some((index, call))
    }

    /// The next result in the order of the calls, when it is there.
    fn next(&self) -> Option<(usize, Outcome)> {
        let mut state = self.lock();
        loop {
            let next = state.reported;
            if let Some(outcome) = state.results.remove(&next) {
                state.reported += 1;
                self.changed.notify_all();
                return Some((next, outcome));
            }
            if state.working == 0 || (state.ended && state.reported == state.taken) {
                return None;
            }
            state = wait(&self.changed, state);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Records that a thread has ended, for whatever reason, and wakes the others.
struct End<'a, F: FnMut()>(F, &'a Condvar);

impl<F: FnMut()> Drop for End<'_, F> {
    fn drop(&mut self) {
        (self.0)();
        self.1.notify_all();
    }
}

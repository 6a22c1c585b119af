//! Many configs for one plugin, over the machine's cores: each thread calls an instance of its own
//! and resets it in between, and what they saw comes out in the order of the configs.

use super::Runtime;
use crate::{
    error::Error,
    plugin::Config,
    plugin::{Observation, Plugin},
    sync::{self, lock},
};
use std::{
    collections::BTreeMap,
    num::NonZero,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

/// So many configs for each thread may be taken before the first of them is told: one that takes
/// long must not make the results of the others pile up.
const AHEAD: usize = 16;

type Seen = Result<Observation, Error>;

/// What the threads share.
struct Batch<I> {
    /// Locked while the next config is made, which may take as long as the embedder likes; `None`
    /// behind the last.
    configs: Mutex<Option<I>>,
    state: Mutex<State>,
    changed: Condvar,
    /// How many configs may be taken before the next result is told.
    window: usize,
}

struct State {
    /// How many configs were taken.
    taken: usize,
    /// How many results were told.
    told: usize,
    /// Whether there are no more configs, or nobody wants to be told.
    ended: bool,
    /// How many threads are observing.
    working: usize,
    results: BTreeMap<usize, Seen>,
}

impl Runtime {
    /// Has a plugin observe with each config, over the machine's cores, and calls `tell` with what
    /// came of them, from this thread and in the order of the configs. Threads live as long as
    /// this call; not more than a few dozen configs and results for each of them are held at once,
    /// however many there are.
    ///
    /// ```
    /// # let bytes = include_bytes!("../../fixtures/file.wasm");
    /// let runtime = tollgate::Runtime::new()?;
    /// let file = runtime.load("file", bytes)?;
    /// let configs = (0..100).map(|n| tollgate::Config::new().set("path", format!("/{n}")));
    /// let mut denied = 0;
    /// runtime.observe_many(&file, configs, |seen| denied += usize::from(!seen.unwrap().evidence.status));
    /// assert_eq!(denied, 100);
    /// # Ok::<(), tollgate::Error>(())
    /// ```
    pub fn observe_many<I>(
        &self,
        plugin: &Plugin,
        configs: I,
        mut tell: impl FnMut(Result<Observation, Error>),
    ) where
        I: IntoIterator<Item = Config>,
        I::IntoIter: Send,
    {
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let batch = Batch {
            configs: Mutex::new(Some(configs.into_iter())),
            state: Mutex::new(State {
                taken: 0,
                told: 0,
                ended: false,
                working: threads,
                results: BTreeMap::new(),
            }),
            changed: Condvar::new(),
            window: threads * AHEAD,
        };
        let callers = sync::callers();
        thread::scope(|scope| {
            // Also if `tell` or a thread panics: nobody must wait for it then.
            let _end = End(|| batch.lock().ended = true, &batch.changed);
            for _ in 0..threads {
                let callers = callers.clone();
                let batch = &batch;
                scope.spawn(move || {
                    let _end = End(|| batch.lock().working -= 1, &batch.changed);
                    sync::work_for(callers);
                    batch.work(plugin);
                });
            }
            while let Some(seen) = batch.next() {
                tell(seen);
            }
        });
    }
}

impl<I: Iterator<Item = Config>> Batch<I> {
    /// Observes as long as there are configs.
    fn work(&self, plugin: &Plugin) {
        let mut own = None;
        while let Some((number, config)) = self.take() {
            let instance = match own.take() {
                Some(instance) => Ok(instance),
                None => plugin.fork(),
            };
            let seen = instance.and_then(|mut instance| {
                let seen = instance.observe(&config);
                // One that cannot be reset is replaced by the next config's.
                if instance.reset().is_ok() {
                    own = Some(instance);
                }
                seen
            });
            self.lock().results.insert(number, seen);
            self.changed.notify_all();
        }
    }

    /// The next config and its number, when there is room for its result.
    fn take(&self) -> Option<(usize, Config)> {
        let mut configs = lock(&self.configs);
        let mut state = self.lock();
        while !state.ended && state.taken - state.told >= self.window {
            state = self.wait(state);
        }
        if state.ended {
            return None;
        }
        // The iterator may wait for results to be reported, which takes this lock.
        drop(state);
        let config = configs.as_mut().and_then(Iterator::next);
        let mut state = self.lock();
        let Some(config) = config else {
            *configs = None;
            state.ended = true;
            self.changed.notify_all();
            return None;
        };
        let number = state.taken;
        state.taken += 1;
        Some((number, config))
    }

    /// The next result in the order of the configs, when it is there.
    fn next(&self) -> Option<Seen> {
        let mut state = self.lock();
        loop {
            let next = state.told;
            if let Some(seen) = state.results.remove(&next) {
                state.told += 1;
                self.changed.notify_all();
                return Some(seen);
            }
            if state.working == 0 || (state.ended && state.told == state.taken) {
                return None;
            }
            state = self.wait(state);
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let waited = self.changed.wait(state);
        waited.unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Notes that somebody has ended, however that came, and tells the others.
struct End<'a, F: FnMut()>(F, &'a Condvar);

impl<F: FnMut()> Drop for End<'_, F> {
    fn drop(&mut self) {
        (self.0)();
        self.1.notify_all();
    }
}

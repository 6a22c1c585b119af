//! One compilation for each content: names, runtimes and threads that load the same bytes share
//! the module. A module that is no longer used is dropped.

use super::Compiled;
use crate::{
    content_hash::Keys,
    error::LoadError,
    limits::{Limits, StackLimit},
    sync::{LazyLock, Mutex, lock},
};
use alloc::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Arc, Weak},
};
use core::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Compiled modules by content, kept as long as some runtime uses them.
///
/// Runtimes share one cache per process unless they are given another, so that a module loaded
/// in many of them is compiled once. Cloning gives another handle to the same cache.
#[derive(Clone, Default)]
pub struct ModuleCache {
    inner: Arc<Inner>,
}

struct Inner {
    keys: Keys,
    /// Who finds two contents with one hash gains nothing but compiling them twice: entries that are found are
    /// compared byte for byte.
    entries: Mutex<BTreeMap<Key, Arc<Entry>>>,
    compilations: AtomicUsize,
}

impl Default for Inner {
    fn default() -> Inner {
        Inner {
            keys: Keys::random(),
            entries: Mutex::default(),
            compilations: AtomicUsize::new(0),
        }
    }
}

/// The hash of the content, and the frames and bytes of the stack limit that it is compiled for.
type Key = (u64, [u32; 2]);

fn key(hash: u64, stack: StackLimit) -> Key {
    (hash, [stack.frames, stack.bytes])
}

#[derive(Default)]
struct Entry {
    /// Locked while the module is being compiled: whoever needs the same module waits, others do not.
    compiling: Mutex<()>,
    /// Locked only briefly.
    module: Mutex<Weak<Compiled>>,
}

impl Entry {
    fn module(&self) -> Option<Arc<Compiled>> {
        lock(&self.module).upgrade()
    }

    fn is_in_use(&self) -> bool {
        lock(&self.module).strong_count() > 0
    }
}

static SHARED: LazyLock<ModuleCache> = LazyLock::new(ModuleCache::new);

impl ModuleCache {
    /// Creates an empty cache, separate from the shared one.
    pub fn new() -> ModuleCache {
        ModuleCache::default()
    }

    /// Returns the cache that runtimes of this process share by default.
    pub fn shared() -> ModuleCache {
        SHARED.clone()
    }

    /// Returns how many modules are compiled and in use. Never waits for a compilation.
    pub fn len(&self) -> usize {
        lock(&self.inner.entries)
            .values()
            .filter(|entry| entry.is_in_use())
            .count()
    }

    /// Returns how many modules this cache has compiled.
    pub fn compilations(&self) -> u64 {
        self.inner.compilations.load(Ordering::Relaxed) as u64
    }

    /// Returns whether no module is compiled and in use.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn compile(
        &self,
        bytes: Cow<'_, [u8]>,
        limits: &Limits,
    ) -> Result<Arc<Compiled>, LoadError> {
        let key = key(self.inner.keys.hash(&bytes), limits.stack);
        let entry = lock(&self.inner.entries).entry(key).or_default().clone();
        let compiling = lock(&entry.compiling);
        if let Some(compiled) = entry.module().filter(|compiled| compiled.is(&bytes)) {
            // It may have been compiled under larger limits.
            compiled.check(limits)?;
            return Ok(compiled);
        }
        self.inner.compilations.fetch_add(1, Ordering::Relaxed);
        let outcome = Compiled::new(bytes, limits).map(Arc::new);
        if let Ok(compiled) = &outcome {
            *lock(&entry.module) = Arc::downgrade(compiled);
        }
        drop(compiling);
        drop(entry);
        self.forget_unused();
        outcome
    }

    /// Drops the entries that are empty and that no thread is compiling.
    pub(crate) fn forget_unused(&self) {
        lock(&self.inner.entries)
            .retain(|_, entry| Arc::strong_count(entry) > 1 || entry.is_in_use());
    }
}

impl fmt::Debug for ModuleCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleCache").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_does_not_wait_for_a_module_that_is_being_compiled() {
        let cache = ModuleCache::new();
        let entry = Arc::new(Entry::default());
        let limits = Limits::default();
        let mut entries = lock(&cache.inner.entries);
        entries.insert(key(0, limits.stack), entry.clone());
        drop(entries);
        let _compiling = lock(&entry.compiling);
        assert!(cache.is_empty());
        let bytes = wat::parse_str("(module)").unwrap();
        let _compiled = cache.compile(bytes.into(), &limits).unwrap();
        assert_eq!(cache.len(), 1);
    }
}

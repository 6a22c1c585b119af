//! One compilation for each content: names, runtimes and threads that load the same bytes share
//! the module. What nobody uses any more is dropped.

use super::Compiled;
use crate::{
    error::LoadError,
    limits::{Limits, StackLimit},
    sync::lock,
};
use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::RandomState},
    fmt,
    hash::BuildHasher,
    sync::{
        Arc, LazyLock, Mutex, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

/// Compiled modules by content, kept as long as some runtime uses them.
///
/// Runtimes share one cache per process unless they are given another, so that a module loaded
/// in many of them is compiled once. Cloning gives another handle to the same cache.
#[derive(Clone, Default)]
pub struct ModuleCache {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    hasher: RandomState,
    /// By the hash of the content: found entries are compared, since a hash is no proof. The only
    /// place where iteration order would not matter and lookup speed does.
    entries: Mutex<HashMap<(u64, StackLimit), Arc<Entry>>>,
    compilations: AtomicU64,
}

#[derive(Default)]
struct Entry {
    /// Locked while the module is being compiled, so that others who want the same one wait for it
    /// while everybody else goes on.
    compiling: Mutex<()>,
    /// Never locked for long.
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
    /// An empty cache of its own, for isolation.
    pub fn new() -> ModuleCache {
        ModuleCache::default()
    }

    /// The cache that runtimes of this process share by default.
    pub fn shared() -> ModuleCache {
        SHARED.clone()
    }

    /// How many modules are compiled and in use. Never waits for one that is being compiled.
    pub fn len(&self) -> usize {
        lock(&self.inner.entries)
            .values()
            .filter(|entry| entry.is_in_use())
            .count()
    }

    /// How many compilations this cache could not save.
    pub fn compilations(&self) -> u64 {
        self.inner.compilations.load(Ordering::Relaxed)
    }

    /// Whether no module is compiled and in use.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn compile(
        &self,
        bytes: Cow<'_, [u8]>,
        limits: &Limits,
    ) -> Result<Arc<Compiled>, LoadError> {
        let hash = self.inner.hasher.hash_one(&bytes);
        let entry = lock(&self.inner.entries)
            .entry((hash, limits.stack))
            .or_default()
            .clone();
        let compiling = lock(&entry.compiling);
        if let Some(compiled) = entry.module().filter(|compiled| compiled.is(&bytes)) {
            // Whoever had it compiled may have allowed more.
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

    /// Drops the entries that hold nothing and that no thread is working on.
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
        entries.insert((0, limits.stack), entry.clone());
        drop(entries);
        let _compiling = lock(&entry.compiling);
        assert!(cache.is_empty());
        let bytes = wat::parse_str("(module)").unwrap();
        let _compiled = cache.compile(bytes.into(), &limits).unwrap();
        assert_eq!(cache.len(), 1);
    }
}

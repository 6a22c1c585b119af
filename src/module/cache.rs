//! One compilation for each content: names, runtimes and threads that load the same bytes share
//! the module. A module that is no longer used is dropped.

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
    /// By the hash of the content. Entries that are found are compared byte for byte. A hash map, since
    /// its order is never visible.
    entries: Mutex<HashMap<(u64, StackLimit), Arc<Entry>>>,
    compilations: AtomicU64,
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
        self.inner.compilations.load(Ordering::Relaxed)
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
        let hash = self.hash(&bytes);
        let entry = lock(&self.inner.entries)
            .entry((hash, limits.stack))
            .or_default()
            .clone();
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

    /// Hashes bytes under a random key, 16 at a time: the standard library's hash takes 1 % of loading a Go
    /// program more. Who finds two contents with one hash gains nothing but compiling them twice.
    fn hash(&self, bytes: &[u8]) -> u64 {
        let hasher = &self.inner.hasher;
        let (mut state, key) = (hasher.hash_one(bytes.len()), hasher.hash_one(0u8));
        let (pairs, rest) = bytes.as_chunks::<16>();
        for pair in pairs {
            let pair = u128::from_le_bytes(*pair);
            let (low, high) = halves(pair);
            let (low, high) = halves(u128::from(low ^ state) * u128::from(high ^ key));
            state = low ^ high;
        }
        hasher.hash_one((state, rest))
    }

    /// Drops the entries that are empty and that no thread is compiling.
    pub(crate) fn forget_unused(&self) {
        lock(&self.inner.entries)
            .retain(|_, entry| Arc::strong_count(entry) > 1 || entry.is_in_use());
    }
}

/// The lower and the upper half of a number.
#[expect(clippy::cast_possible_truncation, reason = "the halves are wanted")]
fn halves(number: u128) -> (u64, u64) {
    (number as u64, (number >> 64) as u64)
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
    fn any_byte_and_the_length_change_the_hash() {
        let cache = ModuleCache::new();
        let bytes = [0u8; 100];
        let hash = cache.hash(&bytes);
        assert_eq!(cache.hash(&bytes), hash);
        for at in 0..bytes.len() {
            let mut other = bytes;
            other[at] = 1;
            assert_ne!(cache.hash(&other), hash, "{at}");
            assert_ne!(cache.hash(&bytes[..at]), hash, "{at}");
        }
    }

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

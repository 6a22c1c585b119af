//! Idle instances of all plugins of a runtime, for later calls. Their number is bounded for each
//! plugin and for all together; when there are too many, one of the plugin that has most is dropped.

use crate::sync::{Mutex, MutexGuard, lock};
use alloc::{collections::BTreeMap, vec::Vec};

/// How many plugins can keep their full number of idle instances, before they displace one another.
const PLUGINS_AT_ONCE: usize = 16;

/// A plugin among those of its runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner(u64);

/// What is idle, by the plugin that it belongs to.
pub(crate) struct IdlePool<T> {
    /// The most for one plugin.
    own: usize,
    state: Mutex<State<T>>,
}

struct State<T> {
    /// The number of the next owner.
    next: u64,
    by_owner: BTreeMap<Owner, Vec<T>>,
    /// How many there are in all, which every call needs however many plugins there are.
    all: usize,
}

impl<T> IdlePool<T> {
    pub(crate) fn new(own: usize) -> IdlePool<T> {
        IdlePool {
            own,
            state: Mutex::new(State {
                next: 0,
                by_owner: BTreeMap::new(),
                all: 0,
            }),
        }
    }

    /// Another plugin.
    pub(crate) fn owner(&self) -> Owner {
        let mut state = self.lock();
        state.next += 1;
        Owner(state.next)
    }

    /// Whether one more of this plugin would be kept.
    pub(crate) fn has_room(&self, owner: Owner) -> bool {
        let kept = self.lock();
        kept.by_owner.get(&owner).map_or(0, Vec::len) < self.own
    }

    /// Keeps one more of this plugin, if it may have one more.
    pub(crate) fn put(&self, owner: Owner, idle: T) {
        // What is dropped here is large, so it is dropped without the lock.
        let _dropped = self.replace(owner, idle);
    }

    fn replace(&self, owner: Owner, idle: T) -> Option<T> {
        let mut kept = self.lock();
        let own = kept.by_owner.entry(owner).or_default();
        if own.len() >= self.own {
            return Some(idle);
        }
        own.push(idle);
        kept.all += 1;
        if kept.all <= self.own.saturating_mul(PLUGINS_AT_ONCE) {
            return None;
        }
        // Plugins that have none are passed over once, and not at every call.
        kept.by_owner.retain(|_, own| !own.is_empty());
        let most = kept.by_owner.values_mut().max_by_key(|own| own.len());
        let dropped = most.and_then(Vec::pop);
        kept.all -= usize::from(dropped.is_some());
        dropped
    }

    /// One of this plugin's.
    pub(crate) fn take(&self, owner: Owner) -> Option<T> {
        let mut kept = self.lock();
        let taken = kept.by_owner.get_mut(&owner)?.pop();
        kept.all -= usize::from(taken.is_some());
        taken
    }

    /// Drops what is kept of a plugin.
    pub(crate) fn forget(&self, owner: Owner) {
        let mut kept = self.lock();
        let dropped = kept.by_owner.remove(&owner);
        kept.all -= dropped.as_ref().map_or(0, Vec::len);
        // What is dropped is large, so it is dropped without the lock.
        drop(kept);
        drop(dropped);
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(idle: &IdlePool<u32>) -> usize {
        let kept = idle.lock();
        let all = kept.by_owner.values().map(Vec::len).sum();
        assert_eq!(kept.all, all);
        all
    }

    #[test]
    fn each_plugin_keeps_what_it_may_and_all_together_too() {
        let idle = IdlePool::new(4);
        let owners: Vec<Owner> = (0..100).map(|_| idle.owner()).collect();
        for owner in &owners {
            for item in 0..10 {
                idle.put(*owner, item);
            }
            assert!(idle.lock().by_owner[owner].len() <= 4);
            assert!(count(&idle) <= 64);
        }
        assert_eq!(count(&idle), 64);
        // The plugin that has most of them loses one.
        let lengths: Vec<usize> = idle.lock().by_owner.values().map(Vec::len).collect();
        assert!(lengths.iter().all(|length| *length <= 2), "{lengths:?}");
        for owner in &owners {
            idle.forget(*owner);
        }
        assert_eq!(count(&idle), 0);
    }

    #[test]
    fn a_plugin_gets_its_own_back_and_none_of_the_others() {
        let idle = IdlePool::new(1);
        let [one, other] = [idle.owner(), idle.owner()];
        assert!(idle.has_room(one));
        idle.put(one, 7);
        assert!(!idle.has_room(one) && idle.has_room(other));
        idle.put(one, 8);
        assert_eq!(idle.take(other), None);
        assert_eq!(idle.take(one), Some(7));
        assert_eq!(idle.take(one), None);
        let none = IdlePool::new(0);
        let owner = none.owner();
        none.put(owner, 1);
        assert_eq!(none.take(owner), None);
    }
}

//! What the plugins of this process share and one of them must not use up: unanswered look-ups,
//! commands that do not end, descriptors. Each plugin has a bound of its own, well below that of
//! all, and what is left to it at least when the others have taken all the rest.

use crate::sync::lock;
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// A number of something.
pub(super) struct Shares {
    most: Most,
    taken: Mutex<Vec<Taken>>,
    given_back: Condvar,
}

/// How many there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    /// For one plugin.
    pub(super) own: usize,
    /// For all together, if each has at least `least`.
    pub(super) all: usize,
    /// For each plugin, whatever the others have.
    pub(super) least: usize,
}

struct Taken {
    owner: Arc<str>,
    count: usize,
}

/// One of them, given back when it is dropped.
pub(super) struct Share {
    of: &'static Shares,
    owner: Arc<str>,
}

impl Shares {
    pub(super) const fn new(most: Most) -> Shares {
        Shares {
            most,
            taken: Mutex::new(Vec::new()),
            given_back: Condvar::new(),
        }
    }

    /// The most that one plugin may have, for messages.
    pub(super) fn own(&self) -> usize {
        self.most.own
    }

    /// One for this plugin, if it may have one more now.
    pub(super) fn take(&'static self, owner: &Arc<str>) -> Option<Share> {
        self.take_by(owner, None)
    }

    /// One for this plugin, which may have to wait for it until this moment.
    pub(super) fn take_by(
        &'static self,
        owner: &Arc<str>,
        until: Option<Instant>,
    ) -> Option<Share> {
        let mut taken = self.lock();
        while !self.has_room(&taken, owner) {
            let left = until?.checked_duration_since(Instant::now())?;
            let waited = self.given_back.wait_timeout(taken, left);
            taken = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Some(self.add(taken, owner))
    }

    /// Whether this plugin may have one more now.
    #[cfg(any(test, all(unix, feature = "exec")))]
    pub(super) fn admits(&self, owner: &Arc<str>) -> bool {
        self.has_room(&self.lock(), owner)
    }

    /// One for this plugin that it has already, whether or not it may.
    #[cfg(any(test, all(unix, feature = "exec")))]
    pub(super) fn note(&'static self, owner: &Arc<str>) -> Share {
        self.add(self.lock(), owner)
    }

    fn has_room(&self, taken: &[Taken], owner: &Arc<str>) -> bool {
        let own = taken.iter().find(|taken| Arc::ptr_eq(&taken.owner, owner));
        let own = own.map_or(0, |taken| taken.count);
        let all: usize = taken.iter().map(|taken| taken.count).sum();
        own < self.most.own && (own < self.most.least || all < self.most.all)
    }

    fn add(&'static self, mut taken: MutexGuard<'_, Vec<Taken>>, owner: &Arc<str>) -> Share {
        let own = taken
            .iter_mut()
            .find(|taken| Arc::ptr_eq(&taken.owner, owner));
        match own {
            Some(own) => own.count += 1,
            None => taken.push(Taken {
                owner: owner.clone(),
                count: 1,
            }),
        }
        Share {
            of: self,
            owner: owner.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Taken>> {
        lock(&self.taken)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.of.lock();
        for taken in taken.iter_mut() {
            if Arc::ptr_eq(&taken.owner, &self.owner) {
                taken.count = taken.count.saturating_sub(1);
            }
        }
        taken.retain(|taken| taken.count > 0);
        drop(taken);
        self.of.given_back.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{sync::mpsc, thread, time::Duration};

    fn shares(own: usize, all: usize, least: usize) -> &'static Shares {
        Box::leak(Box::new(Shares::new(Most { own, all, least })))
    }

    fn plugins() -> [Arc<str>; 3] {
        // Of one name, in three runtimes: still not the same.
        ["plugin", "plugin", "plugin"].map(Arc::from)
    }

    fn take_all(shares: &'static Shares, owner: &Arc<str>) -> Vec<Share> {
        std::iter::from_fn(|| shares.take(owner)).collect()
    }

    #[test]
    fn one_plugin_never_uses_up_what_the_others_have() {
        let shares = shares(4, 6, 1);
        let [greedy, second, third] = plugins();
        let held = take_all(shares, &greedy);
        assert_eq!(held.len(), 4);
        let also = take_all(shares, &second);
        assert_eq!(also.len(), 2);
        // All are taken, and still a plugin that has none gets one.
        let last = take_all(shares, &third);
        assert_eq!(last.len(), 1);
        drop(held);
        assert_eq!(take_all(shares, &third).len(), 3);
        drop((also, last));
        assert!(shares.lock().is_empty());
    }

    #[test]
    fn what_is_there_already_is_counted_too() {
        let shares = shares(1, 6, 1);
        let [one, other, _] = plugins();
        assert!(shares.admits(&one));
        let (first, second) = (shares.note(&one), shares.note(&one));
        assert!(!shares.admits(&one) && shares.admits(&other));
        drop(first);
        assert!(!shares.admits(&one));
        drop(second);
        assert!(shares.admits(&one));
    }

    #[test]
    fn who_has_to_wait_gets_what_is_given_back_and_only_its_own() {
        let shares = shares(1, 6, 1);
        let [one, other, _] = plugins();
        let held = shares.take(&one).unwrap();
        assert!(shares.take_by(&one, Some(Instant::now())).is_none());
        let (sender, waiting) = mpsc::channel();
        let waiter = thread::spawn({
            let one = one.clone();
            move || {
                sender.send(()).unwrap();
                let until = Instant::now() + Duration::from_secs(600);
                shares.take_by(&one, Some(until)).is_some()
            }
        });
        waiting.recv().unwrap();
        assert!(shares.take(&other).is_some());
        drop(held);
        assert!(waiter.join().unwrap());
    }
}

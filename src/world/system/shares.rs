//! Resources that all plugins of a process share and that one of them must not use up: unanswered
//! lookups, commands that do not end, descriptors. Each plugin has a limit well below the common one,
//! and a minimum that it may have even when the others use up the rest.

use crate::sync::{lock, wait_for};
use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard},
    time::Instant,
};

/// A shared resource.
pub(super) struct Shares {
    most: Most,
    taken: Mutex<Vec<Taken>>,
    returned: Condvar,
}

/// The limits of a shared resource.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    /// For one plugin, with all its instances.
    pub(super) own: usize,
    /// For all plugins together.
    pub(super) all: usize,
    /// What each plugin may have whatever the others use.
    pub(super) least: usize,
}

struct Taken {
    owner: Arc<str>,
    count: usize,
}

/// One unit of a shared resource, returned when it is dropped.
pub(super) struct Share {
    of: &'static Shares,
    owner: Arc<str>,
}

impl Shares {
    pub(super) const fn new(most: Most) -> Shares {
        Shares {
            most,
            taken: Mutex::new(Vec::new()),
            returned: Condvar::new(),
        }
    }

    /// The limit of one plugin, for messages.
    pub(super) fn own(&self) -> usize {
        self.most.own
    }

    /// Takes one unit for this plugin, if it may have another one now.
    pub(super) fn take(&'static self, owner: &Arc<str>) -> Option<Share> {
        self.take_by(owner, None)
    }

    /// Takes one unit for this plugin, and waits for it until this moment.
    pub(super) fn take_by(
        &'static self,
        owner: &Arc<str>,
        until: Option<Instant>,
    ) -> Option<Share> {
        let mut taken = self.lock();
        while !self.has_room(&taken, owner) {
            let left = until?.checked_duration_since(Instant::now())?;
            taken = wait_for(&self.returned, taken, left);
        }
        Some(self.add(taken, owner))
    }

    /// Whether this plugin may have another one now.
    #[cfg(any(test, all(unix, feature = "exec")))]
    pub(super) fn admits(&self, owner: &Arc<str>) -> bool {
        self.has_room(&self.lock(), owner)
    }

    /// Counts one unit that this plugin already has, also past its limit.
    #[cfg(any(test, all(unix, feature = "exec")))]
    pub(super) fn count(&'static self, owner: &Arc<str>) -> Share {
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
        self.of.returned.notify_all();
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
        // Three plugins with one name, in three runtimes.
        ["plugin", "plugin", "plugin"].map(Arc::from)
    }

    fn take_all(shares: &'static Shares, owner: &Arc<str>) -> Vec<Share> {
        std::iter::from_fn(|| shares.take(owner)).collect()
    }

    #[test]
    fn one_plugin_never_uses_up_the_share_of_others() {
        let shares = shares(4, 6, 1);
        let [greedy, second, third] = plugins();
        let held = take_all(shares, &greedy);
        assert_eq!(held.len(), 4);
        let also = take_all(shares, &second);
        assert_eq!(also.len(), 2);
        // All are taken, and a plugin that has none still gets one.
        let last = take_all(shares, &third);
        assert_eq!(last.len(), 1);
        drop(held);
        assert_eq!(take_all(shares, &third).len(), 3);
        drop((also, last));
        assert!(shares.lock().is_empty());
    }

    #[test]
    fn what_exists_already_is_counted_too() {
        let shares = shares(1, 6, 1);
        let [one, other, _] = plugins();
        assert!(shares.admits(&one));
        let (first, second) = (shares.count(&one), shares.count(&one));
        assert!(!shares.admits(&one) && shares.admits(&other));
        drop(first);
        assert!(!shares.admits(&one));
        drop(second);
        assert!(shares.admits(&one));
    }

    #[test]
    fn a_waiting_plugin_gets_only_what_it_returned_itself() {
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

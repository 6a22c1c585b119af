//! Ending a call from another thread.

#[cfg(feature = "std")]
use crate::sync::{Condvar, wait_for};
use crate::sync::{Mutex, lock};
use alloc::sync::Arc;
use core::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

/// A handle that cancels calls from any thread. Clones are the same handle; it may be given to any
/// number of calls, and cancels all of them, also those that begin later.
///
/// A cancelled call ends with [`Fault::Cancelled`](crate::Fault::Cancelled) when it next checks the
/// handle:
///
/// * before it starts, and while it waits for a slot or for another thread that initialises the
///   plugin: within 10 milliseconds;
/// * in guest code: after at most 5 million units of fuel, which is some milliseconds, and each time
///   that the guest grows its memory or a table;
/// * in a sleep: at once; while it looks up a name, connects, sends or receives, or runs a command:
///   within 10 milliseconds. A command is killed together with its process group, which may take
///   half a second more;
/// * in other system calls, such as reading a file, in a host function of the embedder's and in an
///   event callback: when these return. A host function can ask
///   [`HostCall::is_cancelled`](crate::HostCall::is_cancelled), and a world
///   [`Checkpoint::is_cancelled`](crate::gate::Checkpoint::is_cancelled).
///
/// ```
/// use tollgate::{Call, Cancel, Config, Error, Fault, Runtime};
///
/// # let bytes = include_bytes!("../../fixtures/file/file.wasm");
/// let file = Runtime::new()?.load("file", bytes)?;
/// let cancel = Cancel::new();
/// let another_thread = cancel.clone();
/// std::thread::spawn(move || another_thread.cancel()).join().unwrap();
///
/// let outcome = file.call(Call::new(&Config::new()).cancel(cancel));
/// assert!(matches!(outcome, Err(Error::Fault { fault: Fault::Cancelled, .. })));
/// # Ok::<(), tollgate::Error>(())
/// ```
#[derive(Clone, Default)]
pub struct Cancel {
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    cancelled: AtomicBool,
    /// Locked while `cancelled` is set, so that no thread falls asleep in between.
    setting: Mutex<()>,
    #[cfg(feature = "std")]
    changed: Condvar,
}

impl Cancel {
    /// A handle that is not cancelled.
    #[must_use]
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Cancels every call that has this handle. It cannot be undone.
    pub fn cancel(&self) {
        let setting = lock(&self.state.setting);
        self.state.cancelled.store(true, Ordering::Release);
        drop(setting);
        #[cfg(feature = "std")]
        self.state.changed.notify_all();
    }

    /// Whether [`cancel`](Cancel::cancel) was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.state.cancelled.load(Ordering::Acquire)
    }

    /// Waits for so long, or until it is cancelled.
    #[cfg(feature = "std")]
    pub(super) fn wait(&self, duration: core::time::Duration) {
        let start = std::time::Instant::now();
        let mut setting = lock(&self.state.setting);
        while !self.is_cancelled() {
            let left = duration.saturating_sub(start.elapsed());
            if left.is_zero() {
                return;
            }
            setting = wait_for(&self.state.changed, setting, left);
        }
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancel")
            .field("cancelled", &self.is_cancelled())
            .finish()
    }
}

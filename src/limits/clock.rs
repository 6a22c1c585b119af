//! The clock that measures deadlines: the machine's, or the embedder's. It is no effect: guests never see it.

use alloc::sync::Arc;
use core::{fmt, time::Duration};

/// A clock that never goes back.
#[derive(Clone, Default)]
pub(crate) enum Clock {
    /// That of the standard library, where it has one: without `std` there is none, nor in a browser.
    #[default]
    Machine,
    /// The time since some moment.
    Embedder(Arc<dyn Fn() -> Duration + Send + Sync>),
}

impl Clock {
    pub(crate) fn new(now: impl Fn() -> Duration + Send + Sync + 'static) -> Clock {
        Clock::Embedder(Arc::new(now))
    }

    /// Whether it measures anything.
    pub(crate) fn exists(&self) -> bool {
        match self {
            Clock::Machine => HAS_CLOCK,
            Clock::Embedder(_) => true,
        }
    }

    /// The time since some moment; `None` without a clock.
    pub(super) fn now(&self) -> Option<Duration> {
        match self {
            Clock::Machine => machine(),
            Clock::Embedder(now) => Some(now()),
        }
    }
}

/// In a browser the standard library has a clock that panics.
const HAS_CLOCK: bool = cfg!(all(
    feature = "std",
    not(all(target_family = "wasm", target_os = "unknown"))
));

#[cfg(feature = "std")]
fn machine() -> Option<Duration> {
    use std::{sync::LazyLock, time::Instant};
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    HAS_CLOCK.then(|| START.elapsed())
}

#[cfg(not(feature = "std"))]
fn machine() -> Option<Duration> {
    None
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Clock::Machine => "Machine",
            Clock::Embedder(_) => "Embedder",
        })
    }
}

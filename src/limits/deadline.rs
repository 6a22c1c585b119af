//! The one clock that is not an effect: the wall-clock limit of a call, which guests never see.

use std::time::{Duration, Instant};

/// A moment by which a call must be done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    /// `None` if the moment lies beyond what the clock can express: it never comes.
    at: Option<Instant>,
    limit: Duration,
}

impl Deadline {
    pub(crate) fn after(limit: Duration) -> Deadline {
        Deadline {
            at: Instant::now().checked_add(limit),
            limit,
        }
    }

    pub(crate) fn passed(self) -> bool {
        self.at.is_some_and(|at| Instant::now() >= at)
    }

    pub(crate) fn remaining(self) -> Duration {
        match self.at {
            Some(at) => at.saturating_duration_since(Instant::now()),
            None => Duration::MAX,
        }
    }

    /// The time that was given, for messages.
    pub(crate) fn limit(self) -> Duration {
        self.limit
    }
}

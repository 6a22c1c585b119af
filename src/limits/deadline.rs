//! The wall-clock limit of a call.

use super::clock::Clock;
use core::time::Duration;

/// A moment by which a call must be done.
#[derive(Clone, Debug)]
pub(crate) struct Deadline {
    /// `None` if the moment lies beyond what the clock can express: it never comes.
    at: Option<Duration>,
    clock: Clock,
    limit: Duration,
}

impl Deadline {
    pub(crate) fn after(limit: Duration, clock: &Clock) -> Deadline {
        let now = clock.now();
        Deadline {
            at: now.and_then(|now| now.checked_add(limit)),
            clock: clock.clone(),
            limit,
        }
    }

    pub(crate) fn passed(&self) -> bool {
        self.at.is_some() && self.remaining().is_zero()
    }

    pub(crate) fn remaining(&self) -> Duration {
        match (self.at, self.clock.now()) {
            (Some(at), Some(now)) => at.saturating_sub(now),
            _ => Duration::MAX,
        }
    }

    /// The time that was given, for messages.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }
}

//! What may end a call from outside, and how blocking work checks it.

use super::{Cancel, Clock, deadline::Deadline};
use core::time::Duration;

/// The longest that work which cannot be woken up waits before it checks whether it is cancelled.
const SLICE: Duration = Duration::from_millis(10);

/// The deadline and the cancellation of a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt {
    deadline: Option<Deadline>,
    cancel: Option<Cancel>,
}

/// Why a call ends before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupted {
    Cancelled,
    /// The deadline passed, which was so long.
    Deadline(Duration),
}

impl Interrupted {
    /// What a reply says, which the guest is stopped before it reads.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Interrupted::Cancelled => "the call was cancelled",
            Interrupted::Deadline(_) => "the deadline of the call has passed",
        }
    }
}

impl Interrupt {
    /// The time that a call has begins now.
    pub(crate) fn new(
        deadline: Option<Duration>,
        clock: &Clock,
        cancel: Option<Cancel>,
    ) -> Interrupt {
        Interrupt {
            deadline: deadline.map(|limit| Deadline::after(limit, clock)),
            cancel,
        }
    }

    /// The same without a deadline.
    pub(crate) fn without_deadline(&self) -> Interrupt {
        Interrupt {
            deadline: None,
            cancel: self.cancel.clone(),
        }
    }

    /// Whether the call may go on.
    pub(crate) fn check(&self) -> Result<(), Interrupted> {
        if self.is_cancelled() {
            return Err(Interrupted::Cancelled);
        }
        match &self.deadline {
            Some(deadline) if deadline.passed() => Err(Interrupted::Deadline(deadline.limit())),
            _ => Ok(()),
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.as_ref().is_some_and(Cancel::is_cancelled)
    }

    /// Whether it can be cancelled at all.
    pub(crate) fn can_be_cancelled(&self) -> bool {
        self.cancel.is_some()
    }

    /// Whether `check` may ever fail.
    pub(crate) fn is_possible(&self) -> bool {
        self.deadline.is_some() || self.cancel.is_some()
    }

    /// The time left, if there is a deadline; none if the call is cancelled.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        match self.is_cancelled() {
            true => Some(Duration::ZERO),
            false => self.deadline.as_ref().map(Deadline::remaining),
        }
    }

    /// How long work that is to wait for `wanted` waits before it checks again.
    pub(crate) fn slice(&self, wanted: Duration) -> Duration {
        match self.cancel {
            Some(_) => wanted.min(SLICE),
            None => wanted,
        }
    }

    /// Waits for so long, or until the deadline or the cancellation.
    #[cfg(feature = "system")]
    pub(crate) fn sleep(&self, duration: Duration) -> Result<(), Interrupted> {
        let remaining = self.remaining().unwrap_or(Duration::MAX);
        let time = duration.min(remaining);
        match &self.cancel {
            Some(cancel) => cancel.wait(time),
            None => std::thread::sleep(time),
        }
        match &self.deadline {
            _ if self.is_cancelled() => Err(Interrupted::Cancelled),
            Some(deadline) if duration > remaining => Err(Interrupted::Deadline(deadline.limit())),
            _ => Ok(()),
        }
    }
}

//! A value that is made once, by the first caller that needs it. The caller decides what is made and why that may
//! fail. With the standard library, other threads wait for it; without, they are refused.

#[cfg(not(feature = "std"))]
mod refusing;
#[cfg(feature = "std")]
mod waiting;

use crate::limits::Interrupted;
#[cfg(not(feature = "std"))]
pub(crate) use refusing::Once;
#[cfg(feature = "std")]
pub(crate) use waiting::{Once, callers, work_for};

/// Why nobody waits for a value that is being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoWait {
    /// Waiting would never end, as far as can be seen.
    Circle,
    /// What waits is interrupted.
    Interrupted(Interrupted),
}

//! What one validation may cost, and why it stops before its end.

use crate::{error::TooExpensive, room};
use std::time::Duration;

/// Steps of any validation. A step is about a nanosecond of an optimised build.
const FIXED: u64 = 100_000_000;
/// Steps more for each byte of the schema.
const PER_SCHEMA_BYTE: u64 = 16;
/// Steps more for each byte of the value, which comes from the caller and not from the plugin.
const PER_VALUE_BYTE: u64 = 512;
/// Steps for each search in a map, in addition to those for the bytes of the key.
pub(super) const SEARCH: usize = 64;
/// The deadline is checked once in so many steps.
const LOOK_EVERY: u64 = 1_000_000;

/// The steps that are left, and the check for the deadline.
pub(crate) struct Budget<'d> {
    whole: u64,
    left: u64,
    /// The deadline is checked when no more than this is left.
    look_at: u64,
    late: Late<'d>,
}

/// Returns the time that there was, when it is over.
pub(super) type Late<'d> = &'d dyn Fn() -> Option<Duration>;

/// For validations without a deadline.
pub(super) const NEVER_LATE: Late<'static> = &|| None;

impl<'d> Budget<'d> {
    /// The budget for a schema and a value of these sizes, in bytes of JSON.
    pub(super) fn new(schema: usize, value: usize, late: Late<'d>) -> Budget<'d> {
        let schema = PER_SCHEMA_BYTE.saturating_mul(schema as u64);
        let value = PER_VALUE_BYTE.saturating_mul(value as u64);
        let whole = FIXED.saturating_add(schema).saturating_add(value);
        Budget {
            whole,
            left: whole,
            look_at: whole,
            late,
        }
    }

    /// Takes steps, and looks at the deadline now and then.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), TooExpensive> {
        let Some(left) = self.left.checked_sub(steps as u64) else {
            self.left = 0;
            return Err(TooExpensive::Steps { budget: self.whole });
        };
        self.left = left;
        if left <= self.look_at {
            self.look_at = left.saturating_sub(LOOK_EVERY);
            if let Some(limit) = (self.late)() {
                return Err(TooExpensive::Deadline { limit });
            }
        }
        Ok(())
    }

    /// The steps taken so far.
    #[cfg(test)]
    pub(super) fn spent(&self) -> u64 {
        self.whole.saturating_sub(self.left)
    }
}

/// Makes sure that so much memory is to be had, for what allocates without asking.
pub(super) fn ensure_memory(bytes: usize) -> Result<(), TooExpensive> {
    room::check_exactly(bytes).map_err(|_| TooExpensive::Memory { bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_budget_grows_with_the_bytes_and_ends() {
        let mut budget = Budget::new(10, 100, NEVER_LATE);
        let whole = FIXED + 10 * PER_SCHEMA_BYTE + 100 * PER_VALUE_BYTE;
        budget.spend(usize::try_from(whole).unwrap()).unwrap();
        assert_eq!(budget.spent(), whole);
        let spent = TooExpensive::Steps { budget: whole };
        assert_eq!(budget.spend(1), Err(spent));
        assert!(Budget::new(usize::MAX, usize::MAX, NEVER_LATE).whole == u64::MAX);
    }

    #[test]
    fn the_deadline_is_looked_at_first_and_then_now_and_then() {
        let looks = Cell::new(0);
        let late = || {
            looks.set(looks.get() + 1);
            (looks.get() > 3).then_some(Duration::ZERO)
        };
        let mut budget = Budget::new(0, 0, &late);
        budget.spend(1).unwrap();
        assert_eq!(looks.get(), 1);
        let steps = (1..).find(|_| budget.spend(1000).is_err()).unwrap();
        assert_eq!(looks.get(), 4);
        assert!((2_900..3_100).contains(&steps), "{steps}");
    }
}

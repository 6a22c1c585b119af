//! Limits the cost of one validation.

use crate::{error::TooExpensive, room};
use core::time::Duration;

/// Steps that every validation has. A step takes about a nanosecond in an optimised build.
const FIXED: u64 = 100_000_000;
/// Additional steps for each byte of the schema.
const PER_SCHEMA_BYTE: u64 = 16;
/// Additional steps for each byte of the value, which comes from the trusted caller.
const PER_VALUE_BYTE: u64 = 512;
/// Cost of one search in a map, without the bytes of the key.
pub(super) const SEARCH: usize = 64;
/// Steps between two checks of the deadline.
const CHECK_EVERY: u64 = 1_000_000;

/// The remaining steps of a validation, and its deadline.
pub(crate) struct Budget<'d> {
    whole: u64,
    left: u64,
    /// The deadline is checked when this many steps are left.
    next_check: u64,
    expired: Expired<'d>,
}

/// Returns the time allowed, once the deadline has passed.
pub(super) type Expired<'d> = &'d dyn Fn() -> Option<Duration>;

/// For validations without a deadline.
pub(super) const NO_DEADLINE: Expired<'static> = &|| None;

impl<'d> Budget<'d> {
    /// The budget for a schema and a value of these sizes, in bytes of JSON.
    pub(crate) fn new(schema: usize, value: usize, expired: Expired<'d>) -> Budget<'d> {
        let schema = PER_SCHEMA_BYTE.saturating_mul(schema as u64);
        let value = PER_VALUE_BYTE.saturating_mul(value as u64);
        let whole = FIXED.saturating_add(schema).saturating_add(value);
        Budget {
            whole,
            left: whole,
            next_check: whole,
            expired,
        }
    }

    /// Takes steps from the budget, and checks the deadline at intervals.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), TooExpensive> {
        let Some(left) = self.left.checked_sub(steps as u64) else {
            self.left = 0;
            return Err(TooExpensive::Steps { budget: self.whole });
        };
        self.left = left;
        if left <= self.next_check {
            self.next_check = left.saturating_sub(CHECK_EVERY);
            if let Some(limit) = (self.expired)() {
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

/// Checks that an allocation of this size can succeed, before code that would abort otherwise.
pub(super) fn ensure_memory(bytes: usize) -> Result<(), TooExpensive> {
    room::check_exactly(bytes).map_err(|_| TooExpensive::Memory { bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_budget_grows_with_the_bytes_and_ends() {
        let mut budget = Budget::new(10, 100, NO_DEADLINE);
        let whole = FIXED + 10 * PER_SCHEMA_BYTE + 100 * PER_VALUE_BYTE;
        budget.spend(usize::try_from(whole).unwrap()).unwrap();
        assert_eq!(budget.spent(), whole);
        let spent = TooExpensive::Steps { budget: whole };
        assert_eq!(budget.spend(1), Err(spent));
        assert!(Budget::new(usize::MAX, usize::MAX, NO_DEADLINE).whole == u64::MAX);
    }

    #[test]
    fn the_deadline_is_checked_first_and_then_at_intervals() {
        let checks = Cell::new(0);
        let expired = || {
            checks.set(checks.get() + 1);
            (checks.get() > 3).then_some(Duration::ZERO)
        };
        let mut budget = Budget::new(0, 0, &expired);
        budget.spend(1).unwrap();
        assert_eq!(checks.get(), 1);
        let steps = (1..).find(|_| budget.spend(1000).is_err()).unwrap();
        assert_eq!(checks.get(), 4);
        assert!((2_900..3_100).contains(&steps), "{steps}");
    }
}

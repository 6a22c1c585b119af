//! The work that reading debug information may take. Parts of it can be referred to any number of times, so a
//! few bytes can ask for the reading of millions; honest compilers hardly do that.

use crate::room::OutOfMemory;

/// Honest debug information takes about three steps for each byte.
const STEPS_PER_BYTE: usize = 16;

/// What a byte costs that is kept: so not more is kept than twice what there is.
const KEPT_BYTE: usize = 8;

/// The steps that are left.
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn of(bytes: usize) -> Budget {
        Budget(bytes.saturating_mul(STEPS_PER_BYTE))
    }

    /// Takes steps. About each takes the time of reading a byte.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Stop> {
        self.0 = self.0.checked_sub(steps).ok_or(Stop::Exhausted)?;
        Ok(())
    }

    /// Takes the steps of keeping a copy of text.
    pub(super) fn keep(&mut self, text: &str) -> Result<(), Stop> {
        self.spend(text.len().saturating_mul(KEPT_BYTE))
    }
}

/// Why reading stops.
pub(super) enum Stop {
    /// The unit is damaged, or of a kind that is not read; others may be read.
    Damaged,
    /// There is no work or memory left.
    Exhausted,
}

impl From<gimli::Error> for Stop {
    fn from(_: gimli::Error) -> Stop {
        Stop::Damaged
    }
}

impl From<OutOfMemory> for Stop {
    fn from(_: OutOfMemory) -> Stop {
        Stop::Exhausted
    }
}

//! What validating a config against a schema can find, and why it may stop.

use crate::printable::Text;
use std::{fmt, time::Duration};

/// One place where a value is not as its schema says. Never quotes the value: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Violation {
    /// Where: a JSON path, such as `$.servers[0].port`; `$` is the whole value.
    pub path: Text,
    /// What is wrong there, and what would be right.
    pub message: Text,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Why a validation stopped before its end: it would take more time or memory than it may.
///
/// Never a statement about the value, which may be valid or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TooExpensive {
    /// It takes more steps than the budget has.
    Steps {
        /// The budget, see [the module](crate::schema#cost).
        budget: u64,
    },
    /// Schemas nest or refer to one another too deep, for instance in a cycle.
    Depth {
        /// The limit, in schemas.
        limit: usize,
    },
    /// The patterns that it needs are too large when compiled.
    Patterns {
        /// The limit for all of them together, in bytes.
        limit: usize,
    },
    /// The deadline of the call passed. Only a validation by a plugin has one.
    Deadline {
        /// The time it had.
        limit: Duration,
    },
    /// The host has not enough memory left.
    Memory {
        /// How many bytes were needed at once.
        bytes: usize,
    },
}

impl fmt::Display for TooExpensive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TooExpensive::Steps { budget } => {
                write!(f, "it takes more than the budget of {budget} steps")
            }
            TooExpensive::Depth { limit } => {
                write!(
                    f,
                    "its schemas nest or refer to one another more than {limit} levels deep"
                )
            }
            TooExpensive::Patterns { limit } => {
                write!(
                    f,
                    "its patterns take more than {limit} bytes when they are compiled"
                )
            }
            TooExpensive::Deadline { limit } => {
                let limit = limit.as_millis();
                write!(f, "it did not finish within the deadline of {limit} ms")
            }
            TooExpensive::Memory { bytes } => {
                write!(f, "the host cannot allocate {bytes} bytes for it")
            }
        }
    }
}

impl std::error::Error for TooExpensive {}

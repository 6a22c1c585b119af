//! What validating a config against a schema can find, and why it may stop early.

use crate::printable::{Text, counted};
use core::{fmt, time::Duration};

/// One violation of a schema. It never quotes the value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Violation {
    /// A JSON path into the value, such as `$.servers[0].port`; `$` is the whole value.
    pub path: Text,
    /// What is wrong, and what the schema requires.
    pub message: Text,
    /// What kind of violation it is.
    pub kind: ViolationKind,
}

/// A kind of violation: what a plugin may still accept, and what it cannot read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ViolationKind {
    /// A property is missing, or `null`, which plugins in Go read as missing.
    Missing,
    /// A property is not in the schema; its name may differ in case only.
    Unknown,
    /// A value has another type, or is not allowed.
    Value,
}

impl ViolationKind {
    /// Whether the plugin decides: runtimes of Reglet pass such configs on.
    #[must_use]
    pub fn is_lenient(self) -> bool {
        self != ViolationKind::Value
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Why a validation stopped early: it would take too much time or memory.
///
/// The value may be valid or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TooExpensive {
    /// It takes more steps than the budget allows.
    #[error("exceeds the budget of {}", counted(.budget, "step"))]
    Steps {
        /// The budget, see [the module](crate::schema#cost).
        budget: u64,
    },
    /// Schemas nest or refer to one another too deeply, for instance in a cycle.
    #[error("schemas nest or refer to one another more than {} deep", counted(.limit, "level"))]
    Depth {
        /// The limit, in schemas.
        limit: usize,
    },
    /// The compiled patterns are too large.
    #[error("compiled patterns exceed {}", counted(.limit, "byte"))]
    Patterns {
        /// The limit for all patterns together, in bytes.
        limit: usize,
    },
    /// The deadline of the call passed. Only a validation by a plugin has a deadline.
    #[error("did not finish within the deadline of {} ms", .limit.as_millis())]
    Deadline {
        /// The time allowed.
        limit: Duration,
    },
    /// The host is out of memory.
    #[error("the host cannot allocate {}", counted(.bytes, "byte"))]
    Memory {
        /// The size of the allocation, in bytes.
        bytes: usize,
    },
}

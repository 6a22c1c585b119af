//! What threads share: locks that a panic elsewhere does not spoil, and values that are made once.

mod lock;
mod once;

pub(crate) use lock::lock;
pub(crate) use once::{Once, callers, work_for};

//! Refusing a module that holds too much of something.

use super::sections;
use crate::{
    error::LoadError,
    limits::{ModuleCounts, ModuleLimits},
};

/// Refuses a module for its size or the number of its sections, before anything is kept of it.
pub(crate) fn check_size(limits: &ModuleLimits, bytes: &[u8]) -> Result<(), LoadError> {
    let mut size = ModuleCounts {
        bytes: bytes.len() as u64,
        ..ModuleCounts::default()
    };
    check(limits, &size)?;
    size.sections = sections::count(bytes);
    check(limits, &size)
}

/// Refuses a module that has too much of something.
pub(super) fn check(limits: &ModuleLimits, counts: &ModuleCounts) -> Result<(), LoadError> {
    let measured = limits.measure(counts);
    match measured.iter().find(|one| one.found > one.limit) {
        None => Ok(()),
        Some(over) => Err(LoadError::TooMuch {
            what: over.what,
            found: over.found,
            limit: over.limit,
            name: over.name,
        }),
    }
}

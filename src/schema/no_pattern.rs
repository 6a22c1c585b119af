//! Patterns of schemas in a build without the feature `regex`: each becomes a note.

use super::budget::Budget;
use crate::error::TooExpensive;
use core::marker::PhantomData;

/// Empty, since no pattern is compiled.
#[derive(Default)]
pub(crate) struct PatternCache {}

/// The patterns that one validation uses.
pub(super) struct Patterns<'a>(PhantomData<&'a PatternCache>);

/// A pattern that cannot be matched.
pub(super) struct Pattern;

impl<'a> Patterns<'a> {
    pub(super) fn new(_cache: &'a PatternCache) -> Patterns<'a> {
        Patterns(PhantomData)
    }

    pub(super) fn get(
        &mut self,
        text: &'a str,
        budget: &mut Budget<'_>,
    ) -> Result<Pattern, TooExpensive> {
        budget.spend(64 + text.len())?;
        Ok(Pattern)
    }
}

impl Pattern {
    pub(super) fn matches(
        &self,
        _text: &str,
        _budget: &mut Budget<'_>,
    ) -> Result<Result<bool, &str>, TooExpensive> {
        Ok(Err("this build lacks the feature `regex`"))
    }
}

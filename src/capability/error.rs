//! Why a text is not a capability or a request: the error that every grammar reports.

use crate::printable::Printable;
use alloc::{borrow::ToOwned, string::String};
use core::fmt;
use serde::Serialize;

/// A text is not a valid capability or request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
pub struct CapabilityError {
    text: String,
    position: usize,
    problem: String,
    hint: Option<String>,
}

impl CapabilityError {
    /// The whole text that was read, unchanged.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The position of the error in [`text`](Self::text), in bytes.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// What is wrong at that position.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What to write instead, if known.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// How many characters of a text an error message repeats.
const SHOWN: usize = 120;

impl fmt::Display for CapabilityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text may come from a guest: escaped and cut, so that it cannot forge or flood a log.
        f.write_str("`")?;
        for character in self.text.chars().take(SHOWN) {
            write!(f, "{}", character.escape_debug())?;
        }
        if self.text.chars().nth(SHOWN).is_some() {
            f.write_str("...")?;
        }
        write!(
            f,
            "`: {} (byte {})",
            Printable(&self.problem),
            self.position
        )?;
        match &self.hint {
            Some(hint) => write!(f, "; {}", Printable(hint)),
            None => Ok(()),
        }
    }
}

/// A [`CapabilityError`] without its text. A grammar reads a part of the text, so the position counts
/// from the start of that part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) at: usize,
    problem: String,
    hint: Option<String>,
}

impl Flaw {
    pub(super) fn new(at: usize, problem: impl Into<String>) -> Flaw {
        Flaw {
            at,
            problem: problem.into(),
            hint: None,
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Flaw {
        self.hint = Some(hint.into());
        self
    }

    /// The same error in a text that begins `offset` bytes earlier.
    pub(super) fn shifted(mut self, offset: usize) -> Flaw {
        self.at = self.at.saturating_add(offset);
        self
    }

    pub(super) fn of(self, text: &str) -> CapabilityError {
        CapabilityError {
            text: text.to_owned(),
            position: self.at.min(text.len()),
            problem: self.problem,
            hint: self.hint,
        }
    }
}

//! Why a text is not a capability or a request. Lives apart because every matcher reports the same way.

use crate::printable::Printable;
use std::fmt;

/// A text that is not a capability, or not a request: the text, the byte it fails at, what is wrong
/// there and, where one is known, what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CapabilityError {
    text: String,
    position: usize,
    problem: String,
    hint: Option<String>,
}

impl CapabilityError {
    /// The whole text that was read, unchanged.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where reading failed: bytes from the start of [`text`](Self::text).
    pub fn position(&self) -> usize {
        self.position
    }

    /// What is wrong there.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What to write instead.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// How much of a text an error message repeats, in characters.
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

/// A [`CapabilityError`] in the making: a matcher knows its own part of the text only, so the
/// offset counts from there.
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

    /// The same flaw, seen from `offset` bytes further left.
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

//! The options of a redactor and their errors.

use super::{HiddenPath, Inner, RedactionRule, Redactor, SHORTEST, assignments};
use crate::printable::{Text, counted};
use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};
use core::fmt;

/// Options for a [`Redactor`].
#[derive(Default)]
pub struct RedactorBuilder {
    /// Each with its minimum length in characters.
    values: Vec<(String, usize)>,
    without_tokens: bool,
    paths: Vec<String>,
    #[cfg(feature = "regex")]
    patterns: Vec<String>,
    key: Option<Vec<u8>>,
    rule: Option<Box<RedactionRule>>,
}

impl RedactorBuilder {
    /// Adds a secret value of at least 4 characters; see [`Redactor::add_value`].
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> RedactorBuilder {
        self.values.push((value.into(), SHORTEST));
        self
    }

    /// Adds a secret value of any length; see [`Redactor::add_short_value`].
    #[must_use]
    pub fn short_value(mut self, value: impl Into<String>) -> RedactorBuilder {
        self.values.push((value.into(), 1));
        self
    }

    /// Replaces the string, number or boolean at this path: keys separated by dots, for example
    /// `api_key` or `server.password`. A path starts at the evidence's data or at any object in it;
    /// the elements of a list have the path of the list. The path of a log attribute is its key.
    /// [`Redactor::unmatched_paths`] returns the paths without a value.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> RedactorBuilder {
        self.paths.push(path.into());
        self
    }

    /// Replaces the matches of this regular expression (of the crate `regex`) in a text. Encoded texts
    /// and keys of objects are not searched. One search takes time in proportion to the text; a
    /// pattern that often fails after a long search, such as `.*[^A-Z]|[A-Z]`, searches many times.
    #[cfg(feature = "regex")]
    #[must_use]
    pub fn pattern(mut self, pattern: impl Into<String>) -> RedactorBuilder {
        self.patterns.push(pattern.into());
        self
    }

    /// Applies this rule to each text, after everything else. It is not applied to keys of objects.
    #[must_use]
    pub fn rule(mut self, rule: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.rule = Some(Box::new(rule));
        self
    }

    /// Replaces secrets with `[hmac:…]` instead of `[REDACTED]`: the first half of the HMAC-SHA256 under
    /// this key, so that equal secrets in two outputs can be recognized. The hash is that of the
    /// secret as it is written: each encoding of a secret has another hash.
    #[must_use]
    pub fn keyed_hash(mut self, key: impl Into<Vec<u8>>) -> RedactorBuilder {
        self.key = Some(key.into());
        self
    }

    /// Does not search for [recognized formats](Redactor#recognized-formats).
    #[must_use]
    pub fn without_tokens(mut self) -> RedactorBuilder {
        self.without_tokens = true;
        self
    }

    /// Returns the redactor.
    ///
    /// # Errors
    ///
    /// [`RedactorError`] for invalid options.
    pub fn build(self) -> Result<Redactor, RedactorError> {
        if self.key.as_ref().is_some_and(Vec::is_empty) {
            return Err(RedactorError::NoKey);
        }
        let is_empty = |path: &String| path.split('.').any(|key| key.trim().is_empty());
        if let Some(path) = self.paths.iter().find(|path| is_empty(path)) {
            return Err(RedactorError::EmptyPath {
                path: path.as_str().into(),
            });
        }
        #[cfg(feature = "regex")]
        let patterns = compile(self.patterns)?;
        let paths = self.paths.into_iter().map(|text| HiddenPath {
            text,
            matched: false.into(),
        });
        let redactor = Redactor {
            inner: Arc::new(Inner {
                names: (!self.without_tokens).then(assignments::names),
                paths: paths.collect(),
                #[cfg(feature = "regex")]
                patterns,
                key: self.key,
                rule: self.rule,
                ..Inner::default()
            }),
        };
        for (number, (value, minimum)) in (1..).zip(&self.values) {
            redactor.add(value, *minimum, number)?;
        }
        Ok(redactor)
    }
}

#[cfg(feature = "regex")]
fn compile(patterns: Vec<String>) -> Result<Vec<regex::Regex>, RedactorError> {
    let compile = |pattern: String| {
        regex::Regex::new(&pattern).map_err(|error| RedactorError::Pattern {
            problem: error.to_string().into(),
            pattern: pattern.into(),
        })
    };
    patterns.into_iter().map(compile).collect()
}

impl fmt::Debug for RedactorBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactorBuilder")
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}

/// Invalid options of a redactor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedactorError {
    /// The key of the keyed hash is empty: without a key, secrets can be found by hashing guesses.
    #[error("the key of the redactor's keyed hash is empty")]
    NoKey,
    /// A value is too short. The error does not repeat it, since it may be a part of a secret.
    #[error(
        "value {number} of the redactor has {} after trimming; it needs at least {minimum}", counted(.characters, "character")
    )]
    ShortValue {
        /// The number of the value in the given order, from 1.
        number: usize,
        /// Its length after trimming, in characters.
        characters: usize,
        /// The minimum length, in characters.
        minimum: usize,
    },
    /// A value contains the text that replaces secrets.
    #[error("value {number} of the redactor contains the text that replaces secrets")]
    MarkInValue {
        /// The number of the value in the given order, from 1.
        number: usize,
    },
    /// A path has an empty key.
    #[error("the path \"{path}\" of the redactor has an empty key; separate keys by one dot")]
    EmptyPath {
        /// The path.
        path: Text,
    },
    /// A pattern is not a valid regular expression.
    #[error("the pattern \"{pattern}\" of the redactor is invalid: {problem}")]
    Pattern {
        /// The pattern.
        pattern: Text,
        /// What is wrong with it.
        problem: Text,
    },
}

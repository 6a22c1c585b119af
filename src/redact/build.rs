//! The options of a redactor, and what is wrong with them.

use super::{Inner, Path, Redactor, Rule, SHORTEST, assignments};
use crate::printable::Text;
use std::{fmt, sync::Arc};

/// Options for a [`Redactor`].
#[derive(Default)]
pub struct RedactorBuilder {
    /// Each with how many characters it must have.
    values: Vec<(String, usize)>,
    without_tokens: bool,
    paths: Vec<String>,
    #[cfg(feature = "regex")]
    patterns: Vec<String>,
    key: Option<Vec<u8>>,
    rule: Option<Box<Rule>>,
}

impl RedactorBuilder {
    /// Hides this value, which must have 4 characters; see [`Redactor::track`].
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> RedactorBuilder {
        self.values.push((value.into(), SHORTEST));
        self
    }

    /// Hides this value however short it is; see [`Redactor::track_even_short`].
    #[must_use]
    pub fn short_value(mut self, value: impl Into<String>) -> RedactorBuilder {
        self.values.push((value.into(), 1));
        self
    }

    /// Hides whatever string, number or boolean stands at this place: keys with dots between them,
    /// as `api_key` or `server.password`. It counts from the top of the evidence's data or from
    /// any object in it; the elements of a list are at the place of the list. An attribute of a
    /// log line is at its key. A path that hides nothing is in [`Redactor::unmatched_paths`].
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> RedactorBuilder {
        self.paths.push(path.into());
        self
    }

    /// Hides whatever this regular expression (of the crate `regex`) matches in a text. It is not
    /// searched for in encodings, nor in keys of objects. One search takes time in proportion to
    /// the text; a pattern that often fails after looking far ahead, such as `.*[^A-Z]|[A-Z]`,
    /// searches many times.
    #[cfg(feature = "regex")]
    #[must_use]
    pub fn pattern(mut self, pattern: impl Into<String>) -> RedactorBuilder {
        self.patterns.push(pattern.into());
        self
    }

    /// Applies this rule to each text, after everything else. It does not see keys of objects.
    #[must_use]
    pub fn rule(mut self, rule: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.rule = Some(Box::new(rule));
        self
    }

    /// Puts `[hmac:…]` in a secret's place instead of `[REDACTED]`: the first half of its
    /// HMAC-SHA256 under this key, so that two outputs can be compared for the same secret. What is
    /// hashed is the secret as it is written there: in another encoding, it is another.
    #[must_use]
    pub fn keyed_hash(mut self, key: impl Into<Vec<u8>>) -> RedactorBuilder {
        self.key = Some(key.into());
        self
    }

    /// Does not look for what is [known by its looks](Redactor#what-is-known-by-its-looks).
    #[must_use]
    pub fn without_tokens(mut self) -> RedactorBuilder {
        self.without_tokens = true;
        self
    }

    /// The redactor.
    ///
    /// # Errors
    ///
    /// [`RedactorError`] for options that are invalid, or that it would have to ignore.
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
        let paths = self.paths.into_iter().map(|text| Path {
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
    /// Short secrets could be found by hashing guesses.
    #[error("the keyed hash of a redactor needs a key that is not empty")]
    NoKey,
    /// A value that would hide half of every text, or nothing. It is not quoted: it may be a part
    /// of a secret.
    #[error(
        "value {number} of the redactor has {characters} characters without white space at its ends, and needs at least {minimum}"
    )]
    ShortValue {
        /// Which of the values, in the order in which they were given, counted from 1.
        number: usize,
        /// How many characters it has, without white space at its ends.
        characters: usize,
        /// How many it must have.
        minimum: usize,
    },
    /// A value that contains the replacement of secrets would be hidden again and again.
    #[error("value {number} of the redactor contains the text that replaces secrets")]
    MarkInValue {
        /// Which of the values, in the order in which they were given, counted from 1.
        number: usize,
    },
    /// A path that no key can be at.
    #[error(
        "the path \"{path}\" of a redactor has an empty key; write keys with dots between them"
    )]
    EmptyPath {
        /// The path.
        path: Text,
    },
    /// A pattern that is no regular expression.
    #[error("the pattern \"{pattern}\" of a redactor cannot be used: {problem}")]
    Pattern {
        /// The pattern.
        pattern: Text,
        /// What is wrong with it.
        problem: Text,
    },
}

//! Hiding secrets in what leaves the runtime: which they are, and what stands in their place.
//! Where in evidence, errors and log lines they are looked for is in `structured` and `lines`. Nothing here decides what a plugin may see.

mod assignments;
mod hmac;
mod lines;
mod pem;
mod spans;
mod structured;
mod tokens;

pub(crate) use lines::Lines;

use crate::printable::Text;
use spans::{End, Spans};
use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

type Rule = dyn Fn(&str) -> String + Send + Sync;

/// What stands where a secret stood.
const MARK: &str = "[REDACTED]";

/// Shorter values are part of too many innocent words.
const SHORTEST: usize = 4;

/// A line of a secret that has several is looked for by itself if it has so many bytes: such
/// secrets are printed line by line.
const SHORTEST_LINE: usize = 8;

/// Hides secrets in evidence, errors, log lines and reports of denials.
///
/// It knows a secret by its value, by what it looks like ([tokens](#what-is-known-by-its-looks)),
/// or by its place in the evidence. It guards against plugins that tell too much by accident: one
/// that means to can always spell a secret backwards. Replies to a plugin are never changed, nor
/// are keys of objects.
///
/// Cloning gives another handle to the same redactor, so that an embedder can
/// [`track`](Self::track) secrets that come up while plugins run.
///
/// ```
/// use tollgate::{Redactor, Runtime};
///
/// let redactor = Redactor::builder().value("hunter2").path("api_key").build()?;
/// let runtime = Runtime::builder().redact(redactor.clone()).build()?;
/// redactor.track("correct horse");
/// assert_eq!(redactor.redact("hunter2, correct horse"), "[REDACTED], [REDACTED]");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # What is known by its looks
///
/// * whole PEM blocks of private keys, also where the lines come one by one;
/// * keys and tokens of AWS (`AKIA…`), GitHub (`ghp_…`, `github_pat_…`), GitLab (`glpat-…`), Slack
///   (`xoxb-…`, `xapp-…`, web hooks), Stripe (`sk_live_…`, `rk_test_…`), SendGrid (`SG.…`), Google
///   (`AIza…`, `ya29.…`), OpenAI and Anthropic (`sk-…`), npm, PyPI, Hugging Face, DigitalOcean,
///   Shopify, Vault and age;
/// * JSON Web Tokens;
/// * what is assigned to a name such as `DB_PASSWORD` or `token` and looks random: 12 to 150
///   characters with letters and digits, of an entropy of at least 3.5 bits each.
///
/// Strings under a key that ends in `_b64` are decoded, searched, and encoded again.
#[derive(Clone)]
pub struct Redactor {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    values: RwLock<Vec<String>>,
    tokens: bool,
    paths: Vec<String>,
    #[cfg(feature = "regex")]
    patterns: Vec<regex::Regex>,
    /// The key of the hash that stands where a secret stood, instead of a fixed word.
    key: Option<Vec<u8>>,
    rule: Option<Box<Rule>>,
}

impl Redactor {
    /// Options for a redactor. Without any, it hides what is known by its looks.
    pub fn builder() -> RedactorBuilder {
        RedactorBuilder::default()
    }

    /// A redactor that does what `rule` says, and nothing else.
    pub fn from_rule(rule: impl Fn(&str) -> String + Send + Sync + 'static) -> Redactor {
        Redactor {
            inner: Arc::new(Inner {
                rule: Some(Box::new(rule)),
                ..Inner::default()
            }),
        }
    }

    /// From now on, hides `value`, and each line of it that has 8 bytes or more. Values shorter
    /// than 4 characters would hide half of every text: they are not taken, and the answer is
    /// `false`.
    pub fn track(&self, value: &str) -> bool {
        let takes = value.chars().count() >= SHORTEST;
        if takes {
            self.track_even_short(value);
        }
        takes
    }

    /// From now on, hides `value` however short it is, unless it is empty.
    pub fn track_even_short(&self, value: &str) {
        let mut values = self
            .inner
            .values
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let lines = value.lines().map(str::trim);
        let lines = lines.filter(|line| line.len() >= SHORTEST_LINE);
        for secret in [value].into_iter().chain(lines) {
            if !secret.is_empty() && !values.iter().any(|known| known == secret) {
                values.push(secret.to_owned());
            }
        }
        // Where a secret is the beginning of another, the longer one is what was meant.
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    }

    /// The text without the secrets in it.
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        self.text(&mut text);
        text
    }

    /// Bytes without the secrets in them. The embedder's rule and patterns are for text, and do not
    /// see bytes that are none.
    pub(crate) fn redact_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.redact(text).into_bytes(),
            Err(_) => {
                let spans = self.find_bytes(bytes, End::Whole);
                spans.replace_bytes(bytes, |secret| self.mark(secret))
            }
        }
    }

    fn text(&self, text: &mut String) {
        self.cut_text(text, End::Whole);
    }

    /// As [`text`](Self::text), for one that may have lost its end.
    fn cut_text(&self, text: &mut String, end: End) {
        let spans = self.find(text, end);
        self.hide(text, spans);
    }

    fn find(&self, text: &str, end: End) -> Spans {
        let mut spans = self.find_bytes(text.as_bytes(), end);
        #[cfg(feature = "regex")]
        for pattern in &self.inner.patterns {
            spans.extend(pattern.find_iter(text).map(|found| found.range()));
        }
        spans.merge();
        spans
    }

    /// What can be found in bytes that need not be text.
    fn find_bytes(&self, bytes: &[u8], end: End) -> Spans {
        let mut spans = Spans::default();
        let values = self.inner.values.read();
        for value in values.unwrap_or_else(PoisonError::into_inner).iter() {
            spans.add_value(bytes, value.as_bytes(), end);
        }
        if self.inner.tokens {
            tokens::find(bytes, end, &mut spans);
            assignments::find(bytes, &mut spans);
            pem::find(bytes, &mut spans);
        }
        spans.merge();
        spans
    }

    fn hide(&self, text: &mut String, spans: Spans) {
        if !spans.is_empty() {
            *text = spans.replace_in(text, |secret| self.mark(secret.as_bytes()));
        }
        if let Some(rule) = &self.inner.rule {
            *text = rule(text);
        }
    }

    /// What stands in the place of `secret`.
    fn mark(&self, secret: &[u8]) -> String {
        match &self.inner.key {
            Some(key) => format!("[hmac:{}]", hmac::hex_half(key, secret)),
            None => MARK.to_owned(),
        }
    }
}

/// Tells how much it knows, and nothing of what.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.inner.values.read();
        f.debug_struct("Redactor")
            .field(
                "values",
                &values.unwrap_or_else(PoisonError::into_inner).len(),
            )
            .field("tokens", &self.inner.tokens)
            .field("paths", &self.inner.paths)
            .field("keyed_hash", &self.inner.key.is_some())
            .field("rule", &self.inner.rule.is_some())
            .finish_non_exhaustive()
    }
}

/// Options for a [`Redactor`].
#[derive(Default)]
pub struct RedactorBuilder {
    values: Vec<String>,
    short_values: Vec<String>,
    without_tokens: bool,
    paths: Vec<String>,
    #[cfg(feature = "regex")]
    patterns: Vec<String>,
    key: Option<Vec<u8>>,
    rule: Option<Box<Rule>>,
}

impl RedactorBuilder {
    /// Hides this value; see [`Redactor::track`].
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> RedactorBuilder {
        self.values.push(value.into());
        self
    }

    /// Hides this value however short it is; see [`Redactor::track_even_short`].
    #[must_use]
    pub fn short_value(mut self, value: impl Into<String>) -> RedactorBuilder {
        self.short_values.push(value.into());
        self
    }

    /// Hides whatever string, number or boolean stands at this place: keys with dots between them,
    /// as `api_key` or `server.password`. It counts from the top of the evidence's data or from
    /// any object in it; the elements of a list are at the place of the list. An attribute of a
    /// log line is at its key.
    #[must_use]
    pub fn path(mut self, path: impl Into<String>) -> RedactorBuilder {
        self.paths.push(path.into());
        self
    }

    /// Hides whatever this regular expression (of the crate `regex`) matches.
    #[cfg(feature = "regex")]
    #[must_use]
    pub fn pattern(mut self, pattern: impl Into<String>) -> RedactorBuilder {
        self.patterns.push(pattern.into());
        self
    }

    /// Applies this rule to each text, after everything else.
    #[must_use]
    pub fn rule(mut self, rule: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.rule = Some(Box::new(rule));
        self
    }

    /// Puts `[hmac:…]` in a secret's place instead of `[REDACTED]`: the first half of its HMAC-SHA256
    /// under this key, so that who compares two outputs sees whether they hold the same secret.
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
    /// [`RedactorError`] if an option cannot be.
    pub fn build(self) -> Result<Redactor, RedactorError> {
        if self.key.as_ref().is_some_and(Vec::is_empty) {
            return Err(RedactorError::NoKey);
        }
        #[cfg(feature = "regex")]
        let patterns = compile(self.patterns)?;
        let redactor = Redactor {
            inner: Arc::new(Inner {
                values: RwLock::default(),
                tokens: !self.without_tokens,
                paths: self.paths,
                #[cfg(feature = "regex")]
                patterns,
                key: self.key,
                rule: self.rule,
            }),
        };
        for value in &self.values {
            redactor.track(value);
        }
        for value in &self.short_values {
            redactor.track_even_short(value);
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

/// Options of a redactor that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedactorError {
    /// Anybody could find short secrets out by hashing guesses.
    #[error("the keyed hash of a redactor needs a key that is not empty")]
    NoKey,
    /// A pattern that is no regular expression.
    #[error("the pattern \"{pattern}\" of a redactor cannot be used: {problem}")]
    Pattern {
        /// The pattern.
        pattern: Text,
        /// What is wrong with it.
        problem: Text,
    },
}

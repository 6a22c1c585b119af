//! Replacing secrets in the output of the runtime: which they are, and what replaces them. `structured`
//! and `lines` say where in evidence, errors and log lines they are searched for, `search` says how.
//! This module does not restrict what a plugin can read.

mod assignments;
mod automaton;
mod build;
mod decode;
mod hmac;
mod layer;
mod lines;
mod pem;
mod search;
mod spans;
mod structured;
#[cfg(test)]
mod tests;
mod tokens;
mod values;

pub use build::{RedactorBuilder, RedactorError};
pub(crate) use lines::Lines;

use alloc::{borrow::ToOwned, boxed::Box, string::String, sync::Arc, vec::Vec};
use automaton::Automaton;
use core::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};
use search::SecretSearch;
use spans::{HASH, HASH_DIGITS, LONGEST_MARK, MARK, Spans, TextEnd};
use values::Values;

type RedactionRule = dyn Fn(&str) -> String + Send + Sync;

/// The minimum length of a value in characters: shorter values are part of too many ordinary words.
const SHORTEST: usize = 4;

/// Replaces secrets in the output of the runtime: evidence, descriptions, schemas, errors, log lines,
/// reports of denials, and transcripts.
///
/// It finds a secret by its value, by its format ([tokens](#recognized-formats)), or by its path in the
/// evidence. It protects against plugins that reveal secrets by accident. It cannot stop a plugin that
/// does so on purpose: such a plugin can, for example, reverse the text. See [what is not
/// found](#what-is-not-found).
///
/// A clone is a handle to the same redactor, so an embedder can [add](Self::add_value) secrets that it
/// learns while plugins run.
///
/// ```
/// use tollgate::{Redactor, Runtime};
///
/// let redactor = Redactor::builder().value("hunter2").path("api_key").build()?;
/// let runtime = Runtime::builder().redactor(redactor.clone()).build()?;
/// redactor.add_value("correct horse")?;
/// assert_eq!(redactor.redact("hunter2, correct horse"), "[REDACTED], [REDACTED]");
/// assert_eq!(redactor.redact("token=aHVudGVyMg== correct%20horse"), "token=[REDACTED] [REDACTED]");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Recognized formats
///
/// * whole PEM blocks of private keys, also in separate log lines;
/// * keys and tokens of AWS (`AKIA…`), GitHub (`ghp_…`, `github_pat_…`), GitLab (`glpat-…`), Slack
///   (`xoxb-…`, `xapp-…`, web hooks), Stripe (`sk_live_…`, `rk_test_…`), SendGrid (`SG.…`), Google
///   (`AIza…`, `ya29.…`), OpenAI and Anthropic (`sk-…`), npm, PyPI, Hugging Face, DigitalOcean,
///   Shopify, Vault and age;
/// * JSON Web Tokens;
/// * random texts that are assigned to a name such as `DB_PASSWORD` or `token`: 12 to 150 characters
///   with letters and digits, and an entropy of at least 3.5 bits for each character.
///
/// # Encodings
///
/// Values and recognized formats are found in any text, under any key:
///
/// * unencoded;
/// * with escapes of JSON and of other languages (`\"`, `\/`, `\u00e9`, `\x41`, `\303`, `\u{e9}`);
/// * percent-encoded, in either case, and in forms, with `+` for a space;
/// * with character references of HTML: by number, and by name in ASCII and Latin-1;
/// * in hex, in either case;
/// * in base64, standard or for URLs, padded or not, wrapped or not, at any alignment within longer
///   base64;
/// * in up to three of these encodings, one within another.
///
/// Values are also found wrapped over lines, with any white space at the breaks, and in JSON numbers:
/// a number that contains the digits of the value, or is equal to it. Keys of objects are searched
/// too; if two keys become equal, one gets a number. Strings under a key that ends in `_b64` are
/// decoded as base64, searched, and encoded again.
///
/// Redacting a text twice is the same as redacting it once, except for patterns and rules of the
/// embedder.
///
/// # What is not found
///
/// * secrets in what is not searched: replies to a plugin, which are never changed; the bytes and the
///   memory of an [`Instance`](crate::Instance); a [`bake`](crate::Plugin::bake)d plugin; a
///   [`Review`](crate::Review), which shows grants unchanged; an [`Inspection`](crate::Inspection),
///   which describes a file and not a run;
/// * compressed or encrypted secrets, and other encodings: base32, base58, base85, quoted-printable,
///   punycode, UTF-16, lists of character codes, hex with separators between its bytes, shell
///   quoting;
/// * secrets that are reversed, changed in case or Unicode form, interleaved, or split: over two
///   fields, two items of a list, two log lines (except for values with lines of 8 bytes or more, and
///   private keys), two calls, or by anything except white space;
/// * tokens that are wrapped over lines (values and private keys are found);
/// * values of fewer than 4 characters, unless added as short values, and then only unencoded; parts
///   of values; hashes of values; values with control characters in base64 or hex;
/// * secrets in four nested encodings, and in three if the text around them has many encodings;
/// * tokens and keys of more than 16 KiB in their encoded form, and values whose encoded form is
///   longer than that and longer than 8 times the value;
/// * matches of [patterns](RedactorBuilder::pattern) and [rules](RedactorBuilder::rule) in keys, and in
///   encodings other than under keys that end in `_b64`;
/// * booleans; timestamps of evidence; digits beyond the 17th, which a number loses when it is parsed,
///   and leading zeros of a number if fewer than 4 characters remain;
/// * in transcripts: names, grants and directories of the operator; sizes, times and other numbers.
#[derive(Clone)]
pub struct Redactor {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    values: Values,
    /// Names that are assigned secrets; `None` if recognized formats are not searched for.
    names: Option<Automaton>,
    paths: Vec<HiddenPath>,
    #[cfg(feature = "regex")]
    patterns: Vec<regex::Regex>,
    /// The key of the hash that replaces a secret, instead of a fixed text.
    key: Option<Vec<u8>>,
    rule: Option<Box<RedactionRule>>,
}

/// A path in evidence whose value is replaced.
struct HiddenPath {
    text: String,
    /// Whether any value had this path so far.
    matched: AtomicBool,
}

impl Redactor {
    /// Returns a builder. By default the redactor replaces [recognized
    /// formats](#recognized-formats).
    #[must_use]
    pub fn builder() -> RedactorBuilder {
        RedactorBuilder::default()
    }

    /// Returns a redactor that applies only `rule`.
    pub fn from_rule(rule: impl Fn(&str) -> String + Send + Sync + 'static) -> Redactor {
        Redactor {
            inner: Arc::new(Inner {
                rule: Some(Box::new(rule)),
                ..Inner::default()
            }),
        }
    }

    /// Adds a secret value. It is trimmed; each of its lines of 8 bytes or more is a secret too.
    ///
    /// # Errors
    ///
    /// [`RedactorError::ShortValue`] if the trimmed value has fewer than 4 characters, since it would
    /// replace large parts of ordinary texts, and [`RedactorError::MarkInValue`]. On an error the value
    /// is not added.
    pub fn add_value(&self, value: &str) -> Result<(), RedactorError> {
        self.add(value, SHORTEST, 1)
    }

    /// Adds a secret value of any length. It is trimmed; fewer than 4 characters are found only
    /// unencoded.
    ///
    /// # Errors
    ///
    /// [`RedactorError::ShortValue`] if the trimmed value is empty, and
    /// [`RedactorError::MarkInValue`].
    pub fn add_short_value(&self, value: &str) -> Result<(), RedactorError> {
        self.add(value, 1, 1)
    }

    /// Adds a value of at least `minimum` characters. `number` is its number in error messages.
    fn add(&self, value: &str, minimum: usize, number: usize) -> Result<(), RedactorError> {
        let value = value.trim();
        let characters = value.chars().count();
        if characters < minimum {
            return Err(RedactorError::ShortValue {
                number,
                characters,
                minimum,
            });
        }
        if spans::next_mark(value.as_bytes(), 0).is_some() {
            return Err(RedactorError::MarkInValue { number });
        }
        self.inner.values.add(value, characters < SHORTEST);
        Ok(())
    }

    /// Returns the [paths](RedactorBuilder::path) that had no value since the redactor was built, in
    /// the given order. After a run, such a path is most likely a mistake.
    #[must_use]
    pub fn unmatched_paths(&self) -> Vec<String> {
        let paths = self.inner.paths.iter();
        let unmatched = paths.filter(|path| !path.matched.load(Ordering::Relaxed));
        unmatched.map(|path| path.text.clone()).collect()
    }

    /// Returns `text` with its secrets replaced.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        self.text(&mut text);
        text
    }

    /// Returns bytes with their secrets replaced. The embedder's rule and patterns apply only if they are
    /// UTF-8.
    pub(crate) fn redact_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        match core::str::from_utf8(bytes) {
            Ok(text) => self.redact(text).into_bytes(),
            Err(_) => {
                let spans = self.find(bytes, TextEnd::Whole);
                spans.replace(bytes, LONGEST_MARK, |secret| self.mark(secret))
            }
        }
    }

    fn text(&self, text: &mut String) {
        self.cut_text(text, TextEnd::Whole);
    }

    /// [`text`](Self::text) for a text whose end may be missing.
    fn cut_text(&self, text: &mut String, end: TextEnd) {
        let spans = self.find(text.as_bytes(), end);
        #[cfg(feature = "regex")]
        let spans = self.with_patterns(text, spans);
        self.hide(text, &spans);
        if let Some(rule) = &self.inner.rule {
            *text = rule(text);
        }
    }

    /// Replaces the secrets in a key of an object. Patterns and rules do not apply to keys.
    fn key(&self, key: &mut String) {
        let spans = self.find(key.as_bytes(), TextEnd::Whole);
        self.hide(key, &spans);
    }

    /// Finds the secrets in bytes, which need not be UTF-8.
    fn find(&self, bytes: &[u8], end: TextEnd) -> Spans {
        let search = SecretSearch {
            values: &self.inner.values.search(),
            names: self.inner.names.as_ref(),
        };
        search.find(bytes, end)
    }

    #[cfg(feature = "regex")]
    fn with_patterns(&self, text: &str, mut spans: Spans) -> Spans {
        for pattern in &self.inner.patterns {
            let found = pattern.find_iter(text).map(|found| found.range());
            found.for_each(|span| spans.add(span));
        }
        spans.merge();
        spans
    }

    fn hide(&self, text: &mut String, spans: &Spans) {
        if !spans.is_empty() {
            let hidden = spans.replace(text.as_bytes(), LONGEST_MARK, |it| self.mark(it));
            // Secrets are text, so all spans end between characters.
            *text = String::from_utf8_lossy(&hidden).into_owned();
        }
    }

    /// The text that replaces `secret`.
    fn mark(&self, secret: &[u8]) -> String {
        match &self.inner.key {
            Some(key) => format!("{HASH}{}]", hmac::hex_start(key, secret, HASH_DIGITS)),
            None => MARK.to_owned(),
        }
    }
}

/// Shows the options, but no secret.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths = self.inner.paths.iter().map(|path| &path.text);
        f.debug_struct("Redactor")
            .field("values", &self.inner.values.len())
            .field("tokens", &self.inner.names.is_some())
            .field("paths", &paths.collect::<Vec<_>>())
            .field("keyed_hash", &self.inner.key.is_some())
            .field("rule", &self.inner.rule.is_some())
            .finish_non_exhaustive()
    }
}

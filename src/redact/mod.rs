//! Hiding secrets in what leaves the runtime: which they are, and what stands in their place.
//! Where in evidence, errors and log lines they are looked for is in `structured` and `lines`, how
//! in `search`. Nothing here decides what a plugin may see.

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

use automaton::Automaton;
use search::Searched;
use spans::{End, HASH, HASH_DIGITS, LONGEST_MARK, MARK, Spans};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use values::Values;

type Rule = dyn Fn(&str) -> String + Send + Sync;

/// Values with fewer characters are part of too many innocent words.
const SHORTEST: usize = 4;

/// Hides secrets in what leaves the runtime: evidence, descriptions, schemas, errors, log lines,
/// reports of denials, and transcripts.
///
/// It finds a secret by its value, by what it looks like ([tokens](#what-is-known-by-its-looks)),
/// or by its place in the evidence. It guards against plugins that reveal too much by accident: a
/// plugin that means to can always spell a secret backwards. See [what it does not
/// find](#what-is-not-found).
///
/// Cloning returns another handle to the same redactor, so that an embedder can
/// [`track`](Self::track) secrets that come up while plugins run.
///
/// ```
/// use tollgate::{Redactor, Runtime};
///
/// let redactor = Redactor::builder().value("hunter2").path("api_key").build()?;
/// let runtime = Runtime::builder().redactor(redactor.clone()).build()?;
/// redactor.track("correct horse")?;
/// assert_eq!(redactor.redact("hunter2, correct horse"), "[REDACTED], [REDACTED]");
/// assert_eq!(redactor.redact("token=aHVudGVyMg== correct%20horse"), "token=[REDACTED] [REDACTED]");
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
/// # Encodings
///
/// Values and what is known by its looks are found in any text, under any key:
///
/// * as they are;
/// * with escapes of JSON and of other languages (`\"`, `\/`, `\u00e9`, `\x41`, `\303`, `\u{e9}`);
/// * percent-encoded, in either case, and in forms, with `+` for a space;
/// * with character references of HTML: by number, and by name in ASCII and Latin-1;
/// * in hex, in either case;
/// * in base64, standard or for URLs, padded or not, wrapped or not, at any alignment within longer
///   base64;
/// * in one of these within another, up to three.
///
/// Values are also found wrapped over lines, whatever white space is at the breaks, and as JSON
/// numbers: a number with the value among its digits, or equal to it. Keys of objects are searched
/// like texts; where two become the same, a number is added to one. Strings under a key that ends
/// in `_b64` are base64 for sure: they are decoded, searched, and encoded again.
///
/// Hiding twice changes nothing more, unless patterns or a rule of the embedder's do.
///
/// # What is not found
///
/// * where it does not look: replies to a plugin, which are never changed; the bytes and the memory
///   of an [`Instance`](crate::Instance); a [`bake`](crate::Plugin::bake)d plugin; a
///   [`Review`](crate::Review), which is of grants as they are; an
///   [`Inspection`](crate::Inspection), which is of a file and not of a run;
/// * what is compressed or encrypted, and other encodings: base32, base58, base85,
///   quoted-printable, punycode, UTF-16, lists of character codes, hex with signs between its
///   bytes, quotes that a shell needs;
/// * what is reversed, in other letters (upper for lower case, other forms of Unicode), interleaved
///   or split: over two fields, two items of a list, two log lines (other than lines of 8 bytes or
///   more and private keys), two calls, or by anything but white space;
/// * tokens, but not values and private keys, that are wrapped over lines;
/// * values of less than 4 characters, unless they are forced, and then only as they are; parts of
///   values; hashes of values; values with control characters in base64 or hex;
/// * four encodings in one another, and three where the text around them has many encodings of its
///   own;
/// * tokens and keys of more than 16 KiB in their encoded form, and values whose encoded form has
///   more than that and more than 8 times their length;
/// * what [patterns](RedactorBuilder::pattern) and [rules](RedactorBuilder::rule) are for, in keys,
///   and in encodings other than under keys that end in `_b64`;
/// * booleans; timestamps of evidence; digits that a number loses when it is read, beyond 17, and
///   zeros before it where fewer than 4 characters are left;
/// * in transcripts: names, grants and folders of the operator's; sizes, times and other figures.
#[derive(Clone)]
pub struct Redactor {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    values: Values,
    /// Names that promise secrets, if what is known by its looks is hidden.
    names: Option<Automaton>,
    paths: Vec<Path>,
    #[cfg(feature = "regex")]
    patterns: Vec<regex::Regex>,
    /// The key of the hash that stands where a secret stood, instead of a fixed word.
    key: Option<Vec<u8>>,
    rule: Option<Box<Rule>>,
}

/// A place in evidence that is hidden whole.
struct Path {
    text: String,
    /// Whether it hid anything so far.
    matched: AtomicBool,
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

    /// From now on, hides `value`, without white space at its ends, and each line of it that has 8
    /// bytes or more.
    ///
    /// # Errors
    ///
    /// [`RedactorError::ShortValue`] if fewer than 4 characters are left, which would hide half of
    /// every text, and [`RedactorError::MarkInValue`]. Nothing is tracked then.
    pub fn track(&self, value: &str) -> Result<(), RedactorError> {
        self.add(value, SHORTEST, 1)
    }

    /// From now on, hides `value`, without white space at its ends, however short it is.
    ///
    /// # Errors
    ///
    /// [`RedactorError::ShortValue`] if nothing is left, and [`RedactorError::MarkInValue`].
    pub fn track_even_short(&self, value: &str) -> Result<(), RedactorError> {
        self.add(value, 1, 1)
    }

    /// `number` says which value it is, if it cannot be taken.
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

    /// The [paths](RedactorBuilder::path) that hid nothing since the redactor was built, in the
    /// order in which they were given. After a run, one that is left is most likely a mistake.
    pub fn unmatched_paths(&self) -> Vec<String> {
        let paths = self.inner.paths.iter();
        let unmatched = paths.filter(|path| !path.matched.load(Ordering::Relaxed));
        unmatched.map(|path| path.text.clone()).collect()
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
                let spans = self.find(bytes, End::Whole);
                spans.replace(bytes, LONGEST_MARK, |secret| self.mark(secret))
            }
        }
    }

    fn text(&self, text: &mut String) {
        self.cut_text(text, End::Whole);
    }

    /// As [`text`](Self::text), for one that may have lost its end.
    fn cut_text(&self, text: &mut String, end: End) {
        let spans = self.find(text.as_bytes(), end);
        #[cfg(feature = "regex")]
        let spans = self.with_patterns(text, spans);
        self.hide(text, &spans);
        if let Some(rule) = &self.inner.rule {
            *text = rule(text);
        }
    }

    /// Hides the secrets in a key of an object. Patterns and rules are meant for texts.
    fn key(&self, key: &mut String) {
        let spans = self.find(key.as_bytes(), End::Whole);
        self.hide(key, &spans);
    }

    /// Finds the secrets in bytes that need not be text.
    fn find(&self, bytes: &[u8], end: End) -> Spans {
        let searched = Searched {
            values: &self.inner.values.search(),
            names: self.inner.names.as_ref(),
        };
        searched.find(bytes, end)
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
            // What was searched for is text, so all borders are those of characters.
            *text = String::from_utf8_lossy(&hidden).into_owned();
        }
    }

    /// What stands in the place of `secret`.
    fn mark(&self, secret: &[u8]) -> String {
        match &self.inner.key {
            Some(key) => format!("{HASH}{}]", hmac::hex_start(key, secret, HASH_DIGITS)),
            None => MARK.to_owned(),
        }
    }
}

/// Shows how much it knows, and nothing of what.
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

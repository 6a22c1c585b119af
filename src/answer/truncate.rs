//! Cutting evidence to its limit: what is cut first, and how that is reported. Called after secrets
//! are hidden, so that none can be cut in two.

use crate::printable::counted;
use crate::room::{byte_len, entry_len, json_len, map_len, text_len};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use serde_json::{Map, Value, json};
use tollgate_abi::{ErrorDetail, Evidence};

/// What ends a text that was cut.
const MARK: &str = "\n... [TRUNCATED] ...";

/// How evidence was cut.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Truncation {
    /// Always true: what was not cut has no `Truncation`.
    pub truncated: bool,
    /// How many bytes of JSON data and raw text had, and whichever of the message, the metadata and
    /// the error was cut too.
    pub original_size_bytes: usize,
    /// The limit, [`Limits::evidence_bytes`](crate::Limits::evidence_bytes).
    pub truncated_at_bytes: usize,
    /// Why, for people.
    pub reason: String,
}

/// Cuts evidence until the JSON of its data and its raw text have at most `limit` bytes, and returns
/// what it did if it had to. Nothing fits into less than the 2 bytes of `{}`.
///
/// Long values go first: a string that has more than half of the limit is cut there, between two
/// characters, and ends with `... [TRUNCATED] ...`; an object or list becomes
/// `{"_truncated":true,"_type":"object"}` (or `"array"`). If that is not enough, the half is
/// halved, and so on; what then still does not fit is left out from the end, in the order of keys.
///
/// The message, the metadata and the error may each have as many bytes again. A longer message is
/// cut, longer metadata become `{"_truncated":true}`, and a longer error loses its cause, details
/// and stack; what it still has too much of is cut as well.
///
/// ```
/// use tollgate::{Evidence, truncate_evidence};
///
/// let mut evidence = Evidence { raw: Some("x".repeat(5000)), ..Evidence::default() };
/// let truncation = truncate_evidence(&mut evidence, 1000).unwrap();
/// assert_eq!(truncation.original_size_bytes, 5004); // with the quotes, and `{}` for the data
/// assert_eq!(evidence.raw.unwrap().len(), 500 + "\n... [TRUNCATED] ...".len());
/// ```
pub fn truncate_evidence(evidence: &mut Evidence, limit: usize) -> Option<Truncation> {
    let raw = evidence.raw.as_deref().map_or(0, text_len);
    let answer = map_len(&evidence.data) + raw;
    let words = cut_words(evidence, limit);
    if answer <= limit && words == 0 {
        return None;
    }
    if answer > limit {
        match highest_threshold(evidence, limit) {
            Some(threshold) => cut_to(evidence, threshold),
            None => {
                evidence.raw = None;
                cut_to(evidence, 0);
                drop_last(evidence, limit);
            }
        }
    }
    let original_size_bytes = answer.saturating_add(words);
    Some(Truncation {
        truncated: true,
        original_size_bytes,
        truncated_at_bytes: limit,
        reason: format!(
            "the evidence has {}, more than the limit of {limit}",
            counted(original_size_bytes, "byte")
        ),
    })
}

/// Cuts what evidence says beside its data and raw text, and returns how many bytes that had which
/// was cut.
fn cut_words(evidence: &mut Evidence, limit: usize) -> usize {
    let mut original = 0;
    if let Some(message) = &mut evidence.message
        && text_len(message) > limit
    {
        original += text_len(message);
        cut_json(message, limit);
    }
    if let Some(metadata) = &mut evidence.metadata
        && map_len(metadata) > limit
    {
        original += map_len(metadata);
        *metadata = Map::from_iter([("_truncated".to_owned(), Value::Bool(true))]);
    }
    if let Some(error) = &mut evidence.error
        && error_len(error) > limit
    {
        original += error_len(error);
        (error.wrapped, error.details, error.stack) = (None, None, None);
        // The message comes last: it may have all that is left.
        let mut left = limit.saturating_sub(error_len(&ErrorDetail::default()));
        for text in [&mut error.kind, &mut error.code, &mut error.message] {
            cut_json(text, left.saturating_add(2));
            left = left.saturating_sub(text_len(text).saturating_sub(2));
        }
    }
    original
}

/// The bytes of JSON of an error, or some more.
fn error_len(error: &ErrorDetail) -> usize {
    const KEYS: &str = r#"{"message":,"type":,"code":,"is_timeout":true,"is_not_found":true,"wrapped":,"details":,"stack":}"#;
    let texts = [&error.message, &error.kind, &error.code];
    let own: usize = texts.into_iter().map(|text| text_len(text)).sum();
    let details = error.details.as_ref().map_or(0, map_len);
    let stack = error.stack.as_deref().map_or(0, text_len);
    let wrapped = error.wrapped.as_deref().map_or(0, error_len);
    KEYS.len() + own + details + stack + wrapped
}

/// Cuts a text to so many bytes of JSON, its quotes and the mark included.
fn cut_json(text: &mut String, most: usize) {
    if text_len(text) <= most {
        return;
    }
    let room = most.saturating_sub(text_len(MARK));
    let mut used = 0;
    let kept = text.bytes().take_while(|byte| {
        used += byte_len(*byte);
        used <= room
    });
    let kept = text.get(..border(text, kept.count())).unwrap_or_default();
    *text = match kept.is_empty() {
        true => String::new(),
        false => format!("{kept}{MARK}"),
    };
}

/// To what length long values must be cut: the half of the limit, the half of that, and so on.
/// The size for each is counted in one pass, and nothing is copied.
fn highest_threshold(evidence: &Evidence, limit: usize) -> Option<usize> {
    let mut sizes = Sizes::new(limit);
    for (key, value) in &evidence.data {
        sizes.add(text_len(key) + 2);
        match value {
            Value::String(text) => sizes.add_text(text),
            Value::Object(_) => sizes.add_replaced(json_len(value), json_len(&stub("object"))),
            Value::Array(_) => sizes.add_replaced(json_len(value), json_len(&stub("array"))),
            other => sizes.add(json_len(other)),
        }
    }
    // The brackets; every entry came with a comma or one of them.
    sizes.add(if evidence.data.is_empty() { 2 } else { 1 });
    if let Some(raw) = &evidence.raw {
        sizes.add_text(raw);
    }
    let mut fitting = sizes.0.iter().rev().filter(|(_, size)| *size <= limit);
    fitting.next().map(|(threshold, _)| *threshold)
}

/// Thresholds from 0 up, and the size of what was added so far if it is cut there.
struct Sizes(Vec<(usize, usize)>);

impl Sizes {
    fn new(limit: usize) -> Sizes {
        let halves = (1..usize::BITS).rev().map(|times| limit >> times);
        let thresholds = [0].into_iter().chain(halves.filter(|half| *half > 0));
        Sizes(thresholds.map(|threshold| (threshold, 0)).collect())
    }

    /// Adds what is never cut.
    fn add(&mut self, length: usize) {
        self.0.iter_mut().for_each(|(_, size)| *size += length);
    }

    /// Adds what is replaced as a whole if it is longer than a threshold.
    fn add_replaced(&mut self, whole: usize, replaced: usize) {
        for (threshold, size) in &mut self.0 {
            *size += if whole > *threshold { replaced } else { whole };
        }
    }

    fn add_text(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        let (mut counted, mut length) = (0, text_len(""));
        let mark = text_len(MARK) - text_len("");
        for (threshold, size) in &mut self.0 {
            let border = border(text, *threshold);
            let (more, behind) = rest.split_at(border.saturating_sub(counted).min(rest.len()));
            length += more.iter().map(|byte| byte_len(*byte)).sum::<usize>();
            (rest, counted) = (behind, border);
            *size += length + if rest.is_empty() { 0 } else { mark };
        }
    }
}

fn cut_to(evidence: &mut Evidence, threshold: usize) {
    for value in evidence.data.values_mut() {
        match value {
            Value::String(text) => cut(text, threshold, MARK),
            Value::Object(_) if json_len(value) > threshold => *value = stub("object"),
            Value::Array(_) if json_len(value) > threshold => *value = stub("array"),
            _ => {}
        }
    }
    if let Some(raw) = &mut evidence.raw {
        cut(raw, threshold, MARK);
    }
}

/// Cuts a text of more than `most` bytes between two characters, and ends it with `mark`.
pub(crate) fn cut(text: &mut String, most: usize, mark: &str) {
    if text.len() > most {
        // A new text, so that the memory of the long one is free.
        let kept = text.get(..border(text, most)).unwrap_or_default();
        *text = format!("{kept}{mark}");
    }
}

/// The last place between two characters that is not behind `at`.
fn border(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    let mut places = (0..=at).rev();
    places.find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

fn stub(kind: &str) -> Value {
    json!({ "_truncated": true, "_type": kind })
}

/// Keeps the first values that fit, with a mark that some are missing.
fn drop_last(evidence: &mut Evidence, limit: usize) {
    let mark = ("_truncated".to_owned(), Value::Bool(true));
    let mut kept: Map<String, Value> = Map::new();
    let mut used = 2;
    let mark_size = entry_len(&mark.0, &mark.1);
    if used + mark_size <= limit {
        used += mark_size;
        kept.extend([mark]);
    }
    for (key, value) in core::mem::take(&mut evidence.data) {
        used += entry_len(&key, &value);
        if used > limit {
            break;
        }
        kept.insert(key, value);
    }
    evidence.data = kept;
}

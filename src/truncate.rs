//! Making evidence fit: what is cut first, and what is told of it. Called after secrets are hidden,
//! so that none can be cut in two.

use serde_json::{Map, Value, json};
use tollgate_abi::Evidence;

/// What ends a text that was cut.
const MARK: &str = "\n... [TRUNCATED] ...";

/// Told of evidence that was cut.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Truncation {
    /// Always true: what was not cut has no `Truncation`.
    pub truncated: bool,
    /// How many bytes of JSON data and raw text had.
    pub original_size_bytes: usize,
    /// The limit, [`Limits::evidence_bytes`](crate::Limits::evidence_bytes).
    pub truncated_at_bytes: usize,
    /// Why, for people.
    pub reason: String,
}

/// Cuts evidence until the JSON of its data and its raw text have at most `limit` bytes, and tells
/// if it had to; 0 is no limit. Nothing fits into less than the 2 bytes of `{}`.
///
/// Long values go first: a string that has more than half of the limit is cut there, between two
/// characters, and ends with `... [TRUNCATED] ...`; an object or list becomes
/// `{"_truncated":true,"_type":"object"}` (or `"array"`). If that is not enough, the half is
/// halved, and so on; what then still does not fit is left out from the end, in the order of keys.
///
/// ```
/// use tollgate::{Evidence, fit};
///
/// let mut evidence = Evidence { raw: Some("x".repeat(5000)), ..Evidence::default() };
/// let told = fit(&mut evidence, 1000).unwrap();
/// assert_eq!(told.original_size_bytes, 5004); // with the quotes, and `{}` for the data
/// assert_eq!(evidence.raw.unwrap().len(), 500 + "\n... [TRUNCATED] ...".len());
/// ```
pub fn fit(evidence: &mut Evidence, limit: usize) -> Option<Truncation> {
    if limit == 0 {
        return None;
    }
    let original_size_bytes = size(&evidence.data, evidence.raw.as_deref());
    if original_size_bytes <= limit {
        return None;
    }
    let whole = Whole::new(evidence);
    let mut threshold = limit / 2;
    let (data, raw) = loop {
        let (data, raw) = whole.cut(threshold);
        if size(&data, raw.as_deref()) <= limit {
            break (data, raw);
        }
        if threshold == 0 {
            break drop_last(data, limit);
        }
        threshold /= 2;
    };
    evidence.data = data;
    evidence.raw = raw;
    Some(Truncation {
        truncated: true,
        original_size_bytes,
        truncated_at_bytes: limit,
        reason: format!(
            "the evidence has {original_size_bytes} bytes, more than the limit of {limit}"
        ),
    })
}

/// Evidence with the sizes of its values.
struct Whole<'a> {
    data: Vec<(&'a String, &'a Value, usize)>,
    raw: Option<&'a str>,
}

impl Whole<'_> {
    fn new(evidence: &Evidence) -> Whole<'_> {
        let data = evidence.data.iter();
        Whole {
            data: data
                .map(|(key, value)| (key, value, json_len(value)))
                .collect(),
            raw: evidence.raw.as_deref(),
        }
    }

    fn cut(&self, threshold: usize) -> (Map<String, Value>, Option<String>) {
        let values = self.data.iter().map(|(key, value, length)| {
            let value = match value {
                Value::String(text) => Value::String(cut(text, threshold)),
                Value::Object(_) if *length > threshold => stub("object"),
                Value::Array(_) if *length > threshold => stub("array"),
                other => (*other).clone(),
            };
            ((*key).clone(), value)
        });
        (values.collect(), self.raw.map(|raw| cut(raw, threshold)))
    }
}

fn cut(text: &str, threshold: usize) -> String {
    if text.len() <= threshold {
        return text.to_owned();
    }
    let border = (0..=threshold).rev().find(|at| text.is_char_boundary(*at));
    let kept = text.get(..border.unwrap_or(0));
    format!("{}{MARK}", kept.unwrap_or_default())
}

fn stub(kind: &str) -> Value {
    json!({ "_truncated": true, "_type": kind })
}

/// Keeps the first values that fit, for which a mark tells that some are missing.
fn drop_last(data: Map<String, Value>, limit: usize) -> (Map<String, Value>, Option<String>) {
    let mark = ("_truncated".to_owned(), Value::Bool(true));
    let mut kept: Map<String, Value> = Map::new();
    let mut used = 2;
    let entry = |key: &str, value: &Value| json_len(&key) + 1 + json_len(value) + 1;
    let mark_size = entry(&mark.0, &mark.1);
    if used + mark_size <= limit {
        used += mark_size;
        kept.extend([mark]);
    }
    for (key, value) in data {
        used += entry(&key, &value);
        if used > limit {
            break;
        }
        kept.insert(key, value);
    }
    (kept, None)
}

fn size(data: &Map<String, Value>, raw: Option<&str>) -> usize {
    json_len(data) + raw.map_or(0, |raw| json_len(&raw))
}

/// How many bytes of JSON a value has.
fn json_len(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(0, |json| json.len())
}

//! The secret values of the embedder, and the search for them: unencoded, wrapped over lines, and in
//! numbers.

use super::{
    SHORTEST,
    automaton::Automaton,
    layer::Layer,
    spans::{Spans, TextEnd, count},
};
use crate::sync::{Mutex, lock};
use alloc::{
    borrow::ToOwned,
    collections::BTreeMap,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use serde_json::Number;

/// A line of a secret is searched for separately if it has this many bytes, since secrets with several
/// lines are printed line by line.
const SHORTEST_LINE: usize = 8;

/// All secret values.
#[derive(Default)]
pub(super) struct Values(Mutex<ValueTable>);

#[derive(Default)]
struct ValueTable {
    /// Each with whether it is searched for only unencoded.
    values: BTreeMap<String, bool>,
    /// The search for them; built when it is first needed after a change.
    search: Option<Arc<ValueSearch>>,
}

impl Values {
    /// Adds a value and its lines. A `plain` value is searched for only unencoded.
    pub(super) fn add(&self, value: &str, plain: bool) {
        let mut registered = lock(&self.0);
        let lines = value.lines().map(str::trim);
        let lines = lines.filter(|line| line.len() >= SHORTEST_LINE);
        let lines = lines.map(|line| (line, line.chars().count() < SHORTEST));
        for (secret, plain) in [(value, plain)].into_iter().chain(lines) {
            let known = registered.values.entry(secret.to_owned()).or_insert(plain);
            *known &= plain;
        }
        registered.search = None;
    }

    pub(super) fn len(&self) -> usize {
        let registered = lock(&self.0);
        registered.values.len()
    }

    pub(super) fn search(&self) -> Arc<ValueSearch> {
        let mut registered = lock(&self.0);
        if let Some(search) = &registered.search {
            return search.clone();
        }
        let search = Arc::new(ValueSearch::new(&registered.values));
        registered.search = Some(search.clone());
        search
    }
}

/// Finds the values in a text.
pub(super) struct ValueSearch {
    words: Automaton,
    /// The values without white space.
    wrapped: Automaton,
    /// The values that are numbers, sorted.
    numbers: Vec<f64>,
    /// The length of the longest value.
    pub(super) longest: usize,
}

impl ValueSearch {
    fn new(values: &BTreeMap<String, bool>) -> ValueSearch {
        // In a form, each space is a plus sign.
        let forms: Vec<(String, bool)> = values
            .iter()
            .filter(|(value, _)| value.contains(' '))
            .map(|(value, plain)| (value.replace(' ', "+"), *plain))
            .collect();
        let forms = forms.iter().map(|(form, plain)| (form, *plain));
        let all = values.iter().map(|(value, plain)| (value, *plain));
        let words = all
            .chain(forms)
            .map(|(value, plain)| (value.as_bytes(), plain));
        let encoded = || values.iter().filter(|(_, plain)| !**plain);
        let wrapped: Vec<String> = encoded()
            .map(|(value, _)| value.split_whitespace().collect())
            .collect();
        let wrapped = wrapped
            .iter()
            .filter(|value| value.chars().count() >= SHORTEST);
        let numbers = encoded().filter_map(|(value, _)| value.parse().ok());
        let mut numbers: Vec<f64> = numbers.filter(|number: &f64| number.is_finite()).collect();
        numbers.sort_by(f64::total_cmp);
        ValueSearch {
            words: Automaton::new(words),
            wrapped: Automaton::new(wrapped.map(|value| (value.as_bytes(), false))),
            numbers,
            longest: values.keys().map(String::len).max().unwrap_or(0),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Finds the values in a text; `is_decoded` says whether it was decoded from another one.
    pub(super) fn find(&self, bytes: &[u8], end: TextEnd, is_decoded: bool, spans: &mut Spans) {
        if self.words.is_empty() {
            return;
        }
        count(bytes.len());
        let mut state = 0;
        for (end, byte) in (1..).zip(bytes) {
            state = self.words.step(state, *byte);
            if let Some(found) = self.words.longest(state)
                && !(found.plain && is_decoded)
            {
                spans.add(end - found.length..end);
            }
        }
        if end == TextEnd::Cut {
            spans.add(bytes.len() - self.words.depth(state)..bytes.len());
        }
    }

    /// Finds the values that are wrapped over lines in a text from which white space was removed.
    pub(super) fn find_wrapped(&self, layer: &Layer, spans: &mut Spans) {
        if self.wrapped.is_empty() {
            return;
        }
        count(layer.bytes().len());
        let mut breaks = layer.breaks().peekable();
        let mut last_break = 0;
        let mut state = 0;
        for (end, byte) in (1..).zip(layer.bytes()) {
            while let Some(at) = breaks.next_if(|at| *at < end) {
                last_break = at;
            }
            state = self.wrapped.step(state, *byte);
            if let Some(found) = self.wrapped.longest(state)
                && last_break > end - found.length
            {
                spans.add(end - found.length..end);
            }
        }
    }

    /// Whether a number is equal to a value or contains one in its digits.
    pub(super) fn is_in(&self, number: &Number) -> bool {
        let text = number.to_string();
        let mut spans = Spans::default();
        self.find(text.as_bytes(), TextEnd::Whole, false, &mut spans);
        // The formatter adds a point to the digits of very large and small numbers.
        if let Some((digits, _)) = text.split_once('e') {
            let digits = digits.replace('.', "");
            self.find(digits.as_bytes(), TextEnd::Whole, false, &mut spans);
        }
        let is_equal = |number: f64| {
            let order = |known: &f64| known.total_cmp(&number);
            self.numbers.binary_search_by(order).is_ok()
        };
        !spans.is_empty() || (text.len() >= SHORTEST && number.as_f64().is_some_and(is_equal))
    }
}

//! Patterns of schemas, by the crate `regex`. Each is compiled once for a schema, and what
//! compiling and matching may cost is taken from the budget first.

use super::{
    budget::{Budget, ensure_memory},
    ecma::translated,
};
use crate::error::TooExpensive;
use crate::sync::lock;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

/// The most bytes of all compiled patterns that one validation uses. What matching needs in
/// addition is about twice as much.
const MOST_BYTES: usize = 16 << 20;
/// The most bytes that are kept for the validations to come: those of the patterns that come first.
const KEPT_BYTES: usize = 4 << 20;
/// Bytes of a compiled pattern in addition to its program.
const BASE_BYTES: usize = 16 << 10;
/// The smallest limit for a program that is tried.
const SMALLEST: usize = 2 << 10;
/// What a program of this many bytes costs for each byte of a text is one step.
const BYTES_PER_STEP: usize = 16;

/// The compiled patterns of a schema, for validations to come.
#[derive(Default)]
pub(crate) struct PatternCache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    patterns: BTreeMap<String, Arc<Pattern>>,
    bytes: usize,
}

impl PatternCache {
    fn get(&self, text: &str) -> Option<Arc<Pattern>> {
        let kept = lock(&self.0);
        kept.patterns.get(text).cloned()
    }

    fn keep(&self, text: &str, pattern: &Arc<Pattern>) {
        let mut kept = lock(&self.0);
        let bytes = kept.bytes.saturating_add(pattern.bytes());
        if bytes > KEPT_BYTES {
            return;
        }
        let before = kept.patterns.insert(text.to_owned(), pattern.clone());
        if before.is_none() {
            kept.bytes = bytes;
        }
    }
}

/// The patterns that one validation uses.
pub(super) struct Patterns<'a> {
    cache: &'a PatternCache,
    used: BTreeMap<&'a str, Arc<Pattern>>,
    bytes: usize,
}

impl<'a> Patterns<'a> {
    pub(super) fn new(cache: &'a PatternCache) -> Patterns<'a> {
        Patterns {
            cache,
            used: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// The compiled pattern. It costs the same whether the cache has it or not, so that a
    /// validation ends in the same way whatever was validated before.
    pub(super) fn get(
        &mut self,
        text: &'a str,
        budget: &mut Budget<'_>,
    ) -> Result<Arc<Pattern>, TooExpensive> {
        budget.spend(64 + text.len())?;
        if let Some(pattern) = self.used.get(text) {
            return Ok(pattern.clone());
        }
        let pattern = match self.cache.get(text) {
            Some(pattern) => {
                budget.spend(pattern.cost)?;
                pattern
            }
            None => {
                let room = MOST_BYTES.saturating_sub(self.bytes);
                let pattern = Arc::new(Pattern::compile(text, room, budget)?);
                self.cache.keep(text, &pattern);
                pattern
            }
        };
        self.bytes = self.bytes.saturating_add(pattern.bytes());
        if self.bytes > MOST_BYTES {
            return Err(TooExpensive::Patterns { limit: MOST_BYTES });
        }
        self.used.insert(text, pattern.clone());
        Ok(pattern)
    }
}

pub(super) struct Pattern {
    /// Or why it cannot be read.
    regex: Result<regex::Regex, String>,
    /// The bytes that its program has at most.
    size: usize,
    /// The steps that compiling it costs.
    cost: usize,
}

impl Pattern {
    /// Compiles with a limit that is doubled until it is enough: so the size of the program is
    /// known, and with it what matching may cost.
    fn compile(text: &str, room: usize, budget: &mut Budget<'_>) -> Result<Pattern, TooExpensive> {
        // Some patterns take the square of their length to be read, such as `a?a?a?…`.
        let mut cost = text.len().saturating_mul(text.len());
        budget.spend(cost)?;
        let translated = match translated(text) {
            Ok(translated) => translated,
            Err(why) => {
                return Ok(Pattern {
                    regex: Err(why.to_owned()),
                    size: 0,
                    cost,
                });
            }
        };
        let mut size = translated.text.len().saturating_mul(16).max(SMALLEST);
        loop {
            let steps = translated.steps.saturating_add(size.saturating_mul(4));
            budget.spend(steps)?;
            cost = cost.saturating_add(steps);
            ensure_memory(translated.memory.saturating_add(size.saturating_mul(6)))?;
            let built = regex::RegexBuilder::new(&translated.text)
                .size_limit(size)
                .dfa_size_limit(size)
                .build();
            let regex = match built {
                Err(regex::Error::CompiledTooBig(_)) if size < room => {
                    size = size.saturating_mul(2);
                    continue;
                }
                Err(regex::Error::CompiledTooBig(_)) => {
                    return Err(TooExpensive::Patterns { limit: MOST_BYTES });
                }
                Ok(regex) => Ok(regex),
                Err(error) => {
                    // There is no program.
                    size = 0;
                    Err(short(&error))
                }
            };
            return Ok(Pattern { regex, size, cost });
        }
    }

    fn bytes(&self) -> usize {
        self.size.saturating_add(BASE_BYTES)
    }

    /// Whether it matches somewhere in `text`, or why that is not known.
    pub(super) fn matches(
        &self,
        text: &str,
        budget: &mut Budget<'_>,
    ) -> Result<Result<bool, &str>, TooExpensive> {
        let per_byte = self.size / BYTES_PER_STEP;
        budget.spend((text.len() + 1).saturating_mul(per_byte))?;
        Ok(match &self.regex {
            Ok(regex) => Ok(regex.is_match(text)),
            Err(why) => Err(why),
        })
    }
}

/// The last line says what is wrong; the lines before it draw where.
fn short(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines()
        .last()
        .unwrap_or_default()
        .trim_start_matches("error: ")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::budget::NEVER_LATE;

    fn matches(cache: &PatternCache, pattern: &str, text: &str) -> Result<bool, String> {
        let mut budget = Budget::new(0, 0, NEVER_LATE);
        let pattern = Patterns::new(cache).get(pattern, &mut budget).unwrap();
        let matches = pattern.matches(text, &mut budget).unwrap();
        matches.map_err(str::to_owned)
    }

    #[test]
    fn patterns_mean_what_the_other_language_says() {
        let cache = PatternCache::default();
        for (pattern, text, expected) in [
            ("^\\d+$", "123", true),
            ("^\\d+$", "\u{663}", false),
            ("^[\\w.-]+$", "a_1.b-c", true),
            ("^[\\w.-]+$", "é", false),
            ("^[^\\D]$", "5", true),
            ("\\bfoo\\b", "éfoo", true),
            ("^[[&~]+$", "[&~", true),
            ("^\\/etc\\/", "/etc/hosts", true),
            ("b", "abc", true),
            ("^\\p{L}+$", "éa", true),
            ("^(tcp|udp)$", "tcp\n", false),
            ("^(?<kind>tcp|udp)$", "udp", true),
            ("^[(?<a>]+$", "(?<a>", true),
            ("^\\((?:a|b)\\)$", "(b)", true),
            ("(?i)^abc$", "aBc", true),
            ("^[^]$", "\n", true),
            ("^[]", "a", false),
            ("^\\(?x", "x", true),
            ("^[(?x)]+$", "(?x)", true),
        ] {
            for _ in 0..2 {
                let seen = matches(&cache, pattern, text);
                assert_eq!(seen, Ok(expected), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_and_not_guessed() {
        let cache = PatternCache::default();
        for pattern in [
            "(", "(?=a)b", "(?<=a)b", "(a)\\1", "(?<>a)", "(?<a", "[", "(?x)a", "(?sx)a",
            "(?<a[>b)", "(?P<[>b)",
        ] {
            let told = matches(&cache, pattern, "ab").unwrap_err();
            assert!(!told.is_empty() && !told.contains('\n'), "{told}");
            assert_eq!(matches(&cache, pattern, "ab"), Err(told));
        }
    }

    /// Or a validation could end in one way or another after the same question.
    #[test]
    fn a_pattern_is_compiled_once_and_costs_the_same_each_time() {
        let cache = PatternCache::default();
        for pattern in ["^a{1,90}$", "("] {
            let cost = |budget: &mut Budget<'_>| {
                let pattern = Patterns::new(&cache).get(pattern, budget).unwrap();
                (budget.spent(), pattern)
            };
            let (first, compiled) = cost(&mut Budget::new(0, 0, NEVER_LATE));
            let (again, kept) = cost(&mut Budget::new(0, 0, NEVER_LATE));
            assert!(first == again && Arc::ptr_eq(&compiled, &kept));
        }
    }

    #[test]
    fn neither_one_pattern_nor_many_have_more_bytes_than_all_may() {
        let too_large = Err(TooExpensive::Patterns { limit: MOST_BYTES });
        let budget = &mut Budget::new(1 << 30, 0, NEVER_LATE);
        let cache = PatternCache::default();
        let compiled = Patterns::new(&cache).get("((a{1000}){1000}){1000}", budget);
        assert_eq!(compiled.map(drop), too_large);

        let many: Vec<String> = (0..40).map(|n| format!("[ab]{{1,9000}}{n}")).collect();
        for _ in 0..2 {
            let mut patterns = Patterns::new(&cache);
            let compiled = many.iter().map(|pattern| patterns.get(pattern, budget));
            let compiled = compiled.map(|pattern| pattern.map(drop));
            assert_eq!(compiled.collect::<Result<(), TooExpensive>>(), too_large);
            assert!(cache.0.lock().unwrap().bytes <= KEPT_BYTES);
        }
    }
}

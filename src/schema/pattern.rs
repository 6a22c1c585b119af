//! Patterns of schemas. Each is compiled once for a schema, and the budget pays for compiling and
//! matching in advance.

use super::{
    budget::{Budget, ensure_memory},
    ecma::translated,
};
use crate::{
    error::TooExpensive,
    sync::{Mutex, lock},
};
use alloc::{collections::BTreeMap, sync::Arc};

/// The most bytes of all compiled patterns of one validation. Matching takes about twice as much in
/// addition.
const MOST_BYTES: usize = 16 << 20;
/// The most bytes of compiled patterns in the cache.
const CACHE_BYTES: usize = 4 << 20;
/// Bytes of a compiled pattern in addition to its program.
const BASE_BYTES: usize = 16 << 10;
/// The smallest size limit for a program.
const SMALLEST: usize = 2 << 10;
/// Matching a byte of text takes one step for this many bytes of a program.
const BYTES_PER_STEP: usize = 16;

/// The compiled patterns of a schema, shared by validations.
#[derive(Default)]
pub(crate) struct PatternCache(Mutex<Cached>);

#[derive(Default)]
struct Cached {
    patterns: BTreeMap<String, Arc<Pattern>>,
    bytes: usize,
}

impl PatternCache {
    fn get(&self, text: &str) -> Option<Arc<Pattern>> {
        let cached = lock(&self.0);
        cached.patterns.get(text).cloned()
    }

    fn insert(&self, text: &str, pattern: &Arc<Pattern>) {
        let mut cached = lock(&self.0);
        let bytes = cached.bytes.saturating_add(pattern.bytes());
        if bytes > CACHE_BYTES {
            return;
        }
        let before = cached.patterns.insert(text.to_owned(), pattern.clone());
        if before.is_none() {
            cached.bytes = bytes;
        }
    }
}

/// The patterns of one validation.
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

    /// Returns the compiled pattern. The cost is the same whether the cache holds the pattern or
    /// not, so that earlier validations do not change the result.
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
                self.cache.insert(text, &pattern);
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
    /// The compiled pattern, or why it cannot be compiled.
    regex: Result<regex::Regex, String>,
    /// The size limit of the program, in bytes.
    size: usize,
    /// The steps that compiling takes.
    cost: usize,
}

impl Pattern {
    /// Compiles with a size limit that doubles until the program fits: the limit bounds the cost of
    /// matching.
    fn compile(text: &str, room: usize, budget: &mut Budget<'_>) -> Result<Pattern, TooExpensive> {
        // Some patterns take quadratic time to compile, such as `a?a?a?…`.
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

    /// Returns whether the pattern matches anywhere in `text`, or why it cannot be compiled.
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

/// Returns the last line of the message; the lines before it draw the position.
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
    use crate::schema::budget::NO_DEADLINE;

    fn matches(cache: &PatternCache, pattern: &str, text: &str) -> Result<bool, String> {
        let mut budget = Budget::new(0, 0, NO_DEADLINE);
        let pattern = Patterns::new(cache).get(pattern, &mut budget).unwrap();
        let matches = pattern.matches(text, &mut budget).unwrap();
        matches.map_err(str::to_owned)
    }

    #[test]
    fn patterns_match_as_in_ecma_262() {
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
    fn unsupported_patterns_are_reported() {
        let cache = PatternCache::default();
        for pattern in [
            "(", "(?=a)b", "(?<=a)b", "(a)\\1", "(?<>a)", "(?<a", "[", "(?x)a", "(?sx)a",
            "(?<a[>b)", "(?P<[>b)",
        ] {
            let reason = matches(&cache, pattern, "ab").unwrap_err();
            assert!(!reason.is_empty() && !reason.contains('\n'), "{reason}");
            assert_eq!(matches(&cache, pattern, "ab"), Err(reason));
        }
    }

    /// The result of a validation must not depend on earlier ones.
    #[test]
    fn a_pattern_is_compiled_once_and_costs_the_same_each_time() {
        let cache = PatternCache::default();
        for pattern in ["^a{1,90}$", "("] {
            let cost = |budget: &mut Budget<'_>| {
                let pattern = Patterns::new(&cache).get(pattern, budget).unwrap();
                (budget.spent(), pattern)
            };
            let (first, compiled) = cost(&mut Budget::new(0, 0, NO_DEADLINE));
            let (again, cached) = cost(&mut Budget::new(0, 0, NO_DEADLINE));
            assert!(first == again && Arc::ptr_eq(&compiled, &cached));
        }
    }

    #[test]
    fn the_size_of_all_patterns_is_limited() {
        let too_large = Err(TooExpensive::Patterns { limit: MOST_BYTES });
        let budget = &mut Budget::new(1 << 30, 0, NO_DEADLINE);
        let cache = PatternCache::default();
        let compiled = Patterns::new(&cache).get("((a{1000}){1000}){1000}", budget);
        assert_eq!(compiled.map(drop), too_large);

        let many: Vec<String> = (0..40).map(|n| format!("[ab]{{1,9000}}{n}")).collect();
        for _ in 0..2 {
            let mut patterns = Patterns::new(&cache);
            let compiled = many.iter().map(|pattern| patterns.get(pattern, budget));
            let compiled = compiled.map(|pattern| pattern.map(drop));
            assert_eq!(compiled.collect::<Result<(), TooExpensive>>(), too_large);
            assert!(cache.0.lock().unwrap().bytes <= CACHE_BYTES);
        }
    }
}

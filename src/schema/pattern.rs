//! Patterns of schemas: ECMA-262 regular expressions, as far as the crate `regex` goes. That is
//! without looking around and back references; in return, no pattern takes long.

/// The patterns of one validation, each compiled once.
#[derive(Default)]
pub(super) struct Patterns {
    #[cfg(feature = "regex")]
    compiled: std::collections::BTreeMap<String, Result<regex::Regex, String>>,
}

impl Patterns {
    /// Whether a pattern matches somewhere in `text`, or why nobody can tell.
    #[cfg(feature = "regex")]
    pub(super) fn matches(&mut self, pattern: &str, text: &str) -> Result<bool, String> {
        if let Some(known) = self.compiled.get(pattern) {
            return known
                .as_ref()
                .map(|known| known.is_match(text))
                .map_err(Clone::clone);
        }
        let compiled = regex::RegexBuilder::new(&translated(pattern))
            .size_limit(SIZE)
            .build()
            .map_err(|error| short(&error));
        let matches = compiled
            .as_ref()
            .map(|regex| regex.is_match(text))
            .map_err(Clone::clone);
        self.compiled.insert(pattern.to_owned(), compiled);
        matches
    }

    #[cfg(not(feature = "regex"))]
    pub(super) fn matches(&mut self, _pattern: &str, _text: &str) -> Result<bool, String> {
        Err("this build is without the feature `regex`".to_owned())
    }
}

/// The most bytes of a compiled pattern.
#[cfg(feature = "regex")]
const SIZE: usize = 1 << 20;

/// The last line says what is wrong; the lines before it draw where.
#[cfg(feature = "regex")]
fn short(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines()
        .last()
        .unwrap_or_default()
        .trim_start_matches("error: ")
        .to_owned()
}

/// The pattern in the words of the crate: `\d`, `\w` and `\b` mean ASCII, and in brackets `[`, `&`
/// and `~` mean themselves.
#[cfg(feature = "regex")]
fn translated(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut characters = pattern.chars();
    let mut in_brackets = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' => match (characters.next(), in_brackets) {
                (Some('d'), _) => out.push_str("[0-9]"),
                (Some('D'), _) => out.push_str("[^0-9]"),
                (Some('w'), _) => out.push_str("[0-9A-Za-z_]"),
                (Some('W'), _) => out.push_str("[^0-9A-Za-z_]"),
                (Some('b'), true) => out.push_str("\\x08"),
                (Some('b'), false) => out.push_str("(?-u:\\b)"),
                (Some('/'), _) => out.push('/'),
                (Some(escaped), _) => out.extend(['\\', escaped]),
                (None, _) => out.push('\\'),
            },
            '[' if !in_brackets => {
                in_brackets = true;
                out.push('[');
            }
            '[' | '&' | '~' if in_brackets => out.extend(['\\', character]),
            ']' => {
                in_brackets = false;
                out.push(']');
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(all(test, feature = "regex"))]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_the_other_language_says() {
        let mut patterns = Patterns::default();
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
        ] {
            assert_eq!(
                patterns.matches(pattern, text),
                Ok(expected),
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_and_not_guessed() {
        let mut patterns = Patterns::default();
        for pattern in ["(", "(?=a)b", "(a)\\1", "((a{1000}){1000}){1000}"] {
            let told = patterns.matches(pattern, "ab").unwrap_err();
            assert!(!told.is_empty() && !told.contains('\n'), "{told}");
            assert_eq!(patterns.matches(pattern, "ab"), Err(told));
        }
    }
}

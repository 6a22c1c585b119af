//! ECMA-262 regular expressions in the words of the crate `regex`, as far as it goes. That is
//! without looking around and back references.

/// A pattern in the words of the crate, and what reading it may cost.
pub(super) struct Translated {
    pub(super) text: String,
    pub(super) steps: usize,
    pub(super) memory: usize,
}

/// Steps of one attempt to compile anything.
const ATTEMPT: usize = 20_000;
/// Bytes that any attempt needs for a while.
const ATTEMPT_BYTES: usize = 384 << 10;

/// The pattern in the words of the crate: `\d`, `\w` and `\b` mean ASCII, in brackets `[`, `&`
/// and `~` mean themselves, `[]` is nothing and `[^]` anything, and groups capture nothing, since
/// captures are not used.
///
/// It must know as well as the crate what is in brackets and what is not: what a pattern costs
/// depends on that. So a pattern that the two could read differently is an error, with the reason.
pub(super) fn translated(pattern: &str) -> Result<Translated, &'static str> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut in_brackets = false;
    // Classes of Unicode, and those in which a letter may match others.
    let (mut classes, mut any_class, mut folds) = (0usize, 0usize, false);
    while let Some(character) = rest.chars().next() {
        let behind = rest.get(character.len_utf8()..).unwrap_or_default();
        let mut after = behind;
        match character {
            '\\' => {
                let escaped = behind.chars().next();
                after = behind
                    .get(escaped.map_or(0, char::len_utf8)..)
                    .unwrap_or_default();
                match (escaped, in_brackets) {
                    (Some('d'), _) => out.push_str("[0-9]"),
                    (Some('D'), _) => out.push_str("[^0-9]"),
                    (Some('w'), _) => out.push_str("[0-9A-Za-z_]"),
                    (Some('W'), _) => out.push_str("[^0-9A-Za-z_]"),
                    (Some('b'), true) => out.push_str("\\x08"),
                    (Some('b'), false) => out.push_str("(?-u:\\b)"),
                    (Some('/'), _) => out.push('/'),
                    (Some(escaped), _) => {
                        classes += usize::from(matches!(escaped, 'p' | 'P'));
                        out.extend(['\\', escaped]);
                    }
                    (None, _) => out.push('\\'),
                }
                any_class += 1;
            }
            '[' if !in_brackets => {
                any_class += 1;
                if let Some(behind) = behind.strip_prefix(']') {
                    after = behind;
                    out.push_str("[^\\s\\S]");
                } else if let Some(behind) = behind.strip_prefix("^]") {
                    after = behind;
                    out.push_str("[\\s\\S]");
                } else {
                    in_brackets = true;
                    out.push('[');
                }
            }
            '[' | '&' | '~' if in_brackets => out.extend(['\\', character]),
            ']' => {
                in_brackets = false;
                out.push(']');
            }
            '(' if !in_brackets => match behind.strip_prefix('?') {
                None => out.push_str("(?:"),
                Some(kind) => {
                    let flags = kind.chars().take_while(char::is_ascii_alphabetic);
                    for flag in flags.filter(|_| !kind.starts_with("P<")) {
                        folds |= flag == 'i';
                        if flag == 'x' {
                            return Err("the flag x is not part of ECMA-262");
                        }
                    }
                    match named(kind) {
                        Some(name) => {
                            after = behind_name(name).ok_or("the name of a group is not valid")?;
                            out.push_str("(?:");
                        }
                        None => out.push('('),
                    }
                }
            },
            other => out.push(other),
        }
        rest = after;
    }
    let length = out.len();
    // A class in which a letter matches others too is built letter by letter.
    let folded = if folds { any_class } else { 0 };
    let steps = ATTEMPT
        .saturating_add(length.saturating_mul(256))
        // Some patterns take the square of their length to be read, such as `a?a?a?…`.
        .saturating_add(length.saturating_mul(length))
        .saturating_add(classes.saturating_mul(2_000))
        .saturating_add(folded.saturating_mul(1_000_000));
    let memory = ATTEMPT_BYTES
        .saturating_add(length.saturating_mul(512))
        .saturating_add(classes.saturating_mul(8 << 10))
        .saturating_add(folded.saturating_mul(48 << 10));
    Ok(Translated {
        text: out,
        steps,
        memory,
    })
}

/// What begins with the name of a group, if it has one: `(?<` is also how looking behind begins.
fn named(kind: &str) -> Option<&str> {
    let named = kind.strip_prefix('P').unwrap_or(kind).strip_prefix('<')?;
    (!named.starts_with(['=', '!'])).then_some(named)
}

/// What is behind a name such as `name>`.
fn behind_name(named: &str) -> Option<&str> {
    let behind = named.trim_start_matches(|letter: char| letter.is_alphanumeric() || letter == '_');
    let is_name = named.starts_with(|first: char| first.is_alphabetic() || first == '_');
    behind.strip_prefix('>').filter(|_| is_name)
}

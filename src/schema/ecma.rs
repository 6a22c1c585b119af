//! Translates ECMA-262 regular expressions to the syntax of the crate `regex`, which has no
//! look-around and no back references.

/// A translated pattern, and the cost of compiling it.
pub(super) struct Translated {
    pub(super) text: String,
    pub(super) steps: usize,
    pub(super) memory: usize,
}

/// The base cost of one attempt to compile, in steps.
const ATTEMPT: usize = 20_000;
/// Bytes that every attempt allocates and frees.
const ATTEMPT_BYTES: usize = 384 << 10;

/// Translates a pattern: `\d`, `\w` and `\b` match ASCII, `[`, `&` and `~` are literals inside
/// brackets, `[]` matches nothing, `[^]` matches anything, and no group captures.
///
/// The cost depends on what is inside brackets. A pattern that this function and the crate could
/// parse differently is therefore an error, with the reason.
pub(super) fn translated(pattern: &str) -> Result<Translated, &'static str> {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut in_brackets = false;
    // Counts Unicode classes, and all classes in case a flag makes them case-insensitive.
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
    // A case-insensitive class is built letter by letter.
    let folded = if folds { any_class } else { 0 };
    let steps = ATTEMPT
        .saturating_add(length.saturating_mul(256))
        // Some patterns take quadratic time to compile, such as `a?a?a?…`.
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

/// Returns the text from the name of a group on. `(?<=` and `(?<!` begin a look-behind instead.
fn named(kind: &str) -> Option<&str> {
    let named = kind.strip_prefix('P').unwrap_or(kind).strip_prefix('<')?;
    (!named.starts_with(['=', '!'])).then_some(named)
}

/// Returns the text after a name such as `name>`.
fn behind_name(named: &str) -> Option<&str> {
    let behind = named.trim_start_matches(|letter: char| letter.is_alphanumeric() || letter == '_');
    let is_name = named.starts_with(|first: char| first.is_alphabetic() || first == '_');
    behind.strip_prefix('>').filter(|_| is_name)
}

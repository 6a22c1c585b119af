//! Printing untrusted text safely. Errors and events contain such text as [`Text`]; [`Printable`] wraps
//! other displayable values, and [`json`] converts JSON.
//!
//! Unprintable characters are the control characters (Unicode's category Cc: C0 with new lines and
//! tabs, DEL, C1), the characters that reorder text (the property `Bidi_Control`), and the separators
//! of lines and paragraphs. Other invisible characters are used in written languages and are kept.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};
use core::fmt::{self, Write as _};
use serde::{Deserialize, Serialize};

/// How many bytes of one text a message repeats at most.
const MAX: usize = 1024;

/// Whether a character controls a terminal, ends a line, or reorders the text around it.
///
/// ```
/// use tollgate::printable::is_unprintable;
///
/// assert!(['\u{1b}', '\n', '\u{7f}', '\u{9b}', '\u{202e}'].into_iter().all(is_unprintable));
/// assert!(!"été, 日本, 👩\u{200d}🚀".contains(is_unprintable));
/// ```
#[must_use]
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}'
        )
}

/// A count with its noun, which is given in the singular and of which the last word takes the plural.
///
/// ```
/// use tollgate::printable::counted;
///
/// assert_eq!(counted(1, "warning"), "1 warning");
/// assert_eq!(counted(0, "property"), "0 properties");
/// ```
#[must_use]
pub fn counted(count: impl fmt::Display, noun: &str) -> String {
    let count = count.to_string();
    match (count.as_str(), noun.strip_suffix('y')) {
        ("1", _) => format!("1 {noun}"),
        (_, Some(stem)) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{count} {stem}ies"),
        _ => format!("{count} {noun}s"),
    }
}

/// Untrusted text: from a plugin, a file or a server. It displays with every unprintable character
/// escaped, and cut to 1024 bytes; [`as_str`](Text::as_str) returns the original text.
///
/// ```
/// use tollgate::printable::Text;
///
/// let text = Text::from("red: \u{1b}[31m\n");
/// assert_eq!(text.to_string(), r"red: \u{1b}[31m\n");
/// assert_eq!(text.as_str().len(), 11);
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(String);

impl Text {
    /// Returns the original text, which may contain unprintable characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the original text, as [`as_str`](Self::as_str).
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }

    /// Whether the text is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_mut_string(&mut self) -> &mut String {
        &mut self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable(&self.0).fmt(f)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text(text)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text(text.to_owned())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

/// Displays a value with every unprintable character escaped, and cut to 1024 bytes.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "callers construct it: `Printable(value)`"
)]
pub struct Printable<T>(
    /// The value.
    pub T,
);

impl<T: fmt::Display> fmt::Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_printable(f, &self.0, MAX)
    }
}

/// Writes `text` with every unprintable character escaped. After the first `most` bytes of it, an
/// ellipsis replaces the rest.
///
/// # Errors
///
/// Returns the errors of `to` and of the `Display` of `text`.
pub fn write_printable(
    to: &mut impl fmt::Write,
    text: impl fmt::Display,
    most: usize,
) -> fmt::Result {
    let mut safe = EscapingWriter {
        to,
        room: Some(most),
    };
    match write!(safe, "{text}") {
        // The text was cut, and the ellipsis is written.
        Err(_) if safe.room.is_none() => Ok(()),
        written => written,
    }
}

struct EscapingWriter<'a, W> {
    to: &'a mut W,
    /// How many further bytes fit; `None` after the text was cut.
    room: Option<usize>,
}

impl<W: fmt::Write> fmt::Write for EscapingWriter<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            let left = self
                .room
                .and_then(|room| room.checked_sub(character.len_utf8()));
            let Some(left) = left else {
                // A formatter that ignores errors may continue to write.
                if self.room.take().is_some() {
                    self.to.write_char('…')?;
                }
                return Err(fmt::Error);
            };
            self.room = Some(left);
            if is_unprintable(character) {
                write!(self.to, "{}", character.escape_default())?;
            } else {
                self.to.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// Returns the same JSON in one line without unprintable characters: in strings they become `\uXXXX`,
/// and between tokens, where they can only be white space, they become spaces.
///
/// ```
/// use tollgate::printable::json;
///
/// assert_eq!(json("{\n\t\"a\": \"\u{9b}31m\"}"), r#"{  "a": "\u009b31m"}"#);
/// ```
#[must_use]
pub fn json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => safe.push(' '),
            // All of them have four digits. Writing to a string does not fail.
            character if is_unprintable(character) => {
                let _ = write!(safe, "\\u{:04x}", u32::from(character));
            }
            character => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    /// Text full of characters that matter.
    fn odd_text() -> impl Strategy<Value = String> {
        let odd = prop_oneof![
            any::<char>(),
            (0u32..0x100).prop_map(|code| char::from_u32(code).unwrap()),
            (0x2000u32..0x2070).prop_map(|code| char::from_u32(code).unwrap()),
            Just('\u{61c}'),
            Just('"'),
            Just('\\'),
        ];
        proptest::collection::vec(odd, 0..300).prop_map(|all| all.into_iter().collect())
    }

    /// Straight from Unicode's tables: category Cc, `Bidi_Control`, and categories Zl and Zp.
    const UNPRINTABLE: [(u32, u32); 7] = [
        (0x00, 0x1f),
        (0x7f, 0x9f),
        (0x61c, 0x61c),
        (0x200e, 0x200f),
        (0x2028, 0x2029),
        (0x202a, 0x202e),
        (0x2066, 0x2069),
    ];

    fn listed(character: char) -> bool {
        let code = u32::from(character);
        UNPRINTABLE
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&code))
    }

    #[test]
    fn what_is_unprintable_is_what_unicode_lists() {
        for character in '\0'..=char::MAX {
            assert_eq!(
                is_unprintable(character),
                listed(character),
                "{character:?}"
            );
        }
    }

    #[test]
    fn controls_are_escaped_and_text_is_not() {
        let text = "a\x1b[31mb\r\nc\u{202E}d\u{9b}e";
        let safe = "a\\u{1b}[31mb\\r\\nc\\u{202e}d\\u{9b}e";
        assert_eq!(Printable(text).to_string(), safe);
        assert_eq!(
            Printable("plain text, ünd so").to_string(),
            "plain text, ünd so"
        );
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        let exact = "x".repeat(MAX);
        assert_eq!(Printable(&exact).to_string(), exact);
        let cut = Printable("é".repeat(MAX)).to_string();
        assert_eq!(cut, format!("{}…", "é".repeat(MAX / 2)));
        assert_eq!(
            format!("[{}]", Printable("y".repeat(2 * MAX))).len(),
            MAX + 5
        );
    }

    proptest! {
        #[test]
        fn nothing_unprintable_is_displayed(text in odd_text()) {
            let shown = Text::from(text.clone()).to_string();
            prop_assert!(!shown.contains(listed), "{shown:?}");
            if text.len() <= MAX && !text.contains(listed) {
                prop_assert_eq!(shown, text);
            }
        }

        #[test]
        fn escaped_json_is_printable_and_the_same_value(key in odd_text(), text in odd_text()) {
            let value = serde_json::json!({ key: [text] });
            for json in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
                let safe = super::json(&json);
                prop_assert!(!safe.contains(listed), "{safe:?}");
                prop_assert_eq!(&serde_json::from_str::<Value>(&safe).unwrap(), &value);
            }
        }
    }
}

//! Text of guests and strangers, made safe to print: what drives a terminal is escaped, and what
//! is longer than anybody reads is cut.

use std::fmt::{self, Write as _};

/// The most bytes that one piece of a guest's text takes up in a message.
const MAX: usize = 1024;

/// Whether a character does something else than being seen: control characters, and those that
/// reorder the text around them.
pub(crate) fn drives(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Displays what it holds, safe to print and cut.
pub(crate) struct Printable<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut safe = Safe {
            text: f,
            room: Some(MAX),
        };
        match write!(safe, "{}", self.0) {
            // The end was reached and told.
            Err(_) if safe.room.is_none() => Ok(()),
            written => written,
        }
    }
}

struct Safe<'a, 'f> {
    text: &'a mut fmt::Formatter<'f>,
    /// How many bytes more; `None` when it was cut.
    room: Option<usize>,
}

impl fmt::Write for Safe<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            let left = self
                .room
                .and_then(|room| room.checked_sub(character.len_utf8()));
            let Some(left) = left else {
                self.room = None;
                self.text.write_char('…')?;
                return Err(fmt::Error);
            };
            self.room = Some(left);
            if drives(character) {
                write!(self.text, "{}", character.escape_default())?;
            } else {
                self.text.write_char(character)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_drives_a_terminal_comes_through() {
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
}

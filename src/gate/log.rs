//! What plugins log: secrets are hidden, what cannot be printed is escaped, and all of it is bounded.

use super::Gate;
use crate::{
    effect::{Effect, LogLevel, LogRecord, LogSource},
    printable::is_unprintable,
};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use tollgate_abi::host::LogAttr;

/// The most bytes of a message and of one attribute's value.
const MAX_TEXT: usize = 8 << 10;
/// The most bytes of an attribute's name.
const MAX_KEY: usize = 256;
/// The most attributes.
const MAX_ATTRS: usize = 64;

/// A line as a guest logs or prints it.
pub(crate) struct Line<'a> {
    pub(crate) source: LogSource,
    pub(crate) level: LogLevel,
    pub(crate) text: &'a str,
    /// False if the guest's line was longer.
    pub(crate) whole: bool,
    pub(crate) attrs: Vec<LogAttr>,
}

impl Gate {
    /// Logs a line. No policy refuses one, and the guest gets no reply.
    pub(crate) fn log(&mut self, line: Line<'_>) {
        // Before anything is cut or escaped, which would hide a secret from the redactor.
        let redactor = &self.reports.observer().redactor;
        let redacted = redactor.as_ref().map(|redactor| {
            self.lines
                .redact(redactor, line.source, line.text, line.whole)
        });
        let attrs = line.attrs.into_iter().take(MAX_ATTRS).map(|mut attr| {
            if let Some(redactor) = redactor {
                redactor.attribute(&mut attr);
            }
            LogAttr {
                key: printable(&attr.key, MAX_KEY),
                kind: printable(&attr.kind, MAX_KEY),
                value: printable(&attr.value, MAX_TEXT),
            }
        });
        let record = LogRecord {
            level: line.level,
            source: line.source,
            message: printable(redacted.as_deref().unwrap_or(line.text), MAX_TEXT),
            attrs: attrs.collect(),
        };
        // It fails only where a replay differs, which the journal remembers.
        let _ = self.pass(&Effect::Log(record));
    }

    /// Whether one more line is reported.
    pub(crate) fn logs(&self) -> bool {
        self.log_lines_left > 0
    }

    /// Counts lines that a guest printed after the last one that is reported.
    pub(crate) fn omit_lines(&self, lines: u64) {
        self.reports.omit_lines(&self.plugin, lines);
    }

    pub(super) fn report_line(&mut self, record: &LogRecord) {
        // Whether it is reported or not: a recording must not depend on how long lines are.
        self.log_lines_left = self.log_lines_left.saturating_sub(1);
        self.reports.log(&self.plugin, record);
    }
}

/// The text with everything unprintable escaped, cut after the character with which it has more than
/// `most` bytes.
fn printable(text: &str, most: usize) -> String {
    // Most texts are short and hold nothing to escape, which takes one comparison for each byte.
    if text.len() <= most && text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control()) {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len().min(most));
    for character in text.chars() {
        match is_unprintable(character) {
            true => safe.extend(character.escape_default()),
            false => safe.push(character),
        }
        if safe.len() > most {
            safe.push('…');
            break;
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_drives_a_terminal_comes_through() {
        assert_eq!(
            printable("a\x1b[31mb\r\nc\u{202E}d", 100),
            "a\\u{1b}[31mb\\r\\nc\\u{202e}d"
        );
        assert_eq!(printable("ééé", 3), "éé…");
        assert_eq!(printable("a\u{202E}\n", 3), "a\\u{202e}…");
    }
}

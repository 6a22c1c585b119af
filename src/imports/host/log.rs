//! `log_message`: a guest's log line, made safe to print.

use crate::{
    effect::{Effect, LogLevel, LogRecord, LogSource},
    guest::Host,
    printable::is_unprintable,
};
use tollgate_abi::host::{LogAttr, LogMessage};

/// The most bytes of a message and of one attribute's value.
pub(in crate::imports) const MAX_TEXT: usize = 8 << 10;
/// The most bytes of an attribute's name.
const MAX_KEY: usize = 256;
/// The most attributes.
const MAX_ATTRS: usize = 64;

pub(super) fn message(host: &mut Host, message: LogMessage) {
    let source = LogSource::Log;
    let text = host.gate.redact_line(source, &message.message, true);
    let mut record = LogRecord {
        level: level(&message.level),
        source,
        message: printable(&text, MAX_TEXT),
        attrs: Vec::new(),
    };
    for mut attr in message.attrs.into_iter().take(MAX_ATTRS) {
        if let Some(redactor) = host.gate.redactor() {
            redactor.attribute(&mut attr);
        }
        record.attrs.push(LogAttr {
            key: printable(&attr.key, MAX_KEY),
            kind: printable(&attr.kind, MAX_KEY),
            value: printable(&attr.value, MAX_TEXT),
        });
    }
    // Nobody can refuse a log line, and there is nothing to answer.
    let _ = host.gate.pass(&Effect::Log(record));
}

/// The level's word in any case, with an optional offset such as `INFO+2`; unknown words are INFO.
fn level(word: &str) -> LogLevel {
    let word = word.split(['+', '-']).next().unwrap_or_default();
    [LogLevel::Debug, LogLevel::Warn, LogLevel::Error]
        .into_iter()
        .find(|level| level.to_string().eq_ignore_ascii_case(word))
        .unwrap_or(LogLevel::Info)
}

/// Text that cannot drive a terminal: control characters (and the ones that reorder text) are
/// escaped, and what is too long is cut.
pub(in crate::imports) fn printable(text: &str, most: usize) -> String {
    let mut safe = String::with_capacity(text.len().min(most));
    for character in text.chars() {
        if is_unprintable(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
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
    fn levels_are_words_in_any_case_with_an_offset() {
        assert_eq!(level("warn"), LogLevel::Warn);
        assert_eq!(level("ERROR-4"), LogLevel::Error);
        assert_eq!(level("Info+2"), LogLevel::Info);
        assert_eq!(level("LOUD"), LogLevel::Info);
    }

    #[test]
    fn nothing_that_drives_a_terminal_comes_through() {
        assert_eq!(
            printable("a\x1b[31mb\r\nc\u{202E}d", 100),
            "a\\u{1b}[31mb\\r\\nc\\u{202e}d"
        );
        assert_eq!(printable("ééé", 3), "éé…");
    }
}

//! `log_message`: a line of the guest's log.

use crate::{
    effect::{LogLevel, LogSource},
    gate::Line,
    guest::Host,
};
use alloc::{borrow::Cow, string::ToString, vec::Vec};
use tollgate_abi::{ErrorDetail, host::LogMessage, well_formed};

pub(super) fn message(host: &mut Host, message: LogMessage) {
    host.gate.log(Line {
        source: LogSource::Log,
        level: level(&message.level),
        text: &message.message,
        whole: true,
        attrs: message.attrs,
    });
}

/// Logs a request that cannot be read, as the guest gets no reply: the reason, and the request as it is.
pub(super) fn unreadable(host: &mut Host, error: &ErrorDetail, request: &[u8]) {
    let text = match request {
        [] => Cow::Borrowed(error.message.as_str()),
        _ => format!("{}: {}", error.message, well_formed(request)).into(),
    };
    host.gate.log(Line {
        source: LogSource::Log,
        level: LogLevel::Warn,
        text: &text,
        whole: true,
        attrs: Vec::new(),
    });
}

/// The level's word in any case, with an optional offset such as `INFO+2`; unknown words are INFO.
fn level(word: &str) -> LogLevel {
    let word = word.split(['+', '-']).next().unwrap_or_default();
    [LogLevel::Debug, LogLevel::Warn, LogLevel::Error]
        .into_iter()
        .find(|level| level.to_string().eq_ignore_ascii_case(word))
        .unwrap_or(LogLevel::Info)
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
}

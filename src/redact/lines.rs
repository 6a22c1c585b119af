//! Secrets that span several log lines: the state that is kept between the lines.

use super::{Redactor, pem, spans::TextEnd};
use crate::effect::LogSource;
use alloc::{borrow::ToOwned, string::String, vec::Vec};

/// The log streams of one instance.
#[derive(Default)]
pub(crate) struct Lines {
    /// The streams whose last line ended within a PEM block.
    open: Vec<LogSource>,
}

impl Lines {
    /// Replaces the secrets in a line. `whole` is false if the guest's line was cut.
    pub(crate) fn redact(
        &mut self,
        redactor: &Redactor,
        source: LogSource,
        line: &str,
        whole: bool,
    ) -> String {
        let mut rest = line;
        let mut out = String::new();
        if self.is_open(source) {
            let (hidden, goes_on) = pem::continued(line.as_bytes());
            // The position is next to an ASCII character, so it is between characters.
            let (secret, after) = line.split_at_checked(hidden.end).unwrap_or((line, ""));
            if !secret.trim().is_empty() {
                out = redactor.mark(secret.as_bytes());
            }
            if goes_on {
                return out;
            }
            self.close(source);
            rest = after;
        }
        if redactor.inner.names.is_some() && pem::ends_open(rest.as_bytes()) {
            self.open.push(source);
        }
        let mut rest = rest.to_owned();
        redactor.cut_text(&mut rest, if whole { TextEnd::Whole } else { TextEnd::Cut });
        out + &rest
    }

    fn is_open(&self, source: LogSource) -> bool {
        self.open.contains(&source)
    }

    fn close(&mut self, source: LogSource) {
        self.open.retain(|open| *open != source);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(lines: &[&str]) -> Vec<String> {
        let redactor = Redactor::builder().build().unwrap();
        let mut state = Lines::default();
        let lines = lines.iter();
        lines
            .map(|line| state.redact(&redactor, LogSource::Stdout, line, true))
            .collect()
    }

    #[test]
    fn a_key_that_is_printed_line_by_line_is_hidden() {
        assert_eq!(
            redacted(&[
                "key: -----BEGIN RSA PRIVATE KEY-----",
                "MIIEpAIBAAKCAQEA",
                "x3Q=",
                "-----END RSA PRIVATE KEY----- done",
                "MIIEpAIBAAKCAQEA"
            ]),
            [
                "key: [REDACTED]",
                "[REDACTED]",
                "[REDACTED]",
                "[REDACTED] done",
                "MIIEpAIBAAKCAQEA"
            ]
        );
    }

    #[test]
    fn a_header_alone_hides_only_what_can_follow_it() {
        assert_eq!(
            redacted(&[
                "-----BEGIN PRIVATE KEY-----",
                "",
                "[1] it was only a header",
                "MIIE"
            ]),
            ["[REDACTED]", "", "[1] it was only a header", "MIIE"]
        );
    }

    #[test]
    fn streams_do_not_mix() {
        let redactor = Redactor::builder().build().unwrap();
        let mut state = Lines::default();
        let mut redact = |source, line| state.redact(&redactor, source, line, true);
        redact(LogSource::Stdout, "-----BEGIN PRIVATE KEY-----");
        assert_eq!(redact(LogSource::Stderr, "MIIE"), "MIIE");
        assert_eq!(redact(LogSource::Stdout, "MIIE"), "[REDACTED]");
    }
}

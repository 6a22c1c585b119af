//! Random values that are assigned to the name of a secret: `DB_PASSWORD="…"`, `token: …`. This is the
//! only heuristic search; a value must be random, so that ordinary words are kept.

use super::{
    automaton::Automaton,
    spans::{HIDDEN, Spans, count},
};

/// Parts of the names of secrets, without separators between their words.
const NAMES: &[&str] = &[
    "accesskey",
    "accountkey",
    "apikey",
    "credential",
    "encryptionkey",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "signingkey",
    "token",
];

/// The maximum length of a name.
const NAME: usize = 64;
/// The maximum number of quotes and spaces between a name, the sign and the value.
const BETWEEN: usize = 6;
/// The possible lengths of a value.
const VALUE: core::ops::RangeInclusive<usize> = 12..=150;
/// The minimum entropy of a value, in bits for each character.
const ENTROPY: f64 = 3.5;

/// The automaton that finds the names of secrets.
pub(super) fn names() -> Automaton {
    Automaton::new(NAMES.iter().map(|name| (name.as_bytes(), false)))
}

/// Finds the values; `names` is the automaton of [`names`].
pub(super) fn find(bytes: &[u8], names: &Automaton, spans: &mut Spans) {
    count(bytes.len());
    let mut name = SecretName::default();
    let mut value_end = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(byte, b'=' | b':') && name.is_of_secret(at) {
            let after = bytes.get(at..).unwrap_or_default();
            let mut lead = after.iter().take(BETWEEN + 1);
            if let Some(lead) = lead.position(|byte| !is_lead(*byte)) {
                value(bytes, at + lead, &mut value_end, spans);
            }
        }
        name.read(at, *byte, names);
    }
}

/// Checks the value that begins at `from`. `end` is the end of the last value, which may be the same
/// one.
fn value(bytes: &[u8], from: usize, end: &mut usize, spans: &mut Spans) {
    if from >= *end {
        let rest = bytes.get(from..).unwrap_or_default();
        let length = rest.iter().position(|byte| !is_value(*byte));
        let length = length.unwrap_or(rest.len());
        count(length);
        *end = from + length;
    }
    let value = bytes.get(from..*end).unwrap_or_default();
    // Next to a replaced secret, the value is not complete.
    let is_whole = bytes.get(*end) != Some(&HIDDEN);
    if is_whole && VALUE.contains(&value.len()) && looks_random(value) {
        spans.add(from..*end);
    }
}

/// The last name before the current position, quoted or not.
#[derive(Default)]
struct SecretName {
    state: u32,
    /// The end of its last part that is in [`NAMES`].
    part_end: Option<usize>,
    /// The number of quotes and spaces after it.
    between: usize,
}

impl SecretName {
    fn read(&mut self, at: usize, byte: u8, names: &Automaton) {
        match byte {
            b' ' | b'\t' | b'"' | b'\'' | b'\\' | b':' => self.between += 1,
            b'_' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                if self.between > 0 {
                    *self = SecretName::default();
                }
                if byte.is_ascii_alphanumeric() {
                    self.state = names.step(self.state, byte.to_ascii_lowercase());
                    if names.longest(self.state).is_some() {
                        self.part_end = Some(at + 1);
                    }
                }
            }
            _ => *self = SecretName::default(),
        }
    }

    /// Whether a sign at `at` assigns to the name of a secret.
    fn is_of_secret(&self, at: usize) -> bool {
        self.part_end
            .is_some_and(|part_end| self.between <= BETWEEN && at - self.between - part_end < NAME)
    }
}

/// Whether a byte can be between a name and its value: the sign, spaces and quotes.
fn is_lead(byte: u8) -> bool {
    matches!(
        byte,
        b'=' | b':' | b'>' | b' ' | b'\t' | b'"' | b'\'' | b'`' | b'\\'
    )
}

fn is_value(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'/' | b'=' | b'~')
}

fn looks_random(value: &[u8]) -> bool {
    count(value.len());
    let mut counts = [0u32; 256];
    for byte in value {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(value.len()).unwrap_or(u32::MAX));
    let entropy: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * libm::log2(share)
        })
        .sum();
    entropy >= ENTROPY
        && value.iter().any(u8::is_ascii_digit)
        && value.iter().any(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hidden(text: &str) -> String {
        let mut spans = Spans::default();
        find(text.as_bytes(), &names(), &mut spans);
        spans.merge();
        spans.shown(text)
    }

    #[test]
    fn random_values_of_telling_names_are_hidden() {
        for (text, expected) in [
            ("DB_PASSWORD=zX81kd7Qw0sPf4", "DB_PASSWORD=#"),
            (
                "export GITHUB_TOKEN='ghp_1234567890abcdefghijklmnopqrstuv'",
                "export GITHUB_TOKEN='#'",
            ),
            (
                r##"{"apiKey": "zX81kd7Qw0sPf4", "n": 1}"##,
                r##"{"apiKey": "#", "n": 1}"##,
            ),
            (
                r##"{\"client-secret\":\"zX81kd7Qw0sPf4\"}"##,
                r##"{\"client-secret\":\"#\"}"##,
            ),
            ("secret_token => zX81kd7Qw0sPf4\n", "secret_token => #\n"),
            (
                "aws.secret.access.key := zX81kd7Qw0sPf4/+x",
                "aws.secret.access.key := #",
            ),
        ] {
            assert_eq!(hidden(text), expected);
        }
    }

    #[test]
    fn words_other_names_and_short_values_pass() {
        for text in [
            "password=secret123",
            "token: expired-yesterday-evening",
            "password: aaaaaaaaaaaa1111111",
            "digest=zX81kd7Qw0sPf4",
            "the token zX81kd7Qw0sPf4",
            "token=",
            "=zX81kd7Qw0sPf4",
            "tokens: https://example.com/a1b2c3d4",
            "password:        zX81kd7Qw0sPf4",
        ] {
            assert_eq!(hidden(text), text);
        }
    }
}

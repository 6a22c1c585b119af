//! What is assigned to a name that promises a secret, and looks random: `DB_PASSWORD="…"`,
//! `token: …`. The only search that guesses; it asks for randomness so that words pass.

use super::{
    automaton::Automaton,
    spans::{HIDDEN, Spans, count},
};

/// Parts of names, without the signs between their words.
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

/// The longest name that is looked at.
const NAME: usize = 64;
/// The most quotes and spaces between a name, the sign and the value.
const BETWEEN: usize = 6;
/// The lengths that a value may have.
const VALUE: std::ops::RangeInclusive<usize> = 12..=150;
/// Bits of entropy that each character of a value must have on average.
const ENTROPY: f64 = 3.5;

/// Finds those parts of names.
pub(super) fn names() -> Automaton {
    Automaton::new(NAMES.iter().map(|name| (name.as_bytes(), false)))
}

/// `names` are [`names`]' own.
pub(super) fn find(bytes: &[u8], names: &Automaton, spans: &mut Spans) {
    count(bytes.len());
    let mut name = Name::default();
    let mut value_end = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(byte, b'=' | b':') && name.promises_a_secret(at) {
            let behind = bytes.get(at..).unwrap_or_default();
            let mut lead = behind.iter().take(BETWEEN + 1);
            if let Some(lead) = lead.position(|byte| !is_lead(*byte)) {
                value(bytes, at + lead, &mut value_end, spans);
            }
        }
        name.read(at, *byte, names);
    }
}

/// Looks at the value that begins at `from`. `end` is where the last one ended, which may be the
/// same.
fn value(bytes: &[u8], from: usize, end: &mut usize, spans: &mut Spans) {
    if from >= *end {
        let rest = bytes.get(from..).unwrap_or_default();
        let length = rest.iter().position(|byte| !is_value(*byte));
        let length = length.unwrap_or(rest.len());
        count(length);
        *end = from + length;
    }
    let value = bytes.get(from..*end).unwrap_or_default();
    // Beside a mark, the whole value is not known any more.
    let is_whole = bytes.get(*end) != Some(&HIDDEN);
    if is_whole && VALUE.contains(&value.len()) && looks_random(value) {
        spans.add(from..*end);
    }
}

/// The name that was read last, quoted or not.
#[derive(Default)]
struct Name {
    state: u32,
    /// Where its last telling part ended.
    part_end: Option<usize>,
    /// How many quotes and spaces were read since it ended.
    between: usize,
}

impl Name {
    fn read(&mut self, at: usize, byte: u8, names: &Automaton) {
        match byte {
            b' ' | b'\t' | b'"' | b'\'' | b'\\' | b':' => self.between += 1,
            b'_' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                if self.between > 0 {
                    *self = Name::default();
                }
                if byte.is_ascii_alphanumeric() {
                    self.state = names.step(self.state, byte.to_ascii_lowercase());
                    if names.longest(self.state).is_some() {
                        self.part_end = Some(at + 1);
                    }
                }
            }
            _ => *self = Name::default(),
        }
    }

    /// Whether a sign at `at` assigns to a name that promises a secret.
    fn promises_a_secret(&self, at: usize) -> bool {
        self.part_end
            .is_some_and(|part_end| self.between <= BETWEEN && at - self.between - part_end < NAME)
    }
}

/// What may stand between a name and its value: the sign, spaces and quotes.
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
        counts[usize::from(*byte)] += 1;
    }
    let total = f64::from(u32::try_from(value.len()).unwrap_or(u32::MAX));
    let entropy: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * share.log2()
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

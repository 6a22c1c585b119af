//! What is assigned to a name that promises a secret, and looks random: `DB_PASSWORD="…"`,
//! `token: …`. The only search that guesses; it asks for randomness so that words pass.

use super::spans::Spans;

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

pub(super) fn find(bytes: &[u8], spans: &mut Spans) {
    let mut from = 0;
    while let Some(found) = bytes
        .get(from..)
        .and_then(|rest| rest.iter().position(|byte| matches!(byte, b'=' | b':')))
    {
        let at = from + found;
        from = at + 1;
        if !names_a_secret(bytes.get(..at).unwrap_or_default()) {
            continue;
        }
        let behind = bytes.get(at..).unwrap_or_default();
        let lead = behind
            .iter()
            .take(BETWEEN + 1)
            .position(|byte| !is_lead(*byte));
        let Some(lead) = lead else {
            continue;
        };
        let value = behind.get(lead..).unwrap_or_default();
        let length = value
            .iter()
            .take(VALUE.end() + 1)
            .position(|byte| !is_value(*byte))
            .unwrap_or(value.len().min(VALUE.end() + 1));
        let value = value.get(..length).unwrap_or_default();
        if VALUE.contains(&length) && looks_random(value) {
            spans.add(at + lead..at + lead + length);
        }
    }
}

/// Whether a text ends with a name, quoted or not, that promises a secret.
fn names_a_secret(before: &[u8]) -> bool {
    let is_between = |byte: &u8| matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'\\' | b':');
    let between = before
        .iter()
        .rev()
        .take(BETWEEN)
        .take_while(|byte| is_between(byte))
        .count();
    let mut name = String::new();
    for byte in before.iter().rev().skip(between).take(NAME) {
        match byte {
            b'_' | b'-' | b'.' => {}
            byte if byte.is_ascii_alphanumeric() => name.push(byte.to_ascii_lowercase().into()),
            _ => break,
        }
    }
    if name.is_empty() {
        return false;
    }
    let name: String = name.chars().rev().collect();
    NAMES.iter().any(|part| name.contains(part))
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
        find(text.as_bytes(), &mut spans);
        spans.merge();
        spans.replace_in(text, |_| "#".to_owned())
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

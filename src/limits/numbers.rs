//! Numbers of limits as people read and write them.

use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
};

/// A suffix and what it multiplies by.
pub(super) type Suffix = (&'static str, u64);

/// Suffixes of numbers. Those of one letter are decimal, those with an `i` binary.
pub(super) const MULTIPLES: [Suffix; 17] = [
    ("", 1),
    ("B", 1),
    ("k", 1_000),
    ("kB", 1_000),
    ("K", 1_000),
    ("KB", 1_000),
    ("M", 1_000_000),
    ("MB", 1_000_000),
    ("G", 1_000_000_000),
    ("GB", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("Ki", 1 << 10),
    ("KiB", 1 << 10),
    ("Mi", 1 << 20),
    ("MiB", 1 << 20),
    ("Gi", 1 << 30),
    ("GiB", 1 << 30),
];

/// Suffixes of times, in milliseconds.
pub(super) const TIMES: [Suffix; 4] = [("", 1), ("ms", 1), ("s", 1_000), ("min", 60_000)];

/// Reads a number with a suffix. `None` if it is not a number, not whole, or too large.
pub(super) fn parse(text: &str, suffixes: &[Suffix]) -> Option<u64> {
    let text = text.trim();
    let end = text.rfind(|c: char| c.is_ascii_digit())?.checked_add(1)?;
    let (number, suffix) = text.split_at_checked(end)?;
    let (_, unit) = suffixes
        .iter()
        .find(|(known, _)| *known == suffix.trim_start())?;
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) || !is_digits(exponent) {
        return None;
    }
    let fraction = fraction.trim_end_matches('0');
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = |power: usize| 10_u128.checked_pow(u32::try_from(power).ok()?);
    let all = digits
        .checked_mul((*unit).into())?
        .checked_mul(scale(exponent.parse().ok()?)?)?;
    let parts = scale(fraction.len())?;
    all.is_multiple_of(parts)
        .then(|| u64::try_from(all / parts).ok())
        .flatten()
}

/// A value as people read it.
pub(super) fn shown(amount: Option<u64>, unit: &str) -> String {
    let Some(amount) = amount else {
        return "none".to_owned();
    };
    if unit.starts_with("bytes") {
        for (name, size) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
            if amount > 0 && amount.is_multiple_of(size) {
                return format!("{} {name}", amount / size);
            }
        }
    }
    let digits = amount.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len().saturating_sub(at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_fractions_exponents_and_suffixes() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1000", Some(1000)),
            ("1e9", Some(1_000_000_000)),
            ("1E+3", Some(1000)),
            ("2.5e3", Some(2500)),
            ("1.50", None),
            ("2.0", Some(2)),
            ("5G", Some(5_000_000_000)),
            ("1.5k", Some(1500)),
            ("64MiB", Some(64 << 20)),
            ("64 MiB", Some(64 << 20)),
            ("64 MB", Some(64_000_000)),
            ("0.5Ki", Some(512)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("1e20", None),
            ("1e99999999999", None),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1e-3", None),
            (".5k", None),
            ("1 000", None),
            ("5X", None),
            ("5s", None),
            ("MiB", None),
            ("1e", None),
            ("é1", None),
        ] {
            assert_eq!(parse(text, &MULTIPLES), expected, "{text}");
        }
        for (text, expected) in [
            ("5", Some(5)),
            ("5s", Some(5000)),
            ("1.5min", Some(90_000)),
            ("5k", None),
        ] {
            assert_eq!(parse(text, &TIMES), expected, "{text}");
        }
    }
}

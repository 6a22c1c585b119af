//! RFC 3339 moments, with up to nine digits of a second.

use alloc::{format, string::String};
use core::fmt;

/// Text that is not RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadTime;

impl fmt::Display for BadTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not an RFC 3339 time such as 2026-01-31T12:00:00.5Z")
    }
}

impl core::error::Error for BadTime {}

/// A moment: seconds since 1970-01-01T00:00:00Z and nanoseconds after that second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_structs,
    reason = "seconds and nanoseconds are all of a moment"
)]
pub struct Moment {
    /// Seconds since the epoch; negative before it.
    pub seconds: i64,
    /// Nanoseconds, below 1 000 000 000.
    pub nanos: u32,
}

/// Reads RFC 3339 text.
///
/// # Errors
///
/// [`BadTime`] if the text has another form or names a day or hour that does not exist.
pub fn parse(text: &str) -> Result<Moment, BadTime> {
    parse_bytes(text.as_bytes()).ok_or(BadTime)
}

fn parse_bytes(text: &[u8]) -> Option<Moment> {
    let number = |from: usize, to: usize| -> Option<i64> {
        text.get(from..to)?.iter().try_fold(0, |value, &digit| {
            digit
                .is_ascii_digit()
                .then(|| value * 10 + i64::from(digit - b'0'))
        })
    };
    let mark = |at: usize, allowed: &[u8]| {
        text.get(at)
            .filter(|byte| allowed.contains(byte))
            .map(|_| ())
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    for (at, allowed) in [
        (4, b"-".as_slice()),
        (7, b"-"),
        (10, b"Tt"),
        (13, b":"),
        (16, b":"),
    ] {
        mark(at, allowed)?;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=days_in_month).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanos, zone) = match text.get(19)? {
        b'.' | b',' => {
            let digits = text
                .get(20..)?
                .iter()
                .take_while(|b| b.is_ascii_digit())
                .count();
            if digits == 0 || digits > 9 {
                return None;
            }
            let missing = 9 - u32::try_from(digits).ok()?;
            (number(20, 20 + digits)? * 10i64.pow(missing), 20 + digits)
        }
        _ => (0, 19),
    };
    let offset = match text.get(zone)? {
        b'Z' | b'z' if text.len() == zone + 1 => 0,
        sign @ (b'+' | b'-') if text.len() == zone + 6 => {
            mark(zone + 3, b":")?;
            let (hours, minutes) = (number(zone + 1, zone + 3)?, number(zone + 4, zone + 6)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = hours * 3600 + minutes * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Moment {
        seconds: seconds - offset,
        nanos: u32::try_from(nanos).ok()?,
    })
}

/// Writes a moment in UTC, with as many digits of a second as it needs.
pub fn format(moment: Moment) -> String {
    let (days, second) = (
        moment.seconds.div_euclid(86_400),
        moment.seconds.rem_euclid(86_400),
    );
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let mut text = match year {
        0..=9999 => {
            // By hand, since files have three times each and recordings many files.
            let mut text = String::with_capacity("2006-01-02T15:04:05.123456789Z".len());
            push_digits(&mut text, year, 4);
            text
        }
        _ => format!("{year:04}"),
    };
    for (mark, number) in [
        ('-', month),
        ('-', day),
        ('T', hour),
        (':', minute),
        (':', second),
    ] {
        text.push(mark);
        push_digits(&mut text, number, 2);
    }
    if moment.nanos > 0 {
        text.push('.');
        push_digits(&mut text, moment.nanos.into(), 9);
        text.truncate(text.trim_end_matches('0').len());
    }
    text.push('Z');
    text
}

/// Writes the last digits of a number that is not negative.
fn push_digits(text: &mut String, number: i64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = number / 10i64.pow(place) % 10;
        text.extend(
            u8::try_from(digit)
                .ok()
                .map(|digit| char::from(b'0' + digit)),
        );
    }
}

/// Days since the epoch of a date, counting years from March so that the leap day comes last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_and_written() {
        for (text, seconds, nanos, canonical) in [
            ("1970-01-01T00:00:00Z", 0, 0, "1970-01-01T00:00:00Z"),
            (
                "0001-01-01T00:00:00Z",
                -62_135_596_800,
                0,
                "0001-01-01T00:00:00Z",
            ),
            (
                "2000-02-29T23:59:59.5+01:00",
                951_865_199,
                500_000_000,
                "2000-02-29T22:59:59.5Z",
            ),
            (
                "2026-11-24t06:00:00.000000001z",
                1_795_500_000,
                1,
                "2026-11-24T06:00:00.000000001Z",
            ),
            (
                "9999-12-31T23:59:59-23:59",
                253_402_387_139,
                0,
                "10000-01-01T23:58:59Z",
            ),
        ] {
            let moment = parse(text).unwrap();
            assert_eq!((moment.seconds, moment.nanos), (seconds, nanos), "{text}");
            assert_eq!(format(moment), canonical);
        }
    }

    #[test]
    fn what_is_not_rfc_3339_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-11-24",
            "2026-11-24T06:00:00",
            "2026-11-24 06:00:00Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.0123456789Z",
            "2026-01-01T00:00:00+1:00",
            "2026-01-01T00:00:00Zx",
            "+026-01-01T00:00:00Z",
        ] {
            assert_eq!(parse(text), Err(BadTime), "{text}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_survives() {
        for day in 0..146_097i64 {
            let moment = Moment {
                seconds: day * 86_400,
                nanos: 0,
            };
            assert_eq!(parse(&format(moment)), Ok(moment));
        }
    }

    #[test]
    fn the_ends_of_time_do_not_overflow() {
        format(Moment {
            seconds: i64::MAX,
            nanos: 0,
        });
        format(Moment {
            seconds: i64::MIN,
            nanos: 0,
        });
    }
}

//! Compares numbers by value, as JSON Schema does: 1 and 1.0 are equal.

use super::budget::{Budget, SEARCH};
use crate::error::TooExpensive;
use alloc::string::{String, ToString};
use core::cmp::Ordering;
use serde_json::{Number, Value};

pub(super) fn is_integer(number: &Number) -> bool {
    !number.is_f64()
        || number
            .as_f64()
            .is_some_and(|value| libm::trunc(value) == value)
}

pub(super) fn compare(one: &Number, other: &Number) -> Option<Ordering> {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

/// Returns whether `number` is a multiple of `step`; `None` if `step` is not positive.
pub(super) fn is_multiple(number: &Number, step: &Number) -> Option<bool> {
    if compare(step, &Number::from(0)) != Some(Ordering::Greater) {
        return None;
    }
    if let (Some(number), Some(step)) = (number.as_i128(), step.as_i128()) {
        return Some(number % step == 0);
    }
    // 0.3 is a multiple of 0.1, but not in binary floating point.
    let (number, step) = (number.as_f64()?, step.as_f64()?);
    let times = number / step;
    if times.is_infinite() {
        return Some(number % step == 0.0);
    }
    Some((times - libm::round(times)).abs() <= 1e-9 * times.abs().max(1.0))
}

/// Cost of each value that is compared or written.
const VISIT: usize = 8;

pub(super) fn equal(
    one: &Value,
    other: &Value,
    budget: &mut Budget<'_>,
) -> Result<bool, TooExpensive> {
    budget.spend(VISIT)?;
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            Ok(compare(one, other) == Some(Ordering::Equal))
        }
        (Value::String(one), Value::String(other)) => {
            if one.len() != other.len() {
                return Ok(false);
            }
            budget.spend(one.len())?;
            Ok(one == other)
        }
        (Value::Array(one), Value::Array(other)) => {
            if one.len() != other.len() {
                return Ok(false);
            }
            for (one, other) in one.iter().zip(other) {
                if !equal(one, other, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Object(one), Value::Object(other)) => {
            if one.len() != other.len() {
                return Ok(false);
            }
            for (key, one) in one {
                budget.spend(SEARCH + key.len())?;
                let Some(other) = other.get(key) else {
                    return Ok(false);
                };
                if !equal(one, other, budget)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Null, Value::Null) => Ok(true),
        (Value::Bool(one), Value::Bool(other)) => Ok(one == other),
        _ => Ok(false),
    }
}

/// Writes a text that is the same for equal values.
pub(super) fn write_canonical(
    value: &Value,
    out: &mut String,
    budget: &mut Budget<'_>,
) -> Result<(), TooExpensive> {
    let before = out.len();
    match value {
        Value::Number(number) => match whole(number) {
            Some(whole) => out.push_str(&whole.to_string()),
            None => out.push_str(&number.to_string()),
        },
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_canonical(item, out, budget)?;
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (key, value) in map {
                budget.spend(key.len().saturating_mul(2))?;
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_canonical(value, out, budget)?;
                out.push(',');
            }
            out.push('}');
        }
        other => out.push_str(&other.to_string()),
    }
    let written = match value {
        Value::Array(_) | Value::Object(_) => 0,
        _ => out.len().saturating_sub(before),
    };
    budget.spend(VISIT + written.saturating_mul(2))
}

/// Converts a double to the integer that is exactly equal to it, if there is one.
fn whole(number: &Number) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let value = number.as_f64().filter(|_| number.is_f64())?;
    let fits = libm::trunc(value) == value && value.abs() <= EXACT;
    #[allow(clippy::cast_possible_truncation)] // checked just above
    fits.then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::budget::NO_DEADLINE;
    use serde_json::json;

    fn number(value: Value) -> Number {
        let Value::Number(number) = value else {
            panic!("{value}")
        };
        number
    }

    #[test]
    fn numbers_count_by_value() {
        let budget = &mut Budget::new(0, 0, NO_DEADLINE);
        for (one, other, same) in [
            (json!({"a": [1, 2.0]}), json!({"a": [1.0, 2]}), true),
            (json!([null, true, "é"]), json!([null, true, "é"]), true),
            (json!({"a": 1, "b": 2}), json!({"a": 1, "c": 2}), false),
            (json!(1), json!("1"), false),
            (json!([1]), json!([1, 1]), false),
            (json!(null), json!(false), false),
            (json!(-0.0), json!(0), true),
        ] {
            assert_eq!(equal(&one, &other, budget), Ok(same), "{one} {other}");
            let canonical = [one, other].map(|value| {
                let mut text = String::new();
                write_canonical(&value, &mut text, &mut *budget).unwrap();
                text
            });
            assert_eq!(canonical[0] == canonical[1], same, "{canonical:?}");
        }
        assert!(is_integer(&number(json!(1e3))) && !is_integer(&number(json!(0.5))));
        let (large, next) = (number(json!(u64::MAX)), number(json!(u64::MAX - 1)));
        assert_eq!(compare(&large, &next), Some(Ordering::Greater));
    }

    #[test]
    fn multiples_are_those_of_the_decimal_fractions() {
        for (value, step, expected) in [
            (json!(0.3), json!(0.1), Some(true)),
            (json!(19.99), json!(0.01), Some(true)),
            (json!(0.35), json!(0.1), Some(false)),
            (json!(6), json!(3), Some(true)),
            (json!(7), json!(3), Some(false)),
            (json!(6), json!(1.5), Some(true)),
            (json!(6), json!(0), None),
            (json!(6), json!(-1), None),
            (json!(1e308), json!(0.5), Some(true)),
        ] {
            assert_eq!(
                is_multiple(&number(value.clone()), &number(step.clone())),
                expected,
                "{value} {step}"
            );
        }
    }
}

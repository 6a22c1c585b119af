//! Numbers as JSON Schema sees them: by value, so that 1 and 1.0 are the same.

use serde_json::{Number, Value};
use std::cmp::Ordering;

pub(super) fn is_integer(number: &Number) -> bool {
    !number.is_f64() || number.as_f64().is_some_and(|value| value.fract() == 0.0)
}

pub(super) fn compare(one: &Number, other: &Number) -> Option<Ordering> {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

/// `None` if no number is a multiple of `step`.
pub(super) fn is_multiple(number: &Number, step: &Number) -> Option<bool> {
    if compare(step, &Number::from(0)) != Some(Ordering::Greater) {
        return None;
    }
    if let (Some(number), Some(step)) = (number.as_i128(), step.as_i128()) {
        return Some(number % step == 0);
    }
    // 0.3 is a multiple of 0.1, though their doubles are not.
    let (number, step) = (number.as_f64()?, step.as_f64()?);
    let times = number / step;
    if times.is_infinite() {
        return Some(number % step == 0.0);
    }
    Some((times - times.round()).abs() <= 1e-9 * times.abs().max(1.0))
}

pub(super) fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => compare(one, other) == Some(Ordering::Equal),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, one)| other.get(key).is_some_and(|other| equal(one, other)))
        }
        _ => one == other,
    }
}

/// The same text for equal values.
pub(super) fn canonical(value: &Value) -> String {
    fn normal(value: &Value) -> Value {
        match value {
            Value::Number(number) => whole(number).map_or_else(|| value.clone(), Value::from),
            Value::Array(items) => items.iter().map(normal).collect(),
            Value::Object(map) => map
                .iter()
                .map(|(key, value)| (key, normal(value)))
                .collect(),
            other => other.clone(),
        }
    }
    normal(value).to_string()
}

/// A double without a fraction, as an integer if it can be one exactly.
fn whole(number: &Number) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let value = number.as_f64().filter(|_| number.is_f64())?;
    let fits = value.fract() == 0.0 && value.abs() <= EXACT;
    #[allow(clippy::cast_possible_truncation)] // checked just above
    fits.then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn number(value: Value) -> Number {
        let Value::Number(number) = value else {
            panic!("{value}")
        };
        number
    }

    #[test]
    fn numbers_count_by_value() {
        assert!(equal(&json!({"a": [1, 2.0]}), &json!({"a": [1.0, 2]})));
        assert!(!equal(&json!(1), &json!("1")) && !equal(&json!([1]), &json!([1, 1])));
        assert_eq!(canonical(&json!({"b": 1.0, "a": -0.0})), r#"{"a":0,"b":1}"#);
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

//! The fields that a pattern names, and their values: the two keys by which all patterns that match
//! a request are found without trying each.

use alloc::string::{String, ToString};
use serde_json::Value;

/// The fields that a pattern names, without their values.
pub(super) fn fields_of(pattern: &Value) -> Value {
    match pattern {
        Value::Object(fields) => {
            let fields = fields.iter();
            Value::Object(
                fields
                    .map(|(key, value)| (key.clone(), fields_of(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(fields_of).collect()),
        _ => Value::Null,
    }
}

/// The values of these fields of a request as one text; `None` if a field is missing.
pub(super) fn values_in(fields: &Value, request: &Value) -> Option<String> {
    fn collect(fields: &Value, request: &Value, values: &mut String) -> Option<()> {
        match (fields, request) {
            (Value::Object(fields), Value::Object(request)) => fields
                .iter()
                .try_for_each(|(key, fields)| collect(fields, request.get(key)?, values)),
            (Value::Array(fields), Value::Array(request)) => {
                let mut items = fields.iter().zip(request);
                (fields.len() == request.len())
                    .then(|| items.try_for_each(|(one, other)| collect(one, other, values)))?
            }
            (Value::Null, Value::Object(_) | Value::Array(_)) => None,
            (Value::Null, value) => {
                match value.as_f64() {
                    // Both zeros are equal.
                    Some(0.0) if value.is_f64() => values.push_str("0.0"),
                    _ => values.push_str(&value.to_string()),
                }
                values.push('\n');
                Some(())
            }
            _ => None,
        }
    }
    let mut values = String::new();
    collect(fields, request, &mut values)?;
    Some(values)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// Whether a request matches a pattern, compared value by value.
    pub(in super::super) fn covers(pattern: &Value, request: &Value) -> bool {
        match (pattern, request) {
            (Value::Object(pattern), Value::Object(request)) => {
                pattern.iter().all(|(key, pattern)| {
                    let request = request.get(key);
                    request.is_some_and(|request| covers(pattern, request))
                })
            }
            (Value::Array(pattern), Value::Array(request)) => {
                pattern.len() == request.len()
                    && pattern.iter().zip(request).all(|(a, b)| covers(a, b))
            }
            _ => pattern == request,
        }
    }

    fn is_found(pattern: &Value, request: &Value) -> bool {
        let fields = fields_of(pattern);
        let values = values_in(&fields, pattern);
        assert!(values.is_some());
        values_in(&fields, request) == values
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (0..3).prop_map(Value::from),
            prop::sample::select(vec![0.0, -0.0, 1.0, 1.5]).prop_map(Value::from),
            "[a\\n\"]{0,2}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[ab]", inner, 0..3)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_index_finds_what_patterns_cover(pattern in json_value(), request in json_value()) {
            prop_assert_eq!(is_found(&pattern, &request), covers(&pattern, &request));
            prop_assert!(is_found(&request, &request));
        }
    }

    #[test]
    fn patterns_match_requests_with_more_fields() {
        let request = json!({"a": 1, "b": [{"c": 2, "d": 3}], "e": null});
        for pattern in [
            json!({}),
            json!({"a": 1}),
            json!({"b": [{"c": 2}], "e": null}),
        ] {
            assert!(is_found(&pattern, &request), "{pattern}");
        }
        for pattern in [
            json!({"a": 2}),
            json!({"b": []}),
            json!({"b": [{"c": 2}, {}]}),
            json!({"f": null}),
        ] {
            assert!(!is_found(&pattern, &request), "{pattern}");
        }
    }
}

//! Evidence is cut to its byte limit where least is lost, and is marked as cut. Shown by the rows of
//! tests/cases/evidence-truncation.jsonl, and by properties.

use crate::support;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use support::Guest;
use tollgate::{Config, ErrorDetail, Evidence, Limits, Redactor, Runtime, truncate_evidence};

fn with(data: Value) -> Evidence {
    let Value::Object(data) = data else {
        panic!("{data} is no object")
    };
    Evidence::success(data)
}

fn size(evidence: &Evidence) -> usize {
    let raw = evidence.raw.as_ref();
    serde_json::to_string(&evidence.data).unwrap().len()
        + raw.map_or(0, |raw| serde_json::to_string(raw).unwrap().len())
}

/// Rows write `b x1000` for a thousand letters.
fn written_out(value: &Value) -> Value {
    match value {
        Value::String(text) => match text.split_once(" x") {
            Some((piece, times)) => piece.repeat(times.parse().unwrap()).into(),
            None => text.clone().into(),
        },
        Value::Object(map) => {
            let entries = map
                .iter()
                .map(|(key, value)| (key.clone(), written_out(value)));
            Value::Object(entries.collect())
        }
        other => other.clone(),
    }
}

#[test]
fn the_rows_hold() {
    let text = std::fs::read_to_string("tests/cases/evidence-truncation.jsonl").unwrap();
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let whole = with(written_out(&row["data"]));
        let mut cut = whole.clone();
        let limit = usize::try_from(row["limit"].as_u64().unwrap()).unwrap();
        let told = truncate_evidence(&mut cut, limit);
        for (key, expected) in row["expect"].as_object().unwrap() {
            match (key.as_str(), expected.as_str()) {
                ("meta", None) => assert!(told.is_none(), "{row}"),
                ("data", Some("unchanged")) => assert_eq!(cut, whole),
                (key, Some("object with key _truncated")) => {
                    assert_eq!(
                        cut.data[key],
                        json!({"_truncated": true, "_type": "object"})
                    );
                    let told = told.as_ref().unwrap();
                    assert!(told.truncated && told.truncated_at_bytes == limit);
                    assert_eq!(told.original_size_bytes, size(&whole));
                }
                _ => panic!("nobody knows {row}"),
            }
        }
    }
}

#[test]
fn strings_are_cut_between_characters_and_lists_are_replaced() {
    let mut evidence = with(json!({
        "long": "é".repeat(1000), "list": vec![7; 1000], "short": "kept", "n": 1.5, "b": null,
    }));
    truncate_evidence(&mut evidence, 1001).unwrap();
    let long = evidence.data["long"].as_str().unwrap();
    assert_eq!(long, format!("{}\n... [TRUNCATED] ...", "é".repeat(250)));
    assert_eq!(
        evidence.data["list"],
        json!({"_truncated": true, "_type": "array"})
    );
    assert_eq!(evidence.data["short"], "kept");
    assert_eq!(
        (&evidence.data["n"], &evidence.data["b"]),
        (&json!(1.5), &Value::Null)
    );
}

#[test]
fn many_small_values_are_left_out_from_the_end() {
    let data: Map<String, Value> = (0..1000).map(|n| (format!("{n:04}"), json!(n))).collect();
    let mut evidence = Evidence::success(data);
    truncate_evidence(&mut evidence, 1000).unwrap();
    assert_eq!(evidence.data["0000"], 0);
    assert_eq!(evidence.data["_truncated"], true);
    assert!(!evidence.data.contains_key("0999"));
    assert!(
        (900..=1000).contains(&size(&evidence)),
        "{}",
        size(&evidence)
    );
}

#[test]
fn raw_text_counts() {
    let mut evidence = Evidence {
        raw: Some("r".repeat(3000)),
        ..with(json!({"a": "b"}))
    };
    truncate_evidence(&mut evidence, 1000).unwrap();
    assert!(
        evidence
            .raw
            .as_ref()
            .unwrap()
            .ends_with("r\n... [TRUNCATED] ...")
    );
    assert_eq!(evidence.data["a"], "b");
}

#[test]
fn a_call_cuts_and_tells_after_secrets_are_hidden() {
    let answer = json!({"status": true, "data": {"text": "secret-1 ".repeat(300)}}).to_string();
    let seen = |evidence_bytes| {
        let limits = Limits {
            evidence_bytes,
            ..Limits::default()
        };
        let redactor = Redactor::builder().value("secret-1").build().unwrap();
        let runtime = Runtime::builder()
            .limits(limits)
            .redactor(redactor)
            .build()
            .unwrap();
        let plugin = Guest::answering(&answer).load_in(&runtime);
        plugin.observe(&Config::new()).unwrap()
    };
    let cut = seen(Some(1000));
    let text = cut.evidence.data["text"].as_str().unwrap();
    assert!(
        text.starts_with("[REDACTED] ") && !text.contains("secret"),
        "{text}"
    );
    let told = serde_json::to_value(cut.truncation.unwrap()).unwrap();
    assert_eq!(
        (&told["truncated"], &told["truncated_at_bytes"]),
        (&json!(true), &json!(1000))
    );
    assert!(told["original_size_bytes"].as_u64().unwrap() > 3000);
    let whole = seen(None);
    assert!(whole.truncation.is_none());
    assert_eq!(
        whole.evidence.data["text"].as_str().unwrap().len(),
        300 * "[REDACTED] ".len()
    );
    assert_eq!(Limits::default().evidence_bytes, Some(1_048_576));
}

fn json_size(value: &impl serde::Serialize) -> usize {
    serde_json::to_string(value).unwrap().len()
}

#[test]
fn what_is_said_beside_the_data_is_cut_too() {
    let long = "\u{1}é".repeat(5000);
    let object = Map::from_iter([("k".to_owned(), Value::from(long.as_str()))]);
    let error = ErrorDetail {
        message: long.clone(),
        kind: "network".to_owned(),
        code: "ECONNREFUSED".to_owned(),
        details: Some(object.clone()),
        stack: Some(long.clone()),
        wrapped: Some(Box::new(ErrorDetail::new("fs", long.as_str()))),
        ..ErrorDetail::default()
    };
    let mut evidence = Evidence {
        error: Some(error.clone()),
        message: Some(long.clone()),
        metadata: Some(object),
        ..with(json!({"a": "b"}))
    };
    let told = truncate_evidence(&mut evidence, 1000).unwrap();
    assert!(told.original_size_bytes > 4 * long.len());
    assert_eq!(evidence.data["a"], "b");
    let message = evidence.message.unwrap();
    assert!(message.ends_with("\n... [TRUNCATED] ..."), "{message}");
    assert!((900..=1000).contains(&json_size(&message)));
    assert_eq!(
        evidence.metadata,
        Some(Map::from_iter([("_truncated".to_owned(), true.into())]))
    );
    let cut = evidence.error.unwrap();
    assert!((800..=1000).contains(&json_size(&cut)), "{cut:?}");
    assert_eq!((&cut.kind, &cut.code), (&error.kind, &error.code));
    assert!(cut.wrapped.is_none() && cut.details.is_none() && cut.stack.is_none());
}

#[test]
fn errors_with_causes_without_end_fit() {
    let mut error = ErrorDetail::new("k", "m");
    for _ in 0..100 {
        error = ErrorDetail {
            wrapped: Some(Box::new(error)),
            ..ErrorDetail::new("k".repeat(500), "m".repeat(500))
        };
    }
    let mut evidence = Evidence::failure(error);
    assert!(truncate_evidence(&mut evidence, 300).is_some());
    let error = evidence.error.unwrap();
    assert!(
        json_size(&error) <= 300 && !error.kind.is_empty(),
        "{error:?}"
    );
    let mut small = Evidence::failure(ErrorDetail::new("fs", "no such file"));
    assert!(truncate_evidence(&mut small, 300).is_none());
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        "[\u{0}-\u{1f}é]{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 40, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::btree_map("[a-z\"é]{0,9}", inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The same by copying and writing it all for each threshold.
fn naive(whole: &Evidence, limit: usize) -> Evidence {
    let text = |text: &str, threshold: usize| {
        if text.len() <= threshold {
            return text.to_owned();
        }
        let mut kept = String::new();
        for character in text.chars() {
            if kept.len() + character.len_utf8() > threshold {
                break;
            }
            kept.push(character);
        }
        kept + "\n... [TRUNCATED] ..."
    };
    let mut threshold = limit / 2;
    loop {
        let mut cut = whole.clone();
        for value in cut.data.values_mut() {
            let long = serde_json::to_string(value).unwrap().len() > threshold;
            match value {
                Value::String(own) => *own = text(own, threshold),
                Value::Object(_) if long => *value = json!({"_truncated": true, "_type": "object"}),
                Value::Array(_) if long => *value = json!({"_truncated": true, "_type": "array"}),
                _ => {}
            }
        }
        cut.raw = cut.raw.map(|own| text(&own, threshold));
        if size(&cut) <= limit {
            return cut;
        }
        if threshold == 0 {
            let values = std::mem::take(&mut cut.data);
            cut.raw = None;
            cut.data.insert("_truncated".into(), true.into());
            if size(&cut) + 1 > limit {
                cut.data.clear();
            }
            for (key, value) in values {
                let mut more = cut.clone();
                more.data.insert(key, value);
                // Each entry is counted with a comma.
                if size(&more) + 1 > limit {
                    break;
                }
                cut = more;
            }
            return cut;
        }
        threshold /= 2;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::support::tenth(300)))]

    #[test]
    fn whatever_it_is_it_fits(
        data in prop::collection::btree_map("[a-z\"é]{0,9}", any_json(), 0..12),
        raw in prop::option::of("\\PC{0,200}"),
        limit in 2usize..600,
    ) {
        let whole = Evidence { raw, ..Evidence::success(data.into_iter().collect()) };
        let mut cut = whole.clone();
        let told = truncate_evidence(&mut cut, limit);
        prop_assert_eq!(told.is_some(), size(&whole) > limit);
        if told.is_none() {
            prop_assert_eq!(cut, whole);
        } else {
            prop_assert!(size(&cut) <= limit, "{} of {limit}", size(&cut));
            prop_assert_eq!(cut, naive(&whole, limit));
        }
    }
}

//! A config is validated against the plugin's schema before the plugin runs, if that is enabled: every
//! violation is reported with its place, defaults are filled in, unsupported keywords are noted, and no
//! schema makes validation slow.
#![cfg(feature = "schema")]

use crate::support;

use serde_json::{Value, json};
use support::{Guest, data, text_at};
use tollgate::{
    Config, ConfigError, ConfigValidation, Error, Plugin, Runtime, RuntimeBuilder,
    schema::{TooExpensive, ViolationKind, fill_defaults, validate},
};

/// The violations, in words.
fn found(schema: Value, value: Value) -> Vec<String> {
    let validation = validate(&schema, &value).unwrap();
    assert_eq!(validation.notes, [] as [&str; 0], "{schema}");
    validation
        .violations
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn plugin(schema: &str, builder: RuntimeBuilder) -> Plugin {
    let wat = Guest::default().wat().replace(
        &format!("(export \"schema\") (result i64) {}", text_at(300, 2)),
        &format!(
            "(export \"schema\") (result i64) {}",
            text_at(8192, schema.len())
        ),
    );
    let end = wat.rfind(')').unwrap();
    let wat = format!("{} {})", &wat[..end], data(8192, schema));
    let bytes = wat::parse_str(wat).unwrap();
    builder.build().unwrap().load("odd", &bytes).unwrap()
}

/// Each keyword with a value that is right and one that is wrong, and what is said of the latter.
#[test]
fn every_keyword_tells_right_from_wrong() {
    for (schema, right, wrong, message) in [
        (
            json!({"type": "string"}),
            json!("a"),
            json!(1),
            "$: must be a string, but is a number",
        ),
        (
            json!({"type": "integer"}),
            json!(2.0),
            json!(2.5),
            "$: must be an integer, but is a number",
        ),
        (
            json!({"type": "number"}),
            json!(2),
            json!("2"),
            "$: must be a number, but is a string",
        ),
        (
            json!({"type": "boolean"}),
            json!(false),
            json!(null),
            "$: must be a boolean, but is null",
        ),
        (
            json!({"type": "null"}),
            json!(null),
            json!({}),
            "$: must be null, but is an object",
        ),
        (
            json!({"type": ["array", "object"]}),
            json!([]),
            json!(true),
            "$: must be an array or an object, but is a boolean",
        ),
        (
            json!({"enum": ["a", 1]}),
            json!(1.0),
            json!("b"),
            "$: must be one of [\"a\",1]",
        ),
        (
            json!({"const": {"a": 1}}),
            json!({"a": 1.0}),
            json!({}),
            "$: must be {\"a\":1}",
        ),
        (
            json!({"required": ["a b"]}),
            json!({"a b": null}),
            json!({}),
            "$[\"a b\"]: missing property",
        ),
        (
            json!({"properties": {"a": {"items": {"type": "null"}}}}),
            json!({"b": 1}),
            json!({"a": [null, 1]}),
            "$.a[1]: must be null, but is a number",
        ),
        (
            json!({"properties": {"a": {}}, "additionalProperties": false}),
            json!({"a": 1}),
            json!({"b": 1}),
            "$.b: unknown property; expected one of: \"a\"",
        ),
        (
            json!({"additionalProperties": {"type": "string"}}),
            json!({"a": ""}),
            json!({"a": 1}),
            "$.a: must be a string, but is a number",
        ),
        (
            json!({"propertyNames": {"maxLength": 2}}),
            json!({"ab": 1}),
            json!({"abc": 1}),
            "$.abc: property name is not allowed",
        ),
        (
            json!({"minProperties": 1}),
            json!({"a": 1}),
            json!({}),
            "$: must have at least 1 property, but has 0",
        ),
        (
            json!({"maxProperties": 0}),
            json!({}),
            json!({"a": 1}),
            "$: must have at most 0 properties, but has 1",
        ),
        (
            json!({"dependentRequired": {"a": ["b"]}}),
            json!({"b": 1}),
            json!({"a": 1}),
            "$.b: missing property, required by \"a\"",
        ),
        (
            json!({"dependentSchemas": {"a": {"maxProperties": 1}}}),
            json!({"a": 1}),
            json!({"a": 1, "b": 2}),
            "$: must have at most 1 property, but has 2",
        ),
        (
            json!({"items": {"type": "string"}}),
            json!([]),
            json!([1]),
            "$[0]: must be a string, but is a number",
        ),
        (
            json!({"prefixItems": [{}], "items": {"type": "string"}}),
            json!([1, "a"]),
            json!([1, 2]),
            "$[1]: must be a string, but is a number",
        ),
        (
            json!({"minItems": 2}),
            json!([1, 1]),
            json!([1]),
            "$: must have at least 2 items, but has 1",
        ),
        (
            json!({"maxItems": 1.0}),
            json!([1]),
            json!([1, 2]),
            "$: must have at most 1 item, but has 2",
        ),
        (
            json!({"uniqueItems": true}),
            json!([1, "1", [1]]),
            json!([1, {"a": 2}, {"a": 2.0}]),
            "$[2]: duplicates an earlier item",
        ),
        (
            json!({"contains": {"const": 1}, "maxContains": 2}),
            json!([0, 1]),
            json!([0]),
            "$: must contain at least 1 and at most 2 matching items, but has 0",
        ),
        (
            json!({"minimum": 1}),
            json!(1),
            json!(0.5),
            "$: must be at least 1",
        ),
        (
            json!({"maximum": 65535}),
            json!(65535),
            json!(65536),
            "$: must be at most 65535",
        ),
        (
            json!({"exclusiveMinimum": 0}),
            json!(0.1),
            json!(0),
            "$: must be more than 0",
        ),
        (
            json!({"exclusiveMaximum": 1}),
            json!(0),
            json!(1),
            "$: must be less than 1",
        ),
        (
            json!({"multipleOf": 0.01}),
            json!(4.02),
            json!(4.025),
            "$: must be a multiple of 0.01",
        ),
        (
            json!({"minLength": 2}),
            json!("éé"),
            json!("é"),
            "$: must have at least 2 characters, but has 1",
        ),
        (
            json!({"maxLength": 1}),
            json!("é"),
            json!("ab"),
            "$: must have at most 1 character, but has 2",
        ),
        (
            json!({"allOf": [{"minimum": 1}, {"maximum": 2}]}),
            json!(2),
            json!(3),
            "$: must be at most 2",
        ),
        (
            json!({"anyOf": [{"type": "null"}, {"minimum": 2}]}),
            json!(2),
            json!(1),
            "$: matches none of 2 alternatives",
        ),
        (
            json!({"oneOf": [{"minimum": 1}, {"minimum": 2}]}),
            json!(1),
            json!(2),
            "$: matches 2 alternatives, but must match one",
        ),
        (
            json!({"not": {"type": "string"}}),
            json!(1),
            json!("a"),
            "$: matches a schema that it must not match",
        ),
        (
            json!({"if": {"minimum": 5}, "then": {"multipleOf": 5}, "else": {"const": 1}}),
            json!(10),
            json!(6),
            "$: must be a multiple of 5",
        ),
        (
            json!({"if": {"minimum": 5}, "then": {"multipleOf": 5}, "else": {"const": 1}}),
            json!(1),
            json!(2),
            "$: must be 1",
        ),
        (
            json!({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "string"}}}),
            json!(""),
            json!(1),
            "$: must be a string, but is a number",
        ),
        (
            json!({"properties": {"a": {"$ref": "#"}}, "type": "object"}),
            json!({"a": {"a": {}}}),
            json!({"a": {"a": 1}}),
            "$.a.a: must be an object, but is a number",
        ),
        (
            json!({"properties": {"a": false}}),
            json!({}),
            json!({"a": 1}),
            "$.a: is not allowed",
        ),
    ] {
        assert_eq!(found(schema.clone(), right), [] as [&str; 0], "{schema}");
        assert_eq!(found(schema.clone(), wrong), [message], "{schema}");
    }
    // A keyword for one type says nothing of the others, and words for people say nothing.
    let others = json!({"minimum": 1, "minLength": 9, "required": ["a"], "uniqueItems": true,
        "title": "t", "format": "email", "$schema": "https://json-schema.org/draft/2020-12/schema",
        "default": 1, "x-order": 1});
    assert_eq!(found(others, json!(null)), [] as [&str; 0]);
    assert_eq!(found(json!(true), json!(1)), [] as [&str; 0]);
}

#[cfg(feature = "regex")]
#[test]
fn patterns_are_checked_with_the_feature() {
    let schema = json!({"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false,
        "properties": {"host": {"pattern": "^[a-z.]+$"}}});
    assert_eq!(
        found(schema.clone(), json!({"x-a": "", "host": "a.b"})),
        [] as [&str; 0]
    );
    assert_eq!(
        found(schema, json!({"x-a": 1, "host": "A", "y": 1})),
        [
            "$.y: unknown property; expected one of: \"host\"",
            "$[\"x-a\"]: must be a string, but is a number",
            "$.host: must match the pattern \"^[a-z.]+$\""
        ]
    );
    let unreadable = validate(&json!({"pattern": "(?=a)"}), &json!("b")).unwrap();
    assert!(unreadable.is_valid());
    assert!(
        unreadable.notes[0].as_str().contains("(?=a)"),
        "{:?}",
        unreadable.notes
    );
}

#[cfg(not(feature = "regex"))]
#[test]
fn patterns_are_noted_without_the_feature() {
    let validation = validate(&json!({"pattern": "^a$"}), &json!("b")).unwrap();
    assert!(validation.is_valid());
    assert!(
        validation.notes[0].as_str().contains("feature `regex`"),
        "{:?}",
        validation.notes
    );
}

#[test]
fn every_violation_is_told_and_none_quotes_the_config() {
    let schema = json!({"type": "object", "required": ["path"], "additionalProperties": false,
        "properties": {"path": {"type": "string"}, "mode": {"enum": ["exists", "content"]},
            "token": {"maxLength": 3}, "list": {"items": {"minimum": 1}}}});
    let value = json!({"mode": "s3cret", "token": "s3cret", "list": [1, 0, -1], "extra": "s3cret"});
    let told = found(schema, value);
    assert_eq!(told.len(), 6, "{told:?}");
    assert!(!told.concat().contains("s3cret"), "{told:?}");
    let many = json!({"items": false});
    let found = validate(&many, &json!(vec![0; 1000])).unwrap();
    assert_eq!(found.violations.len(), 100);
}

#[test]
fn what_is_not_understood_is_noted_and_passes() {
    for (schema, noted) in [
        (
            json!({"unevaluatedProperties": false}),
            "unevaluatedProperties",
        ),
        (json!({"$ref": "https://example.com/other.json"}), "$ref"),
        (json!({"$ref": "#/$defs/missing"}), "$ref"),
        (json!({"$dynamicRef": "#a"}), "$dynamicRef"),
        (json!({"type": "text"}), "type"),
        (json!({"type": 5}), "type"),
        (json!({"required": "a"}), "required"),
        (json!({"properties": []}), "properties"),
        (json!({"minProperties": -1}), "minProperties"),
        (json!({"anyOf": []}), "anyOf"),
        (json!({"unknown-one": 1}), "unknown-one"),
        (json!(7), "neither an object nor true or false"),
        (
            json!({"properties": {"a": "string"}}),
            "neither an object nor true or false",
        ),
    ] {
        let validation = validate(&schema, &json!({"a": 1})).unwrap();
        assert!(validation.is_valid(), "{schema}: {validation:?}");
        assert_eq!(validation.notes.len(), 1, "{schema}: {validation:?}");
        assert!(
            validation.notes[0].as_str().contains(noted),
            "{schema}: {validation:?}"
        );
    }
}

/// Each of these would take for ever, or the whole stack, without a bound.
#[test]
fn no_schema_makes_it_long() {
    let twice = json!([{"$ref": "#"}, {"$ref": "#"}]);
    for schema in [
        json!({"$ref": "#"}),
        json!({"allOf": twice}),
        json!({"anyOf": twice}),
        json!({"not": {"$ref": "#"}}),
        json!({"if": {"$ref": "#"}, "then": {"$ref": "#"}, "else": {"$ref": "#"}}),
        json!({"oneOf": twice, "$defs": {"a": {"default": {}}}}),
    ] {
        let circle = Err(TooExpensive::Depth { limit: 160 });
        assert_eq!(validate(&schema, &json!({})).map(drop), circle, "{schema}");
    }
    for schema in [json!({"$ref": "#"}), json!({"allOf": twice})] {
        let circle = Err(TooExpensive::Depth { limit: 160 });
        assert_eq!(fill_defaults(&schema, &mut json!({})), circle, "{schema}");
    }
    let unique = json!({"uniqueItems": true});
    let long: Vec<u32> = (0..300_000).collect();
    assert!(validate(&unique, &json!(long)).unwrap().is_valid());

    let mut value = json!(vec![json!({}); 10_000]);
    let large = json!({"items": {"properties": {"a": {"default": "x".repeat(10_000)}}}});
    let filled = fill_defaults(&large, &mut value);
    assert!(
        matches!(filled, Err(TooExpensive::Steps { .. })),
        "{filled:?}"
    );
    assert!(value.to_string().len() < 50 << 20);
}

#[test]
fn defaults_are_filled_in_where_objects_are() {
    let schema = json!({
        "$ref": "#/$defs/config",
        "allOf": [{"properties": {"mode": {"default": "exists"}}}],
        "$defs": {"config": {"properties": {
            "retries": {"default": 3}, "given": {"default": 1}, "none": {"type": "string"},
            "tls": {"$ref": "#/$defs/tls"}, "absent": {"properties": {"a": {"default": 1}}},
            "list": {"items": {"$ref": "#/$defs/tls"}}, "through": {"$ref": "#/$defs/word"},
        }}, "tls": {"properties": {"port": {"default": 443}}}, "word": {"default": "w"}},
    });
    let mut value = json!({"given": null, "tls": {}, "list": [{}, {"port": 1}, 7]});
    fill_defaults(&schema, &mut value).unwrap();
    assert_eq!(
        value,
        json!({"given": null, "tls": {"port": 443}, "list": [{"port": 443}, {"port": 1}, 7],
            "mode": "exists", "retries": 3, "through": "w"})
    );
}

const SCHEMA: &str = r#"{"type":"object","required":["path"],
    "properties":{"path":{"type":"string"},"depth":{"type":"integer","default":2}}}"#;

#[test]
fn a_plugin_tells_what_is_wrong_with_a_config() {
    let plugin = plugin(SCHEMA, Runtime::builder());
    let told = plugin.validate(&Config::new().set("path", 7)).unwrap();
    assert_eq!(told.violations[0].path, "$.path");
    assert!(!told.is_valid() && told.violations.len() == 1);
    let config = Config::new().set("path", "/");
    assert!(plugin.validate(&config).unwrap().is_valid());
    assert_eq!(
        plugin.with_defaults(&config).unwrap(),
        config.set("depth", 2)
    );
}

/// The original runtime never looks at a config; plugins do, and answer with evidence.
#[test]
fn only_a_runtime_that_is_asked_to_refuses() {
    let bad = Config::new();
    let lenient = plugin(SCHEMA, Runtime::builder());
    assert!(lenient.observe(&bad).unwrap().evidence.status);
    let strict = plugin(
        SCHEMA,
        Runtime::builder().validate_configs(ConfigValidation::Strict),
    );
    let error = strict.observe(&bad).unwrap_err();
    assert_eq!(
        error.report(),
        "the config for plugin odd cannot be used: $.path: missing property"
    );
    let Error::Config {
        problem: ConfigError::Invalid(violations),
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!(violations.len(), 1);
    assert!(
        strict
            .observe(&Config::new().set("path", "/"))
            .unwrap()
            .evidence
            .status
    );
}

/// A missing or unknown property is left to the plugin, also one in other case or in an alternative. A
/// wrong type is not.
#[test]
fn a_lenient_runtime_refuses_wrong_values_only() {
    let schema = r#"{"type": "object", "required": ["path"], "additionalProperties": false,
        "minProperties": 1, "properties": {"path": {"type": "string"}, "size": {"type": "integer", "minimum": 1},
        "mode": {"enum": ["a", "b"]}, "in": {"type": "object", "required": ["x"]}},
        "anyOf": [{"required": ["path"]}, {"required": ["size"]}]}"#;
    let lenient = plugin(
        schema,
        Runtime::builder().validate_configs(ConfigValidation::Lenient),
    );
    let strict = plugin(
        schema,
        Runtime::builder().validate_configs(ConfigValidation::Strict),
    );
    for (config, kinds) in [
        (json!({"path": "/"}), vec![]),
        (json!({}), vec![ViolationKind::Missing; 3]),
        (
            json!({"path": null, "size": 1}),
            vec![ViolationKind::Missing],
        ),
        (json!({"size": 1}), vec![ViolationKind::Missing]),
        (
            json!({"Path": "/", "size": 1}),
            vec![ViolationKind::Unknown, ViolationKind::Missing],
        ),
        (json!({"path": "/", "in": {}}), vec![ViolationKind::Missing]),
        (json!({"path": 7}), vec![ViolationKind::Value]),
        (json!({"path": "/", "size": 0}), vec![ViolationKind::Value]),
        (
            json!({"path": "/", "mode": "c"}),
            vec![ViolationKind::Value],
        ),
    ] {
        let config = Config::try_from(config).unwrap();
        let found = strict.validate(&config).unwrap();
        let mut seen: Vec<ViolationKind> = found.violations.iter().map(|it| it.kind).collect();
        let mut kinds = kinds;
        seen.sort();
        kinds.sort();
        assert_eq!(seen, kinds, "{config:?}: {:?}", found.violations);
        assert_eq!(
            strict.observe(&config).is_ok(),
            kinds.is_empty(),
            "{config:?}"
        );
        let has_error = kinds.contains(&ViolationKind::Value);
        assert_eq!(found.errors().count() > 0, has_error);
        match lenient.observe(&config) {
            Ok(_) => assert!(!has_error, "{config:?}"),
            Err(Error::Config {
                problem: ConfigError::Invalid(violations),
                ..
            }) => {
                assert!(has_error && violations.iter().all(|it| it.kind == ViolationKind::Value));
            }
            other => panic!("{other:?}"),
        }
    }
    let near = strict
        .validate(&Config::new().set("path", "/").set("SIZE", 1))
        .unwrap();
    assert_eq!(
        near.violations[0].to_string(),
        "$.SIZE: unknown property; did you mean \"size\"?"
    );
}

/// The first hundred violations are kept, and a wrong value is never lost behind them.
#[test]
fn an_error_is_found_behind_any_number_of_warnings() {
    let schema = json!({"additionalProperties": false, "properties": {"z": {"type": "string"}}});
    let mut value: Value = (0..500)
        .map(|at| (format!("a{at}"), json!(1)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    value["z"] = json!(1);
    let found = validate(&schema, &value).unwrap();
    assert_eq!(found.violations.len(), 100);
    assert_eq!(found.errors().count(), 1);
}

#[test]
fn a_plugin_without_a_schema_takes_any_config() {
    let wat = Guest::default()
        .wat()
        .replace("(func (export \"schema\")", "(func");
    let bytes = wat::parse_str(wat).unwrap();
    let runtime = Runtime::builder()
        .validate_configs(ConfigValidation::Strict)
        .build()
        .unwrap();
    let plugin = runtime.load("odd", &bytes).unwrap();
    assert!(plugin.observe(&Config::new().set("any", 1)).is_ok());
    assert_eq!(plugin.with_defaults(&Config::new()).unwrap(), Config::new());
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn any_json() -> impl Strategy<Value = Value> {
        const KEYS: &[&str] = &[
            "type",
            "enum",
            "const",
            "allOf",
            "anyOf",
            "oneOf",
            "not",
            "if",
            "then",
            "else",
            "$ref",
            "properties",
            "required",
            "additionalProperties",
            "items",
            "prefixItems",
            "minItems",
            "contains",
            "uniqueItems",
            "minimum",
            "multipleOf",
            "maxLength",
            "pattern",
            "default",
            "patternProperties",
            "dependentRequired",
            "a",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            prop::sample::select(vec!["string", "integer", "object", "#", "#/a", "(", "a"])
                .prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(
                    prop::sample::select(KEYS).prop_map(str::to_owned),
                    inner,
                    0..5
                )
                .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(crate::support::tenth(500)))]

        /// Any schema and any value are survived, and every value is what it is.
        #[test]
        fn any_schema_is_survived(schema in any_json(), mut value in any_json()) {
            let _ = validate(&schema, &value);
            let _ = fill_defaults(&schema, &mut value);
            let itself = json!({"const": value, "enum": [value]});
            let found = validate(&itself, &value);
            prop_assert!(found.unwrap().is_valid());
        }
    }
}

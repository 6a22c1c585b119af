//! Validating a config costs no more than the budget of its bytes, whatever the schema: a schema
//! that would cost more is an error that says so, and no memory beyond an attack's bound is used.
#![cfg(target_os = "linux")]

mod hostile;
mod support;

use hostile::child::{self, ATTACK};
use serde_json::{Value, json};
use support::{Guest, data, text_at};
use tollgate::{Config, Plugin, Runtime};

/// A plugin with this schema.
fn plugin(schema: &str) -> Plugin {
    let wat = Guest::default().wat().replace(
        &format!("(export \"schema\") (result i64) {}", text_at(300, 2)),
        &format!(
            "(export \"schema\") (result i64) {}",
            text_at(8192, schema.len())
        ),
    );
    let pages = schema.len() / 65_536 + 2;
    let wat = wat.replace(
        "(memory (export \"memory\") 2)",
        &format!("(memory (export \"memory\") {pages})"),
    );
    let end = wat.rfind(')').unwrap();
    let wat = format!("{} {})", &wat[..end], data(8192, schema));
    let runtime = Runtime::new().unwrap();
    runtime.load("odd", &wat::parse_str(wat).unwrap()).unwrap()
}

/// `allOf` of this many different patterns.
fn patterns(many: usize, pattern: &str) -> Value {
    let patterns: Vec<Value> = (0..many)
        .map(|number| json!({"pattern": format!("{pattern}{number}")}))
        .collect();
    json!({"properties": {"x": {"allOf": patterns}}})
}

/// Runs in a process of its own, with as much memory as an attack may have.
fn validated(schema: &Value, config: &Value) -> String {
    let input = json!([schema, config]).to_string();
    let ended = child::run("validate", input.as_bytes());
    let ended = ended.unwrap_or_else(|error| panic!("{error}"));
    ended.outcome.as_str().unwrap().to_owned()
}

/// 71 KB of schema that once took 4.7 s and 791 MB.
#[test]
fn patterns_that_compile_to_much_are_an_error() {
    for many in [2_000, 12_000] {
        let schema = patterns(many, r"(\w{1,50}){1,40}");
        let outcome = validated(&schema, &json!({"x": "abc"}));
        assert!(outcome.contains("too expensive"), "{outcome}");
    }
}

#[test]
#[ignore = "the body of a child process"]
fn the_task() {
    child::perform(ATTACK, |_, input| {
        let [schema, config]: [Value; 2] = serde_json::from_slice(&input).unwrap();
        let plugin = plugin(&schema.to_string());
        let config = Config::try_from(config).unwrap();
        match plugin.validate(&config) {
            Ok(found) => format!("{found:?}").into(),
            Err(error) => error.to_string().into(),
        }
    });
}

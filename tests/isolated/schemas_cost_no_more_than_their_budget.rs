//! Validating a config stays within a budget of its bytes, whatever the schema. A schema that would
//! cost more is an error, and no memory beyond an attack's limit is used.
#![cfg(all(target_os = "linux", feature = "schema"))]

use crate::{hostile, support};
#[path = "../../src/schema/shapes.rs"]
mod shapes;

use hostile::child::{self, ATTACK};
use serde_json::{Value, json};
use std::time::Duration;
use support::{Guest, data, text_at};
use tollgate::{
    Config, ConfigError, Error, Plugin, Runtime, RuntimeBuilder,
    schema::{TooExpensive, fill_defaults, validate},
};

/// A plugin with this schema.
fn plugin(schema: &str, builder: RuntimeBuilder) -> Plugin {
    let runtime = builder.build().unwrap();
    runtime.load("odd", module(schema)).unwrap()
}

fn module(schema: &str) -> Vec<u8> {
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
    wat::parse_str(wat).unwrap()
}

/// `allOf` of this many different patterns.
#[cfg(feature = "regex")]
fn patterns(many: usize, pattern: &str) -> Value {
    let patterns: Vec<Value> = (0..many)
        .map(|number| json!({"pattern": format!("{pattern}{number}")}))
        .collect();
    json!({"properties": {"x": {"allOf": patterns}}})
}

/// How a task ends in a process of its own, with as much memory as an attack may have.
fn ended(task: &str, input: &Value) -> String {
    let ended = child::run(module_path!(), task, input.to_string().as_bytes());
    let ended = ended.unwrap_or_else(|error| panic!("{error}"));
    ended.outcome.as_str().unwrap().to_owned()
}

/// 71 KB of schema that once took 4.7 s and 791 MB, and more that aborted the process.
#[cfg(feature = "regex")]
#[test]
fn patterns_that_compile_to_much_are_an_error() {
    for many in [2_000, 12_000] {
        let schema = patterns(many, r"(\w{1,50}){1,40}");
        let outcome = ended("plugin", &json!([schema, {"x": "abc"}]));
        assert!(
            outcome.starts_with(
                "the config for plugin odd cannot be used: \
                 validating this config against the plugin's schema is too expensive: "
            ),
            "{outcome}"
        );
        assert!(outcome.ends_with("or skip config validation"), "{outcome}");
    }
}

#[cfg(feature = "regex")]
#[test]
fn no_patterns_take_more_memory_than_an_attack_may() {
    for name in shapes::PATTERNS.iter().map(|(name, _)| name) {
        println!("{name}: {}", ended("patterns", &json!(name)));
    }
}

#[test]
fn no_defaults_take_more_memory_than_an_attack_may() {
    for name in shapes::DEFAULTS.iter().map(|(name, _)| name) {
        let outcome = ended("defaults", &json!(name));
        assert!(
            outcome.contains("TooExpensive") || outcome.contains("Steps"),
            "{outcome}"
        );
    }
}

/// A megabyte of each, as honest schemas and configs may be.
#[test]
fn what_is_large_and_proportional_is_validated() {
    for (name, shape) in shapes::PROPORTIONAL {
        let (schema, value) = shape(1_000_000);
        assert!(validate(&schema, &value).is_ok(), "{name}");
    }
}

/// A schema that takes longer than the deadline, and not more than the budget.
#[test]
fn the_deadline_ends_a_validation() {
    let (schema, value) = shapes::PRODUCTS[4].1(100_000);
    let schema =
        json!({"properties": {"x": schema, "y": {"default": 1}}, "$defs": schema["$defs"]});
    let builder = Runtime::builder().deadline(Duration::from_millis(5));
    let plugin = plugin(
        &schema.to_string(),
        builder.validate_configs(tollgate::ConfigValidation::Strict),
    );
    // The plugin itself has to answer in time once.
    assert!((0..1000).any(|_| plugin.schema().is_ok()));
    let config = Config::new().set("x", value);
    for ended in [
        plugin.validate(&config).map(drop),
        plugin.observe(&config).map(drop),
    ] {
        let error = ended.unwrap_err();
        let Error::Config {
            problem: ConfigError::TooExpensive(TooExpensive::Deadline { limit }),
            ..
        } = error
        else {
            panic!("{error}")
        };
        assert_eq!(limit, Duration::from_millis(5));
    }
}

/// A test whose plugin did not run must not pass as recorded.
#[test]
fn an_assertion_fails_if_validation_is_too_expensive() {
    let (dear, _) = shapes::PRODUCTS[0].1(100_000);
    let plugin = plugin(
        &dear.to_string(),
        Runtime::builder().validate_configs(tollgate::ConfigValidation::Strict),
    );
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.jsonl");
    let asserting = std::panic::AssertUnwindSafe(|| tollgate::replay::assert(&path, &plugin));
    assert!(std::panic::catch_unwind(asserting).is_err());
    assert!(!path.exists());
}

/// No value that breaks the schema somewhere passes for one that breaks it nowhere, or the other
/// way round, because the budget ended.
#[test]
fn a_spent_budget_is_neither_valid_nor_invalid() {
    let (dear, value) = shapes::PRODUCTS[0].1(100_000);
    for other in [json!(true), json!(false)] {
        let schema = json!({"allOf": [other, dear], "$defs": dear["$defs"]});
        let outcome = validate(&schema, &value);
        assert!(
            matches!(outcome, Err(TooExpensive::Steps { .. })),
            "{outcome:?}"
        );
    }
    let plugin = plugin(
        &dear.to_string(),
        Runtime::builder().validate_configs(tollgate::ConfigValidation::Strict),
    );
    let error = plugin.observe(&Config::new()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Config {
                problem: ConfigError::TooExpensive(_),
                ..
            }
        ),
        "{error}"
    );
}

/// The command line must not run a plugin with a config that nobody could check, as it does where a
/// plugin cannot say its schema.
#[cfg(feature = "cli")]
#[test]
fn the_command_line_refuses_what_is_too_expensive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.wasm");
    let dear = shapes::PRODUCTS[0].1(100_000).0.to_string();
    std::fs::write(&path, module(&dear)).unwrap();
    let observe = |more: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tollgate"));
        let output = command.arg("observe").arg(&path).args(more).output();
        let output = output.unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), output.stdout.is_empty(), words)
    };
    let (code, silent, words) = observe(&[]);
    assert_eq!((code, silent), (Some(2), true), "{words}");
    assert!(
        words.contains("too expensive") && words.contains("--no-validate"),
        "{words}"
    );
    let (code, silent, words) = observe(&["--no-validate"]);
    assert_eq!((code, silent), (Some(0), false), "{words}");
}

#[test]
#[ignore = "the body of a child process"]
fn the_task() {
    child::perform(ATTACK, |task, input| {
        let input: Value = serde_json::from_slice(&input).unwrap();
        let shape = |shapes: &[(&str, shapes::Shape)]| {
            let named = shapes.iter().find(|(name, _)| input == *name);
            named.unwrap().1(1_000_000)
        };
        match task {
            "plugin" => {
                let plugin = plugin(&input[0].to_string(), Runtime::builder());
                let config = Config::try_from(input[1].clone()).unwrap();
                match plugin.validate(&config) {
                    Ok(found) => format!("{found:?}").into(),
                    Err(error) => error.report().into(),
                }
            }
            #[cfg(feature = "regex")]
            "patterns" => {
                let (schema, value) = shape(shapes::PATTERNS);
                format!("{:?}", validate(&schema, &value)).into()
            }
            "defaults" => {
                let (schema, mut value) = shape(shapes::DEFAULTS);
                format!("{:?}", fill_defaults(&schema, &mut value)).into()
            }
            other => panic!("{other}"),
        }
    });
}

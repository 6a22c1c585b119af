//! Plugins of both ABI generations load, and callers see one shape. What only the newer generation
//! reports has fields of its own.

use crate::support;

use serde_json::json;
use support::{Guest, data, text_at};
use tollgate::{AbiVersion, Config, Error, Evidence, LoadError, Problem, ProtocolError, Runtime};

const MANIFEST: &str = r#"{"name":"new","version":"2.0.0","description":"d","sdk_version":"0.1.0",
    "min_host_version":"0.3.0","config_schema":{"type":"object", "properties":{"b":{},"a":{}}},
    "capabilities":{"network":{"rules":[{"hosts":["*.example.com"],"ports":["443"]}]},
        "fs":{"rules":[{"read":["/etc/**"],"write":["/tmp/x"]}]},"env":{"vars":["HOME"]},"exec":null},
    "services":{"s":{"name":"s","description":"","operations":[{"name":"o","description":""}]}}}"#;

const RESULT: &str = r#"{"timestamp":"2026-02-03T04:05:06Z","status":"failure","data":{"n":1},
    "message":"too many","metadata":{"duration_ns":7,"plugin_id":"p"}}"#;

/// Exports of the newer generation that answer so.
fn newer(manifest: &str, result: &str) -> String {
    format!(
        "(func (export \"_manifest\") (result i64) {})
         (func (export \"_observe\") (param i32 i32) (result i64) {}) {} {}",
        text_at(65_536, manifest.len()),
        text_at(98_304, result.len()),
        data(65_536, manifest),
        data(98_304, result),
    )
}

/// A plugin with the exports of both generations.
fn both(manifest: &str, result: &str) -> String {
    let guest = Guest {
        more: newer(manifest, result),
        ..Guest::default()
    };
    guest.wat()
}

/// A plugin of the newer generation only.
fn only_newer(manifest: &str, result: &str) -> String {
    without(&both(manifest, result), &["describe", "schema", "observe"])
}

/// The same module, with these exports under names that mean nothing.
fn without(wat: &str, exports: &[&str]) -> String {
    exports.iter().fold(wat.to_owned(), |wat, name| {
        wat.replace(
            &format!("(export \"{name}\")"),
            &format!("(export \"no-{name}\")"),
        )
    })
}

fn load(wat: &str) -> Result<tollgate::Plugin, Error> {
    Runtime::new()?.load("plugin", wat::parse_str(wat).unwrap())
}

fn observe(wat: &str) -> Result<Evidence, Error> {
    Ok(load(wat)?.observe(&Config::new())?.evidence)
}

#[test]
fn a_manifest_describes_a_plugin_and_its_config() {
    let plugin = load(&only_newer(MANIFEST, RESULT)).unwrap();
    assert_eq!(plugin.abi_version(), AbiVersion::V2);
    let info = plugin.describe().unwrap();
    assert_eq!(
        (info.name.as_str(), info.version.as_str()),
        ("new", "2.0.0")
    );
    let wanted: Vec<String> = info.capabilities.iter().map(ToString::to_string).collect();
    let expected = [
        "network:outbound:*.example.com:443",
        "fs:read:/etc/**",
        "fs:write:/tmp/x",
        "env:HOME",
    ];
    assert_eq!(wanted, expected);
    assert_eq!(
        info.grant_set.as_ref().unwrap()["env"],
        json!({"vars": ["HOME"]})
    );
    assert_eq!(
        info.services.as_ref().unwrap()["s"]["operations"][0]["name"],
        "o"
    );
    let schema = plugin.schema().unwrap();
    assert_eq!(
        schema.raw(),
        r#"{"type":"object", "properties":{"b":{},"a":{}}}"#
    );
    assert_eq!(schema.fields().len(), 2);
}

#[test]
fn a_result_keeps_its_word_its_message_and_its_metadata() {
    let evidence = observe(&only_newer(MANIFEST, RESULT)).unwrap();
    assert!(!evidence.status);
    assert_eq!(evidence.error.as_ref().unwrap().message, "too many");
    let printed = serde_json::to_value(&evidence).unwrap();
    assert_eq!(
        printed,
        json!({
            "status": false,
            "error": {"message": "too many", "type": "", "code": ""},
            "timestamp": "2026-02-03T04:05:06Z",
            "data": {"n": 1},
            "raw": null,
            "status_word": "failure",
            "message": "too many",
            "metadata": {"duration_ns": 7, "plugin_id": "p"},
        })
    );
}

#[test]
fn an_error_of_the_newer_generation_keeps_its_details() {
    let result = r#"{"timestamp":"2026-02-03T04:05:06Z","status":"error","message":"no",
        "error":{"message":"refused","type":"network","code":"ECONNREFUSED","details":{"tries":3}}}"#;
    let evidence = observe(&only_newer(MANIFEST, result)).unwrap();
    let error = evidence.error.unwrap();
    assert_eq!(error.to_string(), "network: refused [ECONNREFUSED]");
    assert_eq!(error.details.unwrap()["tries"], 3);
    assert_eq!(evidence.status_word.as_deref(), Some("error"));
}

#[test]
fn the_older_generation_prints_nothing_of_the_newer() {
    let evidence = serde_json::to_string(&observe(&Guest::default().wat()).unwrap()).unwrap();
    for key in ["status_word", "message", "metadata"] {
        assert!(!evidence.contains(key), "{evidence}");
    }
    // Keys that the older generation does not know are ignored, whatever they hold.
    let guest = Guest::answering(r#"{"Status":true,"message":7,"metadata":"x","status_word":[]}"#);
    let evidence = observe(&guest.wat()).unwrap();
    assert!(evidence.status && evidence.message.is_none());
}

#[test]
fn of_both_generations_the_newer_is_used() {
    let plugin = load(&both(MANIFEST, RESULT)).unwrap();
    assert_eq!(plugin.abi_version(), AbiVersion::V2);
    assert_eq!(plugin.describe().unwrap().name, "new");
    let halves = [["_manifest"], ["_observe"]];
    for half in halves {
        let plugin = load(&without(&both(MANIFEST, RESULT), &half)).unwrap();
        assert_eq!(plugin.abi_version(), AbiVersion::V1, "without {half:?}");
    }
}

#[test]
fn half_of_the_newer_generation_alone_is_no_plugin() {
    for (missing, left) in [("_manifest", "_observe"), ("_observe", "_manifest")] {
        let error = load(&without(&only_newer(MANIFEST, RESULT), &[missing]))
            .map(drop)
            .unwrap_err();
        let Error::Load {
            problem: LoadError::Contract(problems),
            ..
        } = &error
        else {
            panic!("{left}: {error}");
        };
        assert!(
            matches!(&problems[..], [Problem::MissingExport { name, .. }] if *name == missing),
            "{left}: {error}"
        );
    }
}

#[test]
fn a_schema_may_have_an_export_of_its_own() {
    let manifest = r#"{"name":"n","version":"1","config_schema":null,"capabilities":{}}"#;
    let bare = load(&only_newer(manifest, RESULT)).unwrap();
    let error = bare.schema().unwrap_err();
    assert_eq!(
        error.report(),
        "plugin plugin: schema() is not exported by the plugin"
    );
    for name in ["schema", "_schema"] {
        let wat = only_newer(manifest, RESULT).replace("no-schema", name);
        assert_eq!(load(&wat).unwrap().schema().unwrap().raw(), "{}");
    }
}

#[test]
fn a_plugin_that_needs_a_newer_host_is_told_so() {
    let manifest = r#"{"name":"n","version":"1","min_host_version":"0.4.0"}"#;
    let error = load(&only_newer(manifest, RESULT))
        .unwrap()
        .describe()
        .unwrap_err();
    assert_eq!(
        error.report(),
        "plugin plugin: _manifest() asks for a host of version 0.4.0 or newer, and this host is \
         compatible with 0.3; use an older build of the plugin"
    );
    let guest = Guest {
        describe: text_at(65_536, manifest.len()),
        more: data(65_536, manifest),
        ..Guest::default()
    };
    let error = guest.load().describe().unwrap_err();
    assert!(
        matches!(
            error,
            Error::Protocol {
                error: ProtocolError::HostTooOld { .. },
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn an_error_in_place_of_a_manifest_is_an_error() {
    for manifest in [
        r#"{"status":"error","error":{"message":"plugin not registered","type":"internal","code":""}}"#,
        r#"{"Status":false,"Error":{"message":"plugin not registered","type":"internal","code":""},"Data":null}"#,
    ] {
        let plugin = load(&only_newer(manifest, RESULT)).unwrap();
        for error in [
            plugin.describe().map(drop).unwrap_err(),
            plugin.schema().map(drop).unwrap_err(),
        ] {
            let message = error.report();
            assert!(message.ends_with("plugin not registered"), "{message}");
        }
    }
}

#[test]
fn secrets_are_hidden_in_what_the_newer_generation_adds() {
    let result = r#"{"timestamp":"2026-02-03T04:05:06Z","status":"success","message":"key s3cret",
        "metadata":{"plugin_id":"s3cret"}}"#;
    let runtime = Runtime::builder().redactor(tollgate::Redactor::from_rule(|text| {
        text.replace("s3cret", "***")
    }));
    let wasm = wat::parse_str(only_newer(MANIFEST, result)).unwrap();
    let plugin = runtime.build().unwrap().load("plugin", &wasm).unwrap();
    let evidence = plugin.observe(&Config::new()).unwrap().evidence;
    let printed = serde_json::to_string(&evidence).unwrap();
    assert!(
        printed.contains("***") && !printed.contains("s3cret"),
        "{printed}"
    );
}

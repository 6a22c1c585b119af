//! What a plugin declares and a grants file holds costs time and memory in proportion to its bytes,
//! however its globs combine. The error for too many names the limit.
#![cfg(target_os = "linux")]

use crate::{hostile, support};

use hostile::child::{self, Bounds};
use rustix::process::Resource;
use serde_json::{Value, json};
use support::data;
use tollgate::capability::{Capability, GrantSet, Grants};
use tollgate::{Error, Limits, Runtime};

/// Much more than any of this takes; what expands choices is killed.
const BOUNDS: Bounds = Bounds {
    data: 1 << 30,
    seconds: 20,
};

/// A plugin of the newer generation with this manifest.
fn newer(manifest: &str) -> Vec<u8> {
    let pages = manifest.len() / 65_536 + 3;
    let wat = format!(
        "(module (memory (export \"memory\") {pages})
         (func (export \"allocate\") (param i32) (result i32) i32.const 1024)
         (func (export \"deallocate\") (param i32 i32))
         (func (export \"_manifest\") (result i64) {})
         (func (export \"_observe\") (param i32 i32) (result i64) i64.const 0)
         {})",
        support::text_at(65_536, manifest.len()),
        data(65_536, manifest),
    );
    wat::parse_str(wat).unwrap()
}

/// A plugin of the older generation that declares these.
fn older(description: &str) -> Vec<u8> {
    let pages = description.len() / 65_536 + 3;
    let wat = format!(
        "(module (memory (export \"memory\") {pages})
         (func (export \"allocate\") (param i32) (result i32) i32.const 1024)
         (func (export \"deallocate\") (param i32 i32))
         (func (export \"describe\") (result i64) {})
         (func (export \"schema\") (result i64) i64.const 0)
         (func (export \"observe\") (param i32 i32) (result i64) i64.const 0)
         {})",
        support::text_at(65_536, description.len()),
        data(65_536, description),
    );
    wat::parse_str(wat).unwrap()
}

/// Globs that stand for 256 paths each.
fn globs(count: usize) -> Vec<String> {
    let choices = "{a,b}".repeat(8);
    (0..count).map(|at| format!("/{at}/{choices}")).collect()
}

fn manifest(read: &[String]) -> String {
    json!({
        "name": "odd", "version": "1.0.0", "description": "d",
        "capabilities": {"fs": {"rules": [{"read": read}]}},
    })
    .to_string()
}

fn described(module: &[u8]) -> Result<Vec<String>, String> {
    let limits = Limits {
        result_bytes: 8 << 20,
        ..Limits::default()
    };
    let runtime = Runtime::builder().limits(limits).build().unwrap();
    let plugin = runtime.load("odd", module).map_err(|e| e.report())?;
    let info = plugin.describe().map_err(|error| {
        assert!(matches!(error, Error::Protocol { .. }));
        error.report()
    })?;
    let review = plugin.review().unwrap();
    assert_eq!(review.missing.len(), info.capabilities.len());
    Ok(info.capabilities.iter().map(ToString::to_string).collect())
}

#[test]
fn choices_that_combine_to_millions_are_declared_in_their_own_words() {
    let declared = described(&newer(&manifest(&globs(256)))).unwrap();
    assert_eq!(declared.len(), 256);
    assert_eq!(
        declared[7],
        "fs:read:glob:/7/{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"
    );
}

#[test]
fn too_many_declared_capabilities_are_an_error_that_says_how_many() {
    let many = |kind: &str, pattern: &str, count: usize| {
        let capability = json!({"kind": kind, "pattern": pattern});
        json!({"name": "odd", "capabilities": vec![capability; count]}).to_string()
    };
    for (module, expected) in [
        (
            newer(&manifest(&globs(400))),
            "plugin odd: _manifest() declares 400 capabilities with wildcards or braces, more than \
             the limit of 256; a plugin should declare fewer and wider ones",
        ),
        (
            older(&many("env", "A", 1001)),
            "plugin odd: describe() declares 1001 capabilities, more than the limit of 1000; a \
             plugin should declare fewer and wider ones",
        ),
        (
            older(&many("env", "A*", 257)),
            "plugin odd: describe() declares 257 capabilities with wildcards or braces, more than \
             the limit of 256; a plugin should declare fewer and wider ones",
        ),
        (
            older(&many("env", &"A".repeat(32_768), 1)),
            "plugin odd: describe() declares 32771 bytes of capabilities, more than the limit of \
             32768; a plugin should declare fewer and wider ones",
        ),
    ] {
        assert_eq!(described(&module), Err(expected.to_owned()));
    }
    assert!(described(&older(&many("env", "A", 1000))).is_ok());
}

/// Each host of a rule comes with all of its ports: a product that is counted before it is made.
#[test]
fn hosts_times_ports_are_counted_before_they_are_written_out() {
    let ports: Vec<String> = (1..=1000).map(|port| port.to_string()).collect();
    let hosts: Vec<String> = (0..999).map(|at| format!("h{at}")).collect();
    let rules = json!({"network": {"rules": [{"hosts": hosts, "ports": ports}]}});
    let set: GrantSet = serde_json::from_value(rules).unwrap();
    let error = set.capabilities().unwrap_err().to_string();
    assert!(
        error.contains("bytes of capabilities, more than"),
        "{error}"
    );
}

#[test]
fn one_glob_has_so_many_alternatives_and_no_more() {
    let glob = |count: usize| format!("fs:read:glob:/{{{}}}", vec!["a"; count].join(","));
    assert!(glob(256).parse::<Capability>().is_ok());
    let error = glob(257).parse::<Capability>().unwrap_err();
    assert_eq!(
        error.problem(),
        "257 alternatives in one glob, more than the limit of 256"
    );
    assert_eq!(error.hint(), Some("write several globs"));
}

#[test]
fn a_grants_file_holds_so_many_and_no_more() {
    let read = |file: Value| serde_json::from_value::<Grants>(file).map_err(|e| e.to_string());
    let names = |count: usize| {
        (0..count)
            .map(|at| format!("env:A{at}"))
            .collect::<Vec<_>>()
    };
    let file = json!({"a": names(6000), "b": names(4000)});
    assert_eq!(read(file).unwrap().for_plugin("a").len(), 6000);
    for (file, expected) in [
        (
            json!({"a": names(6000), "b": names(5000)}),
            "grants up to plugin \"b\": 11000 capabilities, more than the limit of 10000; grant \
             fewer and wider ones",
        ),
        (
            json!({"a": {"fs": {"rules": [{"write": globs(1001)}]}}}),
            "grants up to plugin \"a\": 1001 capabilities with wildcards or braces, more than the \
             limit of 1000; grant fewer and wider ones",
        ),
        (
            json!({"a": vec![format!("fs:read:/data/{}b", "*a".repeat(1000)); 40]}),
            "grants up to plugin \"a\": 66033 bytes from wildcards on, more than the limit of 65536; \
             grant fewer and wider ones",
        ),
    ] {
        assert_eq!(read(file), Err(expected.to_owned()));
    }
}

#[test]
fn each_size_costs_memory_in_proportion() {
    for count in [20, 200, 2000, 20_000] {
        let globs = globs(count);
        let file = json!({"a": {"fs": {"rules": [{"read": globs}]}}}).to_string();
        for (task, input, limit) in [
            ("manifest", newer(&manifest(&globs)), 256),
            ("grants", file.into_bytes(), 1000),
        ] {
            let ended =
                child::run(module_path!(), task, &input).unwrap_or_else(|error| panic!("{error}"));
            let size = u64::try_from(input.len()).unwrap();
            println!("{task}: {} bytes of {size}", ended.grew);
            // The engine itself takes some, and a module is several copies of its data.
            let most = (16 << 20) + 32 * size;
            assert!(ended.grew < most, "{task}: {} bytes of {size}", ended.grew);
            let text = ended.outcome.as_str().unwrap();
            let expected = match count <= limit {
                true => "read".to_owned(),
                false => format!("{count} capabilities"),
            };
            assert!(text.contains(&expected), "{task} {count}: {text}");
        }
    }
}

#[test]
#[ignore = "run by the test above, in processes of their own"]
fn the_task() {
    child::perform(BOUNDS, |task, input| {
        child::limit(Resource::As, 1500 << 20);
        let error = match task {
            "manifest" => described(&input).err(),
            _ => serde_json::from_slice::<Grants>(&input)
                .err()
                .map(|error| error.to_string()),
        };
        error.unwrap_or_else(|| "read".to_owned()).into()
    });
}

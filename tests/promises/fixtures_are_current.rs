//! Built plugins are committed beside their sources. One that was built with another version of the ABI
//! package must be built again (`fixtures/build.sh`).

use serde_json::Value;
use std::{fs, path::Path};
use tollgate::{Config, Inspection, Limits, Runtime, abi};

/// The Rust fixtures: each directory with a `Cargo.toml` holds a module of the same name.
fn rust_fixtures() -> Vec<(String, Vec<u8>)> {
    let directories = fs::read_dir("fixtures")
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let rust = directories.filter(|path| path.join("Cargo.toml").exists());
    rust.map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let module = path.join(format!("{name}.wasm"));
        let bytes = fs::read(&module).unwrap_or_else(|error| panic!("{module:?}: {error}"));
        (name, bytes)
    })
    .collect()
}

#[test]
fn rust_fixtures_were_built_with_this_abi() {
    let fixtures = rust_fixtures();
    assert!(!fixtures.is_empty());
    for (name, bytes) in fixtures {
        let seen = Inspection::new(&bytes, &Limits::default()).unwrap();
        assert_eq!(
            seen.abi_package.as_deref(),
            Some(abi::VERSION),
            "{name}: run fixtures/build.sh"
        );
        assert!(seen.problems.is_empty(), "{name}: {:?}", seen.problems);
    }
}

#[test]
fn every_fixture_says_who_it_is_and_answers_a_config_it_does_not_understand() {
    let runtime = Runtime::new().unwrap();
    for (name, bytes) in rust_fixtures() {
        let plugin = runtime.load(&name, &bytes).unwrap();
        assert_eq!(plugin.describe().unwrap().name, name);
        assert!(!plugin.schema().unwrap().fields().is_empty(), "{name}");
        let seen = plugin.observe(&Config::new().set("path", 7)).unwrap();
        assert!(!seen.evidence.status, "{name}");
    }
}

#[test]
fn no_fixture_names_the_machine_it_was_built_on() {
    for (name, bytes) in rust_fixtures() {
        let text = String::from_utf8_lossy(&bytes);
        for trace in ["/root/", "/home/", "/Users/", "/tmp/", ".cargo/registry"] {
            assert!(!text.contains(trace), "{name} contains {trace}");
        }
    }
}

#[test]
fn every_text_fixture_is_a_plugin() {
    let mut count = 0;
    // One of them asks a function of the embedder's.
    let runtime = Runtime::builder()
        .host_function("store", "get", "kv", |request: Value, _| Ok(request))
        .build()
        .unwrap();
    for entry in fs::read_dir(Path::new("fixtures/wat")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = wat::parse_file(&path).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let loaded = runtime.load(name, &bytes);
        assert!(loaded.is_ok(), "{path:?}: {:?}", loaded.err());
        count += 1;
    }
    assert!(count > 0);
}

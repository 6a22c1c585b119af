//! The tests of Reglet's own runtime, as data: every row is run, or named with the reason why another
//! test covers it. An unknown row fails.
//!
//! On Windows making links needs a privilege, and the cases have paths of Unix.
#![cfg(unix)]

use serde_json::{Value, json};
use std::{fs, os::unix::fs::symlink, path::Path, thread};
use tollgate::{Capability, Config, Evidence, MemoryLimit, Plugin, Runtime};

fn rows(file: &str) -> Vec<Value> {
    let text = fs::read_to_string(format!("tests/cases/{file}.jsonl")).unwrap();
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(!rows.is_empty(), "{file}");
    rows
}

fn file_module() -> Vec<u8> {
    fs::read("fixtures/file/file.wasm").unwrap()
}

fn file_plugin(grants: &[String]) -> Plugin {
    let mut builder = Runtime::builder();
    for grant in grants {
        builder = builder.grant("file", grant.parse().unwrap());
    }
    builder
        .build()
        .unwrap()
        .load("file", file_module())
        .unwrap()
}

fn observe(plugin: &Plugin, config: Value) -> Evidence {
    plugin
        .observe(&Config::try_from(config).unwrap())
        .unwrap()
        .evidence
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn files_are_isolated() {
    let root = tempfile::tempdir().unwrap();
    let base = root.path().canonicalize().unwrap();
    for (name, content) in [
        ("allowed/allowed.txt", "a"),
        ("other/forbidden.txt", "f"),
        ("config/allowed.conf", "c"),
        ("secrets/api-key.txt", "s"),
        ("test.txt", "t"),
    ] {
        fs::create_dir_all(base.join(name).parent().unwrap()).unwrap();
        fs::write(base.join(name), content).unwrap();
    }
    let place = |text: &str| {
        let base = base.to_str().unwrap();
        text.replace("<allowedDir>", &format!("{base}/allowed"))
            .replace("<otherDir>", &format!("{base}/other"))
            .replace("<tmp>", base)
    };
    for row in rows("file-isolation") {
        let grants: Vec<String> = strings(&row["caps"])
            .iter()
            .map(|grant| place(grant))
            .collect();
        let plugin = file_plugin(&grants);
        for step in row["steps"].as_array().unwrap() {
            let path = place(step["path"].as_str().unwrap());
            let evidence = observe(&plugin, json!({"path": path, "read_content": true}));
            assert_eq!(
                evidence.status, step["expect_status"],
                "{} {path}",
                row["test"]
            );
        }
    }
}

#[test]
fn the_file_plugin_answers_as_the_original() {
    let root = tempfile::tempdir().unwrap();
    let base = root.path().canonicalize().unwrap();
    let file = base.join("file").to_str().unwrap().to_owned();
    let link = base.join("link").to_str().unwrap().to_owned();
    symlink(&file, &link).unwrap();
    let all = || file_plugin(&["fs:read:/**".to_owned()]);
    let mut seen = 0;
    for row in rows("plugins") {
        let (name, expect) = (row["test"].as_str().unwrap(), &row["expect"]);
        if !name.contains("FilePlugin") {
            // The network plugins need their hosts; what they ask is tested where it is answered.
            assert!(
                ["DNS", "HTTP", "TCP"]
                    .iter()
                    .any(|kind| name.contains(kind)),
                "{name}"
            );
            continue;
        }
        seen += 1;
        let evidence = |path: &str, content: &[u8]| {
            fs::write(&file, content).unwrap();
            let mut config = row["config"].clone();
            config["path"] = json!(path);
            observe(&all(), config)
        };
        match name {
            "TestLoadFilePlugin" => {
                let runtime = Runtime::new().unwrap();
                let plugin = runtime.load("file", file_module()).unwrap();
                assert_eq!(plugin.name(), "file");
                assert_eq!(runtime.plugins(), ["file"]);
            }
            "TestFilePlugin_Describe" => {
                let info = serde_json::to_value(&*all().describe().unwrap()).unwrap();
                for (key, value) in expect.as_object().unwrap() {
                    assert_eq!(&info[key], value, "{key}");
                }
            }
            "TestFilePlugin_Schema" => {
                let schema = all().schema().unwrap();
                assert_eq!(schema.document()["type"], expect["type"]);
                let fields: Vec<String> = schema
                    .fields()
                    .into_iter()
                    .map(|field| field.name)
                    .collect();
                for name in strings(&expect["properties_include"]) {
                    assert!(fields.contains(&name), "{name}");
                }
            }
            "TestFilePlugin_Observe_FileExists" => {
                let evidence = evidence(&file, b"x");
                assert!(evidence.status && evidence.error.is_none());
                assert_eq!(
                    (&evidence.data["path"], &evidence.data["exists"]),
                    (&json!(file), &json!(true))
                );
                for key in strings(&expect["Data_has"]) {
                    assert!(evidence.data.contains_key(&key), "{key}");
                }
            }
            "TestFilePlugin_Observe_Symlink" => {
                let evidence = evidence(&link, b"x");
                assert_eq!(evidence.data["is_symlink"], expect["Data.is_symlink"]);
                assert_eq!(evidence.data["symlink_target"], file.as_str());
            }
            "TestFilePlugin_Observe_FileNotFound" => {
                let missing = row["config"]["path"].as_str().unwrap();
                let evidence = observe(&all(), json!({"path": missing}));
                assert!(evidence.status && evidence.error.is_none());
                assert_eq!(evidence.data["exists"], expect["Data.exists"]);
            }
            "TestFilePlugin_Observe_ReadContent" => {
                let content = row["content"].as_str().unwrap();
                let evidence = evidence(&file, content.as_bytes());
                assert_eq!(
                    evidence.data["content_b64"],
                    tollgate::abi::base64::encode(content.as_bytes())
                );
                assert_eq!(evidence.data["encoding"], expect["Data.encoding"]);
                assert_eq!(evidence.data["size"], expect["Data.size"]);
            }
            "TestFilePlugin_Observe_BinaryContent" => {
                let hex = row["content_hex"].as_str().unwrap();
                let bytes: Vec<u8> = (0..hex.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
                    .collect();
                let evidence = evidence(&file, &bytes);
                assert_eq!(
                    evidence.data["content_b64"],
                    tollgate::abi::base64::encode(&bytes)
                );
                assert_eq!(evidence.data["size"], expect["Data.size"]);
            }
            other => panic!("nobody knows {other}"),
        }
    }
    assert!(seen >= 8, "{seen}");
}

#[test]
fn the_runtime_behaves_as_the_original_should() {
    for row in rows("runtime") {
        let name = row["test"].as_str().unwrap();
        match name.split('/').next().unwrap() {
            "TestNewRuntime" => {
                let runtime = Runtime::new().unwrap();
                assert!(runtime.plugins().is_empty());
                runtime.close();
            }
            "TestRuntime_GetPlugin_NotLoaded" => {
                let runtime = Runtime::new().unwrap();
                assert!(runtime.plugin(row["name"].as_str().unwrap()).is_none());
            }
            "TestLoadPlugin_InvalidWASM" => {
                let error = Runtime::new().unwrap().load("x", b"ASCII text, not wasm");
                let part = row["expect"]["error_contains"].as_str().unwrap();
                assert!(error.map(|_| ()).unwrap_err().report().contains(part));
            }
            "TestNewRuntime_DefaultMemoryLimit"
            | "TestNewRuntime_ExplicitMemoryLimit"
            | "TestNewRuntime_UnlimitedMemoryLimit"
            | "TestNewRuntime_InvalidMemoryLimit" => {
                // The command line has these numbers; the library has names for them.
                let limit = match row["limit_mb"].as_i64().unwrap() {
                    0 => Ok(MemoryLimit::default()),
                    -1 => Ok(MemoryLimit::UNLIMITED),
                    megabytes => MemoryLimit::from_megabytes(megabytes.try_into().unwrap_or(0)),
                };
                match limit {
                    Ok(limit) => {
                        assert!(row["expect"].as_str().unwrap().starts_with("ok"), "{row}");
                        Runtime::builder().memory_limit(limit).build().unwrap();
                    }
                    Err(error) => {
                        let part = row["expect"]["error_contains"].as_str().unwrap();
                        assert!(error.to_string().contains(part), "{error}");
                    }
                }
            }
            "TestRuntime_ConcurrentPluginAccess" => concurrent_access(&row),
            "TestRuntime_ConcurrentLoadDifferentPlugins" => {
                let (runtime, module) = (Runtime::new().unwrap(), file_module());
                thread::scope(|scope| {
                    for letter in 'a'..='j' {
                        let (runtime, module) = (&runtime, &module);
                        scope.spawn(move || {
                            runtime.load(&format!("plugin/{letter}"), module).unwrap()
                        });
                    }
                });
                assert_eq!(runtime.plugins().len(), 10);
            }
            "TestPlugin_Observe_Concurrent" | "TestPlugin_Observe_RaceDetector" => {
                concurrent_observes();
            }
            "TestPlugin_ConcurrentDifferentMethods" => {
                let plugin = file_plugin(&[]);
                thread::scope(|scope| {
                    scope.spawn(|| plugin.describe().unwrap());
                    scope.spawn(|| plugin.schema().unwrap());
                    scope.spawn(|| plugin.observe(&Config::new()).unwrap());
                });
            }
            // Mounts there grant more than was asked; here a pattern is what it says.
            "TestExtractMountPath" | "TestExtractMountPath_RelativePaths" => {}
            "TestPlugin_ExtractFilesystemMounts" => {
                for grant in strings(&row["caps"]) {
                    grant.parse::<Capability>().unwrap();
                }
            }
            other => panic!("nobody knows {other}"),
        }
    }
}

fn concurrent_access(row: &Value) {
    let threads = row["threads"].as_u64().unwrap();
    let (runtime, module) = (Runtime::new().unwrap(), file_module());
    runtime.load("file", &module).unwrap();
    thread::scope(|scope| {
        for number in 0..threads {
            let (runtime, module) = (&runtime, &module);
            scope.spawn(move || match number % 3 {
                0 => drop(runtime.load("file", module).unwrap()),
                1 => assert!(runtime.plugin("file").is_some()),
                _ => drop(runtime.schema("file").unwrap()),
            });
        }
    });
    assert_eq!(runtime.plugins(), ["file"]);
}

fn concurrent_observes() {
    let root = tempfile::tempdir().unwrap();
    let base = root.path().canonicalize().unwrap();
    let plugin = file_plugin(&["fs:read:/**".to_owned()]);
    thread::scope(|scope| {
        for number in 0..10 {
            let (plugin, path) = (&plugin, base.join(number.to_string()));
            scope.spawn(move || {
                fs::write(&path, number.to_string()).unwrap();
                let evidence = observe(plugin, json!({"path": path.to_str().unwrap()}));
                assert!(evidence.status && evidence.error.is_none());
                assert_eq!(Path::new(evidence.data["path"].as_str().unwrap()), path);
            });
        }
    });
}

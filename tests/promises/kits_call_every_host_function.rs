//! The kits of all languages have a helper for every host function, which sends the request and reads the
//! reply of the table's example. A module imports the functions that it calls, and no others.

use super::host_functions_do_what_the_table_says::runtime;
use crate::support::needs::needs;
use serde_json::{Map, Value};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tollgate::{
    Config, Evidence, Inspection, Limits,
    abi::{
        functions::{FUNCTIONS, Function},
        names::HOST_MODULE,
    },
};

/// The plugin `tests/kits/calls.*` in each language: the compiler that it needs, its kit, and the commands
/// that build `calls.wasm`.
const CALLS: [(&str, &str, &[&str], &[&str]); 4] = [
    (
        "calls.c",
        "zig",
        &["tollgate.h"],
        &[
            "cc -target wasm32-freestanding -O1 -fsanitize=undefined -fsanitize-trap=undefined -nostdlib -Wl,--no-entry -o calls.wasm calls.c",
        ],
    ),
    (
        "calls.zig",
        "zig",
        &["tollgate.zig"],
        &["build-exe calls.zig -target wasm32-freestanding -fno-entry -rdynamic -O ReleaseSmall"],
    ),
    (
        "calls.ts",
        "asc",
        &["tollgate.ts"],
        &["calls.ts --use abort=tollgate/abort -o calls.wasm"],
    ),
    (
        "calls.go",
        "go",
        &["abi.go", "abi_native.go", "abi_wasip1.go"],
        &[
            "mod init calls",
            "build -buildmode=c-shared -o calls.wasm .",
        ],
    ),
];

/// Builds the plugin, if its compiler is there.
fn build(source: &str, tool: &str, kit: &[&str], commands: &[&str]) -> Option<Vec<u8>> {
    let compiler = needs(tool)?;
    let directory = tempfile::tempdir().unwrap();
    let files = kit.iter().map(|file| Path::new("abi/kits").join(file));
    for file in files.chain([Path::new("tests/kits").join(source)]) {
        let name: PathBuf = file.file_name().unwrap().into();
        fs::copy(&file, directory.path().join(name)).unwrap();
    }
    for command in commands {
        let built = Command::new(&compiler)
            .args(command.split(' '))
            .current_dir(&directory)
            .env("ZIG_LOCAL_CACHE_DIR", directory.path().join("cache"))
            .envs([
                ("GOOS", "wasip1"),
                ("GOARCH", "wasm"),
                ("GOTOOLCHAIN", "local"),
            ])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "{source}: {command}: {said}");
    }
    Some(fs::read(directory.path().join("calls.wasm")).unwrap())
}

fn imported(wasm: &[u8]) -> BTreeSet<String> {
    let inspection = Inspection::new(wasm, &Limits::default()).unwrap();
    let imports = inspection.imports.iter();
    let of_host = imports.filter(|import| import.module == HOST_MODULE);
    of_host.map(|import| import.name.to_string()).collect()
}

/// The functions that a kit has: another name of one adds nothing.
fn functions() -> impl Iterator<Item = &'static Function> {
    FUNCTIONS.iter().filter(|it| it.alias_of.is_none())
}

#[test]
fn every_helper_sends_the_example_and_reads_its_reply() {
    for (source, tool, kit, commands) in CALLS {
        let Some(wasm) = build(source, tool, kit, commands) else {
            continue;
        };
        let all: BTreeSet<String> = functions().map(|function| function.name.into()).collect();
        assert_eq!(imported(&wasm), all, "{source}");
        for function in functions() {
            let evidence = call(&wasm, function.name);
            assert!(
                evidence.status,
                "{source}: {}: {:?}",
                function.name, evidence.error
            );
            if function.reply.is_none() {
                continue;
            }
            let example: Map<String, Value> = serde_json::from_str(function.reply_example).unwrap();
            let reply = evidence.data["reply"].as_object().unwrap();
            let read: Vec<_> = example
                .iter()
                .filter(|(key, _)| reply.contains_key(*key))
                .collect();
            // AssemblyScript has no list of a class's fields, and the plugin passes a few on.
            let wanted = match source {
                "calls.ts" => example.len().min(1),
                _ => example.len(),
            };
            assert!(
                read.len() >= wanted,
                "{source}: {}: {reply:?}",
                function.name
            );
            for (key, value) in read {
                assert_eq!(&reply[key], value, "{source}: {}", function.name);
            }
        }
        // A command that is killed has output and an error.
        let evidence = call(&wasm, "timeout");
        assert!(evidence.status, "{source}: {:?}", evidence.error);
        assert_eq!(
            evidence.data["reply"]["stdout"], "one of many lines\n",
            "{source}"
        );
        // A denial is passed on with the grant that would help.
        let error = call(&wasm, "/root/secret").error.unwrap();
        assert_eq!(error.kind, "capability", "{source}");
        assert!(
            error
                .message
                .contains("the grant fs:read:/root/secret would allow it"),
            "{source}"
        );
    }
}

fn call(wasm: &[u8], name: &str) -> Evidence {
    let plugin = runtime().load("example", wasm).unwrap();
    let config = Config::new().set("call", name);
    plugin.observe(&config).unwrap().evidence
}

#[test]
fn a_plugin_imports_the_host_functions_that_it_calls_and_no_others() {
    for name in ["hello", "hello-c", "hello-as", "hello-zig", "hello-go"] {
        let wasm = fs::read(format!("fixtures/{name}/{name}.wasm")).unwrap();
        let mut wanted = BTreeSet::from(["env_get".to_owned(), "log_message".to_owned()]);
        // It greets, and asks for no variable.
        if name == "hello" {
            wanted.remove("env_get");
        }
        assert_eq!(imported(&wasm), wanted, "{name}");
    }
}

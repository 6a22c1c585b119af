//! The same seed gives the same run of `tollgate fuzz`, finding for finding, alone and with several threads. Prints
//! digests that `tests/builds.sh` compares between builds. Needs the feature `cli`.

#![cfg(feature = "cli")]

use crate::support::program;
use std::{fmt::Write as _, fs, path::Path};
use tollgate::abi::sha256;

/// All that a campaign wrote: what it printed, and the files of its corpus and its findings with their contents.
fn campaign(plugin: &str, more: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (crashes, corpus) = (path("crashes"), path("corpus"));
    let args = ["fuzz", plugin, "--crashes", &crashes, "--corpus", &corpus];
    let output = program::tollgate(&[&args, more].concat()).output().unwrap();
    let mut all = String::from_utf8(output.stdout).unwrap();
    for name in ["corpus", "crashes"] {
        let directory = directory.path().join(name);
        if directory.is_dir() {
            list(&directory, &mut all);
        }
    }
    all.replace(directory.path().to_str().unwrap(), "DIRECTORY")
}

fn list(directory: &Path, all: &mut String) {
    let mut paths: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    for path in paths {
        let content = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        // Commands in reports name the directory.
        let content = String::from_utf8_lossy(&content);
        writeln!(all, "{name} {content}").unwrap();
    }
}

/// Configs, made-up worlds, and harnesses.
const CAMPAIGNS: [(&str, &str, &[&str]); 3] = [
    (
        "configs",
        "fixtures/fails-c/fails-c.wasm",
        &["--fuel", "300000"],
    ),
    (
        "worlds",
        "fixtures/planted-c/planted-c.wasm",
        &["--fuzz-world", "--grant", "fs:read:/etc/*.conf"],
    ),
    ("harness", "fixtures/challenges/keywords.wasm", &["--raw"]),
];

#[test]
fn the_same_seed_gives_the_same_findings_corpus_and_output() {
    for (name, plugin, args) in CAMPAIGNS {
        for jobs in ["1", "2"] {
            let more = ["--runs", "20000", "--rng-seed", "5", "--jobs", jobs];
            let more = [args, &more].concat();
            let first = campaign(plugin, &more);
            let second = campaign(plugin, &more);
            assert!(first.contains("corpus"), "{first}");
            assert_eq!(first, second, "{name} with {jobs} threads");
            let digest = sha256::hex(&sha256::digest(first.as_bytes()));
            println!("fuzzed: {name}-{jobs} {digest}");
        }
    }
}

#[test]
fn another_seed_gives_another_run() {
    let (_, plugin, args) = CAMPAIGNS[1];
    let run = |seed| {
        campaign(
            plugin,
            &[args, &["--runs", "3000", "--rng-seed", seed]].concat(),
        )
    };
    assert_ne!(run("1"), run("2"));
}

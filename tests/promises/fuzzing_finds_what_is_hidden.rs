//! `tollgate fuzz` finds inputs that random ones do not, in so many runs: no clock decides. A few of the challenges
//! in `fixtures/challenges/` by default, all of them with `TOLLGATE_TESTS=all`. Needs the feature `cli`.

#![cfg(feature = "cli")]

use crate::support::program::{self, code};
use std::{fs, path::Path, process::Output};

/// The challenges, and runs within which each is solved. Without `calls`, which takes from 50 000 to 400 000 runs.
const CHALLENGES: &[(&str, u64)] = &[
    ("bytes", 1000),
    ("integers", 1000),
    ("wide", 2000),
    ("length", 2000),
    ("repeated", 3000),
    ("cases", 30_000),
    ("floats", 20_000),
    ("contains", 30_000),
    ("strings", 30_000),
    ("depth", 30_000),
    ("checksum", 30_000),
    ("memory", 40_000),
    ("encoded", 100_000),
    ("keywords", 100_000),
    ("counts", 150_000),
];

fn fuzz(challenge: &str, crashes: &Path, more: &[&str]) -> Output {
    let module = format!("fixtures/challenges/{challenge}.wasm");
    let crashes = crashes.to_str().unwrap();
    let args = ["fuzz", "--raw", "--first", &module, "--crashes", crashes];
    program::tollgate(&[&args, more].concat()).output().unwrap()
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn every_challenge_is_solved() {
    for (challenge, runs) in chosen() {
        let crashes = tempfile::tempdir().unwrap();
        let output = fuzz(challenge, crashes.path(), &["--runs", &runs.to_string()]);
        assert_eq!(code(&output), 1, "{challenge}: {}", text(&output));
        // The input is alone in its file, and reproduces the trap.
        let files = fs::read_dir(crashes.path())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let input = files
            .into_iter()
            .find(|path| path.extension().is_none())
            .unwrap();
        let again = fuzz(
            challenge,
            crashes.path(),
            &["--input", input.to_str().unwrap()],
        );
        assert_eq!(code(&again), 1, "{challenge}: {}", text(&again));
        assert!(
            text(&again).contains("unreachable"),
            "{challenge}: {}",
            text(&again)
        );
    }
}

/// As many runs, or 10 000, find nothing without instruments: the challenges are challenges.
#[test]
fn none_is_solved_blindly() {
    const MOST: u64 = 10_000;
    for (challenge, runs) in chosen() {
        let runs = *runs.min(&MOST);
        let crashes = tempfile::tempdir().unwrap();
        let output = fuzz(
            challenge,
            crashes.path(),
            &["--runs", &runs.to_string(), "--no-instruments"],
        );
        assert_eq!(code(&output), 0, "{challenge}: {}", text(&output));
    }
}

/// The same seed gives the same runs, alone and with several threads; another one gives others.
#[test]
fn the_same_seed_gives_the_same_runs() {
    let run = |seed: &str, jobs: &str| {
        let crashes = tempfile::tempdir().unwrap();
        let corpus = tempfile::tempdir().unwrap();
        let directory = corpus.path().to_str().unwrap();
        let more = [
            "--runs",
            "900",
            "--rng-seed",
            seed,
            "--jobs",
            jobs,
            "--corpus",
            directory,
        ];
        let output = fuzz("keywords", crashes.path(), &more);
        let mut names: Vec<_> = fs::read_dir(corpus.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        (String::from_utf8(output.stdout).unwrap(), names)
    };
    for jobs in ["1", "2"] {
        assert_eq!(run("7", jobs), run("7", jobs));
    }
    assert_ne!(run("7", "1").1, run("8", "1").1);
}

/// A plugin whose schema has a text that names how it fails: each way is found, and reproduced by its files.
#[test]
fn the_ways_of_a_plugin_to_fail_are_found() {
    let crashes = tempfile::tempdir().unwrap();
    let directory = crashes.path().to_str().unwrap();
    let plugin = "fixtures/fails-c/fails-c.wasm";
    let limits = ["--fuel", "300000", "--memory-mb", "8"];
    let runs = ["fuzz", plugin, "--crashes", directory, "--runs", "8000"];
    let output = program::tollgate(&[&runs[..], &limits].concat())
        .output()
        .unwrap();
    assert_eq!(code(&output), 1, "{}", text(&output));
    let names: Vec<String> = fs::read_dir(crashes.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for kind in ["crash", "timeout"] {
        let found = names
            .iter()
            .find(|name| name.starts_with(kind) && name.ends_with(".sim.json"));
        let world = found.unwrap_or_else(|| panic!("{kind}: {names:?}\n{}", text(&output)));
        let path = |end: &str| crashes.path().join(world.replace(".sim.json", end));
        let (world, config) = (path(".sim.json"), path(".json"));
        let observe = [
            "observe",
            plugin,
            "--world",
            world.to_str().unwrap(),
            "--config-file",
            config.to_str().unwrap(),
        ];
        let again = program::tollgate(&[&observe[..], &limits].concat())
            .output()
            .unwrap();
        assert_eq!(code(&again), 3, "{kind}: {}", text(&again));
        let transcript = path(".transcript.jsonl");
        let replay = ["replay", transcript.to_str().unwrap(), "--plugin", plugin];
        assert_eq!(
            code(&program::tollgate(&replay).output().unwrap()),
            0,
            "{kind}"
        );
    }
}

#[test]
fn bad_arguments_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let output = fuzz("bytes", directory.path(), &["--jobs", "0"]);
    assert_eq!(code(&output), 2, "{}", text(&output));
    // A plugin is no harness.
    let args = ["fuzz", "--raw", "fixtures/wat/echo.wat", "--runs", "1"];
    let output = program::tollgate(&args).output().unwrap();
    assert_eq!(code(&output), 3, "{}", text(&output));
    assert!(
        text(&output).contains("LLVMFuzzerTestOneInput"),
        "{}",
        text(&output)
    );
}

fn chosen() -> impl Iterator<Item = &'static (&'static str, u64)> {
    let all = crate::support::share::is_all();
    CHALLENGES
        .iter()
        .filter(move |(_, runs)| all || *runs <= 3000)
}

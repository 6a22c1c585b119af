//! `tollgate fuzz --fuzz-world` finds bugs behind a schema, behind a reply of the host, and behind both, in plugins of
//! each language: in so many runs, since no clock decides. The files of a finding reproduce it in a new process.
//! Needs the feature `cli`.

#![cfg(feature = "cli")]

use crate::support::program::{self, code};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A plugin with three bugs, what it needs, a world in which it runs well, and runs within which some are found.
struct Planted {
    language: &'static str,
    grant: &'static str,
    world: &'static str,
    runs: u32,
    found: &'static [&'static str],
}

const PLANTED: [Planted; 4] = [
    Planted {
        language: "c",
        grant: "fs:read:/etc/*.conf",
        world: r#"{"files":{"/etc/app.conf":"name = something\n"}}"#,
        runs: 36_000,
        found: &["count", "verify"],
    },
    Planted {
        language: "as",
        grant: "network:outbound:443",
        world: r#"{"hosts":{"example.com":["93.184.215.14"]},"answers":[{"when":{"http":{"url":"https://example.com/state"}},"answer":{"fetched":{"body":"all is well"}}}]}"#,
        runs: 16_000,
        found: &["count"],
    },
    Planted {
        language: "rust",
        grant: "exec:/usr/bin/app",
        world: r#"{"answers":[{"when":{"run":{"command":"/usr/bin/app","args":["--version"]}},"answer":{"ran":{"stdout":"version 1.2.3"}}}]}"#,
        runs: 9000,
        found: &["count"],
    },
    Planted {
        language: "go",
        grant: "env:APP_STATE",
        world: r#"{"variables":{"APP_STATE":"everything-off"}}"#,
        runs: 16_000,
        found: &["count"],
    },
];

fn fuzz(plugin: &str, directory: &Path, more: &[&str]) -> Output {
    let crashes = directory.join("crashes");
    let args = ["fuzz", plugin, "--crashes", crashes.to_str().unwrap()];
    program::tollgate(&[&args, more].concat()).output().unwrap()
}

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The reports of a campaign.
fn reports(directory: &Path) -> Vec<(PathBuf, Value)> {
    let Ok(entries) = fs::read_dir(directory.join("crashes")) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut reports: Vec<_> = paths
        .filter(|path| path.to_str().unwrap().ends_with(".report.json"))
        .map(|path| {
            let report = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            (path, report)
        })
        .collect();
    reports.sort_by(|a, b| a.0.cmp(&b.0));
    reports
}

/// Runs the command that a report has, as a shell does.
fn run_again(report: &Value) -> Output {
    let command = report["reproduce"].as_str().unwrap();
    let rest = command.strip_prefix("tollgate ").unwrap();
    let line = format!("'{}' {rest}", env!("CARGO_BIN_EXE_tollgate"));
    Command::new("sh").args(["-c", &line]).output().unwrap()
}

fn is_found(language: &str) {
    let planted = PLANTED.iter().find(|it| it.language == language).unwrap();
    are_found(planted);
}

/// Also bugs behind replies, which takes a while in a build that is not optimised: only with `TOLLGATE_TESTS=all`.
fn more_are_found(language: &str, runs: u32, found: &'static [&'static str]) {
    if crate::support::share::is_all() {
        let planted = PLANTED.into_iter().find(|it| it.language == language);
        are_found(&Planted {
            runs,
            found,
            ..planted.unwrap()
        });
    }
}

fn are_found(planted: &Planted) {
    let language = planted.language;
    let plugin = format!("fixtures/planted-{language}/planted-{language}.wasm");
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("world.json"), planted.world).unwrap();
    let mut seeds = Vec::new();
    for mode in ["count", "check", "verify"] {
        let config = json!({"mode": mode, "level": 1234, "key": "some-key"}).to_string();
        let (world, run) = (path("world.json"), path(&format!("{mode}.jsonl")));
        let observe = ["observe", &plugin, "--world", &world, "--config", &config];
        let record = ["--grant", planted.grant, "--record", &run];
        let observed = program::tollgate(&[&observe[..], &record].concat());
        assert_eq!(code(&{ observed }.output().unwrap()), 0, "{mode}");
        seeds.extend(["--seeds".to_owned(), run]);
    }
    let seeds: Vec<&str> = seeds.iter().map(String::as_str).collect();
    let runs = planted.runs.to_string();
    let args = ["--fuzz-world", "--grant", planted.grant, "--runs", &runs];
    let output = fuzz(&plugin, directory.path(), &[&args[..], &seeds].concat());
    assert_eq!(code(&output), 1, "{}", text(&output));
    let reports = reports(directory.path());
    for mode in planted.found {
        let found = reports.iter().find(|(path, _)| {
            let config = path.to_str().unwrap().replace(".report.json", ".json");
            let config: Value =
                serde_json::from_slice(&fs::read(config).unwrap()).unwrap_or_default();
            // The default of the plugins that have one.
            config.get("mode").unwrap_or(&json!("count")) == *mode
        });
        let (path, report) = found.unwrap_or_else(|| panic!("{mode}: {}", text(&output)));
        assert_eq!(report["confirmed"], true, "{report}");
        // A panic of Rust has the text that is planted; others are traps.
        let bug = match report["kind"] == "panic" {
            true => "planted",
            false => "unreachable",
        };
        reproduces(&plugin, path, report, bug);
    }
}

/// A new process fails in the same way with the files of a finding, and replays its transcript.
fn reproduces(plugin: &str, path: &Path, report: &Value, bug: &str) {
    let again = run_again(report);
    // A panic of Rust is evidence.
    let expected = if report["kind"] == "panic" { 1 } else { 3 };
    assert_eq!(code(&again), expected, "{report}: {}", text(&again));
    assert!(text(&again).contains(bug), "{bug}: {}", text(&again));
    let transcript = path
        .to_str()
        .unwrap()
        .replace(".report.json", ".transcript.jsonl");
    let replay = ["replay", &transcript, "--plugin", plugin];
    let replayed = program::tollgate(&replay).output().unwrap();
    assert_eq!(code(&replayed), 0, "{}", text(&replayed));
}

#[test]
fn bugs_of_a_c_plugin_are_found() {
    is_found("c");
    more_are_found("c", 100_000, &["count", "check", "verify"]);
}

/// Its runs take long in a build that is not optimised: only with `TOLLGATE_TESTS=all`.
#[test]
fn bugs_of_an_assemblyscript_plugin_are_found() {
    if crate::support::share::is_all() {
        is_found("as");
        more_are_found("as", 30_000, &["count", "check"]);
    }
}

#[test]
fn bugs_of_a_rust_plugin_are_found() {
    is_found("rust");
    more_are_found("rust", 100_000, &["count", "check", "verify"]);
}

#[test]
fn bugs_of_a_go_plugin_are_found() {
    is_found("go");
    more_are_found("go", 100_000, &["count", "check"]);
}

/// What is made up is not found in the world that there is, and nothing is where there is no grant.
#[test]
fn without_made_up_replies_nothing_is_found_behind_them() {
    for args in [
        &["--grant", "fs:read:/etc/*.conf"][..],
        &["--fuzz-world", "--grant", "fs:read:/var/*.conf"],
    ] {
        let directory = tempfile::tempdir().unwrap();
        let runs = ["--runs", "6000"];
        let corpus = directory.path().join("corpus");
        fs::create_dir(&corpus).unwrap();
        fs::write(corpus.join("a"), SEED).unwrap();
        let corpus = ["--corpus", corpus.to_str().unwrap()];
        let output = fuzz(C, directory.path(), &[args, &runs, &corpus].concat());
        let reports = reports(directory.path());
        let found = reports
            .iter()
            .any(|(_, report)| report["backtrace"].to_string().contains("in_reply"));
        assert!(!found, "{}", text(&output));
    }
}

const C: &str = "fixtures/planted-c/planted-c.wasm";

/// An input with which the C plugin fails in the file that it reads, and more than it needs.
const SEED: &[u8] = b"{\"key\":\"abcdef\",\"level\":7,\"mode\":\"check\"}\n--- directory {\"path\":\"/etc/x\"}\na\nb/\n\
    \n--- file {\"mode\":\"0600\"}\nv=300712 and more text\n--- fail {\"when\":{\"list\":{}}}\n";

/// The world of a finding has what it needs and nothing else; so has its config.
#[test]
fn worlds_are_as_small_as_can_be() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = directory.path().join("corpus");
    fs::create_dir(&corpus).unwrap();
    fs::write(corpus.join("seed"), SEED).unwrap();
    let grant = ["--fuzz-world", "--grant", "fs:read:/etc/*.conf"];
    let more = ["--first", "--corpus", corpus.to_str().unwrap()];
    let output = fuzz(C, directory.path(), &[&grant[..], &more].concat());
    assert_eq!(code(&output), 1, "{}", text(&output));
    let reports = reports(directory.path());
    let [(path, report)] = reports.as_slice() else {
        panic!("{}", text(&output));
    };
    reproduces(C, path, report, "planted_in_reply");
    let path = path.to_str().unwrap();
    let read = |end: &str| -> Value {
        let file = path.replace(".report.json", end);
        serde_json::from_slice(&fs::read(file).unwrap()).unwrap()
    };
    assert_eq!(read(".json"), json!({"mode": "check"}));
    let file = json!({"content": "v=300712"});
    assert_eq!(
        read(".sim.json"),
        json!({"seed": 0, "files": {"/etc/app.conf": file}})
    );
    // With the line of the source.
    assert!(
        report["backtrace"][0]
            .as_str()
            .unwrap()
            .contains("plugin.c:"),
        "{report}"
    );
}

/// A recording is an input to begin with: its config, and the replies in it.
#[test]
fn recordings_are_seeds() {
    let directory = tempfile::tempdir().unwrap();
    let world = directory.path().join("world.json");
    fs::write(&world, r#"{"files":{"/etc/app.conf":"v=300712 "}}"#).unwrap();
    let run = directory.path().join("run.jsonl");
    let (world, run) = (world.to_str().unwrap(), run.to_str().unwrap());
    let observe = [
        "observe",
        C,
        "--world",
        world,
        "--config",
        r#"{"mode":"check"}"#,
        "--grant",
        "fs:read:/etc/*.conf",
        "--record",
        run,
    ];
    assert_eq!(code(&program::tollgate(&observe).output().unwrap()), 3);
    let grant = ["--grant", "fs:read:/etc/*.conf", "--seeds", run];
    let few = ["--fuzz-world", "--runs", "1"];
    let output = fuzz(C, directory.path(), &[&grant[..], &few].concat());
    assert_eq!(code(&output), 1, "{}", text(&output));
    assert!(
        reports(directory.path())[0].1["backtrace"]
            .to_string()
            .contains("planted_in_reply")
    );
    // Of a world that stays as it is, only the config.
    let other = tempfile::tempdir().unwrap();
    let output = fuzz(C, other.path(), &[&grant[..], &["--runs", "1"]].concat());
    assert_eq!(code(&output), 0, "{}", text(&output));
    // An invalid transcript is named with its line.
    let grant = ["--seeds", "fixtures/README.md", "--runs", "1"];
    let output = fuzz(C, other.path(), &grant);
    assert_eq!(code(&output), 2, "{}", text(&output));
    assert!(text(&output).contains("line 1"), "{}", text(&output));
}

/// Evidence that a schema does not allow is a finding.
#[test]
fn unexpected_evidence_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let schema = directory.path().join("expect.json");
    let expected = json!({"properties": {"data": {"properties": {"is_set": {"const": false}}}}});
    fs::write(&schema, expected.to_string()).unwrap();
    let plugin = "fixtures/hello-c/hello-c.wasm";
    let grant = ["--fuzz-world", "--grant", "env:*", "--first"];
    let more = ["--expect", schema.to_str().unwrap(), "--runs", "20000"];
    let output = fuzz(plugin, directory.path(), &[&grant[..], &more].concat());
    assert_eq!(code(&output), 1, "{}", text(&output));
    let (_, report) = &reports(directory.path())[0];
    assert_eq!(
        (&report["kind"], &report["confirmed"]),
        (&json!("unexpected"), &json!(true))
    );
    let again = run_again(report);
    assert!(text(&again).contains("\"is_set\":true"), "{}", text(&again));
    // An invalid schema is named.
    fs::write(&schema, "{").unwrap();
    let output = fuzz(plugin, directory.path(), &[&grant[..], &more].concat());
    assert_eq!(code(&output), 2, "{}", text(&output));
}

/// A harness that traps if a sum of the first eight bytes is that of a word: no comparison leads there.
const SUMMED: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "malloc") (param i32) (result i32) i32.const 1024)
    (func (export "LLVMFuzzerTestOneInput") (param $at i32) (param $len i32) (result i32)
        (local $sum i32) (local $end i32)
        (if (i32.lt_u (local.get $len) (i32.const 8)) (then (return (i32.const 0))))
        (local.set $sum (i32.const 2166136261))
        (local.set $end (i32.add (local.get $at) (i32.const 8)))
        (loop $next
            (local.set $sum (i32.mul
                (i32.xor (local.get $sum) (i32.load8_u (local.get $at)))
                (i32.const 16777619)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $at) (local.get $end))))
        (if (i32.eq (local.get $sum) (i32.const 2996943346)) (then unreachable))
        (i32.const 0)))"#;

/// What no comparison leads to is found by a word of a dictionary. An invalid line is named.
#[test]
fn words_of_dictionaries_are_tried() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let module = file("summed.wat", SUMMED);
    let words = file("words.txt", "# words\nkw=\"\\x78yzzy-42\"\n\"other\"\n");
    let few = ["--raw", "--first", "--runs", "60000"];
    let output = fuzz(&module, directory.path(), &few);
    assert_eq!(code(&output), 0, "{}", text(&output));
    let dictionary = ["--dictionary", &words];
    let output = fuzz(&module, directory.path(), &[&few[..], &dictionary].concat());
    assert_eq!(code(&output), 1, "{}", text(&output));
    file("words.txt", "# words\nnone\n");
    let output = fuzz(&module, directory.path(), &[&few[..], &dictionary].concat());
    assert_eq!(code(&output), 2, "{}", text(&output));
    assert!(text(&output).contains("line 2"), "{}", text(&output));
}

/// A campaign ends also if every input is a finding, or nothing is kept.
#[test]
fn nothing_to_change_is_no_end_to_wait_for() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = directory.path().join("corpus");
    let more = ["--raw", "--no-instruments", "--runs", "300"];
    let corpus = ["--corpus", corpus.to_str().unwrap()];
    let module = "fixtures/challenges/keywords.wasm";
    let output = fuzz(module, directory.path(), &[&more[..], &corpus].concat());
    assert_eq!(code(&output), 0, "{}", text(&output));
}

/// Inputs that show nothing new go, and the rest still shows all; a report has the lines that they run.
#[test]
fn corpora_are_minimised_and_reported() {
    let directory = tempfile::tempdir().unwrap();
    let corpus = directory.path().join("corpus");
    let name = corpus.to_str().unwrap();
    let grant = [
        "--fuzz-world",
        "--grant",
        "fs:read:/etc/*.conf",
        "--corpus",
        name,
    ];
    fs::create_dir(&corpus).unwrap();
    let add = |name: &str, input: &[u8]| fs::write(corpus.join(name), input).unwrap();
    add("a", b"{\"mode\":\"check\"}");
    add("b", b"{\"mode\":\"check\",\"level\":1}");
    add("b2", b"{\"mode\":\"check\",\"level\":2}");
    add("c", b"{\"mode\":\"check\"}\n--- file\nv=3 and more");
    add("c2", b"{\"mode\":\"check\"}\n--- file\nv=3 and less");
    add("fails", SEED);
    let report = |more: &[&str]| {
        let output = fuzz(C, directory.path(), &[&grant[..], more].concat());
        assert_eq!(code(&output), 0, "{}", text(&output));
        text(&output)
    };
    let lcov = directory.path().join("lines.info");
    let before = report(&["--coverage-report", lcov.to_str().unwrap()]);
    let minimised = report(&["--minimize-corpus"]);
    let left: Vec<_> = fs::read_dir(&corpus)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let both = |a: &str, b: &str| [a, b].iter().all(|it| left.iter().any(|name| name == it));
    assert!(!both("b", "b2") && !both("c", "c2"), "{left:?}");
    assert!(left.contains(&"fails".to_owned()), "{left:?}");
    let said = format!("kept {} of 5 inputs", left.len() - 1);
    assert!(minimised.contains(&said), "{minimised}");
    // What was removed shows nothing that is missing now.
    let after = report(&["--coverage-report"]);
    let table = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains(" of "));
        lines.skip(1).map(str::to_owned).collect()
    };
    assert_eq!(table(&before), table(&after), "{minimised}");
    assert!(before.contains("plugin.c"), "{before}");
    let lcov = fs::read_to_string(lcov).unwrap();
    assert!(lcov.contains("SF:") && lcov.contains("plugin.c"), "{lcov}");
    // Nothing is left to remove.
    assert!(report(&["--minimize-corpus"]).contains("removed 0"));
}

/// A world of a file stays as it is; what it lacks is made up.
#[test]
fn the_world_of_a_file_comes_first() {
    let directory = tempfile::tempdir().unwrap();
    let world = directory.path().join("world.json");
    fs::write(&world, r#"{"files":{"/etc/app.conf":"v=1"}}"#).unwrap();
    let corpus = directory.path().join("corpus");
    fs::create_dir(&corpus).unwrap();
    fs::write(corpus.join("seed"), SEED).unwrap();
    let grant = ["--fuzz-world", "--grant", "fs:read:/etc/*.conf"];
    let more = [
        "--corpus",
        corpus.to_str().unwrap(),
        "--world",
        world.to_str().unwrap(),
    ];
    let input = ["--input", corpus.join("seed").to_str().unwrap()].map(str::to_owned);
    let input: Vec<&str> = input.iter().map(String::as_str).collect();
    let output = fuzz(C, directory.path(), &[&grant[..], &more, &input].concat());
    assert_eq!(code(&output), 0, "{}", text(&output));
    let output = fuzz(C, directory.path(), &[&grant[..], &input].concat());
    assert_eq!(code(&output), 1, "{}", text(&output));
}

//! `observe --configs`: one config a line in, one line out, in order, whatever a line holds. Needs the feature `cli`.

#![cfg(feature = "cli")]

use crate::support::program::{self, code};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Output, Stdio},
};

const ECHO: &str = "fixtures/wat/echo.wat";
const FILE: &str = "fixtures/file/file.wasm";

fn batch(plugin: &str, configs: &str, more: &[&str]) -> Output {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), configs).unwrap();
    let args = [
        "observe",
        plugin,
        "--configs",
        file.path().to_str().unwrap(),
    ];
    program::tollgate(&[&args[..], more].concat())
        .output()
        .unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn evidence_comes_out_in_the_order_of_the_configs() {
    let configs: String = (0..500).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    for jobs in ["1", "2", "7"] {
        let output = batch(ECHO, &configs, &["--jobs", jobs]);
        assert_eq!(code(&output), 0, "{}", stderr(&output));
        let numbers: Vec<u64> = lines(&output)
            .iter()
            .map(|line| line["data"]["n"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers, (0..500).collect::<Vec<_>>());
        assert!(
            stderr(&output).starts_with(
                "tollgate: 500 configs: 500 passed, 0 failed, 0 errors; slowest: line "
            )
        );
    }
    // One line without a newline, and none.
    assert_eq!(lines(&batch(ECHO, "{}", &[])).len(), 1);
    let empty = batch(ECHO, "", &[]);
    assert_eq!((code(&empty), lines(&empty).len()), (0, 0));
    let quiet = batch(ECHO, &configs, &["-q"]);
    assert_eq!(stderr(&quiet), "");
}

#[test]
fn an_error_of_a_line_is_a_line() {
    let long = format!("{{\"x\":\"{}\"}}", "x".repeat(2 << 20));
    let configs = format!("{{\"a\":1}}\n{{bad\n\n[1]\n\u{1b}\n{long}\n{{\"a\":2}}\n");
    let output = batch(ECHO, &configs, &["--keep-going"]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    let lines = lines(&output);
    assert_eq!(lines.len(), 7);
    for (number, line) in lines.iter().enumerate() {
        match number {
            0 | 6 => assert_eq!(line["status"], true, "{line}"),
            _ => {
                assert_eq!(
                    (&line["line"], &line["error"]["type"]),
                    (&json!(number + 1), &json!("config"))
                );
                assert!(line.get("status").is_none());
            }
        }
    }
    assert!(
        stderr(&output).contains("7 configs: 2 passed, 0 failed, 5 errors"),
        "{}",
        stderr(&output)
    );
    let stopped = batch(ECHO, &configs, &[]);
    assert_eq!(
        (
            code(&stopped),
            stopped.stdout.split(|byte| *byte == b'\n').count()
        ),
        (2, 3)
    );
    assert!(
        stderr(&stopped).contains("2 configs: 1 passed, 0 failed, 1 error;"),
        "{}",
        stderr(&stopped)
    );
    assert!(stderr(&stopped).contains("--keep-going"));
}

#[test]
fn the_exit_code_is_that_of_the_worst_line() {
    let grant = ["--grant", "fs:read:LICENSE-MIT", "--keep-going"];
    let (good, denied, bad) = (
        r#"{"path":"LICENSE-MIT"}"#,
        r#"{"path":"no"}"#,
        r#"{"path":1}"#,
    );
    for (configs, exit) in [
        (format!("{good}\n{good}\n"), 0),
        (format!("{denied}\n{good}\n{denied}\n"), 1),
        (format!("{denied}\n{bad}\n{good}\n"), 2),
    ] {
        let output = batch(FILE, &configs, &grant);
        assert_eq!(code(&output), exit, "{configs}: {}", stderr(&output));
        assert_eq!(lines(&output).len(), configs.lines().count());
    }
    // Each denial is printed once.
    let output = batch(FILE, &format!("{denied}\n").repeat(50), &grant);
    assert_eq!(
        stderr(&output).matches("denied fs:read:").count(),
        1,
        "{}",
        stderr(&output)
    );
    // The plugin's own end of each call.
    let output = batch(
        FILE,
        &format!("{good}\n{good}\n"),
        &["--fuel", "100000", "--keep-going"],
    );
    assert_eq!(code(&output), 3, "{}", stderr(&output));
    assert_eq!(lines(&output)[1]["error"]["type"], "plugin");
    for wrong in [["--config", "{}"], ["--record", "x"], ["--format", "table"]] {
        assert_eq!(code(&batch(ECHO, "{}", &wrong)), 2);
    }
    assert_eq!(
        code(
            &program::tollgate(&["observe", ECHO, "--keep-going"])
                .output()
                .unwrap()
        ),
        2
    );
}

/// Results come while configs are still to come, so that a batch may have no end.
#[test]
fn a_batch_streams() {
    let mut child = program::tollgate(&["observe", ECHO, "--configs", "-", "--jobs", "2"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    for n in 0..3 {
        writeln!(input, "{{\"n\":{n}}}").unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert!(line.contains(&format!("\"n\":{n}")), "{line}");
    }
    // Nobody reads on: the program ends although there is more to come.
    drop(output);
    // (A process that another test is starting may have the other end of the pipe for a moment.)
    while writeln!(input, "{{}}").is_ok() {}
    assert_eq!(child.wait().unwrap().code(), Some(141));
}

/// The commands of `abi/fleet.md`, with two workers.
#[cfg(unix)]
#[test]
fn the_fleet_page_is_true() {
    let page = fs::read_to_string("abi/fleet.md").unwrap();
    let scripts: Vec<&str> = page
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    let [parallel, xargs] = scripts.as_slice() else {
        panic!("{}", scripts.len())
    };
    let has = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
    let mut ran = 0;
    for (tool, script) in [("parallel", parallel), ("xargs", xargs)] {
        if !has(tool) {
            continue;
        }
        let place = tempfile::tempdir().unwrap();
        let here = place.path();
        let plugin = here.join(FILE);
        fs::create_dir_all(plugin.parent().unwrap()).unwrap();
        fs::copy(FILE, &plugin).unwrap();
        fs::write(here.join("grants.json"), r#"{"file":["fs:read:*.txt"]}"#).unwrap();
        let mut configs = String::new();
        for n in 0..200 {
            fs::write(here.join(format!("{n}.txt")), "x".repeat(n)).unwrap();
            configs.push_str(&format!("{{\"path\":\"{n}.txt\"}}\n"));
        }
        fs::write(here.join("configs.jsonl"), configs).unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_tollgate")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        let output = Command::new("sh")
            .args(["-e", "-c", script])
            .current_dir(here)
            .env("PATH", path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{tool}: {output:?}");
        let evidence = fs::read_to_string(here.join("evidence.jsonl")).unwrap();
        let sizes: Vec<u64> = evidence
            .lines()
            .map(|line| {
                serde_json::from_str::<Value>(line).unwrap()["data"]["size"]
                    .as_u64()
                    .unwrap()
            })
            .collect();
        assert_eq!(sizes, (0..200).collect::<Vec<_>>(), "{tool}");
        ran += 1;
    }
    assert!(
        ran > 0 || std::env::var_os("CI").is_none(),
        "needs parallel or xargs"
    );
}

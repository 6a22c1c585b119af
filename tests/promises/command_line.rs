//! The command line: which output goes where, and the exit codes. Needs the feature `cli`.

#![cfg(feature = "cli")]

use crate::support::program::{self, code};
use serde_json::Value;
use std::{
    fs,
    io::Write as _,
    process::{Command, Output, Stdio},
};
use tollgate::abi::sha256;

const FILE: &str = "fixtures/file/file.wasm";
const ECHO: &str = "fixtures/wat/echo.wat";

fn tollgate(args: &[&str]) -> Output {
    program::tollgate(args).output().unwrap()
}

fn stdout(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn the_main_job() {
    let content = fs::read("README.md").unwrap();
    let path = fs::canonicalize("README.md").unwrap();
    let path = path.to_str().unwrap();
    let grant = format!("fs:read:{path}");
    let config = serde_json::json!({"path": path, "hash": true}).to_string();
    let seen = tollgate(&[
        "observe", FILE, "-v", "--grant", &grant, "--config", &config,
    ]);
    assert_eq!(code(&seen), 0, "{}", stderr(&seen));
    let evidence = stdout(&seen);
    assert_eq!(evidence["status"], true);
    assert_eq!(
        evidence["data"]["sha256"],
        sha256::hex(&sha256::digest(&content))
    );
    assert_eq!(evidence["data"]["size"], content.len());
    assert!(stderr(&seen).contains("[file] DEBUG"), "{}", stderr(&seen));
}

/// The words of a command line, of which those in single quotes hold spaces.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (number, part) in line.split('\'').enumerate() {
        if number % 2 == 1 {
            words.last_mut().unwrap().push_str(part);
            continue;
        }
        let mut parts = part.split(' ');
        words.last_mut().unwrap().push_str(parts.next().unwrap());
        words.extend(parts.map(str::to_owned));
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether `line` is `shown`, in which `…` stands for any text.
fn is_shown(line: &str, shown: &str) -> bool {
    let (first, rest) = shown.split_once('…').unwrap_or((shown, ""));
    let Some(mut line) = line.strip_prefix(first) else {
        return false;
    };
    if !shown.contains('…') {
        return line.is_empty();
    }
    for part in rest.split('…') {
        match line.find(part) {
            Some(at) => line = &line[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[test]
fn the_commands_of_the_readme_print_what_it_shows() {
    let readme = fs::read_to_string("README.md").unwrap();
    let home = tempfile::tempdir().unwrap();
    let recording = home.path().join("run.jsonl");
    let mut commands = 0;
    for block in readme.split("```console\n").skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        let block = block.replace("\\\n", "");
        let (command, shown) = block.split_once('\n').unwrap();
        let command = command.replace("run.jsonl", recording.to_str().unwrap());
        let words = words(command.strip_prefix("$ tollgate ").unwrap());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = tollgate(&words);
        let printed = stderr(&output) + std::str::from_utf8(&output.stdout).unwrap();
        for shown in shown.lines() {
            let found = printed.lines().any(|line| is_shown(line, shown));
            assert!(found, "{shown}\n{printed}");
        }
        commands += 1;
    }
    assert_eq!(commands, 4);
}

#[test]
fn without_the_grant_the_error_names_it() {
    let seen = tollgate(&["observe", FILE, "--config", r#"{"path":"/etc/passwd"}"#]);
    assert_eq!(code(&seen), 1);
    let error = &stdout(&seen)["error"];
    assert_eq!(error["type"], "capability");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("fs:read:/etc/passwd"),
        "{error}"
    );
    assert!(
        stderr(&seen).contains("--grant 'fs:read:/etc/passwd'"),
        "{}",
        stderr(&seen)
    );
}

#[test]
fn trust_grants_what_the_plugin_declares() {
    let seen = tollgate(&[
        "observe",
        FILE,
        "--trust",
        "--config",
        r#"{"path":"/etc/passwd"}"#,
    ]);
    assert_eq!(
        (code(&seen), &stdout(&seen)["data"]["exists"]),
        (0, &Value::Bool(true))
    );
}

#[test]
fn the_config_comes_from_a_flag_a_file_or_standard_input() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), r#"{"from":"file"}"#).unwrap();
    let name = file.path().to_str().unwrap();
    assert_eq!(
        stdout(&tollgate(&["observe", ECHO, "--config-file", name]))["data"]["from"],
        "file"
    );
    assert_eq!(
        stdout(&tollgate(&["observe", ECHO]))["data"],
        serde_json::json!({})
    );
    assert_eq!(
        stdout(&tollgate(&["observe", ECHO, "--config", "null"]))["data"],
        serde_json::json!({})
    );

    let mut child = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["observe", ECHO, "--config-file", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(br#"{"from":"stdin"}"#)
        .unwrap();
    let seen = child.wait_with_output().unwrap();
    assert_eq!(stdout(&seen)["data"]["from"], "stdin");
}

#[test]
fn bad_input_ends_with_two() {
    for args in [
        vec!["observe", ECHO, "--config", "{"],
        vec!["observe", ECHO, "--config", "[1]"],
        vec!["observe", ECHO, "--config-file", "no/such/file"],
        vec!["observe", ECHO, "--config", "{}", "--config-file", "x"],
        vec!["observe", ECHO, "--grant", "nonsense"],
        vec!["observe", ECHO, "--grant", "fs:erase:/x"],
        vec!["observe", ECHO, "--fuel", "0"],
        vec!["observe", ECHO, "--memory-mb", "-2"],
        vec!["observe", ECHO, "--memory-mb", "5000"],
        vec!["observe", "no/such/plugin.wasm"],
        vec!["observe"],
        vec!["fly", ECHO],
        vec![],
    ] {
        let output = tollgate(&args);
        assert_eq!(code(&output), 2, "{args:?}");
        assert!(
            output.stdout.is_empty() && !output.stderr.is_empty(),
            "{args:?}"
        );
    }
}

#[test]
fn a_plugin_that_cannot_run_ends_with_three() {
    for args in [
        vec!["describe", "Cargo.toml"],
        vec!["observe", ECHO, "--fuel", "1"],
        vec!["observe", FILE, "--memory-mb", "-1", "--fuel", "100"],
    ] {
        let output = tollgate(&args);
        assert_eq!(code(&output), 3, "{args:?}");
        assert!(output.stdout.is_empty());
        assert!(
            stderr(&output).starts_with("tollgate: "),
            "{}",
            stderr(&output)
        );
    }
    let looping = tempfile::Builder::new().suffix(".wat").tempfile().unwrap();
    let text = fs::read_to_string(ECHO).unwrap();
    let body = "(result i64)\n    (local $out i32)\n    (loop $again (br $again))";
    fs::write(
        looping.path(),
        text.replace("(result i64)\n    (local $out i32)", body),
    )
    .unwrap();
    let name = looping.path().to_str().unwrap();
    let output = tollgate(&[
        "observe",
        name,
        "--fuel",
        "unlimited",
        "--deadline-ms",
        "50",
    ]);
    assert_eq!(code(&output), 3);
    assert!(
        stderr(&output).contains("deadline of 50 ms"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn usage_is_told_on_stderr_also_of_a_failed_run() {
    for fuel in ["1000000", "100"] {
        let config = r#"{"path":"/etc/hostname"}"#;
        let output = tollgate(&[
            "observe", FILE, "--usage", "--fuel", fuel, "--config", config,
        ]);
        let told = stderr(&output);
        let line = told
            .lines()
            .find_map(|line| line.strip_prefix("usage: "))
            .unwrap();
        let usage: Value = serde_json::from_str(line).unwrap();
        assert!(usage["fuel"].as_u64().unwrap() > 0, "{usage}");
    }
}

#[test]
fn describe_schema_and_inspect_answer() {
    let info = stdout(&tollgate(&["describe", FILE]));
    assert_eq!(
        (&info["name"], &info["version"]),
        (&"file".into(), &"1.1.0".into())
    );
    assert_eq!(
        info["capabilities"],
        serde_json::json!([{"kind": "fs", "pattern": "read:**"}])
    );
    assert_eq!(
        stdout(&tollgate(&["schema", FILE]))["required"],
        serde_json::json!(["path"])
    );
    let seen = stdout(&tollgate(&["inspect", FILE, "--format", "pretty"]));
    assert_eq!(seen["abi_version"], "1");
    assert_eq!(seen["problems"], serde_json::json!([]));
    assert_eq!(
        seen["sha256"],
        sha256::hex(&sha256::digest(&fs::read(FILE).unwrap()))
    );
}

#[test]
fn inspect_lists_functions_and_finds_the_source_of_an_instruction() {
    let file = "fixtures/fails-c/fails-c.wasm";
    let text = |args: &[&str]| String::from_utf8(tollgate(args).stdout).unwrap();
    let table = text(&["inspect", file, "--functions"]);
    assert!(table.starts_with("size  regions  function\n"), "{table}");
    let listed = stdout(&tollgate(&["inspect", file, "--functions", "--json"]));
    let spin = listed.as_array().unwrap().iter();
    let spin = spin.clone().find(|it| it["name"] == "spin").unwrap();
    let numbers = format!(
        "{:>4}  {:>7}",
        spin["size"],
        spin["regions"].as_u64().unwrap()
    );
    let row = format!("{numbers}  spin   plugin.c:{}\n", spin["line"]);
    assert!(table.contains(&row), "{table}");
    let offset = spin["offset"].as_u64().unwrap() + 4;
    for offset in [format!("{offset}"), format!("{offset:#x}")] {
        let shown = text(&["inspect", file, "--at", &offset]);
        let (frame, source) = shown.split_once('\n').unwrap();
        assert!(frame.starts_with("  0: spin   plugin.c:"), "{shown}");
        assert!(source.starts_with("     | "), "{shown}");
        let frames = stdout(&tollgate(&["inspect", file, "--at", &offset, "--json"]));
        assert_eq!(frames[0]["function"], "spin");
    }
    for (wrong, why) in [
        ("1", "no function of this module"),
        ("x", "such as 499 or 0x1f3"),
    ] {
        let output = tollgate(&["inspect", file, "--at", wrong]);
        assert_eq!(code(&output), 2);
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(message.contains(why), "{message}");
    }
}

#[test]
fn inspect_lists_the_problems_of_what_is_no_plugin() {
    let module = tempfile::Builder::new().suffix(".wat").tempfile().unwrap();
    fs::write(module.path(), "(module (import \"env\" \"f\" (func)))").unwrap();
    let output = tollgate(&["inspect", module.path().to_str().unwrap()]);
    assert_eq!(code(&output), 3);
    let problems = stdout(&output)["problems"].to_string();
    assert!(
        problems.contains("not a plugin") && problems.contains("env.f"),
        "{problems}"
    );
}

#[test]
fn grants_come_from_a_file_too() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let name = file.path().to_str().unwrap();
    let run = |grants: &str| {
        fs::write(file.path(), grants).unwrap();
        tollgate(&[
            "observe",
            FILE,
            "--grants-file",
            name,
            "--config",
            r#"{"path":"/etc/passwd"}"#,
        ])
    };
    assert_eq!(code(&run(r#"{"file":["fs:read:/etc/**"]}"#)), 0);
    assert_eq!(
        code(&run(r#"{"file":[{"kind":"fs","pattern":"read:/etc/**"}]}"#)),
        0
    );
    assert_eq!(
        code(&run(r#"{"file":{"fs":{"rules":[{"read":["/etc/**"]}]}}}"#)),
        0
    );
    assert_eq!(code(&run(r#"{"other":["fs:read:/etc/**"]}"#)), 1);
    for bad in ["[", r#"{"file":["fs:erase:/x"]}"#, r#"{"file":["kv:x"]}"#] {
        let output = run(bad);
        assert_eq!(code(&output), 2, "{bad}");
        assert!(!stderr(&output).is_empty() && output.stdout.is_empty());
    }
}

#[test]
fn an_audit_tells_what_a_run_needed() {
    let config = r#"{"path":"/etc/passwd"}"#;
    let denied = tollgate(&["observe", FILE, "--audit", "--config", config]);
    assert_eq!(code(&denied), 1);
    assert!(stderr(&denied).contains("audit: --grant 'fs:read:/etc/passwd' (denied)"));
    let granted = tollgate(&["observe", FILE, "--audit", "--trust", "--config", config]);
    assert_eq!(code(&granted), 0);
    let told = stderr(&granted);
    assert!(told.contains("this run used 1 grant:\n"), "{told}");
    assert!(
        told.contains("audit: --grant 'fs:read:/etc/passwd' (granted)"),
        "{told}"
    );
    assert_eq!(stdout(&granted)["status"], true);
}

/// What the gate finds behind a name is found here too: the file that a bare command is, and a directory, whose
/// content are the names in it.
#[cfg(unix)]
#[test]
fn explain_says_what_the_gate_would() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path().canonicalize().unwrap();
    for name in ["python3", "plain"] {
        fs::write(root.join(name), "").unwrap();
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    symlink("python3", root.join("tool")).unwrap();
    symlink("plain", root.join("other")).unwrap();
    fs::create_dir(root.join("directory")).unwrap();
    let explain = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(["explain", "--json"])
            .args(args)
            .env("PATH", &root)
            .output()
            .unwrap();
        stdout(&output)
    };
    for (grant, request, allowed) in [
        ("exec:**", "exec:tool", false),
        ("exec:**", "exec:other", true),
        ("exec:**", "exec:missing", true),
        ("exec:tool", "exec:tool", true),
    ] {
        assert_eq!(
            explain(&[grant, request])["allowed"],
            allowed,
            "{grant} {request}"
        );
    }
    let denied = explain(&["exec:**", "exec:tool"]);
    let reason = denied["reason"].as_str().unwrap();
    assert!(
        reason.contains("requires 'exec:tool' literally"),
        "{reason}"
    );
    let root = root.to_str().unwrap();
    for (grant, request, allowed) in [
        ("*", "", true),
        ("*", "/directory", true),
        ("*", "/directory/", true),
        ("directory/*", "/directory", true),
        ("plain/*", "/plain", false),
        ("missing/*", "/missing", false),
        ("directory/*.log", "/directory", false),
    ] {
        let grant = format!("fs:read:{root}/{grant}");
        let request = format!("fs:read:{root}{request}");
        assert_eq!(
            explain(&[&grant, &request])["allowed"],
            allowed,
            "{grant} {request}"
        );
    }
    let writing = explain(&[
        &format!("fs:write:{root}/directory/*"),
        &format!("fs:write:{root}/directory"),
    ]);
    assert_eq!(writing["allowed"], false);
    let family = |command: &str| explain(&["--exec", command])["kind"].clone();
    assert_eq!(
        (family("tool"), family("other")),
        ("interpreter".into(), "unlisted".into())
    );
}

#[test]
fn explain_answers_in_words_and_in_json() {
    let json = |args: &[&str]| {
        let output = tollgate(&[&["explain", "--json"], args].concat());
        (code(&output), stdout(&output))
    };
    let (exit, answer) = json(&["network:outbound:80,443", "network:outbound:443"]);
    assert_eq!((exit, &answer["allowed"]), (0, &Value::Bool(true)));
    let (exit, answer) = json(&["network:outbound:80", "network:outbound:443"]);
    assert_eq!((exit, &answer["allowed"]), (0, &Value::Bool(false)));
    assert!(
        answer["reason"]
            .as_str()
            .unwrap()
            .contains("does not allow")
    );
    let (exit, answer) = json(&["fs:read:*.txt", "fs:read:a.txt", "--cwd", "/w"]);
    assert_eq!((exit, &answer["allowed"]), (0, &Value::Bool(true)));
    for malformed in [
        ["nonsense", "fs:read:/x"],
        ["fs:read:/x", "network:outbound:99999"],
    ] {
        let (exit, answer) = json(&malformed);
        assert_eq!(
            (exit, &answer["allowed"]),
            (2, &Value::Bool(false)),
            "{malformed:?}"
        );
    }
    let (_, answer) = json(&["fs:read:/**"]);
    assert_eq!(
        (&answer["capability"], &answer["risk"]),
        (&"fs:read:/**".into(), &"high".into())
    );
    let (_, answer) = json(&["--address", "169.254.169.254"]);
    assert_eq!(
        (&answer["blocked"], &answer["word"]),
        (&true.into(), &"metadata".into())
    );
    let (_, answer) = json(&["--address", "8.8.8.8"]);
    assert_eq!(
        (&answer["blocked"], &answer["word"]),
        (&false.into(), &Value::Null)
    );
    let (_, answer) = json(&["--exec", "bash", "-c", "id"]);
    assert_eq!(
        (&answer["kind"], &answer["needs"]),
        (&"shell".into(), &"exec:bash".into())
    );
    assert_eq!(answer["needs_with_arguments"], "exec:bash -c id");
    let (_, answer) = json(&["--exec", "/usr/bin/ls"]);
    assert_eq!(
        (&answer["kind"], &answer["needs_with_arguments"]),
        (&"unlisted".into(), &Value::Null)
    );
    let grant = "exec:/usr/bin/systemctl is-active *";
    let (_, answer) = json(&[grant, "exec:/usr/bin/systemctl is-active cron"]);
    assert_eq!(answer["allowed"], true);
    let (_, answer) = json(&[grant, "exec:/usr/bin/systemctl stop \"a b\""]);
    assert_eq!(answer["allowed"], false);
    let reason = answer["reason"].as_str().unwrap();
    assert!(
        reason.contains("it needs the grant exec:/usr/bin/systemctl stop \"a b\""),
        "{reason}"
    );
    // Behind --exec everything is the command's, but for a --json at the very end.
    let output = tollgate(&["explain", "--exec", "python3", "-c", "1", "--json"]);
    assert_eq!(stdout(&output)["kind"], "interpreter");

    let words = tollgate(&["explain", "fs:read:/etc/*", "fs:read:/etc/hosts"]);
    assert!(
        String::from_utf8(words.stdout)
            .unwrap()
            .starts_with("allowed: ")
    );
    for bad in [
        vec!["explain"],
        vec!["explain", "--address", "nowhere"],
        vec!["explain", "x"],
    ] {
        assert_eq!(code(&tollgate(&bad)), 2, "{bad:?}");
    }
}

#[test]
fn inspect_tells_how_long_loading_takes() {
    let seen = stdout(&tollgate(&["inspect", FILE, "--timings"]));
    for step in ["load", "first_answer", "second_answer"] {
        assert!(seen["timings_ms"][step].as_f64().unwrap() > 0.0, "{seen}");
    }
    assert!(
        stdout(&tollgate(&["inspect", FILE]))
            .get("timings_ms")
            .is_none()
    );
}

#[test]
fn a_made_up_world_takes_the_place_of_this_machine() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("world.json");
    let world = r#"{"files": {"/etc/only/here": "made up", "/w/x": {"link": "/etc/only/here"}},
                    "start": "2030-01-01T00:00:00Z", "working_directory": "/w"}"#;
    fs::write(&file, world).unwrap();
    let file = file.to_str().unwrap();
    let run = || {
        tollgate(&[
            "observe",
            FILE,
            "--world",
            file,
            "--grant",
            "fs:read:/etc/only/*",
            "--grant",
            "fs:read:x",
            "--config",
            r#"{"path":"x","read_content":true}"#,
            "--usage",
        ])
    };
    let first = run();
    assert_eq!(code(&first), 0, "{}", stderr(&first));
    assert_eq!(stdout(&first)["data"]["content_b64"], "bWFkZSB1cA==");
    assert_eq!(first, run());
    let described = tollgate(&["describe", FILE, "--world", file]);
    assert_eq!(stdout(&described)["name"], "file");

    fs::write(file, r#"{"files": {"/x": {"contnet": ""}}}"#).unwrap();
    let refused = tollgate(&["observe", FILE, "--world", file]);
    assert_eq!(code(&refused), 2);
    for word in ["line 1 column", "`contnet`", "`content`"] {
        assert!(stderr(&refused).contains(word), "{}", stderr(&refused));
    }
    assert_eq!(code(&tollgate(&["observe", FILE, "--world", "no/such"])), 2);
}

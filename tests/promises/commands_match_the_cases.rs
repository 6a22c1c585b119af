//! Every row of tests/cases/exec-v2.jsonl, from the tests of another host, holds here, except those
//! listed with a reason. So do that host's fuzzing seeds.

#[cfg(all(target_os = "linux", feature = "exec"))]
use crate::support::commands;
use serde::Deserialize;
use serde_json::Value;
use std::fs;
use tollgate::capability::command::{self, Family};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code)] // some of it only matters where commands can be run
struct Row {
    test: String,
    case: Option<String>,
    command: Option<String>,
    #[serde(default, rename = "args")]
    _args: Vec<String>,
    env: Option<Value>,
    granted: Option<Value>,
    req: Option<Value>,
    max_output: Option<u32>,
    expect: Value,
}

fn rows() -> Vec<Row> {
    let text = fs::read_to_string("tests/cases/exec-v2.jsonl").unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

/// One grant, a list of them, or none.
fn grants(granted: Option<&Value>) -> Vec<String> {
    match granted {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(one)) => vec![one.clone()],
        Some(many) => serde_json::from_value(many.clone()).unwrap(),
    }
}

/// Rows that our rules answer otherwise: the test, its case or command, and our answer. Commands are
/// judged by program and not by their arguments, and a variable needs a grant unless it is known to
/// be harmless.
const BY_OUR_RULES: &[(&str, &str, &str)] = &[
    ("TestSanitizeEnv", "DYLD", "[]"),
    ("TestSanitizeEnv", "malformed", "[]"),
    ("TestIsDangerousExecution", "awk pattern only", "true"),
    ("TestIsDangerousExecution", "unknown -c", "false"),
    ("TestIsDangerousExecution", "unknown -e", "false"),
    ("TestIsDangerousExecution", "unknown --eval", "false"),
    ("TestDetectExecutionType", "myapp", "\"safe\""),
    ("TestGetExecutionTypeDescription", "myapp", "\"safe\""),
    // The row without arguments; the one with some expects this.
    ("TestDetectExecutionType", "bash", "\"shell\""),
];

/// What the other host calls the kinds of execution.
fn kind(command: &str) -> &'static str {
    match command::family(command) {
        None => "safe",
        Some(Family::Shell) => "shell",
        Some(Family::Interpreter) => "interpreter code execution",
        Some(_) => "suspicious execution",
    }
}

#[test]
fn what_is_decided_without_running_anything() {
    let (mut count, mut departures) = (0, 0);
    for row in rows() {
        let name = row.command.as_deref().unwrap_or_default();
        let seen: Value = match row.test.as_str() {
            "TestIsAlwaysBlockedEnv" => {
                let name = row.env.as_ref().unwrap().as_str().unwrap();
                assert_eq!(
                    row.expect["blocked"],
                    command::env_never_allowed(name),
                    "{row:?}"
                );
                count += 1;
                continue;
            }
            "TestSanitizeEnv" => {
                let env: Vec<String> = serde_json::from_value(row.env.clone().unwrap()).unwrap();
                let granted = grants(row.granted.as_ref());
                let allowed = |entry: &&String| {
                    entry.split_once('=').is_some_and(|(name, value)| {
                        let granted = |name: &str| granted.contains(&format!("env:{name}"));
                        command::env_allowed(name, value, granted)
                    })
                };
                env.iter().filter(allowed).cloned().collect()
            }
            "TestIsShellExecution" => command::is_shell(name).into(),
            "TestIsKnownInterpreter(v2)" => command::is_interpreter(name).into(),
            "TestIsDangerousExecution" => command::family(name).is_some().into(),
            "TestDetectExecutionType" | "TestGetExecutionTypeDescription" => kind(name).into(),
            // Runs something, below.
            _ => {
                assert!(row.req.is_some(), "nobody looks at {row:?}");
                continue;
            }
        };
        count += 1;
        let case = row.case.as_deref().unwrap_or(name);
        let ours = BY_OUR_RULES
            .iter()
            .find(|(test, of, _)| (*test, *of) == (&row.test, case));
        match ours {
            Some((.., answer)) => {
                assert_eq!(seen.to_string(), *answer, "{row:?}");
                departures += usize::from(seen != row.expect);
            }
            None => assert_eq!(seen, row.expect, "{row:?}"),
        }
    }
    assert_eq!((count, departures), (84, BY_OUR_RULES.len()));
}

/// Where the other host's reply has another form than ours, its test, the key and our value.
#[cfg(all(target_os = "linux", feature = "exec"))]
const OTHERWISE: &[(&str, &str, &str)] = &[
    // Codes are those of the system, and `type` tells that the command was not started.
    (
        "TestPerformExecCommand_InvalidCommand",
        "error.code",
        "ENOENT",
    ),
    // A request that makes no sense is of type `config`, which has no codes.
    ("TestPerformExecCommand_EmptyCommand", "error.code", ""),
    // A command that was killed did not do what it was asked to, and that is an error (E4).
    ("TestPerformExecCommand_Timeout", "error", "ETIMEDOUT"),
];

/// Rows whose variables need grants here, which they get, and whose commands need one: `env` starts
/// other programs.
#[cfg(all(target_os = "linux", feature = "exec"))]
const ALSO_GRANTED: &[&str] = &["exec:env", "env:TEST_VAR", "env:SAFE_VAR"];

/// What every command is given, so that none looks for programs where it happens to stand.
#[cfg(all(target_os = "linux", feature = "exec"))]
const FIXED_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n";

#[test]
#[cfg(all(target_os = "linux", feature = "exec"))]
fn what_is_run() {
    let mut otherwise = 0;
    let mut count = 0;
    for row in rows() {
        let Some(request) = row.req.clone() else {
            continue;
        };
        let place = commands::Workplace::new();
        let mut granted = grants(row.granted.as_ref());
        granted.push("exec:**".into());
        granted.extend(ALSO_GRANTED.iter().map(ToString::to_string));
        let granted: Vec<&str> = granted.iter().map(String::as_str).collect();
        let plugin = match row.max_output {
            Some(limit) => place.plugin_with_limit(&granted, limit),
            None => place.plugin(&granted),
        };
        let mut reply = commands::ask(&plugin, request);
        // The one variable that is not the plugin's is no part of the rows.
        if let Some(stdout) = reply["stdout"].as_str() {
            reply["stdout"] = stdout.replace(FIXED_PATH, "").into();
        }
        for (key, expected) in row.expect.as_object().unwrap() {
            let ours = OTHERWISE
                .iter()
                .find(|(test, of, _)| (*test, *of) == (&row.test, key));
            if let Some((.., code)) = ours {
                assert_eq!(reply["error"]["code"], *code, "{row:?}: {reply}");
                otherwise += 1;
                continue;
            }
            check(key, expected, &reply).unwrap_or_else(|| panic!("{key} of {row:?}: {reply}"));
        }
        place.assert_deserted();
        count += 1;
    }
    assert_eq!((count, otherwise), (11, OTHERWISE.len()));
}

/// The seeds of tests/cases/request-fuzz.jsonl for this function: none of them runs anything for
/// a plugin without the grant, and none hurts a host that grants it.
#[test]
#[cfg(all(target_os = "linux", feature = "exec"))]
fn what_was_found_to_be_hard_to_read() {
    let text = fs::read_to_string("tests/cases/request-fuzz.jsonl").unwrap();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let of_exec = lines.filter(|line| line["host_function"] == "exec");
    let seeds: Vec<Value> = of_exec
        .flat_map(|line| line["payload_seeds"].as_array().unwrap().clone())
        .collect();
    assert_eq!(seeds.len(), 22);
    let place = commands::Workplace::new();
    let (denied, granted) = (place.plugin(&[]), place.plugin(&["exec:ls", "exec:echo"]));
    for seed in seeds {
        let mut payload = seed.as_str().unwrap().to_owned();
        for letter in ["a", "x"] {
            payload = payload.replace(&format!("<100000 x {letter}>"), &letter.repeat(100_000));
        }
        let request: Value = serde_json::from_str(&payload).unwrap();
        let reply = commands::ask(&denied, request.clone());
        let kind = commands::kind(&reply);
        assert!(matches!(kind, "capability" | "config"), "{seed}: {reply}");
        assert_eq!(reply["stdout"], "", "{seed}");
        commands::ask(&granted, request);
    }
    place.assert_deserted();
}

/// `None` if the reply is not as expected.
#[cfg(all(target_os = "linux", feature = "exec"))]
fn check(key: &str, expected: &Value, reply: &Value) -> Option<()> {
    let stdout = reply["stdout"].as_str()?;
    let holds = match key {
        "stdout_contains" | "contains" => stdout.contains(expected.as_str()?),
        "lacks" => expected
            .as_array()?
            .iter()
            .all(|part| !stdout.contains(part.as_str().unwrap())),
        "stdout_len_le" => stdout.len() as u64 <= expected.as_u64()?,
        // What is left out of a reply is false or null.
        _ if expected == &Value::Bool(false) => reply.get(key).is_none(),
        "stdout" | "stderr" | "exit_code" | "is_timeout" | "stdout_truncated" | "error" => {
            &reply[key] == expected
        }
        _ => false,
    };
    holds.then_some(())
}

//! How the time limit of a command is chosen from all the places that can set one. The world only
//! records the request, so nothing here waits.

use crate::support;

use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use support::Guest;
use tollgate::{
    Config, Runtime,
    effect::{Answer, CommandOutput, Effect, Refusal},
    gate::{Checkpoint, Permitted},
    world::World,
};

/// 2026-01-01T00:00:00Z.
const NOW: u64 = 1_767_225_600_000_000_000;

struct Witness {
    runs: Arc<Mutex<Vec<Effect>>>,
    ran: CommandOutput,
}

impl World for Witness {
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        match effect {
            Effect::Run { command, .. } => {
                let permit = gate.command(command)?;
                self.runs.lock().unwrap().push(effect.clone());
                Ok(permit.answer(Answer::Ran(self.ran.clone())))
            }
            Effect::Now { .. } => Ok(gate.granted()?.answer(Answer::Time(NOW))),
            other => panic!("{other:?}"),
        }
    }

    fn real_name(&self, path: &str) -> Option<String> {
        Some(path.to_owned())
    }

    fn working_directory(&self) -> String {
        "/work".to_owned()
    }
}

/// What the world was asked for, and what the plugin was answered.
fn ask(request: Value, ran: CommandOutput) -> (Option<Effect>, Value) {
    let runs = Arc::new(Mutex::new(Vec::new()));
    let seen = runs.clone();
    let runtime = Runtime::builder()
        .grant("odd", "exec:ls".parse().unwrap())
        .grant("odd", "env:A".parse().unwrap())
        .world(move || Witness {
            runs: seen.clone(),
            ran: ran.clone(),
        })
        .build()
        .unwrap();
    let plugin = Guest::relay("exec_run").load_in(&runtime);
    let config = Config::try_from(request).unwrap();
    let data = plugin.observe(&config).unwrap().evidence.data;
    let effect = runs.lock().unwrap().pop();
    (effect, Value::Object(data))
}

fn limit(mut request: Value) -> Duration {
    request["command"] = json!("ls");
    match ask(request.clone(), CommandOutput::default()) {
        (Some(Effect::Run { timeout, .. }), _) => timeout,
        other => panic!("{request}: {other:?}"),
    }
}

#[test]
fn e6_a_command_without_a_time_limit_gets_the_default_one() {
    let default = Duration::from_secs(30);
    for request in [
        json!({}),
        json!({"context": {}, "timeout_ms": 0}),
        json!({"context": {"timeout_ms": 0, "deadline": "0001-01-01T00:00:00Z"}}),
        // Nobody gets more than that.
        json!({"timeout_ms": 3_600_000}),
        json!({"timeout_ms": u64::MAX}),
        json!({"context": {"deadline": "9999-12-31T23:59:59Z"}}),
    ] {
        assert_eq!(limit(request.clone()), default, "{request}");
    }
}

#[test]
fn the_shortest_time_limit_counts() {
    for (request, expected) in [
        (json!({"timeout_ms": 300}), 300),
        (
            json!({"timeout_ms": 300, "context": {"timeout_ms": 200}}),
            200,
        ),
        (
            json!({"timeout_ms": 200, "context": {"timeout_ms": 300}}),
            200,
        ),
        (
            json!({"context": {"deadline": "2026-01-01T00:00:05.25Z"}}),
            5_250,
        ),
        (
            json!({"context": {"deadline": "2026-01-01T01:00:05+01:00"}}),
            5_000,
        ),
        (
            json!({"timeout_ms": 9, "context": {"deadline": "2026-01-01T00:00:05Z"}}),
            9,
        ),
        (
            json!({"timeout_ms": 9, "context": {"deadline": "2025-12-31T23:59:59Z"}}),
            0,
        ),
    ] {
        assert_eq!(
            limit(request.clone()),
            Duration::from_millis(expected),
            "{request}"
        );
    }
}

#[test]
fn the_rest_of_the_request_arrives_as_it_was_meant() {
    let request = json!({
        "command": "ls", "args": ["-l", ""], "dir": "a/../b",
        "env": ["A=1", "LD_PRELOAD=x", "B"]
    });
    let (effect, _) = ask(request, CommandOutput::default());
    let expected = Effect::Run {
        command: "ls".into(),
        args: vec!["-l".into(), String::new()],
        // The world resolves the path, since `a` may be a link.
        directory: Some("/work/a/../b".into()),
        environment: vec![("A".into(), "1".into())],
        timeout: Duration::from_secs(30),
        output_limit: 10 << 20,
    };
    assert_eq!(effect, Some(expected));
}

#[test]
fn what_was_written_before_the_time_was_up_is_kept() {
    let ran = CommandOutput {
        exit_code: 0,
        stdout: b"half".to_vec(),
        timed_out: true,
        duration: Duration::from_millis(300),
        ..CommandOutput::default()
    };
    let (_, reply) = ask(json!({"command": "ls"}), ran);
    assert_eq!(
        reply,
        json!({
            "stdout": "half", "stderr": "", "exit_code": -1, "duration_ms": 300,
            "is_timeout": true,
            "error": {
                "message": "ls: killed because its time was up",
                "type": "timeout", "code": "ETIMEDOUT", "is_timeout": true
            }
        })
    );
}

#[test]
fn what_was_given_up_before_is_not_run() {
    let (effect, reply) = ask(
        json!({"command": "ls", "context": {"canceled": true}}),
        CommandOutput::default(),
    );
    assert_eq!(effect, None);
    assert_eq!(reply["error"]["type"], "timeout");
}

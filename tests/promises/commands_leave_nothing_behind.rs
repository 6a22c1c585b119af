//! A command ends within its time limit, and nothing of it is left: no descendants, also if they ignore
//! signals or hold its outputs open.

#![cfg(all(target_os = "linux", feature = "exec"))]

use crate::support::{self, commands};

use commands::{PATIENCE, Workplace, ask, kind, shell, zombies};
use serde_json::{Value, json};
use std::time::Instant;
use support::Guest;
use tollgate::Plugin;

const SHELL: &[&str] = &["exec:/bin/sh"];

/// Runs a script that never ends and says `ready` when all of it stands. A machine that is busy
/// may need more than a moment for that; then the script is given more.
fn run_out_of_time(plugin: &Plugin, script: &str) -> Value {
    for deadline in [300, 2_000, 10_000] {
        let started = Instant::now();
        let reply = shell(plugin, script, deadline);
        assert!(started.elapsed() < PATIENCE, "{script}");
        assert_timed_out(&reply);
        if reply["stdout"].as_str().unwrap().contains("ready") {
            return reply;
        }
    }
    panic!("never ready: {script}");
}

fn assert_timed_out(reply: &Value) {
    assert_eq!(reply["is_timeout"], true, "{reply}");
    assert_eq!(reply["exit_code"], -1, "{reply}");
    let error = &reply["error"];
    assert_eq!(
        (kind(reply), &error["code"], &error["is_timeout"]),
        ("timeout", &json!("ETIMEDOUT"), &json!(true)),
        "{reply}"
    );
}

#[test]
fn e4_a_command_killed_at_its_deadline_says_so() {
    let place = Workplace::new();
    let plugin = place.plugin(&["exec:sleep"]);
    // D3-22: the time limit of the context counts as the request's own does.
    for limit in [
        json!({"timeout_ms": 300}),
        json!({"context": {"timeout_ms": 300}}),
        json!({"timeout_ms": 20_000, "context": {"timeout_ms": 300}}),
        json!({"context": {"deadline": "2020-01-01T00:00:00Z"}}),
    ] {
        let mut request = json!({"command": "sleep", "args": ["1000"]});
        request
            .as_object_mut()
            .unwrap()
            .extend(limit.as_object().unwrap().clone());
        assert_timed_out(&ask(&plugin, request));
    }
    place.assert_deserted();
}

#[test]
fn e5_the_whole_group_is_killed_and_inherited_pipes_are_not_waited_for() {
    let place = Workplace::new();
    let plugin = place.plugin(SHELL);
    // D3-23: a child in the background that keeps the pipe.
    let reply = shell(&plugin, "sleep 1000 & echo done", 20_000);
    assert_eq!(
        (&reply["exit_code"], &reply["stdout"], kind(&reply)),
        (&json!(0), &json!("done\n"), "none"),
        "{reply}"
    );
    place.assert_deserted();
    // The same while the command itself goes on.
    run_out_of_time(
        &plugin,
        "sleep 1000 & sh -c 'sleep 1000 & sleep 1000' & echo ready; wait",
    );
    place.assert_deserted();
}

#[test]
fn what_ignores_polite_signals_is_killed() {
    let place = Workplace::new();
    let plugin = place.plugin(SHELL);
    let script = "trap '' TERM INT HUP QUIT; echo ready; while :; do sleep 1000; done";
    run_out_of_time(&plugin, script);
    place.assert_deserted();
}

#[test]
fn what_prints_for_ever_is_ended_and_its_beginning_kept() {
    let place = Workplace::new();
    let plugin = place.plugin_with_limit(SHELL, 100);
    let reply = run_out_of_time(&plugin, "echo ready; yes hello & yes trouble >&2");
    assert_eq!(reply["stdout_truncated"], true);
    assert_eq!(reply["stderr_truncated"], true);
    assert_eq!(reply["stdout"].as_str().unwrap().len(), 100);
    assert_eq!(reply["stderr"].as_str().unwrap().len(), 100);
    place.assert_deserted();
}

#[test]
fn what_prints_for_ever_in_the_background_does_not_outlive_its_command() {
    let place = Workplace::new();
    let plugin = place.plugin_with_limit(SHELL, 100);
    place.fifo("fifo");
    for script in [
        "yes & exit 3",
        "setsid sh -c 'echo go > fifo; exec yes' & read line < fifo; exit 3",
    ] {
        let reply = shell(&plugin, script, 20_000);
        assert_eq!((&reply["exit_code"], kind(&reply)), (&json!(3), "none"));
        place.assert_deserted();
    }
}

#[test]
fn a_session_of_its_own_saves_nobody_who_holds_the_pipe() {
    let place = Workplace::new();
    let plugin = place.plugin(SHELL);
    // It outlives the command and has another group, session and parent.
    place.fifo("fifo");
    let script = "setsid sh -c 'echo ready; echo go > fifo; sleep 1000; :' &
        read line < fifo; exit 5";
    let reply = shell(&plugin, script, 20_000);
    assert_eq!(
        (&reply["exit_code"], &reply["stdout"]),
        (&json!(5), &json!("ready\n")),
        "{reply}"
    );
    place.assert_deserted();
    // It is there when the deadline passes.
    run_out_of_time(
        &plugin,
        "setsid sh -c 'echo ready; sleep 1000; :' & wait; sleep 1000",
    );
    place.assert_deserted();
}

#[test]
fn a_descendant_that_cut_every_tie_but_descent_dies_at_the_deadline() {
    let place = Workplace::new();
    let plugin = place.plugin(SHELL);
    let script = "setsid sh -c 'sleep 1000 & echo ready; exec sleep 1000 >/dev/null 2>&1' &
        setsid sh -c 'setsid sleep 1000 & sleep 1000; :' >/dev/null 2>&1 &
        while :; do sleep 1000; done";
    run_out_of_time(&plugin, script);
    place.assert_deserted();
}

#[test]
fn what_forks_all_the_time_does_not_outrun_the_kill() {
    let place = Workplace::new();
    let plugin = place.plugin(SHELL);
    let script = "echo ready; while :; do sleep 1000 & sh -c 'sleep 1000 & :' & sleep 0.05; done";
    run_out_of_time(&plugin, script);
    place.assert_deserted();
}

#[test]
fn a_command_that_closes_its_outputs_is_still_waited_for() {
    let place = Workplace::new();
    let plugin = place.plugin(SHELL);
    let reply = shell(&plugin, "exec >&- 2>&-; sleep 0.1; exit 9", 20_000);
    assert_eq!((&reply["exit_code"], kind(&reply)), (&json!(9), "none"));
    let reply = shell(&plugin, "exec >&- 2>&-; sleep 1000", 300);
    assert_timed_out(&reply);
    place.assert_deserted();
}

#[test]
fn a_command_that_a_signal_ends_has_no_exit_code() {
    let place = Workplace::new();
    let plugin = place.plugin(SHELL);
    let reply = shell(&plugin, "kill -9 $$", 20_000);
    assert_eq!((&reply["exit_code"], kind(&reply)), (&json!(-1), "none"));
    assert_eq!(reply.get("is_timeout"), None);
}

#[test]
fn a_command_that_stops_itself_is_killed_too() {
    let place = Workplace::new();
    let plugin = place.plugin(SHELL);
    run_out_of_time(&plugin, "echo ready; kill -STOP $$");
    place.assert_deserted();
}

#[test]
fn the_deadline_of_the_call_ends_a_command_like_its_own() {
    let place = Workplace::new();
    let builder = place
        .builder(SHELL)
        .deadline(std::time::Duration::from_millis(300));
    let plugin = Guest::relay("exec_run").load_in(&builder.build().unwrap());
    let request = json!({"command": "/bin/sh", "args": ["-c", "sleep 1000 & sleep 1000"]});
    let error = plugin
        .observe(&tollgate::Config::try_from(request).unwrap())
        .unwrap_err();
    assert!(error.report().contains("deadline"), "{error}");
    place.assert_deserted();
}

#[test]
fn no_zombie_stays() {
    let place = Workplace::new();
    let plugin = place.plugin(&["exec:/bin/sh", "exec:true", "exec:/nonexistent"]);
    for _ in 0..10 {
        ask(&plugin, json!({"command": "true"}));
        ask(&plugin, json!({"command": "/nonexistent"}));
        shell(&plugin, "sleep 1000", 20);
    }
    // Other tests have commands that have just ended, but not all the time.
    let waited = Instant::now();
    while zombies() > 0 {
        assert!(waited.elapsed() < PATIENCE, "{} zombies", zombies());
        std::thread::yield_now();
    }
}

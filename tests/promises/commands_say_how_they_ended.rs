//! A reply reports how a command ended, or the protocol's error for why it did not run.

#![cfg(all(target_os = "linux", feature = "exec"))]

use crate::support::{self, commands};

use commands::{Workplace, ask, kind, shell, stdout};
use serde_json::json;
use std::{fs, os::unix::fs::symlink};
use support::Guest;

#[test]
fn a_granted_command_runs_and_tells_how_it_ended() {
    let place = Workplace::new();
    let plugin = place.plugin(&["exec:echo", "exec:false", "exec:/bin/sh", "exec:pwd"]);
    let reply = ask(
        &plugin,
        json!({"command": "echo", "args": ["hello", "$HOME", ";", "*"]}),
    );
    assert_eq!(stdout(&reply), "hello $HOME ; *\n");
    assert_eq!(
        (&reply["stderr"], &reply["exit_code"]),
        (&json!(""), &json!(0))
    );
    for absent in [
        "is_timeout",
        "stdout_truncated",
        "stderr_truncated",
        "error",
    ] {
        assert_eq!(reply.get(absent), None, "{reply}");
    }
    let reply = ask(&plugin, json!({"command": "false", "args": null}));
    assert_eq!((&reply["exit_code"], kind(&reply)), (&json!(1), "none"));
    let reply = shell(&plugin, "echo 'error message' >&2; exit 42", 0);
    assert_eq!(
        (&reply["exit_code"], &reply["stderr"]),
        (&json!(42), &json!("error message\n"))
    );
    // Output need not be UTF-8.
    assert_eq!(stdout(&shell(&plugin, "printf 'a\\377b'", 0)), "a\u{FFFD}b");
    // It runs in the world's working directory.
    let reply = ask(&plugin, json!({"command": "pwd"}));
    assert_eq!(stdout(&reply).trim_end(), place.path(""));
}

#[test]
fn both_names_of_the_function_do_the_same() {
    let place = Workplace::new();
    for function in ["exec_run", "exec_command"] {
        let runtime = place.builder(&["exec:echo"]).build().unwrap();
        let plugin = Guest::relay(function).load_in(&runtime);
        let reply = ask(&plugin, json!({"command": "echo", "args": ["x"]}));
        assert_eq!(stdout(&reply), "x\n");
        // D3-35: a request that cannot be read runs nothing.
        let request = json!({"command": "echo", "context": 1});
        let reply = ask(&plugin, request);
        assert_eq!((kind(&reply), &reply["stdout"]), ("internal", &json!("")));
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(message.contains(&format!("failed to unmarshal {function} request")));
    }
}

#[test]
fn e7_output_beyond_the_limit_is_cut_and_flagged() {
    let place = Workplace::new();
    let grants = &["exec:/bin/sh"];
    let plugin = place.plugin_with_limit(grants, 5);
    let reply = shell(&plugin, "printf hello; printf 'hello world' >&2", 0);
    assert_eq!(
        (&reply["stdout"], &reply["stderr"]),
        (&json!("hello"), &json!("hello"))
    );
    // Output of exactly the limit is whole.
    assert_eq!(reply.get("stdout_truncated"), None);
    assert_eq!(reply["stderr_truncated"], true);
    let reply = shell(&plugin, "printf hello!; printf hell >&2", 0);
    assert_eq!(
        (&reply["stdout"], &reply["stderr"]),
        (&json!("hello"), &json!("hell"))
    );
    assert_eq!(reply["stdout_truncated"], true);
    assert_eq!(reply.get("stderr_truncated"), None);
    // The command is not held up by what nobody keeps.
    let reply = shell(&plugin, "head -c 3000000 /dev/zero | tr '\\0' x; exit 7", 0);
    assert_eq!(
        (&reply["stdout"], &reply["exit_code"]),
        (&json!("xxxxx"), &json!(7))
    );
}

#[test]
fn e7_the_default_limit_is_ten_mebibytes_for_each_output() {
    const LIMIT: usize = 10_485_760;
    let place = Workplace::new();
    fs::write(place.path("exact"), vec![b'x'; LIMIT]).unwrap();
    fs::write(place.path("more"), vec![b'x'; LIMIT + 1]).unwrap();
    let guest = Guest {
        memory: "(memory (export \"memory\") 400)",
        ..Guest::relay("exec_run")
    };
    let plugin = guest.load_in(&place.builder(&["exec:cat"]).build().unwrap());
    // D3-25
    for (name, truncated) in [("exact", json!(null)), ("more", json!(true))] {
        let reply = ask(&plugin, json!({"command": "cat", "args": [name]}));
        assert_eq!(stdout(&reply).len(), LIMIT, "{name}");
        assert_eq!(reply["stdout_truncated"], truncated, "{name}");
    }
}

#[test]
fn what_cannot_be_started_says_why_in_the_words_of_the_protocol() {
    let place = Workplace::new();
    fs::write(place.path("plain"), "x").unwrap();
    place.program("nonsense", "neither a program nor a script\n");
    place.program("orphan", "#!/nowhere/interpreter\n");
    symlink("loop", place.path("loop")).unwrap();
    let plugin = place.plugin(&["exec:**"]);
    for (command, code, message) in [
        (
            "no-such-command",
            "ENOENT",
            "exec: \"no-such-command\": executable file not found in $PATH",
        ),
        (
            "/nowhere/x",
            "ENOENT",
            "fork/exec /nowhere/x: no such file or directory",
        ),
        (
            "./missing",
            "ENOENT",
            "fork/exec ./missing: no such file or directory",
        ),
        (
            "./orphan",
            "ENOENT",
            "fork/exec ./orphan: no such file or directory",
        ),
        (
            "./plain/x",
            "ENOTDIR",
            "fork/exec ./plain/x: not a directory",
        ),
        (
            "./plain",
            "EACCES",
            "fork/exec ./plain: permission denied by the operating system",
        ),
        (
            "/tmp",
            "EACCES",
            "fork/exec /tmp: permission denied by the operating system",
        ),
        (
            "/dev/null",
            "EACCES",
            "fork/exec /dev/null: permission denied by the operating system",
        ),
        (
            "./loop",
            "ELOOP",
            "fork/exec ./loop: too many symbolic links",
        ),
        // No shell steps in for a file without a format.
        (
            "./nonsense",
            "ENOEXEC",
            "fork/exec ./nonsense: exec format error",
        ),
    ] {
        let reply = ask(&plugin, json!({"command": command}));
        let error = &reply["error"];
        assert_eq!(
            (kind(&reply), &error["code"]),
            ("execution", &json!(code)),
            "{reply}"
        );
        assert_eq!(error["message"], message);
        assert_eq!(error["is_not_found"] == json!(true), code == "ENOENT");
        assert_eq!(reply["exit_code"], -1);
    }
}

#[test]
fn requests_that_make_no_sense_run_nothing() {
    let place = Workplace::new();
    let plugin = place.plugin(&["exec:**"]);
    for (request, class, part) in [
        (json!({}), "config", "command cannot be empty"),
        (
            json!({"command": "", "args": []}),
            "config",
            "command cannot be empty",
        ),
        (
            json!({"command": "l\u{0}s"}),
            "config",
            "command contains a NUL byte",
        ),
        (
            json!({"command": "ls", "args": ["\u{0}"]}),
            "config",
            "an argument contains a NUL byte",
        ),
        (
            json!({"command": "ls", "dir": "\u{0}"}),
            "config",
            "dir contains a NUL byte",
        ),
        (
            json!({"command": "ls", "args": "-l"}),
            "internal",
            "failed to unmarshal",
        ),
        (
            json!({"command": "ls", "context": {"Canceled": true}}),
            "timeout",
            "canceled",
        ),
        (
            json!({"command": "ls", "context": {"deadline": "soon"}}),
            "config",
            "RFC 3339",
        ),
        (
            json!({"command": "a".repeat(100_000)}),
            "capability",
            "not granted",
        ),
    ] {
        let reply = ask(&plugin, request.clone());
        assert_eq!(kind(&reply), class, "{request}: {reply}");
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(message.contains(part), "{message}");
        assert_eq!(
            (&reply["stdout"], &reply["exit_code"]),
            (&json!(""), &json!(-1))
        );
    }
}

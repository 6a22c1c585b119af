//! Of a command's output the beginning is kept, and a reply reports that more was written; the command
//! itself does not notice. Shown by the rows of tests/cases/bounded-buffer.jsonl.

#![cfg(all(target_os = "linux", feature = "exec"))]

use crate::support::commands;

use commands::{Workplace, shell};
use serde_json::Value;

/// Has a command make these writes: whether all of them were taken, what was kept, and whether that
/// was not all.
fn write(limit: u64, writes: &[&str]) -> (bool, String, bool) {
    let place = Workplace::new();
    let plugin = place.plugin_with_limit(&["exec:/bin/sh"], u32::try_from(limit).unwrap());
    let commands: Vec<String> = writes
        .iter()
        .map(|text| format!("printf %s '{text}'"))
        .collect();
    let reply = shell(&plugin, &commands.join(" && "), 20_000);
    (
        reply["exit_code"] == 0,
        reply["stdout"].as_str().unwrap().to_owned(),
        reply["stdout_truncated"].as_bool().unwrap_or(false),
    )
}

#[test]
fn the_rows_hold() {
    let text = std::fs::read_to_string("tests/cases/bounded-buffer.jsonl").unwrap();
    let mut rows = 0;
    for line in text.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        if row["then"] == "reset" {
            // No buffer is used twice: each command has one of its own, which begins empty.
            assert_eq!(
                write(row["limit"].as_u64().unwrap(), &[""]),
                (true, String::new(), false)
            );
            continue;
        }
        let writes = row["writes"].as_array().unwrap().iter();
        let writes: Vec<&str> = writes.map(|write| write.as_str().unwrap()).collect();
        let (taken, kept, truncated) = write(row["limit"].as_u64().unwrap(), &writes);
        assert!(taken, "{row}");
        for (key, expected) in row["expect"].as_object().unwrap() {
            match key.as_str() {
                // How long each write was, which the command was told: it would have failed.
                "returns" => {}
                "content" | "bytes" => assert_eq!(*expected, kept, "{row}"),
                "truncated" => assert_eq!(*expected, truncated, "{row}"),
                other => panic!("nobody knows {other}"),
            }
        }
        rows += 1;
    }
    assert!(rows >= 3);
}

#[test]
fn the_first_byte_too_many_is_told_and_a_full_buffer_is_not() {
    let kept = |text: &str| text.to_owned();
    assert_eq!(write(5, &["hello"]), (true, kept("hello"), false));
    assert_eq!(write(5, &["hello", ""]), (true, kept("hello"), false));
    assert_eq!(write(5, &["hello", "!"]), (true, kept("hello"), true));
    assert_eq!(
        write(5, &["hel", "lo wo", "rld"]),
        (true, kept("hello"), true)
    );
}

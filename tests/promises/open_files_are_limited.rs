//! How many descriptors an instance has open is limited. The guest gets its own error, and
//! the operator reads which limit it was.

use crate::support::{Guest, preview1};

use preview1::*;
use tollgate::{
    Config, Limits, Runtime,
    replay::{Replay, Replayed},
    world::Simulated,
};

#[test]
fn a_guest_that_opens_too_much_gets_an_error_and_the_operator_a_warning() {
    let limits = Limits {
        open_files: 7,
        ..Limits::default()
    };
    let seen = in_both_worlds_with(
        &["file", "sub/"],
        &["fs:read:@/**"],
        |builder| builder.limits(limits.clone()),
        |script| {
            for name in ["file", "file", "sub"] {
                script.open(name, 0, READING, 0, 0);
            }
            for name in ["file", "sub", "none"] {
                script.open(name, 0, READING, 0, MFILE);
            }
            // What is open can be used, and what is closed makes room.
            let (path, len) = script.at("file");
            script.expect("path_filestat_get", &[ROOT, 0, path, len, SCRATCH], 0);
            script.expect("fd_close", &[FIRST + 1], 0);
            script.open("none", 0, READING, 0, NOENT);
            script.open("file", 0, READING, 0, 0);
            script.check(SCRATCH, &[5, 0, 0, 0]);
            script.open("file", 0, READING, 0, MFILE);
        },
    );
    let warning = r#"{"type":"limit_reached","name":"Limits::open_files","limit":7}"#;
    assert_eq!(seen, [warning]);
}

#[test]
fn more_than_the_default_may_be_allowed() {
    let limits = Limits {
        open_files: 304,
        ..Limits::default()
    };
    let seen = in_both_worlds_with(
        &["file"],
        &["fs:read:@/**"],
        |builder| builder.limits(limits.clone()),
        |script| {
            for _ in 0..300 {
                script.open("file", 0, READING, 0, 0);
            }
            script.open("file", 0, READING, 0, MFILE);
        },
    );
    assert_eq!(seen.len(), 1);
}

#[test]
fn the_page_names_the_default() {
    let page = std::fs::read_to_string("abi/wasi.md").unwrap();
    let default = Limits::default().open_files;
    assert!(page.contains(&format!(
        "`Limits::open_files` descriptors open at once, {default} by default"
    )));
}

/// A replay has the limit of its recording.
#[test]
fn a_recording_has_the_limit() {
    let limits = Limits {
        open_files: 9,
        ..Limits::default()
    };
    let runtime = Runtime::builder()
        .world(Simulated::new)
        .limits(limits)
        .grant("odd", "fs:read:/**".parse().unwrap())
        .build()
        .unwrap();
    let plugin = Guest::relay("fs_read").load_in(&runtime);
    let config = Config::new().set("path", "/file");
    let recording = plugin.observe_recorded(&config, Vec::new()).unwrap().sink;
    let text = String::from_utf8_lossy(&recording).into_owned();
    assert!(text.lines().next().unwrap().contains("\"open_files\":9"));
    let replayed = Replay::read(recording).unwrap();
    assert!(matches!(
        replayed.run(&plugin),
        Ok(Replayed::Observation(_))
    ));
}

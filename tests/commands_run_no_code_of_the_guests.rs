//! A command that is granted by a wildcard does what it is for, and a plugin cannot make it run
//! code of its own.

#![cfg(all(target_os = "linux", feature = "exec"))]

#[path = "support/commands.rs"]
mod commands;
mod support;

use commands::{Workplace, ask};
use serde_json::json;
use std::path::Path;

#[test]
fn options_in_a_variable_are_options_too() {
    if !Path::new("/usr/bin/tar").exists() {
        return;
    }
    let place = Workplace::new();
    let program = place.program("program", "#!/bin/sh\necho ran > proof\n");
    let options = "--checkpoint=1 --checkpoint-action=exec=./program";
    let request = json!({
        "command": "/usr/bin/tar",
        "args": ["-cf", "/dev/null", program],
        "env": [format!("TAR_OPTIONS={options}")],
    });
    let reply = ask(&place.plugin(&["exec:/usr/bin/*"]), request.clone());
    assert_eq!(reply["exit_code"], 0, "{reply}");
    assert!(!Path::new(&place.path("proof")).exists(), "{reply}");

    // Whoever is granted the variable may use it.
    let grants = ["exec:/usr/bin/*", "env:TAR_OPTIONS"];
    ask(&place.plugin(&grants), request);
    assert!(Path::new(&place.path("proof")).exists());
}

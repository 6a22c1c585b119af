//! What some tests need beyond Rust. Without it a test says so and ends; where `CI` is set it fails,
//! since CI installs all of it (`.ci/run`).

use std::{env, process::Command};

/// Returns how to call a tool: `zig`, `go`, `asc` or `cc`, each on the path or named by a variable, or
/// the empty text for `root`. `None` ends the test that asks.
#[must_use]
pub fn needs(what: &str) -> Option<String> {
    let found = match what {
        "root" => is_root().then(String::new),
        "zig" => tool("ZIG", "zig", "version"),
        "go" => tool("GO", "go", "version"),
        "asc" => tool("ASC", "asc", "--version"),
        "cc" => tool("CC", "cc", "--version"),
        other => panic!("no test needs {other}"),
    };
    if found.is_none() {
        missing(what);
    }
    found
}

fn missing(what: &str) {
    // CI runs the tests that need root a second time, as root.
    let later = env::var("TOLLGATE_SKIP").is_ok_and(|skip| skip == what);
    assert!(
        later || env::var_os("CI").is_none(),
        "needs {what}; .ci/run provides it, and where CI is not set the test is skipped"
    );
    println!("skipped: needs {what}");
}

fn tool(variable: &str, usual: &str, harmless: &str) -> Option<String> {
    let tool = env::var(variable).unwrap_or_else(|_| usual.to_owned());
    let answered = Command::new(&tool).arg(harmless).output();
    answered.is_ok_and(|it| it.status.success()).then_some(tool)
}

#[cfg(unix)]
fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// Whether the sources of a fixture that has none of its own are on this machine. Tests download nothing.
#[must_use]
pub fn needs_sources(fixture: &str) -> bool {
    let manifest = format!("fixtures/{fixture}/sources/Cargo.toml");
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--format-version=1"])
        .args(["--manifest-path", &manifest])
        .output();
    let found = metadata.is_ok_and(|it| it.status.success());
    if !found {
        missing(&format!(
            "the sources of {fixture}: cargo fetch --locked --manifest-path {manifest}"
        ));
    }
    found
}

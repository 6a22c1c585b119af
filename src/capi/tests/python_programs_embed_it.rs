//! The Python package over the C interface: its tests run in Python, with the library that cargo built. Needs Python
//! with pytest: `PYTHON`, `python3`, or `python-with-pytest`, which `.ci/toolchains` installs.

mod support;

use std::{env, process::Command};
use support::{HERE, blocks, guests, library, run};

/// Python with pytest. Without it the test is skipped, or fails where CI is set.
fn python() -> Option<String> {
    let named = env::var("PYTHON").ok();
    let usual = ["python3", "python-with-pytest"].map(str::to_owned);
    for python in named.into_iter().chain(usual) {
        let mut command = Command::new(&python);
        let found = command.args(["-c", "import pytest"]).output();
        if found.is_ok_and(|it| it.status.success()) {
            return Some(python);
        }
    }
    assert!(
        env::var_os("CI").is_none(),
        "needs Python with pytest, which .ci/toolchains installs"
    );
    println!("skipped: needs Python with pytest");
    None
}

#[cfg(target_os = "linux")]
#[test]
fn its_tests_pass() {
    let Some(python) = python() else { return };
    let place = guests();
    let package = format!("{HERE}/python");
    run(Command::new(python)
        .args([
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "tollgate.pytest_plugin",
        ])
        .arg("--rootdir")
        .arg(&package)
        .arg(format!("{package}/tests"))
        .current_dir(place.path())
        .env("PYTHONPATH", &package)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        .env("TOLLGATE_LIBRARY", library("libtollgate_c.so")));
}

#[test]
fn the_first_page_of_the_project_shows_a_test_that_runs() {
    let package = blocks(include_str!("../python/README.md"), "python");
    let project = blocks(include_str!("../../../README.md"), "python");
    assert_eq!(project, package[..1]);
}

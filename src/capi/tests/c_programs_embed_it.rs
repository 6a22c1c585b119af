//! A C program that knows nothing but `tollgate.h` runs plugins, with the static library and with
//! the shared one; every function that the header promises is there. Needs `cc`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// Where cargo has put the libraries: beside this test, or one directory up.
fn library(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let places = test
        .ancestors()
        .skip(1)
        .take(2)
        .map(|place| place.join(name));
    let newest = places
        .filter(|library| library.exists())
        .max_by_key(|library| fs::metadata(library).unwrap().modified().unwrap());
    newest.unwrap_or_else(|| panic!("{name} is not beside {}", test.display()))
}

fn run(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn embed(library: &Path, system: &[&str]) {
    let place = tempfile::tempdir().unwrap();
    let base = place.path().canonicalize().unwrap();
    let program = base.join("embed");
    run(Command::new("cc")
        .args([
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-pedantic",
            "-I",
            HERE,
        ])
        .args(cfg!(feature = "schema").then_some("-DWITH_SCHEMA"))
        .arg(format!("{HERE}/tests/embed.c"))
        .arg(library)
        .args(system)
        .arg("-o")
        .arg(&program));
    let file = base.join("file.txt");
    fs::write(&file, "for C").unwrap();
    let output = run(Command::new(&program)
        .arg(format!("{HERE}/../../fixtures/file/file.wasm"))
        .args([&file, &base.join("transcript")])
        .env("LD_LIBRARY_PATH", library.parent().unwrap()));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "embedded\n");
}

#[cfg(target_os = "linux")]
#[test]
fn with_the_static_library() {
    let system = ["-lpthread", "-ldl", "-lm", "-lrt", "-lutil", "-lgcc_s"];
    embed(&library("libtollgate_c.a"), &system);
}

#[cfg(target_os = "linux")]
#[test]
fn with_the_shared_library() {
    embed(&library("libtollgate_c.so"), &[]);
}

#[test]
fn the_header_and_the_library_promise_the_same() {
    let names = |text: &str, before: &str| -> Vec<String> {
        let pieces = text.split(before).skip(1);
        let mut names: Vec<String> = pieces
            .map(|piece| piece.split('(').next().unwrap().trim().to_owned())
            .collect();
        names.sort();
        names
    };
    let code = fs::read_to_string(format!("{HERE}/src/lib.rs")).unwrap();
    let exported = names(&code, "extern \"C\" fn ");
    let header = fs::read_to_string(format!("{HERE}/tollgate.h")).unwrap();
    let mut declared: Vec<String> = header
        .lines()
        .filter(|line| line.contains('(') && !line.starts_with([' ', '/']))
        .filter_map(|line| line.split('(').next()?.rsplit([' ', '*']).next())
        .map(str::to_owned)
        .collect();
    declared.sort();
    assert_eq!(exported, declared);
}

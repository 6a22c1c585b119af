//! What tests of other languages share: the library that cargo built, the guests, and running programs.

#![allow(dead_code, reason = "each test is a program of its own")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

pub const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// Where cargo has put the libraries: beside this test, or one directory up.
pub fn library(name: &str) -> PathBuf {
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

/// A directory with the guests and files that the tests use.
pub fn guests() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    for guest in ["file", "hello-c", "fails-c"] {
        let module = format!("{HERE}/../../fixtures/{guest}/{guest}.wasm");
        fs::copy(module, place.path().join(format!("{guest}.wasm"))).unwrap();
    }
    for (guest, text) in [
        ("ask", include_str!("../../../../fixtures/wat/ask.wat")),
        ("counter", include_str!("../guests/counter.wat")),
        ("denied", include_str!("../guests/denied.wat")),
    ] {
        let module = wat::parse_str(text).unwrap();
        fs::write(place.path().join(format!("{guest}.wasm")), module).unwrap();
    }
    fs::write(place.path().join("note.txt"), "for C").unwrap();
    let world = r#"{"files":{"/etc/motd":"hello\n"},"seed":7}"#;
    fs::write(place.path().join("sim.json"), world).unwrap();
    place
}

pub fn run(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Makes the linker and the loader find the library in a directory.
pub fn with_library<'a>(command: &'a mut Command, directory: &Path) -> &'a mut Command {
    command.env("LD_LIBRARY_PATH", directory)
}

/// The code blocks of a page in a language, in their order.
pub fn blocks(page: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    let pieces = page.split(&begin).skip(1);
    pieces
        .map(|piece| piece.split("```").next().unwrap().to_owned())
        .collect()
}

//! `tollgate new` writes projects that build and pass their own tests. The committed fixtures are these
//! projects; where a toolchain is installed, they are also built again.

#![cfg(feature = "cli")]

use crate::support::{needs::needs, program};
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
};

fn tollgate(args: &[&str], directory: &Path) -> Output {
    program::tollgate(args)
        .current_dir(directory)
        .output()
        .unwrap()
}

/// Every file below a directory, by its path.
fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut rest = vec![directory.to_owned()];
    while let Some(next) = rest.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                rest.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap();
                found.insert(name.to_str().unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_built_fixtures_are_what_is_written_and_pass_its_test() {
    for (lang, name) in [
        ("c", "hello-c"),
        ("assemblyscript", "hello-as"),
        ("go", "hello-go"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let made = tollgate(&["new", "--lang", lang, name], directory.path());
        assert!(made.status.success(), "{}", text(&made));
        let project = directory.path().join(name);
        let mut written = files(&project);
        // A fixture's module is committed, a project's is not.
        assert!(written.remove(".gitignore").is_some());
        let fixture = Path::new("fixtures").join(name);
        let mut kept = files(&fixture);
        let module = kept.remove(&format!("{name}.wasm")).unwrap();
        // A kit is one file, which is written into projects and not kept beside fixtures.
        for kit in ["tollgate.h", "abi.go", "abi_wasip1.go", "tollgate.ts"] {
            assert!(!kept.contains_key(kit), "fixtures/{name}/{kit} is a copy");
            if written.contains_key(kit) {
                let content = fs::read(Path::new("abi/kits").join(kit)).unwrap();
                kept.insert(kit.to_owned(), content);
            }
        }
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&written), names(&kept), "{name}");
        for (file, content) in &written {
            assert!(
                content == &kept[file],
                "fixtures/{name}/{file}: write it again, and build it"
            );
        }

        fs::write(project.join(format!("{name}.wasm")), module).unwrap();
        let mut test = Command::new("sh");
        test.arg(project.join("test.sh"))
            .env("TOLLGATE", env!("CARGO_BIN_EXE_tollgate"));
        let outcome = test.output().unwrap();
        assert!(outcome.status.success(), "{name}: {}", text(&outcome));
        let readme = String::from_utf8(written["README.md"].clone()).unwrap();
        assert!(readme.contains(&format!("-o {name}.wasm")), "{name}");
    }
}

#[test]
fn written_projects_are_built_by_the_command_of_their_readme() {
    for (lang, tool, called) in [
        ("c", "zig", "zig cc"),
        ("assemblyscript", "asc", "npx asc"),
        ("go", "go", "go build"),
    ] {
        let Some(program) = needs(tool) else { continue };
        let directory = tempfile::tempdir().unwrap();
        let made = tollgate(&["new", "--lang", lang, "built"], directory.path());
        assert!(made.status.success(), "{}", text(&made));
        let project = directory.path().join("built");
        let readme = fs::read_to_string(project.join("README.md")).unwrap();
        let mut lines = readme.lines();
        let line = lines.find(|line| line.contains(called) && line.contains("-o built.wasm"));
        // npx would download a compiler.
        let (_, command) = called.split_at(called.find(tool).unwrap() + tool.len());
        let command = line.unwrap().replace(called, &format!("\"$0\"{command}"));
        let mut build = Command::new("sh");
        build.args(["-c", &command, &program]).current_dir(&project);
        let outcome = build.output().unwrap();
        assert!(outcome.status.success(), "{command}: {}", text(&outcome));
        let mut test = Command::new("sh");
        test.arg(project.join("test.sh"))
            .env("TOLLGATE", env!("CARGO_BIN_EXE_tollgate"));
        let outcome = test.output().unwrap();
        assert!(outcome.status.success(), "{lang}: {}", text(&outcome));
    }
}

#[test]
fn a_rust_project_passes_its_own_tests() {
    let directory = tempfile::tempdir().unwrap();
    let abi = fs::canonicalize("abi").unwrap();
    let abi = abi.to_str().unwrap();
    let made = tollgate(
        &["new", "--lang", "rust", "is-set", "--abi-path", abi],
        directory.path(),
    );
    assert!(made.status.success(), "{}", text(&made));
    let project = directory.path().join("is-set");
    for (file, content) in files(&project) {
        let content = String::from_utf8(content).unwrap();
        assert!(
            !content.contains("{{"),
            "{file} has a place that was not filled"
        );
    }
    // The same versions as here, which are there already; the build is shared with other runs.
    fs::copy("Cargo.lock", project.join("Cargo.lock")).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-rust");
    let tested = Command::new(env!("CARGO"))
        .args(["test", "--offline", "--quiet"])
        .current_dir(&project)
        .env("CARGO_TARGET_DIR", target)
        .output()
        .unwrap();
    assert!(tested.status.success(), "{}", text(&tested));
    assert!(text(&tested).contains("2 passed"), "{}", text(&tested));
}

#[test]
fn the_published_kit_is_asked_for_unless_a_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let made = tollgate(
        &["new", "--lang", "rust", "a", "--dir", "deep/er"],
        directory.path(),
    );
    assert!(made.status.success(), "{}", text(&made));
    let manifest = fs::read_to_string(directory.path().join("deep/er/Cargo.toml")).unwrap();
    let wanted = format!("tollgate-abi = {{ version = \"{}\"", tollgate::abi::VERSION);
    assert!(manifest.contains(&wanted), "{manifest}");
}

#[test]
fn nothing_is_overwritten_and_bad_names_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("mine")).unwrap();
    fs::write(directory.path().join("mine/file"), "keep").unwrap();
    let long = "a".repeat(65);
    for (arguments, why) in [
        (vec!["new", "--lang", "c", "mine"], "already exists"),
        (vec!["new", "--lang", "c", "../up"], "invalid plugin name"),
        (vec!["new", "--lang", "c", "Upper"], "invalid plugin name"),
        (vec!["new", "--lang", "c", "1st"], "invalid plugin name"),
        (vec!["new", "--lang", "c", "a\"b"], "invalid plugin name"),
        (vec!["new", "--lang", "c", &long], "invalid plugin name"),
        (vec!["new", "--lang", "cobol", "x"], "cobol"),
        (
            vec!["new", "--lang", "rust", "x", "--abi-path", "mine"],
            "no package found",
        ),
    ] {
        let refused = tollgate(&arguments, directory.path());
        assert_eq!(
            refused.status.code(),
            Some(2),
            "{arguments:?}: {}",
            text(&refused)
        );
        assert!(
            text(&refused).contains(why),
            "{arguments:?}: {}",
            text(&refused)
        );
    }
    assert_eq!(files(directory.path()).len(), 1);
}

//! `tollgate new` writes projects that build and pass their own tests, and whose scripts say what is
//! missing or has changed. The committed fixtures are these projects; where a toolchain is installed, they
//! are also built again, fuzzed and covered.

#![cfg(feature = "cli")]

use crate::support::{needs::needs, program};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
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

/// The languages whose built projects are fixtures, with the compiler that each needs and the files of
/// its kit.
const BUILT: [(&str, &str, &str, &[&str]); 4] = [
    ("c", "hello-c", "zig", &["tollgate.h"]),
    ("assemblyscript", "hello-as", "asc", &["tollgate.ts"]),
    ("zig", "hello-zig", "zig", &["tollgate.zig"]),
    (
        "go",
        "hello-go",
        "go",
        &["abi.go", "abi_native.go", "abi_wasip1.go"],
    ),
];

/// Writes a project into a new directory.
fn written(lang: &str, name: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let made = tollgate(&["new", "--lang", lang, name], directory.path());
    assert!(made.status.success(), "{}", text(&made));
    let project = directory.path().join(name);
    (directory, project)
}

/// A script of a project, which finds this build of tollgate.
fn script(project: &Path, name: &str, arguments: &[&str]) -> Command {
    let mut script = Command::new("sh");
    script.arg(project.join(name)).args(arguments);
    script.env("TOLLGATE", env!("CARGO_BIN_EXE_tollgate"));
    script
}

fn passes(command: &mut Command) -> String {
    let outcome = command.output().unwrap();
    assert!(outcome.status.success(), "{command:?}: {}", text(&outcome));
    text(&outcome)
}

fn stops(command: &mut Command, because: &str) -> String {
    let outcome = command.output().unwrap();
    assert_eq!(outcome.status.code(), Some(1), "{command:?}");
    let output = text(&outcome);
    assert!(output.contains(because), "{command:?}: {output}");
    output
}

#[test]
fn the_built_fixtures_are_what_is_written_and_pass_its_test() {
    for (lang, name, _, kit) in BUILT {
        let (_directory, project) = written(lang, name);
        let mut written = files(&project);
        // A fixture's module is committed, a project's is not.
        assert!(written.remove(".gitignore").is_some());
        let fixture = Path::new("fixtures").join(name);
        let mut kept = files(&fixture);
        let module = kept.remove(&format!("{name}.wasm")).unwrap();
        // A kit is written into projects and not kept beside fixtures.
        for &file in kit {
            assert!(!kept.contains_key(file), "fixtures/{name}/{file} is a copy");
            let content = fs::read(Path::new("abi/kits").join(file)).unwrap();
            kept.insert(file.to_owned(), content);
        }
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&written), names(&kept), "{name}");
        for (file, content) in &written {
            assert!(
                content == &kept[file],
                "fixtures/{name}/{file}: write it again, and build it"
            );
            let content = String::from_utf8_lossy(content);
            for place in [
                "{{name}}",
                "{{build}}",
                "{{usage}}",
                "{{native}}",
                "{{sources}}",
            ] {
                assert!(!content.contains(place), "{name}/{file} has {place}");
            }
        }
        fs::write(project.join(format!("{name}.wasm")), module).unwrap();
        let output = passes(&mut script(&project, "test.sh", &[]));
        assert!(output.contains(&format!("{name}: ok")), "{output}");
    }
}

#[test]
fn written_projects_are_built_tested_fuzzed_and_covered_as_their_readme_says() {
    for (lang, _, tool, _) in BUILT {
        let Some(compiler) = needs(tool) else {
            continue;
        };
        let (_directory, project) = written(lang, "built");
        let mut build = script(&project, "build.sh", &[]);
        passes(build.env(tool.to_uppercase(), &compiler));
        passes(&mut script(&project, "test.sh", &[]));
        let mut build = script(&project, "build.sh", &["--profile", "debug"]);
        passes(build.env(tool.to_uppercase(), &compiler));

        let readme = fs::read_to_string(project.join("README.md")).unwrap();
        let command = |start: &str| {
            let line = readme.lines().find(|line| line.starts_with(start));
            let line = line.unwrap_or_else(|| panic!("{lang}: no line begins with {start}"));
            let words = line.strip_prefix("tollgate ").unwrap().split(' ');
            words.map(str::to_owned).collect::<Vec<_>>()
        };
        let mut fuzz = command("tollgate fuzz ");
        let limit = fuzz.iter_mut().rev().take(2);
        for (word, new) in limit.zip(["50", "--runs"]) {
            new.clone_into(word);
        }
        let fuzz: Vec<&str> = fuzz.iter().map(String::as_str).collect();
        let found = tollgate(&fuzz, &project);
        assert!(
            matches!(found.status.code(), Some(0 | 1)),
            "{}",
            text(&found)
        );
        let report = text(&found);
        let edges = report.lines().find_map(|line| line.strip_prefix("edges "));
        let edges: u32 = edges
            .unwrap()
            .split_whitespace()
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!(edges > 100, "{lang}: {report}");

        let coverage = command("tollgate coverage ");
        let coverage: Vec<&str> = coverage.iter().map(String::as_str).collect();
        let seen = text(&tollgate(&coverage, &project));
        assert!(seen.contains("%  functions"), "{lang}: {seen}");
        let lines = readme.contains("which functions and lines ran");
        let source = seen.lines().any(|line| line.contains("%    plugin."));
        assert_eq!(lines, source, "{lang}: {seen}");
    }
}

/// A project in C, and the committed module as if it had been built there.
fn built_project() -> (tempfile::TempDir, PathBuf) {
    let (directory, project) = written("c", "hello-c");
    fs::copy(
        "fixtures/hello-c/hello-c.wasm",
        project.join("hello-c.wasm"),
    )
    .unwrap();
    (directory, project)
}

#[test]
fn a_change_of_the_evidence_is_shown_and_taken_over_when_asked() {
    let (_directory, project) = built_project();
    let world = r#"{"variables": {"HOME": "/elsewhere"}}"#;
    fs::write(project.join("test/world.json"), world).unwrap();
    let output = stops(&mut script(&project, "test.sh", &[]), "sh test.sh --update");
    for line in [
        "test/granted.json",
        "-    \"value\": \"/somewhere\"",
        "+    \"value\": \"/elsewhere\"",
    ] {
        assert!(output.contains(line), "no {line} in {output}");
    }
    // What was denied is as before.
    assert!(!output.contains("test/denied.json"), "{output}");
    let output = passes(&mut script(&project, "test.sh", &["--update"]));
    assert!(output.contains("wrote test/granted.json"), "{output}");
    passes(&mut script(&project, "test.sh", &[]));
}

#[test]
fn the_test_of_a_project_says_why_it_stopped() {
    let (_directory, project) = built_project();
    let test = || script(&project, "test.sh", &[]);
    stops(
        test().env("TOLLGATE", "no-such-tollgate"),
        "no-such-tollgate was not found",
    );
    stops(
        &mut script(&project, "test.sh", &["--updat"]),
        "usage: sh test.sh [--update]",
    );

    let module = project.join("hello-c.wasm");
    let source = fs::File::options()
        .append(true)
        .open(project.join("plugin.c"))
        .unwrap();
    let built = fs::metadata(&module).unwrap().modified().unwrap();
    source
        .set_modified(built + Duration::from_secs(10))
        .unwrap();
    stops(
        &mut test(),
        "plugin.c was changed after hello-c.wasm was built: sh build.sh",
    );
    source.set_modified(built).unwrap();
    passes(&mut test());

    // It loads and leaks: a warning.
    fs::write(&module, wat::parse_file("fixtures/wat/echo.wat").unwrap()).unwrap();
    let output = stops(
        &mut test(),
        "stopped by what `tollgate check hello-c.wasm` found",
    );
    assert!(output.contains("warning: leak"), "{output}");

    fs::remove_file(&module).unwrap();
    stops(&mut test(), "hello-c.wasm is not built: sh build.sh");
}

#[cfg(unix)]
#[test]
fn the_build_of_a_project_names_the_compiler_that_is_missing() {
    // A path with what the script itself needs, and no compiler.
    let tools = tempfile::tempdir().unwrap();
    for tool in ["sh", "dirname", "mkdir", "wc", "tr", "cp"] {
        let found = Command::new("sh")
            .args(["-c", &format!("command -v {tool}")])
            .output();
        let found = String::from_utf8(found.unwrap().stdout).unwrap();
        std::os::unix::fs::symlink(found.trim(), tools.path().join(tool)).unwrap();
    }
    for (lang, missing, advice) in [
        (
            "c",
            "no C compiler for WebAssembly was found",
            "pip install ziglang",
        ),
        ("go", "go was not found", "Go 1.24 or newer"),
        ("zig", "zig was not found", "pip install ziglang"),
        (
            "assemblyscript",
            "asc, the compiler of AssemblyScript, was not found",
            "npm install",
        ),
        ("rust", "cargo was not found", "rustup"),
    ] {
        let (_directory, project) = written(lang, "alone");
        let mut build = script(&project, "build.sh", &[]);
        for variable in ["ZIG", "PYTHON", "GO", "ASC", "CARGO"] {
            build.env_remove(variable);
        }
        let output = stops(build.env("PATH", tools.path()), missing);
        assert!(output.contains(advice), "{output}");
        let usage = "usage: sh build.sh [--profile release|debug]";
        stops(
            &mut script(&project, "build.sh", &["--profile", "quick"]),
            usage,
        );
    }
}

#[test]
fn a_rust_project_keeps_a_copy_of_the_kit_and_passes_its_own_tests() {
    let (_directory, project) = written("rust", "is-set");
    let mut kit = files(&project.join("tollgate-abi"));
    assert_eq!(
        kit.remove("Cargo.toml"),
        Some(fs::read("abi/kits/rust.toml").unwrap())
    );
    for license in ["LICENSE-APACHE", "LICENSE-MIT"] {
        assert_eq!(kit.remove(license), Some(fs::read(license).unwrap()));
    }
    let mut sources = files(Path::new("abi/src"));
    // The kits as text, which no plugin needs.
    assert!(sources.remove("kits.rs").is_some());
    let sources = sources
        .into_iter()
        .map(|(file, content)| (format!("src/{file}"), content));
    assert!(kit == sources.collect(), "the copy is not abi/src");

    let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
    assert!(
        manifest.contains("tollgate-abi = { path = \"tollgate-abi\", "),
        "{manifest}"
    );
    let published = format!(
        "tollgate-abi = {{ version = \"{}\", ",
        tollgate::abi::VERSION
    );
    let readme = fs::read_to_string(project.join("README.md")).unwrap();
    assert!(readme.contains(&published), "{readme}");
    for file in [
        "Cargo.toml",
        "README.md",
        "src/lib.rs",
        "build.sh",
        "test.sh",
    ] {
        let content = fs::read_to_string(project.join(file)).unwrap();
        assert!(
            !content.contains("{{"),
            "{file} has a place that was not filled"
        );
    }

    // The same versions as here, which are there already; the build is shared with other runs.
    fs::copy("Cargo.lock", project.join("Cargo.lock")).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-rust");
    let mut test = Command::new(env!("CARGO"));
    test.args(["test", "--offline"]);
    test.current_dir(&project).env("CARGO_TARGET_DIR", target);
    let output = passes(&mut test);
    assert!(output.contains("2 passed"), "{output}");
    assert!(!output.contains("warning"), "{output}");
}

#[test]
fn a_rust_project_can_name_the_directory_of_the_kit_instead() {
    let directory = tempfile::tempdir().unwrap();
    let abi = fs::canonicalize("abi").unwrap();
    let abi = abi.to_str().unwrap();
    let made = tollgate(
        &[
            "new",
            "--lang",
            "rust",
            "a",
            "--dir",
            "deep/er",
            "--abi-path",
            abi,
        ],
        directory.path(),
    );
    assert!(made.status.success(), "{}", text(&made));
    let project = directory.path().join("deep/er");
    let manifest = fs::read_to_string(project.join("Cargo.toml")).unwrap();
    let wanted = format!("tollgate-abi = {{ path = {abi:?}, ");
    assert!(manifest.contains(&wanted), "{manifest}");
    assert!(!project.join("tollgate-abi").exists());
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

//! C programs that know nothing but `tollgate_host.h` run plugins, with the static library and with the shared one,
//! as C99 and as C++. Header and library promise the same functions. Needs `cc`.
//! With `TOLLGATE_VALGRIND=1`, the programs run in valgrind, where leaks and invalid accesses fail.

mod support;

use std::{collections::BTreeMap, env, fs, process::Command};
use support::{HERE, blocks, guests, library, run, with_library};

const README: &str = include_str!("../README.md");

/// The tests in C.
const PROGRAMS: [&str; 3] = ["plugins", "errors", "host"];

/// What the static library needs of the system.
const SYSTEM: [&str; 6] = ["-lpthread", "-ldl", "-lm", "-lrt", "-lutil", "-lgcc_s"];

/// Compiles a program, strictly.
fn compile(language: &[&str], source: &str, link: &[&str], program: &std::path::Path) {
    let strict = ["-Wall", "-Wextra", "-Werror", "-pedantic"];
    run(Command::new("cc")
        .args(language)
        .args(strict)
        .args(["-I", HERE])
        .args(cfg!(feature = "schema").then_some("-DWITH_SCHEMA"))
        .args(cfg!(feature = "net").then_some("-DWITH_NET"))
        .args(cfg!(feature = "regex").then_some("-DWITH_REGEX"))
        .arg(format!("-DVERSION=\"{}\"", env!("CARGO_PKG_VERSION")))
        .arg(source)
        .args(["-x", "none"])
        .args(link)
        .arg("-lpthread")
        .arg("-o")
        .arg(program));
}

/// Installs the library as the README says, which is built already.
#[cfg(target_os = "linux")]
fn installed() -> tempfile::TempDir {
    let prefix = tempfile::tempdir().unwrap();
    let library = library("libtollgate_c.so");
    let built = library.parent().unwrap().to_str().unwrap();
    let recipe = blocks(README, "sh").remove(0);
    let (build, install) = recipe.split_once('\n').unwrap();
    assert!(build.starts_with("cargo build "), "{build}");
    run(Command::new("sh")
        .args(["-ec", &install.replace("target/release", built)])
        .current_dir(format!("{HERE}/../.."))
        .env("PREFIX", prefix.path()));
    prefix
}

/// Compiles and runs all programs.
#[cfg(target_os = "linux")]
fn embed(language: &[&str], shared: bool, system: &[&str]) {
    let prefix = installed();
    let libraries = prefix.path().join("lib");
    let library = match shared {
        true => libraries.join("libtollgate_c.so"),
        false => libraries.join("libtollgate_c.a"),
    };
    for program in PROGRAMS {
        let place = guests();
        let binary = place.path().join("program");
        let mut link = vec![library.to_str().unwrap()];
        link.extend(system);
        let source = format!("{HERE}/tests/{program}.c");
        compile(language, &source, &link, &binary);
        let mut command = match env::var_os("TOLLGATE_VALGRIND") {
            Some(_) => Command::new("valgrind"),
            None => Command::new(&binary),
        };
        if env::var_os("TOLLGATE_VALGRIND").is_some() {
            // What is only possibly lost is the process's cache of modules, which is never freed.
            let checks = [
                "--quiet",
                "--leak-check=full",
                "--show-leak-kinds=definite",
                "--errors-for-leak-kinds=definite",
                "--error-exitcode=9",
            ];
            command.args(checks);
            command.arg(format!("--suppressions={HERE}/tests/valgrind.supp"));
            command.arg(&binary);
        }
        command.current_dir(place.path());
        let output = run(with_library(&mut command, &libraries));
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said, "embedded\n", "{program}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn with_the_static_library() {
    embed(&["-std=c99"], false, &SYSTEM);
}

#[cfg(target_os = "linux")]
#[test]
fn with_the_shared_library() {
    embed(&["-std=c99"], true, &[]);
}

#[cfg(target_os = "linux")]
#[test]
fn as_cpp() {
    embed(&["-x", "c++", "-std=c++11"], true, &["-lstdc++"]);
}

#[cfg(target_os = "linux")]
#[test]
fn the_programs_of_the_readme_run_as_it_says() {
    let found = Command::new("pkg-config").arg("--version").output();
    if !found.is_ok_and(|it| it.status.success()) {
        assert!(env::var_os("CI").is_none(), "needs pkg-config");
        println!("skipped: needs pkg-config");
        return;
    }
    let prefix = installed();
    let libraries = prefix.path().join("lib");
    let recipes = blocks(README, "sh");
    assert_eq!(recipes.len(), 3);
    let programs = [
        ("file.wasm", "\"status\":true"),
        ("ask.wasm", "\"value\":\"green\""),
    ];
    let sources = blocks(README, "c");
    assert_eq!(sources.len(), programs.len());
    for (source, (module, evidence)) in sources.iter().zip(programs) {
        for compile in &recipes[1..] {
            let place = guests();
            fs::write(place.path().join("program.c"), source).unwrap();
            run(Command::new("sh")
                .args(["-ec", compile])
                .current_dir(place.path())
                .env("PREFIX", prefix.path())
                .env("PKG_CONFIG_PATH", libraries.join("pkgconfig")));
            let mut command = Command::new(place.path().join("program"));
            command.arg(module).current_dir(place.path());
            let output = run(with_library(&mut command, &libraries));
            let said = String::from_utf8_lossy(&output.stdout);
            assert!(said.contains(evidence), "{said}");
        }
    }
}

#[test]
fn what_is_installed_has_the_version_of_the_package() {
    let version = env!("CARGO_PKG_VERSION");
    let described = include_str!("../tollgate.pc");
    assert!(
        described.contains(&format!("\nVersion: {version}\n")),
        "{described}"
    );
    let number: Vec<&str> = version.split('.').collect();
    let soname = match number[0] {
        "0" => format!("libtollgate_c.so.0.{}", number[1]),
        major => format!("libtollgate_c.so.{major}"),
    };
    assert!(README.contains(&format!("ln -sf {soname} ")), "{soname}");
    let header = include_str!("../tollgate_host.h");
    assert!(
        header.contains(&format!("such as \"{version}\"")),
        "{version}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn the_shared_library_has_its_soname() {
    let prefix = installed();
    let library = prefix.path().join("lib/libtollgate_c.so");
    let listed = run(Command::new("objdump").arg("-p").arg(&library));
    let listed = String::from_utf8(listed.stdout).unwrap();
    let file = library.canonicalize().unwrap();
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(
        listed.contains(&format!("SONAME               {name}\n")),
        "{listed}"
    );
}

/// The names of functions with the numbers of their arguments.
type Functions = BTreeMap<String, usize>;

/// Reads functions that begin with a prefix. Parentheses inside of arguments belong to pointers to functions.
fn functions(text: &str, prefix: &str) -> Functions {
    let mut found = Functions::new();
    for (at, _) in text.match_indices(prefix) {
        let rest = &text[at + prefix.len() - "tollgate_".len()..];
        let end = rest.find(|it: char| !it.is_alphanumeric() && it != '_');
        let (name, rest) = rest.split_at(end.unwrap());
        // Lifetimes in Rust, which C does not have.
        let Some(rest) = rest.trim_start_matches("<'_>").strip_prefix('(') else {
            continue;
        };
        let mut depth = 0;
        let mut arguments = vec![String::new()];
        for character in rest.chars() {
            match character {
                ')' | '>' if depth == 0 => break,
                '(' | '<' => depth += 1,
                ')' | '>' => depth -= 1,
                ',' if depth == 0 => arguments.push(String::new()),
                other => arguments.last_mut().unwrap().push(other),
            }
        }
        arguments.retain(|argument| !matches!(argument.trim(), "" | "void"));
        found.insert(name.to_owned(), arguments.len());
    }
    found
}

/// The header without comments and preprocessor lines.
fn header() -> String {
    let text = fs::read_to_string(format!("{HERE}/tollgate_host.h")).unwrap();
    let mut plain = String::new();
    for piece in text.split("/*") {
        plain.push_str(piece.split_once("*/").map_or(piece, |(_, code)| code));
    }
    let lines = plain.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| format!("{line}\n")).collect()
}

fn declared() -> Functions {
    functions(&header(), "tollgate_")
}

#[test]
fn the_header_and_the_sources_have_the_same_functions() {
    let mut sources = String::new();
    for entry in fs::read_dir(format!("{HERE}/src")).unwrap() {
        sources.push_str(&fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    let written = functions(&sources, "extern \"C\" fn tollgate_");
    assert!(written.len() > 30, "{written:?}");
    assert_eq!(declared(), written);
}

#[cfg(target_os = "linux")]
#[test]
fn the_library_exports_what_the_header_declares() {
    let library = library("libtollgate_c.so");
    let listed = run(Command::new("nm")
        .args(["-D", "--defined-only"])
        .arg(library));
    let listed = String::from_utf8(listed.stdout).unwrap();
    let names = listed
        .lines()
        .filter_map(|line| line.split(' ').next_back());
    let exported: Vec<&str> = names.filter(|name| name.starts_with("tollgate_")).collect();
    assert_eq!(exported, declared().keys().collect::<Vec<_>>());
}

#[test]
fn every_function_is_called_by_a_test() {
    let read = |name: String| fs::read_to_string(format!("{HERE}/tests/{name}")).unwrap();
    let mut tests = read("check.h".to_owned());
    tests.extend(PROGRAMS.map(|name| read(format!("{name}.c"))));
    for name in declared().keys() {
        assert!(tests.contains(&format!("{name}(")), "{name}");
    }
}

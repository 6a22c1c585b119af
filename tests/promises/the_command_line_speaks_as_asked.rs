//! How much the command line prints to standard error, in which colours and forms, and how it describes itself.
//! Needs the feature `cli`.

#![cfg(feature = "cli")]

use crate::support::program::{self, code};
use std::process::{Command, Output, Stdio};

const FILE: &str = "fixtures/file/file.wasm";
const CONFIG: &str = r#"{"path":"LICENSE-MIT"}"#;

fn tollgate(args: &[&str]) -> Output {
    let mut command = program::tollgate(args);
    command.env_remove("NO_COLOR").output().unwrap()
}

fn denied(more: &[&str]) -> String {
    let args = [&["observe", FILE, "--config", CONFIG][..], more].concat();
    let output = tollgate(&args);
    assert_eq!(code(&output), 1, "{args:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_is_printed_follows_the_flags() {
    for (flags, logs, denials) in [
        (vec![], false, true),
        (vec!["-v"], true, true),
        (vec!["--verbose"], true, true),
        (vec!["--log-level", "debug"], true, true),
        (vec!["--log-level", "info"], false, true),
        (vec!["--log-level", "off"], false, true),
        (vec!["-q"], false, false),
        (vec!["--quiet", "--log-level", "debug"], true, false),
    ] {
        let told = denied(&flags);
        assert_eq!(
            told.contains("[file] DEBUG looking"),
            logs,
            "{flags:?}: {told}"
        );
        assert_eq!(
            told.contains("denied fs:read:"),
            denials,
            "{flags:?}: {told}"
        );
    }
    // They may come before the command, and errors are printed whatever they say.
    let failed = tollgate(&["-q", "observe", "no/such.wasm"]);
    assert!(
        String::from_utf8(failed.stderr)
            .unwrap()
            .contains("no/such.wasm")
    );
    assert_eq!(code(&tollgate(&["-q", "-v", "observe", FILE])), 2);
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let (yellow, dim, red, end) = ("\u{1b}[33m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[0m\n");
    assert!(!denied(&["-v"]).contains('\u{1b}'));
    assert!(!denied(&["-v", "--color", "never"]).contains('\u{1b}'));
    let told = denied(&["-v", "--color", "always"]);
    assert!(told.contains(&format!("{dim}[file] DEBUG")), "{told}");
    assert!(
        told.contains(&format!("{yellow}tollgate: denied")),
        "{told}"
    );
    assert_eq!(told.matches(end).count(), 2, "{told}");
    let failed = tollgate(&["observe", "no/such.wasm", "--color", "always"]);
    let told = String::from_utf8(failed.stderr).unwrap();
    assert!(told.starts_with(&format!("{red}tollgate: ")), "{told}");
}

/// On a terminal, which `script` makes.
#[cfg(target_os = "linux")]
#[test]
fn a_terminal_is_coloured_unless_no_color_is_set() {
    let run = |name: &str, value: &str| {
        let program = env!("CARGO_BIN_EXE_tollgate");
        let command = format!("{program} observe no/such.wasm");
        let mut script = Command::new("script");
        script.args(["-q", "-e", "-c", &command, "/dev/null"]);
        script
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .env(name, value);
        script
            .stdin(Stdio::null())
            .output()
            .map(|it| String::from_utf8_lossy(&it.stdout).into_owned())
    };
    let Ok(coloured) = run("NOTHING", "") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "needs script (of bsdutils)"
        );
        return;
    };
    assert!(
        coloured.contains("\u{1b}[31mtollgate: no/such.wasm"),
        "{coloured:?}"
    );
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let plain = run(name, value).unwrap();
        assert!(
            plain.contains("no/such.wasm") && !plain.contains('\u{1b}'),
            "{plain:?}"
        );
    }
}

#[test]
fn a_table_has_a_row_for_each_value() {
    let run = |args: &[&str]| String::from_utf8(tollgate(args).stdout).unwrap();
    let observe = ["observe", FILE, "--config", CONFIG, "--format", "table"];
    let granted = run(&[&observe[..], &["--grant", "fs:read:LICENSE-MIT"]].concat());
    assert!(
        granted.starts_with("status            passed\n"),
        "{granted}"
    );
    assert!(granted.contains("data.size         1077\n"), "{granted}");
    assert!(granted.contains("data.exists       yes\n"), "{granted}");
    let refused = run(&observe);
    assert!(refused.starts_with("status         failed\n"), "{refused}");
    assert!(refused.contains("error.code     EACCES\n"), "{refused}");
    let described = run(&["describe", FILE, "--format", "table"]);
    assert!(
        described.contains("capabilities.0.pattern  read:**\n"),
        "{described}"
    );
    assert!(run(&["schema", FILE, "--format", "table"]).contains("required"));
}

#[test]
fn completions_are_scripts_for_the_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = tollgate(&["completions", shell]);
        assert_eq!(code(&output), 0);
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["observe", "grants-file", "completions"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    assert_eq!(code(&tollgate(&["completions", "csh"])), 2);
    let script = tollgate(&["completions", "bash"]).stdout;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), script).unwrap();
    let asks = r#"source "$0"; COMP_WORDS=(tollgate obs); COMP_CWORD=1; _tollgate tollgate obs tollgate; echo "${COMPREPLY[@]}""#;
    let Ok(bash) = Command::new("bash")
        .args(["-c", asks])
        .arg(file.path())
        .output()
    else {
        return;
    };
    assert_eq!(
        String::from_utf8_lossy(&bash.stdout),
        "observe\n",
        "{bash:?}"
    );
}

#[test]
fn each_command_has_a_manual_page() {
    let page = |args: &[&str]| {
        let output = tollgate(args);
        assert_eq!(code(&output), 0, "{args:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let whole = page(&["man"]);
    assert!(whole.contains(".TH tollgate 1"), "{whole}");
    assert!(whole.contains("Exit codes"), "{whole}");
    let observe = page(&["man", "observe"]);
    assert!(observe.contains(".TH tollgate-observe 1"), "{observe}");
    assert!(observe.contains("grants\\-file"), "{observe}");
    assert_eq!(code(&tollgate(&["man", "fly"])), 2);
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man1");
    page(&["man", "--dir", pages.to_str().unwrap()]);
    for name in ["tollgate", "tollgate-observe", "tollgate-man"] {
        let text = std::fs::read_to_string(pages.join(format!("{name}.1"))).unwrap();
        assert!(text.contains(&format!(".TH {name} 1")), "{text}");
    }
}

#[test]
fn the_version_names_the_engine_and_its_dispatch() {
    let output = tollgate(&["--version"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], concat!("tollgate ", env!("CARGO_PKG_VERSION")));
    assert!(lines[1].starts_with("engine: wasmi 2."), "{text}");
    assert!(
        ["dispatch: portable", "dispatch: fast"].contains(&lines[2]),
        "{text}"
    );
}

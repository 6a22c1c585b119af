//! No text from a guest, a file or an argument reaches a terminal unescaped: no control character, no
//! bidirectional control, no line break. Every command runs with hostile text in every place where text
//! comes from. Needs the feature `cli`.

#![cfg(all(feature = "cli", unix))]

use crate::support;

use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use support::{Guest, data, text_at};

/// What a terminal obeys, what reorders text, a line of its own, and a way out of quotes.
const ODD: &str = "o\u{1b}]0;T\u{7}\u{1b}[2J\r\nFORGED \u{7f}\u{85}\u{9b}31m\u{61c}\u{200e}\u{200f}\
     \u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}\t'; touch PWNED; '\"$(touch PWNED)`";

fn is_unprintable(character: char) -> bool {
    character.is_control()
        || "\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}"
            .contains(character)
}

/// A directory with plugins, transcripts and other files in it.
struct Place {
    directory: tempfile::TempDir,
}

/// What a command printed, all of it looked at.
struct Printed {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Place {
    fn new() -> Place {
        Place {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Runs the program in the directory and looks at every character that it printed.
    fn run(&self, args: &[&str]) -> Printed {
        let output = Command::new(env!("CARGO_BIN_EXE_tollgate"))
            .args(args)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>, which: &str| {
            let text = String::from_utf8(bytes).unwrap();
            for line in text.split('\n') {
                assert!(
                    !line.contains(is_unprintable),
                    "{args:?}: {which}: {line:?}"
                );
                // An indented line is one, too.
                let begins = line.trim_start();
                assert!(!begins.starts_with("FORGED"), "{args:?}: {which}: {line:?}");
            }
            text
        };
        let printed = Printed {
            code: output.status.code().unwrap(),
            stdout: text(output.stdout, "stdout"),
            stderr: text(output.stderr, "stderr"),
        };
        assert!(
            !printed.stdout.is_empty() || !printed.stderr.is_empty(),
            "{args:?} said nothing"
        );
        printed
    }

    /// The same, where the command must end with this code: otherwise it did not come to print
    /// what the test is about.
    fn run_to(&self, code: i32, args: &[&str]) -> Printed {
        let printed = self.run(args);
        assert_eq!(printed.code, code, "{args:?}: {}", printed.stderr);
        printed
    }
}

/// A plugin that says these things of itself, and answers with this.
fn plugin(info: &Value, schema: &str, evidence: &Value) -> Vec<u8> {
    let (info, evidence) = (info.to_string(), evidence.to_string());
    let wat = format!(
        "(module (memory (export \"memory\") 4) {} {} {}
           (func (export \"allocate\") (param i32) (result i32) (i32.const 200000))
           (func (export \"deallocate\") (param i32 i32))
           (func (export \"describe\") (result i64) {})
           (func (export \"schema\") (result i64) {})
           (func (export \"observe\") (param i32 i32) (result i64) {}))",
        data(1024, &info),
        data(65_536, schema),
        data(131_072, &evidence),
        text_at(1024, info.len()),
        text_at(65_536, schema.len()),
        text_at(131_072, evidence.len()),
    );
    wat::parse_str(wat).unwrap()
}

fn hostile_plugin() -> Vec<u8> {
    let info = json!({
        "name": ODD, "version": ODD, "description": ODD,
        "capabilities": [
            {"kind": "fs", "pattern": format!("read:/{ODD}/**")},
            {"kind": "fs", "pattern": format!("{ODD}:/x")},
            {"kind": ODD, "pattern": ODD},
            {"kind": "env", "pattern": ODD},
            {"kind": "exec", "pattern": format!("/{ODD}")},
            {"kind": "custom-kind", "pattern": ODD},
        ],
    });
    let schema = json!({
        "type": "object", "description": ODD, "required": [ODD], ODD: ODD,
        "properties": {
            ODD: {"type": "string", "description": "", "enum": [ODD], "pattern": format!("({ODD}")},
        },
    });
    let evidence = json!({
        "status": true, "raw": ODD, "data": {ODD: ODD, "list": [ODD]},
        "error": {"type": ODD, "code": ODD, "message": ODD},
    });
    // The spaces between the tokens are the plugin's choice, too.
    let schema = schema.to_string().replacen('{', "{\n\r\t", 1);
    plugin(&info, &schema, &evidence)
}

/// A plugin that gives its config to this function.
fn relay(function: &str) -> Vec<u8> {
    Guest::relay(function).bytes()
}

fn odd_file(name: &str) -> String {
    format!("{}.{name}", ODD.replace('/', ""))
}

#[test]
fn what_a_plugin_says_of_itself() {
    let place = Place::new();
    let file = place.write(&odd_file("wasm"), hostile_plugin());
    let json_of =
        |args: &[&str]| -> Value { serde_json::from_str(&place.run_to(0, args).stdout).unwrap() };
    for format in ["json", "pretty"] {
        let info = json_of(&["describe", &file, "--format", format]);
        assert_eq!(info["description"], ODD);
        let schema = json_of(&["schema", &file, "--format", format]);
        assert_eq!(schema["properties"][ODD]["enum"], json!([ODD]));
        place.run_to(0, &["inspect", &file, "--timings", "--format", format]);
        let evidence = json_of(&["observe", &file, "--no-validate", "--format", format]);
        assert_eq!(evidence["data"], json!({ODD: ODD, "list": [ODD]}));
    }
    assert_eq!(
        place.run_to(0, &["schema", &file]).stdout.lines().count(),
        1
    );
    place.run_to(3, &["observe", &file, "--no-validate", "--trust"]);
    // The config is not as the schema says, and the message names keys of both.
    place.run_to(2, &["observe", &file, "--strict"]);
    place.run_to(0, &["observe", &file]);
    let config = json!({ODD: 7}).to_string();
    let said = place.run_to(2, &["observe", &file, "--config", &config]);
    assert!(said.stderr.contains("\\u{1b}"), "{}", said.stderr);
    for format in ["text", "json"] {
        place.run_to(
            1,
            &["check", &file, "--config", &config, "--format", format],
        );
    }
}

#[test]
fn what_a_plugin_does() {
    let place = Place::new();
    let odd_path = format!("/{ODD}");
    for (function, request) in [
        ("fs_read", json!({"path": odd_path})),
        ("fs_list", json!({"path": odd_path})),
        ("fs_stat", json!({"path": odd_path})),
        ("fs_write", json!({"path": odd_path, "content": "x"})),
        ("env_get", json!({"name": ODD})),
        ("exec_run", json!({"command": ODD, "args": [ODD]})),
        (
            "exec_run",
            json!({"command": odd_path, "dir": odd_path, "env": [ODD]}),
        ),
        ("net_connect", json!({"host": ODD, "port": 1})),
        ("tcp_connect", json!({"host": ODD, "port": ODD})),
        (
            "dns_lookup",
            json!({"hostname": ODD, "type": ODD, "nameserver": ODD}),
        ),
        (
            "dns_lookup",
            json!({"hostname": "a.test", "type": "A", "nameserver": ODD}),
        ),
        ("smtp_connect", json!({"host": ODD, "port": 25})),
        (
            "http_request",
            json!({"method": ODD, "url": format!("http://h.test/{ODD}")}),
        ),
        ("http_request", json!({"url": ODD})),
        ("fs_read", json!({"path": 7, ODD: ODD})),
    ] {
        let file = place.write(&odd_file("wasm"), relay(function));
        let config = request.to_string();
        let grants = [
            "fs:read:/srv/a/**",
            "fs:write:/srv/**",
            "env:A",
            "exec:/bin/true",
            "network:outbound:1",
        ];
        let mut args = vec!["observe", &file, "--config", &config, "--audit", "--usage"];
        grants
            .iter()
            .for_each(|grant| args.extend(["--grant", grant]));
        place.run(&args);
        place.run(&["observe", &file, "--config", &config, "--name", ODD]);
        place.run(&["check", &file, "--config", &config]);
    }
    assert!(!place.path("PWNED").exists());
}

#[test]
fn what_a_plugin_logs_and_prints() {
    let place = Place::new();
    let logger = Guest {
        imports: "(import \"reglet_host\" \"log_message\" (func $log (param i64)))",
        observe: format!(
            "(call $log (call $pack (local.get $config) (local.get $len))) {}",
            Guest::default().observe
        ),
        ..Guest::default()
    };
    let file = place.write(&odd_file("wasm"), logger.bytes());
    let config = json!({
        "level": ODD, "message": ODD, "attrs": [{"key": ODD, "type": ODD, "value": ODD}],
    });
    let said = place.run_to(0, &["observe", &file, "--config", &config.to_string()]);
    assert_eq!(said.stderr.lines().count(), 1, "{}", said.stderr);

    let printer = Guest {
        imports: "(import \"wasi_snapshot_preview1\" \"fd_write\"
            (func $write (param i32 i32 i32 i32) (result i32)))",
        observe: format!(
            "(i32.store (i32.const 900) (i32.const 1000))
             (i32.store (i32.const 904) (i32.const {}))
             (drop (call $write (i32.const 2) (i32.const 900) (i32.const 1) (i32.const 908)))
             {}",
            ODD.len(),
            Guest::default().observe
        ),
        more: data(1000, ODD),
        ..Guest::default()
    };
    let file = place.write(&odd_file("wasm"), printer.bytes());
    let said = place.run_to(0, &["observe", &file]);
    // The line that it ended is two, and each says whose it is.
    assert_eq!(said.stderr.matches("] INFO ").count(), 2, "{}", said.stderr);
}

#[test]
fn how_a_plugin_fails() {
    let place = Place::new();
    let answers = |describe: &str| Guest {
        memory: "(memory (export \"memory\") 4)",
        describe: text_at(65_536, describe.len()),
        observe: text_at(65_536, describe.len()),
        more: data(65_536, describe),
        ..Guest::default()
    };
    for answer in [
        ODD.to_owned(),
        format!("\"{ODD}\""),
        json!({"name": 7, ODD: ODD}).to_string(),
        json!({"error": {"type": ODD, "code": ODD, "message": ODD}}).to_string(),
        json!({"name": "a", "version": "1", "min_host_version": ODD}).to_string(),
        json!({"name": "a", "version": "1", "sdk_version": ODD, "capabilities": [ODD]}).to_string(),
    ] {
        let file = place.write(&odd_file("wasm"), answers(&answer).bytes());
        for command in ["describe", "schema", "observe", "inspect", "check"] {
            place.run(&[command, &file]);
        }
        place.run(&["observe", &file, "--trust"]);
    }
    let odd_name: String = ODD.bytes().map(|byte| format!("\\{byte:02x}")).collect();
    for text in [
        format!("(module (import \"{odd_name}\" \"{odd_name}\" (func)))"),
        format!("(module (import \"reglet_host\" \"{odd_name}\" (func)))"),
        format!("(module (memory (export \"memory\") 1) (func (export \"{odd_name}\")))"),
        // The assembler repeats the line that it cannot read.
        format!("(module {ODD})"),
        format!("(module (func (unknown {ODD}"),
        format!("(module (func $\"{odd_name}\" (call $\"{odd_name}x\")))"),
    ] {
        let file = place.write(&odd_file("wat"), text);
        for command in ["describe", "schema", "inspect", "check", "observe"] {
            place.run(&[command, &file]);
        }
        place.run(&["bake", &file, "-o", "baked.wasm"]);
    }
    for bytes in [
        ODD.as_bytes(),
        b"\0asm\x01\0\0\0\0\x05\x04\x1b[2Jx",
        b"\0asm\x0d\0\x01\0",
    ] {
        let file = place.write(&odd_file("wasm"), bytes);
        for command in ["describe", "schema", "inspect", "check", "observe"] {
            place.run(&[command, &file]);
        }
    }
}

#[test]
fn what_recordings_say() {
    let place = Place::new();
    let file = place.write(&odd_file("wasm"), relay("fs_read"));
    let other = place.write("other.wasm", relay("fs_stat"));
    let hostile = place.write("hostile.wasm", hostile_plugin());
    let transcript = place.path(&odd_file("jsonl"));
    let transcript = transcript.to_str().unwrap();
    let config = json!({"path": format!("/{ODD}")}).to_string();
    let name = format!("recorded {ODD}");
    let grant = format!(
        "fs:read:/{}/**",
        ODD.replace(['[', ']', '{', '}', '*', '?', '\\'], "")
    );
    place.run_to(
        0,
        &[
            "observe",
            &file,
            "--name",
            &name,
            "--config",
            &config,
            "--record",
            transcript,
            "--grant",
            &grant,
            "--no-validate",
        ],
    );
    place.run_to(0, &["replay", transcript, "--plugin", &file]);
    // There is no module of the recorded name.
    place.run_to(2, &["replay", transcript]);
    for format in ["json", "pretty"] {
        place.run_to(
            0,
            &[
                "diff",
                &file,
                &file,
                "--transcript",
                transcript,
                "--format",
                format,
            ],
        );
        place.run_to(
            4,
            &[
                "diff",
                &file,
                &other,
                "--transcript",
                transcript,
                "--format",
                format,
            ],
        );
        place.run_to(
            4,
            &[
                "diff",
                &other,
                &file,
                "--transcript",
                transcript,
                "--format",
                format,
            ],
        );
        place.run_to(
            4,
            &["replay", transcript, "--plugin", &other, "--format", format],
        );
        place.run_to(
            4,
            &[
                "replay", transcript, "--plugin", &hostile, "--format", format,
            ],
        );
    }
    // One that says the same, and answers something else.
    place.run_to(
        0,
        &[
            "observe",
            &hostile,
            "--no-validate",
            "--name",
            ODD,
            "--record",
            transcript,
        ],
    );
    let answer = json!({"status": true, "data": {"\u{9b}": ODD}});
    let info = json!({"name": "a", "version": "1"});
    let changed = place.write("changed.wasm", plugin(&info, "{}", &answer));
    for format in ["json", "pretty"] {
        place.run_to(
            4,
            &[
                "replay", transcript, "--plugin", &changed, "--format", format,
            ],
        );
        place.run_to(
            4,
            &[
                "diff",
                &hostile,
                &changed,
                "--transcript",
                transcript,
                "--format",
                format,
            ],
        );
    }
    // Lines that were changed, and headers that are none.
    let good = fs::read_to_string(transcript).unwrap();
    let json_odd = Value::from(ODD).to_string();
    for bad in [
        ODD.to_owned(),
        good.replacen("\"tollgate\":", &format!("{json_odd}:1,\"tollgate\":"), 1),
        good.replacen("\"engine\":\"", "\"engine\":\"\u{9b}", 1),
        good.replacen("\"granted\"", &json_odd, 1),
        format!("{{\"transcript\":{json_odd}}}"),
    ] {
        let bad = place.write("bad\u{9b}\n.jsonl", bad);
        place.run(&["replay", &bad, "--plugin", &file]);
        place.run(&["diff", &file, &file, "--transcript", &bad]);
    }
    place.run_to(2, &["replay", ODD]);
    // A run that failed, with the plugin's own words.
    let failing = place.write("failing.wasm", Guest::answering(ODD).bytes());
    place.run_to(
        3,
        &["observe", &failing, "--name", ODD, "--record", transcript],
    );
    place.run_to(0, &["replay", transcript, "--plugin", &failing]);
}

#[test]
fn what_files_and_arguments_say() {
    let place = Place::new();
    let plugin = place.write("plugin.wasm", Guest::default().bytes());
    let text = Value::from(ODD).to_string();
    for json in [
        ODD.to_owned(),
        text.clone(),
        format!("{{{text}: [{text}]}}"),
        format!("{{{text}: [\"custom-kind:{}\"]}}", "x\u{9b}"),
        format!("{{\"plugin\": {{{text}: 1}}}}"),
        format!("{{\"plugin\": [{{\"kind\": {text}, \"pattern\": {text}}}]}}"),
        format!("{{\"answers\": [{{\"when\": {{{text}: 1}}, {text}: {text}}}]}}"),
        format!("{{\"files\": {{{text}: {text}}}}}"),
    ] {
        let file = place.write(&odd_file("json"), &json);
        place.run(&["observe", &plugin, "--grants-file", &file]);
        place.run(&["observe", &plugin, "--world", &file]);
        place.run(&["observe", &plugin, "--config-file", &file]);
        place.run(&["observe", &plugin, "--config", &json]);
        place.run(&["check", &plugin, "--config", &json]);
        place.run(&["bake", &plugin, "-o", "baked.wasm", "--grants-file", &file]);
    }
    let nowhere = format!(
        "/nowhere/{}",
        ODD.replace(['[', ']', '{', '}', '*', '?', '\\'], "")
    );
    for grant in [
        ODD.to_owned(),
        format!("fs:read:{nowhere}/**"),
        format!("fs:erase:{ODD}"),
        format!("{ODD}:x"),
        "custom-kind:\u{9b}x".to_owned(),
        format!("env:{ODD}"),
        format!("exec:/{ODD}"),
        format!("network:outbound:{ODD}"),
    ] {
        place.run(&["observe", &plugin, "--grant", &grant]);
        place.run(&["bake", &plugin, "-o", "baked.wasm", "--grant", &grant]);
        for json in [&["--json"] as &[&str], &[]] {
            let ask = |args: &[&str]| place.run(&[&["explain"], args, json].concat());
            ask(&[&grant]);
            ask(&[&grant, "fs:read:/x"]);
            ask(&[&format!("fs:read:{nowhere}/**"), &grant]);
            ask(&["fs:read:/x", &grant, "--cwd", ODD]);
        }
    }
    for json in [&["--json"] as &[&str], &[]] {
        place.run(&[&["explain", "--address", ODD], json].concat());
        place.run(&[&["explain", "--exec", ODD, ODD], json].concat());
        place.run(&[&["explain", "--exec", &format!("/bin/{ODD}"), "-c"], json].concat());
    }
    let gone = format!("{ODD}/gone.wasm");
    for args in [
        vec!["describe", ODD],
        vec!["observe", ODD],
        vec!["observe", &plugin, "--config-file", ODD],
        vec!["observe", &plugin, "--grants-file", ODD],
        vec!["observe", &plugin, "--world", ODD],
        vec!["observe", &plugin, "--record", &gone],
        vec!["observe", &plugin, "--redact-env", ODD],
        vec!["observe", &plugin, "--redact-path", ODD],
        vec!["observe", &plugin, "--fuel", ODD],
        vec!["observe", &plugin, "--memory-mb", ODD],
        vec!["observe", &plugin, "--deadline-ms", ODD],
        vec!["observe", &plugin, "--evidence-bytes", ODD],
        vec!["observe", &plugin, "--format", ODD],
        vec!["observe", &plugin, ODD],
        vec!["observe", &plugin, "--unknown\u{1b}[2J\nFORGED"],
        vec!["observe", &plugin, "-\u{9b}"],
        vec![ODD],
        vec!["bake", &plugin, "-o", &gone],
        vec!["new", ODD, "--lang", "c"],
        vec!["new", "plain", "--lang", ODD],
        vec!["new", "plain", "--lang", "rust", "--abi-path", ODD],
        vec!["new", "plain", "--lang", "rust", "--dir", &plugin],
        vec!["new", "plain", "--lang", "c", "--dir", ODD],
        // A second time: it is there already.
        vec!["new", "plain", "--lang", "c", "--dir", ODD],
        vec!["check", ODD],
        vec!["diff", ODD, ODD, "--transcript", ODD],
        vec!["explain"],
        vec!["--help"],
        vec!["--version"],
        vec!["observe", "--help"],
    ] {
        place.run(&args);
    }
    assert!(!place.path("PWNED").exists());
}

/// Controls in a file's name come from whoever may write there, an archive for example.
#[test]
fn a_baked_plugin_says_what_it_was_made_of() {
    let place = Place::new();
    let file = place.write(&odd_file("wasm"), hostile_plugin());
    let baked = place.path(&odd_file("baked"));
    let baked = baked.to_str().unwrap();
    place.run_to(
        0,
        &["bake", &file, "-o", baked, "--grant", "fs:read:/\u{9b}x"],
    );
    place.run_to(0, &["inspect", baked, "--format", "pretty"]);
    place.run_to(0, &["describe", baked]);
}

/// What is suggested for a shell is one word, and that word is what was meant.
#[test]
fn suggested_grants_are_shell_words() {
    let place = Place::new();
    let file = place.write("relay.wasm", relay("fs_read"));
    let path = "/x'; touch PWNED; '\u{1b}c\n\u{202e}y";
    let config = json!({"path": path}).to_string();
    let said = place.run_to(0, &["observe", &file, "--audit", "--config", &config]);
    let mut tried = 0;
    for line in said.stderr.lines() {
        let Some((_, suggested)) = line.split_once("--grant ") else {
            continue;
        };
        let suggested = suggested.trim_end_matches(" (denied)");
        let script = format!("printf %s {suggested}");
        let output = Command::new("sh")
            .args(["-c", &script])
            .current_dir(&place.directory)
            .output()
            .unwrap();
        assert_eq!(
            output.stdout,
            format!("fs:read:{path}").into_bytes(),
            "{line}"
        );
        tried += 1;
    }
    assert_eq!(tried, 2, "{}", said.stderr);
    assert!(!place.path("PWNED").exists());
}

/// The program prints in one place only.
#[test]
fn only_one_module_prints() {
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    assert!(files.len() > 100, "{files:?}");
    for file in files {
        // A build script talks to cargo by printing, and tests may print.
        let is_product =
            !file.ends_with("src/capi/build.rs") && !file.starts_with("src/capi/tests");
        if file.ends_with("src/bin/tollgate/output.rs") || !is_product {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        // Tests may print; they are at the end.
        let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        for line in text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            // Asking prints nothing.
            .filter(|line| !line.contains(".is_terminal()"))
        {
            for printing in [
                "println!",
                "print!(",
                "dbg!",
                "io::stdout",
                "io::stderr",
                "stdout()",
                "stderr()",
            ] {
                assert!(!line.contains(printing), "{}: {line}", file.display());
            }
        }
    }
}

/// An error is printed by people who do not know what is in it: text of others is in a type that
/// displays escaped, and paths are wrapped.
#[test]
fn no_error_holds_plain_text() {
    let mut files = Vec::new();
    sources(Path::new("src"), &mut files);
    let mut found = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for error in text.split("thiserror::Error)]").skip(1) {
            let end = error.find("\n}").unwrap_or(error.len());
            // A struct of one line has no end of its own.
            let end = error.find(");\n").map_or(end, |line| line.min(end));
            let definition = &error[..end];
            found += 1;
            // Hand-written, with a test of its own.
            let by_hand = ["pub struct CapabilityError", "pub struct Divergence"];
            if by_hand.iter().any(|name| definition.contains(name)) {
                continue;
            }
            assert!(
                !definition.contains("String"),
                "{}: {definition}",
                file.display()
            );
            for line in definition
                .lines()
                .filter(|line| line.contains(".display()"))
            {
                assert!(line.contains("Printable("), "{}: {line}", file.display());
            }
        }
    }
    assert!(found >= 15, "{found}");
}

/// Grants are read by programs, too, which print what is wrong with them.
#[test]
fn errors_of_grants_files_are_printable() {
    let odd = Value::from(ODD).to_string();
    for json in [
        format!("{{{odd}: 1}}"),
        format!("{{{odd}: {{{odd}: 1}}}}"),
        format!("{{{odd}: {{\"fs\": {{\"rules\": [{{{odd}: 1}}]}}}}}}"),
        format!("{{{odd}: [{odd}]}}"),
        format!("{{{odd}: [], {odd}: []}}"),
    ] {
        let error = serde_json::from_str::<tollgate::Grants>(&json).unwrap_err();
        assert!(!error.to_string().contains(is_unprintable), "{error}");
    }
}

/// Errors of files are the standard library's, and hold no type of ours.
#[test]
fn errors_of_recording_are_printable() {
    let place = Place::new();
    let target = place.path(&odd_file("jsonl"));
    let there = target.clone();
    let runtime = tollgate::Runtime::builder()
        .on_event(move |_, _| {
            let _ = fs::create_dir(&there);
        })
        .build()
        .unwrap();
    // What it is denied is an event, at which a directory comes to stand in the way.
    let plugin = runtime.load("relay", relay("fs_read")).unwrap();
    let config = tollgate::Config::new().set("path", "/denied");
    let error = plugin.record(&config, &target).unwrap_err().to_string();
    assert!(error.contains("incomplete content"), "{error}");
    assert!(!error.contains(is_unprintable), "{error:?}");
}

#[test]
fn errors_written_by_hand_are_printable() {
    for kind in [
        "fs:read:",
        "network:outbound:",
        "env:",
        "exec:",
        "custom:",
        "",
    ] {
        let text = format!("{kind}{ODD}[");
        if let Err(error) = text.parse::<tollgate::Capability>() {
            assert!(!error.to_string().contains(is_unprintable), "{error}");
        }
    }
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

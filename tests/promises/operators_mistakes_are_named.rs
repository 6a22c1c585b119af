//! What an operator most likely meant otherwise is said: grants that apply to nothing, directories, `~`, limits of a
//! replay, authorities. Needs the feature `cli`.

#![cfg(feature = "cli")]

use crate::{
    authority::Authority,
    support::{Guest, program},
};
use program::code;
use rustls::version::TLS13;
use serde_json::{Value, json};
use std::{fs, io::Read as _, process::Output};

const FILE: &str = "fixtures/file/file.wasm";
const CONFIG: &str = r#"{"path":"LICENSE-MIT"}"#;

fn tollgate(args: &[&str]) -> Output {
    program::tollgate(args).output().unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

#[test]
fn a_grants_file_that_applies_to_nothing_says_so() {
    let place = tempfile::tempdir().unwrap();
    let grants = place.path().join("grants.json");
    let other = place.path().join("checker-1.2.wasm");
    fs::copy(FILE, &other).unwrap();
    let [grants, other] = [&grants, &other].map(|path| path.to_str().unwrap());
    let run = |plugin: &str, content: &str, more: &[&str]| {
        fs::write(grants, content).unwrap();
        let args = [
            "observe",
            plugin,
            "--config",
            CONFIG,
            "--grants-file",
            grants,
        ];
        tollgate(&[&args[..], more].concat())
    };
    let known = r#"{"file":["fs:read:LICENSE-MIT"]}"#;
    let plain = run(FILE, known, &[]);
    assert_eq!((code(&plain), stderr(&plain)), (0, ""));
    let nothing = run(FILE, r#"{"files":["fs:read:LICENSE-MIT"],"b":[]}"#, &[]);
    assert_eq!(code(&nothing), 1);
    assert!(
        stderr(&nothing).contains(r#"note: the grants file has nothing for "file", only for: b, files; choose with --name"#),
        "{}",
        stderr(&nothing)
    );
    // By the name that the plugin describes, where that of its file is not known.
    let described = run(other, known, &[]);
    assert_eq!(code(&described), 0, "{}", stderr(&described));
    assert!(stderr(&described).contains(r#"has no "checker-1.2"; the plugin calls itself "file""#));
    // A name that was given is never replaced.
    let named = run(other, known, &["--name", "checker"]);
    assert_eq!(code(&named), 1);
    assert!(stderr(&named).contains(r#"nothing for "checker""#));
}

#[test]
fn a_grant_of_a_directory_and_of_a_home_is_noted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let run = |grant: &str| tollgate(&["observe", FILE, "--config", CONFIG, "--grant", grant]);
    let grant = format!("fs:read:{path}");
    let hint = format!("fs:read:{path}/** grants what is in it");
    assert!(stderr(&run(&grant)).contains(&hint));
    let explained = tollgate(&["explain", &grant]);
    assert!(String::from_utf8_lossy(&explained.stdout).contains(&hint));
    for plain in [
        format!("fs:read:{path}/**"),
        format!("fs:read:{path}/x"),
        "env:HOME".to_owned(),
    ] {
        assert!(
            !stderr(&run(&plain)).contains("grants what is in it"),
            "{plain}"
        );
    }
    assert!(stderr(&run("fs:write:~/x")).contains("~ is not expanded"));
}

#[test]
fn a_replay_says_how_to_give_it_the_limits_it_needs() {
    let place = tempfile::tempdir().unwrap();
    let transcript = place.path().join("run.jsonl");
    let transcript = transcript.to_str().unwrap();
    let grant = [
        "--grant",
        "fs:read:LICENSE-MIT",
        "--fuel",
        "200G",
        "--record",
        transcript,
    ];
    let recorded = tollgate(&[&["observe", FILE, "--config", CONFIG][..], &grant].concat());
    assert_eq!(code(&recorded), 0, "{}", stderr(&recorded));
    let replay = ["replay", transcript, "--plugin", FILE];
    let refused = tollgate(&replay);
    assert_eq!(code(&refused), 2);
    for words in ["fuel of 200000000000", "fuel of 100000000000", "--fuel"] {
        assert!(stderr(&refused).contains(words), "{}", stderr(&refused));
    }
    let replayed = tollgate(&[&replay[..], &["--fuel", "200G"]].concat());
    assert_eq!(code(&replayed), 0, "{}", stderr(&replayed));
}

/// A plugin that passes its config on to `tcp_connect`.
fn connect(port: u16, more: &[&str]) -> Value {
    let plugin = tempfile::Builder::new().suffix(".wat").tempfile().unwrap();
    fs::write(plugin.path(), Guest::relay("tcp_connect").wat()).unwrap();
    let config =
        json!({"host": "localhost", "port": port.to_string(), "tls": true, "timeout_ms": 5000});
    let config = config.to_string();
    let args = [
        "observe",
        plugin.path().to_str().unwrap(),
        "--config",
        &config,
        "--grant",
        "network:outbound:*",
    ];
    let output = tollgate(&[&args[..], &["--grant", "network:outbound:loopback"], more].concat());
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[test]
fn authorities_come_from_a_file_or_from_the_machine() {
    let authority = Authority::new();
    let wait = |mut stream: crate::authority::ServerStream| {
        let _ = stream.read(&mut [0; 64]);
    };
    let port = authority.serve("localhost", vec![&TLS13], wait);
    let pem = tempfile::NamedTempFile::new().unwrap();
    fs::write(pem.path(), authority.pem()).unwrap();
    let pem = pem.path().to_str().unwrap();
    let trusted = connect(port, &["--ca-file", pem]);
    assert_eq!(trusted["data"]["connected"], true, "{trusted}");
    let stranger = connect(port, &[]);
    let message = stranger["data"]["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("no trusted authority issued") && message.contains("--ca-file"),
        "{message}"
    );
    for (args, words) in [
        (vec!["--ca-file", "no/such.pem"], "no/such.pem"),
        (vec!["--ca-file", "Cargo.toml"], "no certificate"),
        (vec!["--ca-file", pem, "--ca-system"], "cannot be used with"),
    ] {
        let output = tollgate(&[&["observe", FILE][..], &args].concat());
        assert_eq!(code(&output), 2, "{args:?}");
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
    // The machine's authorities: here those of a file that the variable names.
    let mut command = program::tollgate(&["observe", FILE, "--config", CONFIG, "--ca-system"]);
    let output = command
        .env("SSL_CERT_FILE", pem)
        .env_remove("SSL_CERT_DIR")
        .output()
        .unwrap();
    assert_eq!(code(&output), 1, "{}", stderr(&output));
}

//! The transcripts in `tests/transcripts/` were recorded once, and every build of tollgate replays
//! them: the same effects, fuel and final memory, and the same bytes when they are recorded again.
//! `builds.sh` runs this in different builds, `systems.sh` on other systems; both read
//! the lines it prints. With `TOLLGATE_UPDATE=1` it records all transcripts again.

use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::PathBuf};
use tollgate::{
    Config, FuelLimit, Inspection, Limits, Plugin, Runtime,
    effect::CommandOutput,
    replay::{Replay, assert_with},
    world::Simulated,
};

/// A run that is kept as `tests/transcripts/NAME.jsonl`, of the fixture PLUGIN.
struct Run {
    name: &'static str,
    plugin: &'static str,
    grants: &'static [&'static str],
    fuel: Option<u64>,
    config: Value,
}

const READ: &[&str] = &["fs:read:/data", "fs:read:/data/**"];
const WRITE: &[&str] = &["fs:read:/data/**", "fs:write:/data/**"];

/// Reads, writes, clocks, random numbers, the network, commands; and runs that fail.
fn runs() -> Vec<Run> {
    let run = |name, plugin, grants, config| Run {
        name,
        plugin,
        grants,
        fuel: None,
        config,
    };
    vec![
        run(
            "file",
            "file",
            READ,
            json!({ "path": "/data/link", "hash": true, "read_content": true }),
        ),
        run("file-denied", "file", &[], json!({ "path": "/data/text" })),
        run(
            "go-file",
            "go-file",
            READ,
            json!({ "op": "read", "path": "/data/link" }),
        ),
        run(
            "go-file-walk",
            "go-file",
            READ,
            json!({ "op": "walk", "path": "/data" }),
        ),
        run(
            "go-file-edit",
            "go-file",
            WRITE,
            json!({ "op": "edit", "path": "/data/new" }),
        ),
        run(
            "go-file-random",
            "go-file",
            &[],
            json!({ "op": "random", "amount": 40 }),
        ),
        run(
            "go-file-sleep",
            "go-file",
            &[],
            json!({ "op": "sleep", "amount": 250 }),
        ),
        run(
            "go-file-fatal",
            "go-file",
            &[],
            json!({ "op": "fatal", "content": "nobody recovers this" }),
        ),
        run(
            "c-file",
            "c-file",
            READ,
            json!({ "op": "read", "path": "/data/text" }),
        ),
        run(
            "c-file-write",
            "c-file",
            WRITE,
            json!({ "op": "write", "path": "/data/text", "content": "one more line" }),
        ),
        Run {
            fuel: Some(70_000),
            ..run(
                "c-file-out-of-fuel",
                "c-file",
                READ,
                json!({ "op": "read", "path": "/data/text" }),
            )
        },
        run("as-file", "as-file", READ, json!({ "path": "/data/link" })),
        run("env", "env", &["env:LANG"], json!({ "name": "LANG" })),
        run(
            "exec",
            "exec",
            &["exec:/bin/date"],
            json!({ "command": "/bin/date", "args": ["-u"] }),
        ),
        run(
            "net",
            "net",
            &["network:outbound:example.com:7"],
            json!({ "host": "example.com", "port": 7, "send": "hello", "receive": 16 }),
        ),
        run("numbers", "numbers", &[], json!({})),
    ]
}

fn world() -> Simulated {
    let ran = CommandOutput {
        stdout: b"Thu Jan  1 00:00:00 UTC 2026\n".to_vec(),
        ..CommandOutput::default()
    };
    Simulated::new()
        .seed(6)
        .file("/data/text", "some text\n".repeat(100))
        .file("/data/bytes", [0xff, 0xfe, 0x00].repeat(300))
        .link("/data/link", "bytes")
        .file("/data/deep/er/a", "a")
        .file("/data/deep/b", "b")
        .variable("LANG", "C.UTF-8")
        .command("/bin/date", &["-u"], ran)
        .host("example.com", ["93.184.215.14".parse().unwrap()])
        .exchange("example.com", 7, "hello to you")
}

impl Run {
    fn path(&self) -> PathBuf {
        PathBuf::from(format!("tests/transcripts/{}.jsonl", self.name))
    }

    fn load(&self) -> Plugin {
        let module = match self.plugin {
            "numbers" => wat::parse_file("fixtures/wat/numbers.wat").unwrap(),
            name => fs::read(format!("fixtures/{name}/{name}.wasm")).unwrap(),
        };
        let world = world();
        // The defaults of the time when the transcripts were recorded.
        let limits = Limits {
            fuel: FuelLimit::Units(100_000_000_000),
            result_bytes: 16 << 20,
            ..Limits::default()
        };
        let mut builder = Runtime::deterministic(6)
            .limits(limits)
            .world(move || world.clone());
        for grant in self.grants {
            builder = builder.grant(self.plugin, grant.parse().unwrap());
        }
        if let Some(units) = self.fuel {
            builder = builder.fuel(FuelLimit::Units(units));
        }
        builder.build().unwrap().load(self.plugin, &module).unwrap()
    }
}

/// Whether the transcripts are being recorded anew, and the files are not all there yet.
fn updating() -> bool {
    std::env::var_os("TOLLGATE_UPDATE").is_some_and(|value| value == "1")
}

/// A transcript without the version of tollgate, which the header tells, and the header's check.
fn without_version(text: &str) -> (Value, &str) {
    let (header, rest) = text.split_once('\n').unwrap();
    let mut header: Value = serde_json::from_str(header).unwrap();
    assert!(header["tollgate"].take().is_string());
    assert!(header["check"].take().is_string());
    (header, rest)
}

#[test]
fn every_run_replays_and_is_recorded_the_same() {
    let order = if cfg!(target_endian = "big") {
        "big"
    } else {
        "little"
    };
    let echo = wat::parse_str(include_str!("../../fixtures/wat/echo.wat")).unwrap();
    let dispatch = Inspection::new(&echo, &Limits::default()).unwrap().dispatch;
    println!(
        "build: {} {} dispatch, {order}-endian {}",
        if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        },
        dispatch,
        std::env::consts::ARCH
    );
    for run in runs() {
        let (name, path) = (run.name, run.path());
        assert!(updating() || path.exists(), "{path:?} is not there");
        let plugin = run.load();
        let config = Config::try_from(run.config).unwrap();
        // Compares the effects, the fuel at each, the evidence, what was used and the final memory.
        assert_with(&path, &plugin, &config);

        let kept = fs::read_to_string(&path).unwrap();
        let again = plugin.observe_recorded(&config, Vec::new()).unwrap();
        let again = String::from_utf8(again.sink).unwrap();
        let (kept, again) = (without_version(&kept), without_version(&again));
        assert_eq!(kept, again, "{name}");

        // The figures of this very build, for those who compare builds.
        let end: Value = serde_json::from_str(again.1.lines().last().unwrap()).unwrap();
        println!(
            "run: {name} {} {} {}",
            end["initialization"]["fuel"],
            end["usage"]["fuel"],
            end["memory"].as_str().unwrap()
        );
    }
}

#[test]
fn runs_that_fail_are_among_them() {
    if updating() {
        return;
    }
    for (name, end) in [
        ("c-file-out-of-fuel", "ran out of fuel"),
        ("go-file-fatal", "trapped"),
        ("file-denied", "permission denied"),
    ] {
        let text = fs::read_to_string(format!("tests/transcripts/{name}.jsonl")).unwrap();
        let last = text.lines().last().unwrap();
        assert!(last.contains(end), "{name}: {last}");
    }
}

#[test]
fn every_transcript_is_small_and_of_a_run_named_here() {
    if updating() {
        return;
    }
    let expected: BTreeSet<_> = runs().iter().map(Run::path).collect();
    let mut found = BTreeSet::new();
    for entry in fs::read_dir("tests/transcripts").unwrap() {
        let path = entry.unwrap().path();
        assert!(fs::metadata(&path).unwrap().len() < 100_000, "{path:?}");
        assert!(!Replay::open(&path).unwrap().module().is_empty());
        found.insert(path);
    }
    assert_eq!(found, expected);
}

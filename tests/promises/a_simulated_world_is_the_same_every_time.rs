//! The same plugin in the same simulated world gives the same evidence, fuel and log on every run, in
//! every language and for every function.

use crate::support::tenth;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tollgate::{
    Config, Observation, Plugin, Runtime, abi::rfc3339, effect::CommandOutput, world::Simulated,
};

const GO_FILE: &[u8] = include_bytes!("../../fixtures/go-file/go-file.wasm");
const C_FILE: &[u8] = include_bytes!("../../fixtures/c-file/c-file.wasm");
const AS_FILE: &[u8] = include_bytes!("../../fixtures/as-file/as-file.wasm");
const FILE: &[u8] = include_bytes!("../../fixtures/file/file.wasm");
const ENV: &[u8] = include_bytes!("../../fixtures/env/env.wasm");
const EXEC: &[u8] = include_bytes!("../../fixtures/exec/exec.wasm");
const NET: &[u8] = include_bytes!("../../fixtures/net/net.wasm");

fn world() -> Simulated {
    let uname = CommandOutput {
        stdout: b"6.1.0\n".to_vec(),
        duration: Duration::from_millis(3),
        ..CommandOutput::default()
    };
    let mut world = Simulated::new()
        .seed(7)
        .variable("PATH", "/bin")
        .variable("HOME", "/home/me")
        .file("/data/text", "some text\n")
        .link("/data/link", "text")
        .host("example.com", ["93.184.215.14".parse().unwrap()])
        .exchange("example.com", 80, "hello")
        .command("/bin/uname", &["-r"], uname);
    for number in 0..50 {
        world = world.file(&format!("/data/many/{number}"), format!("{number}"));
    }
    world
}

/// A plugin that may do everything in this world, and all that it logs.
fn load(wasm: &[u8], world: Simulated) -> (Plugin, Arc<Mutex<Vec<String>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = lines.clone();
    let mut builder = Runtime::builder()
        .world(move || world.clone())
        .on_event(move |_, event| sink.lock().unwrap().push(format!("{event:?}")));
    for grant in [
        "fs:read:/**",
        "fs:write:/**",
        "env:*",
        "network:outbound:*",
        "exec:/bin/uname",
        "exec:uname",
    ] {
        builder = builder.grant("plugin", grant.parse().unwrap());
    }
    let plugin = builder.build().unwrap().load("plugin", wasm).unwrap();
    // What initialisation logs is told once, and not with each call.
    plugin.init_usage().unwrap();
    lines.lock().unwrap().clear();
    (plugin, lines)
}

fn observe(plugin: &Plugin, config: &str) -> Observation {
    let config: Config = config.parse().unwrap();
    plugin
        .observe(&config)
        .unwrap_or_else(|error| panic!("{config:?}: {error}"))
}

fn is_the_same_every_time(wasm: &[u8], configs: &[&str]) {
    let run = |plugin: &Plugin, lines: &Mutex<Vec<String>>| {
        let all: Vec<String> = configs
            .iter()
            .map(|config| {
                let Observation {
                    evidence, usage, ..
                } = observe(plugin, config);
                serde_json::to_string(&(evidence, usage)).unwrap()
            })
            .collect();
        (all, std::mem::take(&mut *lines.lock().unwrap()))
    };
    let (plugin, lines) = load(wasm, world());
    let first = run(&plugin, &lines);
    let runs = tenth(100);
    for number in 1..runs {
        // Four times with everything made anew.
        let again = if number % (runs / 5) == 0 {
            let (plugin, lines) = load(wasm, world());
            run(&plugin, &lines)
        } else {
            run(&plugin, &lines)
        };
        assert_eq!(first, again, "run {number}");
    }
}

#[test]
fn for_go() {
    is_the_same_every_time(
        GO_FILE,
        &[
            r#"{"op":"walk","path":"/data"}"#,
            r#"{"op":"random","amount":20}"#,
            r#"{"op":"sleep","amount":30000}"#,
            r#"{"op":"write","path":"/data/new","content":"x"}"#,
            r#"{"op":"env"}"#,
        ],
    );
}

#[test]
fn for_rust() {
    let read = r#"{"path":"/data/link","read_content":true,"hash":true}"#;
    is_the_same_every_time(FILE, &[read, r#"{"path":"/none"}"#]);
    is_the_same_every_time(ENV, &[r#"{"name":"HOME"}"#]);
    is_the_same_every_time(EXEC, &[r#"{"command":"uname","args":["-r"]}"#]);
    is_the_same_every_time(NET, &[r#"{"host":"example.com","port":80,"receive":100}"#]);
}

#[test]
fn for_c_and_assemblyscript() {
    is_the_same_every_time(
        C_FILE,
        &[
            r#"{"op":"read","path":"/data/text"}"#,
            r#"{"op":"list","path":"/data/many"}"#,
            r#"{"op":"write","path":"/data/new","content":"x"}"#,
        ],
    );
    is_the_same_every_time(AS_FILE, &[r#"{"op":"read","path":"/data/link"}"#]);
}

/// What the above would not notice if nothing of it came from the world.
#[test]
fn and_it_is_that_world() {
    let go =
        |world: Simulated, config: &str| observe(&load(GO_FILE, world).0, config).evidence.data;
    let random = r#"{"op":"random","amount":16}"#;
    let seven = go(world(), random)["bytes"].clone();
    assert_eq!(seven.as_str().unwrap().len(), 32);
    assert_ne!(go(world().seed(8), random)["bytes"], seven);
    let start = rfc3339::parse("2040-01-01T00:00:00Z").unwrap();
    let later = go(world().start(start), r#"{"op":"time"}"#);
    assert_eq!(later["unix"], start.seconds);
    let slept = go(
        world().step(Duration::ZERO),
        r#"{"op":"sleep","amount":30000}"#,
    );
    assert_eq!(slept["slept_ms"], 30_000);
    let run = |wasm, config| observe(&load(wasm, world()).0, config).evidence.data;
    let net = run(NET, r#"{"host":"example.com","port":80,"receive":100}"#);
    assert_eq!(net["received"], "hello", "{net:?}");
    assert_eq!(
        run(EXEC, r#"{"command":"uname","args":["-r"]}"#)["stdout"],
        "6.1.0\n"
    );
    assert_eq!(run(ENV, r#"{"name":"HOME"}"#)["value"], "/home/me");
}

#[test]
fn a_deterministic_runtime_is_one_call() {
    let random = |seed: u64| {
        let runtime = Runtime::deterministic(seed).build().unwrap();
        let plugin = runtime.load("go", GO_FILE).unwrap();
        let seen = observe(&plugin, r#"{"op":"random","amount":16}"#);
        (seen.evidence.data["bytes"].clone(), seen.usage)
    };
    assert_eq!(random(1), random(1));
    assert_ne!(random(1).0, random(2).0);
}

/// The logs are compared above; that there are some is said here.
#[test]
fn what_is_logged_is_seen() {
    let (plugin, lines) = load(GO_FILE, world());
    observe(&plugin, r#"{"op":"print","content":"line\n"}"#);
    assert!(
        lines
            .lock()
            .unwrap()
            .iter()
            .any(|line| line.contains("line"))
    );
}

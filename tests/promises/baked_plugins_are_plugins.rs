//! `tollgate bake` writes an initialised plugin as a module. It answers and costs what the original
//! does, and the same module and grants give the same bytes. Its custom section saves work but grants
//! nothing. Needs the feature `cli`.

#![cfg(feature = "cli")]

use crate::support;

use proptest::prelude::*;
use std::{fs, path::Path};
use support::Guest;
use tollgate::{
    BakeError, Config, Error, ForkPolicy, Inspection, Limits, Plugin, Runtime, Unforkable,
    abi::sha256,
    effect::{Answer, Effect, Refusal},
    gate::{Checkpoint, Permitted},
    world::World,
};

const GO: &[u8] = include_bytes!("../../fixtures/go-file/go-file.wasm");

fn load(bytes: &[u8]) -> Plugin {
    let runtime = Runtime::builder().deterministic_init(7).build().unwrap();
    runtime.load("plugin", bytes).unwrap()
}

fn digest(bytes: &[u8]) -> String {
    sha256::hex(&sha256::digest(bytes))
}

/// A plugin that counts how often it was initialised, and calls its own `_initialize` as well.
fn counting() -> Guest {
    let answer = "{\"status\":true,\"data\":{\"n\":0,\"x\":1}}";
    Guest {
        observe: format!(
            "(call $init)
             (i32.store8 (i32.const {}) (i32.add (i32.const 48) (global.get $n)))
             (call $pack (i32.const 512) (i32.const {}))",
            512 + answer.find('0').unwrap(),
            answer.len()
        ),
        more: format!(
            "(global $n (mut i32) (i32.const 0))
             (func $init (export \"_initialize\")
               (global.set $n (i32.add (global.get $n) (i32.const 1)))
               (i32.store (i32.const 100000) (i32.const -1)))
             (func $start (global.set $n (i32.const 2)) (drop (memory.grow (i32.const 3))))
             (start $start) {}",
            support::data(512, answer)
        ),
        ..Guest::default()
    }
}

#[test]
fn a_baked_plugin_is_not_initialised_again() {
    let original = counting().bytes();
    let plugin = load(&original);
    let baked = load(&plugin.bake().unwrap());
    let seen = plugin.observe(&Config::new()).unwrap();
    assert_eq!(seen, baked.observe(&Config::new()).unwrap());
    assert_eq!(seen, baked.observe(&Config::new()).unwrap());
    // Start function 2, initialisation 3, and the call of the guest's own 4.
    assert_eq!(seen.evidence.data["n"], 4);
    assert!(plugin.init_usage().unwrap().fuel > 10 + baked.init_usage().unwrap().fuel);
    assert_eq!(seen.usage.peak_memory_pages, 5);
}

/// A world in which it is always the same time.
struct Still;

impl World for Still {
    fn perform(&mut self, effect: &Effect, gate: &Checkpoint<'_>) -> Result<Permitted, Refusal> {
        let answer = match effect {
            Effect::Now { .. } => Answer::Time(1_000_000_000),
            Effect::Random { length } => Answer::Bytes(vec![7; *length as usize]),
            Effect::Variables => Answer::Variables(Vec::new()),
            other => panic!("{other:?}"),
        };
        Ok(gate.granted()?.answer(answer))
    }

    fn real_name(&self, _path: &str) -> Option<String> {
        None
    }

    fn working_directory(&self) -> String {
        "/still".into()
    }
}

#[test]
fn a_baked_go_plugin_answers_and_costs_the_same() {
    let still = |bytes| {
        let runtime = Runtime::builder().world(|| Still).build().unwrap();
        runtime.load("plugin", bytes).unwrap()
    };
    let original = still(GO);
    let bytes = original.bake().unwrap();
    let baked = still(&bytes);
    assert_eq!(baked.describe().unwrap(), original.describe().unwrap());
    assert_eq!(
        baked.schema().unwrap().raw(),
        original.schema().unwrap().raw()
    );
    for op in ["time", "print", "random"] {
        let config = Config::new().set("op", op).set("content", "line");
        let seen = baked.observe(&config).unwrap();
        assert_eq!(seen, original.observe(&config).unwrap(), "{op}");
    }
    let inspection = Inspection::new(&bytes, &Limits::default()).unwrap();
    assert_eq!(inspection.sha256, digest(&bytes));
    let claims = inspection.baked.unwrap();
    assert_eq!(claims.original, digest(GO));
    assert_eq!(claims.fuel, original.init_usage().unwrap().fuel);
    assert_eq!(inspection.unforkable, None);
}

#[test]
fn baking_twice_gives_the_same_bytes() {
    for bytes in [GO.to_vec(), counting().bytes()] {
        let first = load(&bytes).bake().unwrap();
        assert!(first == load(&bytes).bake().unwrap());
    }
    let other = Runtime::builder().deterministic_init(8).build().unwrap();
    let other = other.load("plugin", GO).unwrap().bake().unwrap();
    assert!(load(GO).bake().unwrap() != other, "chance has another seed");
}

#[test]
fn what_it_was_granted_is_written_down() {
    let runtime = Runtime::builder()
        .deterministic_init(1)
        .grant("plugin", "env:HOME".parse().unwrap());
    let plugin = runtime.build().unwrap().load("plugin", counting().bytes());
    let bytes = plugin.unwrap().bake().unwrap();
    let claims = Inspection::new(&bytes, &Limits::default()).unwrap().baked;
    assert_eq!(claims.unwrap().grants, ["env:HOME"]);
}

fn problem(plugin: &Plugin) -> BakeError {
    match plugin.bake() {
        Err(Error::Bake { plugin, problem }) if plugin == "plugin" || plugin == "odd" => problem,
        other => panic!("{:?}", other.map(|bytes| bytes.len())),
    }
}

#[test]
fn what_cannot_be_baked_is_refused_with_its_reason() {
    let baked = load(&load(&counting().bytes()).bake().unwrap());
    assert_eq!(problem(&baked), BakeError::AlreadyBaked);
    let never = Runtime::builder()
        .fork_policy(ForkPolicy::Never)
        .build()
        .unwrap();
    assert_eq!(problem(&counting().load_in(&never)), BakeError::NeverForked);
    let tables = Guest {
        more: "(table 1 funcref) (func (table.set (i32.const 0) (ref.null func)))".into(),
        ..Guest::default()
    };
    assert_eq!(
        problem(&tables.load()),
        BakeError::Unforkable(Unforkable::WritesTables)
    );
    let half_a_line = Guest {
        imports: "(import \"wasi_snapshot_preview1\" \"fd_write\"
            (func $write (param i32 i32 i32 i32) (result i32)))",
        more: format!(
            "(func (export \"_initialize\")
               (drop (call $write (i32.const 1) (i32.const 600) (i32.const 1) (i32.const 620)))) {}",
            support::data(600, b"\0\x02\0\0\x03\0\0\0")
        ),
        ..Guest::default()
    };
    assert_eq!(problem(&half_a_line.load()), BakeError::HostState);
}

/// The section is read as far as a megabyte, so no more is written.
#[test]
fn long_answers_are_asked_for_and_long_lists_of_grants_refused() {
    let info = format!(
        "{{\"name\":\"odd\",\"version\":\"1\",\"description\":\"{}\"}}",
        "x".repeat(1 << 20)
    );
    let guest = Guest {
        memory: "(memory (export \"memory\") 32)",
        describe: support::text_at(65_536, info.len()),
        more: support::data(65_536, &info),
        ..Guest::default()
    };
    let bytes = load(&guest.bytes()).bake().unwrap();
    let claims = Inspection::new(&bytes, &Limits::default()).unwrap().baked;
    assert_eq!(claims.unwrap().original, digest(&guest.bytes()));
    let described = load(&bytes).describe().unwrap();
    assert_eq!(described.description.len(), 1 << 20);

    let mut builder = Runtime::builder();
    for number in 0..1100 {
        let grant = format!("fs:read:/{number}/{}", "x".repeat(1000));
        builder = builder.grant("plugin", grant.parse().unwrap());
    }
    let plugin = builder.build().unwrap().load("plugin", counting().bytes());
    assert_eq!(problem(&plugin.unwrap()), BakeError::ManyGrants);
}

/// The section of a baked module, and where it begins.
fn section(bytes: &[u8]) -> (usize, String) {
    let name = b"tollgate.baked";
    let at = bytes
        .windows(name.len())
        .rposition(|part| part == name)
        .unwrap()
        + name.len();
    (at, String::from_utf8(bytes[at..].to_vec()).unwrap())
}

#[test]
fn what_it_says_of_itself_is_believed_as_its_own_words_and_no_further() {
    let original = counting().bytes();
    let honest = load(&original).bake().unwrap();
    let (at, text) = section(&honest);
    let with = |from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        assert!(text.contains(from), "{text}");
        let mut lying = honest[..at].to_vec();
        lying.extend_from_slice(text.replace(from, to).as_bytes());
        lying
    };
    // Another name of itself: it could as well have answered with it.
    let lying = load(&with("\\\"odd\\\"", "\\\"eve\\\""));
    assert_eq!(lying.describe().unwrap().name, "eve");
    // An answer that is none: it is asked.
    let broken = load(&with("{\\\"name\\\"", "[\\\"name\\\""));
    assert_eq!(broken.describe().unwrap().name, "odd");
    // Another origin: it is told as what the file says, and the digest is the file's own.
    let (mine, other) = (digest(&original), "0".repeat(64));
    let lying = with(&mine, &other);
    let inspection = Inspection::new(&lying, &Limits::default()).unwrap();
    assert_eq!(inspection.sha256, digest(&lying));
    assert_eq!(inspection.baked.unwrap().original, other);
    // Another format: it is a module like others.
    let strange = with("\"format\":1", "\"format\":2");
    assert!(
        Inspection::new(&strange, &Limits::default())
            .unwrap()
            .baked
            .is_none()
    );
    assert_eq!(load(&strange).describe().unwrap().name, "odd");
}

/// What a module says of itself changes nothing about how it is read.
#[test]
fn a_function_that_is_wrong_is_refused() {
    // Valid but for one function: an i64 where an i32 must be.
    let honest = counting();
    let original = Guest {
        more: format!(
            "{} (func $wrong (result i32) (i32.const 2044))",
            honest.more
        ),
        ..honest
    };
    let mut bytes = load(&original.bytes()).bake().unwrap();
    let body = [0x41, 0xFC, 0x0F, 0x0B];
    let at = bytes.windows(4).position(|part| part == body).unwrap();
    bytes[at] = 0x42;
    let runtime = Runtime::new().unwrap();
    let refused = runtime.load("plugin", &bytes).map(|_| ()).unwrap_err();
    assert!(refused.report().contains("type mismatch"), "{refused}");
}

fn tollgate(args: &[&str]) -> (Option<i32>, String, String) {
    let output = support::program::tollgate(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn the_command_line_bakes() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (original, baked, again) = (at("c.wat"), at("c.wasm"), at("d.wasm"));
    fs::write(&original, counting().wat()).unwrap();
    let (code, report, errors) = tollgate(&["bake", &original, "-o", &baked]);
    assert_eq!(code, Some(0), "{errors}");
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let bytes = fs::read(&baked).unwrap();
    assert_eq!(report["original"], digest(&counting().bytes()));
    assert_eq!(report["sha256"], digest(&bytes));
    assert_eq!(report["size"], bytes.len());
    assert!(report["init_fuel"].as_u64().unwrap() > 0);
    assert_eq!(
        tollgate(&["bake", &original, "--output", &again]).0,
        Some(0)
    );
    assert!(bytes == fs::read(&again).unwrap());
    assert_eq!(
        tollgate(&["describe", &baked]),
        tollgate(&["describe", &original])
    );
    let (code, _, errors) = tollgate(&["bake", &baked, "-o", &again]);
    assert_eq!(code, Some(3));
    assert!(errors.contains("baked already"), "{errors}");
    let nowhere = Path::new(&at("no")).join("where");
    assert_eq!(
        tollgate(&["bake", &original, "-o", nowhere.to_str().unwrap()]).0,
        Some(2)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::support::tenth(64), failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done to a baked module, it is loaded or refused, and then runs within limits.
    #[test]
    fn no_bytes_do_harm(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let mut bytes = load(&counting().bytes()).bake().unwrap();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let runtime = Runtime::builder().fuel(1_000_000).build().unwrap();
        if let Ok(plugin) = runtime.load("plugin", &bytes) {
            let _ = plugin.describe();
            let _ = plugin.observe(&Config::new());
            let _ = plugin.observe(&Config::new());
            let _ = plugin.bake();
        }
    }
}

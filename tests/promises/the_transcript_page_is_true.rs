//! The page on the format of transcripts is correct: its example is a real recording that replays, and
//! it lists every effect, answer, limit and field.

use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs};
use tollgate::{
    Config, Limits, Runtime,
    effect::{Answer, Effect},
    replay::Replay,
    world::Simulated,
};

const PAGE: &str = include_str!("../../src/replay/transcript.md");
const AS_FILE: &[u8] = include_bytes!("../../fixtures/as-file/as-file.wasm");

/// The example, as it stands on the page.
fn example() -> &'static str {
    let (_, from) = PAGE.split_once("```jsonl\n").unwrap();
    from.split_once("```").unwrap().0
}

/// Whether the page has `word` as code, by itself or as the beginning of it.
fn tells(word: &str) -> bool {
    [format!("`{word}`"), format!("`{word}.")]
        .iter()
        .any(|code| PAGE.contains(code.as_str()))
}

#[test]
fn the_example_is_the_committed_transcript_and_replays() {
    let committed = fs::read_to_string("examples/transcripts/as-file.jsonl").unwrap();
    assert_eq!(example(), committed);
    let replay = Replay::read(example()).unwrap();
    let runtime = replay.runtime().build().unwrap();
    let plugin = runtime.load("as-file", AS_FILE).unwrap();
    assert!(replay.run(&plugin).unwrap().evidence().unwrap().status);
}

#[test]
fn checks_are_made_as_the_page_says() {
    let begin = 0xcbf2_9ce4_8422_2325_u64;
    assert!(PAGE.contains(&format!("{begin:x}")) && PAGE.contains("`100000001b3`"));
    for line in example().lines() {
        let (before, check) = line.split_once(",\"check\":\"").unwrap();
        let mut bytes = before.as_bytes().to_vec();
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        let words = bytes
            .chunks(8)
            .map(|word| u64::from_le_bytes(word.try_into().unwrap()));
        let hash = [before.len() as u64]
            .into_iter()
            .chain(words)
            .fold(begin, |hash, word| {
                (hash ^ word).wrapping_mul(0x0100_0000_01b3)
            });
        assert_eq!(check, format!("{hash:016x}\"}}"));
    }
}

#[test]
fn each_effect_and_answer_is_on_the_page() {
    let nonsense = || json!({ "nonsense": {} });
    for error in [
        Effect::deserialize(nonsense()).unwrap_err(),
        Answer::deserialize(nonsense()).unwrap_err(),
    ] {
        // "unknown variant `nonsense`, expected one of `open`, `close`, …"
        let error = error.to_string();
        let (_, known) = error.split_once("expected one of").unwrap();
        let names: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        assert!(names.len() > 10, "{error}");
        for name in names {
            assert!(tells(name), "{name}");
        }
    }
}

#[test]
fn each_field_of_each_kind_of_line_is_on_the_page() {
    // Large bytes, a pinned grant and a function of the embedder's, for all that may be left out.
    let world = Simulated::new()
        .file("/data/large", "x".repeat(5000))
        .link("/to", "data");
    let runtime = Runtime::deterministic(1)
        .world(move || world.clone())
        .grant("as-file", "fs:read:/to/**".parse().unwrap())
        .host_function("store", "get", "kv", |key: String, _| Ok(key))
        .build()
        .unwrap();
    let plugin = runtime.load("as-file", AS_FILE).unwrap();
    let config = Config::new().set("path", "/to/large");
    let recording = plugin.observe_recorded(&config, Vec::new()).unwrap();
    assert!(recording.outcome.unwrap().evidence.status);
    let text = String::from_utf8(recording.sink).unwrap();
    let mut fields = BTreeSet::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        fields.extend(line.as_object().unwrap().keys().cloned());
    }
    for kind in ["functions", "pinned", "blob", "index", "end"] {
        assert!(fields.contains(kind), "nothing has the field {kind}");
    }
    for field in fields {
        assert!(tells(&field), "{field}");
    }
    // The page leaves the limits to their own documentation, and shows them in its example.
    let limits = serde_json::to_value(Limits::default()).unwrap();
    for limit in limits.as_object().unwrap().keys() {
        assert!(example().contains(&format!("\"{limit}\":")), "{limit}");
    }
}

//! A change to any byte of a recorded effect, or of the plugin, is reported at the effect where it
//! matters. None of many changes is missed, and none causes a panic.

use crate::support::tenth;
use proptest::test_runner::{Config as Seeds, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;
use std::fs;
use tempfile::TempDir;
use tollgate::{
    Config, Plugin, Runtime,
    replay::{Divergence, Replay, ReplayError},
};

const FILE: &[u8] = include_bytes!("../../fixtures/file/file.wasm");
const C_FILE: &[u8] = include_bytes!("../../fixtures/c-file/c-file.wasm");

/// A plugin that may read a directory with one file.
fn plugin(wasm: &[u8], path: &str) -> Option<Plugin> {
    let runtime = Runtime::builder()
        .grant("changed", format!("fs:read:{path}/**").parse().unwrap())
        .fuel(3_000_000)
        .build()
        .unwrap();
    runtime.load("changed", wasm).ok()
}

fn directory() -> (TempDir, String) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().canonicalize().unwrap();
    fs::write(
        path.join("a"),
        "some text that is read in parts\n".repeat(20),
    )
    .unwrap();
    (directory, path.to_str().unwrap().to_owned())
}

fn record(plugin: &Plugin, config: &Config) -> String {
    let recording = plugin.observe_recorded(config, Vec::new()).unwrap();
    String::from_utf8(recording.sink).unwrap()
}

/// Numbers that are the same in every run.
fn chance() -> impl FnMut(usize) -> usize {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Seeds::default(), rng);
    move |below| {
        use proptest::prelude::Rng as _;
        runner.rng().next_u32() as usize % below
    }
}

fn cases(path: &str) -> [(&'static [u8], Config); 2] {
    let file = format!("{path}/a");
    let to_config = |json: serde_json::Value| Config::try_from(json).unwrap();
    [
        (
            FILE,
            to_config(json!({ "path": file, "hash": true, "read_content": true })),
        ),
        (C_FILE, to_config(json!({ "op": "read", "path": file }))),
    ]
}

#[test]
fn a_changed_byte_of_an_effect() {
    let (_kept, path) = directory();
    let mut pick = chance();
    for (wasm, config) in cases(&path) {
        let plugin = plugin(wasm, &path).unwrap();
        let transcript = record(&plugin, &config);
        assert!(
            Replay::read(transcript.clone())
                .unwrap()
                .run(&plugin)
                .is_ok()
        );
        let lines: Vec<&str> = transcript.lines().collect();
        // The first line is the header, and the last the end.
        let effects = 1..lines.len() - 1;
        assert!(effects.len() >= 3, "{transcript}");
        let mut found = 0;
        let tries = tenth(320);
        for _ in 0..tries {
            let line = effects.start + pick(effects.len());
            let mut bytes = lines[line].as_bytes().to_vec();
            let at = pick(bytes.len());
            // Visible characters, so that the file is the same number of lines of text.
            let new = b' ' + u8::try_from(pick(95)).unwrap();
            if bytes[at] == new {
                continue;
            }
            bytes[at] = new;
            let changed: Vec<u8> = lines
                .iter()
                .enumerate()
                .flat_map(|(number, text)| {
                    let text = if number == line {
                        &bytes
                    } else {
                        text.as_bytes()
                    };
                    [text, b"\n"].concat()
                })
                .collect();
            let index = u64::try_from(line - 1).unwrap();
            match Replay::read(changed) {
                Err(bad) => assert_eq!(bad.line, line + 1, "{bad}"),
                Ok(replay) => match replay.run(&plugin) {
                    Err(ReplayError::Diverged(divergence)) => {
                        assert_eq!(divergence.index, index, "{divergence}");
                    }
                    other => panic!("byte {at} of line {line}: {other:?}"),
                },
            }
            found += 1;
        }
        // A few are the byte that was there before.
        assert!(found > tries - tries.div_ceil(16), "{found} of {tries}");
    }
}

/// The number of effects that two transcripts have in common from the beginning.
fn common(one: &str, other: &str) -> usize {
    // Replies are the world's, and the same as long as the questions are.
    let effects = |text: &str| -> Vec<String> {
        let lines = text.lines().skip(1);
        let question = |line: &str| line.split(",\"verdict\"").next().unwrap().to_owned();
        lines
            .filter(|line| line.starts_with("{\"index\""))
            .map(question)
            .collect()
    };
    let (one, other) = (effects(one), effects(other));
    one.iter().zip(&other).take_while(|(a, b)| a == b).count()
}

#[test]
fn a_changed_byte_of_the_plugin() {
    let (_kept, path) = directory();
    let mut pick = chance();
    let mut ran = 0;
    for (wasm, config) in cases(&path) {
        let original = plugin(wasm, &path).unwrap();
        let transcript = record(&original, &config);
        let replay = Replay::read(transcript.clone()).unwrap();
        let mut here = 0;
        while here < tenth(260) {
            let mut changed = wasm.to_vec();
            let at = 8 + pick(changed.len() - 8);
            changed[at] = changed[at].wrapping_add(1 + u8::try_from(pick(255)).unwrap());
            let Some(plugin) = plugin(&changed, &path) else {
                continue;
            };
            let Err(ReplayError::Diverged(divergence)) = replay.run(&plugin) else {
                panic!("byte {at} was changed, and nothing was found");
            };
            let Divergence { index, notes, .. } = &*divergence;
            let expected = common(&transcript, &record(&plugin, &config));
            assert_eq!(*index, expected as u64, "byte {at}: {divergence}");
            assert!(notes.iter().any(|note| note.contains(replay.module())));
            here += 1;
        }
        ran += here;
    }
    assert!(ran >= tenth(500));
}

//! Reading an answer takes memory in proportion to its bytes up to a fixed bound, and cutting it takes
//! less than it has. An allocator counts.
#![cfg(target_os = "linux")]

use crate::{host_work::counting, support};

use counting::{Taken, count};
use support::Guest;
use tollgate::{Config, Error, Evidence, Limits, ProtocolError, Runtime, truncate_evidence};

/// The shapes that take most memory for their bytes.
const ITEMS: &[&str] = &[
    "0",
    "[]",
    "[0]",
    "{}",
    r#"{"":0}"#,
    r#"{"a":{"":0}}"#,
    r#""\u00e9""#,
];

fn answer(item: &str, bytes: usize) -> String {
    let items = vec![item; bytes / (item.len() + 1)].join(",");
    format!(r#"{{"status":true,"data":{{"a":[{items}]}}}}"#)
}

/// An object of as many keys as fit.
fn keys(bytes: usize) -> String {
    let keys = (0..bytes / 9).map(|key| format!("\"{key:05}\":0"));
    let keys: Vec<String> = keys.collect();
    format!(r#"{{"status":true,"data":{{{}}}}}"#, keys.join(","))
}

#[test]
fn reading_an_answer_takes_memory_in_proportion() {
    let limits = Limits {
        evidence_bytes: None,
        ..Limits::default()
    };
    let runtime = Runtime::builder().limits(limits).build().unwrap();
    for bytes in [1_000, 10_000, 100_000, 1_000_000] {
        let answers = ITEMS.iter().map(|item| answer(item, bytes));
        for answer in answers.chain([keys(bytes)]) {
            let plugin = Guest::answering(&answer).load_in(&runtime);
            let mut seen = None;
            let Taken { peak, .. } =
                count(answer.len(), || seen = Some(plugin.observe(&Config::new())));
            runtime.close();
            let kept = &answer[answer.len().min(30)..answer.len().min(45)];
            println!("{bytes} {kept}: {peak}");
            // The plugin's memory and the copy of its answer, what is read of it, and what must be
            // left over when room for it is checked.
            let fixed = 2 << 20;
            let text = 4 * answer.len() as u64;
            let values = (answer.len() as u64 * 112).min(112_000_000);
            assert!(peak < fixed + text + values, "{bytes} {kept}: {peak}");
            match seen.unwrap().map(drop) {
                Ok(()) => {}
                Err(Error::Protocol {
                    error: ProtocolError::TooManyValues { .. },
                    ..
                }) => assert!(bytes >= 1_000_000, "{kept}"),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn cutting_an_answer_takes_less_than_it_has() {
    for bytes in [10_000, 100_000, 1_000_000] {
        for answer in ITEMS
            .iter()
            .map(|item| answer(item, bytes))
            .chain([keys(bytes)])
        {
            let Ok(evidence) = serde_json::from_str::<Evidence>(&answer) else {
                panic!("{answer}")
            };
            let copies = [bytes / 2, bytes / 100, 100].map(|limit| {
                let mut evidence = evidence.clone();
                count(answer.len(), || {
                    drop(truncate_evidence(&mut evidence, limit))
                })
                .allocated
            });
            // Less than it has, though there are twenty thresholds: what is kept moves into new nodes.
            let most = copies.into_iter().max().unwrap();
            println!("{bytes}: {most}");
            assert!(
                most < answer.len() as u64 * 8 + 10_000,
                "{most} for {bytes}"
            );
        }
    }
}

//! Reading an answer takes memory in proportion to its bytes up to a bound of its own, and cutting it
//! takes less than it has: counted by an allocator.

mod support;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};
use support::Guest;
use tollgate::{Breach, Config, Error, Evidence, Limits, Runtime, fit};

/// The system's allocator, which counts the bytes in use and the most there were.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);
static ALL: AtomicUsize = AtomicUsize::new(0);

// Safety: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(now, Relaxed);
        ALL.fetch_add(layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// What some work has in use at most, beside what was in use before.
fn most<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    let outcome = work();
    (MOST.load(Relaxed) - before, outcome)
}

/// What some work allocates in all.
fn all<T>(work: impl FnOnce() -> T) -> (usize, T) {
    let before = ALL.load(Relaxed);
    let outcome = work();
    (ALL.load(Relaxed) - before, outcome)
}

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

/// One test, since the allocator counts for the process.
#[test]
fn answers_take_memory_in_proportion() {
    reading();
    cutting();
}

fn reading() {
    let limits = Limits {
        evidence_bytes: 0,
        ..Limits::default()
    };
    let runtime = Runtime::builder().limits(limits).build().unwrap();
    for bytes in [1_000, 10_000, 100_000, 1_000_000] {
        let answers = ITEMS.iter().map(|item| answer(item, bytes));
        for answer in answers.chain([keys(bytes)]) {
            let plugin = Guest::answering(&answer).load_in(&runtime);
            let (peak, seen) = most(|| plugin.observe(&Config::new()));
            runtime.close();
            let kept = &answer[answer.len().min(30)..answer.len().min(45)];
            println!("{bytes} {kept}: {peak}");
            // The plugin's memory and the copy of its answer, what is read of it, and what must be left
            // over when room for it is looked for.
            let fixed = 2 << 20;
            let text = 4 * answer.len();
            let values = (answer.len() * 112).min(112_000_000);
            assert!(peak < fixed + text + values, "{bytes} {kept}: {peak}");
            match seen.map(drop) {
                Ok(()) => {}
                Err(Error::Breach {
                    breach: Breach::TooManyValues { .. },
                    ..
                }) => assert!(bytes >= 1_000_000, "{kept}"),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

fn cutting() {
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
                all(|| fit(&mut evidence, limit)).0
            });
            // Less than it has, though there are twenty thresholds: what is kept moves into new nodes.
            let most = copies.into_iter().max().unwrap();
            println!("{bytes}: {most}");
            assert!(most < answer.len() * 8 + 10_000, "{most} for {bytes}");
        }
    }
}

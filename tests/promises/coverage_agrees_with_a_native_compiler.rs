//! Coverage says what ran: the lines of a C plugin that ran are those that ran when the same C was compiled
//! natively, with the coverage of another compiler. Runs add up, and what never ran is reported as such.

#[cfg(feature = "debug-info")]
use crate::support::marks::marked;
use serde_json::{Value, json};
#[cfg(feature = "debug-info")]
use std::collections::BTreeMap;
use std::fs;
use tollgate::{
    Config, FuelLimit, Limits, Runtime,
    inspect::{Coverage, Covered, FunctionCoverage},
    replay::Replay,
};

fn module(name: &str) -> Vec<u8> {
    match name {
        "numbers" => wat::parse_file("fixtures/wat/numbers.wat").unwrap(),
        name => fs::read(format!("fixtures/{name}/{name}.wasm")).unwrap(),
    }
}

/// The coverage of one run.
fn covered(fixture: &str, config: Value) -> Coverage {
    let runtime = Runtime::builder().fuel(FuelLimit::Units(10_000_000));
    let plugin = runtime.build().unwrap().load(fixture, module(fixture));
    let plugin = plugin.unwrap();
    let config = Config::try_from(config).unwrap();
    let recording = plugin.observe_recorded(&config, Vec::new()).unwrap();
    let replay = Replay::read(recording.sink).unwrap();
    replay.coverage(&plugin).unwrap()
}

fn texts() -> Vec<String> {
    let texts = fs::read_to_string("fixtures/lines-c/texts.txt").unwrap();
    texts.lines().map(str::to_owned).collect()
}

/// The coverage of the runs for all texts.
fn all_texts() -> Coverage {
    let mut all = Coverage::default();
    for text in texts() {
        assert!(all.add(&covered("lines-c", json!({ "text": text }))));
    }
    all
}

#[cfg(feature = "debug-info")]
fn lines(coverage: &Coverage, file: &str) -> BTreeMap<u32, u64> {
    let file = coverage.files.iter().find(|it| it.name == file).unwrap();
    let lines = file.lines.iter().map(|line| (line.line, line.count));
    lines.collect()
}

fn function<'a>(coverage: &'a Coverage, name: &str) -> &'a FunctionCoverage {
    let mut named = coverage.functions.iter().filter(|it| it.name == name);
    let function = named.next().unwrap();
    assert!(named.next().is_none(), "{name}");
    function
}

/// `fixtures/lines-c/native.sh` made the file that this compares with.
#[test]
#[cfg(feature = "debug-info")]
fn the_lines_that_ran_are_those_that_run_natively() {
    let own = lines(&all_texts(), "logic.c");
    let native = fs::read_to_string("fixtures/lines-c/native.txt").unwrap();
    let mut both = 0;
    let mut same_count = 0;
    let mut ran = 0;
    for line in native.lines() {
        let (line, native) = line.split_once(' ').unwrap();
        let (line, native) = (line.parse().unwrap(), native.parse::<u64>().unwrap());
        let Some(own) = own.get(&line) else {
            continue;
        };
        println!("{line}: {own} here, {native} natively");
        assert_eq!(
            *own > 0,
            native > 0,
            "line {line}: {own} here, {native} natively"
        );
        both += 1;
        same_count += u64::from(*own == native);
        ran += u64::from(*own > 0);
    }
    println!("{both} lines on both sides, {ran} ran, {same_count} have one count");
    assert!(both >= 70 && ran < both, "{both} {ran}");
    // Compilers count some lines otherwise, such as the heads of loops.
    assert!(same_count * 20 >= both * 19, "{same_count} of {both}");
}

#[test]
#[cfg(feature = "debug-info")]
fn marked_lines_ran_where_the_text_leads_to_them() {
    let line = |mark| marked("fixtures/lines-c/logic.c", mark);
    let counts = |text: &str| lines(&covered("lines-c", json!({ "text": text })), "logic.c");
    for (text, runs, never) in [
        (
            "2*3",
            &[][..],
            &["large", "unclosed", "division", "shorten"][..],
        ),
        ("1/0", &["division"], &["large", "other"]),
        ("(1", &["unclosed"], &["division"]),
        ("x", &["other"], &["goto"]),
        ("*", &["goto"], &["other"]),
        ("1234567", &["large"], &["division", "never"]),
    ] {
        let counts = counts(text);
        for mark in runs {
            assert!(counts[&line(mark)] > 0, "{text}: {mark}");
        }
        for mark in never {
            assert_eq!(counts[&line(mark)], 0, "{text}: {mark}");
        }
    }
    // Each of two digits that are too many.
    assert_eq!(counts("1234567")[&line("large")], 2);
}

#[test]
fn functions_blocks_and_branches_are_counted() {
    let all = all_texts();
    assert_eq!(all.runs, texts().len() as u64);
    assert_eq!(function(&all, "compute").calls, all.runs);
    assert_eq!(function(&all, "shorten").calls, 0);
    assert!(
        function(&all, "shorten")
            .blocks
            .iter()
            .all(|block| block.count == 0)
    );
    let totals = all.totals;
    for Covered { ran, all, .. } in [totals.functions, totals.blocks, totals.branches] {
        assert!(0 < ran && ran < all, "{totals:?}");
    }
    // The condition that the text is too long.
    let compute = function(&all, "compute");
    let first = &compute.branches[0];
    assert_eq!(first.taken + first.not_taken, all.runs, "{first:?}");
    assert!(first.taken == 0 || first.not_taken == 0, "{first:?}");
}

#[test]
fn without_debug_information_functions_and_blocks_count() {
    for path in ["go-file", "as-file", "numbers"] {
        let replay = Replay::open(format!("tests/transcripts/{path}.jsonl")).unwrap();
        let limits = Limits {
            fuel: FuelLimit::Unlimited,
            ..Limits::default()
        };
        let runtime = replay.runtime().limits(limits).build().unwrap();
        let plugin = runtime.load("plugin", module(path)).unwrap();
        let coverage = replay.coverage(&plugin).unwrap();
        assert!(coverage.files.is_empty());
        let totals = coverage.totals;
        assert_eq!(totals.lines.all, 0);
        assert!(0 < totals.functions.ran && totals.functions.ran < totals.functions.all);
        assert!(0 < totals.blocks.ran && totals.blocks.ran < totals.blocks.all);
        let observe = function(&coverage, "observe");
        assert!(observe.calls >= 1);
        if path == "go-file" {
            // Initialisation counts as well.
            assert_eq!(function(&coverage, "_initialize").calls, 1);
        }
        println!("{path}: {totals:?}");
    }
}

#[test]
fn runs_of_another_module_are_not_added() {
    let mut one = covered("lines-c", json!({ "text": "1" }));
    let before = one.clone();
    let other = covered("fails-c", json!({ "how": "none" }));
    assert!(!one.add(&other));
    assert_eq!(one, before);
    assert!(one.add(&before));
    assert_eq!(one.runs, 2);
}

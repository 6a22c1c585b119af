//! `profile` and `coverage`, as a user types them: over recordings, and over a plugin that is run first.

#![cfg(feature = "cli")]

use crate::support::{
    marks::marked,
    program::{code, tollgate as command},
};
use serde_json::Value;
use std::{fs, path::Path, process::Output};

const LINES: &str = "fixtures/lines-c/lines-c.wasm";
const TEXT: &str = r#"{"text":"2*(3+4)-(1+(2*9))/3"}"#;
const SHORT: &str = r#"{"text":"7"}"#;

fn tollgate(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

fn printed(args: &[&str]) -> String {
    let output = tollgate(args);
    assert_eq!(code(&output), 0, "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Records a run of the plugin lines-c.
fn recorded(directory: &Path, name: &str, config: &str) -> String {
    let path = directory.join(name).to_str().unwrap().to_owned();
    tollgate(&["observe", LINES, "--config", config, "--record", &path]);
    assert!(Path::new(&path).exists());
    path
}

/// The fuel of the call, as the recording has it.
fn fuel(recording: &str) -> u64 {
    let text = fs::read_to_string(recording).unwrap();
    let end: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    end["usage"]["fuel"].as_u64().unwrap()
}

/// The number that a row of a table begins with.
fn first_number(row: &str) -> Option<u64> {
    row.split_whitespace().next()?.parse().ok()
}

#[test]
fn a_table_adds_up_to_the_fuel_of_the_run() {
    let directory = tempfile::tempdir().unwrap();
    let run = recorded(directory.path(), "run.jsonl", TEXT);
    let all = fuel(&run);
    for flags in [&[][..], &["--lines"]] {
        let args = [&["profile", &run, "--plugin", LINES], flags].concat();
        let table = printed(&args);
        let (title, rows) = table.split_once('\n').unwrap();
        assert_eq!(title, format!("call: {all} units of fuel in 1 run"));
        let sum: u64 = rows.lines().filter_map(first_number).sum();
        assert_eq!(sum, all, "{table}");
    }
    // Without a recording, the plugin is run first; with several, they add up.
    let direct = printed(&["profile", "--plugin", LINES, "--config", TEXT]);
    assert_eq!(direct, printed(&["profile", &run, "--plugin", LINES]));
    let twice = printed(&["profile", &run, &run, "--plugin", LINES]);
    assert!(twice.starts_with(&format!("call: {} units of fuel in 2 runs\n", 2 * all)));
}

#[test]
fn folded_lines_and_speedscope_have_all_fuel() {
    let directory = tempfile::tempdir().unwrap();
    let run = recorded(directory.path(), "run.jsonl", TEXT);
    let all = fuel(&run);
    let profile = |format| printed(&["profile", &run, "--plugin", LINES, "--format", format]);
    let folded = profile("folded");
    let weights = folded
        .lines()
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<u64>().unwrap());
    assert_eq!(weights.sum::<u64>(), all);
    assert!(folded.contains("\ncall;observe;compute;sum;product;atom;sum;product;atom;digits "));
    let speedscope: Value = serde_json::from_str(&profile("speedscope")).unwrap();
    let call = &speedscope["profiles"][0];
    assert_eq!(call["endValue"], all);
    let weights = call["weights"].as_array().unwrap();
    assert_eq!(
        weights.iter().map(|it| it.as_u64().unwrap()).sum::<u64>(),
        all
    );
    assert_eq!(weights.len(), call["samples"].as_array().unwrap().len());
    let frames = speedscope["shared"]["frames"].as_array().unwrap().len() as u64;
    let samples = call["samples"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|it| it.as_array().unwrap());
    assert!(
        samples
            .clone()
            .all(|frame| frame.as_u64().unwrap() < frames)
    );
    let json: Value = serde_json::from_str(&profile("json")).unwrap();
    assert_eq!(json["call"]["fuel"], all);
}

#[test]
fn the_flame_graph_of_the_readme_is_what_the_command_draws() {
    let args = [
        "profile", "--plugin", LINES, "--config", TEXT, "--format", "svg",
    ];
    let drawn = printed(&args);
    if std::env::var_os("TOLLGATE_UPDATE").is_some_and(|value| value == "1") {
        fs::write("src/flame.svg", &drawn).unwrap();
    }
    assert_eq!(
        fs::read_to_string("src/flame.svg").unwrap(),
        drawn,
        "TOLLGATE_UPDATE=1 draws it anew"
    );
    assert!(
        fs::read_to_string("README.md")
            .unwrap()
            .contains("](src/flame.svg)")
    );
}

#[test]
fn a_comparison_shows_what_costs_more() {
    let directory = tempfile::tempdir().unwrap();
    let long = recorded(directory.path(), "long.jsonl", TEXT);
    let short = recorded(directory.path(), "short.jsonl", SHORT);
    let args = ["profile", &long, "--plugin", LINES, "--diff", &short];
    let table = printed(&args);
    let title = format!(
        "call: {} units of fuel in 1 run, {} before",
        fuel(&long),
        fuel(&short)
    );
    assert_eq!(table.lines().next().unwrap(), title);
    let dearest = table.lines().nth(2).unwrap();
    assert!(
        dearest.contains(" +") && dearest.ends_with("peek"),
        "{dearest}"
    );
    let svg = printed(&[&args[..], &["--format", "svg"]].concat());
    assert!(svg.contains("rgb(255,60,60)") && svg.contains(" before (+"));
    let args = ["profile", &short, "--plugin", LINES, "--diff", &long];
    let svg = printed(&[&args[..], &["--format", "svg"]].concat());
    assert!(svg.contains("rgb(60,60,255)") && svg.contains(" before (-"));
    let folded = printed(&[&args[..], &["--format", "folded"]].concat());
    let both = folded.lines().map(|line| {
        let (line, now) = line.rsplit_once(' ').unwrap();
        let (_, before) = line.rsplit_once(' ').unwrap();
        [before, now].map(|number| number.parse::<u64>().unwrap())
    });
    let sums = both.fold([0, 0], |sums, both| [sums[0] + both[0], sums[1] + both[1]]);
    assert_eq!(sums, [fuel(&long), fuel(&short)]);
}

#[test]
fn effects_have_their_names_and_bytes() {
    let run = "tests/transcripts/file.jsonl";
    let table = printed(&["profile", run, "--plugin", "fixtures/file/file.wasm"]);
    let effects: Vec<&str> = table
        .lines()
        .filter(|line| line.contains("  effect "))
        .collect();
    assert!(!effects.is_empty(), "{table}");
    let moves = effects.iter().filter(|line| line.ends_with(" bytes"));
    assert!(moves.count() >= 1, "{effects:?}");
}

#[test]
fn coverage_is_written_for_other_tools_and_for_a_browser() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let long = recorded(directory.path(), "long.jsonl", TEXT);
    let short = recorded(directory.path(), "short.jsonl", SHORT);
    let (lcov, json, html) = (at("lcov.info"), at("coverage.json"), at("html/pages"));
    let runs = ["coverage", &long, &short, "--plugin", LINES];
    let files = ["--lcov", &lcov, "--json", &json, "--html", &html];
    let summary = printed(&[&runs[..], &files].concat());
    assert!(summary.starts_with("coverage of 2 runs\n"), "{summary}");
    let covered: Value = serde_json::from_str(&fs::read_to_string(&json).unwrap()).unwrap();
    let lines = &covered["totals"]["lines"];
    let row = format!("{} of {:>8}", lines["ran"], lines["all"].as_u64().unwrap());
    assert!(summary.contains(&row), "{summary} {row}");

    // Each line once, with the same counts.
    let lcov = fs::read_to_string(&lcov).unwrap();
    let record = lcov
        .split("end_of_record\n")
        .find(|it| it.contains("SF:logic.c\n"));
    let record = record.unwrap();
    let file = covered["files"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "logic.c");
    let lines = file.unwrap()["lines"].as_array().unwrap();
    for line in lines {
        assert!(record.contains(&format!("\nDA:{},{}\n", line["line"], line["count"])));
    }
    assert_eq!(record.matches("\nDA:").count(), lines.len());
    assert!(record.contains(&format!("\nLF:{}\n", lines.len())));
    assert!(record.contains(",compute\nFNDA:2,compute\n"), "{record}");
    assert!(record.contains(",shorten\nFNDA:0,shorten\n"), "{record}");
    let never = marked("fixtures/lines-c/logic.c", "never");
    assert!(record.contains(&format!("\nDA:{never},0\n")));
    let ways = record.matches("\nBRDA:").count();
    assert!(ways > 20 && record.contains(&format!("\nBRF:{ways}\n")));

    // The source is in the module.
    let page = |name: &str| fs::read_to_string(Path::new(&html).join(name)).unwrap();
    let index = page("index.html");
    let link = index
        .split("<a href=\"")
        .find(|it| it.contains(">logic.c<"))
        .unwrap();
    let logic = page(link.split_once('"').unwrap().0);
    let row = format!("<tr class=\"never\" id=\"L{never}\">");
    assert!(logic.contains(&row), "{logic}");
    assert!(logic.contains("return value; /* here: never */"));
    assert!(logic.contains("if (length &gt; 1000)"));
}

#[test]
fn a_page_shows_no_file_outside_of_the_directory_of_sources() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir_all(at("sources/src")).unwrap();
    fs::write(at("sources/src/lib.rs"), "// THE SOURCE\n".repeat(100)).unwrap();
    let (sources, html) = (at("sources"), at("html"));
    let (sources, html) = (sources.to_str().unwrap(), html.to_str().unwrap());
    let args = [
        "coverage",
        "--plugin",
        "fixtures/fails-rust/fails-rust.wasm",
        "--config",
        "{}",
    ];
    let show = || {
        printed(&[&args[..], &["--html", html, "--source", sources]].concat());
        let pages = fs::read_dir(html).unwrap();
        let pages = pages.map(|page| fs::read_to_string(page.unwrap().path()).unwrap());
        pages.filter(|page| page.contains("THE SOURCE")).count()
    };
    assert_eq!(show(), 1);
    #[cfg(unix)]
    {
        // A link that leads out.
        fs::rename(at("sources/src"), at("elsewhere")).unwrap();
        std::os::unix::fs::symlink(at("elsewhere"), at("sources/src")).unwrap();
        assert_eq!(show(), 0);
    }
}

#[test]
fn mistakes_are_explained() {
    let directory = tempfile::tempdir().unwrap();
    let run = recorded(directory.path(), "run.jsonl", SHORT);
    for (args, exit, words) in [
        (&["profile"][..], 2, "--plugin"),
        (
            &["profile", &run, "--plugin", LINES, "--config", "{}"],
            2,
            "--config",
        ),
        (
            &["profile", &run, "--plugin", "fixtures/fails-c/fails-c.wasm"],
            4,
            "run.jsonl: ",
        ),
        (
            &["coverage", &run, "--plugin", LINES, "--lcov", &run],
            2,
            "overwrite",
        ),
        (
            &["coverage", "--plugin", LINES, "--config", "{"],
            2,
            "invalid config",
        ),
    ] {
        let output = tollgate(args);
        let error = String::from_utf8(output.stderr.clone()).unwrap();
        assert_eq!(code(&output), exit, "{args:?}: {error}");
        assert!(error.contains(words), "{args:?}: {error}");
    }
    // A run that fails is shown all the same.
    let args = [
        "profile",
        "--plugin",
        "fixtures/fails-c/fails-c.wasm",
        "--fuel",
        "5000",
    ];
    let output = tollgate(&[&args[..], &["--config", r#"{"how":"loop"}"#]].concat());
    assert_eq!(code(&output), 0, "{output:?}");
    assert!(
        String::from_utf8(output.stdout)
            .unwrap()
            .contains("  spin\n")
    );
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("ran out of fuel")
    );
}

#[test]
fn functions_are_listed_with_their_regions() {
    let list = printed(&["inspect", LINES, "--functions"]);
    let row = |name: &str| {
        let is_named = |row: &&str| row.contains(&format!("  {name}   logic.c:"));
        let row = list
            .lines()
            .find(is_named)
            .unwrap_or_else(|| panic!("{list}"));
        let numbers = row
            .split_whitespace()
            .map_while(|word| word.parse::<u64>().ok());
        numbers.collect::<Vec<_>>()
    };
    let [compute, kind] = [row("compute"), row("kind_of")];
    assert_eq!((compute.len(), kind.len()), (2, 2), "{list}");
    // The function, and at least the body of its loop.
    assert!(compute[1] >= 2, "{list}");
    let json = printed(&["inspect", LINES, "--functions", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    let compute_json = json
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "compute");
    assert_eq!(compute_json.unwrap()["regions"], compute[1]);
}

#[test]
#[cfg(unix)]
fn the_commands_of_the_guide_run_in_their_order() {
    let guide = fs::read_to_string("src/guide.md").unwrap();
    let title = "# From a failing run in production to the line\n";
    let (_, section) = guide.split_once(title).unwrap();
    let (section, _) = section.split_once("\n# ").unwrap();
    let directory = tempfile::tempdir().unwrap();
    fs::copy(LINES, directory.path().join("plugin.wasm")).unwrap();
    recorded(directory.path(), "old.jsonl", SHORT);
    recorded(directory.path(), "more.jsonl", TEXT);
    let mut commands = 0;
    for line in section.lines() {
        let Some(line) = line.strip_prefix("$ tollgate ") else {
            continue;
        };
        let script = format!("exec '{}' {line}", env!("CARGO_BIN_EXE_tollgate"));
        let output = std::process::Command::new("sh")
            .args(["-c", &script])
            .current_dir(directory.path())
            .output()
            .unwrap();
        // The status of what is observed there is false.
        let expected = i32::from(line.starts_with("observe"));
        assert_eq!(code(&output), expected, "{line}: {output:?}");
        assert!(!output.stdout.is_empty() || line.contains(" -o "), "{line}");
        commands += 1;
    }
    assert!(commands >= 8, "{commands}");
}

#[test]
fn a_comparison_of_versions_names_the_functions_that_cost_more() {
    let directory = tempfile::tempdir().unwrap();
    let place = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let old = include_str!("../../fixtures/wat/echo.wat");
    let begins = "(func $pack (param $ptr i32) (param $len i32) (result i64)";
    let more = "(drop (i32.mul (local.get $ptr) (i32.add (local.get $len) (local.get $ptr))))";
    let new = old.replacen(begins, &format!("{begins} {more}"), 1);
    assert_ne!(old, new);
    let [old_file, new_file, run] = ["old.wat", "new.wat", "run.jsonl"].map(place);
    fs::write(&old_file, old).unwrap();
    fs::write(&new_file, new).unwrap();
    tollgate(&["observe", &old_file, "--config", "{}", "--record", &run]);
    let diff = |flags: &[&str]| {
        let args = [&["diff", &old_file, &new_file, "--transcript", &run], flags].concat();
        let output = tollgate(&args);
        (code(&output), String::from_utf8(output.stdout).unwrap())
    };
    let (differs, text) = diff(&[]);
    assert_eq!(differs, 4, "{text}");
    let dearer: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("    "))
        .collect();
    assert!(
        matches!(dearer[..], [line] if line.starts_with("    pack: ")),
        "{text}"
    );
    assert_eq!(diff(&["--ignore", "fuel"]).0, 0);
    assert_eq!(diff(&["--fuel-threshold", "50"]).0, 0);
    assert_eq!(diff(&["--fuel-threshold", "1"]).0, 4);
    let (_, json) = diff(&["--format", "json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["dearer_functions"][0]["function"], "pack");
}

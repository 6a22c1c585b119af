//! What was measured, as JSON, as tables and against the goals.

use crate::{
    contender::*,
    measure::{Outcome, Samples},
    work::{Measure, Row},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt::Write as _};

/// The outcomes of a row.
pub type Measured<'a> = (&'a Row, Vec<(Contender, Outcome)>);

/// Numbers of one contender in one row.
#[derive(Clone, Copy)]
pub struct Figure {
    pub median: f64,
    /// Half the distance between the quartiles, in parts of the median.
    pub spread: f64,
}

pub fn figure(samples: &[f64]) -> Figure {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |part: f64| {
        let place = part * (sorted.len().saturating_sub(1)) as f64;
        let (below, above) = (place.floor() as usize, place.ceil() as usize);
        let (low, high) = (sorted.get(below), sorted.get(above));
        let (low, high) = (low.copied().unwrap_or(0.0), high.copied().unwrap_or(0.0));
        low + (high - low) * place.fract()
    };
    let median = at(0.5);
    Figure {
        median,
        spread: (at(0.75) - at(0.25)) / 2.0 / median.max(f64::MIN_POSITIVE),
    }
}

/// A contender's median in a row, if it has one.
pub fn median(rows: &[Measured<'_>], key: &str, contender: &Contender) -> Option<f64> {
    let (_, outcomes) = rows.iter().find(|(row, _)| row.key == key)?;
    let (_, outcome) = outcomes.iter().find(|(other, _)| other == contender)?;
    let median = figure(&outcome.as_ref().ok()?.shown).median;
    (median > 0.0).then_some(median)
}

pub fn json(rows: &[Measured<'_>], machine: &Value, versions: &BTreeMap<String, String>) -> Value {
    let contenders: Vec<Value> = ALL
        .iter()
        .map(
            |contender| json!({"name": contender.name, "version": versions.get(contender.package)}),
        )
        .collect();
    let rows: Vec<Value> = rows
        .iter()
        .map(|(row, outcomes)| {
            let outcomes: Vec<Value> = outcomes
                .iter()
                .map(|(contender, outcome)| match outcome {
                    Ok(Samples { shown, clock }) => {
                        let Figure { median, spread } = figure(shown);
                        json!({
                            "contender": contender.name,
                            "median": median,
                            "spread": spread,
                            "samples": shown,
                            "by_clock": clock,
                        })
                    }
                    Err(reason) => json!({"contender": contender.name, "cannot": reason}),
                })
                .collect();
            json!({"key": row.key, "title": row.title, "unit": unit(row), "results": outcomes})
        })
        .collect();
    json!({"machine": machine, "contenders": contenders, "rows": rows})
}

fn unit(row: &Row) -> &'static str {
    match row.measure {
        Measure::Process { .. } | Measure::Observe { .. } => "ns",
        Measure::Memory { .. } | Measure::Size => "bytes",
        Measure::Crates => "packages",
    }
}

/// Every row, what we want of it, and why some could not take part.
pub fn markdown(
    rows: &[Measured<'_>],
    machine: &Value,
    versions: &BTreeMap<String, String>,
) -> String {
    let mut text = String::from("# Comparison\n\n");
    let _ = writeln!(
        text,
        "Medians of {} interleaved runs, and half the distance of their quartiles. Processor time for \
         work in a process that stays; the clock's for whole processes and for threads. {}.\n",
        machine["samples"],
        machine["description"].as_str().unwrap_or_default(),
    );
    let names: Vec<String> = ALL
        .iter()
        .map(|contender| contender.package)
        .chain(["serde_json"])
        .map(|package| {
            let version = versions.get(package).map_or("?", String::as_str);
            format!("{package} {version}")
        })
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    let _ = writeln!(text, "Versions: {}.\n", names.join(", "));
    let columns: Vec<Contender> = ALL.iter().chain([&HOST]).copied().collect();
    let titles: Vec<&str> = columns.iter().map(|contender| contender.name).collect();
    let _ = writeln!(text, "| | {} |", titles.join(" | "));
    let _ = writeln!(text, "|---|{}", "---:|".repeat(columns.len()));
    let mut reasons = BTreeMap::<(String, &str), Vec<&str>>::new();
    for (row, outcomes) in rows {
        let cells: Vec<String> = columns
            .iter()
            .map(
                |column| match outcomes.iter().find(|(other, _)| other == column) {
                    None => String::new(),
                    Some((_, Ok(samples))) => cell(row, &samples.shown),
                    Some((contender, Err(reason))) => {
                        reasons
                            .entry((reason.clone(), contender.name))
                            .or_default()
                            .push(row.title);
                        "–".to_owned()
                    }
                },
            )
            .collect();
        let _ = writeln!(text, "| {} | {} |", row.title, cells.join(" | "));
    }
    text.push_str("\n## Goals\n\n| row | goal | measured | |\n|---|---|---:|---|\n");
    for goal in goals() {
        let _ = writeln!(text, "{}", goal.line(rows));
    }
    if !reasons.is_empty() {
        text.push_str("\n## Who could not do what\n\n");
        for ((reason, name), titles) in reasons {
            let _ = writeln!(text, "* {name}, {}: {reason}", titles.join("; "));
        }
    }
    text
}

fn cell(row: &Row, samples: &[f64]) -> String {
    let Figure { median, spread } = figure(samples);
    let number = human(row, median);
    match samples.len() {
        0 | 1 => number,
        _ => format!("{number} ±{:.0} %", spread * 100.0),
    }
}

pub fn human(row: &Row, number: f64) -> String {
    let (units, step): (&[&str], f64) = match unit(row) {
        "ns" => (&["ns", "µs", "ms", "s"], 1000.0),
        "bytes" => (&["B", "KiB", "MiB", "GiB"], 1024.0),
        _ => return format!("{number:.0}"),
    };
    let (mut number, mut chosen) = (number, 0);
    while number >= step && chosen + 1 < units.len() {
        number /= step;
        chosen += 1;
    }
    let digits = if number < 10.0 {
        2
    } else if number < 100.0 {
        1
    } else {
        0
    };
    format!("{number:.digits$} {}", units[chosen])
}

/// What is to be shown.
struct Goal {
    text: &'static str,
    key: &'static str,
    kind: Kind,
}

enum Kind {
    /// We take at most so many times as long as the other.
    AtMost(Contender, Contender, f64),
    /// The other takes at least so many times as long as we do.
    Times(Contender, Contender, f64),
    /// A figure of ours, at most.
    Below(Contender, f64),
    /// Within so many times what the host needs for the JSON beside what a bare engine takes more.
    Json(f64),
}

fn goals() -> Vec<Goal> {
    let goal = |key, text, kind| Goal { key, text, kind };
    let mut goals = Vec::new();
    for key in ["e-sha256", "e-primes", "e-fib"] {
        goals.push(goal(
            key,
            "fast, against bare wasmi: at most 1.03",
            Kind::AtMost(TOLLGATE_FAST, WASMI_FAST, 1.03),
        ));
        goals.push(goal(
            key,
            "portable, against bare wasmi: at most 1.03",
            Kind::AtMost(TOLLGATE, WASMI, 1.03),
        ));
        goals.push(goal(
            key,
            "against wasm3: faster",
            Kind::Times(TOLLGATE_FAST, WASM3, 1.0),
        ));
        goals.push(goal(
            key,
            "against tinywasm: faster",
            Kind::Times(TOLLGATE_FAST, TINYWASM, 1.0),
        ));
        goals.push(goal(
            key,
            "against Pulley: faster",
            Kind::Times(TOLLGATE_FAST, PULLEY, 1.0),
        ));
        goals.push(goal(
            key,
            "against wazero's interpreter: faster",
            Kind::Times(TOLLGATE_FAST, WAZERO_INTERPRETED, 1.0),
        ));
    }
    goals.push(goal(
        "a-go",
        "against Cranelift: 35 times faster",
        Kind::Times(TOLLGATE_FAST, CRANELIFT, 35.0),
    ));
    goals.push(goal(
        "a-go",
        "against Winch: 8 times",
        Kind::Times(TOLLGATE_FAST, WINCH, 8.0),
    ));
    goals.push(goal(
        "a-go",
        "against tinywasm: 2 times",
        Kind::Times(TOLLGATE_FAST, TINYWASM, 2.0),
    ));
    goals.push(goal(
        "a-go",
        "baked, against Cranelift: 100 times",
        Kind::Times(BAKED, CRANELIFT, 100.0),
    ));
    goals.push(goal(
        "c-go",
        "against Cranelift: 1.8 times the throughput",
        Kind::Times(TOLLGATE_FAST, CRANELIFT, 1.8),
    ));
    goals.push(goal(
        "c-go",
        "against wazero, compiled: 6 times",
        Kind::Times(TOLLGATE_FAST, WAZERO, 6.0),
    ));
    goals.push(goal(
        "c-tiny",
        "against wasmtime on demand: 6 times",
        Kind::Times(TOLLGATE_FAST, CRANELIFT, 6.0),
    ));
    goals.push(goal(
        "c-tiny",
        "against wasmtime's pool: 2.5 times",
        Kind::Times(TOLLGATE_FAST, POOLING, 2.5),
    ));
    goals.push(goal(
        "c-tiny",
        "against a fresh plugin of Extism: 60 times",
        Kind::Times(TOLLGATE_FAST, EXTISM, 60.0),
    ));
    goals.push(goal(
        "d-call",
        "against Extism: faster",
        Kind::Times(TOLLGATE_FAST, EXTISM, 1.0),
    ));
    goals.push(goal(
        "d-1m",
        "at most 1.5 times serde_json on the host and the guest's own work",
        Kind::Json(1.5),
    ));
    goals.push(goal(
        "f-1000",
        "under 100 MB",
        Kind::Below(TOLLGATE_FAST, 100e6),
    ));
    goals.push(goal(
        "f-go",
        "under 5 times the file's size",
        Kind::Below(TOLLGATE_FAST, 5.0 * go_size()),
    ));
    goals.push(goal(
        "g-size",
        "under 1.5 MB",
        Kind::Below(TOLLGATE_FAST, 1.5e6),
    ));
    goals.push(goal(
        "g-crates",
        "30 or fewer",
        Kind::Below(TOLLGATE_FAST, 30.0),
    ));
    goals
}

fn go_size() -> f64 {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/go-file/go-file.wasm"
    );
    std::fs::metadata(path).map_or(0.0, |file| file.len() as f64)
}

impl Goal {
    fn line(&self, rows: &[Measured<'_>]) -> String {
        let Some((row, _)) = rows.iter().find(|(row, _)| row.key == self.key) else {
            return format!("| {} | {} | | not run |", self.key, self.text);
        };
        let of = |contender: &Contender| median(rows, self.key, contender);
        let ratio = |above: Option<f64>, below: Option<f64>| above.zip(below).map(|(a, b)| a / b);
        let (measured, met) = match &self.kind {
            Kind::AtMost(ours, theirs, most) => {
                let ratio = ratio(of(ours), of(theirs));
                (
                    ratio.map(|ratio| format!("{ratio:.2}")),
                    ratio.map(|ratio| ratio <= *most),
                )
            }
            Kind::Times(ours, theirs, least) => {
                let ratio = ratio(of(theirs), of(ours));
                (
                    ratio.map(|ratio| format!("{ratio:.2}")),
                    ratio.map(|ratio| ratio >= *least),
                )
            }
            Kind::Below(ours, most) => {
                let figure = of(ours);
                (
                    figure.map(|figure| human(row, figure)),
                    figure.map(|figure| figure <= *most),
                )
            }
            Kind::Json(most) => {
                // What the bare engine takes beside the same JSON is the guest's own work.
                let guest = of(&WASMI_FAST)
                    .zip(of(&HOST))
                    .map(|(all, json)| (all - json).max(0.0));
                let fair = guest.zip(of(&HOST)).map(|(guest, json)| guest + json);
                let ratio = ratio(of(&TOLLGATE_FAST), fair);
                (
                    ratio.map(|ratio| format!("{ratio:.2}")),
                    ratio.map(|ratio| ratio <= *most),
                )
            }
        };
        let measured = measured.unwrap_or_default();
        let verdict = match met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "not measured",
        };
        format!("| {} | {} | {measured} | {verdict} |", row.title, self.text)
    }
}

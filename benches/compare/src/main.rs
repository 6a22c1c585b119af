//! The same work in tollgate and in what people would pick instead, in one go.
//!
//! `cargo run --release -p compare -- [--quick] [--sizes] [--rows a-,c-tiny]
//! [--without extism,winch] [--built] [--out DIRECTORY]`
//!
//! Writes `comparison.json`, `comparison.md` and `comparison.svg`.

mod chart;
mod contender;
mod measure;
mod report;
mod work;

use measure::Effort;
use serde_json::{Value, json};
use std::{env, fs, path::PathBuf, process::ExitCode, thread};
use work::{Guests, ROWS};

struct Options {
    effort: Effort,
    /// Beginnings of the rows' keys; all rows, if there is none.
    rows: Vec<String>,
    /// Features of `peer` and variants that take no part.
    without: Vec<String>,
    /// Whether to take the programs of the last run as they are.
    built: bool,
    out: PathBuf,
}

fn main() -> ExitCode {
    match options().and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        effort: Effort {
            samples: 9,
            milliseconds: 300,
            sizes: false,
        },
        rows: Vec::new(),
        without: Vec::new(),
        built: false,
        out: PathBuf::from("."),
    };
    let mut args = env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        match arg.as_str() {
            "--quick" => {
                options.effort.samples = 3;
                options.effort.milliseconds = 50;
            }
            "--built" => options.built = true,
            "--sizes" => options.effort.sizes = true,
            "--rows" => options.rows = list(&value()?),
            "--without" => options.without = list(&value()?),
            "--out" => options.out = PathBuf::from(value()?),
            _ => return Err(format!("{arg} is no option; see the top of src/main.rs")),
        }
    }
    Ok(options)
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

fn run(options: &Options) -> Result<(), String> {
    let left_out = |contender: &contender::Contender| {
        let of = |word: &String| word == contender.feature || word == contender.variant;
        options.without.iter().any(of)
    };
    let peers = contender::Peers::build(left_out, !options.built)?;
    for (feature, reason) in peers.failures() {
        eprintln!("without {feature}: {reason}");
    }
    let guests = Guests::prepare(peers.directory.clone())?;
    if let Ok(peer) = peers.program(&contender::BAKED)
        && let Err(reason) = guests.bake(peer)
    {
        eprintln!("nothing baked: {reason}");
    }
    let wanted = |key: &str| {
        options.rows.is_empty() || options.rows.iter().any(|row| key.starts_with(row.as_str()))
    };
    let mut rows = Vec::new();
    for row in ROWS.iter().filter(|row| wanted(row.key)) {
        eprintln!("{}", row.title);
        rows.push((row, measure::row(row, &peers, &guests, options.effort)));
    }
    let (machine, versions) = (machine(options), contender::versions());
    let markdown = report::markdown(&rows, &machine, &versions);
    let json = report::json(&rows, &machine, &versions);
    let json = serde_json::to_string_pretty(&json).map_err(|error| error.to_string())?;
    fs::create_dir_all(&options.out).map_err(|error| error.to_string())?;
    for (name, content) in [
        ("comparison.json", json + "\n"),
        ("comparison.md", markdown.clone()),
        ("comparison.svg", chart::svg(&rows)),
    ] {
        let path = options.out.join(name);
        fs::write(&path, content).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    println!("{markdown}");
    Ok(())
}

/// What kind of machine this is, and not which one.
fn machine(options: &Options) -> Value {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, name)| name.trim());
    let (arch, os) = (env::consts::ARCH, env::consts::OS);
    json!({
        "cores": cores,
        "processor": model,
        "architecture": arch,
        "system": os,
        "samples": options.effort.samples,
        "description": format!("{cores} cores ({model}, {arch}, {os}), shared with others"),
    })
}

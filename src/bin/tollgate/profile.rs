//! `tollgate profile`: where the fuel of runs went.

use crate::{
    Exit, Failure,
    flame::Tree,
    look::{LookArgs, percent, short},
    output::print_json,
    replay,
};
use clap::{Args as ClapArgs, ValueEnum};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::PathBuf};
use tollgate::{
    inspect::{PhaseProfile, Profile},
    printable::counted,
    replay::Replay,
};

#[derive(ClapArgs)]
pub struct ProfileArgs {
    #[command(flatten)]
    look: LookArgs,
    /// What to write
    #[arg(long, value_enum, default_value_t = ProfileFormat::Table)]
    format: ProfileFormat,
    /// The file to write instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// In the table, list source lines instead of functions
    #[arg(long)]
    lines: bool,
    /// Compare with this transcript: what costs more is red, what costs less is blue
    #[arg(long, value_name = "FILE")]
    diff: Option<PathBuf>,
    /// The plugin of that transcript, if it is another version
    #[arg(long, value_name = "FILE", requires = "diff")]
    diff_plugin: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ProfileFormat {
    /// Text for people
    Table,
    /// A flame graph for a browser
    Svg,
    /// A line for each call path, for other tools that draw flame graphs
    Folded,
    /// JSON for https://www.speedscope.app
    Speedscope,
    /// All that is known, as JSON
    Json,
}

pub fn run(args: &ProfileArgs) -> Result<Exit, Failure> {
    let mut profile = Profile::default();
    args.look.each(Replay::profile, |seen, _| {
        profile.add(&seen);
        Ok(())
    })?;
    let old = match &args.diff {
        Some(path) => {
            let recorded = replay::open(path)?;
            let plugin = args.diff_plugin.as_ref().or(args.look.plugin.as_ref());
            let module = match plugin {
                Some(path) => path.clone(),
                None => replay::find_module(path, &recorded)?,
            };
            let module = crate::read_module(&module)?;
            let plugin = replay::load(&recorded, &args.look.limits, &module)?;
            Some(recorded.profile(&plugin)?)
        }
        None => None,
    };
    let content = match args.format {
        ProfileFormat::Table => table(args, &profile, old.as_ref()),
        ProfileFormat::Svg => Tree::new(&profile, old.as_ref()).svg(),
        ProfileFormat::Folded => Tree::new(&profile, old.as_ref()).folded(),
        ProfileFormat::Speedscope => speedscope(&profile).to_string(),
        ProfileFormat::Json => serde_json::to_string(&profile).unwrap_or_default(),
    };
    match args.format {
        ProfileFormat::Speedscope | ProfileFormat::Json if args.output.is_none() => {
            print_json(&content)
        }
        _ => args.look.write(&content, args.output.as_deref()),
    }
}

/// The phases by name, the call first.
pub fn phases(profile: &Profile) -> [(&'static str, &PhaseProfile); 2] {
    [
        ("call", &profile.call),
        ("initialization", &profile.initialization),
    ]
}

/// The functions that burn more than in another profile, those that burn the most more first: what each
/// burnt there, and burns.
pub fn dearer(old: &Profile, new: &Profile) -> Vec<(String, u64, u64)> {
    let mut burnt: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (_, phase) in phases(old) {
        for function in &phase.functions {
            burnt.entry(function.name.as_str()).or_default().0 += function.fuel;
        }
    }
    for (_, phase) in phases(new) {
        for function in &phase.functions {
            burnt.entry(function.name.as_str()).or_default().1 += function.fuel;
        }
    }
    let more = burnt.into_iter().filter(|(_, (old, new))| new > old);
    let mut more: Vec<(String, u64, u64)> = more
        .map(|(name, (old, new))| (name.to_owned(), old, new))
        .collect();
    more.sort_by_key(|(_, old, new)| std::cmp::Reverse(new - old));
    more
}

/// The most rows of a table.
const MOST_ROWS: usize = 40;

/// A row: what burnt how much.
struct Row {
    fuel: u64,
    before: u64,
    /// What is shown between the fuel and the name.
    details: String,
    name: String,
    /// Whether it comes last, however much it burnt.
    is_rest: bool,
}

fn table(args: &ProfileArgs, profile: &Profile, old: Option<&Profile>) -> String {
    let mut text = String::new();
    let before = old.map(phases);
    for (at, (name, phase)) in phases(profile).into_iter().enumerate() {
        let old = before.and_then(|old| old.get(at).map(|(_, phase)| *phase));
        if phase.fuel == 0 && at > 0 {
            continue;
        }
        let runs = counted(profile.runs, "run");
        let mut title = format!("{name}: {} units of fuel in {runs}", phase.fuel);
        if let Some(old) = old {
            title.push_str(&format!(", {} before", old.fuel));
        }
        let (head, rows) = match args.lines {
            true => ("  line", lines(phase, old)),
            false => ("  total %      calls  function", functions(phase, old)),
        };
        let change = match old {
            Some(_) => "      change",
            None => "",
        };
        text.push_str(&format!("{title}\n{:>14}      %{change}{head}\n", "fuel"));
        text.push_str(&written(rows, phase.fuel, old.is_some()));
    }
    text
}

fn written(mut rows: Vec<Row>, all: u64, compares: bool) -> String {
    rows.retain(|row| row.fuel > 0 || row.before > 0);
    rows.sort_by(|one, other| {
        let by_change = |row: &Row| row.fuel.abs_diff(row.before);
        let order = match compares {
            true => by_change(other).cmp(&by_change(one)),
            false => other.fuel.cmp(&one.fuel),
        };
        order.then_with(|| one.name.cmp(&other.name))
    });
    let (last, rows): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| row.is_rest);
    let line = |row: &Row| {
        let change = match compares {
            true => format!("  {:>+10}", i128::from(row.fuel) - i128::from(row.before)),
            false => String::new(),
        };
        let share = percent(row.fuel, all);
        let Row {
            fuel,
            details,
            name,
            ..
        } = row;
        format!("{fuel:>14}  {share:>5.1}{change}{details}  {name}\n")
    };
    let mut text: String = rows.iter().take(MOST_ROWS).map(line).collect();
    let rest = rows.get(MOST_ROWS..).unwrap_or_default();
    if !rest.is_empty() {
        let fuel: u64 = rest.iter().map(|row| row.fuel).sum();
        let share = percent(fuel, all);
        text.push_str(&format!(
            "{fuel:>14}  {share:>5.1}  ({} more)\n",
            rest.len()
        ));
    }
    text.extend(last.iter().map(line));
    text
}

fn functions(phase: &PhaseProfile, old: Option<&PhaseProfile>) -> Vec<Row> {
    let mut before: BTreeMap<(&str, bool), u64> = BTreeMap::new();
    for function in old.iter().flat_map(|old| &old.functions) {
        before.insert((function.name.as_str(), function.is_host), function.fuel);
    }
    let mut rows: Vec<Row> = Vec::new();
    for function in &phase.functions {
        let moved = match function.bytes {
            0 => String::new(),
            bytes => format!("   {}", counted(bytes, "byte")),
        };
        let kind = if function.is_host { "effect " } else { "" };
        rows.push(Row {
            fuel: function.fuel,
            before: before
                .remove(&(function.name.as_str(), function.is_host))
                .unwrap_or(0),
            details: format!(
                "    {:>5.1} {:>10}",
                percent(function.total, phase.fuel),
                function.calls
            ),
            name: format!("{kind}{}{moved}", short(&function.name)),
            is_rest: function.is_host,
        });
    }
    for ((name, _), before) in before {
        rows.push(Row {
            fuel: 0,
            before,
            details: format!("    {:>5.1} {:>10}", 0.0, 0),
            name: short(&name.into()),
            is_rest: false,
        });
    }
    rows.push(Row {
        fuel: host(phase),
        before: old.map_or(0, host),
        details: format!("    {:>5.1} {:>10}", 100.0, ""),
        name: "(the host: config and result)".to_owned(),
        is_rest: true,
    });
    rows
}

/// What the host burnt outside of functions.
fn host(phase: &PhaseProfile) -> u64 {
    phase.paths.first().map_or(0, |root| root.fuel)
}

/// The fuel of a part of a phase.
type Part = fn(&PhaseProfile) -> u64;

fn lines(phase: &PhaseProfile, old: Option<&PhaseProfile>) -> Vec<Row> {
    let row = |name: String, [fuel, before]: [u64; 2], is_rest| Row {
        fuel,
        before,
        details: String::new(),
        name,
        is_rest,
    };
    let mut all: BTreeMap<(&str, u32), (u64, u64)> = BTreeMap::new();
    for line in &phase.lines {
        all.entry((line.file.as_str(), line.line)).or_default().0 += line.fuel;
    }
    for line in old.iter().flat_map(|old| &old.lines) {
        all.entry((line.file.as_str(), line.line)).or_default().1 += line.fuel;
    }
    let mut rows: Vec<Row> = all
        .into_iter()
        .map(|((file, line), (fuel, before))| {
            let name = format!("{}:{line}", short(&file.into()));
            row(name, [fuel, before], false)
        })
        .collect();
    // What is not of a line, so that all of it adds up.
    let parts: [(&str, Part); 3] = [
        ("(code without lines)", |phase| {
            let lines: u64 = phase.lines.iter().map(|line| line.fuel).sum();
            let operators = phase.functions.iter().map(|function| function.operators);
            operators.sum::<u64>().saturating_sub(lines)
        }),
        (
            "(bytes that code moved: memory.copy, memory.grow and such)",
            |phase| {
                let guest = phase.functions.iter().filter(|function| !function.is_host);
                guest
                    .map(|function| function.fuel.saturating_sub(function.operators))
                    .sum()
            },
        ),
        ("(the host: effects, config and result)", |phase| {
            let effects = phase.functions.iter().filter(|function| function.is_host);
            effects.map(|function| function.fuel).sum::<u64>() + host(phase)
        }),
    ];
    for (name, fuel) in parts {
        let both = [fuel(phase), old.map_or(0, fuel)];
        rows.push(row(name.to_owned(), both, true));
    }
    rows
}

/// The format of speedscope: see <https://github.com/jlfwong/speedscope/wiki/Importing-from-custom-sources>.
fn speedscope(profile: &Profile) -> Value {
    let mut frames: Vec<Value> = Vec::new();
    let mut profiles: Vec<Value> = Vec::new();
    for (name, phase) in phases(profile) {
        let first = frames.len();
        frames.push(json!({ "name": format!("({name})") }));
        frames.extend(
            phase
                .functions
                .iter()
                .map(|function| json!({ "name": short(&function.name) })),
        );
        let mut stacks: Vec<Vec<usize>> = Vec::new();
        let (mut samples, mut weights) = (Vec::new(), Vec::new());
        for path in &phase.paths {
            let caller = path.caller.and_then(|caller| stacks.get(caller));
            let mut stack = caller.cloned().unwrap_or_default();
            stack.push(first + path.function.map_or(0, |function| function + 1));
            if path.fuel > 0 {
                samples.push(json!(stack));
                weights.push(path.fuel);
            }
            stacks.push(stack);
        }
        profiles.push(json!({
            "type": "sampled", "name": name, "unit": "none", "startValue": 0, "endValue": phase.fuel,
            "samples": samples, "weights": weights,
        }));
    }
    json!({
        "$schema": "https://www.speedscope.app/file-format-schema.json",
        "exporter": concat!("tollgate ", env!("CARGO_PKG_VERSION")),
        "name": "fuel",
        "shared": { "frames": frames },
        "profiles": profiles,
    })
}

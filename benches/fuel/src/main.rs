//! Prints how fair fuel is, as a table: for each program its fuel, the operators that it executes, fuel
//! for each second of the processor, and its time against the bare engine on the original module.
//!
//! `fuel` prints the table; `fuel run PROGRAM tollgate|coverage|comparisons|bare TIMES` only runs one, for a tool that
//! counts instructions. `benches/fuel.sh` does both.

// The reference that the library's tests have.
#[path = "../../../tests/exact/mod.rs"]
mod exact;
// The outside, for the bare engine.
#[path = "../../compare/src/stubs.rs"]
#[allow(dead_code)]
mod stubs;

mod bare;
mod programs;
mod time;

use bare::Bare;
use programs::Program;
use std::process::ExitCode;
use time::Fastest;
use tollgate::{FuelLimit, Instance, ModuleCache, Plugin, Runtime, inspect::Instruments};

/// Calls before the one that is counted: an instance of Go does more in its first, and what is timed are
/// later ones.
const WARM: u32 = 3;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        [] => table(),
        ["run", name, how, times] => {
            let times = times.parse().expect("TIMES is a number");
            let program = programs::all()
                .into_iter()
                .find(|known| known.name == *name);
            run(&program.expect("a program of the table"), how, times);
        }
        _ => {
            eprintln!("fuel [run PROGRAM tollgate|coverage|comparisons|bare TIMES]");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn run(program: &Program, how: &str, times: u32) {
    if how == "bare" {
        let mut bare = Bare::new(&program.module).expect("it needs no host functions");
        for _ in 0..times {
            bare.observe(&program.config).expect("a program of ours");
        }
        return;
    }
    let plugin = load(program, &program.module);
    let coverage = Instruments::COVERAGE;
    let plugin = match how {
        "coverage" => plugin.instrumented(coverage),
        "comparisons" => plugin.instrumented(coverage | Instruments::COMPARISONS),
        _ => Ok(plugin),
    };
    let mut instance = start(&plugin.expect("they can have instruments"));
    for _ in 0..times {
        observe(&mut instance, program);
    }
}

fn table() {
    let dispatch = if cfg!(feature = "fast-dispatch") && !cfg!(feature = "portable-dispatch") {
        "fast"
    } else {
        "portable"
    };
    println!(
        "| program ({dispatch} dispatch) | fuel | operators | ratio | M fuel/s | time / bare | load, ms | load / bare |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    let (mut slowest, mut fastest) = (f64::MAX, 0.0_f64);
    for program in programs::all() {
        let row = Row::measure(&program);
        slowest = slowest.min(row.rate());
        fastest = fastest.max(row.rate());
        row.print(program.name);
    }
    println!();
    println!(
        "Fuel for each second of the processor: within a factor of {:.1}.",
        fastest / slowest
    );
}

/// What is measured of a program.
struct Row {
    fuel: u64,
    operators: u64,
    time: Fastest,
    bare: Option<Fastest>,
    load: Fastest,
    bare_load: Fastest,
}

impl Row {
    fn measure(program: &Program) -> Row {
        let counting = exact::instrument_plugin(&program.module);
        let mut counting = start(&load(program, &counting));
        let mut counted = || exact::read_counted(&observe(&mut counting, program)).operators;
        let before = (0..WARM).map(|_| counted()).last();
        let operators = counted() - before.unwrap_or(0);

        let mut instance = start(&load(program, &program.module));
        for _ in 0..=WARM {
            observe(&mut instance, program);
        }
        let usage = instance.usage();
        // What crosses the boundary is charged by the byte, and is no code.
        let fuel = usage.fuel - usage.bytes_in - usage.bytes_out;

        let mut bare = Bare::new(&program.module);
        let mut time = Fastest::default();
        let mut bare_time = Fastest::default();
        while time.wants_more() {
            time.measure(|| observe(&mut instance, program));
            if let Some(bare) = &mut bare {
                bare_time.measure(|| bare.observe(&program.config).expect("a program of ours"));
            }
        }
        let mut load_time = Fastest::default();
        let mut bare_load = Fastest::default();
        while load_time.wants_more() {
            load_time.measure(|| load(program, &program.module));
            bare_load.measure(|| bare::compile(&program.module));
        }
        Row {
            fuel,
            operators,
            time,
            bare: bare.is_some().then_some(bare_time),
            load: load_time,
            bare_load,
        }
    }

    /// Units for each second.
    fn rate(&self) -> f64 {
        self.fuel as f64 / self.time.seconds()
    }

    fn print(&self, name: &str) {
        let against = |ours: &Fastest, theirs: &Fastest| ours.seconds() / theirs.seconds();
        let bare = self.bare.as_ref();
        println!(
            "| {name} | {} | {} | {:.2} | {:.0} | {} | {:.1} | {:.2} |",
            self.fuel,
            self.operators,
            self.fuel as f64 / self.operators as f64,
            self.rate() / 1e6,
            bare.map_or(String::new(), |bare| format!(
                "{:.2}",
                against(&self.time, bare)
            )),
            self.load.seconds() * 1e3,
            against(&self.load, &self.bare_load),
        );
    }
}

fn load(program: &Program, module: &[u8]) -> Plugin {
    let mut builder = Runtime::builder()
        .module_cache(ModuleCache::new())
        .fuel(FuelLimit::Unlimited);
    for grant in &program.grants {
        builder = builder.grant("plugin", grant.parse().expect("a grant of ours"));
    }
    let runtime = builder.build().expect("options of ours");
    runtime.load("plugin", module).expect("a plugin of ours")
}

fn start(plugin: &Plugin) -> Instance {
    plugin.instance().expect("a plugin of ours")
}

fn observe(instance: &mut Instance, program: &Program) -> Vec<u8> {
    instance
        .observe_bytes(&program.config)
        .expect("a program of ours")
}

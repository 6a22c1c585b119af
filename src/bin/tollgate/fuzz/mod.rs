//! `tollgate fuzz`: finds inputs for which a plugin fails, by the edges and the comparisons of its code. `worker` is
//! the loop; `solve` and `havoc` make inputs; `findings` writes what was found.

mod args;
mod candidates;
mod chain;
mod confirm;
mod content;
mod corpus;
mod encode;
mod findings;
mod havoc;
mod held;
mod json;
mod minimise;
mod random;
mod rare;
mod recorded;
mod reply;
mod scene;
mod sha1;
mod shared;
mod solve;
mod stable;
mod survey;
mod target;
mod tokens;
mod vary;
mod worker;
mod world;

pub use args::FuzzArgs;

use crate::{
    Exit, Failure, files,
    output::{complain, print_line},
    read_module,
};
use findings::Findings;
use json::Shapes;
use random::Random;
use shared::{Shared, lock};
use std::{
    fs,
    path::Path,
    sync::{Arc, atomic::Ordering},
};
use target::{Judge, Plugins};
use tollgate::printable::counted;
use worker::Worker;
use world::Worlds;

/// Fuzzes a plugin. There are findings, or there are none.
pub fn run(args: &FuzzArgs) -> Result<Exit, Failure> {
    let module = read_module(&args.plugin.plugin)?;
    let mut tokens = match &args.dictionary {
        Some(path) => tokens::of_file(path)?,
        None => Vec::new(),
    };
    tokens.extend(tokens::of_module(&module));
    let expect = args.expect.as_deref().map(read_schema).transpose()?;
    let world = args.plugin.simulated_world(args.rng_seed);
    let worlds = args.fuzz_world.then(|| Worlds::new(world.clone()));
    let runtime = match worlds.clone() {
        Some(worlds) => args.runtime(move || worlds.world()),
        None => args.runtime(move || world.clone()),
    };
    let runtime = runtime.build()?;
    let plugin = args.load(&runtime, &module)?;
    let judge = Judge {
        raw: args.raw,
        expect,
    };
    let plugins = Arc::new(Plugins::new(
        plugin.clone(),
        judge.clone(),
        worlds,
        !args.no_instruments,
    )?);
    if !args.input.is_empty() {
        return run_inputs(args, &plugins);
    }
    if args.minimize_corpus {
        return survey::minimize(args, &plugins);
    }
    if let Some(to) = &args.coverage_report {
        return survey::coverage(args, &plugins, &module, to.as_deref());
    }
    let mut seeds = seeds(args)?;
    // A plugin without a schema has configs of any shape.
    let schema = if args.raw { None } else { plugin.schema().ok() };
    let shapes = (!args.raw).then(|| {
        let schema = schema.map(|schema| schema.document().clone());
        Arc::new(Shapes::new(schema.unwrap_or_default(), &tokens))
    });
    if let Some(shapes) = &shapes {
        seeds.extend(shapes.seeds(&mut Random::new(args.rng_seed)));
    }
    let findings = Findings::new(args, module.into(), judge);
    let shared = Shared::new(args, findings);
    let workers = (0..args.jobs.into())
        .map(|job| Worker::new(job, &shared, &plugins, shapes.clone(), tokens.clone()));
    let mut workers: Vec<Worker<'_>> = workers.collect::<Result<_, _>>()?;
    std::thread::scope(|scope| {
        for worker in &mut workers {
            scope.spawn(|| worker.work(&seeds));
        }
    });
    report(&shared, &workers)
}

/// Runs inputs once each, without instruments.
fn run_inputs(args: &FuzzArgs, plugins: &Plugins) -> Result<Exit, Failure> {
    let mut instance = plugins.plain.instance()?;
    let mut exit = Exit::Success;
    for path in &args.input {
        let input = fs::read(path).map_err(|error| Failure::file(path, error))?;
        instance.reset()?;
        match plugins.run(&mut instance, &input).problem {
            None => print_line(format_args!("{}: no problem", path.display()))?,
            Some(problem) => {
                exit = Exit::CheckFailed;
                print_line(format_args!(
                    "{}: {}: {}",
                    path.display(),
                    problem.kind,
                    problem.message
                ))?
            }
        };
    }
    Ok(exit)
}

/// Prints what came out of it.
fn report(shared: &Shared<'_>, workers: &[Worker<'_>]) -> Result<Exit, Failure> {
    let runs = shared.runs.load(Ordering::Relaxed);
    let seconds = shared.seconds();
    complain(format_args!(
        "{runs} runs in {seconds:.1} s, {:.0} a second",
        runs as f64 / seconds
    ));
    if let Some(failure) = lock(&shared.failure).take() {
        return Err(failure);
    }
    let (edges, all, corpus) = workers
        .iter()
        .map(Worker::figures)
        .max()
        .unwrap_or_default();
    let listed = &lock(&shared.findings).listed;
    print_line(format_args!("runs      {runs}"))?;
    print_line(format_args!("edges     {edges} of {all}"))?;
    print_line(format_args!("corpus    {corpus}"))?;
    print_line(format_args!("findings  {}", listed.len()))?;
    for [name, message, command] in listed {
        print_line(format_args!("  {name}: {message}"))?;
        print_line(format_args!("    {command}"))?;
    }
    Ok(if listed.is_empty() {
        Exit::Success
    } else {
        Exit::CheckFailed
    })
}

fn read_schema(path: &Path) -> Result<serde_json::Value, Failure> {
    let text = files::read_text(path).map_err(|error| Failure::file(path, error))?;
    serde_json::from_str(&text).map_err(|error| Failure::file(path, error))
}

/// The inputs to begin with: those of the corpus in the order of their names, and a few of different lengths. Their
/// bytes are random, so that each operand of a comparison stands in few places.
fn seeds(args: &FuzzArgs) -> Result<Vec<Vec<u8>>, Failure> {
    let mut seeds = Vec::new();
    for path in &args.seeds {
        seeds.push(recorded::input(path, args.fuzz_world)?);
    }
    if let Some(directory) = &args.corpus {
        let inputs = survey::inputs(directory)?;
        complain(format_args!("{} read", counted(inputs.len(), "input")));
        seeds.extend(inputs.into_iter().map(|(_, input)| input));
    }
    // Those of a plugin are made of its schema.
    let lens: &[usize] = if args.raw {
        &[0, 1, 4, 8, 16, 24, 32, 48, 64, 128]
    } else {
        &[]
    };
    let mut random = Random::new(args.rng_seed);
    for len in lens.iter().copied() {
        seeds.push((0..len).map(|_| random.byte()).collect());
        seeds.push((0..len).map(|_| b' ' + random.byte() % 95).collect());
    }
    let most = usize::try_from(args.max_len).unwrap_or(usize::MAX);
    seeds.retain(|seed| seed.len() <= most);
    Ok(seeds)
}

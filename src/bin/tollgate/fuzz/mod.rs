//! `tollgate fuzz`: finds inputs for which a plugin fails, by the edges and the comparisons of its code. `worker` is
//! the loop; `solve` and `havoc` make inputs; `findings` writes what was found.

mod args;
mod candidates;
mod chain;
mod corpus;
mod encode;
mod findings;
mod havoc;
mod json;
mod random;
mod sha1;
mod shared;
mod solve;
mod target;
mod tokens;
mod worker;

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
    fs, io,
    path::Path,
    sync::{Arc, atomic::Ordering},
};
use target::Plugins;
use tollgate::printable::counted;
use worker::Worker;

/// Fuzzes a plugin. There are findings, or there are none.
pub fn run(args: &FuzzArgs) -> Result<Exit, Failure> {
    let module = read_module(&args.plugin.plugin)?;
    let mut tokens = match &args.dictionary {
        Some(path) => tokens::of_file(path)?,
        None => Vec::new(),
    };
    tokens.extend(tokens::of_module(&module));
    let expect = args.expect.as_deref().map(read_schema).transpose()?;
    let name = args.plugin.name();
    let mut builder = args.runtime();
    for grant in &args.grants {
        builder = builder.grant(&name, grant.clone());
    }
    let runtime = builder.build()?;
    let plugin = match args.raw {
        true => runtime.load_harness(&name, module)?,
        false => runtime.load(&name, module)?,
    };
    let plugins = Arc::new(Plugins::new(
        plugin.clone(),
        args.raw,
        expect,
        !args.no_instruments,
    )?);
    if !args.input.is_empty() {
        return run_inputs(args, &plugins);
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
    let findings = Findings::new(args, plugin, args.plugin.world_text(args.rng_seed));
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
        match plugins.run(&mut instance, &input) {
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
    if let Some(directory) = &args.corpus {
        let failed = |error: io::Error| Failure::file(directory, error);
        fs::create_dir_all(directory).map_err(failed)?;
        let entries = fs::read_dir(directory).map_err(failed)?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        let mut paths: Vec<_> = paths.collect::<Result<_, _>>().map_err(failed)?;
        paths.sort();
        for path in paths.iter().filter(|path| path.is_file()) {
            seeds.push(fs::read(path).map_err(|error| Failure::file(path, error))?);
        }
        complain(format_args!("{} read", counted(seeds.len(), "input")));
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

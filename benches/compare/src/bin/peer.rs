//! One peer, at work: built once for each, with its feature. `compare` starts it and reads what
//! it prints.
//!
//! * `peer describe|observe VARIANT MODULE [CONFIG]`: from nothing to the answer, printed
//! * `peer bake VARIANT MODULE TO`: writes the module with its initialisation done
//! * `peer memory loaded|idle VARIANT COUNT MODULE`: bytes of memory that so many take
//! * `peer serve VARIANT MODULE CONFIG THREADS MILLISECONDS`: one sample for each line read

use compare::{
    Object, Peer, Plugin,
    engine::{Engine, Module},
};
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::{
    any::Any,
    hint::black_box,
    io::{BufRead, Write},
    process::ExitCode,
    time::Instant,
};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            println!("cannot: {}", reason.lines().next().unwrap_or_default());
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Result<(), String> {
    match *args {
        ["describe", variant, module] => {
            println!("{}", load(variant, module)?.1.describe()?);
        }
        ["observe", variant, module, config] => {
            let (_engine, module) = load(variant, module)?;
            println!("{}", module.observe(&parse(config)?)?);
        }
        ["bake", variant, module, to] => {
            let baked = Engine::bake(&load(variant, module)?.1)?;
            std::fs::write(to, baked).map_err(|error| error.to_string())?;
        }
        ["memory", what, variant, count, module] => {
            let count = count.parse().map_err(|_| "not a number")?;
            println!("{}", memory(what == "idle", variant, count, module)?);
        }
        ["serve", variant, module, config, threads, milliseconds] => {
            let threads = threads.parse().map_err(|_| "not a number")?;
            let milliseconds: u64 = milliseconds.parse().map_err(|_| "not a number")?;
            serve(
                variant,
                module,
                parse(config)?,
                threads,
                milliseconds * 1_000_000,
            )?;
        }
        _ => return Err("see the top of bin/peer/main.rs".to_owned()),
    }
    Ok(())
}

fn load(variant: &str, module: &str) -> Result<(Engine, Module), String> {
    let wasm = std::fs::read(module).map_err(|error| error.to_string())?;
    let engine = Engine::new(variant)?;
    let module = engine.load(wasm)?;
    Ok((engine, module))
}

/// A config as text or, for large ones, as `@` and a file.
fn parse<Config: From<Object>>(config: &str) -> Result<Config, String> {
    let text = match config.strip_prefix('@') {
        Some(file) => std::fs::read_to_string(file).map_err(|error| error.to_string())?,
        None => config.to_owned(),
    };
    let object: Object = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    Ok(object.into())
}

/// Prints the evidence, and for each line read how long an observe took, in nanoseconds by the
/// clock and by the processor.
fn serve(
    variant: &str,
    module: &str,
    config: <Module as Plugin>::Config,
    threads: usize,
    enough: u64,
) -> Result<(), String> {
    let (_engine, module) = load(variant, module)?;
    println!("{}", module.observe(&config)?);
    let sample = |times: u64| -> Result<(u64, u64), String> {
        let (clock, processor) = (Instant::now(), processor_time());
        if threads > 1 {
            Engine::in_threads(&module, &config, times, threads)?;
        } else {
            for _ in 0..times {
                black_box(module.observe(black_box(&config))?);
            }
        }
        Ok((
            clock.elapsed().as_nanos() as u64,
            processor_time() - processor,
        ))
    };
    // The first one warms up, the second tells how many are enough.
    let mut times = 1;
    sample(times)?;
    loop {
        let (_, took) = sample(times)?;
        if took * 2 >= enough || times >= 1 << 24 {
            times = (times * enough / took.max(1)).clamp(1, 1 << 24);
            break;
        }
        times *= 2;
    }
    for line in std::io::stdin().lock().lines() {
        line.map_err(|error| error.to_string())?;
        let (clock, processor) = sample(times)?;
        let times = times as f64 * threads as f64;
        println!("{} {}", clock as f64 / times, processor as f64 / times);
        std::io::stdout()
            .flush()
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

fn processor_time() -> u64 {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::ProcessCPUTime);
    tv_sec as u64 * 1_000_000_000 + tv_nsec as u64
}

/// How much more memory the process holds when it has `count` plugins of different content, or
/// `count` instances of one.
fn memory(idle: bool, variant: &str, count: usize, path: &str) -> Result<u64, String> {
    let engine = Engine::new(variant)?;
    let wasm = std::fs::read(path).map_err(|error| error.to_string())?;
    let before = resident()?;
    let kept: Vec<Box<dyn Any>> = if idle {
        let module = engine.load(wasm)?;
        (0..count)
            .map(|_| module.idle())
            .collect::<Result<_, _>>()?
    } else {
        drop(wasm);
        let one = |number: usize| {
            let mut wasm = std::fs::read(path).map_err(|error| error.to_string())?;
            // A custom section named "n" with the number in it, so that no two are the same.
            wasm.extend_from_slice(&[0, 6, 1, b'n']);
            wasm.extend_from_slice(&(number as u32).to_le_bytes());
            let module = engine.load(wasm)?;
            module.describe()?;
            Ok(Box::new(module) as Box<dyn Any>)
        };
        (0..count).map(one).collect::<Result<_, String>>()?
    };
    let after = resident()?;
    drop(kept);
    Ok(after.saturating_sub(before))
}

fn resident() -> Result<u64, String> {
    let status = std::fs::read_to_string("/proc/self/status")
        .map_err(|_| "this system has no /proc".to_owned())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Ok(number.ok_or("/proc has another form")? * 1024)
}

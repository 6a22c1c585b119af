//! `tollgate observe --configs`: many configs in, one a line, and their evidence out, in the same order, over all
//! cores. A batch is read, run and printed as it goes: of a long one, a bounded number of lines is in memory.

use crate::{
    Exit, Failure,
    args::ObserveArgs,
    files,
    output::{evidence_json, print_json, summary},
    terminal::Bar,
};
use serde_json::json;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    num::NonZero,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};
use tollgate::{
    Call, Config, ConfigValidation, Error, Limits, Observation, Plugin, RuntimeBuilder,
    printable::counted,
};

/// So many lines for each thread may be read before the first of them is printed.
const AHEAD: usize = 16;

/// One line of the batch, and where its result goes.
struct Job {
    line: Line,
    done: SyncSender<Done>,
}

/// A line as it was read.
struct Line {
    text: Result<String, String>,
    /// Its bytes, with the newline.
    bytes: u64,
}

struct Done {
    outcome: Result<Observation, (Exit, String)>,
    took: Duration,
    bytes: u64,
}

/// What was done so far.
#[derive(Default)]
struct Tally {
    lines: u64,
    passed: u64,
    failed: u64,
    errors: u64,
    /// The line that took longest, and how long.
    slowest: Option<(u64, Duration)>,
}

/// The number of threads.
fn jobs(args: &ObserveArgs) -> usize {
    let cores = || thread::available_parallelism().map_or(1, NonZero::get);
    args.jobs.map_or_else(cores, NonZero::get)
}

/// The options of a runtime for many calls: each config is validated as part of its call, and each thread keeps
/// an instance. A backtrace for each of many failures would take longer than the calls.
pub fn options(args: &ObserveArgs, builder: RuntimeBuilder) -> RuntimeBuilder {
    let builder = builder.idle_instances(jobs(args)).backtraces(false);
    match (args.no_validate, args.strict) {
        (true, _) => builder,
        (false, true) => builder.validate_configs(ConfigValidation::Strict),
        (false, false) => builder.validate_configs(ConfigValidation::Lenient),
    }
}

/// Runs the plugin with each config of the file.
pub fn run(
    args: &ObserveArgs,
    plugin: &Plugin,
    path: &Path,
    limits: &Limits,
) -> Result<Exit, Failure> {
    let (input, size): (Box<dyn Read + Send>, Option<u64>) = match files::is_standard_input(path) {
        true => (Box::new(io::stdin()), None),
        false => {
            let file = File::open(path).map_err(|error| Failure::file(path, error))?;
            let size = file
                .metadata()
                .ok()
                .filter(|it| it.is_file())
                .map(|it| it.len());
            (Box::new(file), size)
        }
    };
    let threads = jobs(args);
    let limit = limits.request_bytes;
    let (jobs, work) = sync_channel::<Job>(threads);
    let (order, results) = sync_channel::<Receiver<Done>>(threads.saturating_mul(AHEAD));
    // Not joined: what waits for input, or runs a call whose result nobody wants, ends with the process.
    thread::spawn(move || read(BufReader::new(input), limit, &jobs, &order));
    let work = Arc::new(Mutex::new(work));
    for _ in 0..threads {
        let (work, plugin, fills) = (work.clone(), plugin.clone(), args.fill_defaults);
        thread::spawn(move || work_for(&work, &plugin, fills));
    }
    let bar = Bar::new(size);
    let mut tally = Tally::default();
    let mut worst = Exit::Success;
    for result in results {
        let Ok(done) = result.recv() else {
            return Err(Failure::new(
                Exit::PluginFailed,
                "a thread of the batch ended",
            ));
        };
        let exit = tally.print(done, &bar)?;
        if let Exit::CheckFailed | Exit::Success = exit {
            if let Exit::Success = worst {
                worst = exit;
            }
            continue;
        }
        if !matches!(worst, Exit::PluginFailed) {
            worst = exit;
        }
        if !args.keep_going {
            break;
        }
    }
    bar.end();
    tally.report(args.keep_going);
    Ok(worst)
}

/// Reads lines until there are no more, or nobody wants them.
fn read(
    mut input: impl BufRead,
    limit: u32,
    jobs: &SyncSender<Job>,
    order: &SyncSender<Receiver<Done>>,
) {
    while let Some(line) = read_line(&mut input, limit) {
        let ends = line.text.is_err() && line.bytes == 0;
        let (done, result) = sync_channel(1);
        if order.send(result).is_err() || jobs.send(Job { line, done }).is_err() || ends {
            return;
        }
    }
}

/// The next line, of which no more than the limit is kept.
fn read_line(input: &mut impl BufRead, limit: u32) -> Option<Line> {
    let mut kept = Vec::new();
    let most = u64::from(limit).saturating_add(2);
    let read = input.by_ref().take(most).read_until(b'\n', &mut kept);
    let failed = |error: io::Error| Line {
        text: Err(format!("cannot read the configs: {error}")),
        bytes: 0,
    };
    let mut bytes = match read {
        Ok(0) => return None,
        Ok(bytes) => bytes as u64,
        Err(error) => return Some(failed(error)),
    };
    let is_long = bytes == most && !kept.ends_with(b"\n");
    if is_long {
        match skip_line(input) {
            Ok(skipped) => bytes = bytes.saturating_add(skipped),
            Err(error) => return Some(failed(error)),
        }
    }
    let text = match String::from_utf8(kept) {
        _ if is_long => Err(format!("the config is longer than {limit} bytes")),
        Ok(text) if text.trim().is_empty() => Err("the line is empty".to_owned()),
        Ok(text) => Ok(text),
        Err(_) => Err("the config is not UTF-8".to_owned()),
    };
    Some(Line { text, bytes })
}

/// Skips the rest of a line. Returns its bytes.
fn skip_line(input: &mut impl BufRead) -> io::Result<u64> {
    let mut skipped = 0_u64;
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let bytes = end.map_or(buffer.len(), |end| end.saturating_add(1));
        input.consume(bytes);
        skipped = skipped.saturating_add(bytes as u64);
        if end.is_some() || bytes == 0 {
            return Ok(skipped);
        }
    }
}

/// Does jobs until there are no more.
fn work_for(work: &Mutex<Receiver<Job>>, plugin: &Plugin, fills_defaults: bool) {
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { line, done }) = next else {
            return;
        };
        let start = Instant::now();
        let outcome = observe(plugin, line.text, fills_defaults);
        let (took, bytes) = (start.elapsed(), line.bytes);
        // Nobody waits for it any more, if the batch has ended.
        let _ = done.send(Done {
            outcome,
            took,
            bytes,
        });
    }
}

fn observe(
    plugin: &Plugin,
    text: Result<String, String>,
    fills_defaults: bool,
) -> Result<Observation, (Exit, String)> {
    let text = text.map_err(|why| (Exit::BadInput, why))?;
    let config: Config = text
        .parse()
        .map_err(|error| (Exit::BadInput, format!("invalid config: {error}")))?;
    let config = match fills_defaults {
        true => plugin.with_defaults(&config).map_err(failure)?,
        false => config,
    };
    plugin.call(Call::new(&config)).map_err(failure)
}

fn failure(error: Error) -> (Exit, String) {
    let Failure { exit, message, .. } = error.into();
    (exit, message)
}

impl Tally {
    /// Prints the line of a result, and counts it.
    fn print(&mut self, done: Done, bar: &Bar) -> Result<Exit, Failure> {
        self.lines += 1;
        if self.slowest.is_none_or(|(_, longest)| done.took > longest) {
            self.slowest = Some((self.lines, done.took));
        }
        let (line, exit) = match done.outcome {
            Ok(observation) if observation.evidence.status => {
                self.passed += 1;
                (evidence_json(&observation.evidence), Exit::Success)
            }
            Ok(observation) => {
                self.failed += 1;
                (evidence_json(&observation.evidence), Exit::CheckFailed)
            }
            Err((exit, message)) => {
                self.errors += 1;
                let kind = match exit {
                    Exit::BadInput => "config",
                    _ => "plugin",
                };
                let error = json!({ "type": kind, "message": message });
                (
                    json!({ "line": self.lines, "error": error }).to_string(),
                    exit,
                )
            }
        };
        bar.pause(|| print_json(&line))?;
        bar.advance(done.bytes);
        Ok(exit)
    }

    fn report(&self, keep_going: bool) {
        let Tally {
            lines,
            passed,
            failed,
            errors,
            slowest,
        } = self;
        let slowest = slowest.map_or_else(String::new, |(line, took)| {
            format!("; slowest: line {line}, {:.3} s", took.as_secs_f64())
        });
        let stopped = match *errors > 0 && !keep_going {
            true => "; stopped at the first error (--keep-going goes on)",
            false => "",
        };
        summary(format_args!(
            "{}: {passed} passed, {failed} failed, {}{slowest}{stopped}",
            counted(*lines, "config"),
            counted(*errors, "error"),
        ));
    }
}

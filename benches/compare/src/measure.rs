//! Taking samples: the contenders of a row take turns, so that whatever else the machine does
//! meets all of them.

use crate::{
    contender::{Contender, HOST, Peers, cargo_build, crates},
    work::{Config, Guests, Measure, Row, document, excluded},
};
use serde_json::Value;
use std::{
    fs,
    hint::black_box,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Instant,
};

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Effort {
    /// Samples of each contender in each row.
    pub samples: usize,
    /// How long a sample of a process that stays shall take, at least.
    pub milliseconds: u64,
    /// Whether to build programs for their size.
    pub sizes: bool,
}

/// Samples of one contender in one row: nanoseconds, bytes or packages.
pub struct Samples {
    /// What the table shows: for work in a process that stays the processor's time, which others
    /// on the machine disturb less; for whole processes and for threads the clock's.
    pub shown: Vec<f64>,
    /// The same work by the clock.
    pub clock: Vec<f64>,
}

pub type Outcome = Result<Samples, String>;

/// Measures a row.
pub fn row(row: &Row, peers: &Peers, guests: &Guests, effort: Effort) -> Vec<(Contender, Outcome)> {
    let mut turns: Vec<(Contender, Result<Turn, String>)> = row
        .contenders
        .iter()
        .map(|contender| (*contender, Turn::new(row, contender, peers, guests, effort)))
        .collect();
    agree(&mut turns);
    // What cannot vary is taken once.
    let samples = match row.measure {
        Measure::Size | Measure::Crates => 1,
        _ => effort.samples,
    };
    let mut taken: Vec<Samples> = turns
        .iter()
        .map(|_| Samples {
            shown: Vec::new(),
            clock: Vec::new(),
        })
        .collect();
    for _ in 0..samples {
        for ((_, turn), samples) in turns.iter_mut().zip(&mut taken) {
            let Ok(running) = turn else { continue };
            match running.sample() {
                Ok((clock, shown)) => {
                    samples.clock.push(clock);
                    samples.shown.push(shown);
                }
                Err(reason) => *turn = Err(reason),
            }
        }
    }
    let outcomes = turns.into_iter().zip(taken);
    outcomes
        .map(|((contender, turn), samples)| (contender, turn.map(|_| samples)))
        .collect()
}

/// Everybody must have seen the same.
fn agree(turns: &mut [(Contender, Result<Turn, String>)]) {
    let answers = turns
        .iter()
        .filter_map(|(_, turn)| turn.as_ref().ok()?.answer.clone());
    let Some(first) = answers.into_iter().next() else {
        return;
    };
    for (_, turn) in turns {
        if let Ok(Turn {
            answer: Some(answer),
            ..
        }) = turn
            && *answer != first
        {
            *turn = Err(format!("it gave another answer: {answer}"));
        }
    }
}

/// A contender, ready to take a sample.
struct Turn {
    work: Work,
    answer: Option<Value>,
}

enum Work {
    Process(Command),
    Serving {
        child: Child,
        input: ChildStdin,
        output: BufReader<ChildStdout>,
        parts: f64,
        clock: bool,
    },
    Number(Command),
    Host(serde_json::Map<String, Value>),
    Known(f64),
}

impl Turn {
    fn new(
        row: &Row,
        contender: &Contender,
        peers: &Peers,
        guests: &Guests,
        effort: Effort,
    ) -> Result<Turn, String> {
        let work = |work| Turn { work, answer: None };
        let guest = match &row.measure {
            Measure::Process { guest, .. }
            | Measure::Observe { guest, .. }
            | Measure::Memory { guest, .. } => *guest,
            // Nothing of it is built for this.
            Measure::Crates => return Ok(work(Work::Known(crates(contender)? as f64))),
            Measure::Size if !effort.sizes => return Err("left out (ask with --sizes)".to_owned()),
            Measure::Size => {
                let program = cargo_build("minimal", "minimal", contender.feature)?;
                let size = fs::metadata(program)
                    .map_err(|error| error.to_string())?
                    .len();
                return Ok(work(Work::Known(size as f64)));
            }
        };
        if let (
            true,
            Measure::Observe {
                config: Config::Document(size),
                ..
            },
        ) = (*contender == HOST, &row.measure)
        {
            return Ok(work(Work::Host(document(*size))));
        }
        if let Some(reason) = excluded(contender, guest) {
            return Err(reason.to_owned());
        }
        let mut command = Command::new(peers.program(contender)?);
        let (module, variant) = guests.module(guest, contender);
        match &row.measure {
            Measure::Process {
                command: what,
                config,
                ..
            } => {
                command.args([what, variant]).arg(module);
                if !config.is_empty() {
                    command.arg(config);
                }
                Ok(work(Work::Process(command)))
            }
            Measure::Memory { what, count, .. } => {
                command
                    .args(["memory", what, variant])
                    .arg(count.to_string())
                    .arg(module);
                Ok(work(Work::Number(command)))
            }
            Measure::Observe {
                config,
                threads,
                parts,
                ..
            } => {
                command
                    .args(["serve", variant])
                    .arg(module)
                    .arg(guests.config(config)?);
                command
                    .arg(threads.to_string())
                    .arg(effort.milliseconds.to_string());
                serving(command, *parts, *threads > 1 || row.key.starts_with('h'))
            }
            Measure::Size | Measure::Crates => Err("not work".to_owned()),
        }
    }

    /// By the clock, and what is to be shown.
    fn sample(&mut self) -> Result<(f64, f64), String> {
        match &mut self.work {
            Work::Process(command) => {
                let clock = Instant::now();
                let output = command.output().map_err(|error| error.to_string())?;
                let took = clock.elapsed().as_nanos() as f64;
                said(&output)?;
                Ok((took, took))
            }
            Work::Number(command) => {
                let output = command.output().map_err(|error| error.to_string())?;
                let number = said(&output)?.trim().parse().map_err(|_| "no number")?;
                Ok((number, number))
            }
            Work::Serving {
                input,
                output,
                parts,
                clock,
                ..
            } => {
                writeln!(input).map_err(|_| "it ended")?;
                let line = line(output)?;
                let (by_clock, by_processor) = line.split_once(' ').ok_or(line.clone())?;
                let by_clock: f64 = by_clock.parse().map_err(|_| line.clone())?;
                let by_processor: f64 = by_processor.parse().map_err(|_| line.clone())?;
                let shown = if *clock { by_clock } else { by_processor };
                Ok((by_clock / *parts, shown / *parts))
            }
            Work::Host(document) => {
                let times =
                    1 + (20 << 20) / (document["items"].as_array().map_or(1, Vec::len) * 100 + 100);
                let (clock, processor) = (Instant::now(), processor_time());
                for _ in 0..times {
                    let text = serde_json::to_vec(black_box(&*document)).unwrap_or_default();
                    let _parsed: Value =
                        black_box(serde_json::from_slice(&text)).unwrap_or_default();
                }
                let times = times as f64;
                let by_clock = clock.elapsed().as_nanos() as f64 / times;
                Ok((by_clock, (processor_time() - processor) / times))
            }
            Work::Known(number) => Ok((*number, *number)),
        }
    }
}

/// How long this process has run on a processor, in nanoseconds.
fn processor_time() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
}

impl Drop for Work {
    fn drop(&mut self) {
        if let Work::Serving { child, .. } = self {
            // It has nothing left to do, and nobody listens.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn serving(mut command: Command, parts: f64, clock: bool) -> Result<Turn, String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let (input, output) = input.zip(output).ok_or("no pipes")?;
    let mut output = BufReader::new(output);
    let answer = line(&mut output)?;
    let answer: Value = serde_json::from_str(&answer).map_err(|_| answer)?;
    // What a document comes back as is the host's business; that it does was seen.
    let answer = if answer.get("items").is_some() {
        None
    } else {
        Some(answer)
    };
    Ok(Turn {
        work: Work::Serving {
            child,
            input,
            output,
            parts,
            clock,
        },
        answer,
    })
}

fn line(output: &mut BufReader<ChildStdout>) -> Result<String, String> {
    let mut line = String::new();
    output
        .read_line(&mut line)
        .map_err(|error| error.to_string())?;
    let line = line.trim();
    match line.strip_prefix("cannot: ") {
        Some(reason) => Err(reason.to_owned()),
        None if line.is_empty() => Err("it died".to_owned()),
        None => Ok(line.to_owned()),
    }
}

fn said(output: &std::process::Output) -> Result<String, String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    match text.lines().find_map(|line| line.strip_prefix("cannot: ")) {
        Some(reason) => Err(reason.to_owned()),
        None => Err(format!("it ended with {}", output.status)),
    }
}

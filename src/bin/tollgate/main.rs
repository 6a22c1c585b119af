//! The command line: reads files and flags, runs one plugin, prints the answer. Everything it
//! does, a program can do with the library.

// Data from guests, files and callers must never be able to panic us; tests may.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod args;
mod bake;
mod check;
mod explain;
mod guard;
mod new;
mod output;
mod replay;

use args::{Args, Command, Format, InspectArgs, ObserveArgs, PluginArgs};
use clap::Parser as _;
use guard::Prepared;
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tollgate::{
    Capability, Config, Error, Event, Grants, Inspection, ModuleCache, Observation, Plugin,
    RuntimeBuilder, Usage,
};

/// How a run ends. The numbers are part of the interface.
enum Exit {
    /// The evidence says that all is well, or the question was answered.
    Success = 0,
    /// The evidence says that it is not.
    CheckFailed = 1,
    /// The command line or a file it names is wrong.
    BadInput = 2,
    /// The plugin could not be loaded or did not run to its end.
    PluginFailed = 3,
    /// A replay did something else than its recording.
    Diverged = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// A message for stderr and the exit code that goes with it.
struct Failure(Exit, String);

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let exit = match error {
            Error::Build(_) | Error::Config { .. } => Exit::BadInput,
            _ => Exit::PluginFailed,
        };
        Failure(exit, error.to_string())
    }
}

fn main() -> ExitCode {
    let outcome = match Args::parse().command {
        Command::Describe(args) => describe(&args),
        Command::Schema(args) => schema(&args),
        Command::Inspect(args) => inspect(&args),
        Command::Observe(args) => observe(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Diff(args) => replay::diff(&args),
        Command::Bake(args) => bake::run(&args),
        Command::New(args) => new::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(args),
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(Failure(exit, message)) => {
            complain(&message);
            exit.into()
        }
    }
}

fn describe(args: &PluginArgs) -> Result<Exit, Failure> {
    let plugin = load(args, &read_module(&args.plugin)?)?;
    print(&*plugin.describe()?, args.format)
}

fn schema(args: &PluginArgs) -> Result<Exit, Failure> {
    let plugin = load(args, &read_module(&args.plugin)?)?;
    let schema = plugin.schema()?;
    match args.format {
        Format::Json => print_line(schema.raw()),
        Format::Pretty => print(schema.document(), Format::Pretty),
    }
}

fn inspect(args: &InspectArgs) -> Result<Exit, Failure> {
    let plugin = &args.plugin;
    let bytes = read_module(&plugin.plugin)?;
    let runtime = plugin.runtime().build()?;
    let inspection = Inspection::new(&bytes, runtime.limits()).map_err(|problem| {
        Failure::from(Error::Load {
            plugin: plugin.name(),
            problem,
        })
    })?;
    let mut report = serde_json::to_value(&inspection).unwrap_or_default();
    if args.timings && inspection.problems.is_empty() {
        report["timings_ms"] = timings(plugin, &bytes)?;
    }
    print(&report, plugin.format)?;
    Ok(if inspection.problems.is_empty() {
        Exit::Success
    } else {
        Exit::PluginFailed
    })
}

/// Loads a plugin in a runtime of its own, without any grant.
fn load(args: &PluginArgs, bytes: &[u8]) -> Result<Plugin, Failure> {
    load_with(args.runtime(), &args.name(), bytes)
}

fn load_with(builder: RuntimeBuilder, name: &str, bytes: &[u8]) -> Result<Plugin, Failure> {
    Ok(builder.build()?.load(name, bytes)?)
}

/// How long it takes to load a plugin, and to get its first answer; the second time on, the code
/// is translated and what is left is the instance and the guest's own work.
fn timings(args: &PluginArgs, bytes: &[u8]) -> Result<Value, Failure> {
    let millis = |start: Instant| start.elapsed().as_secs_f64() * 1000.0;
    // Caches of their own: what is measured here must not have happened before.
    let fresh = || args.runtime().module_cache(ModuleCache::new()).build();
    let runtime = fresh()?;
    let start = Instant::now();
    let plugin = runtime.load(&args.name(), bytes)?;
    let load = millis(start);
    let start = Instant::now();
    plugin.describe()?;
    let first_answer = millis(start);
    let start = Instant::now();
    plugin.schema()?;
    let second_answer = millis(start);
    Ok(json!({ "load": load, "first_answer": first_answer, "second_answer": second_answer }))
}

fn observe(args: &ObserveArgs) -> Result<Exit, Failure> {
    if let Some(path) = &args.record {
        output::is_no_input(path, args.inputs())?;
    }
    let config = read_config(args)?;
    let bytes = read_module(&args.plugin.plugin)?;
    let name = args.plugin.name();
    let mut builder = guard::guarded(args, args.plugin.runtime())?;
    for grant in &args.grants {
        builder = builder.grant(&name, grant.clone());
    }
    if let Some(path) = &args.grants_file {
        builder = builder.grants(read_grants(path)?);
    }
    if args.trust {
        builder = trust(args, &name, &bytes, builder)?;
    }
    let needed = Arc::new(Mutex::new(Needed::new()));
    if args.audit {
        builder = builder.audit();
    }
    let sink = needed.clone();
    let builder = builder.on_event(move |plugin, event| {
        tell(plugin, event);
        note(&sink, event);
    });
    let runtime = builder.build()?;
    for (_, grant) in runtime.missing_directories() {
        complain(&format!(
            "note: the grant {grant} is in a directory that does not exist"
        ));
    }
    let plugin: Plugin = runtime.load(&name, bytes)?;
    let Prepared { config, unchecked } = guard::prepared(args, &plugin, config)?;
    let seen = match &args.record {
        Some(path) => record(&plugin, &config, path)?,
        None => plugin.observe(&config),
    };
    if args.audit {
        report_needed(&needed);
    }
    let seen = seen.inspect_err(|error| {
        if let Some(usage) = error.usage() {
            args.report(usage);
        }
    })?;
    args.report(&seen.usage);
    if let Some(error) = unchecked {
        complain(&format!("note: the config was not validated: {error}"));
    }
    if let Some(told) = &seen.truncation {
        complain(&format!(
            "note: {}, and was cut; see --evidence-bytes",
            told.reason
        ));
    }
    print(&seen.evidence, args.plugin.format)?;
    Ok(if seen.evidence.status {
        Exit::Success
    } else {
        Exit::CheckFailed
    })
}

/// Observes and writes a transcript, also of a run that fails.
fn record(
    plugin: &Plugin,
    config: &Config,
    path: &Path,
) -> Result<Result<Observation, Error>, Failure> {
    let recorded = plugin.record(config, path);
    recorded.map_err(|error| Failure(Exit::BadInput, format!("{}: {error}", path.display())))
}

/// Grants what the plugin declares. It is asked without any grant.
fn trust(
    args: &ObserveArgs,
    name: &str,
    bytes: &[u8],
    mut builder: RuntimeBuilder,
) -> Result<RuntimeBuilder, Failure> {
    let info = load(&args.plugin, bytes)?.describe()?;
    for declared in &info.capabilities {
        let capability = Capability::try_from(declared).map_err(|error| {
            Failure(
                Exit::PluginFailed,
                format!("plugin {name} declares a bad capability: {error}"),
            )
        })?;
        if capability.is_custom() {
            complain(&format!(
                "note: nothing here answers for {capability}, which the plugin declares"
            ));
            continue;
        }
        builder = builder.grant(name, capability);
    }
    Ok(builder)
}

/// The smallest grants that a run asked for, and whether it had them.
type Needed = BTreeMap<String, bool>;

fn note(needed: &Mutex<Needed>, event: &Event) {
    let (needs, granted) = match event {
        Event::Granted { needs, .. } => (needs, true),
        Event::Denied(denial) => (&denial.needs, false),
        _ => return,
    };
    let mut needed = needed.lock().unwrap_or_else(PoisonError::into_inner);
    needed
        .entry(needs.clone())
        .and_modify(|had| *had &= granted)
        .or_insert(granted);
}

fn report_needed(needed: &Mutex<Needed>) {
    let needed = needed.lock().unwrap_or_else(PoisonError::into_inner);
    let mut stderr = std::io::stderr().lock();
    let missing = needed.values().filter(|granted| !**granted).count();
    let _ = writeln!(
        stderr,
        "audit: this run needed {} grants, {missing} of which it did not have",
        needed.len()
    );
    for (grant, granted) in needed.iter().filter(|(grant, _)| !grant.is_empty()) {
        let verdict = if *granted { "granted" } else { "denied" };
        let _ = writeln!(stderr, "audit: --grant '{grant}' ({verdict})");
    }
    if missing > 0 {
        let _ = writeln!(
            stderr,
            "audit: run again with them; a denied plugin may not have asked for all"
        );
    }
}

fn read_grants(path: &Path) -> Result<Grants, Failure> {
    let bad = |error: &dyn std::fmt::Display| {
        Failure(Exit::BadInput, format!("{}: {error}", path.display()))
    };
    let text = std::fs::read_to_string(path).map_err(|error| bad(&error))?;
    serde_json::from_str(&text).map_err(|error| bad(&error))
}

impl ObserveArgs {
    fn report(&self, usage: &Usage) {
        if self.usage {
            let json = serde_json::to_string(usage).unwrap_or_default();
            let _ = writeln!(std::io::stderr(), "usage: {json}");
        }
    }
}

/// Logs and denials go to stderr, so that stdout holds the evidence and nothing else.
fn tell(plugin: &str, event: &Event) {
    let mut stderr = std::io::stderr().lock();
    let _ = match event {
        Event::Log(record) => {
            let attrs: String = record
                .attrs
                .iter()
                .map(|attr| format!(" {}={}", attr.key, attr.value))
                .collect();
            writeln!(
                stderr,
                "[{plugin}] {} {}{attrs}",
                record.level, record.message
            )
        }
        Event::Denied(denial) => {
            writeln!(
                stderr,
                "tollgate: denied {}; allow it with --grant '{}'",
                denial.wish, denial.needs
            )
        }
        _ => Ok(()),
    };
}

fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "tollgate: {message}");
}

/// Reads a module; the text format is assembled first.
fn read_module(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = std::fs::read(path)
        .map_err(|error| Failure(Exit::BadInput, format!("{}: {error}", path.display())))?;
    let text = bytes.trim_ascii_start();
    if !(text.starts_with(b"(") || text.starts_with(b";;")) {
        return Ok(bytes);
    }
    let assembled = wat::parse_bytes(&bytes)
        .map_err(|error| Failure(Exit::PluginFailed, format!("{}: {error}", path.display())))?;
    Ok(assembled.into_owned())
}

fn read_config(args: &ObserveArgs) -> Result<Config, Failure> {
    let bad = |message: String| Failure(Exit::BadInput, message);
    let json = match (&args.config, &args.config_file) {
        (Some(json), _) => json.clone(),
        (None, Some(path)) if path == Path::new("-") => {
            let mut json = String::new();
            std::io::stdin()
                .read_to_string(&mut json)
                .map_err(|error| bad(format!("the config on standard input: {error}")))?;
            json
        }
        (None, Some(path)) => std::fs::read_to_string(path)
            .map_err(|error| bad(format!("{}: {error}", path.display())))?,
        (None, None) => "{}".to_owned(),
    };
    json.parse()
        .map_err(|error| bad(format!("the config cannot be used: {error}")))
}

fn print(value: &impl Serialize, format: Format) -> Result<Exit, Failure> {
    let json = match format {
        Format::Json => serde_json::to_string(value),
        Format::Pretty => serde_json::to_string_pretty(value),
    };
    let json = json.map_err(|error| Failure(Exit::PluginFailed, error.to_string()))?;
    print_line(&json)
}

fn print_line(text: &str) -> Result<Exit, Failure> {
    writeln!(std::io::stdout().lock(), "{text}")
        .map_err(|error| Failure(Exit::BadInput, format!("standard output: {error}")))?;
    Ok(Exit::Success)
}

//! The command line: reads files and flags, runs one plugin, prints the answer. Everything it
//! does, a program can do with the library.

// Data from guests, files and callers must never be able to panic us; tests may.
#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)
)]

mod args;
mod audit;
mod bake;
mod check;
mod explain;
mod files;
mod findings;
mod guard;
mod new;
mod output;
mod replay;

use args::{Args, Command, Format, InspectArgs, ObserveArgs, PluginArgs};
use audit::Audit;
use clap::Parser as _;
use guard::Prepared;
use output::{complain, print, print_json, print_line, tell};
use serde_json::{Value, json};
use std::{io::Read as _, path::Path, process::ExitCode, sync::Arc, time::Instant};
use tollgate::{
    Config, Error, Grants, Inspection, ModuleCache, Observation, Plugin, Redactor, RuntimeBuilder,
    Usage, printable::Printable,
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
struct Failure {
    exit: Exit,
    /// Printed as one line, whatever is in it.
    message: String,
    /// Lines below it.
    details: Vec<String>,
}

impl Failure {
    fn new(exit: Exit, message: impl Into<String>) -> Failure {
        Failure {
            exit,
            message: message.into(),
            details: Vec::new(),
        }
    }

    /// With these lines below it, which are not a stranger's to begin.
    fn with_details(self, lines: &str) -> Failure {
        Failure {
            details: lines.lines().map(str::to_owned).collect(),
            ..self
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let exit = match error {
            Error::Build(_) | Error::Config { .. } => Exit::BadInput,
            _ => Exit::PluginFailed,
        };
        Failure::new(exit, error.report())
    }
}

fn main() -> ExitCode {
    // The standard library would print the message as it is, and it may repeat text of a plugin.
    std::panic::set_hook(Box::new(|panic| complain(panic)));
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return output::explain_arguments(error),
    };
    let outcome = match args.command {
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
        Err(failure) => {
            output::report_failure(&failure);
            failure.exit.into()
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
        Format::Json => print_json(schema.raw()),
        Format::Pretty => print(schema.document(), Format::Pretty),
    }
}

fn inspect(args: &InspectArgs) -> Result<Exit, Failure> {
    let plugin = &args.plugin;
    let bytes = read_module(&plugin.plugin)?;
    let runtime = plugin.runtime().build()?;
    let inspection = Inspection::new(&bytes, runtime.limits()).map_err(|problem| {
        Failure::from(Error::Load {
            plugin: plugin.name().into(),
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
        files::is_no_input(path, args.inputs())?;
    }
    let config = read_config(args)?;
    let bytes = read_module(&args.plugin.plugin)?;
    let name = args.plugin.name();
    let redactor = guard::redactor(args)?;
    let mut builder = args
        .plugin
        .runtime()
        .evidence_bytes(Some(args.evidence_bytes).filter(|bytes| *bytes > 0));
    if let Some(redactor) = &redactor {
        builder = builder.redactor(redactor.clone());
    }
    for grant in &args.grants {
        builder = builder.grant(&name, grant.clone());
    }
    if let Some(path) = &args.grants_file {
        builder = builder.grants(read_grants(path)?);
    }
    if args.trust {
        builder = trust(args, &name, &bytes, redactor.as_ref(), builder)?;
    }
    let audit = Arc::new(Audit::default());
    if args.audit {
        builder = builder.audit();
    }
    let noted = audit.clone();
    let builder = builder.on_event(move |plugin, event| {
        tell(plugin, event);
        noted.note(event);
    });
    let runtime = builder.build()?;
    for (_, grant) in runtime.missing_directories() {
        complain(format_args!(
            "note: the grant {grant} is in a directory that does not exist"
        ));
    }
    let plugin: Plugin = runtime.load(&name, bytes)?;
    let Prepared { config, unchecked } = guard::prepared(args, &plugin, config)?;
    let seen = match &args.record {
        Some(path) => record(&plugin, &config, path)?,
        None => plugin.observe(&config),
    };
    guard::report_unmatched(redactor.as_ref());
    if args.audit {
        audit.report();
    }
    let seen = seen.inspect_err(|error| {
        if let Some(usage) = error.usage() {
            args.report(usage);
        }
    })?;
    args.report(&seen.usage);
    if let Some(error) = unchecked {
        complain(format_args!(
            "note: the config was not validated: {}",
            error.report()
        ));
    }
    if let Some(told) = &seen.truncation {
        complain(format_args!(
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
    recorded.map_err(|error| {
        Failure::new(
            Exit::BadInput,
            format!("{}: {error}", Printable(path.display())),
        )
    })
}

/// The most declarations that are named one by one.
const MOST_NOTES: usize = 20;

/// Grants what the plugin declares. It is asked without any grant, and what is printed of it is
/// redacted like all that it says.
fn trust(
    args: &ObserveArgs,
    name: &str,
    bytes: &[u8],
    redactor: Option<&Redactor>,
    mut builder: RuntimeBuilder,
) -> Result<RuntimeBuilder, Failure> {
    let mut asking = args.plugin.runtime();
    if let Some(redactor) = redactor {
        asking = asking.redactor(redactor.clone());
    }
    let hidden = |text: String| redactor.map_or(text.clone(), |redactor| redactor.redact(&text));
    // Without any grant, all that is declared is missing.
    let declared = load_with(asking, name, bytes)?.review()?;
    if let Some((_, why)) = declared.unreadable.first() {
        let why = hidden(why.as_str().to_owned());
        let message = format!("plugin {name} declares a bad capability: {why}");
        return Err(Failure::new(Exit::PluginFailed, message));
    }
    let mut unanswered = 0_usize;
    for capability in declared.missing {
        if capability.is_custom() {
            unanswered += 1;
            if unanswered <= MOST_NOTES {
                complain(format_args!(
                    "note: nothing here answers for {}, which the plugin declares",
                    Printable(hidden(capability.to_string()))
                ));
            }
            continue;
        }
        builder = builder.grant(name, capability);
    }
    if let Some(more @ 1..) = unanswered.checked_sub(MOST_NOTES) {
        complain(format_args!("note: and for {more} more"));
    }
    Ok(builder)
}

fn read_grants(path: &Path) -> Result<Grants, Failure> {
    let bad = |error: &dyn std::fmt::Display| {
        Failure::new(
            Exit::BadInput,
            format!("{}: {error}", Printable(path.display())),
        )
    };
    let text = std::fs::read_to_string(path).map_err(|error| bad(&error))?;
    serde_json::from_str(&text).map_err(|error| bad(&error))
}

impl ObserveArgs {
    fn report(&self, usage: &Usage) {
        if self.usage {
            output::usage(usage);
        }
    }
}

/// Reads a module; the text format is assembled first.
fn read_module(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = std::fs::read(path).map_err(|error| {
        Failure::new(
            Exit::BadInput,
            format!("{}: {error}", Printable(path.display())),
        )
    })?;
    let text = bytes.trim_ascii_start();
    if !(text.starts_with(b"(") || text.starts_with(b";;")) {
        return Ok(bytes);
    }
    let assembled = wat::parse_bytes(&bytes).map_err(|error| {
        let text = error.to_string();
        // The message quotes the file; below it are the place, and the line behind its number.
        let (message, place) = text.split_at(text.rfind("\n     --> ").unwrap_or(text.len()));
        let message = format!("{}: {message}", Printable(path.display()));
        Failure::new(Exit::PluginFailed, message).with_details(place.trim_start_matches('\n'))
    })?;
    Ok(assembled.into_owned())
}

fn read_config(args: &ObserveArgs) -> Result<Config, Failure> {
    let bad = |message: String| Failure::new(Exit::BadInput, message);
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
            .map_err(|error| bad(format!("{}: {error}", Printable(path.display()))))?,
        (None, None) => "{}".to_owned(),
    };
    json.parse()
        .map_err(|error| bad(format!("the config cannot be used: {error}")))
}

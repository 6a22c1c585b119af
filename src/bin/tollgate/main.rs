//! The command line: reads files and flags, runs one plugin and prints the result. A program can do
//! all of this with the library.

// No input may cause a panic; tests may panic.
#![cfg_attr(
    not(test),
    warn(
        clippy::cast_possible_truncation,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod args;
mod audit;
mod bake;
mod batch;
mod check;
mod coverage;
mod explain;
mod files;
mod flame;
mod functions;
mod fuzz;
mod granting;
mod guard;
mod look;
mod manual;
mod new;
mod output;
mod pages;
mod profile;
mod replay;
mod roots;
mod table;
mod terminal;

use args::{Args, Command, Format, InspectArgs, ObserveArgs, PluginArgs};
use audit::Audit;
use clap::Parser as _;
use guard::Prepared;
use output::{
    complain, note, print, print_event, print_evidence, print_json, print_line, shell_word,
};
use serde_json::{Value, json};
use std::{path::Path, process::ExitCode, sync::Arc, time::Instant};
use tollgate::{
    Config, Error, Inspection, Limits, ModuleCache, Observation, Plugin, Redactor, Runtime,
    RuntimeBuilder, Usage,
    printable::{self, Printable},
};

/// The exit codes, which are part of the interface.
enum Exit {
    /// The evidence's status is true, or the command succeeded.
    Success = 0,
    /// The evidence's status is false, `check` has warnings, or `fuzz` has findings.
    CheckFailed = 1,
    /// The arguments or an input file are invalid.
    BadInput = 2,
    /// The plugin could not be loaded, or was stopped.
    PluginFailed = 3,
    /// A replay differs from its recording.
    Diverged = 4,
    /// The reader of standard output ended first. A shell reports this code for a program that SIGPIPE ended.
    PipeClosed = 141,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

/// A message for stderr and the exit code that goes with it.
struct Failure {
    exit: Exit,
    /// Printed as one line; nothing is, if it is empty.
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

    /// An input or output file that cannot be used.
    fn file(path: &Path, error: impl std::fmt::Display) -> Failure {
        let path = Printable(path.display());
        Failure::new(Exit::BadInput, format!("{path}: {error}"))
    }

    /// Adds lines below the message. The text must not begin lines with untrusted content.
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
        let failure = Failure::new(exit, error.report());
        match error.backtrace() {
            // Texts in it are escaped, so each line is a frame.
            Some(backtrace) => failure.with_details(&backtrace.to_string()),
            None => failure,
        }
    }
}

fn main() -> ExitCode {
    // The message may quote a plugin, and the standard library would print it unescaped.
    std::panic::set_hook(Box::new(|panic| complain(panic)));
    if args::ask_for_limits(std::env::args_os()) {
        return output::print_limits();
    }
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return output::explain_arguments(error),
    };
    args.terminal.choose();
    let outcome = match args.command {
        Command::Describe(args) => describe(&args),
        Command::Schema(args) => schema(&args),
        Command::Inspect(args) => inspect(&args),
        Command::Observe(args) => observe(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Diff(args) => replay::diff(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Coverage(args) => coverage::run(&args),
        Command::Bake(args) => bake::run(&args),
        Command::New(args) => new::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Explain(args) => explain::run(args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
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
        format => print(schema.document(), format),
    }
}

fn inspect(args: &InspectArgs) -> Result<Exit, Failure> {
    let bytes = read_module(&args.plugin)?;
    let inspection = Inspection::new(&bytes, &Limits::default()).map_err(|problem| {
        Failure::from(Error::Load {
            plugin: args::stem(&args.plugin).into(),
            problem,
        })
    })?;
    if args.functions || args.at.is_some() {
        return functions::run(args, &bytes, &Limits::default());
    }
    let mut report = serde_json::to_value(&inspection).unwrap_or_default();
    if args.timings && inspection.problems.is_empty() {
        let timings = timings(args, &bytes)?;
        if let Some(report) = report.as_object_mut() {
            report.insert("timings_ms".to_owned(), timings);
        }
    }
    print(&report, args.format)?;
    Ok(if inspection.problems.is_empty() {
        Exit::Success
    } else {
        Exit::PluginFailed
    })
}

/// Loads a plugin in a new runtime without grants.
fn load(args: &PluginArgs, bytes: &[u8]) -> Result<Plugin, Failure> {
    load_with(args.runtime(), &args.name(), bytes)
}

fn load_with(builder: RuntimeBuilder, name: &str, bytes: &[u8]) -> Result<Plugin, Failure> {
    Ok(builder.build()?.load(name, bytes)?)
}

/// Measures loading a plugin, its first answer, which includes the translation of its code, and its
/// second answer.
fn timings(args: &InspectArgs, bytes: &[u8]) -> Result<Value, Failure> {
    let millis = |start: Instant| start.elapsed().as_secs_f64() * 1000.0;
    let limits = Limits {
        deadline: Some(args::DEADLINE),
        ..Limits::default()
    };
    // A new cache: the plugin must not be compiled before.
    let runtime = Runtime::builder()
        .limits(limits)
        .module_cache(ModuleCache::new())
        .build()?;
    let start = Instant::now();
    let plugin = runtime.load(&args::stem(&args.plugin), bytes)?;
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
    let config_file = args.config_file.as_deref().or(args.configs.as_deref());
    if config_file.is_some_and(files::is_standard_input)
        && files::is_standard_input(&args.plugin.plugin)
    {
        return Err(Failure::new(
            Exit::BadInput,
            "only one of the plugin and the config can be standard input",
        ));
    }
    let config = read_config(args.config.as_deref(), args.config_file.as_deref())?;
    let bytes = read_module(&args.plugin.plugin)?;
    let file = args
        .grants_file
        .as_deref()
        .map(granting::read)
        .transpose()?;
    let name = granting::name(&args.plugin, file.as_ref(), &bytes);
    let redactor = guard::redactor(args)?;
    let mut builder = roots::options(args, args.runtime())?;
    if let Some(redactor) = &redactor {
        builder = builder.redactor(redactor.clone());
    }
    for grant in &args.grants {
        builder = builder.grant(&name, grant.clone());
    }
    if !args.plugin.is_simulated() {
        let of_file = file.iter().flat_map(|grants| grants.for_plugin(&name));
        granting::note_oddities(args.grants.iter().chain(of_file));
    }
    if let Some(grants) = file {
        builder = builder.grants(grants);
    }
    if args.trust {
        builder = trust(args, &name, &bytes, redactor.as_ref(), builder)?;
    }
    let audit = Arc::new(Audit::default());
    if args.audit {
        builder = builder.audit();
    }
    let requests = audit.clone();
    // Many calls are denied the same: each denial of a batch is printed once.
    let once = args.configs.as_ref().map(|_| output::Once::default());
    let builder = builder.on_event(move |plugin, event| {
        if once.as_ref().is_none_or(|once| once.is_first(event)) {
            print_event(plugin, event);
        }
        requests.note(event);
    });
    let builder = match &args.configs {
        Some(_) => batch::options(args, builder),
        None => builder,
    };
    let runtime = builder.build()?;
    for (_, grant) in runtime.missing_directories() {
        note(format_args!(
            "the directory of the grant {grant} does not exist"
        ));
    }
    let plugin: Plugin = runtime.load(&name, bytes)?;
    if let Some(path) = &args.configs {
        let outcome = batch::run(args, &plugin, path, runtime.limits());
        guard::report_unmatched(redactor.as_ref());
        if args.audit {
            audit.report();
        }
        return outcome;
    }
    let Prepared { config, unchecked } = guard::prepared(args, &plugin, config)?;
    let result = match &args.record {
        Some(path) => record(&plugin, &config, path)?,
        None => plugin.observe(&config),
    };
    guard::report_unmatched(redactor.as_ref());
    if args.audit {
        audit.report();
    }
    let observation = result.inspect_err(|error| {
        if let Some(usage) = error.usage() {
            args.report(usage);
        }
    })?;
    args.report(&observation.usage);
    if let Some(error) = unchecked {
        note(format_args!(
            "the config was not validated: {}",
            error.report()
        ));
    }
    if let Some(truncation) = &observation.truncation {
        note(format_args!(
            "{}, so it was truncated; raise it with --evidence-bytes",
            truncation.reason
        ));
    }
    print_evidence(&observation.evidence, args.plugin.format)?;
    Ok(if observation.evidence.status {
        Exit::Success
    } else {
        Exit::CheckFailed
    })
}

/// Runs the plugin and writes a transcript, also if the run fails.
fn record(
    plugin: &Plugin,
    config: &Config,
    path: &Path,
) -> Result<Result<Observation, Error>, Failure> {
    let recorded = plugin.record(config, path);
    recorded.map_err(|error| Failure::file(path, error))
}

/// The most declarations that are listed.
const MOST_NOTES: usize = 20;

/// Grants the capabilities that the plugin declares. Its description runs without grants, and what is
/// printed of it is redacted.
fn trust(
    args: &ObserveArgs,
    name: &str,
    bytes: &[u8],
    redactor: Option<&Redactor>,
    mut builder: RuntimeBuilder,
) -> Result<RuntimeBuilder, Failure> {
    let mut reviewing = args.plugin.runtime();
    if let Some(redactor) = redactor {
        reviewing = reviewing.redactor(redactor.clone());
    }
    let hidden = |text: String| redactor.map_or(text.clone(), |redactor| redactor.redact(&text));
    // Without grants, all declared capabilities are missing.
    let declared = load_with(reviewing, name, bytes)?.review()?;
    if let Some((_, why)) = declared.unreadable.first() {
        let why = hidden(why.as_str().to_owned());
        let message = format!("plugin {name} declares an invalid capability: {why}");
        return Err(Failure::new(Exit::PluginFailed, message));
    }
    let mut unsupported = 0_usize;
    for capability in declared.missing {
        if capability.is_custom() {
            unsupported += 1;
            if unsupported <= MOST_NOTES {
                note(format_args!(
                    "the plugin declares {}, which the command line does not support",
                    Printable(hidden(capability.to_string()))
                ));
            }
            continue;
        }
        builder = builder.grant(name, capability);
    }
    if let Some(more @ 1..) = unsupported.checked_sub(MOST_NOTES) {
        note(format_args!("and {more} more"));
    }
    Ok(builder)
}

impl ObserveArgs {
    fn report(&self, usage: &Usage) {
        if self.usage {
            output::usage(usage);
        }
    }
}

/// Reads a module from a file, or from standard input for `-`; the text format is assembled first.
fn read_module(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = files::read(path).map_err(|error| Failure::file(path, error))?;
    let source = files::without_mark(&bytes);
    let text = source.trim_ascii_start();
    if !(text.starts_with(b"(") || text.starts_with(b";;")) {
        return Ok(bytes);
    }
    let assembled = wat::parse_bytes(source).map_err(|error| {
        let text = error.to_string();
        // The message quotes the file; the position and the quoted line are below it.
        let (message, place) = text.split_at(text.rfind("\n     --> ").unwrap_or(text.len()));
        let message = format!("{}: {message}", Printable(path.display()));
        Failure::new(Exit::PluginFailed, message).with_details(place.trim_start_matches('\n'))
    })?;
    Ok(assembled.into_owned())
}

fn read_config(json: Option<&str>, file: Option<&Path>) -> Result<Config, Failure> {
    let bad = |message: String| Failure::new(Exit::BadInput, message);
    let (json, is_flag) = match (json, file) {
        (Some(json), _) => (json.to_owned(), true),
        // `Config` skips a byte order mark.
        (None, Some(path)) => (files::read_config(path)?, false),
        (None, None) => ("{}".to_owned(), false),
    };
    json.parse().map_err(|error| {
        let hint = match is_flag && files::is_name(&json) {
            true => format!(
                "; for the file of this name, use --config-file {}",
                shell_word(&json).unwrap_or_default()
            ),
            false => String::new(),
        };
        bad(format!("invalid config: {error}{hint}"))
    })
}

//! The flags, and the runtime options they stand for.

use crate::new::Language;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tollgate::{Capability, FuelLimit, MemoryLimit, Runtime, RuntimeBuilder, world::Simulated};

/// Runs untrusted WebAssembly plugins: metered, gated, deterministic.
///
/// Exit codes: 0 the evidence's status is true (or the question was answered), 1 it is false,
/// 2 bad arguments or input, 3 the plugin could not run, 4 a replay did something else.
#[derive(Parser)]
#[command(name = "tollgate", bin_name = "tollgate", version)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Print what a plugin says of itself
    Describe(PluginArgs),
    /// Print the JSON Schema of a plugin's config
    Schema(PluginArgs),
    /// Print what a module is and wants, without running it
    Inspect(InspectArgs),
    /// Have a plugin look at the world, and print its evidence
    Observe(ObserveArgs),
    /// Play a recorded run back, offline, and print its evidence if it is the same
    Replay(ReplayArgs),
    /// Play recorded runs of a plugin to a new version of it, and tell what differs
    Diff(DiffArgs),
    /// Initialise a plugin and write it as a module that is initialised already
    Bake(BakeArgs),
    /// Write a plugin project that builds and tests itself
    New(NewArgs),
    /// Tell what a host would refuse in a plugin, and what is unwise, each with a fix
    Check(CheckArgs),
    /// Tell what a grant allows, how risky it is, which addresses are closed, what a command does
    Explain(ExplainArgs),
}

#[derive(ClapArgs)]
pub struct PluginArgs {
    /// The plugin: a WebAssembly module (or its text form)
    pub plugin: PathBuf,
    /// The name to load it under [default: the file's name without its ending]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    limits: LimitArgs,
    /// A JSON file of a simulated world, in place of this machine
    #[arg(long, value_name = "FILE", value_parser = world)]
    world: Option<WorldFile>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub format: Format,
}

/// A simulated world, and the file that it was read from.
#[derive(Clone)]
struct WorldFile {
    path: PathBuf,
    world: Simulated,
}

#[derive(ClapArgs)]
pub struct LimitArgs {
    /// Units of fuel for the call, or `unlimited`
    #[arg(long, value_parser = fuel, default_value = "100000000000")]
    fuel: FuelLimit,
    /// Memory of the plugin in megabytes: 0 is 256, -1 is unlimited
    #[arg(
        long,
        value_name = "MB",
        value_parser = memory,
        allow_negative_numbers = true,
        default_value = "0"
    )]
    memory_mb: MemoryLimit,
    /// Wall-clock time for the call in milliseconds; 0 is no deadline [default: 60000, and none in
    /// a simulated world]
    #[arg(long, value_name = "MS")]
    deadline_ms: Option<u64>,
}

#[derive(ClapArgs)]
pub struct InspectArgs {
    #[command(flatten)]
    pub plugin: PluginArgs,
    /// Also load and describe the plugin, and tell how long each step takes, in milliseconds
    #[arg(long)]
    pub timings: bool,
}

#[derive(ClapArgs)]
pub struct ObserveArgs {
    #[command(flatten)]
    pub plugin: PluginArgs,
    /// The config as JSON
    #[arg(long, value_name = "JSON", conflicts_with = "config_file")]
    pub config: Option<String>,
    /// A file with the config as JSON, or `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Grant a capability, such as `fs:read:/etc/**`; may be repeated
    #[arg(long = "grant", value_name = "CAPABILITY")]
    pub grants: Vec<Capability>,
    /// A JSON file of grants by plugin name: {"file": ["fs:read:/etc/**"]}
    #[arg(long, value_name = "FILE")]
    pub grants_file: Option<PathBuf>,
    /// Grant everything that the plugin declares
    #[arg(long)]
    pub trust: bool,
    /// Write the run to this file, for `replay` and `diff`; until it is complete, it is
    /// FILE.partial
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Print the smallest set of grants that this run needed to standard error
    #[arg(long)]
    pub audit: bool,
    /// Print what the call used to standard error
    #[arg(long)]
    pub usage: bool,
    /// Skip validating the config against the plugin's schema
    #[arg(long)]
    pub no_validate: bool,
    /// Add what the config leaves out and the plugin's schema has a default for
    #[arg(long)]
    pub fill_defaults: bool,
    /// Hide what looks like a token or private key, in evidence, errors, logs and recordings
    #[arg(long)]
    pub redact: bool,
    /// Hide the value of this variable, which must have 4 characters or more, and what --redact
    /// hides; may be repeated
    #[arg(long, value_name = "NAME")]
    pub redact_env: Vec<String>,
    /// Hide what stands at this place of the evidence's data, as `db.password`, and what --redact
    /// hides; may be repeated
    #[arg(long, value_name = "PATH")]
    pub redact_path: Vec<String>,
    /// The most bytes of evidence; what is longer is cut, and 0 is no limit
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    pub evidence_bytes: u32,
}

#[derive(ClapArgs)]
pub struct ReplayArgs {
    /// The transcript, as `observe --record` writes it
    pub transcript: PathBuf,
    /// The plugin [default: NAME.wasm beside the transcript or in the working directory]
    #[arg(long, value_name = "FILE")]
    pub plugin: Option<PathBuf>,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub format: Format,
}

#[derive(ClapArgs)]
pub struct DiffArgs {
    /// The plugin that was recorded
    pub old: PathBuf,
    /// The new version of it
    pub new: PathBuf,
    /// Transcripts of the old one
    #[arg(long = "transcript", value_name = "FILE", num_args = 1.., required = true)]
    pub transcripts: Vec<PathBuf>,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// How to print: words, or one line of JSON for each transcript
    #[arg(long, value_enum, default_value_t = Format::Pretty)]
    pub format: Format,
}

#[derive(ClapArgs)]
pub struct BakeArgs {
    #[command(flatten)]
    pub plugin: PluginArgs,
    /// Where to write the module
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// Grant a capability to its initialisation; may be repeated
    #[arg(long = "grant", value_name = "CAPABILITY")]
    pub grants: Vec<Capability>,
    /// A JSON file of grants by plugin name: {"file": ["fs:read:/etc/**"]}
    #[arg(long, value_name = "FILE")]
    pub grants_file: Option<PathBuf>,
}

#[derive(ClapArgs)]
pub struct NewArgs {
    /// The plugin's name
    pub name: String,
    /// The language to write it in
    #[arg(long, value_enum)]
    pub lang: Language,
    /// Where to write it [default: a new directory of the plugin's name]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// For Rust: the package tollgate-abi as a directory, instead of its published version
    #[arg(long, value_name = "DIR")]
    pub abi_path: Option<PathBuf>,
}

#[derive(ClapArgs)]
pub struct CheckArgs {
    /// The plugin: a WebAssembly module (or its text form)
    pub plugin: PathBuf,
    /// A config to observe with, as JSON, beside the empty one
    #[arg(long, value_name = "JSON")]
    pub config: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum CheckFormat {
    /// For people
    Text,
    /// One line of JSON
    Json,
}

/// `explain GRANT REQUEST`: does the one allow the other? `explain CAPABILITY`: how risky is it?
#[derive(ClapArgs)]
pub struct ExplainArgs {
    /// A capability, such as `network:outbound:*`
    #[arg(required_unless_present_any = ["address", "exec"])]
    pub capability: Option<String>,
    /// A request in the same grammar, such as `network:outbound:443`
    pub request: Option<String>,
    /// The working directory that relative paths start from
    #[arg(long, value_name = "DIR")]
    pub cwd: Option<String>,
    /// Whether this address is closed, and which word opens it
    #[arg(long, value_name = "IP", conflicts_with_all = ["capability", "exec"])]
    pub address: Option<String>,
    /// Which family of programs this command is of, and which grant it needs
    #[arg(
        long,
        value_name = "COMMAND",
        num_args = 1..,
        allow_hyphen_values = true,
        conflicts_with = "capability"
    )]
    pub exec: Option<Vec<String>>,
    /// Print JSON instead of words
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    /// One line (a schema: as the plugin wrote it)
    Json,
    /// Indented
    Pretty,
}

impl PluginArgs {
    pub fn name(&self) -> String {
        match (&self.name, self.plugin.file_stem()) {
            (Some(name), _) => name.clone(),
            (None, Some(stem)) => stem.to_string_lossy().into_owned(),
            (None, None) => "plugin".to_owned(),
        }
    }

    /// The files that are read, and what each is.
    pub fn inputs(&self) -> [(&'static str, Option<&Path>); 2] {
        let world = self.world.as_ref().map(|file| file.path.as_path());
        [("the plugin", Some(&self.plugin)), ("the world", world)]
    }

    /// Whether it is given another world than this machine.
    pub fn is_simulated(&self) -> bool {
        self.world.is_some()
    }

    /// The options of a runtime without any grant.
    pub fn runtime(&self) -> RuntimeBuilder {
        match self.world.clone() {
            Some(WorldFile { world, .. }) => {
                let builder = Runtime::builder().world(move || world.clone());
                self.limits.apply(builder, 0)
            }
            None => self.limits.apply(Runtime::builder(), 60_000),
        }
    }
}

impl ObserveArgs {
    /// The files that are read, and what each is.
    pub fn inputs(&self) -> impl Iterator<Item = (&'static str, Option<&Path>)> {
        // Standard input may come from a file.
        let config = match self.config_file.as_deref() {
            Some(path) if path == Path::new("-") => Some(Path::new("/dev/stdin")),
            path => path,
        };
        let more = [
            ("the config file", config),
            ("the grants file", self.grants_file.as_deref()),
        ];
        self.plugin.inputs().into_iter().chain(more)
    }
}

impl LimitArgs {
    pub fn apply(&self, builder: RuntimeBuilder, default_deadline_ms: u64) -> RuntimeBuilder {
        let builder = builder.fuel(self.fuel).memory_limit(self.memory_mb);
        let limit = self.deadline_ms.unwrap_or(default_deadline_ms);
        builder.deadline((limit > 0).then(|| Duration::from_millis(limit)))
    }
}

fn world(file: &str) -> Result<WorldFile, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let world = Simulated::from_json(&text).map_err(|error| error.to_string())?;
    let path = PathBuf::from(file);
    Ok(WorldFile { path, world })
}

fn fuel(text: &str) -> Result<FuelLimit, String> {
    match text {
        "unlimited" => Ok(FuelLimit::Unlimited),
        "0" => Err("a fuel limit of 0 lets nothing run; say `unlimited` for no limit".to_owned()),
        _ => text
            .parse()
            .map(FuelLimit::Units)
            .map_err(|error| format!("{error}")),
    }
}

fn memory(text: &str) -> Result<MemoryLimit, String> {
    let megabytes: i64 = text.parse().map_err(|error| format!("{error}"))?;
    match megabytes {
        0 => Ok(MemoryLimit::default()),
        -1 => Ok(MemoryLimit::UNLIMITED),
        _ => {
            let limit = u32::try_from(megabytes).ok();
            let limit = limit.and_then(|megabytes| MemoryLimit::from_megabytes(megabytes).ok());
            limit.ok_or_else(|| {
                format!(
                    "invalid WASM memory limit: {megabytes} (must be >= -1 and <= 4096 MB; 0 is the default of 256 MB, -1 is unlimited)"
                )
            })
        }
    }
}

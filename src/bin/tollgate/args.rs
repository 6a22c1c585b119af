//! The command line's arguments, and the runtime options that they set.

use crate::{files, fuzz::FuzzArgs, new::Language};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};
use tollgate::{
    Capability, FuelLimit, Limits, MemoryLimit, Runtime, RuntimeBuilder, world::Simulated,
};

/// Runs untrusted WebAssembly plugins with limits and permissions.
///
/// Exit codes: 0 success, and the evidence's status is true; 1 the status is false, or `check` found
/// warnings, or `fuzz` found something; 2 bad arguments or input; 3 the plugin failed; 4 a replay or comparison found differences.
#[derive(Parser)]
#[command(name = "tollgate", bin_name = "tollgate", version)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Print a plugin's description
    Describe(PluginArgs),
    /// Print the JSON Schema of a plugin's config
    Schema(PluginArgs),
    /// Print a module's imports, exports and sizes, without running it
    Inspect(InspectArgs),
    /// Run a plugin and print its evidence
    Observe(ObserveArgs),
    /// Replay a recorded run offline, and print its evidence or the first difference
    Replay(ReplayArgs),
    /// Compare a new version of a plugin with recorded runs of the old one
    Diff(DiffArgs),
    /// Initialise a plugin and write the initialised module
    Bake(BakeArgs),
    /// Create a plugin project with build and test scripts
    New(NewArgs),
    /// Lint a plugin, with a fix for each finding
    Check(CheckArgs),
    /// Find inputs for which a plugin fails
    Fuzz(FuzzArgs),
    /// Explain a grant, a request, an IP address or a command
    Explain(ExplainArgs),
}

#[derive(ClapArgs)]
pub struct PluginArgs {
    /// The plugin: a WebAssembly module (or its text form)
    pub plugin: PathBuf,
    /// The plugin's name, which selects its grants [default: the file name without its extension]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    limits: LimitArgs,
    /// Run in the simulated world of this JSON file instead of on this machine
    #[arg(long, value_name = "FILE", value_parser = world)]
    world: Option<WorldFile>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub format: Format,
}

/// A simulated world, and the file that it was read from.
#[derive(Clone)]
struct WorldFile {
    path: PathBuf,
    text: String,
    world: Simulated,
}

#[derive(ClapArgs)]
pub struct LimitArgs {
    /// Fuel limit of the call in units, such as 1e9 or 5G, or `unlimited` [default: 100G]
    #[arg(long, value_parser = fuel)]
    fuel: Option<FuelLimit>,
    /// Memory limit of the plugin in megabytes: 0 means 256, -1 means unlimited [default: 256]
    #[arg(long, value_name = "MB", value_parser = memory, allow_negative_numbers = true)]
    memory_mb: Option<MemoryLimit>,
    /// Wall-clock limit of the call in milliseconds; 0 means none [default: 60000, none in a
    /// simulated world]
    #[arg(long, value_name = "MS")]
    deadline_ms: Option<u64>,
    /// Set any limit, such as `result_bytes=128MiB`, `fuel=1e9` or `deadline=none`; may be repeated.
    /// `tollgate help limits` lists them. Overrides the flags for single limits
    #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = limit)]
    limits: Vec<(String, String)>,
}

#[derive(ClapArgs)]
pub struct InspectArgs {
    #[command(flatten)]
    pub plugin: PluginArgs,
    /// Also load and run the plugin, and print the time of each step in milliseconds
    #[arg(long)]
    pub timings: bool,
    /// List the functions instead: size in bytes, name, source file and line
    #[arg(long, conflicts_with = "timings")]
    pub functions: bool,
    /// Print the function and the source line of one instruction instead: its offset in the module, in bytes,
    /// decimal or as 0x1f3
    #[arg(long, value_name = "OFFSET", value_parser = offset, conflicts_with_all = ["timings", "functions"])]
    pub at: Option<u64>,
    /// Print JSON instead of text, for --functions and --at
    #[arg(long)]
    pub json: bool,
}

#[derive(ClapArgs)]
pub struct ObserveArgs {
    #[command(flatten)]
    pub plugin: PluginArgs,
    /// The config as JSON
    #[arg(long, value_name = "JSON", conflicts_with = "config_file")]
    pub config: Option<String>,
    /// A file with the config as JSON; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub config_file: Option<PathBuf>,
    /// Grant a capability such as `fs:read:/etc/**`; may be repeated
    #[arg(long = "grant", value_name = "CAPABILITY")]
    pub grants: Vec<Capability>,
    /// A JSON file of grants by plugin name: {"file": ["fs:read:/etc/**"]}
    #[arg(long, value_name = "FILE")]
    pub grants_file: Option<PathBuf>,
    /// Grant all capabilities that the plugin declares
    #[arg(long)]
    pub trust: bool,
    /// Record the run to this file, for `replay` and `diff`; it is FILE.partial until it is complete
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Print the smallest set of grants for this run to standard error
    #[arg(long)]
    pub audit: bool,
    /// Print the fuel and memory that the call used to standard error
    #[arg(long)]
    pub usage: bool,
    /// Skip config validation
    #[arg(long)]
    pub no_validate: bool,
    /// Treat every violation of the plugin's schema as an error. Without it, missing and unknown
    /// properties are warnings, and the plugin decides
    #[arg(long, conflicts_with = "no_validate")]
    pub strict: bool,
    /// Fill in the defaults of the plugin's schema
    #[arg(long)]
    pub fill_defaults: bool,
    /// Redact tokens and private keys in evidence, errors, logs and recordings
    #[arg(long)]
    pub redact: bool,
    /// As --redact, and redact the value of this environment variable, of at least 4 characters; may
    /// be repeated
    #[arg(long, value_name = "NAME")]
    pub redact_env: Vec<String>,
    /// As --redact, and redact the value at this path of the evidence's data, such as `db.password`;
    /// may be repeated
    #[arg(long, value_name = "PATH")]
    pub redact_path: Vec<String>,
    /// Truncate evidence to this many bytes; 0 means no limit [default: 1 MiB]
    #[arg(long, value_name = "BYTES")]
    evidence_bytes: Option<u32>,
}

#[derive(ClapArgs)]
pub struct ReplayArgs {
    /// A transcript of `observe --record`
    pub transcript: PathBuf,
    /// The plugin [default: NAME.wasm next to the transcript or in the working directory]
    #[arg(long, value_name = "FILE")]
    pub plugin: Option<PathBuf>,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub format: Format,
}

#[derive(ClapArgs)]
pub struct DiffArgs {
    /// The recorded plugin
    pub old: PathBuf,
    /// Its new version
    pub new: PathBuf,
    /// Transcripts of the recorded plugin
    #[arg(long = "transcript", value_name = "FILE", num_args = 1.., required = true)]
    pub transcripts: Vec<PathBuf>,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Output format: text, or one line of JSON for each transcript
    #[arg(long, value_enum, default_value_t = Format::Pretty)]
    pub format: Format,
}

#[derive(ClapArgs)]
pub struct BakeArgs {
    #[command(flatten)]
    pub plugin: PluginArgs,
    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
    /// Grant a capability during initialisation; may be repeated
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
    /// The programming language
    #[arg(long, value_enum)]
    pub lang: Language,
    /// The directory to create [default: the plugin's name]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// For Rust: a directory with the package tollgate-abi, instead of the published version
    #[arg(long, value_name = "DIR")]
    pub abi_path: Option<PathBuf>,
}

#[derive(ClapArgs)]
pub struct CheckArgs {
    /// The plugin: a WebAssembly module (or its text form)
    pub plugin: PathBuf,
    /// A config to run with as JSON, in addition to the empty one
    #[arg(long, value_name = "JSON")]
    pub config: Option<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    pub format: CheckFormat,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum CheckFormat {
    /// Text for people
    Text,
    /// One line of JSON
    Json,
}

/// `explain GRANT REQUEST` shows whether GRANT allows REQUEST; `explain CAPABILITY` shows its risk.
#[derive(ClapArgs)]
pub struct ExplainArgs {
    /// A capability, such as `network:outbound:*`
    #[arg(required_unless_present_any = ["address", "exec"])]
    pub capability: Option<String>,
    /// A request such as `network:outbound:443`
    pub request: Option<String>,
    /// The working directory for relative paths
    #[arg(long, value_name = "DIR")]
    pub cwd: Option<String>,
    /// Show whether this address is blocked, and which grant allows it
    #[arg(long, value_name = "IP", conflicts_with_all = ["capability", "exec"])]
    pub address: Option<String>,
    /// Show which kind of program this command is, and which grant it needs
    #[arg(
        long,
        value_name = "COMMAND",
        num_args = 1..,
        allow_hyphen_values = true,
        conflicts_with = "capability"
    )]
    pub exec: Option<Vec<String>>,
    /// Print JSON instead of text
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

    /// The input files, each with its role.
    pub fn inputs(&self) -> [(&'static str, Option<&Path>); 2] {
        let world = self.world.as_ref().map(|file| file.path.as_path());
        [("the plugin", Some(&self.plugin)), ("the world", world)]
    }

    /// Returns whether the plugin runs in a simulated world.
    pub fn is_simulated(&self) -> bool {
        self.world.is_some()
    }

    /// The options of a runtime without grants.
    pub fn runtime(&self) -> RuntimeBuilder {
        self.runtime_within(Limits::default())
    }

    /// The limits that the flags set, over these.
    pub fn limits(&self, limits: Limits) -> Limits {
        self.limits.over(limits)
    }

    /// The options of a runtime in the simulated world, or in an empty one with this seed.
    pub fn simulated_runtime(&self, seed: u64, limits: Limits) -> RuntimeBuilder {
        let builder = match self.world.clone() {
            Some(WorldFile { world, .. }) => Runtime::builder().world(move || world.clone()),
            None => Runtime::deterministic(seed),
        };
        builder.limits(self.limits.over(limits))
    }

    /// The text of the simulated world that is the same, for a file.
    pub fn world_text(&self, seed: u64) -> String {
        match &self.world {
            Some(WorldFile { text, .. }) => text.clone(),
            None => format!("{{\"seed\":{seed}}}\n"),
        }
    }

    /// The same, with these limits where no flag sets another.
    fn runtime_within(&self, limits: Limits) -> RuntimeBuilder {
        match self.world.clone() {
            Some(WorldFile { world, .. }) => {
                let builder = Runtime::builder().world(move || world.clone());
                builder.limits(self.limits.over(limits))
            }
            None => Runtime::builder().limits(self.limits.over(Limits {
                deadline: Some(DEADLINE),
                ..limits
            })),
        }
    }
}

impl ObserveArgs {
    /// The options of a runtime without grants.
    pub fn runtime(&self) -> RuntimeBuilder {
        let mut limits = Limits::default();
        if let Some(bytes) = self.evidence_bytes {
            limits.evidence_bytes = Some(bytes).filter(|bytes| *bytes > 0);
        }
        self.plugin.runtime_within(limits)
    }

    /// The input files, each with its role.
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

/// The deadline of a call on this machine, and of a replay.
pub const DEADLINE: Duration = Duration::from_secs(60);

impl LimitArgs {
    /// The limits that the flags set, over these.
    pub fn over(&self, mut limits: Limits) -> Limits {
        limits.fuel = self.fuel.unwrap_or(limits.fuel);
        limits.memory = self.memory_mb.unwrap_or(limits.memory);
        limits.deadline = match self.deadline_ms {
            Some(limit) => (limit > 0).then(|| Duration::from_millis(limit)),
            None => limits.deadline,
        };
        for (name, value) in &self.limits {
            // They were set once already, to report what is wrong.
            let _ = limits.set(name, value);
        }
        limits
    }
}

fn limit(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("a limit is NAME=VALUE; `tollgate help limits` lists the names")?;
    let (name, value) = (name.trim(), value.trim());
    let set = Limits::default().set(name, value);
    set.map_err(|error| error.to_string())?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Whether the arguments ask for the list of limits: `help limits`, or `--help limits` at the end.
pub fn ask_for_limits(args: impl Iterator<Item = OsString>) -> bool {
    let args: Vec<OsString> = args.skip(1).collect();
    match args.as_slice() {
        [help, topic] if help == "help" => topic == "limits",
        [.., help, topic] => help == "--help" && topic == "limits",
        _ => false,
    }
}

fn world(file: &str) -> Result<WorldFile, String> {
    let text = files::read_text(file.as_ref()).map_err(|error| error.to_string())?;
    let world = Simulated::from_json(&text).map_err(|error| error.to_string())?;
    let path = PathBuf::from(file);
    Ok(WorldFile { path, text, world })
}

fn offset(text: &str) -> Result<u64, String> {
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    number.map_err(|_| "expected a number of bytes, such as 499 or 0x1f3".to_owned())
}

fn fuel(text: &str) -> Result<FuelLimit, String> {
    let mut limits = Limits::default();
    let set = limits.set("fuel", text);
    set.map(|()| limits.fuel).map_err(|error| error.to_string())
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

//! The command line's arguments, and the runtime options that they set.

use crate::{
    Exit, Failure, coverage::CoverageArgs, files, fuzz::FuzzArgs, new::Language,
    profile::ProfileArgs, terminal::TerminalArgs,
};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::{
    ffi::OsString,
    num::NonZero,
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
    #[command(flatten, next_help_heading = "Output")]
    pub terminal: TerminalArgs,
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
    /// Show where the fuel of recorded runs went: by function, call path or line
    Profile(ProfileArgs),
    /// Show what of a plugin ran in recorded runs: functions, blocks, branches and lines
    Coverage(CoverageArgs),
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
    /// Print a script that completes this command line in a shell
    Completions(CompletionsArgs),
    /// Print the manual page, or that of a command
    Man(ManArgs),
}

#[derive(ClapArgs)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

#[derive(ClapArgs)]
pub struct ManArgs {
    /// A command, such as `observe`
    #[arg(conflicts_with = "dir")]
    pub of: Option<String>,
    /// Write the manual page of each command to this directory, such as ~/.local/share/man/man1
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

#[derive(ClapArgs)]
pub struct PluginArgs {
    /// The plugin: a WebAssembly module (or its text form); `-` is standard input
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
pub struct WorldFile {
    pub path: PathBuf,
    text: String,
    pub world: Simulated,
}

#[derive(ClapArgs)]
pub struct LimitArgs {
    /// Fuel limit of the call in units, such as 1e9 or 5G, or `unlimited` [default: 100G]
    #[arg(long, value_parser = fuel)]
    fuel: Option<FuelLimit>,
    /// Memory limit of the plugin in megabytes: 0 means 256, -1 means unlimited [default: 256]
    #[arg(long, value_name = "MB", value_parser = memory, allow_negative_numbers = true)]
    memory_mb: Option<MemoryLimit>,
    /// Wall-clock limit of the call, such as 500ms, 10s or 2min; `none` means none [default: 60s, none
    /// in a simulated world]
    #[arg(long, value_name = "TIME", value_parser = deadline)]
    deadline: Option<CallDeadline>,
    /// The same in milliseconds; 0 means none
    #[arg(long, value_name = "MS", conflicts_with = "deadline", hide = true)]
    deadline_ms: Option<u64>,
    /// Set any limit, such as `result_bytes=128MiB`, `fuel=1e9` or `deadline=none`; may be repeated.
    /// `tollgate help limits` lists them. Overrides the flags for single limits
    #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = limit)]
    limits: Vec<(String, String)>,
}

#[derive(ClapArgs)]
pub struct InspectArgs {
    /// The module, or its text form; `-` is standard input
    pub plugin: PathBuf,
    /// Also load and run the plugin, and print the time of each step in milliseconds
    #[arg(long)]
    pub timings: bool,
    /// List the functions instead: size in bytes, places where fuel is charged, name, source file and line
    #[arg(long, conflicts_with = "timings")]
    pub functions: bool,
    /// Print the function and the source line of one instruction instead: its offset in the module, in bytes,
    /// decimal or as 0x1f3
    #[arg(long, value_name = "OFFSET", value_parser = offset, conflicts_with_all = ["timings", "functions"])]
    pub at: Option<u64>,
    /// Print JSON instead of text, for --functions and --at
    #[arg(long)]
    pub json: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Json)]
    pub format: Format,
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
    /// Run once for each config in this file, one a line; `-` is standard input. Prints one line for each, in
    /// the same order: its evidence, or {"line": N, "error": {...}}
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "config_file", "record", "format", "usage"])]
    pub configs: Option<PathBuf>,
    /// With --configs: go on after a line that ends in an error
    #[arg(long, requires = "configs")]
    pub keep_going: bool,
    /// With --configs: how many to run at once [default: as many as there are cores]
    #[arg(long, value_name = "N", requires = "configs")]
    pub jobs: Option<NonZero<usize>>,
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
    /// Trust only the authorities in this PEM file for TLS, instead of Mozilla's
    #[arg(long, value_name = "PEM", conflicts_with_all = ["world", "ca_system"])]
    pub ca_file: Option<PathBuf>,
    /// Trust the authorities that this machine trusts for TLS, instead of Mozilla's
    #[arg(long, conflicts_with = "world")]
    pub ca_system: bool,
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
    /// Print the effects in place of the evidence, each with the fuel burnt before it, and from where in the
    /// plugin it was requested
    #[arg(long)]
    pub trace: bool,
    /// With --trace: the first effect to print, counted from 0
    #[arg(long, value_name = "N", requires = "trace", default_value_t = 0)]
    pub from: u64,
    /// With --trace: print the effects before this one
    #[arg(long, value_name = "M", requires = "trace")]
    pub to: Option<u64>,
    /// Output format [default: json for evidence, and text for --trace]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
}

#[derive(ClapArgs)]
#[command(override_usage = "tollgate diff [OPTIONS] <OLD> <NEW> --transcript <FILE>...")]
pub struct DiffArgs {
    /// The recorded plugin and its new version. They may also come last, after the transcripts
    #[arg(value_names = ["OLD", "NEW"], num_args = 0..)]
    plugins: Vec<PathBuf>,
    /// Transcripts of the recorded plugin
    #[arg(long = "transcript", value_name = "FILE", num_args = 1.., required = true)]
    transcripts: Vec<PathBuf>,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Differences that do not count: the fuel. (The final memory is never compared)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    pub ignore: Vec<Ignored>,
    /// So much more fuel does not count, in percent of the recorded fuel
    #[arg(long, value_name = "PERCENT", default_value_t = 0)]
    pub fuel_threshold: u32,
    /// Output format: text, or one line of JSON for each transcript
    #[arg(long, value_enum, default_value_t = Format::Pretty)]
    pub format: Format,
}

/// What a comparison of two versions can leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ignored {
    /// The fuel that the new version burns
    Fuel,
    /// The final memory, which is never compared
    Memory,
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
    /// For Rust: the directory of the package tollgate-abi, instead of a copy of it in the project
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
    /// A further grant that the plugin has; may be repeated
    #[arg(long = "grant", value_name = "CAPABILITY", requires = "request")]
    pub grants: Vec<String>,
    /// The working directory for relative paths [default: this one]
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
    /// A table for people
    Table,
}

/// The name of a plugin without `--name`.
pub fn stem(plugin: &Path) -> String {
    match plugin.file_stem() {
        Some(stem) if !files::is_standard_input(plugin) => stem.to_string_lossy().into_owned(),
        _ => "plugin".to_owned(),
    }
}

/// What `diff` compares.
pub struct Compared {
    pub old: PathBuf,
    pub new: PathBuf,
    pub transcripts: Vec<PathBuf>,
}

impl DiffArgs {
    /// The plugins and the transcripts. `--transcript` takes all names behind it: the plugins that are missing are
    /// the last of them.
    pub fn compared(&self) -> Result<Compared, Failure> {
        let (mut plugins, mut transcripts) = (self.plugins.clone(), self.transcripts.clone());
        let missing = 2_usize.saturating_sub(plugins.len());
        let first = transcripts.len().saturating_sub(missing);
        plugins.extend(transcripts.drain(first..));
        match (<[PathBuf; 2]>::try_from(plugins), transcripts.is_empty()) {
            (Ok([old, new]), false) => Ok(Compared {
                old,
                new,
                transcripts,
            }),
            _ => Err(Failure::new(
                Exit::BadInput,
                "diff compares two plugins: tollgate diff OLD NEW --transcript FILE...",
            )),
        }
    }
}

impl PluginArgs {
    pub fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| stem(&self.plugin))
    }

    /// Whether the name was given.
    pub fn is_named(&self) -> bool {
        self.name.is_some()
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

    /// The simulated world, or an empty one with this seed.
    pub fn simulated_world(&self, seed: u64) -> Simulated {
        match &self.world {
            Some(WorldFile { world, .. }) => world.clone(),
            None => Simulated::new().seed(seed),
        }
    }

    /// The flags that set limits other than fuel, as arguments.
    pub fn limit_flags(&self) -> Vec<String> {
        let memory = self.limits.memory_mb.map(|limit| match limit {
            MemoryLimit::UNLIMITED => "--memory-mb=-1".to_owned(),
            limit => format!("--memory-mb={}", limit.pages() >> 4),
        });
        let named = self.limits.limits.iter();
        let named = named.map(|(name, value)| format!("--limit={name}={value}"));
        memory.into_iter().chain(named).collect()
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
        let builder = match self.world.clone() {
            Some(WorldFile { world, .. }) => {
                let builder = Runtime::builder().world(move || world.clone());
                builder.limits(self.limits.over(limits))
            }
            None => Runtime::builder().limits(self.limits.over(Limits {
                deadline: Some(DEADLINE),
                ..limits
            })),
        };
        builder.backtraces(true)
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
        let config = match self.config_file.as_deref().or(self.configs.as_deref()) {
            Some(path) if files::is_standard_input(path) => Some(Path::new("/dev/stdin")),
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
        limits.deadline = match (self.deadline, self.deadline_ms) {
            (Some(CallDeadline(limit)), _) => limit,
            (None, Some(limit)) => (limit > 0).then(|| Duration::from_millis(limit)),
            (None, None) => limits.deadline,
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

pub fn world(file: &str) -> Result<WorldFile, String> {
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

/// A limit of `--deadline`; `None` is none.
#[derive(Clone, Copy)]
struct CallDeadline(Option<Duration>);

fn deadline(text: &str) -> Result<CallDeadline, String> {
    let mut limits = Limits::default();
    let set = limits.set("deadline", text);
    set.map(|()| CallDeadline(limits.deadline))
        .map_err(|error| error.to_string())
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

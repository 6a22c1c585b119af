//! The arguments of `tollgate fuzz`.

use super::vary::Replies;
use crate::args::PluginArgs;
use clap::Args as ClapArgs;
use std::path::PathBuf;
use tollgate::{
    Capability, Error, FuelLimit, Limits, Plugin, Runtime, RuntimeBuilder, gate::World,
};

#[derive(ClapArgs)]
pub struct FuzzArgs {
    #[command(flatten)]
    pub plugin: PluginArgs,
    /// The module is no plugin but a harness in the style of libFuzzer: it exports `malloc` and
    /// `LLVMFuzzerTestOneInput`
    #[arg(long)]
    pub raw: bool,
    /// Grant a capability such as `fs:read:/etc/**`; may be repeated
    #[arg(long = "grant", value_name = "CAPABILITY")]
    pub grants: Vec<Capability>,
    /// Make up what the host replies as well: files, variables, the network, commands, clocks, random numbers, and
    /// their failures, as far as grants allow. Inputs are then a config with replies behind it. The world of
    /// `--world` stays as it is where it has something
    #[arg(long, conflicts_with = "raw")]
    pub fuzz_world: bool,
    /// A transcript of `observe --record`, whose config (with `--fuzz-world` also its replies) is an input to begin
    /// with; may be repeated
    #[arg(long, value_name = "RUN.jsonl", conflicts_with = "raw")]
    pub seeds: Vec<PathBuf>,
    /// The directory of inputs: they are read first, and new ones are added, one file for each, named by its SHA-1
    #[arg(long, value_name = "DIR")]
    pub corpus: Option<PathBuf>,
    /// The directory that findings are written to
    #[arg(long, value_name = "DIR", default_value = "crashes")]
    pub crashes: PathBuf,
    /// Stop after so many seconds
    #[arg(long, value_name = "N")]
    pub seconds: Option<u64>,
    /// Stop after so many runs in all
    #[arg(long, value_name = "N", value_parser = count)]
    pub runs: Option<u64>,
    /// Stop at the first finding
    #[arg(long)]
    pub first: bool,
    /// How many threads run the plugin
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: u16,
    /// The seed of all random choices: the same seed gives the same runs
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub rng_seed: u64,
    /// The most bytes of an input
    #[arg(long, value_name = "BYTES", default_value_t = 4096, value_parser = clap::value_parser!(u32).range(1..=16 << 20))]
    pub max_len: u32,
    /// A file of tokens in the format of libFuzzer and AFL: lines of "text" or name="text"
    #[arg(long, value_name = "FILE")]
    pub dictionary: Option<PathBuf>,
    /// A JSON Schema of evidence: evidence that violates it is a finding
    #[arg(long, value_name = "FILE", conflicts_with = "raw")]
    pub expect: Option<PathBuf>,
    /// Run this input only, and report how it ends; may be repeated
    #[arg(long, value_name = "FILE")]
    pub input: Vec<PathBuf>,
    /// Remove those inputs from the corpus that no edge and no range of hits needs, and end
    #[arg(long, requires = "corpus", conflicts_with_all = ["input", "coverage_report"])]
    pub minimize_corpus: bool,
    /// Print what of the plugin the inputs of the corpus run, as `coverage` does, and end. With a name that ends in
    /// .json or .info (for lcov), write that to the file; any other is a directory for pages with the source
    #[arg(long, value_name = "FILE", num_args = 0..=1, requires = "corpus", conflicts_with_all = ["input", "raw"])]
    pub coverage_report: Option<Option<PathBuf>>,
    /// Do not add instruments: only to compare, since such a run finds next to nothing
    #[arg(long)]
    pub no_instruments: bool,
}

impl FuzzArgs {
    /// The most fuel of a run, unless a flag sets another limit.
    const FUEL: u64 = 100_000_000;

    /// The options of a runtime in such worlds, with the grants, in which only fuel ends a run.
    pub fn runtime<W: World + 'static>(
        &self,
        world: impl Fn() -> W + Send + Sync + 'static,
    ) -> RuntimeBuilder {
        let name = self.plugin.name();
        let builder = Runtime::builder()
            .world(world)
            .limits(self.plugin.limits(self.limits()));
        let grants = self.grants.iter().cloned();
        grants.fold(builder, |builder, grant| builder.grant(&name, grant))
    }

    /// What replies may be to, if inputs have replies.
    pub fn replies(&self) -> Option<Replies> {
        let grants = self.grants.iter().map(ToString::to_string);
        let variables = grants.filter_map(|grant| {
            let name = grant.strip_prefix("env:")?;
            (!name.contains(['*', '?', '[', '{'])).then(|| name.to_owned())
        });
        self.fuzz_world.then(|| Replies::new(variables.collect()))
    }

    fn limits(&self) -> Limits {
        Limits {
            fuel: FuelLimit::from(Self::FUEL),
            deadline: None,
            ..Limits::default()
        }
    }

    /// Loads the plugin, or the harness.
    pub fn load(&self, runtime: &Runtime, module: &[u8]) -> Result<Plugin, Error> {
        let name = self.plugin.name();
        match self.raw {
            true => runtime.load_harness(&name, module),
            false => runtime.load(&name, module),
        }
    }

    /// The most fuel of a run.
    pub fn fuel(&self) -> FuelLimit {
        self.plugin.limits(self.limits()).fuel
    }
}

fn count(text: &str) -> Result<u64, String> {
    let number = text.replace('_', "");
    number
        .parse()
        .map_err(|_| "expected a number of runs".to_owned())
}

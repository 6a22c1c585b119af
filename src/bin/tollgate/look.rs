//! What `profile` and `coverage` look into: recorded runs, or one that is recorded in memory first.

use crate::{
    Exit, Failure,
    args::{DEADLINE, LimitArgs, WorldFile, world},
    complain, files,
    output::{print_event, print_line},
    read_config, read_module, replay,
};
use clap::Args as ClapArgs;
use std::path::{Path, PathBuf};
use tollgate::{
    Capability, Limits, Plugin, Runtime,
    printable::Printable,
    replay::{Replay, ReplayError},
};

/// The runs to look into.
#[derive(ClapArgs)]
pub struct LookArgs {
    /// Transcripts of `observe --record`, which add up; without any, the plugin runs as in `observe`
    pub runs: Vec<PathBuf>,
    /// The plugin [default: NAME.wasm next to the transcript or in the working directory]
    #[arg(long, value_name = "FILE", required_unless_present = "runs")]
    pub plugin: Option<PathBuf>,
    /// Without transcripts: the config as JSON
    #[arg(long, value_name = "JSON", conflicts_with_all = ["config_file", "runs"])]
    config: Option<String>,
    /// Without transcripts: a file with the config as JSON; `-` is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "runs")]
    config_file: Option<PathBuf>,
    /// Without transcripts: grant a capability such as `fs:read:/etc/**`; may be repeated
    #[arg(long = "grant", value_name = "CAPABILITY", conflicts_with = "runs")]
    grants: Vec<Capability>,
    /// Without transcripts: run in the simulated world of this JSON file
    #[arg(long, value_name = "FILE", value_parser = world, conflicts_with = "runs")]
    world: Option<WorldFile>,
    #[command(flatten)]
    pub limits: LimitArgs,
}

impl LookArgs {
    /// Looks into each run, and passes on what was seen, with the bytes of the plugin.
    pub fn each<T>(
        &self,
        look: impl Fn(&Replay, &Plugin) -> Result<T, ReplayError>,
        mut then: impl FnMut(T, &[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for path in &self.runs {
            let replay = replay::open(path)?;
            let bytes = match &self.plugin {
                Some(plugin) => read_module(plugin)?,
                None => read_module(&replay::find_module(path, &replay)?)?,
            };
            let plugin = replay::load(&replay, &self.limits, &bytes)?;
            let seen = look(&replay, &plugin).map_err(|error| {
                let failure = Failure::from(error);
                let message = format!("{}: {}", Printable(path.display()), failure.message);
                Failure { message, ..failure }
            })?;
            then(seen, &bytes)?;
        }
        match &self.plugin {
            Some(path) if self.runs.is_empty() => {
                let bytes = read_module(path)?;
                let (replay, plugin) = self.record(path, &bytes)?;
                then(look(&replay, &plugin)?, &bytes)
            }
            _ => Ok(()),
        }
    }

    /// Runs the plugin, and records the run in memory.
    fn record(&self, path: &Path, bytes: &[u8]) -> Result<(Replay, Plugin), Failure> {
        let config = read_config(self.config.as_deref(), self.config_file.as_deref())?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let deadline = match &self.world {
            Some(_) => None,
            None => Some(DEADLINE),
        };
        let limits = self.limits.over(Limits {
            deadline,
            ..Limits::default()
        });
        let mut builder = Runtime::builder().limits(limits).on_event(print_event);
        if let Some(WorldFile { world, .. }) = self.world.clone() {
            builder = builder.world(move || world.clone());
        }
        for grant in &self.grants {
            builder = builder.grant(&name, grant.clone());
        }
        let plugin = builder.build()?.load(&name, bytes)?;
        let recording = plugin
            .observe_recorded(&config, Vec::new())
            .map_err(|error| Failure::new(Exit::BadInput, error.to_string()))?;
        if let Err(error) = recording.outcome {
            if recording.sink.is_empty() {
                return Err(error.into());
            }
            complain(format_args!("the run failed: {}", error.report()));
        }
        let replay = Replay::read(recording.sink).map_err(ReplayError::from)?;
        Ok((replay, plugin))
    }

    /// Writes a file, which must be none that was read, or prints the text, whose lines are escaped.
    pub fn write(&self, content: &str, to: Option<&Path>) -> Result<Exit, Failure> {
        let Some(path) = to else {
            for line in content.lines() {
                print_line(line)?;
            }
            return Ok(Exit::Success);
        };
        let runs = self.runs.iter().map(|run| ("the recording", Some(&**run)));
        let world = self.world.as_ref().map(|file| file.path.as_path());
        let others = [
            ("the plugin", self.plugin.as_deref()),
            ("the config file", self.config_file.as_deref()),
            ("the world", world),
        ];
        files::is_no_input(path, runs.chain(others))?;
        files::write_whole(path, content.as_bytes()).map_err(|error| Failure::file(path, error))?;
        Ok(Exit::Success)
    }
}

/// The most characters of a name that is shown.
const LONGEST_NAME: usize = 160;

/// A name without unprintable characters, and not too long.
pub fn short(name: &tollgate::printable::Text) -> String {
    let mut name = name.to_string();
    if let Some((end, _)) = name.char_indices().nth(LONGEST_NAME) {
        name.truncate(end);
        name.push('…');
    }
    name
}

/// Text for HTML and SVG.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            character => out.push(character),
        }
    }
    out
}

/// A share in per cent, with one decimal.
pub fn percent(part: u64, all: u64) -> f64 {
    match all {
        0 => 0.0,
        all => part as f64 / all as f64 * 100.0,
    }
}

//! What was found: which problems are one, and the files of each.

use super::{args::FuzzArgs, corpus::Seen, sha1, target::Problem};
use crate::{Failure, files, output};
use serde_json::json;
use std::{collections::BTreeMap, fs, path::Path};
use tollgate::{Config, FuelLimit, Plugin};

/// Problems that were found before, by their kinds and the edges of the runs that had them: a problem is another one
/// if its run took an edge that none with a problem of this kind took.
#[derive(Default)]
pub struct Known {
    kinds: BTreeMap<&'static str, Kind>,
}

#[derive(Default)]
struct Kind {
    seen: Seen,
    problems: Vec<Problem>,
}

impl Known {
    /// Adds a problem, and returns the edge that makes it a new one, if counters show one.
    pub fn add(&mut self, problem: &Problem, counters: &[u8]) -> Option<Option<usize>> {
        const MOST_OF_A_KIND: usize = 64;
        let kind = self.kinds.entry(problem.kind).or_default();
        let edge = kind.seen.new_edge(counters);
        let is_known = kind.problems.iter().any(|known| known.is_like(problem));
        if (is_known && edge.is_none()) || kind.problems.len() >= MOST_OF_A_KIND {
            return None;
        }
        kind.seen.add(counters);
        kind.problems.push(problem.clone());
        Some(edge.filter(|_| is_known))
    }
}

pub struct Finding {
    pub problem: Problem,
    /// As short as it became.
    pub input: Vec<u8>,
    /// Whether a new instance without instruments has the same problem.
    pub is_confirmed: bool,
    pub counters: Vec<u8>,
}

/// All findings of a campaign.
pub struct Findings<'a> {
    args: &'a FuzzArgs,
    plugin: Plugin,
    /// The simulated world, as the text of a file.
    world: String,
    known: Known,
    /// The name, the message and the command that reproduces each.
    pub listed: Vec<[String; 3]>,
}

impl<'a> Findings<'a> {
    pub fn new(args: &'a FuzzArgs, plugin: Plugin, world: String) -> Findings<'a> {
        Findings {
            args,
            plugin,
            world,
            known: Known::default(),
            listed: Vec::new(),
        }
    }

    /// Writes the files of a finding, unless it was found before.
    pub fn add(&mut self, finding: Finding) -> Result<(), Failure> {
        let Finding {
            problem,
            input,
            is_confirmed,
            counters,
        } = finding;
        if self.known.add(&problem, &counters).is_none() {
            return Ok(());
        }
        let directory = &self.args.crashes;
        fs::create_dir_all(directory).map_err(|error| Failure::file(directory, error))?;
        let name = format!("{}-{}", problem.kind, sha1::hex(&input));
        let write = |end: &str, content: &[u8]| {
            let path = directory.join(format!("{name}{end}"));
            let written = files::write_whole(&path, content);
            written
                .map_err(|error| Failure::file(&path, error))
                .map(|()| path)
        };
        let config = std::str::from_utf8(&input)
            .ok()
            .and_then(|text| text.parse::<Config>().ok());
        let command = if self.args.raw {
            self.command(&["fuzz", "--raw"], &[("--input", &write("", &input)?)])
        } else {
            let input = write(".json", &input)?;
            let world = write(".sim.json", self.world.as_bytes())?;
            match &config {
                Some(config) => {
                    let path = directory.join(format!("{name}.transcript.jsonl"));
                    let recorded = self.plugin.record(config, &path);
                    // How the run ends is known.
                    drop(recorded.map_err(|error| Failure::file(&path, error))?);
                    self.command(
                        &["observe"],
                        &[("--config-file", &input), ("--world", &world)],
                    )
                }
                None => self.command(&["fuzz"], &[("--input", &input), ("--world", &world)]),
            }
        };
        let mut message = problem.message;
        if !is_confirmed {
            message.push_str(" (not so in a new instance)");
        }
        let report = json!({
            "kind": problem.kind,
            "message": message,
            "confirmed": is_confirmed,
            "bytes": input.len(),
            "reproduce": command,
        });
        let report = serde_json::to_string_pretty(&report).unwrap_or_default();
        write(".report.json", report.as_bytes())?;
        output::complain(format_args!("{name}: {message}"));
        self.listed.push([name, message, command]);
        Ok(())
    }

    /// A command for a shell.
    fn command(&self, begin: &[&str], options: &[(&str, &Path)]) -> String {
        let word = |text: &str| output::shell_word(text).unwrap_or_else(|| format!("{text:?}"));
        let path = |path: &Path| word(&path.to_string_lossy());
        let mut words = vec!["tollgate".to_owned()];
        words.extend(begin.iter().map(ToString::to_string));
        words.push(path(&self.args.plugin.plugin));
        words.extend(
            options
                .iter()
                .flat_map(|(option, file)| [(*option).to_owned(), path(file)]),
        );
        words.extend(
            self.args
                .grants
                .iter()
                .flat_map(|grant| ["--grant".to_owned(), word(&grant.to_string())]),
        );
        let fuel = match self.args.fuel() {
            FuelLimit::Units(units) => units.to_string(),
            FuelLimit::Unlimited => "unlimited".to_owned(),
        };
        words.extend(["--fuel".to_owned(), fuel]);
        words.join(" ")
    }
}

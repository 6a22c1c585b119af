//! What was found: which problems are one, and the files of each.

use super::{
    args::FuzzArgs,
    confirm::{self, Confirmation},
    corpus::Seen,
    reply, scene, sha1,
    target::{Given, Judge, Problem},
};
use crate::{Failure, files, output};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
};
use tollgate::FuelLimit;

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
    pub given: Given,
    pub counters: Vec<u8>,
}

/// The kind of a problem, and where it happened.
type Place = (&'static str, Vec<u64>);

/// All findings of a campaign.
pub struct Findings<'a> {
    args: &'a FuzzArgs,
    module: Arc<[u8]>,
    judge: Judge,
    /// The simulated world, as the text of a file.
    world: String,
    known: Known,
    places: BTreeSet<Place>,
    /// The name, the message and the command that reproduces each.
    pub listed: Vec<[String; 3]>,
}

impl<'a> Findings<'a> {
    pub fn new(args: &'a FuzzArgs, module: Arc<[u8]>, judge: Judge) -> Findings<'a> {
        Findings {
            args,
            module,
            judge,
            world: args.plugin.world_text(args.rng_seed),
            known: Known::default(),
            places: BTreeSet::new(),
            listed: Vec::new(),
        }
    }

    /// Writes the files of a finding, unless it was found before.
    pub fn add(&mut self, finding: Finding) -> Result<(), Failure> {
        let Finding {
            problem,
            given,
            counters,
        } = finding;
        if self.known.add(&problem, &counters).is_none() {
            return Ok(());
        }
        let Given {
            config,
            replies,
            drawn,
        } = &given;
        let world = match self.args.fuzz_world {
            true => scene::text(&self.world, replies, drawn),
            false => self.world.clone(),
        };
        let name = format!(
            "{}-{}",
            problem.kind,
            sha1::hex(&reply::print(config, replies))
        );
        let directory = &self.args.crashes;
        fs::create_dir_all(directory).map_err(|error| Failure::file(directory, error))?;
        let transcript = directory.join(format!("{name}.transcript.jsonl"));
        let confirmation = confirm::confirm(
            self.args,
            &self.module,
            &self.judge,
            config,
            &world,
            &problem,
            &transcript,
        );
        let Confirmation {
            backtrace,
            doubt,
            is_recorded,
        } = confirmation?;
        if let Some(backtrace) = &backtrace {
            let frames = backtrace.frames.iter().map(|frame| frame.offset);
            if !self.places.insert((problem.kind, frames.collect())) {
                if is_recorded {
                    // Nobody has seen it yet.
                    let _ = fs::remove_file(&transcript);
                }
                return Ok(());
            }
        }
        let write = |end: &str, content: &[u8]| {
            let path = directory.join(format!("{name}{end}"));
            let written = files::write_whole(&path, content);
            written
                .map_err(|error| Failure::file(&path, error))
                .map(|()| path)
        };
        let command = if self.args.raw {
            self.command(&["fuzz", "--raw"], &[("--input", &write("", config)?)])
        } else {
            let input = write(".json", config)?;
            let world = write(".sim.json", world.as_bytes())?;
            match is_recorded {
                true => self.command(
                    &["observe", "--no-validate"],
                    &[("--config-file", &input), ("--world", &world)],
                ),
                // Other commands refuse what is no config.
                false => self.command(&["fuzz"], &[("--input", &input), ("--world", &world)]),
            }
        };
        let mut message = problem.message;
        if let Some(doubt) = &doubt {
            message.push_str(&format!(" (unconfirmed: {doubt})"));
        }
        let backtrace = backtrace.map(|backtrace| backtrace.to_string());
        let backtrace: Option<Vec<&str>> = backtrace.as_ref().map(|text| text.lines().collect());
        let report = json!({
            "kind": problem.kind,
            "message": message,
            "confirmed": doubt.is_none(),
            "bytes": config.len(),
            "replies": replies.len(),
            "backtrace": backtrace,
            "reproduce": command,
        });
        let report = serde_json::to_string_pretty(&report).unwrap_or_default() + "\n";
        write(".report.json", report.as_bytes())?;
        output::complain(format_args!("{name}: {message}"));
        self.listed.push([name, message, command]);
        Ok(())
    }

    /// A command for a shell.
    fn command(&self, begin: &[&str], options: &[(&str, &Path)]) -> String {
        let word = |text: &str| output::shell_word(text).unwrap_or_else(|| format!("{text:?}"));
        let path = |path: &Path| word(&path.to_string_lossy());
        let plugin = &self.args.plugin;
        let mut words = vec!["tollgate".to_owned()];
        words.extend(begin.iter().map(ToString::to_string));
        words.push(path(&plugin.plugin));
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
        if plugin.is_named() {
            words.extend(["--name".to_owned(), word(&plugin.name())]);
        }
        if let Some(expect) = self.args.expect.as_deref().filter(|_| begin == ["fuzz"]) {
            words.extend(["--expect".to_owned(), path(expect)]);
        }
        let fuel = match self.args.fuel() {
            FuelLimit::Units(units) => units.to_string(),
            FuelLimit::Unlimited => "unlimited".to_owned(),
        };
        words.extend(["--fuel".to_owned(), fuel]);
        words.extend(plugin.limit_flags().iter().map(|flag| word(flag)));
        words.join(" ")
    }
}

//! One thread of a campaign: which inputs it runs, in which order, and which of them it keeps.

use super::{
    corpus::{Corpus, Seen, path},
    findings::{Finding, Known},
    havoc::{self, Materials},
    json::Shapes,
    random::Random,
    sha1,
    shared::{RUNS_TO_MEETING, Shared},
    solve::Progress,
    target::{Plugins, Problem, Target, With},
    vary::Replies,
};
use crate::{Failure, files};
use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
};

/// Why a thread stops.
pub enum Stop {
    Over,
    Failed(Failure),
}

impl From<tollgate::Error> for Stop {
    fn from(error: tollgate::Error) -> Stop {
        Stop::Failed(error.into())
    }
}

/// What became of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    Known,
    Kept,
    Problem,
}

pub struct Worker<'a> {
    job: usize,
    shared: &'a Shared<'a>,
    pub target: Target,
    pub random: Random,
    seen: Seen,
    /// The paths of inputs that were tried and not kept.
    paths: HashSet<u64>,
    pub corpus: Corpus,
    /// Of configs, unless inputs are no configs.
    shapes: Option<Arc<Shapes>>,
    /// Where inputs have replies of the host.
    pub replies: Option<Replies>,
    /// Inputs that kept ones lead to.
    pub grown: Vec<Vec<u8>>,
    /// The digests of what the entries of the corpus ended in.
    pub outcomes: Vec<Option<u64>>,
    /// Entries whose comparisons are to be solved, and those whose bytes are to be tried; the last ones first.
    unsolved: Vec<usize>,
    untried: Vec<usize>,
    pub tokens: Vec<Vec<u8>>,
    pub progress: Progress,
    known: Known,
    runs: u64,
    /// Runs that tried bytes one by one, and those that changed entries at random.
    byte_runs: u64,
    change_runs: u64,
    most_runs: u64,
    /// Inputs kept since the last meeting.
    news: Vec<Arc<[u8]>>,
    imports: Vec<Arc<[u8]>>,
    is_importing: bool,
    pub max_len: usize,
}

impl<'a> Worker<'a> {
    pub fn new(
        job: usize,
        shared: &'a Shared<'a>,
        plugins: &Arc<Plugins>,
        shapes: Option<Arc<Shapes>>,
        tokens: Vec<Vec<u8>>,
    ) -> Result<Worker<'a>, Failure> {
        let args = shared.args;
        let seed = args.rng_seed ^ (job as u64).rotate_left(32);
        let most_runs = args.runs.map(|runs| runs.div_ceil(args.jobs.into()));
        Ok(Worker {
            job,
            shared,
            target: Target::new(plugins)?,
            random: Random::new(seed),
            seen: Seen::default(),
            paths: HashSet::new(),
            corpus: Corpus::default(),
            shapes,
            replies: args.replies(),
            grown: Vec::new(),
            outcomes: Vec::new(),
            unsolved: Vec::new(),
            untried: Vec::new(),
            tokens,
            progress: Progress::default(),
            known: Known::default(),
            runs: 0,
            byte_runs: 0,
            change_runs: 0,
            most_runs: most_runs.unwrap_or(u64::MAX),
            news: Vec::new(),
            imports: Vec::new(),
            is_importing: false,
            max_len: usize::try_from(args.max_len).unwrap_or(usize::MAX),
        })
    }

    /// The edges that were taken, of how many, and the inputs in the corpus.
    pub fn figures(&self) -> (usize, usize, usize) {
        let all = self.target.counters(With::Counters).len();
        (self.seen.edges(), all, self.corpus.entries.len())
    }

    /// Whether inputs are configs, alone or with replies.
    pub fn has_configs(&self) -> bool {
        self.shapes.is_some()
    }

    /// Runs inputs until it is over.
    pub fn work(&mut self, seeds: &[Vec<u8>]) {
        let stop = self.work_on(seeds);
        if let Err(Stop::Failed(failure)) = stop {
            self.shared.fail(failure);
        }
        self.shared
            .runs
            .fetch_add(self.runs % 256, Ordering::Relaxed);
        // All meet once more, so that nobody waits for this one.
        self.shared.end();
        self.shared.meet(self.job, Vec::new());
    }

    fn work_on(&mut self, seeds: &[Vec<u8>]) -> Result<(), Stop> {
        for seed in seeds {
            // Also those that show nothing new: they have other lengths.
            if self.trial(seed, With::Counters)? == Trial::Known
                && self.shared.args.corpus.is_none()
            {
                self.keep(seed, With::Counters)?;
            }
        }
        loop {
            while let Some(input) = self.grown.pop() {
                self.trial(&input, With::Counters)?;
            }
            while let Some(input) = self.imports.pop() {
                self.is_importing = true;
                let trial = self.trial(&input, With::Counters);
                self.is_importing = false;
                trial?;
            }
            // What a schema describes, random configs reach sooner.
            if self.shapes.is_some() && self.change_runs <= 2048 + self.runs / 4 {
                self.change()?;
                continue;
            }
            if let Some(entry) = self.unsolved.pop() {
                self.solve(entry)?;
            } else if self.byte_runs <= self.runs / 2
                && let Some(entry) = self.untried.pop()
            {
                let before = self.runs;
                self.try_bytes(entry)?;
                self.byte_runs += self.runs - before;
            } else {
                self.change()?;
            }
        }
    }

    /// Runs an input, and keeps it if it shows something new.
    pub fn trial(&mut self, input: &[u8], with: With) -> Result<Trial, Stop> {
        self.count()?;
        if let Some(problem) = self.target.run(input, with)? {
            self.found(input, problem, with)?;
            return Ok(Trial::Problem);
        }
        if !self.seen.add(self.target.counters(with)) {
            return Ok(Trial::Known);
        }
        self.keep(input, with)?;
        Ok(Trial::Kept)
    }

    /// Whether the last run took a path that no input took that was tried and not kept.
    pub fn is_new_path(&mut self) -> bool {
        const MOST: usize = 1 << 20;
        if self.paths.len() > MOST {
            self.paths.clear();
        }
        self.paths
            .insert(path(self.target.counters(With::Counters)))
    }

    pub fn keep(&mut self, input: &[u8], with: With) -> Result<(), Stop> {
        let fuel = self.target.fuel(with);
        let counters = self.target.counters(with);
        let entry = self.corpus.add(input.to_vec(), counters, fuel);
        self.outcomes.push(self.outcome());
        self.grow(input);
        if self.is_importing {
            return Ok(());
        }
        self.unsolved.push(entry);
        self.untried.push(entry);
        if self.shared.args.jobs > 1 {
            self.news.push(input.into());
        }
        if let Some(directory) = &self.shared.args.corpus {
            let file = directory.join(sha1::hex(input));
            let written = files::write_whole(&file, input);
            written.map_err(|error| Stop::Failed(Failure::file(&file, error)))?;
        }
        Ok(())
    }

    /// Counts a run, and meets the other threads when it is time.
    pub fn count(&mut self) -> Result<(), Stop> {
        if self.runs >= self.most_runs {
            return Err(Stop::Over);
        }
        self.runs += 1;
        let alone = self.shared.args.jobs == 1;
        if self.runs.is_multiple_of(256) {
            self.shared.runs.fetch_add(256, Ordering::Relaxed);
            if self.shared.time_is_over() {
                return Err(Stop::Over);
            }
            if self.job == 0 {
                self.shared
                    .show_progress(self.seen.edges(), self.corpus.entries.len());
            }
        }
        if !alone && self.runs.is_multiple_of(RUNS_TO_MEETING) {
            let news = std::mem::take(&mut self.news);
            let others = self.shared.meet(self.job, news).ok_or(Stop::Over)?;
            self.imports.extend(others.into_iter().rev());
        }
        Ok(())
    }

    /// An input ended in a problem.
    pub fn found(&mut self, input: &[u8], problem: Problem, with: With) -> Result<(), Stop> {
        let counters = self.target.counters(with).to_vec();
        let Some(witness) = self.known.add(&problem, &counters) else {
            return Ok(());
        };
        let given = self.minimised(input, &problem, witness)?;
        let finding = Finding {
            problem,
            given,
            counters,
        };
        self.shared.report(self.job, finding);
        match self.shared.args.first && self.shared.args.jobs == 1 {
            true => Err(Stop::Over),
            false => Ok(()),
        }
    }

    /// Every value of every byte of an entry, and every token at its beginning and end.
    fn try_bytes(&mut self, entry: usize) -> Result<(), Stop> {
        const LONGEST: usize = 256;
        // Of short inputs also what they compare.
        const SHORT: usize = 16;
        const WITH_TOKENS: usize = 24;
        let Some(bytes) = self.corpus.bytes(entry) else {
            return Ok(());
        };
        if entry < WITH_TOKENS {
            for token in self.tokens.clone() {
                let mut over = bytes.clone();
                havoc::put(&mut over, 0, &token);
                for input in [over, [&*token, &bytes].concat(), [&*bytes, &token].concat()] {
                    if input.len() <= self.max_len {
                        self.trial(&input, With::Counters)?;
                    }
                }
            }
        }
        if bytes.len() > LONGEST || !(self.corpus.is_favoured(entry) || entry < WITH_TOKENS) {
            return Ok(());
        }
        let mut input = bytes.clone();
        for (at, old) in bytes.iter().enumerate() {
            for byte in 0..=u8::MAX {
                if let Some(target) = input.get_mut(at).filter(|_| byte != *old) {
                    *target = byte;
                    match bytes.len() <= SHORT {
                        true => drop(self.log(&input)?),
                        false => drop(self.trial(&input, With::Counters)?),
                    }
                }
            }
            havoc::put(&mut input, at, &[*old]);
        }
        Ok(())
    }

    /// Changes an entry at random, many times.
    fn change(&mut self) -> Result<(), Stop> {
        const TIMES: u32 = 64;
        self.change_runs += u64::from(TIMES);
        let entry = self.corpus.pick(&mut self.random);
        let other = self.corpus.pick(&mut self.random);
        let get = |number: usize| self.corpus.entries.get(number);
        let (Some(entry), Some(other)) = (get(entry), get(other)) else {
            return Ok(());
        };
        let (bytes, operands) = (entry.bytes.clone(), entry.operands.clone());
        let other = other.bytes.clone();
        for _ in 0..TIMES {
            let mut input = bytes.clone();
            let materials = Materials {
                tokens: &self.tokens,
                operands: &operands,
                other: &other,
                max_len: self.max_len,
            };
            let replies = self.replies.as_ref().filter(|_| !self.random.one_in(3));
            let tree = match &self.shapes {
                Some(shapes) if let Some(replies) = replies => {
                    replies.change(&input, shapes, &materials, &mut self.random)
                }
                Some(shapes) if self.random.one_in(4) => Some(shapes.fresh(&mut self.random)),
                Some(shapes) if !self.random.one_in(3) => shapes.change(&input, &mut self.random),
                _ => None,
            };
            match tree {
                Some(changed) if changed.len() <= self.max_len => input = changed,
                _ => havoc::change(&mut input, &mut self.random, &materials),
            }
            self.trial(&input, With::Counters)?;
        }
        Ok(())
    }
}

//! One thread of a campaign: which inputs it runs, in which order, and which of them it keeps.

use super::{
    chain::Chains,
    corpus::{Corpus, Seen},
    findings::{Finding, Known},
    havoc::{self, Materials},
    json::Shapes,
    random::Random,
    sha1,
    shared::{RUNS_TO_MEETING, Shared},
    solve::Progress,
    target::{Plugins, Problem, Target, With},
};
use crate::{Failure, files};
use std::sync::{Arc, atomic::Ordering};

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

/// What is tried systematically for each entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The operands of its comparisons, one for the other.
    Direct,
    /// Several comparisons, one after another.
    Chain,
    /// All values of its bytes.
    Bytes,
    /// What its comparisons depend on, byte by byte.
    Hard,
}

const STAGES: [Stage; 4] = [Stage::Direct, Stage::Chain, Stage::Bytes, Stage::Hard];

pub struct Worker<'a> {
    job: usize,
    shared: &'a Shared<'a>,
    pub target: Target,
    pub random: Random,
    seen: Seen,
    pub corpus: Corpus,
    /// Of configs, unless inputs are no configs.
    shapes: Option<Arc<Shapes>>,
    /// The entries that each stage is to be done for, the last ones first, each with how many of its bytes were
    /// tried, and the runs that the stage took so far.
    stages: [(Vec<(usize, usize)>, u64); STAGES.len()],
    pub tokens: Vec<Vec<u8>>,
    pub chains: Chains,
    pub progress: Progress,
    known: Known,
    runs: u64,
    /// Runs that changed entries at random.
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
            corpus: Corpus::default(),
            shapes,
            stages: Default::default(),
            tokens,
            chains: Chains::default(),
            progress: Progress::default(),
            known: Known::default(),
            runs: 0,
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
                self.keep_for_itself(seed, With::Counters)?;
            }
        }
        loop {
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
            match self.next_stage() {
                Some(stage) => {
                    let before = self.runs;
                    let next = self.stages.get_mut(stage as usize);
                    let next = next.and_then(|(entries, _)| entries.pop());
                    match (stage, next) {
                        (Stage::Chain, next) => self.chain(next.map(|(entry, _)| entry))?,
                        (Stage::Direct, Some((entry, _))) => self.solve(entry)?,
                        (Stage::Bytes, Some((entry, tried))) => self.try_bytes(entry, tried)?,
                        (Stage::Hard, Some((entry, _))) => self.solve_hard(entry)?,
                        (_, None) => {}
                    }
                    let took = self.runs - before;
                    if let Some((_, runs)) = self.stages.get_mut(stage as usize) {
                        *runs += took;
                    }
                }
                None => self.change()?,
            }
        }
    }

    /// What to do next systematically: what took the fewest runs so far. `None` if it is time for random changes,
    /// which have a part of all runs.
    fn next_stage(&self) -> Option<Stage> {
        const PART: u64 = 4;
        const SMART: u64 = 4;
        const FIRST: u64 = 4096;
        if self.change_runs < self.runs / PART && self.runs > FIRST {
            return None;
        }
        let has_chains = !self.chains.is_empty();
        let stages = STAGES.into_iter().zip(&self.stages);
        let (stage, _) = stages
            .filter(|(stage, (entries, _))| {
                !entries.is_empty() || *stage == Stage::Chain && has_chains
            })
            .min_by_key(|(stage, (_, runs))| match stage {
                Stage::Direct | Stage::Chain => *runs / SMART,
                _ => *runs,
            })?;
        Some(stage)
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

    /// Adds an input to the corpus that shows nothing new in its counters.
    pub fn keep_for_itself(&mut self, input: &[u8], with: With) -> Result<(), Stop> {
        self.keep(input, with)?;
        if let Some(entry) = self.corpus.entries.last_mut() {
            entry.for_itself = true;
        }
        Ok(())
    }

    /// Adds an input to the corpus.
    fn keep(&mut self, input: &[u8], with: With) -> Result<(), Stop> {
        let fuel = self.target.fuel(with);
        let counters = self.target.counters(with);
        let entry = self.corpus.add(input.to_vec(), counters, fuel);
        if self.is_importing {
            return Ok(());
        }
        for (entries, _) in &mut self.stages {
            entries.push((entry, 0));
        }
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
    fn count(&mut self) -> Result<(), Stop> {
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
        let input = self.minimised(input, &problem, witness)?;
        let confirmed = self.target.confirm(&input)?;
        let finding = Finding {
            is_confirmed: confirmed.is_some_and(|again| again.is_like(&problem)),
            input,
            problem,
            counters,
        };
        self.shared.report(self.job, finding);
        match self.shared.args.first && self.shared.args.jobs == 1 {
            true => Err(Stop::Over),
            false => Ok(()),
        }
    }

    /// A shorter input with the same problem, which takes the same new edge.
    fn minimised(
        &mut self,
        input: &[u8],
        problem: &Problem,
        witness: Option<usize>,
    ) -> Result<Vec<u8>, Stop> {
        const MOST: u32 = 4096;
        let mut runs = 0;
        let mut best = input.to_vec();
        // What a config was stays one, so that other commands can run it.
        let is_config = |input: &[u8]| {
            serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(input).is_ok()
        };
        let must_be_config = self.shapes.is_some() && is_config(input);
        let mut is_same = |worker: &mut Self, input: &[u8]| -> Result<bool, Stop> {
            if must_be_config && !is_config(input) {
                return Ok(false);
            }
            runs += 1;
            worker.count()?;
            let Some(found) = worker.target.run(input, With::Counters)? else {
                return Ok(false);
            };
            let counters = worker.target.counters(With::Counters);
            let has_edge =
                witness.is_none_or(|edge| counters.get(edge).is_some_and(|hits| *hits > 0));
            Ok(has_edge && runs <= MOST && found.is_like(problem))
        };
        let mut len = best.len().next_power_of_two();
        while len > 0 {
            let mut at = 0;
            while at < best.len() {
                let mut shorter = best.clone();
                shorter.drain(at..(at + len).min(best.len()));
                match is_same(self, &shorter) {
                    Ok(true) => best = shorter,
                    Ok(false) => at += len,
                    Err(Stop::Over) => return Ok(best),
                    Err(stop) => return Err(stop),
                }
            }
            len /= 2;
        }
        Ok(best)
    }

    /// Every value of the next few bytes of an entry; before the first, every token at its beginning and end.
    fn try_bytes(&mut self, entry: usize, tried: usize) -> Result<(), Stop> {
        const AT_ONCE: usize = 8;
        const LONGEST: usize = 256;
        // Of short inputs also what they compare.
        const SHORT: usize = 16;
        const WITH_TOKENS: usize = 24;
        let Some(bytes) = self.corpus.bytes(entry) else {
            return Ok(());
        };
        if entry < WITH_TOKENS && tried == 0 {
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
        if bytes.len() > LONGEST || !self.corpus.is_favoured(entry) {
            return Ok(());
        }
        let mut input = bytes.clone();
        for (at, old) in bytes.iter().enumerate().skip(tried).take(AT_ONCE) {
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
        let next = tried + AT_ONCE;
        if next < bytes.len()
            && let Some((entries, _)) = self.stages.get_mut(Stage::Bytes as usize)
        {
            entries.push((entry, next));
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
            let tree = match &self.shapes {
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

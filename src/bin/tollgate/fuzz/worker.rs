//! One thread of a campaign: which inputs it runs, in which order, and which of them it keeps.

use super::{
    chain::Chains,
    content::Contents,
    corpus::{Corpus, Seen},
    findings::{Finding, Known},
    havoc::{self, Materials},
    json::Shapes,
    random::Random,
    rare::Rarity,
    sha1,
    shared::{RUNS_TO_MEETING, Shared},
    solve::Progress,
    target::{Plugins, Problem, Target, With},
    vary::Replies,
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

/// What is done with entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The operands of its comparisons, one for the other.
    Direct,
    /// What depends on the replies of the host.
    Content,
    /// Several comparisons, one after another.
    Chain,
    /// All values of its bytes.
    Bytes,
    /// What its comparisons depend on, byte by byte.
    Hard,
    /// Random changes, which any entry is good for.
    Random,
}

const STAGES: [Stage; 6] = [
    Stage::Direct,
    Stage::Content,
    Stage::Chain,
    Stage::Bytes,
    Stage::Hard,
    Stage::Random,
];

/// What a run costs beside its fuel, in units of fuel, and how much more one with comparisons costs.
const OF_A_RUN: u64 = 10_000;
const WITH_COMPARISONS: u64 = 5;

/// What a stage has to do, and how it did so far.
#[derive(Default)]
struct Account {
    /// The entries that it is to be done for, the last ones first, each with how many of its bytes were tried.
    entries: Vec<(usize, usize)>,
    /// How many inputs it found that were kept, and what its runs cost. Both are halved from time to time: what
    /// counts is how it does now.
    finds: u64,
    cost: u64,
}

pub struct Worker<'a> {
    job: usize,
    shared: &'a Shared<'a>,
    pub target: Target,
    pub random: Random,
    seen: Seen,
    pub corpus: Corpus,
    /// Of configs, unless inputs are no configs.
    shapes: Option<Arc<Shapes>>,
    accounts: [Account; STAGES.len()],
    /// What all runs cost, in units of fuel and what takes as long.
    pub cost: u64,
    /// How many inputs were kept for their counters.
    finds: u64,
    /// Where inputs have replies of the host.
    pub replies: Option<Replies>,
    /// Inputs that kept ones lead to.
    pub grown: Vec<Vec<u8>>,
    pub tokens: Vec<Vec<u8>>,
    pub chains: Chains,
    pub progress: Progress,
    pub contents: Contents,
    pub rarity: Rarity,
    known: Known,
    runs: u64,
    /// The run that was kept last.
    last_kept: u64,
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
            accounts: Default::default(),
            cost: 0,
            finds: 0,
            replies: args.replies(),
            grown: Vec::new(),
            tokens,
            chains: Chains::default(),
            progress: Progress::default(),
            contents: Contents::default(),
            rarity: Rarity::default(),
            known: Known::default(),
            runs: 0,
            last_kept: 0,
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
                self.keep_for_itself(seed, With::Counters)?;
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
            // What a schema describes, random configs reach sooner; but first what the seeds compare.
            let [direct, ..] = &self.accounts;
            let first = if direct.entries.is_empty() { 2048 } else { 0 };
            if self.shapes.is_some() && self.change_runs <= first + self.runs / 4 {
                self.change()?;
                continue;
            }
            self.work_at(self.next_stage())?;
        }
    }

    fn work_at(&mut self, stage: Stage) -> Result<(), Stop> {
        self.target.warm_up()?;
        let (cost, finds) = (self.cost, self.finds);
        let account = self.accounts.get_mut(stage as usize);
        let next = account.and_then(|account| account.entries.pop());
        match (stage, next) {
            (Stage::Random, _) => self.change()?,
            (Stage::Chain, next) => self.chain(next.map(|(entry, _)| entry))?,
            (Stage::Direct, Some((entry, _))) => self.solve(entry)?,
            (Stage::Content, Some((entry, tried))) => {
                if let Some(next) = self.solve_content(entry, tried)? {
                    self.queue(Stage::Content, entry, next);
                }
            }
            (Stage::Bytes, Some((entry, tried))) => self.try_bytes(entry, tried)?,
            (Stage::Hard, Some((entry, _))) => self.solve_hard(entry)?,
            (_, None) => {}
        }
        let (cost, finds) = (self.cost - cost, self.finds - finds);
        if let Some(account) = self.accounts.get_mut(stage as usize) {
            account.cost += cost;
            account.finds += finds;
        }
        const RECENT: u64 = 1 << 33;
        let recent: u64 = self.accounts.iter().map(|account| account.cost).sum();
        if recent > RECENT {
            for account in &mut self.accounts {
                account.cost /= 2;
                account.finds /= 2;
            }
        }
        Ok(())
    }

    /// The next stage: the parts of all are as the square roots of what they find.
    fn next_stage(&self) -> Stage {
        const CALM: u64 = 8192;
        // Of a plugin, operands and random changes find more than the rest, as long as they find something: each of
        // its runs has many comparisons.
        if self.has_configs() && self.runs < self.last_kept + CALM {
            let [direct, content, ..] = &self.accounts;
            return match (direct.entries.is_empty(), content.entries.is_empty()) {
                (false, _) => Stage::Direct,
                (_, false) if content.cost <= self.cost / 3 => Stage::Content,
                _ => Stage::Random,
            };
        }
        let has_work = |stage: Stage, account: &Account| match stage {
            Stage::Random => true,
            Stage::Chain => !self.chains.is_empty() || !account.entries.is_empty(),
            _ => !account.entries.is_empty(),
        };
        let stages = STAGES.into_iter().zip(&self.accounts);
        let next = stages
            .filter(|(stage, account)| has_work(*stage, account))
            .min_by_key(|(_, account)| {
                let cost = u128::from(account.cost);
                cost * cost / u128::from(account.finds + 1)
            });
        next.map_or(Stage::Random, |(stage, _)| stage)
    }

    /// Runs an input, and keeps it if it shows something new.
    pub fn trial(&mut self, input: &[u8], with: With) -> Result<Trial, Stop> {
        self.count()?;
        let problem = self.target.run(input, with)?;
        self.cost += match with {
            With::Counters => OF_A_RUN + self.target.fuel(with),
            With::Comparisons => WITH_COMPARISONS * (OF_A_RUN + self.target.fuel(with)),
        };
        if let Some(problem) = problem {
            self.found(input, problem, with)?;
            return Ok(Trial::Problem);
        }
        if !self.seen.add(self.target.counters(with)) {
            return Ok(Trial::Known);
        }
        self.finds += 1;
        self.keep(input, with)?;
        Ok(Trial::Kept)
    }

    /// Adds an input to the corpus that shows nothing new in its counters.
    pub fn keep_for_itself(&mut self, input: &[u8], with: With) -> Result<(), Stop> {
        self.keep(input, with)?;
        self.corpus.keep_last();
        Ok(())
    }

    /// Adds an input to the corpus.
    fn keep(&mut self, input: &[u8], with: With) -> Result<(), Stop> {
        let fuel = self.target.fuel(with);
        let counters = self.target.counters(with);
        let entry = self.corpus.add(input.to_vec(), counters, fuel);
        self.grow(input);
        if self.is_importing {
            return Ok(());
        }
        self.last_kept = self.runs;
        let is_whole = self.is_whole(input);
        for (stage, account) in STAGES.into_iter().zip(&mut self.accounts) {
            if stage == Stage::Random || stage == Stage::Content && self.replies.is_none() {
                continue;
            }
            match is_whole {
                true => account.entries.push((entry, 0)),
                false => account.entries.insert(0, (entry, 0)),
            }
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
        if next < bytes.len() {
            self.queue(Stage::Bytes, entry, next);
        }
        Ok(())
    }

    /// Goes on with an entry in a stage, where so many of its bytes were tried.
    fn queue(&mut self, stage: Stage, entry: usize, tried: usize) {
        if let Some(account) = self.accounts.get_mut(stage as usize) {
            account.entries.push((entry, tried));
        }
    }

    /// Changes an entry at random, many times.
    fn change(&mut self) -> Result<(), Stop> {
        const TIMES: u32 = 64;
        self.change_runs += u64::from(TIMES);
        let entry = self.corpus.pick(&mut self.random);
        let other = self.corpus.pick(&mut self.random);
        let get = |number: usize| self.corpus.entries.get(number);
        // Without any, from nothing.
        let (bytes, operands, other) = match (get(entry), get(other)) {
            (Some(entry), Some(other)) => (
                entry.bytes.clone(),
                entry.operands.clone(),
                other.bytes.clone(),
            ),
            _ => Default::default(),
        };
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

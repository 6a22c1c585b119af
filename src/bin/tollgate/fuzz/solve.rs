//! Inputs that make the comparisons of an entry come out otherwise, systematically: by putting one operand where the
//! other one stands in the input, and by bringing operands closer to each other byte by byte. Several comparisons, one
//! after another, are in `chain`.

use super::{
    candidates::{Candidates, Compared, Key, distinct, index, numbered},
    target::With,
    worker::{Stop, Trial, Worker},
};
use std::{
    cmp::Ordering,
    collections::{BTreeSet, HashMap, HashSet},
};

/// What was solved and tried so far.
#[derive(Default)]
pub struct Progress {
    /// For each place which way its comparisons came out, a bit for each.
    outcomes: Vec<u8>,
    /// How often operands of a place were tried.
    tried: HashMap<Key, u8>,
    /// How often operands of a place were brought closer.
    closer: HashMap<(u32, u32), u8>,
    /// How many logs had a way.
    seen: HashMap<Way, u32>,
    /// The outcomes of logs, in their order, as digests.
    paths: HashSet<u64>,
}

const EQUAL: u8 = 1;

/// How comparisons of a place came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Way {
    place: u32,
    outcome: u64,
    /// How often, if the operands were equal.
    times: u32,
}

impl Progress {
    /// Returns whether operands were equal for the first time.
    fn note(&mut self, log: &[Compared]) -> bool {
        let mut is_new = false;
        for compared in log {
            let place = index(compared.place());
            if self.outcomes.len() <= place {
                self.outcomes.resize(place + 1, 0);
            }
            if let Some(outcomes) = self.outcomes.get_mut(place) {
                let outcome = outcome(compared);
                is_new |= outcome == EQUAL && *outcomes & EQUAL == 0;
                *outcomes |= outcome;
            }
        }
        is_new
    }

    /// Of a log whose outcomes differ from those of all logs before: its rarest way, and how many logs had that.
    pub fn rarest(&mut self, log: &[Compared]) -> Option<(u32, Way)> {
        const MOST: usize = 1 << 20;
        if self.paths.len() > MOST {
            self.paths.clear();
        }
        const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut digest = ODD;
        // How often each outcome was there, of each place.
        let mut times = vec![[0_u32; 3]; self.outcomes.len()];
        let mut indices = BTreeSet::new();
        for compared in log {
            let (place, outcome) = (compared.place(), outcome(compared));
            let mut way = u64::from(place) << 3 | u64::from(outcome);
            if compared.at.bytes == 0 {
                // Each index leads elsewhere.
                let [value, _] = compared.at.operands;
                way ^= (value + 1) << 40;
                indices.insert((place, value));
            } else if let Some(times) = times.get_mut(index(place)) {
                let [equal, less, greater] = times;
                let times = match outcome {
                    EQUAL => equal,
                    2 => less,
                    _ => greater,
                };
                *times += 1;
            }
            digest = (digest ^ way).wrapping_mul(ODD);
            digest ^= digest >> 29;
        }
        if !self.paths.insert(digest) {
            return None;
        }
        let ways = (0..)
            .zip(&times)
            .flat_map(|(place, [equal, less, greater])| {
                let way = |outcome, times| Way {
                    place,
                    outcome,
                    times,
                };
                [
                    (*equal > 0).then(|| way(0, *equal)),
                    (*less > 0).then(|| way(1, 0)),
                    (*greater > 0).then(|| way(2, 0)),
                ]
            });
        let indices = indices.into_iter().map(|(place, value)| Way {
            place,
            outcome: u64::MAX - value,
            times: 0,
        });
        let counts = ways.flatten().chain(indices).map(|way| {
            let count = self.seen.entry(way).or_default();
            *count += 1;
            (*count, way)
        });
        counts.min_by_key(|(count, _)| *count)
    }

    /// How many logs had a way.
    pub fn count(&self, way: &Way) -> u32 {
        self.seen.get(way).copied().unwrap_or(0)
    }

    pub fn outcomes(&self, compared: &Compared) -> u8 {
        self.outcomes
            .get(index(compared.place()))
            .copied()
            .unwrap_or(0)
    }

    fn try_again(&mut self, compared: &Compared) -> bool {
        const MOST: u8 = 3;
        let tried = self.tried.entry(compared.key()).or_default();
        *tried = tried.saturating_add(1);
        *tried <= MOST
    }

    fn bring_closer(&mut self, compared: &Compared) -> bool {
        const MOST: u8 = 3;
        let tried = self
            .closer
            .entry((compared.place(), compared.occurrence))
            .or_default();
        *tried = tried.saturating_add(1);
        *tried <= MOST
    }
}

/// How a comparison came out, as a bit.
fn outcome(compared: &Compared) -> u8 {
    let [a, b] = compared.at.operands;
    match a.cmp(&b) {
        Ordering::Equal => EQUAL,
        Ordering::Less => 2,
        Ordering::Greater => 4,
    }
}

/// How different operands are.
fn distance(compared: &Compared) -> u64 {
    let [a, b] = compared.at.operands;
    u64::from((a ^ b).count_ones()) << 32 | a.abs_diff(b).min(u32::MAX.into())
}

fn difference(compared: &Compared) -> u64 {
    let [a, b] = compared.at.operands;
    a.abs_diff(b)
}

impl Worker<'_> {
    /// Puts the operands of every comparison of an entry in place of each other.
    pub fn solve(&mut self, entry: usize) -> Result<(), Stop> {
        const REPAIRS: usize = 512;
        let Some(input) = self.corpus.bytes(entry) else {
            return Ok(());
        };
        if !self.corpus.is_favoured(entry) {
            return Ok(());
        }
        let log = self.stable_log(&input)?;
        let mut compared = distinct(&log, |_| false);
        if let Some(entry) = self.corpus.entries.get_mut(entry) {
            const MOST: usize = 128;
            let operands = compared.iter().map(|compared| compared.at.operands);
            entry.operands = operands.take(MOST).collect();
        }
        self.choose_rare(&input, &log, &mut compared);
        let memory = self.target.memory().to_vec();
        let mut repairs = 0;
        for one in &compared {
            if !self.progress.try_again(one) {
                continue;
            }
            let found = self.candidates(&input, one, &memory);
            if !self.try_all(&found)? && repairs < REPAIRS && !self.has_configs() {
                repairs += self.repair(&found, &log)?;
            }
        }
        Ok(())
    }

    /// Inputs with the operands of a comparison in place of each other.
    pub fn candidates(&mut self, input: &[u8], one: &Compared, memory: &[u8]) -> Vec<Vec<u8>> {
        if let Some(found) = self.placed(input, one, memory) {
            return found;
        }
        let mut candidates = Candidates::new(input, self.max_len);
        let words = candidates.memory(one, memory, &[]);
        candidates.operands(one);
        let places = candidates.loaded(one, memory);
        if one.at.bytes == 0 {
            candidates.all_bytes(&places);
            return candidates.found;
        }
        if candidates.found.is_empty() {
            candidates.shifted(one, &places);
        }
        candidates.digits(one, &places);
        self.learn(words);
        candidates.found
    }

    /// Runs an input, and returns its comparisons. Where two operands are equal for the first time, it is kept.
    pub fn log(&mut self, input: &[u8]) -> Result<Vec<Compared>, Stop> {
        Ok(self.logged(input)?.1)
    }

    /// Like `log`, and returns also what became of the input.
    pub fn logged(&mut self, input: &[u8]) -> Result<(Trial, Vec<Compared>), Stop> {
        let mut trial = self.trial(input, With::Comparisons)?;
        let log = numbered(self.target.comparisons());
        if self.progress.note(&log) && trial == Trial::Known {
            self.keep_for_itself(input, With::Comparisons)?;
            trial = Trial::Kept;
        }
        Ok((trial, log))
    }

    /// Inputs that broke a checksum, or a sum of lengths: operands that were equal, and no small number. Puts what is
    /// expected now in place of what is there. Returns how many were run.
    fn repair(&mut self, broken: &[Vec<u8>], log: &[Compared]) -> Result<usize, Stop> {
        let is_sum = |one: &&Compared| one.is_equal() && one.at.bytes > 0 && one.at.operands[0] > 3;
        let sums: Vec<Compared> = log.iter().filter(is_sum).copied().collect();
        if sums.is_empty() {
            return Ok(0);
        }
        let mut runs = 0;
        for input in broken {
            let log = self.log(input)?;
            runs += 1;
            let differs = |one: &&Compared| {
                let mut sums = sums.iter();
                !one.is_equal()
                    && sums
                        .any(|sum| sum.place() == one.place() && sum.occurrence == one.occurrence)
            };
            if let Some(sum) = log.iter().find(differs) {
                let mut candidates = Candidates::new(input, self.max_len);
                candidates.operands(sum);
                if candidates.found.is_empty() {
                    let places = candidates.loaded(sum, self.target.memory());
                    candidates.shifted(sum, &places);
                }
                runs += candidates.found.len();
                self.try_all(&candidates.found)?;
            }
        }
        Ok(runs)
    }

    pub fn learn(&mut self, words: Vec<Vec<u8>>) {
        const MOST: usize = 1024;
        for word in words {
            if self.tokens.len() < MOST && !self.tokens.contains(&word) {
                self.tokens.push(word);
            }
        }
    }

    /// Returns whether one was kept.
    fn try_all(&mut self, candidates: &[Vec<u8>]) -> Result<bool, Stop> {
        let mut is_kept = false;
        for input in candidates {
            is_kept |= self.trial(input, With::Counters)? != Trial::Known;
        }
        Ok(is_kept)
    }

    /// Comparisons of an entry whose operands do not stand in it: finds the bytes that they depend on, and changes
    /// those.
    pub fn solve_hard(&mut self, entry: usize) -> Result<(), Stop> {
        const LONGEST: usize = 192;
        const MOST: usize = 8;
        const MOST_COST: u64 = 1 << 28;
        let end = self.cost + MOST_COST;
        let Some(input) = self.corpus.bytes(entry) else {
            return Ok(());
        };
        if input.len() > LONGEST || !self.corpus.is_favoured(entry) {
            return Ok(());
        }
        let log = self.log(&input)?;
        let memory = self.target.memory().to_vec();
        let mut hard = distinct(&log, |_| false);
        let progress = &mut self.progress;
        hard.retain(|one| progress.outcomes(one) & EQUAL == 0 && progress.bring_closer(one));
        hard.truncate(MOST);
        if hard.is_empty() {
            return Ok(());
        }
        let before = operands(&log, &hard);
        let mut depends = vec![Vec::new(); hard.len()];
        let mut changed = input.clone();
        for (at, old) in input.iter().enumerate() {
            if let Some(byte) = changed.get_mut(at) {
                *byte = old.wrapping_add(1);
            }
            let after = operands(&self.log(&changed)?, &hard);
            for (positions, (before, after)) in depends.iter_mut().zip(before.iter().zip(after)) {
                if after.is_some() && *before != after {
                    positions.push(at);
                }
            }
            if let Some(byte) = changed.get_mut(at) {
                *byte = *old;
            }
        }
        for (one, positions) in hard.iter().zip(depends) {
            if self.cost > end {
                break;
            }
            let mut candidates = Candidates::new(&input, self.max_len);
            let words = candidates.memory(one, &memory, &positions);
            candidates.shifted(one, &positions);
            candidates.digits(one, &positions);
            let found = candidates.found;
            self.learn(words);
            if !self.try_all(&found)? && one.at.bytes > 0 {
                for measure in [distance, difference] {
                    if self.bring_closer(&input, one, &positions, measure, end)? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Changes the bytes that a comparison depends on, and the length, as long as its operands come closer and all
    /// runs cost less than `end`. Returns whether they met.
    fn bring_closer(
        &mut self,
        input: &[u8],
        one: &Compared,
        positions: &[usize],
        measure: fn(&Compared) -> u64,
        end: u64,
    ) -> Result<bool, Stop> {
        const MOST: usize = 24;
        const ROUNDS: u32 = 48;
        let mut best = input.to_vec();
        let mut least = measure(one);
        for _ in 0..ROUNDS {
            let before = least;
            for at in positions.iter().take(MOST) {
                if self.cost > end {
                    return Ok(false);
                }
                let mut input = best.clone();
                for value in 0..=u8::MAX {
                    let Some(byte) = input.get_mut(*at) else {
                        break;
                    };
                    *byte = value;
                    if self.is_closer(&input, one, measure, &mut least)? {
                        best.clone_from(&input);
                    }
                }
            }
            for longer in longer(&best, positions) {
                if longer.len() <= self.max_len
                    && self.is_closer(&longer, one, measure, &mut least)?
                {
                    best = longer;
                }
            }
            if least == 0 {
                return Ok(true);
            }
            if least == before {
                return Ok(false);
            }
        }
        Ok(false)
    }

    fn is_closer(
        &mut self,
        input: &[u8],
        one: &Compared,
        measure: fn(&Compared) -> u64,
        least: &mut u64,
    ) -> Result<bool, Stop> {
        if *least == 0 {
            return Ok(false);
        }
        let log = self.log(input)?;
        let mut same = log.iter().filter(|found| found.place() == one.place());
        // If it is not made so often, or more often: the last one.
        let found = same
            .clone()
            .find(|found| found.occurrence == one.occurrence)
            .or(same.next_back());
        let is_closer = found.is_some_and(|found| measure(found) < *least);
        if let Some(found) = found.filter(|_| is_closer) {
            *least = measure(found);
        }
        Ok(is_closer)
    }
}

/// The operands of some comparisons, as far as they were made.
fn operands(log: &[Compared], of: &[Compared]) -> Vec<Option<[u64; 2]>> {
    let find = |one: &Compared| {
        let mut made = log.iter();
        let made =
            made.find(|made| made.place() == one.place() && made.occurrence == one.occurrence);
        made.map(|made| made.at.operands)
    };
    of.iter().map(find).collect()
}

/// The input with some of it twice, or without some of it.
fn longer(input: &[u8], positions: &[usize]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let ends = [0, input.len().saturating_sub(1)];
    for at in positions.iter().take(4).copied().chain(ends) {
        for len in [1, 2, 4, 8] {
            let Some(piece) = input.get(at..at + len) else {
                continue;
            };
            let (before, after) = input.split_at(at);
            all.push([before, piece, after].concat());
            all.push([before, after.get(len..).unwrap_or_default()].concat());
        }
    }
    all.push([input, input].concat());
    all
}

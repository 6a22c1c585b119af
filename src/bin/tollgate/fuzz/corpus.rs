//! What was seen, and the inputs that showed it first.

use super::random::Random;

/// A bit for each range of hits in which a counter was seen: 1, 2, 3, 4, 8, 16, 32 and 128 hits and more.
#[derive(Clone, Debug, Default)]
pub struct Seen(Vec<u8>);

/// The range of a number of hits, as a bit.
pub fn range(hits: u8) -> u8 {
    match hits {
        0 => 0,
        1 => 1,
        2 => 1 << 1,
        3 => 1 << 2,
        4..=7 => 1 << 3,
        8..=15 => 1 << 4,
        16..=31 => 1 << 5,
        32..=127 => 1 << 6,
        128..=255 => 1 << 7,
    }
}

impl Seen {
    /// Adds the counters of a run, and returns whether one of them is in a new range.
    pub fn add(&mut self, counters: &[u8]) -> bool {
        self.0.resize(counters.len(), 0);
        let mut is_new = false;
        let (chunks, rest) = counters.as_chunks::<8>();
        let (seen, seen_rest) = self.0.as_chunks_mut::<8>();
        for (counters, seen) in chunks.iter().zip(seen) {
            if u64::from_le_bytes(*counters) != 0 {
                is_new |= add(counters, seen);
            }
        }
        is_new | add(rest, seen_rest)
    }

    /// The number of a counter that was never above 0 before.
    pub fn new_edge(&self, counters: &[u8]) -> Option<usize> {
        let seen = self.0.iter().chain(std::iter::repeat(&0));
        counters
            .iter()
            .zip(seen)
            .position(|(hits, seen)| *hits > 0 && *seen == 0)
    }

    /// How many counters were above 0.
    pub fn edges(&self) -> usize {
        self.0.iter().filter(|seen| **seen != 0).count()
    }
}

fn add(counters: &[u8], seen: &mut [u8]) -> bool {
    let mut is_new = false;
    for (hits, seen) in counters.iter().zip(seen) {
        let range = range(*hits);
        is_new |= range & !*seen != 0;
        *seen |= range;
    }
    is_new
}

/// An input that showed something new.
pub struct Entry {
    pub bytes: Vec<u8>,
    /// How often it was changed at random.
    picked: u32,
    /// For how many edges it is the cheapest input.
    cheapest: u32,
    /// Operands that it compared, without those that are equal.
    pub operands: Vec<[u64; 2]>,
}

#[derive(Default)]
pub struct Corpus {
    pub entries: Vec<Entry>,
    /// For each edge the cheapest input, and its cost.
    cheapest: Vec<Option<(u64, usize)>>,
    /// The entries that are the cheapest of some edge.
    favoured: Vec<usize>,
    /// The entries that were kept for something else than their counters.
    others: Vec<usize>,
}

impl Corpus {
    /// The input of an entry.
    pub fn bytes(&self, number: usize) -> Option<Vec<u8>> {
        let entry = self.entries.get(number)?;
        Some(entry.bytes.clone())
    }

    /// Adds an input and returns its number.
    pub fn add(&mut self, bytes: Vec<u8>, counters: &[u8], fuel: u64) -> usize {
        let number = self.entries.len();
        let cost = fuel.saturating_mul(bytes.len() as u64 + 1);
        self.entries.push(Entry {
            bytes,
            picked: 0,
            cheapest: 0,
            operands: Vec::new(),
        });
        self.cheapest.resize(counters.len(), None);
        for (hits, cheapest) in counters.iter().zip(&mut self.cheapest) {
            if *hits == 0 || cheapest.is_some_and(|(least, _)| least <= cost) {
                continue;
            }
            if let Some((_, old)) = cheapest.replace((cost, number))
                && let Some(old) = self.entries.get_mut(old)
            {
                old.cheapest -= 1;
            }
            if let Some(new) = self.entries.get_mut(number) {
                new.cheapest += 1;
            }
        }
        let entries = self.entries.iter().enumerate();
        let favoured = entries.filter(|(_, entry)| entry.cheapest > 0);
        self.favoured = favoured.map(|(number, _)| number).collect();
        number
    }

    /// Notes that the last entry was kept for something else than its counters.
    pub fn keep_last(&mut self) {
        if let Some(number) = self.entries.len().checked_sub(1) {
            self.others.push(number);
        }
    }

    pub fn is_favoured(&self, number: usize) -> bool {
        self.entries
            .get(number)
            .is_some_and(|entry| entry.cheapest > 0)
            || self.others.binary_search(&number).is_ok()
    }

    /// An entry to change at random: mostly a favoured one, often one that was kept for something else or is new, and
    /// rather one that was picked less.
    pub fn pick(&mut self, random: &mut Random) -> usize {
        const RECENT: usize = 8;
        let count = self.entries.len();
        let mut one = || match random.below(20) {
            0..12 => random.pick(&self.favoured).copied().unwrap_or(0),
            12..15 => count.saturating_sub(1 + random.below(RECENT.min(count))),
            15..19 if !self.others.is_empty() => random.pick(&self.others).copied().unwrap_or(0),
            _ => random.below(count),
        };
        let (a, b) = (one(), one());
        let picked = |number: usize| self.entries.get(number).map_or(0, |entry| entry.picked);
        let number = if picked(b) < picked(a) { b } else { a };
        if let Some(entry) = self.entries.get_mut(number) {
            entry.picked += 1;
        }
        number
    }
}

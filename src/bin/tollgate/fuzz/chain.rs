//! Inputs that make several comparisons come out otherwise, one after another, where the inputs between show nothing
//! that the corpus would keep. The search goes on where an input took the rarest way.

use super::{
    candidates::{Key, distinct},
    solve::Way,
    worker::{Stop, Worker},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

/// An input with one comparison more solved than the one that it was made of.
struct Link {
    input: Vec<u8>,
    depth: u32,
    /// What was tried for it, and for the inputs that it was made of. Links of one comparison share it.
    known: Arc<HashSet<Key>>,
    /// The rarest way of a comparison in its run.
    rarest: Way,
}

/// The links that are not done.
#[derive(Default)]
pub struct Chains {
    /// By how rare their ways were, and their numbers: of two, the later one comes first.
    links: BTreeMap<(u32, Reverse<usize>), Link>,
    number: usize,
}

impl Chains {
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    fn add(&mut self, rarity: u32, link: Link) {
        const MOST: usize = 512;
        self.number += 1;
        self.links.insert((rarity, Reverse(self.number)), link);
        if self.links.len() > MOST {
            self.links.pop_last();
        }
    }
}

impl Worker<'_> {
    /// Goes on with the links whose ways are the rarest, and begins with an entry if there is one.
    pub fn chain(&mut self, entry: Option<usize>) -> Result<(), Stop> {
        const MOST: u64 = 1 << 26;
        let end = self.cost + MOST;
        if let Some(input) = entry.and_then(|entry| self.corpus.bytes(entry)) {
            // It showed something new, and comes first.
            let begin = Link {
                input,
                depth: 0,
                known: Arc::default(),
                rarest: Way::default(),
            };
            self.chains.add(0, begin);
        }
        while self.cost < end
            && let Some(((rarity, _), link)) = self.chains.links.pop_first()
        {
            // Others took its way since.
            let now = self.progress.count(&link.rarest);
            if now > rarity {
                self.chains.add(now, link);
                continue;
            }
            self.extend(rarity, link)?;
        }
        Ok(())
    }

    /// Adds the links behind a link. As soon as one of them is of a rarer way, the rest is for later.
    fn extend(&mut self, rarity: u32, mut link: Link) -> Result<(), Stop> {
        let log = self.log(&link.input)?;
        let memory = self.target.memory().to_vec();
        for one in distinct(&log, |key| link.known.contains(key)) {
            Arc::make_mut(&mut link.known).insert(one.key());
            let mut is_rarer = false;
            for input in self.candidates(&link.input, &one, &memory) {
                let found = self.link(input, &link)?;
                is_rarer |= found.is_some_and(|found| found == 1 || found < rarity);
            }
            if is_rarer {
                self.chains.add(rarity.saturating_add(1), link);
                break;
            }
        }
        Ok(())
    }

    /// Runs an input, and adds it as a link behind another one if it took a new way. Returns how rare that is.
    fn link(&mut self, input: Vec<u8>, behind: &Link) -> Result<Option<u32>, Stop> {
        const DEEPEST: u32 = 96;
        let log = self.log(&input)?;
        let rarest = self.progress.rarest(&log);
        if let Some((rarity, rarest)) = rarest
            && behind.depth < DEEPEST
        {
            let next = Link {
                input,
                depth: behind.depth + 1,
                known: behind.known.clone(),
                rarest,
            };
            self.chains.add(rarity, next);
        }
        Ok(rarest.map(|(rarity, _)| rarity))
    }
}

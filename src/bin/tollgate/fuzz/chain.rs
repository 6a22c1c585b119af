//! Inputs that make several comparisons come out otherwise, one after another, where the inputs between show nothing
//! that the corpus would keep.

use super::{
    candidates::{Key, distinct},
    worker::{Stop, Worker},
};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
    rc::Rc,
};

/// An input of a chain, in which each has one comparison more solved than the one before.
struct Link {
    input: Vec<u8>,
    depth: u32,
    /// What was tried for the inputs before this one.
    known: Rc<HashSet<Key>>,
}

impl Worker<'_> {
    /// Solves comparisons of an entry, and then those of what came out of it, the rarest way first.
    pub fn chain(&mut self, entry: usize) -> Result<(), Stop> {
        const RUNS: usize = 4096;
        const DEEPEST: u32 = 96;
        let Some(input) = self.corpus.bytes(entry) else {
            return Ok(());
        };
        let first = Link {
            input,
            depth: 0,
            known: Rc::default(),
        };
        // How rare a way is, how far it went, and the number of its link.
        let mut chain = BTreeMap::from([((0, Reverse(0), 0), first)]);
        let mut runs = 0;
        let mut number = 0;
        while let Some((_, link)) = chain.pop_first() {
            let log = self.log(&link.input)?;
            let mut known = HashSet::clone(&link.known);
            let compared = distinct(&log, |key| known.contains(key));
            known.extend(compared.iter().map(|compared| compared.key()));
            let known = Rc::new(known);
            let memory = self.target.memory().to_vec();
            for one in &compared {
                for input in self.candidates(&link.input, one, &memory) {
                    if runs >= RUNS {
                        return Ok(());
                    }
                    runs += 1;
                    let log = self.log(&input)?;
                    let Some(rarity) = self.progress.rarity(&log) else {
                        continue;
                    };
                    if link.depth < DEEPEST {
                        number += 1;
                        let next = Link {
                            input,
                            depth: link.depth + 1,
                            known: known.clone(),
                        };
                        chain.insert((rarity, Reverse(log.len()), number), next);
                    }
                }
            }
        }
        Ok(())
    }
}

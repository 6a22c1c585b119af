//! Which comparisons of a plugin are worth a try first: what reads JSON compares each byte of it with much, in every
//! run, and what a bug is behind is compared once.

use super::{
    candidates::{Candidates, Compared},
    havoc::put,
    minimise::is_config,
    reply::parse,
    worker::Worker,
};
use std::collections::HashMap;

/// How often each place compared so far, and how often its comparisons were tried.
#[derive(Default)]
pub struct Rarity {
    places: HashMap<u32, Place>,
}

#[derive(Clone, Copy, Default)]
struct Place {
    made: u64,
    tried: u32,
}

impl Rarity {
    /// Adds the places of a run's comparisons.
    fn note(&mut self, places: impl Iterator<Item = u32>) {
        for place in places {
            self.places.entry(place).or_default().made += 1;
        }
    }

    /// Leaves a few: those of places that were tried least, of these the likely ones, of these those of the rarest
    /// places. Of a place that was tried often, none.
    fn choose<T>(&mut self, items: &mut Vec<T>, class_and_place: impl Fn(&T) -> (u8, u32)) {
        const AT_ONCE: usize = 24;
        const OF_A_PLACE: u32 = 24;
        let place = |place: u32| self.places.get(&place).copied().unwrap_or_default();
        items.retain(|one| place(class_and_place(one).1).tried < OF_A_PLACE);
        items.sort_by_cached_key(|one| {
            let (class, at) = class_and_place(one);
            (place(at).tried / 2, class, place(at).made)
        });
        items.truncate(AT_ONCE);
        for one in items {
            let (_, place) = class_and_place(one);
            self.places.entry(place).or_default().tried += 1;
        }
    }
}

/// How likely it is that another input makes a comparison come out otherwise: a number that stands in the input as
/// such, then memory, then single bytes, which stand in many places.
fn class(compared: &Compared, input: &[u8]) -> u8 {
    const LEAST: u64 = 10;
    let stands = |number: u64| {
        let text = number.to_string();
        number >= LEAST
            && input
                .windows(text.len())
                .any(|piece| piece == text.as_bytes())
    };
    match compared.at {
        at if at.operands.into_iter().any(stands) => 0,
        at if !at.loads.contains(&0) => 1,
        _ => 2,
    }
}

impl Worker<'_> {
    /// Leaves what is worth a try of the comparisons of a run. Those of a harness, whose input is no JSON, all are.
    pub fn choose_rare(&mut self, input: &[u8], log: &[Compared], compared: &mut Vec<Compared>) {
        if self.has_configs() {
            self.rarity.note(log.iter().map(Compared::place));
            self.rarity
                .choose(compared, |one| (class(one, input), one.place()));
        }
    }

    /// The inputs that a comparison of single bytes leads to, if it is known where in the input of a plugin they
    /// stand: the same byte stands in many places of JSON.
    pub fn placed(&mut self, input: &[u8], one: &Compared, memory: &[u8]) -> Option<Vec<Vec<u8>>> {
        let [Ok(a), Ok(b)] = one.at.operands.map(u8::try_from) else {
            return None;
        };
        if !self.has_configs() || one.at.bytes == 0 {
            return None;
        }
        let mut candidates = Candidates::new(input, self.max_len);
        let places = candidates.loaded(one, memory);
        let words = candidates.memory(one, memory, &places);
        let mut found = candidates.found;
        self.learn(words);
        for at in &places {
            let there = input.get(*at).copied();
            for byte in [
                a,
                b,
                a.wrapping_add(1),
                b.wrapping_add(1),
                a.wrapping_sub(1),
                b.wrapping_sub(1),
            ] {
                if there != Some(byte) {
                    let mut changed = input.to_vec();
                    put(&mut changed, *at, &[byte]);
                    found.push(changed);
                }
            }
        }
        (!places.is_empty()).then_some(found)
    }

    /// Whether an input is tried before others: a plugin ends early for what is no JSON.
    pub fn is_whole(&self, input: &[u8]) -> bool {
        !self.has_configs() || is_config(parse(input).0)
    }
}

#[cfg(test)]
mod tests {
    use super::Rarity;

    #[test]
    fn rare_places_come_first_and_none_is_tried_for_ever() {
        let mut rarity = Rarity::default();
        let all: Vec<(u8, u32)> = (0..100).map(|of| (of / 50, u32::from(of == 70))).collect();
        rarity.note(all.iter().map(|(_, place)| *place));
        let mut chosen = all.get(40..).unwrap().to_vec();
        rarity.choose(&mut chosen, |one| *one);
        // What is likely comes first, then what is rare.
        assert_eq!(chosen.len(), 24);
        assert_eq!(
            chosen[..12],
            [&[(0, 0); 10][..], &[(1, 1), (1, 0)]].concat()
        );
        // What was tried less comes before both.
        chosen.clone_from(&all);
        rarity.choose(&mut chosen, |one| *one);
        assert_eq!(chosen[..2], [(1, 1), (0, 0)]);
        chosen.clone_from(&all);
        rarity.choose(&mut chosen, |one| *one);
        assert_eq!(chosen, [(1, 1)]);
    }
}

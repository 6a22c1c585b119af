//! Inputs that may make a comparison come out otherwise: the input with something else where an operand, or memory
//! that is being compared, stands in it.

use super::encode::{base64, hex, ways};
use std::collections::{HashMap, HashSet};
use tollgate::inspect::Comparison;

/// A comparison, and how often it was made before in the run.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    pub at: Comparison,
    pub occurrence: u32,
}

impl Compared {
    pub fn place(&self) -> u32 {
        self.at.place
    }

    /// What distinguishes it from others worth a try: also where its operands were loaded from.
    pub fn key(&self) -> Key {
        (self.at.place, self.at.operands, self.at.loads)
    }

    pub fn is_equal(&self) -> bool {
        let [a, b] = self.at.operands;
        a == b
    }
}

type Encoder = fn(&[u8]) -> Vec<u8>;

pub type Key = (u32, [u64; 2], [u32; 2]);

/// The comparisons of a run, with their numbers.
pub fn numbered(comparisons: Vec<Comparison>) -> Vec<Compared> {
    let places = comparisons.iter().map(|at| index(at.place)).max();
    let mut occurrences = vec![0; places.map_or(0, |last| last + 1)];
    let numbered = comparisons.into_iter().map(|at| {
        let mut occurrence = 0;
        if let Some(next) = occurrences.get_mut(index(at.place)) {
            occurrence = *next;
            *next += 1;
        }
        Compared { at, occurrence }
    });
    numbered.collect()
}

/// Where in a log the comparison of a place and an occurrence is.
pub fn places_of(log: &[Compared]) -> HashMap<(u32, u32), usize> {
    let numbers = log.iter().enumerate();
    numbers
        .map(|(number, one)| ((one.place(), one.occurrence), number))
        .collect()
}

/// A place as the index of a list.
pub fn index(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// The comparisons worth a try, the last ones first: none with the same operands as another, none that is known, and
/// of each place a few.
pub fn distinct(log: &[Compared], known: impl Fn(&Key) -> bool) -> Vec<Compared> {
    const LAST: usize = 4;
    const SPREAD: usize = 12;
    const IN_ALL: usize = 512;
    let mut by_place: Vec<(u32, usize)> = Vec::new();
    for (number, compared) in log.iter().enumerate().rev() {
        if !compared.is_equal() || compared.at.bytes == 0 {
            by_place.push((compared.place(), number));
        }
    }
    // Of each place the last ones first.
    by_place.sort_by_key(|(place, _)| *place);
    let mut seen = HashSet::new();
    let mut chosen: Vec<usize> = Vec::new();
    for of_place in by_place.chunk_by(|(a, _), (b, _)| a == b) {
        let mut is_new = |number: &usize| {
            log.get(*number)
                .is_some_and(|one| !known(&one.key()) && seen.insert(one.key()))
        };
        let mut numbers = of_place.iter().map(|(_, number)| *number);
        chosen.extend(numbers.by_ref().filter(&mut is_new).take(LAST));
        let step = numbers.len().div_ceil(SPREAD).max(1);
        chosen.extend(numbers.step_by(step).filter(is_new));
    }
    chosen.sort_unstable_by(|a, b| b.cmp(a));
    let chosen = chosen.into_iter().take(IN_ALL);
    chosen
        .filter_map(|number| log.get(number).copied())
        .collect()
}

/// An operand that is equal to another one, and those on its other side, with a sign and without.
fn crossing(from: u64, to: u64, mask: u64) -> Vec<u64> {
    let signed = |number: u64| match mask {
        u64::MAX => number.cast_signed(),
        _ => (number << 32).cast_signed(),
    };
    let mut all = vec![to];
    for is_less in [from < to, signed(from) < signed(to)] {
        let next = if is_less {
            to.wrapping_add(1)
        } else {
            to.wrapping_sub(1)
        };
        if !all.contains(&(next & mask)) {
            all.push(next & mask);
        }
    }
    all
}

/// Collects inputs that are not tried twice.
pub struct Candidates<'a> {
    input: &'a [u8],
    max_len: usize,
    known: HashSet<Vec<u8>>,
    pub found: Vec<Vec<u8>>,
}

/// So many places where an operand stands are tried.
const MOST_PLACES: usize = 12;

impl<'a> Candidates<'a> {
    pub fn new(input: &'a [u8], max_len: usize) -> Candidates<'a> {
        Candidates {
            input,
            max_len,
            known: HashSet::from([input.to_vec()]),
            found: Vec::new(),
        }
    }

    fn add(&mut self, candidate: Vec<u8>) {
        if candidate.len() <= self.max_len && !self.known.contains(&candidate) {
            self.known.insert(candidate.clone());
            self.found.push(candidate);
        }
    }

    /// The input with `new` in place of the `len` bytes at a place.
    fn replace(&mut self, at: usize, len: usize, new: &[u8]) {
        let before = self.input.get(..at).unwrap_or(self.input);
        let after = self.input.get(at.saturating_add(len)..).unwrap_or_default();
        self.add([before, new, after].concat());
    }

    fn overwrite(&mut self, at: usize, new: &[u8]) {
        self.replace(at, new.len(), new);
    }

    /// Where bytes stand in the input.
    fn places(&self, of: &[u8]) -> Vec<usize> {
        if of.is_empty() {
            return Vec::new();
        }
        let windows = self.input.windows(of.len()).enumerate();
        let found = windows.filter(|(_, window)| *window == of);
        found.map(|(at, _)| at).take(MOST_PLACES).collect()
    }

    /// The other operand in place of the one that stands in the input, and the number behind it, seen from where the
    /// operand is.
    pub fn operands(&mut self, compared: &Compared) {
        let Comparison {
            bytes,
            is_float,
            operands: [a, b],
            ..
        } = compared.at;
        let mask = if bytes == 8 { u64::MAX } else { 0xFFFF_FFFF };
        if bytes == 0 {
            for index in 0..24 {
                self.put_for(a, index, 4, false);
            }
            return;
        }
        for (from, to) in [(a, b), (b, a)] {
            for to in crossing(from, to, mask) {
                self.put_for(from, to, bytes, is_float);
                // Compilers move a complement to the other side.
                self.put_for(!from & mask, !to & mask, bytes, is_float);
            }
            self.resize(from, to);
        }
    }

    fn put_for(&mut self, from: u64, to: u64, bytes: u8, is_float: bool) {
        for (from, to) in ways(from, to, bytes, is_float) {
            for at in self.places(&from) {
                self.replace(at, from.len(), &to);
            }
        }
    }

    /// If a number is about the length of the input: the length that makes it the other one.
    fn resize(&mut self, from: u64, to: u64) {
        let len = self.input.len();
        let (Ok(from), Ok(to)) = (usize::try_from(from), usize::try_from(to)) else {
            return;
        };
        if from.abs_diff(len) > 16 || to > self.max_len {
            return;
        }
        for target in [(len + to).saturating_sub(from), to] {
            let mut resized = self.input.to_vec();
            // What was there again, since it may be what is wanted.
            while resized.len() < target && !resized.is_empty() {
                let more = (target - resized.len()).min(resized.len());
                resized.extend_from_within(..more);
            }
            // Into an empty input, bytes that are not alike: each stands in few places.
            let more = (resized.len()..target)
                .map(|at| at.to_le_bytes()[0].wrapping_mul(167).wrapping_add(13));
            let more: Vec<u8> = more.collect();
            resized.extend(more);
            resized.truncate(target);
            self.add(resized);
        }
    }

    /// If the operands were loaded from memory: the memory of the one where that of the other one stands in the
    /// input. Returns what may be words of a dictionary.
    pub fn memory(
        &mut self,
        compared: &Compared,
        memory: &[u8],
        positions: &[usize],
    ) -> Vec<Vec<u8>> {
        const MOST: usize = 64;
        let [last, before] = compared.at.loads;
        let region = |address: u32| {
            let rest = usize::try_from(address)
                .ok()
                .and_then(|at| memory.get(at..))
                .unwrap_or_default();
            rest.get(..MOST).unwrap_or(rest)
        };
        let (last, before) = (region(last), region(before));
        let [a, b] = compared.at.operands;
        let is_loaded = |value: u64, region: &[u8]| {
            let starts = |len: usize| {
                value
                    .to_le_bytes()
                    .get(..len)
                    .is_some_and(|bytes| region.starts_with(bytes))
            };
            starts(8)
                || (value < 1 << 32 && starts(4))
                || (value < 1 << 16 && starts(2))
                || (value < 256 && starts(1))
        };
        if !(is_loaded(a, before) && is_loaded(b, last)
            || is_loaded(b, before) && is_loaded(a, last))
        {
            return Vec::new();
        }
        let mut words = Vec::new();
        for (there, wanted) in [(before, last), (last, before)] {
            let end = wanted
                .iter()
                .position(|byte| *byte == 0)
                .unwrap_or(wanted.len());
            let lens = [end, end + 1, 4, 8, 16, 32, MOST];
            let pieces: Vec<&[u8]> = lens.iter().filter_map(|len| wanted.get(..*len)).collect();
            if end > 1 {
                words.push(wanted.get(..end).unwrap_or_default().to_vec());
            }
            // The longest beginning of what is there that stands in the input.
            let found = [8, 4, 2, 1].into_iter().find_map(|len| {
                let places = self.places(there.get(..len)?);
                (!places.is_empty()).then_some(places)
            });
            for at in found.into_iter().flatten() {
                let same = there.iter().zip(self.input.get(at..).unwrap_or_default());
                let same = same.take_while(|(a, b)| a == b).count();
                for piece in &pieces {
                    self.overwrite(at, piece);
                    self.replace(at, same.min(piece.len()), piece);
                }
            }
            let encoders: [Encoder; 2] = [hex, base64];
            for encode in encoders {
                let key = encode(there.get(..3).unwrap_or_default());
                let places = self
                    .places(&key)
                    .into_iter()
                    .chain(positions.first().copied());
                for at in places {
                    for piece in &pieces {
                        self.overwrite(at, &encode(piece));
                    }
                }
            }
        }
        words
    }

    /// Where in the input that stands which was loaded last before a comparison: as much of it as memory around the
    /// address has.
    pub fn loaded(&self, compared: &Compared, memory: &[u8]) -> Vec<usize> {
        const LEAST: usize = 4;
        const MOST: usize = 32;
        let mut found = Vec::new();
        for address in compared.at.loads {
            let Some((before, after)) = usize::try_from(address)
                .ok()
                .and_then(|at| memory.split_at_checked(at))
            else {
                continue;
            };
            let alike = |at: usize| {
                let (head, tail) = self.input.split_at(at);
                let same = |(a, b): &(&u8, &u8)| a == b;
                let tail = tail.iter().zip(after).take(MOST).take_while(same).count();
                let head = head.iter().rev().zip(before.iter().rev());
                (tail > 0).then(|| tail + head.take(MOST).take_while(same).count())
            };
            let places = (0..self.input.len()).filter_map(|at| Some((alike(at)?, at)));
            if let Some((alike, at)) = places.max()
                && alike >= LEAST.min(self.input.len())
                && !found.contains(&at)
            {
                found.push(at);
            }
        }
        found
    }

    /// At bytes that an operand depends on: numbers that are as much more or less as the operands differ.
    pub fn shifted(&mut self, compared: &Compared, positions: &[usize]) {
        const MOST: usize = 12;
        let [a, b] = compared.at.operands;
        let more = b.wrapping_sub(a);
        let (first, rest) = positions.split_at(positions.len().min(MOST));
        let last = rest
            .get(rest.len().saturating_sub(MOST)..)
            .unwrap_or_default();
        for at in first.iter().chain(last) {
            for len in [1, 2, 4, 8] {
                let Some(there) = self.input.get(*at..*at + len) else {
                    continue;
                };
                for is_big in [false, true] {
                    let mut bytes = there.to_vec();
                    if is_big {
                        bytes.reverse();
                    }
                    bytes.resize(8, 0);
                    let (whole, _) = bytes.as_chunks::<8>();
                    let number = whole.first().map_or(0, |bytes| u64::from_le_bytes(*bytes));
                    for new in [
                        number.wrapping_add(more),
                        number.wrapping_add(more).wrapping_sub(1),
                        number.wrapping_add(more).wrapping_add(1),
                        number.wrapping_sub(more),
                        number ^ a ^ b,
                        a,
                        b,
                    ] {
                        let mut new: Vec<u8> = new.to_le_bytes().into_iter().take(len).collect();
                        if is_big {
                            new.reverse();
                        }
                        self.overwrite(*at, &new);
                    }
                }
            }
        }
    }

    /// All values of the bytes at positions.
    pub fn all_bytes(&mut self, positions: &[usize]) {
        for at in positions {
            for byte in 0..=u8::MAX {
                self.overwrite(*at, &[byte]);
            }
        }
    }

    /// Where decimal digits are: numbers that are as much more or less as the operands differ, and the operands.
    pub fn digits(&mut self, compared: &Compared, positions: &[usize]) {
        let [a, b] = compared.at.operands;
        for at in positions {
            let Some((before, after)) = self.input.split_at_checked(*at) else {
                continue;
            };
            let is_digit = |byte: &&u8| byte.is_ascii_digit();
            let before = before.iter().rev().take_while(is_digit).count();
            let after = after.iter().take_while(is_digit).count();
            // Up to the digit that was read last, and to the end.
            self.number(at - before, before + after.min(1), [a, b]);
            self.number(at - before, before + after, [a, b]);
        }
    }

    fn number(&mut self, start: usize, digits: usize, [a, b]: [u64; 2]) {
        let text = self.input.get(start..start + digits).unwrap_or_default();
        let text = str::from_utf8(text).unwrap_or_default();
        // More digits overflow.
        let Ok(number) = text.parse::<u64>() else {
            return;
        };
        let more = b.wrapping_sub(a);
        for number in [
            number.wrapping_add(more) & 0xFFFF_FFFF,
            number.wrapping_add(more),
            number.wrapping_sub(more),
            a,
            b,
        ] {
            for text in [number.to_string(), format!("{number:0digits$}")] {
                self.replace(start, digits, text.as_bytes());
            }
        }
    }
}

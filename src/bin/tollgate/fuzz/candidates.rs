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
    pub fn place(&self) -> u64 {
        self.at.offset
    }

    /// What distinguishes it from others worth a try: also where its operands were loaded from.
    pub fn key(&self) -> Key {
        (self.at.offset, self.at.operands, self.at.loads)
    }

    pub fn is_equal(&self) -> bool {
        let [a, b] = self.at.operands;
        a == b
    }
}

type Encoder = fn(&[u8]) -> Vec<u8>;

pub type Key = (u64, [u64; 2], [u32; 2]);

/// The comparisons of a run, with their numbers.
pub fn numbered(comparisons: Vec<Comparison>) -> Vec<Compared> {
    let mut occurrences = HashMap::new();
    let numbered = comparisons.into_iter().map(|at| {
        let next: &mut u32 = occurrences.entry(at.offset).or_default();
        let occurrence = *next;
        *next += 1;
        Compared { at, occurrence }
    });
    numbered.collect()
}

/// The comparisons worth a try, the last ones first: not the same operands twice, and of each place a few.
pub fn distinct(log: &[Compared]) -> Vec<Compared> {
    const OF_A_PLACE: u32 = 12;
    const IN_ALL: usize = 512;
    let mut seen = HashSet::new();
    let mut of_place: HashMap<u64, u32> = HashMap::new();
    let tried = log.iter().rev().filter(|compared| {
        if compared.is_equal() && compared.at.bytes > 0 {
            return false;
        }
        let count = of_place.entry(compared.place()).or_default();
        let is_new = *count < OF_A_PLACE && seen.insert(compared.key());
        *count += u32::from(is_new);
        is_new
    });
    tried.take(IN_ALL).copied().collect()
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

    /// The other operand in place of the one that stands in the input; also a little more or less, if `unequal`.
    pub fn operands(&mut self, compared: &Compared, unequal: bool) {
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
        let targets: &[u64] = if unequal { &[0, 1, u64::MAX] } else { &[0] };
        for more in targets {
            self.put_for(a, b.wrapping_add(*more) & mask, bytes, is_float);
            self.put_for(b, a.wrapping_add(*more) & mask, bytes, is_float);
            // Compilers move a complement to the other side.
            self.put_for(!a & mask, !b.wrapping_add(*more) & mask, bytes, is_float);
            self.put_for(!b & mask, !a.wrapping_add(*more) & mask, bytes, is_float);
        }
        for (from, to) in [(a, b), (b, a)] {
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
            let rest = self.input.get(*at..).unwrap_or_default();
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits > 0 {
                for number in [a, b] {
                    self.replace(*at, digits, number.to_string().as_bytes());
                }
            }
        }
    }
}

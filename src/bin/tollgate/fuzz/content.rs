//! Comparisons that depend on what replies of the host contain. Which of its bytes they depend on is measured: each
//! is changed, and the operands that differ then are noted. So it does not matter what the host wraps the content in
//! (JSON, Base64), and how many comparisons read that. How operands hold bytes is in `held`.

use super::{
    candidates::{Compared, places_of},
    held::{Held, moved, numbers},
    reply::{Kind, parse, print},
    target::With,
    worker::{Stop, Trial, Worker},
};
use std::collections::{BTreeMap, HashMap};

/// How often a value was tried in place of what a place compared with it.
#[derive(Default)]
pub struct Contents {
    tried: HashMap<(u32, u64), u8>,
}

impl Contents {
    fn try_again(&mut self, place: u32, value: u64) -> bool {
        const MOST: u8 = 4;
        let tried = self.tried.entry((place, value)).or_default();
        *tried = tried.saturating_add(1);
        *tried <= MOST
    }
}

/// Bytes of an input, and what would make a comparison equal that depends on them.
#[derive(Clone, Debug)]
struct Patch {
    start: usize,
    len: usize,
    bytes: Vec<u8>,
    /// How the bytes are held, if more of them may be compared behind these.
    held: Option<Held>,
}

/// The bytes that an operand depends on, each with what the operand was when it was another one.
type Depends = Vec<(usize, u64)>;

impl Worker<'_> {
    /// Solves the comparisons that depend on the next few bytes of an entry's replies. Returns where to go on.
    pub fn solve_content(&mut self, entry: usize, from: usize) -> Result<Option<usize>, Stop> {
        const AT_ONCE: usize = 32;
        const MOST: usize = 1024;
        let Some(bytes) = self.corpus.bytes(entry) else {
            return Ok(None);
        };
        if !self.corpus.is_favoured(entry) {
            return Ok(None);
        }
        let (input, positions) = contents(&bytes);
        let next: Vec<usize> = positions.iter().skip(from).take(AT_ONCE).copied().collect();
        if next.is_empty() || input.len() > self.max_len {
            return Ok(None);
        }
        self.solve_at(&input, &next, 0)?;
        let end = from + AT_ONCE;
        Ok((end < positions.len().min(MOST)).then_some(end))
    }

    /// Solves the comparisons that depend on bytes at these positions.
    fn solve_at(&mut self, input: &[u8], positions: &[usize], depth: u32) -> Result<(), Stop> {
        let log = self.log(input)?;
        let depends = self.depends(input, positions, &log)?;
        let mut singles: Vec<(usize, Patch)> = Vec::new();
        for ((number, side), depends) in depends {
            let Some(one) = log.get(number) else {
                continue;
            };
            let other = one.at.operands.get(1 - side).copied().unwrap_or(0);
            let is_new = self.contents.try_again(one.place(), other);
            for patch in patches(input, one, side, &depends) {
                singles.push((number, patch.clone()));
                if is_new {
                    self.follow(input, one, side, patch, depth)?;
                }
            }
        }
        for joint in joined(input, &singles) {
            self.trial(&joint, With::Counters)?;
        }
        Ok(())
    }

    /// Of each comparison, by its number in the log and the operand, the positions that it depends on.
    fn depends(
        &mut self,
        input: &[u8],
        positions: &[usize],
        log: &[Compared],
    ) -> Result<BTreeMap<(usize, usize), Depends>, Stop> {
        let numbers = places_of(log);
        let mut depends: BTreeMap<(usize, usize), Depends> = BTreeMap::new();
        for at in positions {
            let mut changed = input.to_vec();
            if let Some(byte) = changed.get_mut(*at) {
                *byte = alike(*byte);
            }
            for (number, after) in self.log(&changed)?.into_iter().enumerate() {
                let is_same = |one: &Compared| {
                    one.place() == after.place() && one.occurrence == after.occurrence
                };
                let number = match log.get(number) {
                    Some(one) if is_same(one) => Some(number),
                    _ => numbers.get(&(after.place(), after.occurrence)).copied(),
                };
                let Some((number, before)) = number.and_then(|it| Some((it, log.get(it)?))) else {
                    continue;
                };
                if before.is_equal() || before.at.bytes == 0 {
                    continue;
                }
                let operands = before.at.operands.into_iter().zip(after.at.operands);
                for (side, (before, after)) in operands.enumerate() {
                    if before != after {
                        depends
                            .entry((number, side))
                            .or_default()
                            .push((*at, after));
                    }
                }
            }
        }
        Ok(depends)
    }

    /// Runs an input with a patch, and patches what is compared behind it in the same place, as far as that goes: words
    /// and texts of any length are compared piece by piece.
    fn follow(
        &mut self,
        input: &[u8],
        one: &Compared,
        side: usize,
        patch: Patch,
        depth: u32,
    ) -> Result<(), Stop> {
        const MOST: u32 = 64;
        const DEEPEST: u32 = 3;
        let mut current = input.to_vec();
        let (mut patch, mut occurrence) = (patch, one.occurrence);
        let mut is_more = false;
        for _ in 0..MOST {
            let end = patch.start + patch.bytes.len();
            current = patched(&current, &patch);
            if current.len() > self.max_len {
                return Ok(());
            }
            let (trial, log) = self.logged(&current)?;
            if trial != Trial::Known {
                return Ok(());
            }
            if let Some(cut) = current.get(..end).filter(|_| is_last(&current, end)) {
                self.trial(cut, With::Counters)?;
            }
            let find = |occurrence: u32| {
                log.iter()
                    .find(|it| it.place() == one.place() && it.occurrence == occurrence)
            };
            if !find(occurrence).is_some_and(Compared::is_equal) {
                break;
            }
            is_more = true;
            let mut at = end;
            occurrence += 1;
            let next = loop {
                let Some(next) = find(occurrence) else {
                    break None;
                };
                let Some(found) = behind(&current, at, next, side, patch.held) else {
                    break None;
                };
                if !next.is_equal() {
                    break Some(found);
                }
                at += found.len;
                occurrence += 1;
            };
            match next {
                Some(next) => patch = next,
                None => break,
            }
        }
        let end = patch.start + patch.bytes.len();
        if is_more && depth < DEEPEST && patch.held.is_some() {
            const AHEAD: usize = 8;
            let positions: Vec<usize> = (end..current.len().min(end + AHEAD)).collect();
            if !positions.is_empty() {
                self.solve_at(&current, &positions, depth + 1)?;
            }
        }
        Ok(())
    }
}

/// An input in its usual form, and the positions of the content of its replies.
fn contents(input: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let (config, replies) = parse(input);
    let mut positions = Vec::new();
    for (number, reply) in replies.iter().enumerate() {
        if matches!(reply.kind, Kind::Clock | Kind::Fail) {
            continue;
        }
        let end = print(config, replies.get(..=number).unwrap_or_default()).len();
        positions.extend(end - reply.content.len()..end);
    }
    (print(config, &replies), positions)
}

/// Whether content ends at a position only if the input does: what is behind may be cut off.
fn is_last(input: &[u8], at: usize) -> bool {
    let rest = input.get(at..).unwrap_or_default();
    !rest.is_empty() && !rest.windows(5).any(|piece| piece == b"\n--- ")
}

/// A byte that what reads JSON treats in the same way.
fn alike(byte: u8) -> u8 {
    match byte {
        b'0'..=b'8' | b'a'..=b'y' | b'A'..=b'Y' => byte + 1,
        b'9' => b'0',
        b'z' => b'a',
        b'Z' => b'A',
        b'!' | b'[' => byte + 2,
        b'~' => b'!',
        b' '..=b'}' => byte + 1,
        byte => byte ^ 1,
    }
}

/// What may make a comparison equal, one of whose operands depends on these bytes.
fn patches(input: &[u8], one: &Compared, side: usize, depends: &[(usize, u64)]) -> Vec<Patch> {
    let mut patches = Vec::new();
    let width = usize::from(one.at.bytes);
    let (Some((start, changed)), [a, b]) = (depends.first().copied(), one.at.operands) else {
        return patches;
    };
    let operands = if side == 0 { [a, b] } else { [b, a] };
    let same = depends
        .iter()
        .zip(start..)
        .take_while(|((at, _), next)| at == next);
    let len = same.count();
    let there = input.get(start..start + len).unwrap_or_default();
    if !one.at.is_float {
        for held in Held::ALL {
            if let Some((bytes, len)) = held.wanted(there, operands, width) {
                let held = Some(held);
                patches.push(Patch {
                    start,
                    len,
                    bytes,
                    held,
                });
            }
        }
        let [held, other] = operands;
        if let (1, [byte]) = (depends.len(), there)
            && let Some(byte) = moved([*byte, alike(*byte)], [held, changed], other)
        {
            let bytes = vec![byte];
            patches.push(Patch {
                start,
                len: 1,
                bytes,
                held: None,
            });
        }
    }
    let is_digit = |byte: &&u8| byte.is_ascii_digit();
    let (before, after) = input.split_at(start);
    let before = before.iter().rev().take_while(is_digit).count();
    let len = before + after.iter().take_while(is_digit).count();
    let start = start - before;
    let there = input.get(start..start + len).unwrap_or_default();
    for bytes in numbers(there, operands, one.at.is_float, width) {
        patches.push(Patch {
            start,
            len,
            bytes,
            held: None,
        });
    }
    patches
}

/// What a comparison wants of the bytes at a position, if it compares them and they are held like those before.
fn behind(
    input: &[u8],
    at: usize,
    one: &Compared,
    side: usize,
    held: Option<Held>,
) -> Option<Patch> {
    let [a, b] = one.at.operands;
    let operands = if side == 0 { [a, b] } else { [b, a] };
    let held = held?;
    let width = usize::from(one.at.bytes);
    (1..=width).rev().find_map(|len| {
        let there = input.get(at..at + len)?;
        let (bytes, len) = held.wanted(there, operands, width)?;
        let held = Some(held);
        Some(Patch {
            start: at,
            len,
            bytes,
            held,
        })
    })
}

/// The input with a patch: over what is there, and as much behind it as the patch has more; or in place of it.
fn patched(input: &[u8], patch: &Patch) -> Vec<u8> {
    let before = input.get(..patch.start).unwrap_or(input);
    let over = match patch.held {
        Some(_) => patch.len.max(patch.bytes.len()),
        None => patch.len,
    };
    let after = input.get(patch.start + over..).unwrap_or_default();
    [before, &patch.bytes, after].concat()
}

/// The input with several patches together, of comparisons that are made one after another of bytes one after
/// another: what is combined before anything depends on it.
fn joined(input: &[u8], singles: &[(usize, Patch)]) -> Vec<Vec<u8>> {
    const NEAR: usize = 3;
    const MOST: usize = 32;
    let mut all: Vec<Vec<u8>> = Vec::new();
    let mut of: Vec<(usize, usize, usize)> = Vec::new();
    for (number, first) in singles {
        let (mut last, mut end) = (*number, first.start + first.bytes.len());
        let mut begin = first.start;
        let mut together = patched(input, first);
        let mut count = 1;
        for (number, next) in singles {
            let next_end = next.start + next.bytes.len();
            let is_next = *number > last && *number <= last + NEAR && next.held == first.held;
            if is_next
                && next.held.is_some()
                && (next.start <= end && end < next_end || next_end == begin)
            {
                together = patched(&together, next);
                (last, end) = (*number, end.max(next_end));
                begin = begin.min(next.start);
                count += 1;
            }
        }
        if count > 1 && !of.contains(&(begin, end, last)) {
            of.push((begin, end, last));
            all.push(together);
        }
        if all.len() >= MOST {
            break;
        }
    }
    all
}

//! Random changes of inputs, several on top of each other.

use super::random::Random;

/// What changes may use.
pub struct Materials<'a> {
    pub tokens: &'a [Vec<u8>],
    pub operands: &'a [[u64; 2]],
    /// Another input.
    pub other: &'a [u8],
    pub max_len: usize,
}

/// Numbers at which programs often change what they do.
const NUMBERS: [i64; 23] = [
    0,
    1,
    -1,
    2,
    4,
    7,
    8,
    10,
    16,
    31,
    32,
    63,
    64,
    100,
    127,
    128,
    255,
    256,
    1000,
    1024,
    32767,
    65535,
    2_147_483_647,
];

/// Changes an input at random.
pub fn change(input: &mut Vec<u8>, random: &mut Random, with: &Materials<'_>) {
    if random.one_in(8) {
        splice(input, random, with);
    }
    // Few changes leave more of what was right.
    let most = if random.one_in(4) { 5 } else { 3 };
    let changes = 1 << random.below(most);
    for _ in 0..changes {
        once(input, random, with);
    }
    input.truncate(with.max_len);
}

/// The beginning of the input and the end of another one.
fn splice(input: &mut Vec<u8>, random: &mut Random, with: &Materials<'_>) {
    input.truncate(random.below(input.len() + 1));
    let from = random.below(with.other.len() + 1);
    input.extend_from_slice(with.other.get(from..).unwrap_or_default());
}

fn once(input: &mut Vec<u8>, random: &mut Random, with: &Materials<'_>) {
    let at = random.below(input.len());
    match random.below(16) {
        0 | 1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        2 | 3 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = random.byte();
            }
        }
        4 => {
            if let Some(byte) = input.get_mut(at) {
                let by = u8::try_from(random.below(16)).unwrap_or(0) + 1;
                *byte = if random.one_in(2) {
                    byte.wrapping_add(by)
                } else {
                    byte.wrapping_sub(by)
                };
            }
        }
        5 => {
            let number = random.pick(&NUMBERS).copied().unwrap_or(0);
            put(input, at, &encoded(number.cast_unsigned(), random));
        }
        6 => {
            let piece = piece(input, random);
            put(input, at, &piece);
        }
        7 => {
            let piece = piece(input, random);
            insert(input, random, &piece, with.max_len);
        }
        8 => {
            let piece = piece(with.other, random);
            if random.one_in(2) {
                put(input, at, &piece);
            } else {
                insert(input, random, &piece, with.max_len);
            }
        }
        9 => {
            let piece: Vec<u8> = (0..=random.below(8)).map(|_| random.byte()).collect();
            insert(input, random, &piece, with.max_len);
        }
        10 => {
            let byte = input.get(at).copied().unwrap_or(b' ');
            let piece = vec![byte; 1 + random.below(32)];
            insert(input, random, &piece, with.max_len);
        }
        11 => {
            let len = length(input.len() - at, random);
            input.drain(at..at + len);
        }
        12 | 13 if !with.tokens.is_empty() => {
            let token = random.pick(with.tokens).cloned().unwrap_or_default();
            if random.one_in(2) {
                put(input, at, &token);
            } else {
                insert(input, random, &token, with.max_len);
            }
        }
        _ if !with.operands.is_empty() => {
            let [a, b] = random.pick(with.operands).copied().unwrap_or_default();
            let (from, to) = if random.one_in(2) { (a, b) } else { (b, a) };
            let len = 1 << random.below(4);
            let bytes =
                |number: u64| -> Vec<u8> { number.to_le_bytes().into_iter().take(len).collect() };
            let (mut from, mut to) = (bytes(from), bytes(to));
            if random.one_in(3) {
                from.reverse();
                to.reverse();
            }
            let found: Vec<usize> = input
                .windows(len)
                .enumerate()
                .filter(|(_, piece)| *piece == from)
                .map(|(at, _)| at)
                .collect();
            put(input, random.pick(&found).copied().unwrap_or(at), &to);
        }
        _ => {
            let byte = random.byte();
            insert(input, random, &[byte], with.max_len);
        }
    }
}

/// A length of a piece: mostly a short one.
fn length(most: usize, random: &mut Random) -> usize {
    let most = if random.one_in(8) { most } else { most.min(16) };
    (1 + random.below(most)).min(most)
}

fn piece(of: &[u8], random: &mut Random) -> Vec<u8> {
    let at = random.below(of.len());
    let len = length(of.len().saturating_sub(at), random);
    of.get(at..at + len).unwrap_or_default().to_vec()
}

/// Overwrites, as far as the input goes.
pub fn put(input: &mut [u8], at: usize, bytes: &[u8]) {
    for (target, byte) in input.iter_mut().skip(at).zip(bytes) {
        *target = *byte;
    }
}

fn insert(input: &mut Vec<u8>, random: &mut Random, bytes: &[u8], max_len: usize) {
    if input.len() + bytes.len() <= max_len {
        let at = random.below(input.len() + 1);
        input.splice(at..at, bytes.iter().copied());
    }
}

fn encoded(number: u64, random: &mut Random) -> Vec<u8> {
    if random.one_in(4) {
        return number.cast_signed().to_string().into_bytes();
    }
    let len = 1 << random.below(4);
    let mut bytes: Vec<u8> = number.to_le_bytes().into_iter().take(len).collect();
    if random.one_in(2) {
        bytes.reverse();
    }
    bytes
}

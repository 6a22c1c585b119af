//! The initial content of a memory: the data segments of a module, removed from it so that the engine
//! does not process each of them for every instance. Go programs have up to a hundred thousand.

use super::encode::{push_i64, push_len, push_u32};
use crate::{
    error::Unforkable,
    room::{self, OutOfMemory},
};
use alloc::vec::Vec;
use wasmparser::BinaryReader;

/// Two runs with fewer zeros than this between them are one: a segment's head is longer.
const GAP: usize = 8;

/// The most segments that are written: engines limit their number.
const MOST_SEGMENTS: usize = 50_000;

/// The most bytes of a segment before its content.
const MOST_HEAD: usize = 13;

const I32_CONST: u8 = 0x41;
const END: u8 = 0x0B;

/// Bytes and their offsets, in the order in which they are copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Initial {
    runs: Vec<Run>,
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    offset: usize,
    len: usize,
}

impl Initial {
    /// Reads a data section whose segments all have a constant offset within `memory` bytes.
    pub(super) fn read(content: &[u8], memory: u64) -> Result<Initial, Unforkable> {
        let unreadable = Unforkable::Unreadable;
        let mut reader = BinaryReader::new(content, 0);
        let mut initial = Initial {
            bytes: room::reserved(content.len())?,
            runs: Vec::new(),
        };
        for _ in 0..reader.read_var_u32().map_err(|_| unreadable)? {
            let (offset, bytes) = segment(&mut reader)?;
            if u64::from(offset) + bytes.len() as u64 > memory {
                return Err(Unforkable::DataOutside);
            }
            let offset = usize::try_from(offset).map_err(|_| Unforkable::DataOutside)?;
            initial.push(offset, bytes)?;
        }
        if reader.eof() {
            initial.bytes.shrink_to_fit();
            Ok(initial)
        } else {
            Err(unreadable)
        }
    }

    fn push(&mut self, offset: usize, bytes: &[u8]) -> Result<(), OutOfMemory> {
        self.bytes.extend_from_slice(bytes);
        match self.runs.last_mut() {
            Some(last) if last.offset + last.len == offset => last.len += bytes.len(),
            _ if bytes.is_empty() => {}
            _ => room::push(
                &mut self.runs,
                Run {
                    offset,
                    len: bytes.len(),
                },
            )?,
        }
        Ok(())
    }

    /// Copies all runs into a memory; returns false if one lies outside.
    #[must_use]
    pub(crate) fn place(&self, memory: &mut [u8]) -> bool {
        let mut rest = self.bytes.as_slice();
        for run in &self.runs {
            let target = memory
                .get_mut(run.offset..)
                .and_then(|target| target.get_mut(..run.len));
            let (Some(target), Some((bytes, others))) = (target, rest.split_at_checked(run.len))
            else {
                return false;
            };
            target.copy_from_slice(bytes);
            rest = others;
        }
        true
    }
}

/// Reads one active segment: its offset and its bytes.
fn segment<'a>(reader: &mut BinaryReader<'a>) -> Result<(u32, &'a [u8]), Unforkable> {
    let unreadable = |_| Unforkable::Unreadable;
    match reader.read_var_u32().map_err(unreadable)? {
        0 => {}
        1 => return Err(Unforkable::PassiveSegments),
        2 => match reader.read_var_u32().map_err(unreadable)? {
            0 => {}
            _ => return Err(Unforkable::SeveralMemories),
        },
        _ => return Err(Unforkable::Unreadable),
    }
    if reader.read_u8().map_err(unreadable)? != I32_CONST {
        return Err(Unforkable::ComputedData);
    }
    let offset = reader.read_var_i32().map_err(unreadable)?.cast_unsigned();
    if reader.read_u8().map_err(unreadable)? != END {
        return Err(Unforkable::ComputedData);
    }
    let len = reader.read_var_u32().map_err(unreadable)?;
    let len = usize::try_from(len).map_err(|_| Unforkable::Unreadable)?;
    Ok((offset, reader.read_bytes(len).map_err(unreadable)?))
}

/// Returns a data section that fills a zeroed memory with `image`, and the number of its segments.
pub(super) fn section(image: &[u8]) -> Result<(Vec<u8>, usize), OutOfMemory> {
    let mut gap = GAP;
    let mut runs = runs(image, gap)?;
    while runs.len() > MOST_SEGMENTS {
        // The runs are joined, not found again in the image: each round costs at most half of the last.
        gap = gap.saturating_mul(2);
        runs = joined(runs, gap)?;
    }
    let bytes: usize = runs.iter().map(|run| run.len).sum();
    let mut content = room::reserved(bytes + MOST_HEAD * (runs.len() + 1))?;
    push_len(&mut content, runs.len());
    for Run { offset, len } in &runs {
        let bytes = image.get(*offset..offset + len).unwrap_or_default();
        content.extend_from_slice(&[0, I32_CONST]);
        let offset = u32::try_from(*offset).unwrap_or(u32::MAX);
        push_i64(&mut content, offset.cast_signed().into());
        content.push(END);
        push_len(&mut content, bytes.len());
        content.extend_from_slice(bytes);
    }
    Ok((content, runs.len()))
}

/// Finds where an image is not zero; runs with fewer zeros than `gap` between them are one.
fn runs(image: &[u8], gap: usize) -> Result<Vec<Run>, OutOfMemory> {
    let mut runs: Vec<Run> = Vec::new();
    let mut at = 0;
    while let Some(skipped) = next_nonzero(image.get(at..).unwrap_or_default()) {
        let offset = at + skipped;
        let rest = image.get(offset..).unwrap_or_default();
        let len = rest.iter().position(|byte| *byte == 0);
        let len = len.unwrap_or(rest.len());
        join(&mut runs, Run { offset, len }, gap)?;
        at = offset + len;
    }
    Ok(runs)
}

/// Joins runs with fewer zeros than `gap` between them.
fn joined(runs: Vec<Run>, gap: usize) -> Result<Vec<Run>, OutOfMemory> {
    let mut fewer = Vec::new();
    for run in runs {
        join(&mut fewer, run, gap)?;
    }
    Ok(fewer)
}

fn join(runs: &mut Vec<Run>, run: Run, gap: usize) -> Result<(), OutOfMemory> {
    match runs.last_mut() {
        Some(last) if run.offset - (last.offset + last.len) < gap => {
            last.len = run.offset + run.len - last.offset;
            Ok(())
        }
        _ => room::push(runs, run),
    }
}

/// Finds the first byte that is not zero. By blocks, since most of an image is zero.
fn next_nonzero(bytes: &[u8]) -> Option<usize> {
    const ZEROS: [u8; 256] = [0; 256];
    let blocks = bytes.chunks_exact(ZEROS.len());
    let zeros = blocks.take_while(|block| *block == ZEROS).count() * ZEROS.len();
    let rest = bytes.get(zeros..)?;
    rest.iter()
        .position(|byte| *byte != 0)
        .map(|place| zeros + place)
}

/// Returns the content of a section with the number of data segments.
pub(super) fn count(segments: usize) -> Vec<u8> {
    let mut content = Vec::new();
    push_u32(&mut content, u32::try_from(segments).unwrap_or(u32::MAX));
    content
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A memory that is mostly zeros.
    fn image() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            (1usize..700).prop_map(|len| vec![0; len]),
            prop::collection::vec(any::<u8>(), 1..40),
            prop::collection::vec(0u8..2, 1..40),
        ];
        prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_written_image_is_read_as_it_was(image in image()) {
            let (content, segments) = section(&image).unwrap();
            let initial = Initial::read(&content, image.len() as u64).unwrap();
            prop_assert_eq!(initial.runs.len(), segments);
            let mut memory = vec![0; image.len()];
            prop_assert!(initial.place(&mut memory));
            prop_assert_eq!(memory, image);
        }

        #[test]
        fn later_segments_cover_earlier_ones(
            segments in prop::collection::vec((0u32..300, prop::collection::vec(any::<u8>(), 0..50)), 0..20)
        ) {
            let mut content = Vec::new();
            push_len(&mut content, segments.len());
            let mut expected = vec![0; 400];
            for (offset, bytes) in &segments {
                content.extend_from_slice(&[0, I32_CONST]);
                push_i64(&mut content, (*offset).into());
                content.push(END);
                push_len(&mut content, bytes.len());
                content.extend_from_slice(bytes);
                let start = *offset as usize;
                expected[start..start + bytes.len()].copy_from_slice(bytes);
            }
            let mut memory = vec![0; 400];
            prop_assert!(Initial::read(&content, 400).unwrap().place(&mut memory));
            prop_assert_eq!(memory, expected);
        }

        #[test]
        fn any_bytes_are_read_or_refused(content: Vec<u8>, memory in 0u64..1000) {
            if let Ok(initial) = Initial::read(&content, memory) {
                let mut target = vec![0; memory as usize];
                prop_assert!(initial.place(&mut target));
            }
        }
    }

    proptest! {
        #[test]
        fn runs_joined_in_steps_are_those_joined_at_once(image in image(), steps in 0u32..6) {
            let mut stepwise = runs(&image, GAP).unwrap();
            for step in 1..=steps {
                stepwise = joined(stepwise, GAP << step).unwrap();
            }
            prop_assert_eq!(stepwise, runs(&image, GAP << steps).unwrap());
        }
    }

    #[test]
    fn segments_next_to_each_other_become_one() {
        let (one, _) = section(&[1; 100]).unwrap();
        let mut two = vec![2];
        for half in [0u8, 50] {
            two.extend_from_slice(&[0, I32_CONST, half, END, 50]);
            two.extend_from_slice(&[1; 50]);
        }
        assert_eq!(
            Initial::read(&one, 100).unwrap(),
            // 50 is one byte of a signed number.
            Initial::read(&two, 100).unwrap()
        );
    }
}

//! Writes one function with its changes: wraps begin and end, branches jump over the wraps between, code
//! that never runs is left out, and conditions that the engine would fold are hidden from it.

use super::{
    count::EMPTY,
    encode::{op::*, push_u32},
    growth::Places,
    regions::{Kind, Mark},
};
use crate::room::{self, OutOfMemory};
use alloc::vec::Vec;
use wasmparser::{BinaryReader, Operator};

const I32: u8 = 0x7F;

/// The most bytes that a mark adds.
const fn most_added(mark: &Mark) -> usize {
    match mark.kind {
        Kind::Grow => 14,
        _ => 8,
    }
}

/// Code that was copied: where it is in what is written, and where it was in what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) written: u32,
    pub(super) read: u32,
}

/// An open block of the body that is written.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// How many wraps were open when it began.
    outside: u32,
    /// Where the type of the wrap is that is open in it.
    wrap: Option<usize>,
    /// The type of a wrap that reaches its end.
    block: u8,
}

/// Writes functions one after the other.
#[derive(Debug, Default)]
pub(super) struct Editor {
    out: Vec<u8>,
    frames: Vec<Frame>,
    /// How many wraps are open.
    wraps: u32,
    /// The body is copied up to here.
    copied: usize,
    /// What was copied of the last body, if that is asked for.
    pub(super) runs: Option<Vec<Run>>,
}

/// A body, and where its operators begin.
#[derive(Clone, Copy)]
pub(super) struct Body<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) operators: usize,
    /// How many parameters and locals it has.
    pub(super) locals: u32,
    /// The type byte of its result.
    pub(super) block: u8,
    /// Where the functions are that grow.
    pub(super) growth: Places,
}

impl Editor {
    /// Returns a body with its changes.
    pub(super) fn edit(&mut self, body: Body<'_>, marks: &[Mark]) -> Result<&[u8], OutOfMemory> {
        self.out.clear();
        self.frames.clear();
        self.wraps = 0;
        self.copied = 0;
        let added: usize = marks.iter().map(most_added).sum();
        self.reserve(body.bytes.len().saturating_add(added).saturating_add(16))?;
        if let Some(runs) = &mut self.runs {
            runs.clear();
            // A mark copies what is before it, and what is within it; a local, what is before it.
            let most = marks.len().saturating_mul(2).saturating_add(3);
            runs.try_reserve(most).map_err(|_| OutOfMemory)?;
        }
        let hides = |mark: &Mark| matches!(mark.kind, Kind::Zero | Kind::NotZero | Kind::Computed);
        if marks.iter().any(hides) {
            self.add_local(body);
        }
        self.open(body.block)?;
        for mark in marks {
            self.apply(body, *mark)?;
        }
        self.copy(body, body.bytes.len());
        Ok(&self.out)
    }

    fn reserve(&mut self, bytes: usize) -> Result<(), OutOfMemory> {
        self.out.try_reserve(bytes).map_err(|_| OutOfMemory)
    }

    /// Adds a local that is always zero: the engine does not fold it.
    fn add_local(&mut self, body: Body<'_>) {
        let mut reader = BinaryReader::new(body.bytes, 0);
        let groups = reader.read_var_u32().unwrap_or(0);
        push_u32(&mut self.out, groups.saturating_add(1));
        self.copied = reader.current_position();
        self.copy(body, body.operators);
        self.out.extend_from_slice(&[1, I32]);
    }

    /// Copies the body up to a place.
    fn copy(&mut self, body: Body<'_>, to: usize) {
        let bytes = body.bytes.get(self.copied..to);
        if let Some(runs) = &mut self.runs {
            runs.push(Run {
                written: short(self.out.len()),
                read: short(self.copied),
            });
        }
        self.out.extend_from_slice(bytes.unwrap_or_default());
        self.copied = to.max(self.copied);
    }

    fn open(&mut self, block: u8) -> Result<(), OutOfMemory> {
        let frame = Frame {
            outside: self.wraps,
            wrap: None,
            block,
        };
        room::push(&mut self.frames, frame)
    }

    fn apply(&mut self, body: Body<'_>, mark: Mark) -> Result<(), OutOfMemory> {
        let at = place(mark.at);
        match mark.kind {
            Kind::Open => self.open(mark.value.to_le_bytes()[0])?,
            Kind::Else => self.end_wrap(body, at),
            Kind::End => {
                self.end_wrap(body, at);
                self.frames.pop();
            }
            Kind::Branch => {
                let depth = self.depth(mark.value);
                if depth != mark.value {
                    self.copy(body, at + 1);
                    push_u32(&mut self.out, depth);
                    self.skip_number(body);
                }
            }
            Kind::Table if self.wraps > 0 => self.table(body, at)?,
            Kind::Table | Kind::NoWrap => {}
            Kind::Dead | Kind::DeadAfterEnd => {
                self.copy(body, at);
                if mark.kind == Kind::DeadAfterEnd {
                    self.out.push(UNREACHABLE);
                }
                self.copied = place(mark.value);
            }
            Kind::Wrap => self.wrap(body, at),
            Kind::Zero | Kind::NotZero => {
                self.copy(body, at);
                self.zero(body);
                if mark.kind == Kind::NotZero {
                    self.out.push(I32_EQZ);
                }
                self.copied = place(mark.value);
            }
            Kind::Computed => {
                self.copy(body, at);
                self.zero(body);
                self.out.push(I32_OR);
            }
            Kind::Grow => {
                self.copy(body, at);
                let operator = body.bytes.get(at..place(mark.value));
                let operator = operator.unwrap_or_default();
                body.growth.push_call(operator, &mut self.out);
                self.copied = place(mark.value);
            }
        }
        Ok(())
    }

    fn zero(&mut self, body: Body<'_>) {
        self.out.push(LOCAL_GET);
        push_u32(&mut self.out, body.locals);
    }

    /// Begins a wrap in the last frame, and ends the one before.
    fn wrap(&mut self, body: Body<'_>, at: usize) {
        self.copy(body, at);
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        match frame.wrap {
            Some(_) => self.out.push(END),
            None => self.wraps += 1,
        }
        self.out.push(LOOP);
        frame.wrap = Some(self.out.len());
        self.out.push(EMPTY);
    }

    /// Ends the wrap of the last frame, which reaches the end of the frame.
    fn end_wrap(&mut self, body: Body<'_>, at: usize) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let Some(ty) = frame.wrap.take() else {
            return;
        };
        self.wraps -= 1;
        let block = frame.block;
        self.copy(body, at);
        if let Some(ty) = self.out.get_mut(ty) {
            *ty = block;
        }
        self.out.push(END);
    }

    /// The depth of a branch, with the wraps that are open in the frames that it leaves.
    fn depth(&self, depth: u32) -> u32 {
        let index = usize::try_from(depth).unwrap_or(usize::MAX);
        let target = self.frames.iter().nth_back(index);
        let outside = target.map_or(0, |frame| frame.outside);
        depth.saturating_add(self.wraps.saturating_sub(outside))
    }

    fn skip_number(&mut self, body: Body<'_>) {
        let rest = body.bytes.get(self.copied..).unwrap_or_default();
        let mut reader = BinaryReader::new(rest, 0);
        // It was read before.
        let _ = reader.read_var_u32();
        self.copied += reader.current_position();
    }

    fn table(&mut self, body: Body<'_>, at: usize) -> Result<(), OutOfMemory> {
        self.copy(body, at);
        let rest = body.bytes.get(at..).unwrap_or_default();
        let mut reader = BinaryReader::new(rest, 0);
        let Ok(Operator::BrTable { targets }) = reader.read_operator() else {
            return Ok(());
        };
        // A depth is at most five bytes.
        let most = usize::try_from(targets.len())
            .unwrap_or(usize::MAX)
            .saturating_mul(5);
        self.reserve(most.saturating_add(body.bytes.len() - self.copied.min(body.bytes.len())))?;
        self.out.push(BR_TABLE);
        push_u32(&mut self.out, targets.len());
        for depth in targets.targets().map_while(Result::ok) {
            let depth = self.depth(depth);
            push_u32(&mut self.out, depth);
        }
        let default = self.depth(targets.default());
        push_u32(&mut self.out, default);
        self.copied = at + reader.current_position();
        Ok(())
    }
}

fn place(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// Modules are shorter than 4 GiB.
fn short(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

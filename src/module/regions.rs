//! Fuel: what is charged for what, and where it is charged.
//!
//! The model: each operator that is executed costs 1, but for `nop`, `drop`, `block`, `loop`, `else`,
//! `end`, `return` and `unreachable`, which cost nothing. Entering a region costs 1: a function, a turn of
//! a `loop`, an arm of an `if`, a wrap. Operators that move bytes cost 1 for each 8 in addition, and host
//! functions what their bytes cost. `memory.grow` and `table.grow` are calls of the host (see `growth`), and
//! cost what they cost in the engine: 1, and their bytes if they are not refused. What the engine does not
//! translate is not charged.
//!
//! The engine charges for a region when it is entered: for all code in it, blocks inside included, whether
//! it runs or not. So code that does not always run when its region is entered is made a region of its
//! own, by wrapping it in a `loop` that nothing branches to. Such code begins behind the end of a block
//! that some branch inside jumps past, and behind a `br_if`. It goes on to the end of the enclosing block,
//! or to the next such place in it. To wrap it, the stack of operands must be where it was when the
//! enclosing block began, and that block must leave at most one result. Short pieces are not worth the
//! operator that enters a region: they stay, until together they are too long for the code that is sure to
//! run. So a region charges for at most [`FREE_AFTER_BRANCH`] operators, and a [`SHARE`]th of those that
//! run, too many; only where operands or several results are in the way it can be more.
//!
//! Three things would be charged and not run, and are changed. Code that never runs, since a branch is
//! before it, is left out. Conditions that are constants, or are computed of constants, are hidden from
//! the engine behind a local that is always zero: it folds them, and then charges both arms of an `if`, or
//! what is behind a branch that is always taken. That costs one unit more where such a condition is true,
//! and two where it is computed.
//!
//! In the same way a comparison with zero is hidden that decides a `select`, for two units more: the engine
//! leaves it out, and then decides by another value (`tests/promises/engine_facts.rs`).
//!
//! Here it is decided where wraps begin. `edit` writes them. A change of the model is a change of the
//! number in the engine's name (`self_check`): transcripts hold fuel.

use super::count::EMPTY;
use crate::room::{self, OutOfMemory};
use alloc::vec::Vec;

/// Fuel of code.
pub(super) type Cost = u32;

/// So much code that may not run is left in any region.
const FREE: Cost = 3;

/// The same behind a `br_if`, most of which do not jump.
const FREE_AFTER_BRANCH: Cost = 16;

/// So large a part of the code that is sure to run may be added to it by code that may not.
const SHARE: Cost = 8;

/// Something to change in a body, or to follow while changing it. In the order of their places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    /// Where in the body.
    pub(super) at: u32,
    pub(super) value: u32,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A block, loop or if; the value is the type byte of a wrap that reaches its end.
    Open,
    Else,
    End,
    /// A branch; the value is its depth.
    Branch,
    /// A `br_table`.
    Table,
    /// Code that never runs, up to the value.
    Dead,
    /// The same, where the validator does not see that it never runs.
    DeadAfterEnd,
    /// A place where a wrap could begin, and does not.
    NoWrap,
    /// A wrap begins.
    Wrap,
    /// An `i32.const` that decides a branch, up to the value; it is 0.
    Zero,
    /// The same, and it is not 0.
    NotZero,
    /// A constant that the engine computes decides a branch, or a comparison that it leaves out a `select`.
    Computed,
    /// A `memory.grow` or `table.grow`, up to the value, that the host does.
    Grow,
}

/// Why code may not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trigger {
    Branch,
    End,
}

/// What was counted up to a place, and in which region.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    /// Fuel up to here, without the regions inside.
    fuel: Cost,
    /// Of that, fuel of code that may not run.
    optional: Cost,
    /// Fuel up to where the region began.
    start: Cost,
}

/// A place where a wrap could begin.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    mark: u32,
    trigger: Trigger,
    counted: Counted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    Block,
    Loop,
    If,
    Else,
}

/// An open block, or the function itself.
#[derive(Clone, Copy, Debug)]
struct Frame {
    kind: FrameKind,
    /// How many operands lie below its own.
    base: u32,
    /// How many values a branch to it carries.
    carried: u32,
    /// The type byte of code that reaches its end; `None` if it leaves several results.
    block: Option<u8>,
    /// Whether it is itself in code that never runs.
    is_dead: bool,
    /// Whether a branch leads to its end.
    is_target: bool,
    /// Whether the first arm of an `if` reaches its end.
    first_arm_ends: bool,
    /// The outermost frame that a branch inside leads to.
    farthest: u32,
    trigger: Option<Trigger>,
    candidate: Option<Candidate>,
    /// What the region outside counts, once this frame has a region of its own.
    outside: Option<Counted>,
}

/// The frames and regions of one function.
#[derive(Debug, Default)]
pub(super) struct Regions {
    pub(super) marks: Vec<Mark>,
    frames: Vec<Frame>,
    counted: Counted,
    /// Where code began that never runs, if it does here.
    dead: Option<u32>,
    dead_after_end: bool,
    /// Fuel up to there.
    dead_fuel: Cost,
    /// Whether a wrap begins as soon as the stack is at the base of the last frame.
    pub(super) waits: bool,
    /// Whether anything is to be changed.
    pub(super) changes: bool,
}

/// So many marks are kept allocated between functions.
const MOST_KEPT: usize = 1 << 16;

impl Regions {
    /// Begins a function that leaves `results`.
    pub(super) fn begin(&mut self, results: u32, block: Option<u8>) -> Result<(), OutOfMemory> {
        if self.marks.capacity() > MOST_KEPT {
            self.marks = Vec::new();
        }
        self.marks.clear();
        self.frames.clear();
        self.counted = Counted::default();
        self.dead = None;
        self.waits = false;
        self.changes = false;
        let function = Frame {
            outside: Some(self.counted),
            ..frame(FrameKind::Block, 0, results, block, false)
        };
        room::push(&mut self.frames, function)
    }

    /// How many blocks are open, the function not counted.
    pub(super) fn depth(&self) -> usize {
        self.frames.len().saturating_sub(1)
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.is_some()
    }

    /// Adds the cost of an operator.
    #[inline]
    pub(super) fn add(&mut self, cost: Cost) {
        self.counted.fuel = self.counted.fuel.wrapping_add(cost);
    }

    /// Comes before the operator at a place, if a wrap waits to begin.
    pub(super) fn before(&mut self, at: u32, operands: u32) -> Result<(), OutOfMemory> {
        let Some(frame) = self.frames.last_mut() else {
            return Ok(());
        };
        if operands != frame.base {
            return Ok(());
        }
        self.waits = false;
        if let Some(trigger) = frame.trigger.take() {
            self.decide();
            let candidate = Candidate {
                mark: u32::try_from(self.marks.len()).unwrap_or(u32::MAX),
                trigger,
                counted: self.counted,
            };
            if let Some(frame) = self.frames.last_mut() {
                frame.candidate = Some(candidate);
            }
            self.mark(at, 0, Kind::NoWrap)?;
        }
        Ok(())
    }

    /// Decides whether a wrap begins at the candidate of the last frame, whose code ends here.
    fn decide(&mut self) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let Some(Candidate {
            mark,
            trigger,
            counted: before,
        }) = frame.candidate.take()
        else {
            return;
        };
        let cost = self.counted.fuel.saturating_sub(before.fuel);
        let optional = before.optional.saturating_add(cost);
        let sure = before.fuel.saturating_sub(before.start);
        let free = match trigger {
            Trigger::End => FREE,
            Trigger::Branch => FREE_AFTER_BRANCH,
        };
        if optional <= free.saturating_add(sure / SHARE) {
            self.counted.optional = optional;
            return;
        }
        let mark = usize::try_from(mark).ok();
        if let Some(mark) = mark.and_then(|mark| self.marks.get_mut(mark)) {
            mark.kind = Kind::Wrap;
        }
        self.changes = true;
        frame.outside.get_or_insert(before);
        self.counted.optional = self.counted.optional.saturating_sub(before.optional);
        self.counted.start = before.fuel;
    }

    /// A block, loop or if begins.
    pub(super) fn open(&mut self, at: u32, opened: Opened) -> Result<(), OutOfMemory> {
        let Opened {
            kind,
            base,
            carried,
            block,
        } = opened;
        let mut opened = frame(kind, base, carried, block, self.is_dead());
        if !opened.is_dead {
            self.mark(at, block.unwrap_or(EMPTY).into(), Kind::Open)?;
            if kind != FrameKind::Block {
                opened.outside = Some(self.counted);
                self.begin_region();
            }
        }
        self.waits = false;
        room::push(&mut self.frames, opened)
    }

    fn begin_region(&mut self) {
        self.counted.start = self.counted.fuel;
        self.counted.optional = 0;
    }

    /// The second arm of an `if` begins.
    pub(super) fn second_arm(&mut self, at: u32) -> Result<(), OutOfMemory> {
        if self.frames.last().is_none_or(|frame| frame.is_dead) {
            return Ok(());
        }
        let ends = !self.end_dead(at)?;
        self.decide();
        self.mark(at, 0, Kind::Else)?;
        if let Some(frame) = self.frames.last_mut() {
            frame.kind = FrameKind::Else;
            frame.first_arm_ends = ends;
            frame.trigger = None;
            self.counted = frame.outside.unwrap_or_default();
        }
        self.waits = false;
        self.begin_region();
        Ok(())
    }

    /// The last frame ends. Returns whether it leaves a result that is not constant.
    pub(super) fn end(&mut self, at: u32) -> Result<bool, OutOfMemory> {
        if self.frames.last().is_none_or(|frame| frame.is_dead) {
            self.frames.pop();
            return Ok(false);
        }
        let reaches = !self.end_dead(at)?;
        self.decide();
        self.mark(at, 0, Kind::End)?;
        let Some(ended) = self.frames.pop() else {
            return Ok(false);
        };
        if let Some(outside) = ended.outside {
            self.counted = outside;
        }
        let goes_on = match ended.kind {
            FrameKind::Block => reaches || ended.is_target,
            FrameKind::Loop => reaches,
            FrameKind::If => true,
            FrameKind::Else => reaches || ended.first_arm_ends || ended.is_target,
        };
        let index = self.frames.len();
        self.waits = false;
        if let Some(around) = self.frames.last_mut() {
            self.waits = around.trigger.is_some();
            around.farthest = around.farthest.min(ended.farthest);
            let is_passed = usize::try_from(ended.farthest).is_ok_and(|frame| frame < index);
            if !goes_on {
                self.die(at + 1, true);
            } else if is_passed {
                self.may_not_run(Trigger::End);
            }
        }
        let is_joined = ended.is_target || matches!(ended.kind, FrameKind::If | FrameKind::Else);
        Ok(is_joined && ended.block != Some(EMPTY))
    }

    /// What follows in the last frame may not run.
    fn may_not_run(&mut self, trigger: Trigger) {
        if let Some(frame) = self.frames.last_mut()
            && frame.block.is_some()
            && frame.trigger != Some(Trigger::End)
        {
            frame.trigger = Some(trigger);
            self.waits = true;
        }
    }

    /// What follows from a place on never runs.
    fn die(&mut self, from: u32, after_end: bool) {
        self.dead = Some(from);
        self.dead_after_end = after_end;
        self.dead_fuel = self.counted.fuel;
        self.waits = false;
        if let Some(frame) = self.frames.last_mut() {
            frame.trigger = None;
        }
    }

    /// Ends code that never runs. Returns whether it was some.
    fn end_dead(&mut self, at: u32) -> Result<bool, OutOfMemory> {
        let Some(from) = self.dead.take() else {
            return Ok(false);
        };
        self.counted.fuel = self.dead_fuel;
        let kind = match self.dead_after_end {
            true => Kind::DeadAfterEnd,
            false => Kind::Dead,
        };
        if from < at || kind == Kind::DeadAfterEnd {
            self.changes = true;
            self.mark(from, at, kind)?;
        }
        Ok(true)
    }

    /// Returns how many values a branch carries.
    pub(super) fn carried(&self, depth: u32) -> u32 {
        let frame = self.index(depth).and_then(|index| self.frames.get(index));
        frame.map_or(0, |frame| frame.carried)
    }

    fn index(&self, depth: u32) -> Option<usize> {
        let depth = usize::try_from(depth).ok()?;
        self.frames.len().checked_sub(depth)?.checked_sub(1)
    }

    /// Notes that a branch leads to a frame.
    pub(super) fn target(&mut self, depth: u32) {
        let Some(index) = self.index(depth).filter(|_| !self.is_dead()) else {
            return;
        };
        if let Some(frame) = self.frames.get_mut(index) {
            frame.is_target |= frame.kind != FrameKind::Loop;
        }
        self.leave(u32::try_from(index).unwrap_or(u32::MAX));
    }

    fn leave(&mut self, index: u32) {
        if let Some(frame) = self.frames.last_mut() {
            frame.farthest = frame.farthest.min(index);
        }
    }

    /// A `br_if` that may jump, after [`target`](Regions::target).
    pub(super) fn branch_if(&mut self, at: u32, depth: u32) -> Result<(), OutOfMemory> {
        self.mark(at, depth, Kind::Branch)?;
        self.may_not_run(Trigger::Branch);
        Ok(())
    }

    /// A `br`, of which the next operator is at `next`.
    pub(super) fn branch(&mut self, at: u32, depth: u32, next: u32) -> Result<(), OutOfMemory> {
        self.mark(at, depth, Kind::Branch)?;
        self.die(next, false);
        Ok(())
    }

    /// A `br_table`, of which the next operator is at `next`.
    pub(super) fn table(&mut self, at: u32, next: u32) -> Result<(), OutOfMemory> {
        self.mark(at, 0, Kind::Table)?;
        self.die(next, false);
        Ok(())
    }

    /// A return, or a call in its place.
    pub(super) fn returns(&mut self, next: u32) {
        self.leave(0);
        self.die(next, false);
    }

    /// A trap.
    pub(super) fn traps(&mut self, next: u32) {
        self.die(next, false);
    }

    /// Something else to change.
    pub(super) fn change(&mut self, at: u32, value: u32, kind: Kind) -> Result<(), OutOfMemory> {
        self.changes = true;
        self.mark(at, value, kind)
    }

    #[inline]
    fn mark(&mut self, at: u32, value: u32, kind: Kind) -> Result<(), OutOfMemory> {
        room::push(&mut self.marks, Mark { at, value, kind })
    }
}

/// A block that begins.
pub(super) struct Opened {
    pub(super) kind: FrameKind,
    pub(super) base: u32,
    pub(super) carried: u32,
    pub(super) block: Option<u8>,
}

fn frame(kind: FrameKind, base: u32, carried: u32, block: Option<u8>, is_dead: bool) -> Frame {
    Frame {
        kind,
        base,
        carried,
        block,
        is_dead,
        is_target: false,
        first_arm_ends: false,
        farthest: u32::MAX,
        trigger: None,
        candidate: None,
        outside: None,
    }
}

//! The calls that were running at one moment, as plain data. `inspect` resolves them from a module.

use crate::printable::Text;
use alloc::{string::ToString, vec::Vec};
use core::fmt;
use serde::Serialize;

/// One call: a function, and where in it.
///
/// It displays as `parse_header   trapper.c:31:52`, or as `parse_header   offset 0x1f3` if its line is
/// unknown. As JSON it is an object with these fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Frame {
    /// The function's name, demangled.
    pub function: Text,
    /// The index of the WebAssembly function that runs. An inlined function has the index of the
    /// function that it was inlined into.
    pub index: u32,
    /// The instruction that runs: its offset in bytes from the start of the module, as `wasm-objdump` and
    /// `wasm-tools` count. The addresses in DWARF count from the contents of the code section.
    pub offset: u64,
    /// The source file, if known: relative to the directory of the build where it lies below that.
    pub file: Option<Text>,
    /// The line in the file, from 1.
    pub line: Option<u32>,
    /// The column in the line, in bytes from 1.
    pub column: Option<u32>,
    /// Whether the compiler inlined this function into the next frame's.
    pub inlined: bool,
}

impl Frame {
    /// The place in the source or, if that is unknown, in the module.
    fn write_place(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{file}")?,
            None => write!(f, "offset {:#x}", self.offset)?,
        }
        if let (Some(_), Some(line)) = (&self.file, self.line) {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        if self.inlined {
            f.write_str(" (inlined)")?;
        }
        Ok(())
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}   ", self.function)?;
        self.write_place(f)
    }
}

/// The calls that were running at one moment, the innermost first.
///
/// It displays as a numbered line for each frame, without a newline at the end; where there are more than
/// 32, those in the middle are counted. As JSON it is the list of all frames.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
#[non_exhaustive]
pub struct Backtrace {
    /// The frames, the innermost first.
    pub frames: Vec<Frame>,
}

impl Backtrace {
    /// Calls of which only the offsets are known, the innermost first.
    pub(crate) fn at(offsets: Vec<u32>) -> Backtrace {
        let frame = |offset: u32| Frame {
            function: Text::default(),
            index: 0,
            offset: offset.into(),
            file: None,
            line: None,
            column: None,
            inlined: false,
        };
        Backtrace {
            frames: offsets.into_iter().map(frame).collect(),
        }
    }
}

/// So many of the innermost and of the outermost frames are displayed.
const INNERMOST: usize = 24;
const OUTERMOST: usize = 8;

/// Places are aligned behind names of up to so many characters.
const WIDEST: usize = 48;

impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Each frame, and how many of the same come after it: a recursion is one line.
        let mut groups: Vec<(usize, &Frame, usize)> = Vec::new();
        for (at, frame) in self.frames.iter().enumerate() {
            match groups.last_mut() {
                Some((_, last, more)) if *last == frame => *more += 1,
                _ => groups.push((at, frame, 0)),
            }
        }
        let all = groups.len();
        let is_shown =
            |at: usize| all <= INNERMOST + OUTERMOST || at < INNERMOST || at >= all - OUTERMOST;
        let shown = || {
            groups
                .iter()
                .enumerate()
                .filter(|(group, _)| is_shown(*group))
        };
        let names = shown().map(|(_, (_, frame, _))| frame.function.to_string().chars().count());
        let width = names.filter(|width| *width <= WIDEST).max().unwrap_or(0);
        let digits = self.frames.len().to_string().len().max(3);
        let mut next = 0;
        for (_, (at, frame, more)) in shown() {
            if *at > 0 {
                writeln!(f)?;
            }
            if *at > next {
                writeln!(f, "{:digits$}  … {} more frames", "", at - next)?;
            }
            let name = frame.function.to_string();
            write!(f, "{at:>digits$}: {name:width$}   ")?;
            frame.write_place(f)?;
            if *more > 0 {
                write!(f, "\n{:digits$}  … and {more} more of the same", "")?;
            }
            next = at + more + 1;
        }
        Ok(())
    }
}

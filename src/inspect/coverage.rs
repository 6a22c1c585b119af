//! Which functions, blocks, branches and lines ran.

use super::Symbols;
use crate::{
    guest::Seen,
    module::{Compiled, Edge, visit_operators},
    printable::Text,
};
use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, vec::Vec};
use serde::Serialize;

/// What of a plugin ran, in one run or in several, initialisation included.
/// [`Replay::coverage`](crate::replay::Replay::coverage) makes it of a recording. As JSON it is an object with
/// these fields.
///
/// Code is counted by the block: where a trap or a limit ends a run, the rest of the blocks that were running
/// counts as if it had run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Coverage {
    /// SHA-256 of the plugin's module, in hexadecimal.
    pub module: String,
    /// How many runs are added up.
    pub runs: u64,
    /// How much there is of everything, and how much of it ran.
    pub totals: CoverageTotals,
    /// The functions that have a body, in the module's order.
    pub functions: Vec<FunctionCoverage>,
    /// The source files. Empty without debug information, or without the feature `debug-info`.
    pub files: Vec<FileCoverage>,
}

/// How much there is of everything, and how much of it ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CoverageTotals {
    /// Functions that have a body.
    pub functions: Covered,
    /// Blocks: code that runs from its beginning to its end.
    pub blocks: Covered,
    /// Both ways of each branch.
    pub branches: Covered,
    /// Source lines that have code.
    pub lines: Covered,
}

/// How many of something ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Covered {
    /// Those that ran.
    pub ran: u64,
    /// All there are.
    pub all: u64,
}

/// A function, and what of it ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FunctionCoverage {
    /// Its index in the module.
    pub index: u32,
    /// Its name, as [`Symbols`] has it.
    pub name: Text,
    /// The file where it begins, if known.
    pub file: Option<Text>,
    /// The line where it begins, from 1, if known.
    pub line: Option<u32>,
    /// How often it was called. Where it is inlined, it is not called.
    pub calls: u64,
    /// Its blocks.
    pub blocks: Vec<BlockCoverage>,
    /// Its branches.
    pub branches: Vec<BranchCoverage>,
}

/// Code that runs from its beginning to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BlockCoverage {
    /// Where it begins, in bytes from the start of the module.
    pub offset: u64,
    /// How often it ran.
    pub count: u64,
}

/// An `if` or a conditional branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BranchCoverage {
    /// Where it is, in bytes from the start of the module.
    pub offset: u64,
    /// The source file, if known.
    pub file: Option<Text>,
    /// The line, from 1, if known.
    pub line: Option<u32>,
    /// How often its condition was true.
    pub taken: u64,
    /// How often its condition was false.
    pub not_taken: u64,
}

/// A source file, and what of it ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FileCoverage {
    /// Its name, as in [`Frame::file`](super::Frame::file).
    pub name: Text,
    /// The lines that have code, in their order.
    pub lines: Vec<LineCoverage>,
}

/// A line that has code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LineCoverage {
    /// The line, from 1.
    pub line: u32,
    /// How often it ran: in each run, that of its blocks that ran most often.
    pub count: u64,
}

impl Coverage {
    /// The coverage of one run.
    pub(crate) fn new(compiled: &Compiled, symbols: &Symbols, seen: &Seen) -> Coverage {
        let installed = compiled.installed.as_ref();
        let counters = installed.map_or(&[][..], |installed| &installed.counters);
        let number = |counts: &[u64], at: usize| counts.get(at).copied().unwrap_or(0);
        let count = |at| {
            number(&seen.initialization.counters, at)
                .saturating_add(number(&seen.call.counters, at))
        };
        let mut functions: BTreeMap<u32, FunctionCoverage> = symbols
            .functions()
            .map(|function| {
                let covered = FunctionCoverage {
                    index: function.index,
                    name: function.name,
                    file: function.file,
                    line: function.line,
                    calls: 0,
                    blocks: Vec::new(),
                    branches: Vec::new(),
                };
                (covered.index, covered)
            })
            .collect();
        for (at, counter) in counters.iter().enumerate() {
            let Some(function) = functions.get_mut(&counter.function) else {
                continue;
            };
            if let Some(begins) = counter.begins {
                function.blocks.push(BlockCoverage {
                    offset: begins.into(),
                    count: count(at),
                });
            }
            match counter.edge {
                Edge::Entry => function.calls = count(at),
                Edge::NotTaken => {
                    let line = symbols.line(counter.function, counter.offset);
                    function.branches.push(BranchCoverage {
                        offset: counter.offset.into(),
                        file: line.map(|(file, _)| file.into()),
                        line: line.map(|(_, line)| line),
                        // Both have counters, one behind the other.
                        taken: count(at + 1),
                        not_taken: count(at),
                    });
                }
                _ => {}
            }
        }
        for function in functions.values_mut() {
            function.blocks.sort_unstable_by_key(|block| block.offset);
        }
        let mut files: BTreeMap<&str, BTreeMap<u32, u64>> = BTreeMap::new();
        if let Some(installed) = installed {
            // The module was read before.
            let _ = visit_operators(compiled.original(), installed, |place| {
                if place.acts
                    && let Some((file, line)) = symbols.line(place.function, place.offset)
                {
                    let times = files.entry(file).or_default().entry(line).or_default();
                    *times = (*times).max(count(place.ran));
                }
            });
        }
        let files = files.into_iter().map(|(name, lines)| {
            let lines = lines.into_iter();
            FileCoverage {
                name: name.into(),
                lines: lines
                    .map(|(line, count)| LineCoverage { line, count })
                    .collect(),
            }
        });
        let mut coverage = Coverage {
            module: compiled.digest().to_owned(),
            runs: 1,
            totals: CoverageTotals::default(),
            functions: functions.into_values().collect(),
            files: files.collect(),
        };
        coverage.totals = coverage.count();
        coverage
    }

    /// Adds other runs of the same module. Returns false, and adds nothing, if they are of another module.
    #[must_use]
    pub fn add(&mut self, other: &Coverage) -> bool {
        if self.runs == 0 {
            *self = other.clone();
            return true;
        }
        if self.module != other.module {
            return false;
        }
        self.runs += other.runs;
        // All that is counted is that of the module, in the same order.
        for (own, theirs) in self.functions.iter_mut().zip(&other.functions) {
            own.calls += theirs.calls;
            for (own, theirs) in own.blocks.iter_mut().zip(&theirs.blocks) {
                own.count += theirs.count;
            }
            for (own, theirs) in own.branches.iter_mut().zip(&theirs.branches) {
                own.taken += theirs.taken;
                own.not_taken += theirs.not_taken;
            }
        }
        for (own, theirs) in self.files.iter_mut().zip(&other.files) {
            for (own, theirs) in own.lines.iter_mut().zip(&theirs.lines) {
                own.count += theirs.count;
            }
        }
        self.totals = self.count();
        true
    }

    fn count(&self) -> CoverageTotals {
        let functions = &self.functions;
        let blocks = functions.iter().flat_map(|function| &function.blocks);
        let branches = functions.iter().flat_map(|function| &function.branches);
        let lines = self.files.iter().flat_map(|file| &file.lines);
        CoverageTotals {
            functions: Covered::of(functions.iter().map(|function| function.calls)),
            blocks: Covered::of(blocks.map(|block| block.count)),
            branches: Covered::of(branches.flat_map(|branch| [branch.taken, branch.not_taken])),
            lines: Covered::of(lines.map(|line| line.count)),
        }
    }
}

impl Covered {
    pub(crate) fn of(counts: impl Iterator<Item = u64>) -> Covered {
        let mut covered = Covered::default();
        for count in counts {
            covered.all += 1;
            covered.ran += u64::from(count > 0);
        }
        covered
    }
}

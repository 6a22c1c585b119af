//! Source lines, from the DWARF of a module. The tables here are in the order of addresses; `read` fills them.
//!
//! Addresses count from the contents of the code section, as DWARF counts them.

mod budget;
mod code;
mod files;
mod program;
mod read;
mod scopes;

use super::sections::Sections;
use core::{fmt, ops::Range};
use files::Files;
use scopes::Scopes;

/// The most functions that are shown as inlined at one place.
const MOST_INLINED: usize = 128;

/// Source lines and inlined functions by address.
#[derive(Default)]
pub(super) struct Lines {
    /// Where the contents of the code section begin in the module.
    code: usize,
    /// In the order of addresses.
    sequences: Vec<Sequence>,
    /// The rows of all sequences.
    rows: Vec<Row>,
    scopes: Scopes,
    files: Files,
}

/// Rows for one piece of code without gaps.
struct Sequence {
    addresses: Range<u32>,
    rows: Range<usize>,
}

/// The place of the instructions from this address to the next row's.
struct Row {
    address: u32,
    file: u32,
    line: u32,
    column: u32,
}

/// A place in the source.
#[derive(Clone, Copy, Default)]
pub(super) struct Place<'a> {
    pub file: Option<&'a str>,
    pub line: Option<u32>,
    pub column: Option<u32>,
}

/// A function that runs, and where.
pub(super) struct Call<'a> {
    /// The name of a function that is inlined into the next; `None` for the function that has the body.
    pub inlined: Option<&'a str>,
    pub place: Place<'a>,
}

impl Lines {
    /// Reads what can be read.
    pub(super) fn read(sections: &Sections<'_>) -> Lines {
        let mut lines = Lines {
            code: sections.code,
            ..Lines::default()
        };
        if !sections.debug.is_empty() {
            read::read(sections, &mut lines);
        }
        lines
    }

    /// The first place that a body has, which is the line that its function begins at.
    pub(super) fn first_place(&self, body: &Range<usize>) -> Option<Place<'_>> {
        let addresses = self.addresses(body)?;
        let sequence = self.sequence(addresses.start).or_else(|| {
            let next = self
                .sequences
                .partition_point(|it| it.addresses.start < addresses.start);
            self.sequences.get(next)
        })?;
        let rows = self.rows.get(sequence.rows.clone())?;
        let first = rows.partition_point(|row| row.address < addresses.start);
        let row = rows.get(first).filter(|row| row.address < addresses.end)?;
        Some(self.place(row.file, row.line, row.column))
    }

    /// The name of the function that has this body.
    pub(super) fn function(&self, body: &Range<usize>) -> Option<&str> {
        self.scopes.function(self.addresses(body)?.start)
    }

    /// The calls that the instruction at `offset` in the module stands for, the innermost first. The last is the
    /// function with this body.
    pub(super) fn calls(&self, body: &Range<usize>, offset: usize) -> Vec<Call<'_>> {
        let mut calls = Vec::new();
        let (place, address) = match (self.addresses(body), self.address(offset)) {
            (Some(body), Some(address)) => (self.row(&body, address), Some(address)),
            _ => (None, None),
        };
        let mut place = place.map_or_else(Place::default, |row| {
            self.place(row.file, row.line, row.column)
        });
        let inlined = address
            .into_iter()
            .flat_map(|address| self.scopes.inlined(address));
        for scope in inlined.take(MOST_INLINED) {
            calls.push(Call {
                inlined: Some(self.scopes.name(scope).unwrap_or("inlined function")),
                place,
            });
            place = self.place(scope.file, scope.line, scope.column);
        }
        calls.push(Call {
            inlined: None,
            place,
        });
        calls
    }

    /// The place of the instruction at `offset`, in the function with this body or in one that was inlined there.
    pub(super) fn line(&self, body: &Range<usize>, offset: usize) -> Option<Place<'_>> {
        let row = self.row(&self.addresses(body)?, self.address(offset)?)?;
        Some(self.place(row.file, row.line, row.column))
    }

    /// The text of a file.
    pub(super) fn source(&self, file: &str) -> Option<&str> {
        self.files.source(file)
    }

    /// The row for an address. Rows of other bodies do not count.
    fn row(&self, body: &Range<u32>, address: u32) -> Option<&Row> {
        let rows = self.rows.get(self.sequence(address)?.rows.clone())?;
        let next = rows.partition_point(|row| row.address <= address);
        let row = rows.get(next.checked_sub(1)?)?;
        body.contains(&row.address).then_some(row)
    }

    fn sequence(&self, address: u32) -> Option<&Sequence> {
        let next = self
            .sequences
            .partition_point(|it| it.addresses.start <= address);
        let sequence = self.sequences.get(next.checked_sub(1)?)?;
        sequence.addresses.contains(&address).then_some(sequence)
    }

    fn place(&self, file: u32, line: u32, column: u32) -> Place<'_> {
        Place {
            file: self.files.name(file),
            line: (line > 0).then_some(line),
            column: (column > 0).then_some(column),
        }
    }

    fn address(&self, offset: usize) -> Option<u32> {
        u32::try_from(offset.checked_sub(self.code)?).ok()
    }

    fn addresses(&self, body: &Range<usize>) -> Option<Range<u32>> {
        Some(self.address(body.start)?..self.address(body.end)?)
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows in {} files", self.rows.len(), self.files.len())
    }
}

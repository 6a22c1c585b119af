//! Line number programs: instructions that write the table of addresses and places.

use super::{
    Lines, Row, Sequence,
    budget::{Budget, Stop},
    code::{Code, Slice, text},
    files::{NO_FILE, file_name},
};
use crate::room::push;
use gimli::{
    ColumnType, DebugLineOffset, Dwarf, Format, IncompleteLineProgram, LineInstruction, LineRow,
    Reader as _, Section as _, Unit,
};

/// The largest header that is read, in bytes. In memory it takes about a hundred times as much.
const LARGEST_HEADER: usize = 512 << 10;

/// Addresses from here on stand for code that the linker removed.
const REMOVED: u64 = u32::MAX as u64 - 1;

/// Runs the program at this offset. Returns the numbers of its files, by their numbers in the program.
pub(super) fn run<'a>(
    dwarf: &Dwarf<Slice<'a>>,
    unit: &Unit<Slice<'a>>,
    offset: DebugLineOffset,
    code: &Code<'_>,
    lines: &mut Lines,
    budget: &mut Budget,
) -> Result<Vec<u32>, Stop> {
    check_size(dwarf, offset, budget)?;
    let (directory, name) = (unit.comp_dir, unit.name);
    let size = unit.header.address_size();
    let program = dwarf.debug_line.program(offset, size, directory, name)?;
    let files = read_files(dwarf, unit, &program, lines, budget)?;
    let complete = lines.rows.len();
    match read_rows(program, &files, code, lines) {
        Ok(()) => {}
        // What was complete is kept.
        Err(Stop::Damaged) => {
            let end = lines.sequences.last().map_or(0, |last| last.rows.end);
            lines.rows.truncate(end.max(complete));
        }
        Err(Stop::Exhausted) => return Err(Stop::Exhausted),
    }
    Ok(files)
}

/// Checks what the parser does not, and pays for it.
fn check_size(
    dwarf: &Dwarf<Slice<'_>>,
    offset: DebugLineOffset,
    budget: &mut Budget,
) -> Result<(), Stop> {
    let mut section = *dwarf.debug_line.reader();
    section.skip(offset.0)?;
    let (length, format) = section.read_initial_length()?;
    let mut program = section.split(length)?;
    budget.spend(length)?;
    if program.read_u16()? >= 5 {
        // The sizes of addresses.
        program.skip(2)?;
    }
    match (format, program.read_u32()? as usize) {
        (Format::Dwarf32, 0..=LARGEST_HEADER) => Ok(()),
        _ => Err(Stop::Damaged),
    }
}

fn read_files<'a>(
    dwarf: &Dwarf<Slice<'a>>,
    unit: &Unit<Slice<'a>>,
    program: &IncompleteLineProgram<Slice<'a>>,
    lines: &mut Lines,
    budget: &mut Budget,
) -> Result<Vec<u32>, Stop> {
    let header = program.header();
    let compiled_in = match (unit.comp_dir, header.directory(0)) {
        (Some(directory), _) => text(directory, budget)?.into_owned(),
        (None, Some(directory)) => match dwarf.attr_string(unit, directory) {
            Ok(directory) => text(directory, budget)?.into_owned(),
            Err(_) => String::new(),
        },
        (None, None) => String::new(),
    };
    let mut numbers = Vec::new();
    for number in 0..=header.file_names().len() as u64 {
        let file = header.file(number);
        let name = file.and_then(|file| dwarf.attr_string(unit, file.path_name()).ok());
        let (Some(file), Some(name)) = (file, name) else {
            push(&mut numbers, NO_FILE)?;
            continue;
        };
        // The directory 0 is the one that the compiler ran in.
        let directory = Some(file.directory_index()).filter(|number| *number > 0);
        let directory = directory
            .and_then(|number| header.directory(number))
            .and_then(|directory| dwarf.attr_string(unit, directory).ok());
        let directory = directory
            .map(|directory| text(directory, budget))
            .transpose()?;
        budget.spend(compiled_in.len())?;
        let name = text(name, budget)?;
        let name = file_name(
            &compiled_in,
            directory.as_deref().unwrap_or_default(),
            &name,
        );
        let known = lines.files.add(&name, budget)?;
        push(&mut numbers, known)?;
        if let Some(source) = file.source()
            && let Ok(source) = dwarf.attr_string(unit, source)
            && !source.is_empty()
        {
            lines.files.add_source(known, source.slice(), budget)?;
        }
    }
    Ok(numbers)
}

/// Appends the rows. Sequences outside of functions are of code that the linker removed.
fn read_rows<'a>(
    mut program: IncompleteLineProgram<Slice<'a>>,
    files: &[u32],
    code: &Code<'_>,
    lines: &mut Lines,
) -> Result<(), Stop> {
    let mut instructions = program.header().instructions();
    let mut row = LineRow::new(program.header());
    let mut first = lines.rows.len();
    let mut start = None;
    let mut removed = false;
    while let Some(instruction) = instructions.next_instruction(program.header())? {
        match instruction {
            // The parser would negate it.
            LineInstruction::AdvanceLine(i64::MIN) => return Err(Stop::Damaged),
            LineInstruction::DefineFile(_) => continue,
            LineInstruction::SetAddress(address) => {
                removed = address < row.address() || address >= REMOVED;
            }
            _ => {}
        }
        if !row.execute(instruction, &mut program)? {
            continue;
        }
        let address = u32::try_from(row.address()).map_err(|_| Stop::Damaged)?;
        let ends = row.end_sequence();
        if !removed {
            let start = *start.get_or_insert(address);
            if !ends {
                add(lines, first, address, &row, files)?;
            } else if code.body(start).is_some() && start < address {
                let rows = first..lines.rows.len();
                let addresses = start..address;
                push(&mut lines.sequences, Sequence { addresses, rows })?;
                first = lines.rows.len();
            }
        }
        if ends {
            lines.rows.truncate(first);
            start = None;
            removed = false;
        }
        row.reset(program.header());
    }
    lines.rows.truncate(first);
    Ok(())
}

/// Adds a row to the sequence that begins with the row `first`. Code of no line counts to the line before.
fn add(
    lines: &mut Lines,
    first: usize,
    address: u32,
    row: &LineRow,
    files: &[u32],
) -> Result<(), Stop> {
    let Some(line) = row.line().and_then(|line| u32::try_from(line.get()).ok()) else {
        return Ok(());
    };
    let column = match row.column() {
        ColumnType::LeftEdge => 0,
        ColumnType::Column(column) => u32::try_from(column.get()).unwrap_or(0),
    };
    let file = usize::try_from(row.file_index()).ok();
    let row = Row {
        address,
        file: file
            .and_then(|file| files.get(file))
            .copied()
            .unwrap_or(NO_FILE),
        line,
        column,
    };
    let sequence = lines.rows.get_mut(first..).unwrap_or_default();
    match sequence.last_mut() {
        Some(last) if last.address == address => *last = row,
        Some(last) if (last.file, last.line, last.column) == (row.file, row.line, row.column) => {}
        _ => push(&mut lines.rows, row)?,
    }
    Ok(())
}

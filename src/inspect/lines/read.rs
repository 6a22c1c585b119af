//! Reads the units of debug information: each has a line number program, and a tree of entries for functions and
//! what is in them.

use super::{
    Lines,
    budget::{Budget, Stop},
    code::{Code, Slice, text},
    files::NO_FILE,
    program,
    scopes::{Extent, NONE, Scope},
};
use crate::{inspect::sections::Sections, room::push};
use alloc::{borrow::Cow, collections::BTreeMap, sync::Arc};
use gimli::{
    Abbreviations, Attribute, AttributeValue, DebugInfoOffset, DebugLineOffset, DebugRngListsIndex,
    DwTag, Dwarf, EndianSlice, EntriesRaw, Format, LittleEndian, RangeListsOffset, Reader as _,
    Section as _, Unit, UnitHeader, UnitOffset, UnitType, constants::*,
};

/// The largest table of abbreviations that is read, in bytes. In memory it takes about twenty times as much.
const LARGEST_TABLE: usize = 1 << 20;

/// How many entries are followed from a function to its name.
const MOST_HOPS: usize = 4;

/// The longest name of a function, in bytes. Others count as unknown.
const LONGEST_NAME: usize = 16 << 10;

/// Reads all that is intact.
pub(super) fn read(sections: &Sections<'_>, lines: &mut Lines) {
    let section = |name: &str| {
        let found = sections.debug.iter().find(|(known, _)| *known == name);
        EndianSlice::new(found.map_or(&[][..], |(_, bytes)| bytes), LittleEndian)
    };
    let Ok(dwarf) = Dwarf::load(|id| Ok::<_, Stop>(section(id.name()))) else {
        return;
    };
    let bytes: usize = sections.debug.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut reading = Reading {
        dwarf,
        code: Code {
            start: sections.code,
            bodies: &sections.bodies,
        },
        budget: Budget::of(bytes),
        units: Vec::new(),
        tables: Vec::new(),
        table: None,
        programs: BTreeMap::new(),
        extents: Vec::new(),
        origins: Vec::new(),
        lines,
    };
    // What was read until then is used.
    let _ = reading.read_units();
    let _ = reading.resolve_names();
    let extents = core::mem::take(&mut reading.extents);
    let _ = lines.scopes.set_extents(extents);
    lines
        .sequences
        .sort_unstable_by_key(|it| it.addresses.start);
}

struct Reading<'a, 'l> {
    dwarf: Dwarf<Slice<'a>>,
    code: Code<'l>,
    budget: Budget,
    /// Where the units begin.
    units: Vec<usize>,
    /// Where the tables of abbreviations begin, in order.
    tables: Vec<usize>,
    /// The table that was used last.
    table: Option<(usize, Arc<Abbreviations>)>,
    /// The files of the line number programs that were run.
    programs: BTreeMap<usize, Arc<Vec<u32>>>,
    extents: Vec<Extent>,
    /// Entries that name scopes, and the scopes.
    origins: Vec<(u32, u32)>,
    lines: &'l mut Lines,
}

impl<'a> Reading<'a, '_> {
    fn read_units(&mut self) -> Result<(), Stop> {
        let mut headers = self.dwarf.units();
        // After a damaged header nothing says where the next unit begins.
        while let Ok(Some(header)) = headers.next() {
            let has_code = matches!(header.type_(), UnitType::Compilation | UnitType::Partial);
            if let Some(offset) = header.debug_info_offset()
                && has_code
                && header.format() == Format::Dwarf32
            {
                push(&mut self.units, offset.0)?;
                push(&mut self.tables, header.debug_abbrev_offset().0)?;
            }
        }
        self.tables.sort_unstable();
        self.tables.dedup();
        for at in 0..self.units.len() {
            match self.read_unit(at) {
                Ok(()) | Err(Stop::Damaged) => {}
                Err(Stop::Exhausted) => return Err(Stop::Exhausted),
            }
        }
        Ok(())
    }

    fn read_unit(&mut self, at: usize) -> Result<(), Stop> {
        let (unit, program) = self.unit(at)?;
        let files = match program {
            None => Arc::default(),
            Some(offset) => match self.programs.get(&offset.0) {
                Some(files) => Arc::clone(files),
                None => {
                    let files = program::run(
                        &self.dwarf,
                        &unit,
                        offset,
                        &self.code,
                        self.lines,
                        &mut self.budget,
                    );
                    let files = match files {
                        Err(Stop::Exhausted) => return Err(Stop::Exhausted),
                        files => Arc::new(files.unwrap_or_default()),
                    };
                    self.programs.insert(offset.0, Arc::clone(&files));
                    files
                }
            },
        };
        self.read_scopes(&unit, &files)
    }

    /// A unit, and its line number program. gimli would read the header of the program as well, and attributes
    /// without limit.
    fn unit(&mut self, at: usize) -> Result<(Unit<Slice<'a>>, Option<DebugLineOffset>), Stop> {
        let offset = self.units.get(at).ok_or(Stop::Damaged)?;
        let header = self.dwarf.unit_header(DebugInfoOffset(*offset))?;
        let abbreviations = self.abbreviations(&header)?;
        let mut attributes = Vec::new();
        let mut entries = header.entries_raw(&abbreviations, None)?;
        next_entry(&mut entries, &mut attributes, |_| true, &mut self.budget)?;
        let find = |name| value(&attributes, name);
        let mut unit = Unit {
            str_offsets_base: gimli::DebugStrOffsetsBase(0),
            addr_base: gimli::DebugAddrBase(0),
            loclists_base: gimli::DebugLocListsBase(0),
            rnglists_base: gimli::DebugRngListsBase(0),
            name: None,
            comp_dir: None,
            low_pc: 0,
            line_program: None,
            dwo_id: None,
            abbreviations: Arc::clone(&abbreviations),
            header,
        };
        if let Some(AttributeValue::DebugStrOffsetsBase(base)) = find(DW_AT_str_offsets_base) {
            unit.str_offsets_base = base;
        }
        if let Some(AttributeValue::DebugAddrBase(base)) = find(DW_AT_addr_base) {
            unit.addr_base = base;
        }
        if let Some(AttributeValue::DebugRngListsBase(base)) = find(DW_AT_rnglists_base) {
            unit.rnglists_base = base;
        }
        let string = |name| self.dwarf.attr_string(&unit, find(name)?).ok();
        let (name, directory) = (string(DW_AT_name), string(DW_AT_comp_dir));
        for text in [name, directory].into_iter().flatten() {
            self.budget.spend(text.len())?;
        }
        (unit.name, unit.comp_dir) = (name, directory);
        if let Some(address) = find(DW_AT_low_pc) {
            unit.low_pc = self.dwarf.attr_address(&unit, address)?.unwrap_or(0);
        }
        let program = match find(DW_AT_stmt_list) {
            Some(AttributeValue::DebugLineRef(offset)) => Some(offset),
            _ => None,
        };
        Ok((unit, program))
    }

    /// The abbreviations of a unit. A table ends where the next begins, so that no byte is in two.
    fn abbreviations(
        &mut self,
        header: &UnitHeader<Slice<'a>>,
    ) -> Result<Arc<Abbreviations>, Stop> {
        let start = header.debug_abbrev_offset().0;
        if let Some((known, table)) = &self.table
            && *known == start
        {
            return Ok(Arc::clone(table));
        }
        let next = self.tables.partition_point(|table| *table <= start);
        let all = self.dwarf.debug_abbrev.reader().slice();
        let end = self.tables.get(next).map_or(all.len(), |end| *end);
        let bytes = all.get(start..end.min(all.len())).ok_or(Stop::Damaged)?;
        let length = bytes.len().min(LARGEST_TABLE);
        self.budget.spend(length)?;
        let bytes = bytes.get(..length).ok_or(Stop::Damaged)?;
        let table = gimli::DebugAbbrev::new(bytes, LittleEndian)
            .abbreviations(gimli::DebugAbbrevOffset(0))?;
        let table = Arc::new(table);
        self.table = Some((start, Arc::clone(&table)));
        Ok(table)
    }

    /// Reads the functions of a unit and what is inlined into them.
    fn read_scopes(&mut self, unit: &Unit<Slice<'a>>, files: &[u32]) -> Result<(), Stop> {
        let mut entries = unit.entries_raw(None)?;
        let mut attributes = Vec::new();
        // The scopes around the entry, with their depths.
        let mut around: Vec<(isize, u32)> = Vec::new();
        let is_inlined = |tag| tag == DW_TAG_inlined_subroutine;
        let has_scope = |tag| is_inlined(tag) || tag == DW_TAG_subprogram;
        while !entries.is_empty() {
            let (depth, offset) = (entries.next_depth(), entries.next_offset());
            let tag = next_entry(&mut entries, &mut attributes, has_scope, &mut self.budget)?;
            let Some(tag) = tag.filter(|tag| has_scope(*tag)) else {
                continue;
            };
            while around.pop_if(|(outer, _)| *outer >= depth).is_some() {}
            let parent = match around.last() {
                Some((_, scope)) if is_inlined(tag) => *scope,
                _ => NONE,
            };
            let number = self.lines.scopes.next_number();
            let known = self.extents.len();
            self.read_extents(unit, &attributes, number)?;
            if self.extents.len() == known {
                continue;
            }
            let value = |name| value(&attributes, name);
            let count = |name| value(name).and_then(|value| value.udata_value());
            let small = |name| count(name).and_then(|count| u32::try_from(count).ok());
            let file = match value(DW_AT_call_file) {
                Some(AttributeValue::FileIndex(file)) => usize::try_from(file).ok(),
                _ => None,
            };
            self.lines.scopes.add(Scope {
                parent,
                name: NONE,
                file: file
                    .and_then(|file| files.get(file))
                    .copied()
                    .unwrap_or(NO_FILE),
                line: small(DW_AT_call_line).unwrap_or(0),
                column: small(DW_AT_call_column).unwrap_or(0),
            })?;
            let own = start_of(unit).checked_add(offset.0);
            let origin = referred(unit, &attributes).or(own);
            if let Some(origin) = origin.and_then(|origin| u32::try_from(origin).ok()) {
                push(&mut self.origins, (origin, number))?;
            }
            push(&mut around, (depth, number))?;
        }
        Ok(())
    }

    /// Reads where the code of a scope is. What is outside of functions was removed by the linker.
    fn read_extents(
        &mut self,
        unit: &Unit<Slice<'a>>,
        attributes: &[Attribute<Slice<'a>>],
        scope: u32,
    ) -> Result<(), Stop> {
        let list = match value(attributes, DW_AT_ranges) {
            Some(AttributeValue::RangeListsRef(offset)) => Some(RangeListsOffset(offset.0)),
            Some(AttributeValue::DebugRngListsIndex(index)) => Some(self.range_list(unit, index)?),
            _ => None,
        };
        if let Some(list) = list {
            let mut ranges = self.dwarf.ranges(unit, list)?;
            // One by one, since `next` skips entries without limit.
            while let Some(entry) = ranges.next_raw()? {
                self.budget.spend(1)?;
                if let Some(range) = ranges.convert_raw(entry)? {
                    self.add_extent(range.begin, range.end, scope)?;
                }
            }
        } else if let Some(low) = value(attributes, DW_AT_low_pc)
            && let Some(start) = self.dwarf.attr_address(unit, low)?
            && let Some(high) = value(attributes, DW_AT_high_pc)
        {
            let end = match high.udata_value() {
                Some(size) => start.checked_add(size),
                None => self.dwarf.attr_address(unit, high)?,
            };
            self.add_extent(start, end.unwrap_or(0), scope)?;
        }
        Ok(())
    }

    fn add_extent(&mut self, start: u64, end: u64, scope: u32) -> Result<(), Stop> {
        let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end)) else {
            return Ok(());
        };
        let Some(body) = self.code.body(start) else {
            return Ok(());
        };
        let addresses = start..end.min(body.end);
        if !addresses.is_empty() {
            push(&mut self.extents, Extent { addresses, scope })?;
        }
        Ok(())
    }

    /// Where a list of ranges begins that is named by its number. gimli would add without a check.
    fn range_list(
        &self,
        unit: &Unit<Slice<'a>>,
        index: DebugRngListsIndex,
    ) -> Result<RangeListsOffset, Stop> {
        let base = unit.rnglists_base.0;
        let mut lists = *self.dwarf.ranges.debug_rnglists().reader();
        lists.skip(base)?;
        let offset = index.0.checked_mul(4).ok_or(Stop::Damaged)?;
        let mut entry = lists;
        entry.skip(offset)?;
        let list = base.checked_add(entry.read_u32()? as usize);
        Ok(RangeListsOffset(list.ok_or(Stop::Damaged)?))
    }

    fn resolve_names(&mut self) -> Result<(), Stop> {
        let mut origins = core::mem::take(&mut self.origins);
        // Entries of one unit follow each other.
        origins.sort_unstable();
        let mut current = None;
        for scopes in origins.chunk_by(|(one, _), (other, _)| one == other) {
            let Some((origin, _)) = scopes.first() else {
                continue;
            };
            match self.name_of(*origin as usize, &mut current) {
                Ok(Some(name)) => {
                    self.budget.keep(&name)?;
                    self.lines.scopes.set_name(scopes, &name)?;
                }
                Ok(None) | Err(Stop::Damaged) => {}
                Err(Stop::Exhausted) => return Err(Stop::Exhausted),
            }
        }
        Ok(())
    }

    /// The name of the function whose entry is at `offset`, as the linker knows it, else as the source has it.
    fn name_of(
        &mut self,
        mut offset: usize,
        current: &mut Option<(usize, Unit<Slice<'a>>)>,
    ) -> Result<Option<String>, Stop> {
        let mut found = None;
        for _ in 0..MOST_HOPS {
            let next = self.units.partition_point(|start| *start <= offset);
            let at = next.checked_sub(1).ok_or(Stop::Damaged)?;
            if current.as_ref().is_none_or(|(known, _)| *known != at) {
                *current = Some((at, self.unit(at)?.0));
            }
            let Some((_, unit)) = current else {
                return Err(Stop::Damaged);
            };
            let start = start_of(unit);
            let entry = UnitOffset(offset.checked_sub(start).ok_or(Stop::Damaged)?);
            let mut attributes = Vec::new();
            let mut entries = unit.entries_raw(Some(entry))?;
            next_entry(&mut entries, &mut attributes, |_| true, &mut self.budget)?;
            let name = |name| {
                let name = self
                    .dwarf
                    .attr_string(unit, value(&attributes, name)?)
                    .ok()?;
                (name.len() <= LONGEST_NAME).then_some(name)
            };
            let linkage = name(DW_AT_linkage_name).or_else(|| name(DW_AT_MIPS_linkage_name));
            if let Some(name) = linkage {
                return Ok(Some(text(name, &mut self.budget)?.into_owned()));
            }
            found = found.or_else(|| name(DW_AT_name));
            match referred(unit, &attributes) {
                Some(next) => offset = next,
                None => break,
            }
        }
        let found = found.map(|name| text(name, &mut self.budget)).transpose()?;
        Ok(found.map(Cow::into_owned))
    }
}

/// Reads one entry, and its attributes if its tag is wanted. `None` ends a list of entries.
fn next_entry<'a>(
    entries: &mut EntriesRaw<'_, Slice<'a>>,
    attributes: &mut Vec<Attribute<Slice<'a>>>,
    is_wanted: impl Fn(DwTag) -> bool,
    budget: &mut Budget,
) -> Result<Option<DwTag>, Stop> {
    attributes.clear();
    budget.spend(1)?;
    let Some(abbreviation) = entries.read_abbreviation()? else {
        return Ok(None);
    };
    // Attributes may take no bytes.
    budget.spend(abbreviation.attributes().len())?;
    if is_wanted(abbreviation.tag()) {
        for attribute in abbreviation.attributes() {
            push(attributes, entries.read_attribute(*attribute)?)?;
        }
    } else {
        entries.skip_attributes(abbreviation.attributes())?;
    }
    Ok(Some(abbreviation.tag()))
}

fn value<'a>(attributes: &[Attribute<Slice<'a>>], name: DwAt) -> Option<AttributeValue<Slice<'a>>> {
    let found = attributes.iter().find(|attribute| attribute.name() == name);
    found.map(Attribute::value)
}

/// Where a unit begins in its section.
fn start_of(unit: &Unit<Slice<'_>>) -> usize {
    unit.header.debug_info_offset().map_or(0, |offset| offset.0)
}

/// The entry that has what this one does not repeat.
fn referred(unit: &Unit<Slice<'_>>, attributes: &[Attribute<Slice<'_>>]) -> Option<usize> {
    let entry = value(attributes, DW_AT_abstract_origin);
    match entry.or_else(|| value(attributes, DW_AT_specification))? {
        AttributeValue::UnitRef(offset) => start_of(unit).checked_add(offset.0),
        AttributeValue::DebugInfoRef(offset) => Some(offset.0),
        _ => None,
    }
}

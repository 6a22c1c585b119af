//! A walk over one function body: its locals, what its instructions cost to compile, and the few
//! instructions that decide how a module can run. It skips immediates and follows blocks. Validation
//! is the engine's.

use super::{sections::Reader, shape::Types};

/// Up to this many values, a call or a block compiles to no more than any other instruction.
const ORDINARY: u64 = 8;
/// A branch copies each of its values by an instruction of its own (40 bytes when compiled), and
/// carrying any costs as much as two more.
const BRANCH: u64 = 2;

const PREFIX: u8 = 0xFC;
const TABLE_SET: u8 = 0x26;

/// Which of the instructions that decide how a module can run its functions contain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Operators {
    /// `table.grow`. The engine resumes wrongly after running out of fuel inside it.
    pub(crate) grow_tables: bool,
    /// Anything that changes a table.
    pub(crate) write_tables: bool,
    /// `memory.init` or `data.drop`.
    pub(crate) use_data: bool,
}

impl Operators {
    pub(super) fn add(&mut self, other: Operators) {
        self.grow_tables |= other.grow_tables;
        self.write_tables |= other.write_tables;
        self.use_data |= other.use_data;
    }
}

/// What one body contains.
#[derive(Default)]
pub(super) struct Body {
    pub(super) locals: u64,
    /// The deepest nesting of blocks.
    pub(super) nesting: u64,
    /// The values that its instructions carry beyond `ORDINARY`.
    pub(super) carried: u64,
    pub(super) operators: Operators,
}

/// Walks a body, without its length, until blocks nest deeper than `nesting`; `None` if it cannot
/// be walked.
pub(super) fn walk(body: &[u8], ty: u32, types: &Types, nesting: u64) -> Option<Body> {
    let mut reader = Reader(body);
    let mut walk = Walk {
        types,
        body: Body {
            locals: locals(&mut reader)?,
            ..Body::default()
        },
        // The function itself is the outermost block.
        labels: vec![types.of(ty).results],
        results: types.of(ty).results,
    };
    let mut rest = reader.0;
    while let Some((&operator, immediates)) = rest.split_first() {
        rest = match NUMBERS.get(usize::from(operator)) {
            Some(0) => immediates,
            Some(1) => after_number(immediates)?,
            Some(2) => after_number(after_number(immediates)?)?,
            _ => {
                let mut reader = Reader(immediates);
                walk.operator(operator, &mut reader)?;
                if walk.body.nesting > nesting {
                    break;
                }
                reader.0
            }
        };
    }
    Some(walk.body)
}

/// How many numbers follow an operator that only needs skipping. Nearly all operators do, and this is
/// most of the walk's time.
#[expect(clippy::indexing_slicing, reason = "checked when it is compiled")]
static NUMBERS: [u8; 256] = {
    let mut numbers = [READ; 256];
    let mut operator = 0;
    while operator < numbers.len() {
        numbers[operator] = match operator {
            // unreachable, nop, else, drop, select, arithmetic, ref.is_null
            0x00 | 0x01 | 0x05 | 0x1A | 0x1B | 0x45..=0xC4 | 0xD1 => 0,
            // locals and globals, table.get, memory.size, memory.grow, constants, ref.null,
            // ref.func
            0x20..=0x25 | 0x3F..=0x42 | 0xD0 | 0xD2 => 1,
            // loads and stores
            0x28..=0x3E => 2,
            _ => READ,
        };
        operator += 1;
    }
    numbers
};

/// The operator needs more than skipping its numbers.
const READ: u8 = u8::MAX;

/// Skips a number.
fn after_number(bytes: &[u8]) -> Option<&[u8]> {
    let (&first, rest) = bytes.split_first()?;
    if first & 0x80 == 0 {
        return Some(rest);
    }
    let mut reader = Reader(rest);
    reader.skip_number()?;
    Some(reader.0)
}

/// Reads the declarations of a body, and returns how many locals there are.
fn locals(body: &mut Reader<'_>) -> Option<u64> {
    let mut locals = 0u64;
    for _ in 0..body.u32()? {
        locals = locals.saturating_add(body.u32()?.into());
        body.byte()?;
    }
    Some(locals)
}

struct Walk<'a> {
    types: &'a Types,
    body: Body,
    /// For each open block, how many values a branch to it carries.
    labels: Vec<u64>,
    /// How many results the function has.
    results: u64,
}

impl Walk<'_> {
    /// Reads the immediates of an operator, and counts it.
    fn operator(&mut self, operator: u8, reader: &mut Reader<'_>) -> Option<()> {
        match operator {
            TABLE_SET => {
                self.body.operators.write_tables = true;
                reader.skip_number()?;
            }
            // block, loop, if
            0x02..=0x04 => self.open(operator == 0x03, reader)?,
            // end
            0x0B => {
                self.labels.pop();
            }
            // br, br_if
            0x0C | 0x0D => self.branch(reader.u32()?),
            // br_table: its labels and the default one
            0x0E => {
                for _ in 0..u64::from(reader.u32()?) + 1 {
                    self.branch(reader.u32()?);
                }
            }
            // return
            0x0F => self.leave(self.results),
            // call
            0x10 => {
                let carried = self.types.of_function(reader.u32()?).carried();
                self.enter(carried);
            }
            // call_indirect
            0x11 => {
                let carried = self.types.of(reader.u32()?).carried();
                self.enter(carried);
                reader.skip_number()?;
            }
            // select with types
            0x1C => {
                for _ in 0..reader.u32()? {
                    reader.skip_number()?;
                }
            }
            0x43 => drop(reader.take(4)?),
            0x44 => drop(reader.take(8)?),
            PREFIX => self.prefixed(reader)?,
            _ => return None,
        }
        Some(())
    }

    /// Reads an operator of two parts.
    fn prefixed(&mut self, reader: &mut Reader<'_>) -> Option<()> {
        let found = &mut self.body.operators;
        let numbers = match reader.u32()? {
            // Saturating conversions.
            0..=7 => 0,
            // memory.init, data.drop
            operator @ (8 | 9) => {
                found.use_data = true;
                if operator == 8 { 2 } else { 1 }
            }
            // memory.copy, memory.fill
            10 => 2,
            11 => 1,
            // table.init, elem.drop, table.copy
            operator @ 12..=14 => {
                found.write_tables = true;
                if operator == 13 { 1 } else { 2 }
            }
            // table.grow
            15 => {
                found.grow_tables = true;
                found.write_tables = true;
                1
            }
            // table.size
            16 => 1,
            // table.fill
            17 => {
                found.write_tables = true;
                1
            }
            _ => return None,
        };
        for _ in 0..numbers {
            reader.skip_number()?;
        }
        Some(())
    }

    fn open(&mut self, is_loop: bool, reader: &mut Reader<'_>) -> Option<()> {
        // Nothing, one result, or the index of a type; the former two are one byte, negative.
        let arity = match *reader.0.first()? {
            first if first & 0xC0 == 0x40 => {
                reader.byte()?;
                u64::from(first != 0x40 && !is_loop)
            }
            _ => {
                let ty = self.types.of(reader.u32()?);
                // At its beginning and at its end.
                self.enter(ty.carried());
                self.enter(ty.carried());
                if is_loop { ty.params } else { ty.results }
            }
        };
        self.body.nesting = self.body.nesting.max(self.labels.len() as u64);
        self.labels.push(arity);
        Some(())
    }

    fn branch(&mut self, depth: u32) {
        let label = usize::try_from(depth)
            .ok()
            .and_then(|depth| self.labels.iter().nth_back(depth));
        let arity = label.copied().unwrap_or(0);
        self.leave(arity);
    }

    /// Counts the values that go into or out of a block or a function that is called.
    fn enter(&mut self, values: u64) {
        let more = values.saturating_sub(ORDINARY);
        self.body.carried = self.body.carried.saturating_add(more);
    }

    /// Counts the values of a branch.
    fn leave(&mut self, values: u64) {
        if values > 0 {
            self.body.carried = self.body.carried.saturating_add(values + BRANCH);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{sections, shape::Shape},
        Operators,
    };
    use crate::limits::ModuleLimits;

    fn shape(wat: &str) -> Shape {
        let module = wat::parse_str(wat).unwrap();
        let sections = sections::split(&module).unwrap();
        Shape::of(module.len() as u64, &sections, &ModuleLimits::default()).unwrap()
    }

    fn operators(wat: &str) -> Operators {
        shape(wat).operators
    }

    #[test]
    fn instructions_are_found_and_numbers_that_look_like_them_are_not() {
        // 2044 is FC 0F as an immediate, and 38 is 26.
        let decoys = "(module (table 1 funcref) (memory 1) (global $g (mut i32) (i32.const 0))
            (elem $e func) (data $d \"x\")
            (func (param i32) (result i32) (local i64 f64)
              (block (result i32)
                (br_table 0 0 (i32.const 2044) (local.get 0)))
              (drop (i64.const 2044)) (drop (i32.const 38)) (drop (f32.const 1.5)) (drop (f64.const 2.5))
              (drop (i32.load offset=2044 (i32.const 0)))
              (memory.copy (i32.const 0) (i32.const 0) (i32.const 1))
              (memory.fill (i32.const 0) (i32.const 0) (i32.const 1))
              (drop (select (result i32) (i32.const 1) (i32.const 2) (i32.const 2044)))
              (drop (ref.is_null (ref.null func)))
              (drop (table.get 0 (i32.const 0)))
              (drop (i32.trunc_sat_f64_s (f64.const 1)))
              (drop (table.size 0)))";
        assert_eq!(operators(&format!("{decoys})")), Operators::default());
        let writing = Operators {
            write_tables: true,
            ..Operators::default()
        };
        let growing = Operators {
            grow_tables: true,
            ..writing
        };
        let data = Operators {
            use_data: true,
            ..Operators::default()
        };
        for (telling, expected) in [
            (
                "(drop (table.grow 0 (ref.null func) (i32.const 1)))",
                growing,
            ),
            ("(table.set 0 (i32.const 0) (ref.null func))", writing),
            (
                "(table.fill 0 (i32.const 0) (ref.null func) (i32.const 1))",
                writing,
            ),
            (
                "(table.copy 0 0 (i32.const 0) (i32.const 0) (i32.const 1))",
                writing,
            ),
            (
                "(table.init 0 $e (i32.const 0) (i32.const 0) (i32.const 0))",
                writing,
            ),
            ("(elem.drop $e)", writing),
            (
                "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))",
                data,
            ),
            ("(data.drop $d)", data),
        ] {
            // The walk goes on behind it.
            let module = format!("{decoys} (func {telling} (drop (i32.const 1))))");
            assert_eq!(operators(&module), expected, "{telling}");
        }
    }

    #[test]
    fn locals_and_nesting_are_counted() {
        let shape = shape(
            "(module (func (local i32 i64 i64)) (func (local f64))
               (func (block (loop (if (i32.const 1) (then nop) (else nop)))) (block)))",
        );
        assert_eq!((shape.counts.most_locals, shape.counts.locals), (3, 4));
        assert_eq!(shape.counts.nesting, 3);
        assert_eq!(shape.counts.functions, 3);
    }

    #[test]
    fn values_are_counted_where_they_are_carried() {
        let wide = "(type $w (func (result i32 i32 i32))) (type $l (func (param i32 i32)))";
        for (body, carried) in [
            // A branch carries the block's results, and two more for being one.
            (
                "(block (type $w) i32.const 1 i32.const 2 i32.const 3 br 0) drop drop drop",
                5,
            ),
            (
                "(block (type $w) i32.const 1 i32.const 2 i32.const 3 i32.const 0 br_table 0 0 0)
                 drop drop drop",
                15,
            ),
            // A branch to a loop carries its parameters.
            ("i32.const 1 i32.const 2 (loop (type $l) br 0)", 4),
            ("(block (result i32) i32.const 1 br 0) drop", 3),
            ("(loop (result i32) br 0) drop", 0),
            ("(block br 0)", 0),
            // From inside another block, by depth.
            (
                "(block (type $w) (block i32.const 1 i32.const 2 i32.const 3 br 1) unreachable)
                 drop drop drop",
                5,
            ),
            // Calls of few values are ordinary.
            ("i32.const 1 i32.const 2 call $two", 0),
            (
                "i64.const 1 i64.const 2 i64.const 3 i64.const 4 i64.const 5 i64.const 6
                 i64.const 7 i64.const 8 i64.const 9 i64.const 10 call $ten",
                2,
            ),
        ] {
            let module = format!(
                "(module {wide} (import \"m\" \"two\" (func $two (type $l)))
                   (func $ten (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64))
                   (func {body}))"
            );
            assert_eq!(shape(&module).counts.carried_values, carried, "{body}");
        }
        let returning = "(module (func (result i32 i32) i32.const 1 i32.const 2 return))";
        assert_eq!(shape(returning).counts.carried_values, 4);
    }

    #[test]
    fn bodies_that_cannot_be_walked_are_refused() {
        let empty = wat::parse_str("(module (func nop))").unwrap();
        for (instruction, walked) in [(1, true), (0xFF, false)] {
            let mut module = empty.clone();
            let nop = module.len() - 2;
            module[nop] = instruction;
            let sections = sections::split(&module).unwrap();
            let shape = Shape::of(module.len() as u64, &sections, &ModuleLimits::default());
            assert_eq!(shape.is_ok(), walked);
        }
    }
}

//! A walk over function bodies, looking for the few instructions that decide how a module can be
//! run, and for locals. It skips immediates and understands nothing else.

use super::sections::Reader;

const PREFIX: u8 = 0xFC;
const TABLE_SET: u8 = 0x26;

/// Which of the telling instructions the functions of a module contain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Operators {
    /// `table.grow`. The engine resumes wrongly after running out of fuel inside it.
    pub(crate) grow_tables: bool,
    /// Anything that changes a table.
    pub(crate) write_tables: bool,
    /// `memory.init` or `data.drop`.
    pub(crate) use_data: bool,
}

/// The telling instructions in function bodies (a code section without its count).
///
/// What cannot be walked counts as containing all of them: the answer is used to be careful.
pub(super) fn find(bodies: &[u8]) -> Operators {
    walk(bodies).unwrap_or(Operators {
        grow_tables: true,
        write_tables: true,
        use_data: true,
    })
}

/// The most locals that one of the function bodies declares; `None` if they cannot be walked.
pub(super) fn most_locals(bodies: &[u8]) -> Option<u64> {
    let mut bodies = Reader(bodies);
    let mut most = 0;
    while !bodies.0.is_empty() {
        let len = bodies.u32()?;
        let mut body = Reader(bodies.take(len)?);
        most = most.max(locals(&mut body)?);
    }
    Some(most)
}

/// How many locals a body declares at its beginning, which is read.
fn locals(body: &mut Reader<'_>) -> Option<u64> {
    let mut locals = 0u64;
    for _ in 0..body.u32()? {
        locals = locals.saturating_add(body.u32()?.into());
        body.byte()?;
    }
    Some(locals)
}

fn walk(bodies: &[u8]) -> Option<Operators> {
    let mut found = Operators::default();
    let mut bodies = Reader(bodies);
    while !bodies.0.is_empty() {
        let len = bodies.u32()?;
        let mut body = Reader(bodies.take(len)?);
        locals(&mut body)?;
        while let Some(operator) = body.byte() {
            skip_immediates(operator, &mut body, &mut found)?;
        }
    }
    Some(found)
}

/// Skips what follows an operator, and notes it if it tells something; `None` if it is unknown.
fn skip_immediates(operator: u8, body: &mut Reader<'_>, found: &mut Operators) -> Option<()> {
    let numbers = match operator {
        // unreachable, nop, else, end, return, drop, select, arithmetic, ref.is_null
        0x00 | 0x01 | 0x05 | 0x0B | 0x0F | 0x1A | 0x1B | 0x45..=0xC4 | 0xD1 => 0,
        TABLE_SET => {
            found.write_tables = true;
            1
        }
        // block, loop, if (a block type), br, br_if, call, locals, globals and table.get,
        // memory.size, memory.grow, constants, ref.null, ref.func
        0x02..=0x04 | 0x0C | 0x0D | 0x10 | 0x20..=0x25 | 0x3F..=0x42 | 0xD0 | 0xD2 => 1,
        // call_indirect, loads and stores
        0x11 | 0x28..=0x3E => 2,
        // br_table: its labels and the default one
        0x0E => u64::from(body.u32()?) + 1,
        // select with types
        0x1C => u64::from(body.u32()?),
        0x43 => return body.take(4).map(drop),
        0x44 => return body.take(8).map(drop),
        PREFIX => prefixed(body.u32()?, found)?,
        _ => return None,
    };
    for _ in 0..numbers {
        body.skip_number()?;
    }
    Some(())
}

/// How many numbers follow an operator of two parts, which is noted if it tells something.
fn prefixed(operator: u32, found: &mut Operators) -> Option<u64> {
    Some(match operator {
        // Saturating conversions.
        0..=7 => 0,
        // memory.init, data.drop
        8 | 9 => {
            found.use_data = true;
            if operator == 8 { 2 } else { 1 }
        }
        // memory.copy, memory.fill
        10 => 2,
        11 => 1,
        // table.init, elem.drop, table.copy
        12..=14 => {
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
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(wat: &str) -> Operators {
        let module = wat::parse_str(wat).unwrap();
        let sections = super::super::sections::split(&module).unwrap();
        super::super::sections::shape(&sections).unwrap().operators
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
        assert_eq!(found(&format!("{decoys})")), Operators::default());
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
            assert_eq!(found(&module), expected, "{telling}");
        }
    }

    #[test]
    fn the_most_locals_are_found() {
        let module =
            wat::parse_str("(module (func (local i32 i64 i64)) (func) (func (local f64)))");
        let module = module.unwrap();
        let sections = super::super::sections::split(&module).unwrap();
        let shape = super::super::sections::shape(&sections).unwrap();
        assert_eq!(shape.most_locals, 3);
        assert_eq!(most_locals(&[5, 0]), None);
    }

    #[test]
    fn bodies_that_cannot_be_walked_count_as_containing_everything() {
        for bodies in [[5, 0, 0xFC, 0x0F].as_slice(), &[3, 0, 0xFF, 0x0B]] {
            let Operators {
                grow_tables,
                write_tables,
                use_data,
            } = find(bodies);
            assert!(grow_tables && write_tables && use_data);
        }
        assert_eq!(find(&[]), Operators::default());
    }
}

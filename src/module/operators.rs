//! A walk over function bodies, looking for the instruction that the engine cannot be interrupted
//! in, and for locals. It skips immediates and understands nothing else.

use super::sections::Reader;

const TABLE_GROW: u32 = 15;
const PREFIX: u8 = 0xFC;

/// Whether the function bodies (a code section without its count) contain `table.grow`.
///
/// What cannot be walked counts as containing it: the answer is used to be careful.
pub(super) fn contain_table_grow(bodies: &[u8]) -> bool {
    let mut bodies = Reader(bodies);
    while !bodies.0.is_empty() {
        let Some(body) = bodies.u32().and_then(|len| bodies.take(len)) else {
            return true;
        };
        if has_its_bytes(body) && walk(body).unwrap_or(true) {
            return true;
        }
    }
    false
}

/// Whether the bytes of the instruction stand somewhere, which they do in few bodies: only those
/// are worth the walk. No way out of the loop before its end, so that it compares many at once.
fn has_its_bytes(body: &[u8]) -> bool {
    let next = body.get(1..).unwrap_or_default();
    body.iter().zip(next).fold(false, |found, (byte, next)| {
        found | (*byte == PREFIX && *next & 0x7F == 0x0F)
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

fn walk(body: &[u8]) -> Option<bool> {
    let mut body = Reader(body);
    locals(&mut body)?;
    while let Some(operator) = body.byte() {
        if skip_immediates(operator, &mut body)? {
            return Some(true);
        }
    }
    Some(false)
}

/// Skips what follows an operator; true if it was `table.grow`, `None` if it is unknown.
fn skip_immediates(operator: u8, body: &mut Reader<'_>) -> Option<bool> {
    let numbers = match operator {
        // unreachable, nop, else, end, return, drop, select, arithmetic, ref.is_null
        0x00 | 0x01 | 0x05 | 0x0B | 0x0F | 0x1A | 0x1B | 0x45..=0xC4 | 0xD1 => 0,
        // block, loop, if (a block type), br, br_if, call, locals, globals and table.get/set,
        // memory.size, memory.grow, constants, ref.null, ref.func
        0x02..=0x04 | 0x0C | 0x0D | 0x10 | 0x20..=0x26 | 0x3F..=0x42 | 0xD0 | 0xD2 => 1,
        // call_indirect, loads and stores
        0x11 | 0x28..=0x3E => 2,
        // br_table: its labels and the default one
        0x0E => u64::from(body.u32()?) + 1,
        // select with types
        0x1C => u64::from(body.u32()?),
        0x43 => return body.take(4).map(|_| false),
        0x44 => return body.take(8).map(|_| false),
        PREFIX => match body.u32()? {
            TABLE_GROW => return Some(true),
            0..=7 => 0,
            9 | 11 | 13 | 16 | 17 => 1,
            8 | 10 | 12 | 14 => 2,
            _ => return None,
        },
        _ => return None,
    };
    for _ in 0..numbers {
        while body.byte()? & 0x80 != 0 {}
    }
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grows(wat: &str) -> bool {
        let module = wat::parse_str(wat).unwrap();
        let sections = super::super::sections::split(&module).unwrap();
        super::super::sections::shape(&sections)
            .unwrap()
            .grows_tables
    }

    #[test]
    fn table_grow_is_found_and_numbers_that_look_like_it_are_not() {
        // 2044 is FC 0F as an immediate.
        let decoys = "(module (table 1 funcref) (memory 1) (global $g (mut i32) (i32.const 0))
            (func (param i32) (result i32) (local i64 f64)
              (block (result i32)
                (br_table 0 0 (i32.const 2044) (local.get 0)))
              (drop (i64.const 2044)) (drop (f32.const 1.5)) (drop (f64.const 2.5))
              (drop (i32.load offset=2044 (i32.const 0)))
              (memory.copy (i32.const 0) (i32.const 0) (i32.const 1))
              (memory.fill (i32.const 0) (i32.const 0) (i32.const 1))
              (drop (select (result i32) (i32.const 1) (i32.const 2) (i32.const 2044)))
              (drop (ref.is_null (ref.null func)))
              (drop (i32.trunc_sat_f64_s (f64.const 1)))
              (drop (table.size 0)))";
        assert!(!grows(&format!("{decoys})")));
        assert!(grows(&format!(
            "{decoys} (func (drop (table.grow 0 (ref.null func) (i32.const 1)))))"
        )));
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
    fn bodies_that_cannot_be_walked_count_as_growing() {
        assert!(contain_table_grow(&[5, 0, 0xFC, 0x0F]));
        assert!(contain_table_grow(&[4, 0, 0xFF, 0xFC, 0x0F]));
        assert!(!contain_table_grow(&[]));
    }
}

//! Counts the operators that a module executes, one by one: the reference for fuel.
//!
//! The model is the engine's own price list without its regions. An operator costs one unit when it
//! is executed; `nop`, `drop`, `block`, `loop`, `end`, `else`, `return` and `unreachable` cost
//! nothing. An operator that traps was executed. An operator that copies, fills or grows costs one
//! unit more for each 8 bytes (an element of a table has 4), and only if it does what it says: a
//! copy out of bounds and a growth that is refused cost their one unit. An `if` costs its unit, a
//! `br_table` one, whatever their targets.
//!
//! [`instrument`] adds to a module, in front of each run of operators that are executed together, an
//! addition of their number to a global. Nothing else changes: no index, no depth of a branch, no
//! local. It adds a second global that counts [entries](Counted::entries).

#![allow(dead_code, unused_imports)] // each program uses its own part

mod bare;
mod plugin;
mod sections;

pub use bare::{Bare, Ended};
pub use plugin::{instrument_plugin, read_counted};
pub use sections::{append, leb, rewrite};

use wasmparser::{FunctionBody, Operator, Parser, Payload};

/// Bytes that one unit of fuel pays for, where an operator copies.
const BYTES_PER_UNIT: i64 = 8;

const PAGE_BYTES: i64 = 65_536;
const ELEMENT_BYTES: i64 = 4;

/// The exports that an instrumented module has in addition.
pub const OPERATORS: &str = "exact:operators";
pub const ENTRIES: &str = "exact:entries";

/// What an instrumented run counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Units for operators that were executed.
    pub operators: u64,
    /// How often code was entered that a region of fuel can begin with: function bodies, turns of
    /// loops, arms of `if`, what follows an `end`, and what follows a `br_if` that was not taken.
    pub entries: u64,
}

/// Returns a module that does the same and counts what it executes. It must be valid, with at most
/// one memory.
pub fn instrument(module: &[u8]) -> Vec<u8> {
    let first = globals_of(module);
    let counter = Counter {
        operators: first,
        entries: first + 1,
        size: first + 2,
        result: first + 3,
    };
    // Mutable, 0.
    let (i32, i64) = (vec![0x7F, 1, 0x41, 0, 0x0B], vec![0x7E, 1, 0x42, 0, 0x0B]);
    let globals = [i64.clone(), i64, i32.clone(), i32];
    let exports = [
        sections::export(OPERATORS, sections::GLOBAL_KIND, counter.operators),
        sections::export(ENTRIES, sections::GLOBAL_KIND, counter.entries),
    ];
    let bodies = bodies_of(module);
    rewrite(module, |id, content| match id {
        sections::GLOBAL => append(content, &globals),
        sections::EXPORT => append(content, &exports),
        sections::CODE => {
            let mut code = leb(bodies.len() as u64);
            for body in &bodies {
                let counted = counter.body(module, body);
                code.extend(leb(counted.len() as u64));
                code.extend(counted);
            }
            code
        }
        _ => content.to_vec(),
    })
}

/// How many globals the module has, those imported included.
pub fn globals_of(module: &[u8]) -> u32 {
    let mut globals = 0;
    for payload in Parser::new(0).parse_all(module) {
        match payload.unwrap() {
            Payload::ImportSection(imports) => {
                for import in imports {
                    let is_global = matches!(import.unwrap().ty, wasmparser::TypeRef::Global(_));
                    globals += u32::from(is_global);
                }
            }
            Payload::GlobalSection(section) => globals += section.count(),
            _ => {}
        }
    }
    globals
}

fn bodies_of(module: &[u8]) -> Vec<FunctionBody<'_>> {
    let payloads = Parser::new(0).parse_all(module);
    let bodies = payloads.filter_map(|payload| match payload.unwrap() {
        Payload::CodeSectionEntry(body) => Some(body),
        _ => None,
    });
    bodies.collect()
}

/// The globals that are added.
struct Counter {
    operators: u32,
    entries: u32,
    /// The operand of an operator that is priced by size.
    size: u32,
    /// The result of an operator that grows.
    result: u32,
}

/// Operators that are executed together.
#[derive(Default)]
struct Run {
    bytes: Vec<u8>,
    operators: i64,
    entries: i64,
}

impl Counter {
    fn body(&self, module: &[u8], body: &FunctionBody<'_>) -> Vec<u8> {
        let mut reader = body.get_operators_reader().unwrap();
        let start = body.range().start;
        let mut out = module[start..reader.original_position()].to_vec();
        let mut run = Run {
            entries: 1,
            ..Run::default()
        };
        while !reader.eof() {
            let at = reader.original_position();
            let operator = reader.read().unwrap();
            let bytes = &module[at..reader.original_position()];
            run.operators += cost(bytes[0]);
            match bulk(&operator) {
                None => run.bytes.extend_from_slice(bytes),
                Some(bulk) => self.bulk(&mut run.bytes, bytes, bulk),
            }
            if goes_on(bytes[0]) {
                continue;
            }
            self.flush(&mut out, std::mem::take(&mut run));
            let enters = matches!(
                operator,
                Operator::Loop { .. }
                    | Operator::If { .. }
                    | Operator::Else
                    | Operator::End
                    | Operator::BrIf { .. }
            );
            run.entries = i64::from(enters && !reader.eof());
        }
        out
    }

    fn flush(&self, out: &mut Vec<u8>, run: Run) {
        for (counter, number) in [(self.operators, run.operators), (self.entries, run.entries)] {
            if number > 0 {
                constant(out, number);
                self.add(out, counter);
            }
        }
        out.extend_from_slice(&run.bytes);
    }

    /// An operator whose topmost operand is its size: kept, and charged for once it has succeeded.
    fn bulk(&self, out: &mut Vec<u8>, operator: &[u8], bulk: Bulk) {
        global(out, op::GLOBAL_SET, self.size);
        global(out, op::GLOBAL_GET, self.size);
        out.extend_from_slice(operator);
        if bulk.grows {
            global(out, op::GLOBAL_SET, self.result);
        }
        global(out, op::GLOBAL_GET, self.size);
        out.push(op::I64_EXTEND_I32_U);
        constant(out, bulk.bytes);
        out.push(op::I64_MUL);
        constant(out, BYTES_PER_UNIT);
        out.push(op::I64_DIV_U);
        if bulk.grows {
            // Times 0 if the result is -1, and times 1 otherwise.
            global(out, op::GLOBAL_GET, self.result);
            out.extend([op::I32_CONST, 0x7F, op::I32_NE, op::I64_EXTEND_I32_U]);
            out.push(op::I64_MUL);
        }
        self.add(out, self.operators);
        if bulk.grows {
            global(out, op::GLOBAL_GET, self.result);
        }
    }

    /// Adds the i64 on the stack to one of the counters.
    fn add(&self, out: &mut Vec<u8>, counter: u32) {
        global(out, op::GLOBAL_GET, counter);
        out.push(op::I64_ADD);
        global(out, op::GLOBAL_SET, counter);
    }
}

/// An operator that is priced by its size.
struct Bulk {
    /// Bytes for each unit of its topmost operand.
    bytes: i64,
    /// Whether it has a result, which is -1 if it did nothing.
    grows: bool,
}

fn bulk(operator: &Operator<'_>) -> Option<Bulk> {
    let (bytes, grows) = match operator {
        Operator::MemoryCopy { .. } | Operator::MemoryFill { .. } | Operator::MemoryInit { .. } => {
            (1, false)
        }
        Operator::TableCopy { .. } | Operator::TableFill { .. } | Operator::TableInit { .. } => {
            (ELEMENT_BYTES, false)
        }
        Operator::MemoryGrow { .. } => (PAGE_BYTES, true),
        Operator::TableGrow { .. } => (ELEMENT_BYTES, true),
        _ => return None,
    };
    Some(Bulk { bytes, grows })
}

/// Opcodes, as far as they are written or told apart here.
mod op {
    pub const GLOBAL_GET: u8 = 0x23;
    pub const GLOBAL_SET: u8 = 0x24;
    pub const I32_CONST: u8 = 0x41;
    pub const I64_CONST: u8 = 0x42;
    pub const I32_NE: u8 = 0x47;
    pub const I64_ADD: u8 = 0x7C;
    pub const I64_MUL: u8 = 0x7E;
    pub const I64_DIV_U: u8 = 0x80;
    pub const I64_EXTEND_I32_U: u8 = 0xAD;
}

/// What executing an operator costs, by the first byte of its code.
fn cost(code: u8) -> i64 {
    // unreachable, nop, block, loop, else, end, return, drop
    i64::from(!matches!(code, 0x00..=0x03 | 0x05 | 0x0B | 0x0F | 0x1A))
}

/// Whether the next operator is executed whenever this one is: it neither branches nor traps, and no
/// branch leads to what follows it. By the first byte of its code; what is not sure to go on does not.
fn goes_on(code: u8) -> bool {
    match code {
        // nop, drop, select; locals and globals
        0x01 | 0x1A | 0x1B | 0x1C | 0x20..=0x24 => true,
        // Constants and numbers, except for div and rem, and trunc from a float.
        0x41..=0xC4 => !matches!(code, 0x6D..=0x70 | 0x7F..=0x82 | 0xA8..=0xAB | 0xAE..=0xB1),
        _ => false,
    }
}

fn global(out: &mut Vec<u8>, code: u8, index: u32) {
    out.push(code);
    out.extend(leb(u64::from(index)));
}

fn constant(out: &mut Vec<u8>, mut value: i64) {
    out.push(op::I64_CONST);
    loop {
        let byte = (value & 0x7F) as u8;
        value >>= 7;
        let is_last = (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0);
        out.push(if is_last { byte } else { byte | 0x80 });
        if is_last {
            return;
        }
    }
}

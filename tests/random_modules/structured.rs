//! Programs as compilers write them: loops that turn, branches out of several blocks, tables of branches
//! as in an interpreter, calls of every kind. Each ends, because a counter in a global ends all loops
//! and no function calls one before it.

use super::TAIL_CALLS;
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, ElementSection, Elements, ExportKind, ExportSection,
    Function, FunctionSection, GlobalSection, GlobalType, InstructionSink, MemArg, MemArgTarget,
    MemorySection, MemoryType, Module, RefType, TableSection, TableType, TypeSection, ValType,
};

/// Turns of all loops together.
const TURNS: i32 = 2_000;
const FUNCTIONS: u32 = 5;

/// Every function is of this type: (i32, i64) -> i64. The others are for blocks.
const WHOLE: u32 = 0;
const TWO_TO_TWO: u32 = 1;

const NUMBERS: u32 = 4;
/// Locals: the parameters, then i32, then i64.
const FIRST_I32: u32 = 2;
const FIRST_I64: u32 = FIRST_I32 + NUMBERS;

const LEFT: u32 = 0;
const SUM: u32 = 1;

/// Writes a program, as the choices say; with none left it comes to its end.
pub fn structured(choices: &[u8]) -> Vec<u8> {
    let mut module = Module::new();
    let mut types = TypeSection::new();
    types
        .ty()
        .function([ValType::I32, ValType::I64], [ValType::I64]);
    types
        .ty()
        .function([ValType::I32, ValType::I32], [ValType::I32, ValType::I32]);
    let mut functions = FunctionSection::new();
    let mut code = CodeSection::new();
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    for (index, choices) in (0..FUNCTIONS).zip(shares(choices)) {
        functions.function(WHOLE);
        code.function(&function(index, choices));
        exports.export(&format!("f{index}"), ExportKind::Func, index);
    }
    let mut tables = TableSection::new();
    tables.table(TableType {
        element_type: RefType::FUNCREF,
        minimum: 4,
        maximum: Some(20),
        table64: false,
        shared: false,
    });
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: Some(6),
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut globals = GlobalSection::new();
    let global = |val_type| GlobalType {
        val_type,
        mutable: true,
        shared: false,
    };
    globals.global(global(ValType::I32), &ConstExpr::i32_const(TURNS));
    globals.global(global(ValType::I64), &ConstExpr::i64_const(0));
    let mut elements = ElementSection::new();
    // The last function calls nothing, so that it may be called from everywhere.
    let last = [FUNCTIONS - 1; 3];
    elements.active(
        Some(0),
        &ConstExpr::i32_const(0),
        Elements::Functions(last[..].into()),
    );
    module
        .section(&types)
        .section(&functions)
        .section(&tables)
        .section(&memories)
        .section(&globals)
        .section(&exports)
        .section(&elements)
        .section(&code);
    module.finish()
}

/// Each function has a part of the choices.
fn shares(choices: &[u8]) -> impl Iterator<Item = &[u8]> {
    let size = choices.len().div_ceil(FUNCTIONS as usize).max(1);
    choices.chunks(size).chain(std::iter::repeat(&[][..]))
}

fn function(index: u32, choices: &[u8]) -> Function {
    let mut function = Function::new([(NUMBERS, ValType::I32), (NUMBERS, ValType::I64)]);
    let mut writer = Writer {
        code: function.instructions(),
        choices,
        index,
        labels: 0,
    };
    while !writer.choices.is_empty() {
        writer.statement();
    }
    writer.number_i64();
    writer.code.end();
    function
}

struct Writer<'a> {
    code: InstructionSink<'a>,
    choices: &'a [u8],
    index: u32,
    /// How many blocks without a result are open.
    labels: u32,
}

impl Writer<'_> {
    fn choose(&mut self, of: u32) -> u32 {
        match self.choices.split_first() {
            Some((first, rest)) => {
                self.choices = rest;
                u32::from(*first) % of
            }
            None => 0,
        }
    }

    fn local_i32(&mut self) -> u32 {
        FIRST_I32 + self.choose(NUMBERS)
    }

    fn local_i64(&mut self) -> u32 {
        FIRST_I64 + self.choose(NUMBERS)
    }

    /// Pushes an i32.
    fn number(&mut self) {
        match self.choose(8) {
            0 => {
                let number = self.choose(256) as i32 - 40;
                self.code.i32_const(number)
            }
            1 => {
                self.code.local_get(0);
                self.code.i32_const(3).i32_mul()
            }
            2 => {
                let local = self.local_i32();
                self.code.local_get(local).i32_const(0xFFFC).i32_and();
                self.code.i32_load(PLACE)
            }
            3 => self.code.global_get(LEFT),
            4 => {
                let local = self.local_i64();
                self.code.local_get(local).i32_wrap_i64()
            }
            _ => {
                let (one, other) = (self.local_i32(), self.local_i32());
                self.code.local_get(one).local_get(other);
                match self.choose(6) {
                    0 => self.code.i32_sub(),
                    1 => self.code.i32_xor(),
                    2 => self.code.i32_lt_s(),
                    3 => self.code.i32_rotl(),
                    _ => self.code.i32_add(),
                }
            }
        };
    }

    /// Pushes an i64.
    fn number_i64(&mut self) {
        let local = self.local_i64();
        self.code
            .local_get(local)
            .global_get(SUM)
            .i64_add()
            .local_get(1)
            .i64_xor();
    }

    /// Statements, in a block that is open.
    fn some(&mut self) {
        for _ in 0..=self.choose(4) {
            self.statement();
        }
    }

    fn open(&mut self, write: impl FnOnce(&mut Self)) {
        self.labels += 1;
        if self.labels < 40 {
            write(self);
        }
        self.labels -= 1;
        self.code.end();
    }

    /// A block that is open, or 0 where none is.
    fn label(&mut self) -> Option<u32> {
        (self.labels > 0).then(|| self.choose(self.labels.min(255)))
    }

    fn statement(&mut self) {
        match self.choose(20) {
            0..=2 => {
                self.number();
                let local = self.local_i32();
                self.code.local_set(local);
            }
            3 => {
                self.number_i64();
                let local = self.local_i64();
                self.code.local_tee(local).global_set(SUM);
            }
            4 => {
                let local = self.local_i32();
                self.code.local_get(local).i32_const(0xFFFC).i32_and();
                self.number();
                self.code.i32_store(PLACE);
            }
            5 | 6 => {
                self.code.block(BlockType::Empty);
                self.open(Self::some);
            }
            7 => self.turns(),
            8 | 9 => {
                self.number();
                self.code.if_(BlockType::Empty);
                self.labels += 1;
                self.some();
                if self.choose(2) == 1 {
                    self.code.else_();
                    self.some();
                }
                self.labels -= 1;
                self.code.end();
            }
            10 => self.table(),
            11 | 12 => {
                if let Some(label) = self.label() {
                    self.number();
                    self.code.br_if(label);
                }
            }
            13 => {
                if let Some(label) = self.label() {
                    self.code.br(label);
                }
            }
            14 => {
                self.number();
                self.code.if_(BlockType::Empty);
                self.number_i64();
                self.code.return_().end();
            }
            15 => self.call(),
            16 => self.results(),
            17 => self.pair(),
            18 => self.size(),
            _ => self.trap(),
        }
    }

    /// A loop, which ends with the counter. Branches to it go on with the next turn.
    fn turns(&mut self) {
        self.code.loop_(BlockType::Empty);
        self.open(|writer| {
            writer
                .code
                .global_get(LEFT)
                .i32_const(1)
                .i32_sub()
                .global_set(LEFT);
            writer.code.global_get(LEFT).i32_const(0).i32_lt_s();
            writer.code.if_(BlockType::Empty);
            writer.number_i64();
            writer.code.return_().end();
            writer.some();
            writer.some();
            writer.number();
            writer.code.br_if(0);
        });
    }

    /// Nested blocks, and a table of branches to their ends or further out: a `switch`.
    fn table(&mut self) {
        let cases = 1 + self.choose(12);
        for _ in 0..=cases {
            self.code.block(BlockType::Empty);
        }
        self.labels += cases + 1;
        let labels = self.labels.min(255);
        let targets: Vec<u32> = (0..cases)
            .map(|case| match self.choose(6) {
                0 => self.choose(labels),
                _ => case,
            })
            .collect();
        self.number();
        self.code.br_table(targets, cases);
        for case in (0..=cases).rev() {
            self.labels -= 1;
            self.code.end();
            self.some();
            // Most cases leave the switch, and some fall through.
            if case > 0 && self.choose(4) > 0 {
                self.code.br(case - 1);
            }
        }
    }

    /// A call of a later function: direct, through the table, or as the last thing that is done.
    fn call(&mut self) {
        self.number();
        self.number_i64();
        let callee = self.index + 1 + self.choose(FUNCTIONS);
        if self.index == FUNCTIONS - 1 {
            self.code.drop().drop();
            return;
        }
        match self.choose(4) {
            0 => {
                self.number();
                self.code.i32_const(3).i32_and();
                self.code.call_indirect(0, WHOLE);
            }
            1 if TAIL_CALLS => {
                // Behind a condition, or nothing after it would ever run.
                self.code.drop().drop();
                self.number();
                self.code.if_(BlockType::Empty);
                self.number();
                self.number_i64();
                self.code.return_call(callee.min(FUNCTIONS - 1)).end();
                return;
            }
            _ => {
                self.code.call(callee.min(FUNCTIONS - 1));
            }
        }
        let local = self.local_i64();
        self.code.local_set(local);
    }

    /// A block with a result, left early or not.
    fn results(&mut self) {
        self.code.block(BlockType::Result(ValType::I32));
        self.number();
        self.number();
        self.code.br_if(0).drop();
        self.number();
        self.number();
        self.code.i32_add();
        self.code.end();
        let local = self.local_i32();
        self.code.local_set(local);
    }

    /// A block or loop with two parameters and two results.
    fn pair(&mut self) {
        self.number();
        self.number();
        if self.choose(2) == 0 {
            self.code.block(BlockType::FunctionType(TWO_TO_TWO));
        } else {
            self.code.loop_(BlockType::FunctionType(TWO_TO_TWO));
        }
        let local = self.local_i32();
        self.code
            .local_set(local)
            .i32_const(5)
            .i32_add()
            .local_get(local);
        self.code.end();
        self.code.i32_add();
        let local = self.local_i32();
        self.code.local_set(local);
    }

    /// What is priced by size.
    fn size(&mut self) {
        let local = self.local_i32();
        let amount = self.choose(40) as i32;
        match self.choose(6) {
            0 => {
                self.code
                    .local_get(local)
                    .i32_const(1)
                    .i32_and()
                    .memory_grow(0)
                    .local_set(local);
            }
            1 => {
                self.code.ref_null(wasm_encoder::HeapType::FUNC);
                self.code
                    .local_get(local)
                    .i32_const(3)
                    .i32_and()
                    .table_grow(0)
                    .local_set(local);
            }
            2 => {
                self.code
                    .i32_const(64)
                    .local_get(local)
                    .i32_const(amount)
                    .memory_fill(0);
            }
            3 => {
                self.code
                    .i32_const(64)
                    .i32_const(80)
                    .i32_const(amount)
                    .memory_copy(0, 0);
            }
            4 => {
                self.code
                    .memory_size(0)
                    .table_size(0)
                    .i32_add()
                    .local_set(local);
            }
            _ => {
                self.code
                    .i32_const(0)
                    .i32_const(1)
                    .i32_const(amount & 1)
                    .table_copy(0, 0);
            }
        }
    }

    /// What traps now and then.
    fn trap(&mut self) {
        let (one, other) = (self.local_i32(), self.local_i32());
        match self.choose(4) {
            0 => {
                // Divisors are even often enough.
                let never_zero = i32::from(self.choose(3) > 0);
                self.code.local_get(one).local_get(other);
                self.code
                    .i32_const(never_zero)
                    .i32_or()
                    .i32_div_s()
                    .local_set(one);
            }
            1 => {
                self.code
                    .local_get(one)
                    .i32_const(0x3FFFF)
                    .i32_and()
                    .i32_load(PLACE)
                    .local_set(one);
            }
            2 => {
                self.code.local_get(one).i32_const(123_456).i32_eq();
                self.code.if_(BlockType::Empty).unreachable().end();
            }
            _ => {
                self.number();
                self.code.i32_const(0xFF).i32_and().i32_const(0x7F).i32_eq();
                self.code.if_(BlockType::Empty).unreachable().end();
            }
        }
    }
}

const PLACE: MemArg = MemArg {
    offset: 0,
    align: 2,
    target: MemArgTarget::Memory(0),
    ordering: None,
};

//! Modules that are small to send and dear to compile, each grown from one idea. They are plugins
//! in every other respect: what is dear is called by `observe`.

use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, CustomSection, DataSection, ElementSection, Elements,
    EntityType, ExportKind, ExportSection, Function, FunctionSection, GlobalSection, GlobalType,
    ImportSection, InstructionSink, MemorySection, MemoryType, Module, RefType, TableSection,
    TableType, TypeSection, ValType,
};

/// What a bomb adds to an ordinary plugin.
#[derive(Default)]
struct Parts {
    types: Vec<(Vec<ValType>, Vec<ValType>)>,
    imports: u32,
    /// Functions by type and body, beside the plugin's own.
    functions: Vec<(u32, Function)>,
    /// How many of them `observe` calls; all are of the type `() -> ()`.
    called: u32,
    tables: Vec<u64>,
    globals: u32,
    exports: u32,
    elements: Vec<Vec<u32>>,
    data: u32,
    custom: Vec<usize>,
    /// A constant expression of so many additions.
    sum: Option<(Place, u32)>,
}

/// Where a constant expression is.
#[derive(Clone, Copy, PartialEq)]
pub enum Place {
    Global,
    Data,
    Element,
}

/// The plugin's own types, in order: describe, observe, allocate, and `() -> ()`.
const OWN_TYPES: u32 = 4;
const PLAIN: u32 = 3;
const OWN_FUNCTIONS: u32 = 3;
const EVIDENCE: &[u8] = br#"{"status":true}"#;
const INFO: &[u8] = br#"{"name":"odd","version":"1"}"#;

fn packed(ptr: u64, text: &[u8]) -> i64 {
    (ptr << 32 | text.len() as u64).cast_signed()
}

fn body(locals: &[(u32, ValType)], write: impl FnOnce(&mut InstructionSink<'_>)) -> Function {
    let mut function = Function::new(locals.iter().copied());
    let mut sink = function.instructions();
    write(&mut sink);
    sink.end();
    function
}

impl Parts {
    /// The constant expression for a place, where this is to have one.
    fn sum(&self, at: Place) -> Option<ConstExpr> {
        let (_, additions) = self.sum.filter(|(place, _)| *place == at)?;
        // i32.const 0, and i32.const 0 i32.add again and again
        let more = [0x41, 0, 0x6A].repeat(additions as usize);
        Some(ConstExpr::raw([0x41, 0].into_iter().chain(more)))
    }

    fn module(self) -> Vec<u8> {
        let (i32, i64) = (ValType::I32, ValType::I64);
        let mut module = Module::new();
        for size in &self.custom {
            module.section(&CustomSection {
                name: "ballast".into(),
                data: vec![0; *size].into(),
            });
        }
        let mut types = TypeSection::new();
        types.ty().function([], [i64]);
        types.ty().function([i32, i32], [i64]);
        types.ty().function([i32], [i32]);
        types.ty().function([], []);
        for (params, results) in &self.types {
            types
                .ty()
                .function(params.iter().copied(), results.iter().copied());
        }
        module.section(&types);
        if self.imports > 0 {
            let mut imports = ImportSection::new();
            for number in 0..self.imports {
                imports.import("nowhere", &format!("{number}"), EntityType::Function(PLAIN));
            }
            module.section(&imports);
        }
        let first = self.imports;
        let mut functions = FunctionSection::new();
        for own in 0..OWN_FUNCTIONS {
            functions.function(own);
        }
        for (ty, _) in &self.functions {
            functions.function(*ty);
        }
        module.section(&functions);
        if !self.tables.is_empty() {
            let mut tables = TableSection::new();
            for minimum in &self.tables {
                tables.table(TableType {
                    element_type: RefType::FUNCREF,
                    minimum: *minimum,
                    maximum: None,
                    table64: false,
                    shared: false,
                });
            }
            module.section(&tables);
        }
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        module.section(&memories);
        let sum = self.sum(Place::Global);
        if self.globals > 0 || sum.is_some() {
            let mut globals = GlobalSection::new();
            let ty = GlobalType {
                val_type: i32,
                mutable: true,
                shared: false,
            };
            for _ in 0..self.globals {
                globals.global(ty, &ConstExpr::i32_const(0));
            }
            if let Some(sum) = sum {
                globals.global(ty, &sum);
            }
            module.section(&globals);
        }
        let mut exports = ExportSection::new();
        exports.export("memory", ExportKind::Memory, 0);
        exports.export("describe", ExportKind::Func, first);
        exports.export("observe", ExportKind::Func, first + 1);
        exports.export("allocate", ExportKind::Func, first + 2);
        for number in 0..self.exports {
            exports.export(&format!("more{number}"), ExportKind::Func, first);
        }
        module.section(&exports);
        let sum = self.sum(Place::Element);
        if !self.elements.is_empty() || sum.is_some() {
            let mut elements = ElementSection::new();
            if let Some(sum) = sum {
                let functions = [first];
                let functions = Elements::Functions((&functions[..]).into());
                elements.active(Some(0), &sum, functions);
            }
            for functions in &self.elements {
                elements.passive(Elements::Functions(functions.into()));
            }
            module.section(&elements);
        }
        let mut code = CodeSection::new();
        code.function(&body(&[], |sink| {
            sink.i64_const(packed(16, INFO));
        }));
        code.function(&body(&[], |sink| {
            for number in 0..self.called {
                sink.call(first + OWN_FUNCTIONS + number);
            }
            sink.i64_const(packed(256, EVIDENCE));
        }));
        code.function(&body(&[], |sink| {
            sink.i32_const(4096);
        }));
        for (_, function) in &self.functions {
            code.function(function);
        }
        module.section(&code);
        let mut data = DataSection::new();
        let (info, evidence) = (ConstExpr::i32_const(16), ConstExpr::i32_const(256));
        data.active(0, &info, INFO.iter().copied());
        data.active(0, &evidence, EVIDENCE.iter().copied());
        if let Some(sum) = self.sum(Place::Data) {
            data.active(0, &sum, [1]);
        }
        for _ in 0..self.data {
            data.passive([]);
        }
        module.section(&data);
        module.finish()
    }
}

/// So many functions with so many locals each.
pub fn locals(functions: u32, each: u32) -> Vec<u8> {
    let function = body(&[(each, ValType::I64)], |_| {});
    Parts {
        functions: vec![(PLAIN, function); functions as usize],
        called: functions,
        ..Parts::default()
    }
    .module()
}

/// Blocks with so many results, each left by a branch.
pub fn wide_blocks(blocks: u32, results: usize) -> Vec<u8> {
    let function = body(&[], |sink| {
        for _ in 0..results {
            sink.i32_const(0);
        }
        for _ in 0..blocks {
            // Takes the values as parameters, and gives them as results.
            sink.block(BlockType::FunctionType(OWN_TYPES)).end();
        }
        for _ in 0..results {
            sink.drop();
        }
    });
    Parts {
        types: vec![(vec![ValType::I32; results], vec![ValType::I32; results])],
        functions: vec![(PLAIN, function)],
        called: 1,
        ..Parts::default()
    }
    .module()
}

/// Blocks with so many results, each made of constants.
pub fn wide_results(blocks: u32, results: usize) -> Vec<u8> {
    let function = body(&[], |sink| {
        for _ in 0..blocks {
            sink.block(BlockType::FunctionType(OWN_TYPES));
            sink.unreachable().end();
            for _ in 0..results {
                sink.drop();
            }
        }
    });
    Parts {
        types: vec![(vec![], vec![ValType::I32; results])],
        functions: vec![(PLAIN, function)],
        called: 1,
        ..Parts::default()
    }
    .module()
}

/// Conditional branches, each of which carries so many values.
pub fn wide_branches(branches: u32, results: usize) -> Vec<u8> {
    let function = body(&[(1, ValType::I32)], |sink| {
        sink.block(BlockType::FunctionType(OWN_TYPES));
        for _ in 0..results {
            sink.i32_const(0);
        }
        for _ in 0..branches {
            sink.local_get(0).br_if(0);
        }
        sink.end();
        for _ in 0..results {
            sink.drop();
        }
    });
    Parts {
        types: vec![(vec![], vec![ValType::I32; results])],
        functions: vec![(PLAIN, function)],
        called: 1,
        ..Parts::default()
    }
    .module()
}

/// One table of branches, each of which carries so many values.
pub fn wide_table(targets: usize, results: usize) -> Vec<u8> {
    let function = body(&[(1, ValType::I32)], |sink| {
        sink.block(BlockType::FunctionType(OWN_TYPES));
        for _ in 0..results {
            sink.i32_const(0);
        }
        sink.local_get(0).br_table(vec![0; targets], 0);
        sink.end();
        for _ in 0..results {
            sink.drop();
        }
    });
    Parts {
        types: vec![(vec![], vec![ValType::I32; results])],
        functions: vec![(PLAIN, function)],
        called: 1,
        ..Parts::default()
    }
    .module()
}

/// Calls that take and give so many values.
pub fn wide_calls(calls: u32, values: usize) -> Vec<u8> {
    let callee = body(&[], |sink| {
        sink.unreachable();
    });
    let function = body(&[], |sink| {
        sink.block(BlockType::Empty);
        for _ in 0..values {
            sink.i32_const(0);
        }
        sink.i32_const(1).br_if(0);
        for _ in 0..calls {
            sink.call(OWN_FUNCTIONS + 1);
        }
        for _ in 0..values {
            sink.drop();
        }
        sink.end();
    });
    Parts {
        types: vec![(vec![ValType::I32; values], vec![ValType::I32; values])],
        functions: vec![(PLAIN, function), (OWN_TYPES, callee)],
        called: 1,
        ..Parts::default()
    }
    .module()
}

/// A `br_table` with so many targets.
pub fn branch_table(targets: usize) -> Vec<u8> {
    let function = body(&[], |sink| {
        sink.i32_const(0).br_table(vec![0; targets], 0);
    });
    Parts {
        functions: vec![(PLAIN, function)],
        called: 1,
        ..Parts::default()
    }
    .module()
}

/// Blocks within blocks.
pub fn nesting(depth: u32) -> Vec<u8> {
    let function = body(&[], |sink| {
        for _ in 0..depth {
            sink.block(BlockType::Empty);
        }
        for _ in 0..depth {
            sink.end();
        }
    });
    Parts {
        functions: vec![(PLAIN, function)],
        called: 1,
        ..Parts::default()
    }
    .module()
}

/// Values on the stack that are copies of a local, and an `effect` that must save them again and
/// again.
pub fn copies(values: u32, turns: u32, blocks: bool) -> Vec<u8> {
    let function = body(&[(2, ValType::I32)], |sink| {
        for _ in 0..values {
            sink.local_get(0);
        }
        for _ in 0..turns {
            if blocks {
                sink.block(BlockType::Empty).end();
                sink.local_get(1).if_(BlockType::Empty).end();
            } else {
                sink.local_get(1).local_set(0);
            }
        }
        for _ in 0..values {
            sink.drop();
        }
    });
    Parts {
        functions: vec![(PLAIN, function)],
        called: 1,
        ..Parts::default()
    }
    .module()
}

/// One function of so many instructions that all stay.
pub fn long_body(instructions: u32) -> Vec<u8> {
    let function = body(&[(1, ValType::I32)], |sink| {
        for _ in 0..instructions {
            sink.local_get(0).i32_const(1).drop().drop();
        }
    });
    Parts {
        functions: vec![(PLAIN, function)],
        called: 1,
        ..Parts::default()
    }
    .module()
}

/// So many instructions of one byte, none of which can be left out.
pub fn short_instructions(count: u32) -> Vec<u8> {
    let function = body(&[(1, ValType::I32)], |sink| {
        sink.local_get(0);
        for _ in 0..count {
            sink.i32_clz();
        }
        sink.drop();
    });
    Parts {
        functions: vec![(PLAIN, function)],
        called: 1,
        ..Parts::default()
    }
    .module()
}

/// So many functions that do nothing.
pub fn functions(count: usize) -> Vec<u8> {
    Parts {
        functions: vec![(PLAIN, body(&[], |_| {})); count],
        ..Parts::default()
    }
    .module()
}

/// So many types.
pub fn types(count: usize) -> Vec<u8> {
    let kinds = [ValType::I32, ValType::I64, ValType::F32, ValType::F64];
    let one = |number: usize| {
        let params = (0..10).map(|digit| kinds[number >> (2 * digit) & 3]);
        (params.collect(), Vec::new())
    };
    Parts {
        types: (0..count).map(one).collect(),
        ..Parts::default()
    }
    .module()
}

pub fn exports(count: u32) -> Vec<u8> {
    Parts {
        exports: count,
        ..Parts::default()
    }
    .module()
}

pub fn imports(count: u32) -> Vec<u8> {
    Parts {
        imports: count,
        ..Parts::default()
    }
    .module()
}

pub fn globals(count: u32) -> Vec<u8> {
    Parts {
        globals: count,
        ..Parts::default()
    }
    .module()
}

/// Segments of so many elements each.
pub fn elements(segments: usize, each: usize) -> Vec<u8> {
    Parts {
        tables: vec![1],
        elements: vec![vec![0; each]; segments],
        ..Parts::default()
    }
    .module()
}

pub fn data_segments(count: u32) -> Vec<u8> {
    Parts {
        data: count,
        ..Parts::default()
    }
    .module()
}

/// So many tables of so many elements each.
pub fn tables(count: usize, minimum: u64) -> Vec<u8> {
    Parts {
        tables: vec![minimum; count],
        ..Parts::default()
    }
    .module()
}

/// Custom sections of so many bytes each.
pub fn custom_sections(count: usize, bytes: usize) -> Vec<u8> {
    Parts {
        custom: vec![bytes; count],
        ..Parts::default()
    }
    .module()
}

pub fn long_constant(place: Place, additions: u32) -> Vec<u8> {
    Parts {
        tables: vec![1],
        sum: Some((place, additions)),
        ..Parts::default()
    }
    .module()
}

//! Plugins that answer with given bytes, written without the text format, which would cost more
//! than what is counted.

use std::borrow::Cow;
use tollgate::{Plugin, Runtime, RuntimeBuilder};
use wasm_encoder::{
    BlockType, CodeSection, ConstExpr, CustomSection, DataSection, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, GlobalType, ImportSection,
    MemorySection, MemoryType, Module, TypeSection, ValType,
};

const EVIDENCE: &[u8] = br#"{"status":true}"#;

/// What a plugin answers, and what it does before.
#[derive(Default)]
pub struct Plain {
    /// By export, each of which takes nothing.
    pub answers: Vec<(&'static str, Vec<u8>)>,
    /// The evidence.
    pub evidence: Option<Vec<u8>>,
    /// How often `observe` reads the clock of the day.
    pub clocks: u32,
    /// Custom sections at the end.
    pub custom: Vec<(&'static str, Vec<u8>)>,
    /// It speaks the newer protocol.
    pub newer: bool,
}

/// Answers stand behind what the host puts into memory.
const DATA: u32 = 2 << 20;

impl Plain {
    pub fn module(self) -> Vec<u8> {
        let (i32, i64) = (ValType::I32, ValType::I64);
        let mut types = TypeSection::new();
        types.ty().function([], [i64]);
        types.ty().function([i32, i32], [i64]);
        types.ty().function([i32], [i32]);
        types.ty().function([i32, i64, i32], [i32]);
        let mut imports = ImportSection::new();
        imports.import(
            "wasi_snapshot_preview1",
            "clock_time_get",
            EntityType::Function(3),
        );
        let mut data = DataSection::new();
        let mut end = DATA;
        let mut put = |bytes: Vec<u8>| {
            let (at, len) = (end, bytes.len() as u32);
            data.active(0, &ConstExpr::i32_const(at.cast_signed()), bytes);
            end = at + len + 16;
            (u64::from(at) << 32 | u64::from(len)).cast_signed()
        };
        let (mut functions, mut exports, mut code) = (
            FunctionSection::new(),
            ExportSection::new(),
            CodeSection::new(),
        );
        exports.export("memory", ExportKind::Memory, 0);
        let mut answers = self.answers;
        if !self.newer && answers.iter().all(|(name, _)| *name != "describe") {
            answers.push(("describe", br#"{"name":"odd"}"#.to_vec()));
        }
        let mut index = 1;
        for (name, answer) in answers {
            let at = put(answer);
            functions.function(0);
            exports.export(name, ExportKind::Func, index);
            index += 1;
            let mut body = Function::new([]);
            body.instructions().i64_const(at).end();
            code.function(&body);
        }
        let at = put(self.evidence.unwrap_or_else(|| EVIDENCE.to_vec()));
        functions.function(1);
        let observe = if self.newer { "_observe" } else { "observe" };
        exports.export(observe, ExportKind::Func, index);
        let mut body = Function::new([(1, i32)]);
        let mut sink = body.instructions();
        sink.i32_const(self.clocks.cast_signed()).local_set(2);
        sink.block(BlockType::Empty).loop_(BlockType::Empty);
        sink.local_get(2).i32_eqz().br_if(1);
        sink.local_get(2).i32_const(1).i32_sub().local_set(2);
        sink.i32_const(0).i64_const(0).i32_const(64).call(0).drop();
        sink.br(0).end().end();
        sink.i64_const(at).end();
        code.function(&body);
        functions.function(2);
        exports.export("allocate", ExportKind::Func, index + 1);
        let mut body = Function::new([]);
        body.instructions()
            .global_get(0)
            .global_get(0)
            .local_get(0)
            .i32_add()
            .global_set(0)
            .end();
        code.function(&body);
        let mut memory = MemorySection::new();
        memory.memory(MemoryType {
            minimum: u64::from(end >> 16) + 2,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        let mut globals = GlobalSection::new();
        globals.global(
            GlobalType {
                val_type: i32,
                mutable: true,
                shared: false,
            },
            &ConstExpr::i32_const(1024),
        );
        let mut module = Module::new();
        module.section(&types).section(&imports).section(&functions);
        module.section(&memory).section(&globals).section(&exports);
        module.section(&code).section(&data);
        for (name, content) in self.custom {
            module.section(&CustomSection {
                name: name.into(),
                data: Cow::Owned(content),
            });
        }
        module.finish()
    }

    pub fn load(self) -> Plugin {
        self.load_in(Runtime::deterministic(0))
    }

    pub fn load_in(self, runtime: RuntimeBuilder) -> Plugin {
        let module = self.module();
        let runtime = runtime.module_cache(tollgate::ModuleCache::new());
        runtime.build().unwrap().load("odd", module).unwrap()
    }
}

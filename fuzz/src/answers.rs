//! What plugins answer: any bytes as description, schema and evidence of both generations, and any
//! text as config.

use crate::{
    input::Input,
    run::{checked, limits, runtime},
    world::Seen,
};
use tollgate::{Config, Grants, abi};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ExportKind, ExportSection, Function, FunctionSection,
    MemorySection, MemoryType, Module, TypeSection, ValType,
};

const ANSWER: u32 = 1024;
const BUFFER: u32 = 0x2_0000;

/// Has a plugin answer with the bytes, and reads them as config and as grants too.
pub fn answers(data: &[u8]) {
    let mut input = Input(data);
    let generation = input.byte();
    let answer = &input.0[..input.0.len().min(0x1_0000)];
    let seen = Seen::default();
    let runtime = runtime(&[], &seen);
    let module = answering(generation % 2 == 1, answer);
    let plugin = runtime
        .load("fuzzed", &module)
        .expect("it keeps the contract");
    // What is read can be said again: nobody is told what they cannot pass on.
    if let Ok(info) = checked(plugin.describe()) {
        let _ = checked(plugin.review());
        let _ = abi::to_json(&*info);
    }
    if let Ok(schema) = checked(plugin.schema()) {
        let fields = schema.fields();
        assert!(
            serde_json::from_str::<serde_json::Value>(schema.raw()).is_ok(),
            "{fields:?}"
        );
    }
    let text = String::from_utf8_lossy(answer);
    let config = match text.parse::<Config>() {
        Ok(config) => {
            let written = abi::to_json(config.values());
            let again = String::from_utf8_lossy(&written).parse::<Config>();
            assert_eq!(again.as_ref(), Ok(&config));
            config
        }
        Err(_) => Config::new(),
    };
    if let Ok(seen) = checked(plugin.observe(&config)) {
        let written = abi::to_json(&seen.evidence);
        let again: abi::Evidence = abi::from_json(&written).expect("evidence can be read again");
        // What only the host sets is not read.
        let told = abi::Evidence {
            status_word: None,
            message: None,
            metadata: None,
            ..seen.evidence
        };
        assert_eq!(again, told);
        assert!(seen.usage.bytes_out >= answer.len() as u64);
        assert!(answer.len() <= usize::try_from(limits().result_bytes).unwrap_or(0));
    }
    if let Ok(grants) = serde_json::from_str::<Grants>(&text) {
        let written = serde_json::to_string(&grants).expect("grants can be written");
        let again: Grants = serde_json::from_str(&written).expect("and read again");
        assert_eq!(again, grants);
    }
}

/// A plugin that answers every question with these bytes.
fn answering(newer: bool, answer: &[u8]) -> Vec<u8> {
    use ValType::{I32, I64};
    let mut types = TypeSection::new();
    types.ty().function([I32], [I32]);
    types.ty().function([], [I64]);
    types.ty().function([I32, I32], [I64]);
    let mut functions = FunctionSection::new();
    functions.function(0).function(1).function(2);
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 4,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    exports.export("allocate", ExportKind::Func, 0);
    let names: &[(&str, u32)] = match newer {
        false => &[("describe", 1), ("schema", 1), ("observe", 2)],
        true => &[("_manifest", 1), ("_schema", 1), ("_observe", 2)],
    };
    for (name, index) in names {
        exports.export(name, ExportKind::Func, *index);
    }
    let mut bodies = CodeSection::new();
    let mut allocate = Function::new([]);
    allocate
        .instructions()
        .i32_const(BUFFER.cast_signed())
        .end();
    let mut answers = Function::new([]);
    let packed = u64::from(ANSWER) << 32 | answer.len() as u64;
    answers.instructions().i64_const(packed.cast_signed()).end();
    bodies
        .function(&allocate)
        .function(&answers)
        .function(&answers);
    let mut segments = DataSection::new();
    let at = ConstExpr::i32_const(ANSWER.cast_signed());
    segments.active(0, &at, answer.iter().copied());
    Module::new()
        .section(&types)
        .section(&functions)
        .section(&memories)
        .section(&exports)
        .section(&bodies)
        .section(&segments)
        .clone()
        .finish()
}

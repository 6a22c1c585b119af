//! A plugin that calls all functions of a module.

use crate::exact::{append, leb, rewrite};
use wasm_encoder::{Encode, Function, InstructionSink, MemArg, MemArgTarget, ValType};
use wasmparser::{CompositeInnerType, ExternalKind, MemoryType, Parser, Payload, ValType as Type};

const TYPE: u8 = 1;
const FUNCTION: u8 = 3;
const MEMORY: u8 = 5;
const EXPORT: u8 = 7;
const CODE: u8 = 10;

/// The evidence without the digest.
const PLAIN: &[u8; 16] = b"{\"status\":true} ";
const BEFORE: &[u8; 32] = b"{\"status\":true,\"data\":{\"state\":\"";
const AFTER: &[u8; 3] = b"\"}}";
/// Where the evidence is written when all is done: anywhere, since the module may use all of its memory.
const AT: i32 = 16;
/// Where the config is, which is a few bytes.
const CONFIG: i32 = 1024;

/// Returns a plugin that has everything of a module. Its `observe` calls each exported function. If its
/// config is longer than two bytes, it then returns a digest of all results, globals, tables and memory.
pub fn as_plugin(module: &[u8]) -> Vec<u8> {
    let own = Own::of(module);
    let first = own.functions.len() as u32;
    let memory = memory(&own);
    // allocate, deallocate, describe and schema, observe
    let types = [
        (&[ValType::I32][..], &[ValType::I32][..]),
        (&[ValType::I32, ValType::I32], &[]),
        (&[], &[ValType::I64]),
        (&[ValType::I32, ValType::I32], &[ValType::I64]),
    ];
    let types: Vec<Vec<u8>> = types
        .iter()
        .map(|(params, results)| {
            let mut entry = vec![0x60];
            params.encode(&mut entry);
            results.encode(&mut entry);
            entry
        })
        .collect();
    let ty = |number: u32| leb(u64::from(own.types + number));
    let functions = [ty(0), ty(1), ty(2), ty(3)];
    let mut exports = vec![
        export("allocate", 0, first),
        export("deallocate", 0, first + 1),
        export("describe", 0, first + 2),
        export("schema", 0, first + 2),
        export("observe", 0, first + 3),
    ];
    if !own.exports_memory {
        exports.push(export("memory", 2, 0));
    }
    let bodies = [
        body(&[], |code| {
            code.i32_const(CONFIG);
        }),
        body(&[], |_| {}),
        body(&[], |code| {
            code.i64_const(0);
        }),
        observe(&own),
    ];
    rewrite(module, |id, content| match id {
        TYPE => append(content, &types),
        FUNCTION => append(content, &functions),
        MEMORY => memory.clone(),
        EXPORT => append(content, &exports),
        CODE => append(content, &bodies),
        _ => content.to_vec(),
    })
}

/// A memory section: the module's own memory, with a page at least.
fn memory(own: &Own) -> Vec<u8> {
    let minimum = own.memory.map_or(1, |memory| memory.initial.max(1));
    let maximum = own.memory.and_then(|memory| memory.maximum);
    let mut section = vec![1, u8::from(maximum.is_some())];
    section.extend(leb(minimum));
    section.extend(maximum.into_iter().flat_map(|maximum| leb(maximum.max(1))));
    section
}

fn export(name: &str, kind: u8, index: u32) -> Vec<u8> {
    let mut entry = Vec::new();
    name.encode(&mut entry);
    entry.push(kind);
    index.encode(&mut entry);
    entry
}

fn body(locals: &[(u32, ValType)], write: impl FnOnce(&mut InstructionSink<'_>)) -> Vec<u8> {
    let mut function = Function::new(locals.iter().copied());
    write(&mut function.instructions());
    function.instructions().end();
    let mut entry = Vec::new();
    function.encode(&mut entry);
    entry
}

// The locals of `observe`, after its two parameters.
const DIGEST: u32 = 2;
const NUMBER: u32 = 3;

fn observe(own: &Own) -> Vec<u8> {
    body(&[(1, ValType::I64), (1, ValType::I32)], |code| {
        for function in &own.called {
            let ty = &own.functions[*function as usize];
            for (number, param) in ty.params.iter().enumerate() {
                let number = 7 * number as i32 + 3;
                match param {
                    Type::I32 => code.i32_const(number),
                    Type::I64 => code.i64_const(i64::from(number)),
                    Type::F32 => code.f32_const((number as f32).into()),
                    Type::F64 => code.f64_const(f64::from(number).into()),
                    Type::Ref(ty) if ty.is_func_ref() => {
                        code.ref_null(wasm_encoder::HeapType::FUNC)
                    }
                    Type::Ref(_) => code.ref_null(wasm_encoder::HeapType::EXTERN),
                    Type::V128 => panic!("SIMD is not enabled"),
                };
            }
            code.call(*function);
            for result in ty.results.iter().rev() {
                fold(code, *result);
            }
        }
        code.local_get(1).i32_const(2).i32_le_u();
        code.if_(wasm_encoder::BlockType::Empty);
        write(code, PLAIN, 0);
        code.i64_const(i64::from(AT) << 32 | (PLAIN.len() as i64))
            .return_();
        code.end();
        digest_state(code, own);
        write(code, BEFORE, 0);
        // The digits, from the last to the first.
        let digits = BEFORE.len() as i32 + 16;
        code.i32_const(16).local_set(NUMBER);
        code.loop_(wasm_encoder::BlockType::Empty);
        code.local_get(NUMBER)
            .i32_const(1)
            .i32_sub()
            .local_tee(NUMBER);
        code.local_get(DIGEST)
            .i32_wrap_i64()
            .i32_const(15)
            .i32_and()
            .i32_const(i32::from(b'a'))
            .i32_add();
        code.i32_store8(at(AT as u64 + BEFORE.len() as u64, 0));
        code.local_get(DIGEST)
            .i64_const(4)
            .i64_shr_u()
            .local_set(DIGEST);
        code.local_get(NUMBER).br_if(0).end();
        for (number, byte) in AFTER.iter().enumerate() {
            code.i32_const(AT + digits + number as i32)
                .i32_const(i32::from(*byte));
            code.i32_store8(at(0, 0));
        }
        let length = i64::from(digits) + AFTER.len() as i64;
        code.i64_const(i64::from(AT) << 32 | length);
    })
}

/// Makes the value on the stack a part of the digest.
fn fold(code: &mut InstructionSink<'_>, ty: Type) {
    match ty {
        Type::I32 => code.i64_extend_i32_u(),
        Type::I64 => code,
        Type::F32 => code.i32_reinterpret_f32().i64_extend_i32_u(),
        Type::F64 => code.i64_reinterpret_f64(),
        Type::Ref(_) => code.ref_is_null().i64_extend_i32_u(),
        Type::V128 => panic!("SIMD is not enabled"),
    };
    code.local_get(DIGEST).i64_const(0x0100_0000_01B3).i64_mul();
    code.i64_const(17).i64_rotl().i64_xor().local_set(DIGEST);
}

fn digest_state(code: &mut InstructionSink<'_>, own: &Own) {
    for (index, ty) in (0..).zip(&own.globals) {
        code.global_get(index);
        fold(code, *ty);
    }
    for table in 0..own.tables {
        code.table_size(table);
        fold(code, Type::I32);
        code.table_size(table).local_set(NUMBER);
        code.block(wasm_encoder::BlockType::Empty);
        code.loop_(wasm_encoder::BlockType::Empty);
        code.local_get(NUMBER).i32_eqz().br_if(1);
        code.local_get(NUMBER)
            .i32_const(1)
            .i32_sub()
            .local_tee(NUMBER);
        code.table_get(table).ref_is_null();
        fold(code, Type::I32);
        code.br(0).end().end();
    }
    if own.memory.is_some() {
        code.memory_size(0);
        fold(code, Type::I32);
        code.memory_size(0)
            .i32_const(16)
            .i32_shl()
            .local_set(NUMBER);
        code.block(wasm_encoder::BlockType::Empty);
        code.loop_(wasm_encoder::BlockType::Empty);
        code.local_get(NUMBER).i32_eqz().br_if(1);
        code.local_get(NUMBER)
            .i32_const(8)
            .i32_sub()
            .local_tee(NUMBER);
        code.i64_load(at(0, 0));
        fold(code, Type::I64);
        code.br(0).end().end();
    }
}

/// Writes bytes, eight at a time, at `AT` and an offset.
fn write(code: &mut InstructionSink<'_>, bytes: &[u8], offset: u64) {
    for (number, eight) in (0..).zip(bytes.chunks(8)) {
        let eight = i64::from_le_bytes(eight.try_into().unwrap());
        code.i32_const(AT).i64_const(eight);
        code.i64_store(at(offset + 8 * number, 0));
    }
}

fn at(offset: u64, align: u32) -> MemArg {
    MemArg {
        offset,
        align,
        target: MemArgTarget::Memory(0),
        ordering: None,
    }
}

struct FunctionType {
    params: Vec<Type>,
    results: Vec<Type>,
}

/// What a module has.
#[derive(Default)]
struct Own {
    types: u32,
    functions: Vec<FunctionType>,
    globals: Vec<Type>,
    tables: u32,
    memory: Option<MemoryType>,
    exports_memory: bool,
    /// The functions that it exports, each once.
    called: Vec<u32>,
}

impl Own {
    fn of(module: &[u8]) -> Own {
        let mut own = Own::default();
        let mut types = Vec::new();
        for payload in Parser::new(0).parse_all(module) {
            match payload.unwrap() {
                Payload::TypeSection(section) => {
                    for group in section {
                        for ty in group.unwrap().into_types() {
                            types.push(match ty.composite_type.inner {
                                CompositeInnerType::Func(ty) => ty,
                                _ => panic!("GC is not enabled"),
                            });
                        }
                    }
                }
                Payload::FunctionSection(section) => {
                    for ty in section {
                        let ty = &types[ty.unwrap() as usize];
                        own.functions.push(FunctionType {
                            params: ty.params().to_vec(),
                            results: ty.results().to_vec(),
                        });
                    }
                }
                Payload::TableSection(section) => own.tables = section.count(),
                Payload::MemorySection(section) => {
                    own.memory = section.into_iter().next().map(Result::unwrap);
                }
                Payload::GlobalSection(section) => {
                    let globals = section.into_iter().map(|global| global.unwrap().ty);
                    own.globals = globals.map(|ty| ty.content_type).collect();
                }
                Payload::ExportSection(section) => {
                    for export in section {
                        let export = export.unwrap();
                        own.exports_memory |= export.name == "memory";
                        if export.kind == ExternalKind::Func && !own.called.contains(&export.index)
                        {
                            own.called.push(export.index);
                        }
                    }
                }
                _ => {}
            }
        }
        own.types = types.len() as u32;
        own
    }
}

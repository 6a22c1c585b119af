//! A guest that does what it is told: calls these functions with these arguments, and answers with
//! a sum of what they returned.

use tollgate::abi::functions::{self, FUNCTIONS};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, ImportSection, InstructionSink, MemArg, MemArgTarget, MemorySection,
    MemoryType, Module, TypeSection, ValType,
};

/// Module, name, parameters (`i` for 32 bits, `I` for 64) and result.
pub type Offer = (&'static str, &'static str, &'static str, char);

/// Everything that the host offers.
pub fn offered() -> impl Iterator<Item = Offer> {
    let json = JSON
        .iter()
        .map(|function| ("reglet_host", function.name, "I", 'I'));
    let log = ("reglet_host", "log_message", "I", ' ');
    let wasi = WASI.iter().map(|(name, params)| {
        let result = if *name == "proc_exit" { ' ' } else { 'i' };
        ("wasi_snapshot_preview1", *name, *params, result)
    });
    json.chain([log]).chain(wasi)
}

/// Functions that take a JSON document and return one. The last of the table returns nothing.
pub const JSON: &[functions::Function] = match FUNCTIONS.split_last() {
    Some((_log, returning)) => returning,
    None => &[],
};

/// Functions of preview 1.
pub const WASI: &[(&str, &str)] = &[
    ("args_get", "ii"),
    ("args_sizes_get", "ii"),
    ("clock_res_get", "ii"),
    ("clock_time_get", "iIi"),
    ("environ_get", "ii"),
    ("environ_sizes_get", "ii"),
    ("fd_advise", "iIIi"),
    ("fd_allocate", "iII"),
    ("fd_close", "i"),
    ("fd_datasync", "i"),
    ("fd_fdstat_get", "ii"),
    ("fd_fdstat_set_flags", "ii"),
    ("fd_fdstat_set_rights", "iII"),
    ("fd_filestat_get", "ii"),
    ("fd_filestat_set_size", "iI"),
    ("fd_filestat_set_times", "iIIi"),
    ("fd_pread", "iiiIi"),
    ("fd_prestat_dir_name", "iii"),
    ("fd_prestat_get", "ii"),
    ("fd_pwrite", "iiiIi"),
    ("fd_read", "iiii"),
    ("fd_readdir", "iiiIi"),
    ("fd_renumber", "ii"),
    ("fd_seek", "iIii"),
    ("fd_sync", "i"),
    ("fd_tell", "ii"),
    ("fd_write", "iiii"),
    ("path_create_directory", "iii"),
    ("path_filestat_get", "iiiii"),
    ("path_filestat_set_times", "iiiiIIi"),
    ("path_link", "iiiiiii"),
    ("path_open", "iiiiiIIii"),
    ("path_readlink", "iiiiii"),
    ("path_remove_directory", "iii"),
    ("path_rename", "iiiiii"),
    ("path_symlink", "iiiii"),
    ("path_unlink_file", "iii"),
    ("poll_oneoff", "iiii"),
    ("proc_exit", "i"),
    ("proc_raise", "i"),
    ("random_get", "ii"),
    ("sched_yield", ""),
    ("sock_accept", "iii"),
    ("sock_recv", "iiiiii"),
    ("sock_send", "iiiii"),
    ("sock_shutdown", "ii"),
];

/// Where the plugin's data lie, and how many there may be.
pub const DATA: u32 = 0x2000;
/// See [`DATA`].
pub const MOST_DATA: usize = 0x1_0000;
/// Sixteen places of eight bytes for what functions give through pointers.
pub const SLOTS: u32 = 0x1000;

/// An argument of a call.
#[derive(Clone, Copy, Debug)]
pub enum Arg {
    /// A number, cut to 32 bits where the parameter has so many.
    Number(u64),
    /// What stands in one of the slots, 32 bits of it.
    Slot(u8),
}

/// A call of a host function.
#[derive(Clone, Debug)]
pub struct Call {
    /// Which, by its place in [`offered`].
    pub function: usize,
    /// Its arguments; missing ones are zero.
    pub args: Vec<Arg>,
}

const INFO: &str = r#"{"name":"driver","version":"1"}"#;
const SUM: &str = r#"{"status":true,"data":{"sum":"aaaaaaaaaaaaaaaa"}}"#;
const BUFFER: u32 = 0x2_0000;

/// A plugin that makes the calls when it observes.
pub fn plugin(calls: &[Call], data: &[u8]) -> Vec<u8> {
    let offered: Vec<Offer> = offered().collect();
    let used: Vec<(Offer, &Call)> = calls
        .iter()
        .filter_map(|call| Some((*offered.get(call.function)?, call)))
        .collect();

    let mut observe = Function::new([(1, ValType::I64), (1, ValType::I32)]);
    let mut code = observe.instructions();
    for (index, ((_, _, params, result), call)) in (0..).zip(&used) {
        for (ty, at) in params.chars().zip(0..) {
            argument(&mut code, ty, call.args.get(at).copied());
        }
        code.call(index);
        match result {
            'I' => code.nop(),
            'i' => code.i64_extend_i32_u(),
            _ => code.i64_const(1),
        };
        // sum = sum * 31 + result
        code.local_get(2)
            .i64_const(31)
            .i64_mul()
            .i64_add()
            .local_set(2);
    }
    let digits = u32::try_from(SUM.find("aaaa").unwrap_or(0)).unwrap_or(0);
    for nibble in 0..16 {
        code.i32_const((256 + digits + nibble).cast_signed())
            .local_get(2)
            .i64_const(i64::from(nibble) * 4)
            .i64_shr_u()
            .i32_wrap_i64()
            .i32_const(15)
            .i32_and()
            .i32_const(i32::from(b'a'))
            .i32_add()
            .i32_store8(at(0));
    }
    code.i64_const(packed(256, SUM)).end();
    encode(&used, data, &observe)
}

fn encode(used: &[(Offer, &Call)], data: &[u8], observe: &Function) -> Vec<u8> {
    use ValType::{I32, I64};
    let mut types = TypeSection::new();
    types.ty().function([I32], [I32]);
    types.ty().function([], [I64]);
    types.ty().function([I32, I32], [I64]);
    let mut imports = ImportSection::new();
    for (index, ((module, name, params, result), _)) in (3..).zip(used) {
        let value = |ty| if ty == 'I' { I64 } else { I32 };
        let results = (*result != ' ').then(|| value(*result));
        let params: Vec<ValType> = params.chars().map(value).collect();
        types.ty().function(params, results);
        imports.import(module, name, EntityType::Function(index));
    }
    let first = u32::try_from(used.len()).unwrap_or(0);
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
    for (name, index) in [
        ("allocate", 0),
        ("describe", 1),
        ("schema", 1),
        ("observe", 2),
    ] {
        exports.export(name, ExportKind::Func, first + index);
    }
    let mut bodies = CodeSection::new();
    let mut allocate = Function::new([]);
    allocate
        .instructions()
        .i32_const(BUFFER.cast_signed())
        .end();
    let mut describe = Function::new([]);
    describe.instructions().i64_const(packed(16, INFO)).end();
    bodies
        .function(&allocate)
        .function(&describe)
        .function(observe);
    let mut segments = DataSection::new();
    let mut put = |at: u32, bytes: &[u8]| {
        segments.active(
            0,
            &ConstExpr::i32_const(at.cast_signed()),
            bytes.iter().copied(),
        );
    };
    put(16, INFO.as_bytes());
    put(256, SUM.as_bytes());
    put(DATA, &data[..data.len().min(MOST_DATA)]);
    Module::new()
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&memories)
        .section(&exports)
        .section(&bodies)
        .section(&segments)
        .clone()
        .finish()
}

fn argument(code: &mut InstructionSink<'_>, ty: char, arg: Option<Arg>) {
    match (ty, arg.unwrap_or(Arg::Number(0))) {
        ('I', Arg::Number(number)) => code.i64_const(number.cast_signed()),
        (_, Arg::Number(number)) => {
            let low = u32::try_from(number & 0xFFFF_FFFF).unwrap_or(0);
            code.i32_const(low.cast_signed())
        }
        (ty, Arg::Slot(slot)) => {
            let place = SLOTS + u32::from(slot % 16) * 8;
            code.i32_const(0).i32_load(at(place));
            if ty == 'I' {
                code.i64_extend_i32_u()
            } else {
                code.nop()
            }
        }
    };
}

fn at(offset: u32) -> MemArg {
    MemArg {
        offset: offset.into(),
        align: 0,
        target: MemArgTarget::Memory(0),
        ordering: None,
    }
}

fn packed(ptr: u32, text: &str) -> i64 {
    (u64::from(ptr) << 32 | text.len() as u64).cast_signed()
}

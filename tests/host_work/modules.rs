//! Modules: their sections, their names and types, and what baked ones say of themselves.

use super::{Listed, Work, listed, plugin::Plain, repeated};
use tollgate::{Inspection, Limits, ModuleCache, Runtime};
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, GlobalSection, GlobalType, ImportSection, MemorySection, MemoryType, Module,
    TypeSection, ValType,
};

const COUNTER: GlobalType = GlobalType {
    val_type: ValType::I32,
    mutable: true,
    shared: false,
};

pub const ROWS: &[Listed] = &[
    ("module: empty sections", |bytes| {
        let mut module = Plain::default().module();
        module.extend([0, 1, 0].repeat(bytes / 3));
        inspected(module)
    }),
    ("module: unreadable sections", |bytes| {
        let mut module = Plain::default().module();
        module.extend([0, 0].repeat(bytes / 2));
        inspected(module)
    }),
    ("module: versions of the package", |bytes| {
        let version = || ("tollgate-abi", b"1".to_vec());
        custom((0..bytes / 24).map(|_| version()).collect())
    }),
    ("module: one long version", |bytes| {
        custom(vec![("tollgate-abi", vec![0xFF; bytes])])
    }),
    ("module: exports of a wide type", |bytes| {
        let mut module = Module::new();
        let mut types = TypeSection::new();
        types.ty().function([ValType::I64; 255], [ValType::F64; 30]);
        let mut functions = FunctionSection::new();
        functions.function(0);
        let mut exports = ExportSection::new();
        for number in 0..bytes / 8 {
            exports.export(&format!("{number:x}"), ExportKind::Func, 0);
        }
        let mut code = CodeSection::new();
        let mut body = Function::new([]);
        body.instructions().unreachable().end();
        code.function(&body);
        module.section(&types).section(&functions);
        module.section(&exports).section(&code);
        inspected(module.finish())
    }),
    ("module: long exports", |bytes| {
        let mut module = Module::new();
        let mut exports = ExportSection::new();
        let long = "\u{1b}".repeat(bytes.isqrt());
        for number in 0..bytes / (long.len() + 8) {
            exports.export(&format!("{long}{number}"), ExportKind::Memory, 0);
        }
        module.section(&one_memory()).section(&exports);
        inspected(module.finish())
    }),
    ("module: imports that nobody offers", |bytes| {
        imports((0..bytes / 6).map(|number| ("x", format!("{number:x}"))))
    }),
    ("module: imports of the host that nobody offers", |bytes| {
        let names = (0..bytes / 18).map(|number| ("reglet_host", format!("{number:x}")));
        imports(names)
    }),
    ("module: one long import", |bytes| {
        imports([("x", repeated(bytes, "\u{202e}"))].into_iter())
    }),
    ("module: many segments", |bytes| {
        data((0..bytes / 8).map(|number| (number as i32 * 3 % 60_000, vec![1])))
    }),
    ("module: segments on top of each other", |bytes| {
        let long = bytes.isqrt();
        data((0..bytes / (long + 6)).map(|_| (0, vec![1; long])))
    }),
    ("module: empty segments", |bytes| {
        data((0..bytes / 6).map(|_| (0, Vec::new())))
    }),
    ("module: many globals", |bytes| {
        let mut module = Module::new();
        let mut globals = GlobalSection::new();
        for _ in 0..bytes / 5 {
            globals.global(COUNTER, &ConstExpr::i32_const(0));
        }
        module.section(&one_memory()).section(&globals);
        inspected(module.finish())
    }),
    ("module: one long expression", |bytes| {
        let mut module = Module::new();
        let mut globals = GlobalSection::new();
        let sum = [0x41, 0, 0x41, 0, 0x6A, 0x41, 0, 0x6A].into_iter();
        let more = [0x41, 0, 0x6A].repeat(bytes / 3);
        globals.global(COUNTER, &ConstExpr::raw(sum.chain(more)));
        module.section(&one_memory()).section(&globals);
        inspected(module.finish())
    }),
    ("module: blocks in blocks", |bytes| {
        body(bytes / 3, &[0x02, 0x40], &[0x0B])
    }),
    ("module: one block after the other", |bytes| {
        body(bytes / 3, &[0x02, 0x40, 0x0B], &[])
    }),
    ("module: branches out of deep blocks", |bytes| {
        let mut code = [0x02, 0x40].repeat(bytes / 6);
        code.extend([0x41, 0, 0x0D, 0].repeat(bytes / 12));
        code.extend(vec![0x0B; bytes / 6]);
        function(code)
    }),
    ("baked: many grants", |bytes| {
        baked(listed(bytes, r#""grants":["#, |_| "\"\"".to_owned(), "]"))
    }),
    ("baked: many answers", |bytes| {
        baked(listed(
            bytes,
            r#""answers":{"#,
            |number| format!("\"{number}\":\"\""),
            "}",
        ))
    }),
    ("baked: the same answer again and again", |bytes| {
        baked(listed(
            bytes,
            r#""answers":{"#,
            |_| "\"describe\":\"\"".to_owned(),
            "}",
        ))
    }),
    ("baked: a long answer", |bytes| {
        let answer = listed(bytes, r#"{\"x\":["#, |_| r#"{\"\":0}"#.to_owned(), "]}");
        baked(format!(r#""answers":{{"describe":"{answer}"}}"#))
    }),
    ("baked: a description with groups", |bytes| {
        let group = repeated(bytes, "{a,b}");
        let answer = format!(
            r#"{{\"name\":\"n\",\"capabilities\":{{\"fs\":{{\"rules\":[{{\"read\":[\"/{group}\"]}}]}}}}}}"#
        );
        baked(format!(r#""answers":{{"_manifest":"{answer}"}}"#))
    }),
    ("baked: lists in lists", |bytes| {
        baked(format!(r#""grants":{}"#, "[".repeat(bytes)))
    }),
    ("baked: small objects", |bytes| {
        baked(listed(
            bytes,
            r#""flags":["#,
            |_| r#"{"":0}"#.to_owned(),
            "]",
        ))
    }),
    ("baked: many sections", |bytes| {
        custom(
            (0..bytes / 20)
                .map(|_| ("tollgate.baked", b"{}".to_vec()))
                .collect(),
        )
    }),
];

/// Looks at a module, loads it, and asks what it is.
fn inspected(module: Vec<u8>) -> Work {
    let bytes = module.len();
    let runtime = Runtime::deterministic(0).module_cache(ModuleCache::new());
    let runtime = runtime.build().unwrap();
    let run = move || {
        match Inspection::new(&module, &Limits::default()) {
            Ok(inspection) => drop(serde_json::to_string(&inspection)),
            Err(error) => drop(error.to_string()),
        }
        match runtime.load("odd", module) {
            Ok(plugin) => drop(plugin.describe()),
            Err(error) => drop(error.to_string()),
        }
    };
    Work {
        bytes,
        run: Box::new(run),
    }
}

fn custom(custom: Vec<(&'static str, Vec<u8>)>) -> Work {
    let plugin = Plain {
        custom,
        ..Plain::default()
    };
    inspected(plugin.module())
}

fn one_memory() -> MemorySection {
    let mut memory = MemorySection::new();
    memory.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    memory
}

fn imports(names: impl Iterator<Item = (&'static str, String)>) -> Work {
    let mut module = Module::new();
    let mut types = TypeSection::new();
    types.ty().function([ValType::I64; 200], []);
    let mut imports = ImportSection::new();
    for (from, name) in names {
        imports.import(from, &name, EntityType::Function(0));
    }
    module.section(&types).section(&imports);
    module.section(&one_memory());
    inspected(module.finish())
}

fn data(segments: impl Iterator<Item = (i32, Vec<u8>)>) -> Work {
    let mut module = Module::new();
    let mut data = DataSection::new();
    for (offset, bytes) in segments {
        data.active(0, &ConstExpr::i32_const(offset), bytes);
    }
    module.section(&one_memory()).section(&data);
    inspected(module.finish())
}

fn body(count: usize, open: &[u8], close: &[u8]) -> Work {
    function([open.repeat(count), close.repeat(count)].concat())
}

fn function(code: Vec<u8>) -> Work {
    let mut module = Module::new();
    let mut types = TypeSection::new();
    types.ty().function([], []);
    let mut functions = FunctionSection::new();
    functions.function(0);
    let mut bodies = CodeSection::new();
    let mut body = Function::new([]);
    body.raw(code).instructions().end();
    bodies.function(&body);
    module.section(&types).section(&functions);
    module.section(&one_memory()).section(&bodies);
    inspected(module.finish())
}

/// A plugin that says of its making what bakers write, and this.
fn baked(field: String) -> Work {
    let plain = [
        ("format", "1"),
        ("original", "\"00\""),
        ("tollgate", "\"0\""),
        ("engine", "\"0\""),
        ("grants", "[]"),
        ("fuel", "0"),
        ("flags", "[0,0,0,0]"),
        ("answers", "{}"),
    ];
    let others = plain
        .iter()
        .filter(|(name, _)| !field.starts_with(&format!("\"{name}\"")));
    let others: Vec<String> = others
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    let content = format!("{{{},{field}}}", others.join(",")).into_bytes();
    let plugin = Plain {
        newer: field.contains("_manifest"),
        answers: vec![("_manifest", b"{}".to_vec())],
        custom: vec![("tollgate.baked", content)],
        ..Plain::default()
    };
    inspected(plugin.module())
}

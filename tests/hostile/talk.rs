//! Attacks by what a plugin says: as evidence, or as the request of a host function. Each is a
//! text, put into an honest plugin.

use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, EntityType, ExportKind, ExportSection, Function,
    FunctionSection, ImportSection, MemorySection, MemoryType, Module, TypeSection, ValType,
};

const PAGE: usize = 65_536;
/// Where the text stands.
const TEXT: i32 = 65_536;
const FINE: &[u8] = br#"{"status":true}"#;

/// A plugin that answers with a text, or has a host function answer a text and then is fine.
pub fn saying(text: &[u8], function: Option<&str>) -> Vec<u8> {
    let (i32, i64) = (ValType::I32, ValType::I64);
    let mut module = Module::new();
    let mut types = TypeSection::new();
    types.ty().function([], [i64]);
    types.ty().function([i32, i32], [i64]);
    types.ty().function([i32], [i32]);
    types.ty().function([i64], [i64]);
    types.ty().function([i64], []);
    module.section(&types);
    let hears = function == Some("log_message");
    if let Some(function) = function {
        let ty = if hears { 4 } else { 3 };
        let mut imports = ImportSection::new();
        imports.import("reglet_host", function, EntityType::Function(ty));
        module.section(&imports);
    }
    let mut functions = FunctionSection::new();
    functions.function(0).function(1).function(2);
    module.section(&functions);
    let mut memories = MemorySection::new();
    let pages = text.len().div_ceil(PAGE) + 2;
    memories.memory(MemoryType {
        minimum: pages as u64,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    module.section(&memories);
    let first = u32::from(function.is_some());
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    for (name, number) in [("describe", 0), ("observe", 1), ("allocate", 2)] {
        exports.export(name, ExportKind::Func, first + number);
    }
    module.section(&exports);
    let packed = |ptr: i32, text: &[u8]| i64::from(ptr) << 32 | text.len() as i64;
    let mut code = CodeSection::new();
    let mut body = |write: &dyn Fn(&mut wasm_encoder::InstructionSink<'_>)| {
        let mut function = Function::new([]);
        write(&mut function.instructions());
        function.instructions().end();
        code.function(&function);
    };
    body(&|sink| {
        sink.i64_const(0);
    });
    body(&|sink| {
        if function.is_none() {
            sink.i64_const(packed(TEXT, text));
            return;
        }
        sink.i64_const(packed(TEXT, text)).call(0);
        if !hears {
            sink.drop();
        }
        sink.i64_const(packed(16, FINE));
    });
    // Room for small replies; larger ones find none.
    body(&|sink| {
        sink.i32_const(4096);
    });
    module.section(&code);
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(16), FINE.iter().copied());
    data.active(0, &ConstExpr::i32_const(TEXT), text.iter().copied());
    module.section(&data);
    module.finish()
}

/// As evidence: what it says, and how that ends.
pub fn evidence() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let most = 7 << 20;
    let whole = |open: &str, item: &str, close: &str| {
        let room = most - open.len() - close.len() - 2;
        let items = item.repeat(room / item.len());
        let items = items.trim_end_matches(',');
        format!("{open}{items}{close}").into_bytes()
    };
    let deep = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!("{{\"status\":true,\"data\":{{\"x\":{open}{close}}}}}").into_bytes()
    };
    let data = "{\"status\":true,\"data\":{\"x\":[";
    let too_many = "values, more than the limit of";
    vec![
        ("numbers", whole(data, "0,", "]}}"), too_many),
        ("empty lists", whole(data, "[],", "]}}"), too_many),
        ("empty objects", whole(data, "{},", "]}}"), too_many),
        ("empty texts", whole(data, "\"\",", "]}}"), too_many),
        (
            "lists of lists",
            whole(data, "[[],[],[],[]],", "]}}"),
            too_many,
        ),
        (
            "one key",
            whole("{\"status\":true,\"data\":{", "\"x\":0,", "}}"),
            too_many,
        ),
        (
            "unknown fields",
            whole("{\"status\":true,", "\"x\":0,", "}"),
            too_many,
        ),
        (
            "one text",
            whole("{\"status\":true,\"data\":{\"x\":\"", "yy", "\"}}"),
            "answered",
        ),
        (
            "escapes",
            whole("{\"status\":true,\"data\":{\"x\":\"", "\\u0000", "\"}}"),
            "answered",
        ),
        ("deep", deep(100_000), "nested 100002 levels deep"),
        (
            "deep and open",
            "[".repeat(2 << 20).into_bytes(),
            "nested 2097152 levels deep",
        ),
        (
            "deep errors",
            {
                let error = "{\"type\":\"x\",\"message\":\"y\",\"wrapped\":";
                let text = format!(
                    "{{\"status\":false,\"error\":{}null{}",
                    error.repeat(100_000),
                    "}".repeat(100_001)
                );
                text.into_bytes()
            },
            "nested 100001 levels deep",
        ),
        (
            "a lone surrogate",
            b"{\"status\":true,\"data\":{\"x\":\"\\ud800\"}}".to_vec(),
            "answered",
        ),
        (
            "a number too large",
            b"{\"status\":true,\"data\":{\"x\":1e999}}".to_vec(),
            "not JSON",
        ),
        (
            "not text",
            b"{\"status\":true,\"data\":{\"x\":\"\xff\"}}".to_vec(),
            "answered",
        ),
        (
            "a status that is none",
            b"{\"status\":\"\\u001b[2J\"}".to_vec(),
            "wrong shape",
        ),
        ("zeros", vec![0; 1 << 20], "not JSON"),
    ]
}

/// As requests: each may be refused, and the guest goes on.
pub fn requests() -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("nothing", Vec::new()),
        ("a NUL byte", b"{\"path\":\"/etc/\0hosts\"}".to_vec()),
        ("an escaped NUL", text("{\"path\":\"/etc/\\u0000hosts\"}")),
        ("a lone surrogate", text("{\"path\":\"\\ud800\"}")),
        ("not text", b"{\"path\":\"\xff\xfe\"}".to_vec()),
        ("deep", text(&format!("{{\"path\":{}", "[".repeat(100_000)))),
        (
            "deep context",
            text(&format!("{{\"context\":{}", "{\"a\":".repeat(100_000))),
        ),
        ("more than may be said", vec![b'['; 2 << 20]),
        (
            "numbers",
            text(&format!("{{\"x\":[{}0]}}", "0,".repeat(500_000))),
        ),
        ("a key twice", text("{\"path\":\"/a\",\"path\":\"/b\"}")),
        (
            "a key many times",
            text(&format!(
                "{{{}\"path\":\"/a\"}}",
                "\"path\":\"/b\",".repeat(50_000)
            )),
        ),
        (
            "numbers out of range",
            text("{\"path\":\"/a\",\"host\":\"a\",\"port\":1e999,\"timeout_ms\":-1}"),
        ),
        (
            "large numbers",
            text(
                "{\"command\":\"ls\",\"host\":\"a\",\"path\":\"/a\",\"port\":18446744073709551616,
                  \"timeout_ms\":9223372036854775807,\"max_bytes\":18446744073709551615}",
            ),
        ),
        (
            "a long path",
            text(&format!("{{\"path\":\"/{}\"}}", "a/../".repeat(200_000))),
        ),
        (
            "a long name",
            text(&format!(
                "{{\"path\":\"/{}\",\"name\":\"{0}\"}}",
                "a".repeat(500_000)
            )),
        ),
        (
            "many slashes",
            text(&format!("{{\"path\":\"{}\"}}", "/".repeat(1_000_000))),
        ),
        (
            "a long host",
            text(&format!(
                "{{\"host\":\"{0}\",\"hostname\":\"{0}\",\"port\":80}}",
                "a.".repeat(250_000)
            )),
        ),
        (
            "a long URL",
            text(&format!(
                "{{\"method\":\"GET\",\"url\":\"http://h/{}\"}}",
                "%2e%2e/".repeat(140_000)
            )),
        ),
        (
            "many headers",
            text(&format!(
                "{{\"method\":\"GET\",\"url\":\"http://h/\",\"headers\":{{{}\"a\":[\"b\"]}}}}",
                "\"x\":[\"y\"],".repeat(90_000)
            )),
        ),
        (
            "many arguments",
            text(&format!(
                "{{\"command\":\"ls\",\"args\":[{}\"\"]}}",
                "\"\",".repeat(300_000)
            )),
        ),
        (
            "nested wrappers",
            text(&format!(
                "{{\"command\":\"env\",\"args\":[{}\"ls\"]}}",
                "\"env\",".repeat(150_000)
            )),
        ),
        (
            "many variables",
            text(&format!(
                "{{\"command\":\"ls\",\"env\":[{}\"\"]}}",
                "\"A=B\",".repeat(150_000)
            )),
        ),
        (
            "a log of escapes",
            text(&format!(
                "{{\"level\":\"INFO\",\"message\":\"{}\"}}",
                "\\u001b[2J".repeat(100_000)
            )),
        ),
        (
            "a log of attributes",
            text(&format!(
                "{{\"level\":\"INFO\",\"message\":\"\",\"attrs\":[{}{{}}]}}",
                "{\"key\":\"\",\"type\":\"\",\"value\":\"\"},".repeat(20_000)
            )),
        ),
    ]
}

/// The functions that requests are sent to.
pub const FUNCTIONS: &[&str] = &[
    "fs_read",
    "fs_stat",
    "fs_list",
    "fs_write",
    "env_get",
    "net_connect",
    "tcp_connect",
    "exec_run",
    "http_request",
    "dns_lookup",
    "smtp_connect",
    "last_denial",
    "log_message",
];

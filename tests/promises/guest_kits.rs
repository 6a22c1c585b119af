//! A plugin is small, and the kits of all languages use the same JSON: what they pack, decode and quote
//! arrives unchanged, for any content.

use crate::support;

use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::Value;
use std::{fs, path::Path, process::Command};
use tollgate::{Config, Plugin, Runtime};

const HELLO: &[u8] = include_bytes!("../../fixtures/hello/hello.wasm");
/// What `tollgate new` writes, built.
const WRITTEN: [(&str, &[u8]); 4] = [
    (
        "hello-c",
        include_bytes!("../../fixtures/hello-c/hello-c.wasm"),
    ),
    (
        "hello-as",
        include_bytes!("../../fixtures/hello-as/hello-as.wasm"),
    ),
    (
        "hello-zig",
        include_bytes!("../../fixtures/hello-zig/hello-zig.wasm"),
    ),
    (
        "hello-go",
        include_bytes!("../../fixtures/hello-go/hello-go.wasm"),
    ),
];

fn load(name: &str, wasm: &[u8]) -> Plugin {
    let grant = "env:*".parse().unwrap();
    let runtime = Runtime::builder().grant(name, grant).build().unwrap();
    runtime.load(name, wasm).unwrap()
}

#[test]
fn a_hello_plugin_in_rust_is_smaller_than_40_kb_and_works() {
    assert!(HELLO.len() < 40_000, "{} bytes", HELLO.len());
    let hello = load("hello", HELLO);
    assert_eq!(hello.describe().unwrap().name, "hello");
    let fields = hello.schema().unwrap().fields();
    assert_eq!(
        (fields[0].name.as_str(), fields[0].description.as_str()),
        ("name", "Whom to greet.")
    );
    let seen = hello
        .observe(&Config::new().set("name", "Ada"))
        .unwrap()
        .evidence;
    assert!(seen.status);
    assert_eq!(seen.data["greeting"], "hello, Ada");
    let seen = hello.observe(&Config::new()).unwrap().evidence;
    assert_eq!(seen.data["greeting"], "hello, world");
    let error = hello
        .observe(&Config::new().set("nmae", 1))
        .unwrap()
        .evidence
        .error
        .unwrap();
    assert_eq!(error.kind, "config");
    assert!(
        error.message.contains("unknown field `nmae`"),
        "{}",
        error.message
    );
}

#[test]
fn every_kit_uses_buffers_again() {
    for (name, wasm) in WRITTEN.into_iter().chain([("hello", HELLO)]) {
        assert!(load(name, wasm).reuses_buffers().unwrap(), "{name}");
    }
    let env = fs::read("fixtures/env/env.wasm").unwrap();
    assert!(load("env", &env).reuses_buffers().unwrap());
}

#[test]
fn every_kit_asks_the_host_and_passes_its_refusal_on() {
    for (name, wasm) in WRITTEN {
        let plugin = load(name, wasm);
        assert_eq!(plugin.describe().unwrap().name, name);
        assert_eq!(plugin.schema().unwrap().fields()[0].name, "variable");
        let seen = plugin
            .observe(&Config::new().set("variable", "PATH"))
            .unwrap()
            .evidence;
        assert!(seen.status, "{name}: {:?}", seen.error);
        assert_eq!(seen.data["value"], std::env::var("PATH").unwrap(), "{name}");
        let seen = plugin
            .observe(&Config::new().set("variable", "NO_SUCH_THING"))
            .unwrap()
            .evidence;
        assert!(!seen.status && seen.data["is_set"] == false, "{name}");
        let seen = plugin
            .observe(&Config::new().set("variable", 7))
            .unwrap()
            .evidence;
        assert_eq!(seen.error.unwrap().kind, "config", "{name}");

        let without = Runtime::new().unwrap().load(name, wasm).unwrap();
        let error = without
            .observe(&Config::new())
            .unwrap()
            .evidence
            .error
            .unwrap();
        assert_eq!(
            (error.kind.as_str(), error.code.as_str()),
            ("capability", "EACCES"),
            "{name}"
        );
        assert!(
            error.message.contains("env:HOME"),
            "{name}: {}",
            error.message
        );
    }
}

/// A text in AssemblyScript is UTF-16, and may be cut inside a character.
#[test]
fn the_kit_of_assemblyscript_writes_whole_characters() {
    let (name, wasm) = WRITTEN[1];
    for (half, whole) in [
        (r"cut \ud83d", "cut \u{FFFD}"),
        (r"\ude00 first", "\u{FFFD} first"),
        (r"\ud83d\ud83d\ude00", "\u{FFFD}😀"),
    ] {
        let mut instance = load(name, wasm).instance().unwrap();
        let config = format!(r#"{{"variable":"{half}"}}"#);
        let answer = instance.observe_bytes(config.as_bytes()).unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["data"]["variable"], whole);
    }
}

fn comes_back(plugins: &[Plugin], hello: &Plugin, text: &str) -> Result<(), TestCaseError> {
    // A variable's name has neither; the host refuses it then, and says so.
    if !text.is_empty() && !text.contains(['=', '\0']) {
        for plugin in plugins {
            let seen = plugin
                .observe(&Config::new().set("variable", text))
                .unwrap()
                .evidence;
            prop_assert!(seen.error.is_none(), "{}: {:?}", plugin.name(), seen.error);
            prop_assert_eq!(&seen.data["variable"], text, "{}", plugin.name());
        }
    }
    if !text.is_empty() {
        let seen = hello
            .observe(&Config::new().set("name", text))
            .unwrap()
            .evidence;
        prop_assert_eq!(&seen.data["greeting"], &format!("hello, {text}"));
    }
    Ok(())
}

#[test]
fn any_text_comes_back_as_it_was() {
    let mut plugins: Vec<Plugin> = WRITTEN.map(|(name, wasm)| load(name, wasm)).into();
    // Go takes too long to start for hundreds of texts; it has a JSON package of its own.
    let go = plugins.pop().unwrap();
    let hello = load("hello", HELLO);
    for text in [
        "\"\\/\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}",
        "<é€𝄞&>\u{2028}",
        "{\"a\":[1,2]}",
        "\\u0041",
    ] {
        comes_back(&plugins, &hello, text).unwrap();
        comes_back(std::slice::from_ref(&go), &hello, text).unwrap();
    }
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&any::<String>(), |text| comes_back(&plugins, &hello, &text));
    outcome.unwrap();
}

/// The vectors of packed values: the number, and the pointer and length in it if it is good.
fn packed_vectors() -> Vec<(u64, Option<(u64, u64)>)> {
    let file: Value =
        serde_json::from_slice(&fs::read("abi/vectors/packed.json").unwrap()).unwrap();
    let vectors = file["vectors"].as_array().unwrap().iter();
    vectors
        .map(|vector| {
            let digits = vector["packed"].as_str().unwrap().trim_start_matches("0x");
            let range = vector["ptr"].as_u64().zip(vector["len"].as_u64());
            (u64::from_str_radix(digits, 16).unwrap(), range)
        })
        .collect()
}

fn kit(file: &str) -> String {
    fs::read_to_string(Path::new("abi/kits").join(file)).unwrap()
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}

#[test]
fn the_vectors_hold_in_c() {
    let Some(cc) = support::needs::needs("cc") else {
        return;
    };
    let mut checks = String::new();
    for (packed, range) in packed_vectors() {
        checks += &match range {
            Some((ptr, len)) => format!("good({packed}ull, {ptr}u, {len}u);\n"),
            None => format!("bad({packed}ull);\n"),
        };
    }
    let directory = tempfile::tempdir().unwrap();
    let (source, program) = (
        directory.path().join("vectors.c"),
        directory.path().join("vectors"),
    );
    let text = format!(
        "#define TOLLGATE_IMPLEMENTATION\n#define TOLLGATE_LIBC\n#include \"tollgate.h\"\n\
         void tollgate_log_message(uint64_t request) {{ (void)request; }}\n\
         static void good(uint64_t packed, uint32_t ptr, uint32_t len) {{\n\
         uint32_t p, l;\n\
         if (!tollgate_unpack(packed, &p, &l) || p != ptr || l != len || tollgate_pack(p, l) != packed) abort();\n}}\n\
         static void bad(uint64_t packed) {{ uint32_t p, l; if (tollgate_unpack(packed, &p, &l)) abort(); }}\n\
         int main(void) {{\n{checks}return 0;\n}}\n"
    );
    fs::write(&source, text).unwrap();
    let kits = Path::new(env!("CARGO_MANIFEST_DIR")).join("abi/kits");
    // Attributes of WebAssembly mean nothing to a native compiler.
    succeeds(
        Command::new(cc)
            .arg("-w")
            .arg("-I")
            .arg(kits)
            .arg("-o")
            .arg(&program)
            .arg(&source),
    );
    succeeds(&mut Command::new(&program));
}

#[test]
fn the_vectors_hold_in_go() {
    let Some(go) = support::needs::needs("go") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let mut checks = String::new();
    for (packed, range) in packed_vectors() {
        let (ptr, len) = range.unwrap_or_default();
        checks += &format!("{{{packed}, {ptr}, {len}, {}}},\n", range.is_some());
    }
    let test = format!(
        "package main\nimport \"testing\"\nfunc TestPacked(t *testing.T) {{\n\
         for _, v := range []struct{{ packed uint64; ptr, len uint32; good bool }}{{\n{checks}}} {{\n\
         ptr, len, good := Unpack(v.packed)\n\
         if good != v.good || good && (ptr != v.ptr || len != v.len || Pack(ptr, len) != v.packed) {{\n\
         t.Errorf(\"%x: %d %d %v\", v.packed, ptr, len, good)\n}}\n}}\n}}\n"
    );
    for (name, content) in [
        ("abi.go", &*kit("abi.go")),
        ("abi_native.go", &*kit("abi_native.go")),
        ("abi_test.go", &test),
        ("go.mod", "module vectors\n\ngo 1.24\n"),
    ] {
        fs::write(directory.path().join(name), content).unwrap();
    }
    let mut command = Command::new(go);
    succeeds(
        command
            .arg("test")
            .current_dir(&directory)
            .env("GOTOOLCHAIN", "local"),
    );
}

#[test]
fn a_panic_in_zig_is_evidence() {
    let Some(zig) = support::needs::needs("zig") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("tollgate.zig"), kit("tollgate.zig")).unwrap();
    let source = r#"
const tollgate = @import("tollgate.zig");
comptime {
    tollgate.plugin(@This());
}
pub const panic = @import("std").debug.FullPanic(tollgate.panicked);
pub const info: tollgate.Info = .{ .name = "loud", .version = "1", .description = "Panics." };
pub const schema = "{}";
pub const Config = struct { message: []const u8 };
pub fn observe(config: Config) tollgate.Error!tollgate.Evidence {
    @panic(config.message);
}
"#;
    fs::write(at("loud.zig"), source).unwrap();
    let mut command = Command::new(zig);
    command.args(["build-exe", "loud.zig", "-target", "wasm32-freestanding"]);
    command.args(["-fno-entry", "-rdynamic", "-O", "ReleaseSmall", "-fstrip"]);
    command.env("ZIG_LOCAL_CACHE_DIR", at("cache"));
    succeeds(command.current_dir(&directory));
    let plugin = load("loud", &fs::read(at("loud.wasm")).unwrap());
    let long = "\u{1}".repeat(300);
    for (message, begins) in [
        ("a \"quoted\" reason", "plugin panic: a \"quoted\" reason"),
        (&*long, "plugin panic: \u{1}\u{1}"),
    ] {
        let config = Config::new().set("message", message);
        let error = plugin.observe(&config).unwrap().evidence.error.unwrap();
        assert_eq!(error.kind, "panic");
        assert!(error.message.starts_with(begins), "{}", error.message);
    }
}

#[test]
fn the_vectors_hold_in_zig() {
    let Some(zig) = support::needs::needs("zig") else {
        return;
    };
    let mut checks = String::new();
    for (packed, range) in packed_vectors() {
        checks += &match range {
            Some((ptr, len)) => format!(
                "    try expectEqual({ptr}, tollgate.unpack({packed}).?[0]);\n    \
                     try expectEqual({len}, tollgate.unpack({packed}).?[1]);\n    \
                     try expectEqual({packed}, tollgate.pack({ptr}, {len}));\n"
            ),
            None => format!("    try expectEqual(null, tollgate.unpack({packed}));\n"),
        };
    }
    let directory = tempfile::tempdir().unwrap();
    let test = format!(
        "const tollgate = @import(\"tollgate.zig\");\n\
         const expectEqual = @import(\"std\").testing.expectEqual;\n\
         test {{\n{checks}}}\n"
    );
    fs::write(directory.path().join("tollgate.zig"), kit("tollgate.zig")).unwrap();
    fs::write(directory.path().join("vectors.zig"), test).unwrap();
    let mut command = Command::new(zig);
    command
        .args(["test", "vectors.zig"])
        .current_dir(&directory);
    succeeds(command.env("ZIG_LOCAL_CACHE_DIR", directory.path().join("cache")));
}

#[test]
fn the_vectors_hold_in_assemblyscript() {
    let Some(asc) = support::needs::needs("asc") else {
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("tollgate.ts"), kit("tollgate.ts")).unwrap();
    fs::write(
        at("vectors.ts"),
        "export { pack, isRange } from \"./tollgate\";\n",
    )
    .unwrap();
    let mut command = Command::new(asc);
    command.args([
        "vectors.ts",
        "--use",
        "abort=tollgate/abort",
        "-o",
        "vectors.wasm",
    ]);
    succeeds(command.current_dir(&directory));

    let engine = wasmi::Engine::default();
    let module = wasmi::Module::new(&engine, fs::read(at("vectors.wasm")).unwrap()).unwrap();
    let mut store = wasmi::Store::new(&engine, ());
    let linker = wasmi::Linker::new(&engine);
    let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
    let pack = instance
        .get_typed_func::<(u32, u32), u64>(&store, "pack")
        .unwrap();
    let is_range = instance
        .get_typed_func::<u64, u32>(&store, "isRange")
        .unwrap();
    for (packed, range) in packed_vectors() {
        assert_eq!(
            is_range.call(&mut store, packed).unwrap() != 0,
            range.is_some(),
            "{packed:#x}"
        );
        if let Some((ptr, len)) = range {
            let (ptr, len) = (u32::try_from(ptr).unwrap(), u32::try_from(len).unwrap());
            assert_eq!(pack.call(&mut store, (ptr, len)).unwrap(), packed);
        }
    }
}

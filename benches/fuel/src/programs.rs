//! The programs of the table: plugins, and what each is asked.

use std::{fs, path::Path};

pub struct Program {
    pub name: &'static str,
    pub module: Vec<u8>,
    pub grants: Vec<String>,
    /// At least 16 bytes, over which a counting plugin writes its result.
    pub config: Vec<u8>,
}

pub fn all() -> Vec<Program> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = root.canonicalize().expect("the directory of the project");
    let program = |name, path: &str, config: String| Program {
        name,
        module: fs::read(root.join(path)).expect("a module of ours"),
        grants: Vec::new(),
        config: config.into_bytes(),
    };
    let granted = |program: Program, grant: String| Program {
        grants: vec![grant],
        ..program
    };
    let go = "fixtures/go-file/go-file.wasm";
    let interpreter = "fixtures/interpreter/interpreter.wasm";
    let matcher = "fixtures/matcher/matcher.wasm";
    let compute = "benches/compare/guests/compute.wasm";
    let hashed = root.join("fixtures/file/file.wasm").display().to_string();
    let search = |machine| {
        format!(
            r#"{{"pattern":"(ERROR|WARNING) .*[a-z]+@\\w+\\.org .*id=\\d+","machine":"{machine}","lines":200}}"#
        )
    };
    let long = "text of a config \\u00e9 ".repeat(3000);
    vec![
        granted(
            program(
                "Go, a file",
                go,
                r#"{"op":"observe","path":"/nowhere/at/all"}"#.into(),
            ),
            "fs:read:/nowhere/**".into(),
        ),
        granted(
            program(
                "Go, JSON",
                go,
                format!(r#"{{"op":"observe","path":"/nowhere/at/all","content":"{long}"}}"#),
            ),
            "fs:read:/nowhere/**".into(),
        ),
        granted(
            program(
                "Rust, a hash",
                "fixtures/file/file.wasm",
                format!(r#"{{"path":"{hashed}","hash":true}}"#),
            ),
            format!("fs:read:{hashed}"),
        ),
        program(
            "Rust, hello",
            "fixtures/hello/hello.wasm",
            r#"{"name":"Ada Lovelace"}"#.into(),
        ),
        program(
            "interpreter, collatz",
            interpreter,
            r#"{"program":"collatz","turns":2000}"#.into(),
        ),
        program(
            "interpreter, sieve",
            interpreter,
            r#"{"program":"sieve","turns":1}"#.into(),
        ),
        program(
            "interpreter, hash",
            interpreter,
            r#"{"program":"hash","turns":12}"#.into(),
        ),
        program("regex, going back", matcher, search("backtrack")),
        program("regex, all at once", matcher, search("simulate")),
        program("C, SHA-256", compute, r#"{"program":"sha256"}"#.into()),
        program("C, primes", compute, r#"{"program":"primes"}"#.into()),
        program("C, calls", compute, r#"{"program":"fib"      }"#.into()),
    ]
}

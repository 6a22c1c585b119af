//! The work: one row of the table each, and who cannot do it for reasons that are known before.

use crate::contender::*;
use serde_json::{Map, Value, json};
use std::{fs, path::PathBuf};

/// What is measured in a row.
pub enum Measure {
    /// A process from its start to its end: the command, and the module.
    Process {
        command: &'static str,
        guest: Guest,
        config: &'static str,
    },
    /// Observes in a process that stays; each is divided into `parts`.
    Observe {
        guest: Guest,
        config: Config,
        threads: usize,
        parts: f64,
    },
    /// What `count` plugins or instances take.
    Memory {
        what: &'static str,
        guest: Guest,
        count: usize,
    },
    /// The size of the program `minimal`, built for size.
    Size,
    /// The packages that a dependency on the contender brings.
    Crates,
}

pub enum Config {
    Text(&'static str),
    /// A document of about so many bytes.
    Document(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Guest {
    Echo,
    Mirror,
    Ask,
    Go,
    Compute,
}

pub struct Row {
    pub key: &'static str,
    pub title: &'static str,
    pub measure: Measure,
    pub contenders: &'static [Contender],
}

/// Everybody, each once where the ways of one engine make no difference.
const ENGINES: &[Contender] = &[
    TOLLGATE_FAST,
    TOLLGATE,
    BAKED,
    WASMI_FAST,
    WASMI,
    CRANELIFT,
    WINCH,
    PULLEY,
    WASM3,
    TINYWASM,
    WAZERO,
    WAZERO_INTERPRETED,
    EXTISM,
];
const WITH_POOL: &[Contender] = &ALL;
const WITH_HOST: &[Contender] = &[
    TOLLGATE_FAST,
    TOLLGATE,
    WASMI_FAST,
    WASMI,
    CRANELIFT,
    WINCH,
    PULLEY,
    WASM3,
    TINYWASM,
    WAZERO,
    WAZERO_INTERPRETED,
    EXTISM,
    HOST,
];
const LIBRARIES: &[Contender] = &[
    TOLLGATE_FAST,
    TOLLGATE,
    WASMI_FAST,
    WASMI,
    CRANELIFT,
    TINYWASM,
    WASM3,
    WAZERO,
    WAZERO_INTERPRETED,
    EXTISM,
];
const THREADED: &[Contender] = &[
    TOLLGATE_FAST,
    TOLLGATE,
    WASMI_FAST,
    WASMI,
    CRANELIFT,
    POOLING,
];

const LOOK: &str = r#"{"op":"observe","path":"/nowhere/at/all"}"#;
const HELLO: &str = r#"{"hello":"world"}"#;

const fn process(
    key: &'static str,
    title: &'static str,
    command: &'static str,
    guest: Guest,
    config: &'static str,
) -> Row {
    Row {
        key,
        title,
        measure: Measure::Process {
            command,
            guest,
            config,
        },
        contenders: ENGINES,
    }
}

const fn observe(
    key: &'static str,
    title: &'static str,
    guest: Guest,
    config: Config,
    threads: usize,
    contenders: &'static [Contender],
) -> Row {
    let parts = if matches!(guest, Guest::Ask) {
        CALLS
    } else {
        1.0
    };
    Row {
        key,
        title,
        measure: Measure::Observe {
            guest,
            config,
            threads,
            parts,
        },
        contenders,
    }
}

const fn memory(
    key: &'static str,
    title: &'static str,
    what: &'static str,
    guest: Guest,
    count: usize,
) -> Row {
    Row {
        key,
        title,
        measure: Measure::Memory { what, guest, count },
        contenders: LIBRARIES,
    }
}

/// How often `guests/ask.wat` calls its host function in one observe.
const CALLS: f64 = 10_000.0;

pub const ROWS: &[Row] = &[
    process("a-tiny", "cold describe, tiny", "describe", Guest::Echo, ""),
    process("a-go", "cold describe, Go", "describe", Guest::Go, ""),
    process(
        "b-tiny",
        "cold to first evidence, tiny",
        "observe",
        Guest::Echo,
        HELLO,
    ),
    process(
        "b-go",
        "cold to first evidence, Go",
        "observe",
        Guest::Go,
        LOOK,
    ),
    observe(
        "c-tiny",
        "warm observe, tiny",
        Guest::Echo,
        Config::Text(HELLO),
        1,
        WITH_POOL,
    ),
    observe(
        "c-go",
        "warm observe, Go",
        Guest::Go,
        Config::Text(LOOK),
        1,
        WITH_POOL,
    ),
    observe(
        "d-100",
        "100 B of JSON in and out",
        Guest::Mirror,
        Config::Document(100),
        1,
        WITH_HOST,
    ),
    observe(
        "d-10k",
        "10 KiB in and out",
        Guest::Mirror,
        Config::Document(10 << 10),
        1,
        WITH_HOST,
    ),
    observe(
        "d-1m",
        "1 MiB in and out",
        Guest::Mirror,
        Config::Document(1 << 20),
        1,
        WITH_HOST,
    ),
    observe(
        "d-call",
        "a host function's call, 100 B of JSON each way",
        Guest::Ask,
        Config::Text("{}"),
        1,
        ENGINES,
    ),
    observe(
        "e-sha256",
        "SHA-256 of 16 MiB",
        Guest::Compute,
        Config::Text(r#"{"program":"sha256"}"#),
        1,
        ENGINES,
    ),
    observe(
        "e-primes",
        "primes below 2 million",
        Guest::Compute,
        Config::Text(r#"{"program":"primes"}"#),
        1,
        ENGINES,
    ),
    observe(
        "e-fib",
        "fibonacci(32) by calls",
        Guest::Compute,
        Config::Text(r#"{"program":"fib"}"#),
        1,
        ENGINES,
    ),
    memory(
        "f-1",
        "memory of 1 loaded plugin, tiny",
        "loaded",
        Guest::Echo,
        1,
    ),
    memory("f-100", "of 100", "loaded", Guest::Echo, 100),
    memory("f-1000", "of 1 000", "loaded", Guest::Echo, 1000),
    memory(
        "f-go",
        "of 1 loaded and described, Go",
        "loaded",
        Guest::Go,
        1,
    ),
    memory(
        "f-idle-1",
        "of 1 idle instance, tiny",
        "idle",
        Guest::Echo,
        1,
    ),
    memory("f-idle-100", "of 100", "idle", Guest::Echo, 100),
    memory("f-idle-1000", "of 1 000", "idle", Guest::Echo, 1000),
    Row {
        key: "g-size",
        title: "minimal embedder",
        measure: Measure::Size,
        contenders: LIBRARIES,
    },
    Row {
        key: "g-crates",
        title: "packages, its own included",
        measure: Measure::Crates,
        contenders: LIBRARIES,
    },
    observe(
        "h-1",
        "one thread: observe, tiny",
        Guest::Echo,
        Config::Text(HELLO),
        1,
        THREADED,
    ),
    observe(
        "h-2",
        "two threads",
        Guest::Echo,
        Config::Text(HELLO),
        2,
        THREADED,
    ),
];

/// Why a contender cannot do a row, where trying would only show its plugins do not fit.
pub fn excluded(contender: &Contender, guest: Guest) -> Option<&'static str> {
    let fits = match (contender.feature, guest) {
        _ if *contender == BAKED && guest != Guest::Go => "there is no initialisation to save",
        ("extism", Guest::Go | Guest::Compute) => "its plugins are written against its own kernel",
        ("wasm3", Guest::Ask) => "its host functions cannot call the guest's allocator",
        _ => return None,
    };
    Some(fits)
}

/// The guests as files, and the documents.
pub struct Guests {
    directory: PathBuf,
}

impl Guests {
    /// Assembles what is text.
    pub fn prepare(directory: PathBuf) -> Result<Guests, String> {
        let own = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let fixtures = own.join("../../fixtures");
        let texts = [
            ("echo", fixtures.join("wat/echo.wat")),
            ("mirror", own.join("guests/mirror.wat")),
            ("ask", own.join("guests/ask.wat")),
            ("extism", own.join("guests/extism.wat")),
        ];
        for (name, path) in texts {
            let module = wat::parse_file(path).map_err(|error| error.to_string())?;
            write(&directory, &format!("{name}.wasm"), &module)?;
        }
        let modules = [
            ("go", fixtures.join("go-file/go-file.wasm")),
            ("compute", own.join("guests/compute.wasm")),
        ];
        for (name, path) in modules {
            let module = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            write(&directory, &format!("{name}.wasm"), &module)?;
        }
        Ok(Guests { directory })
    }

    /// Writes the Go guest with its initialisation done.
    pub fn bake(&self, peer: &std::path::Path) -> Result<(), String> {
        let file = |name| self.directory.join(name);
        let mut bake = std::process::Command::new(peer);
        bake.args(["bake", ""])
            .args([file("go.wasm"), file("baked.wasm")]);
        let output = bake.output().map_err(|error| error.to_string())?;
        match output.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&output.stdout).into_owned()),
        }
    }

    /// The module that stands for a guest in a contender's world, and the variant to say.
    pub fn module(&self, guest: Guest, contender: &Contender) -> (PathBuf, &'static str) {
        let (name, variant) = match (contender.feature, guest) {
            ("extism", Guest::Ask) => ("extism", "ask"),
            ("extism", _) => ("extism", contender.variant),
            (_, Guest::Echo) => ("echo", contender.variant),
            (_, Guest::Mirror) => ("mirror", contender.variant),
            (_, Guest::Ask) => ("ask", contender.variant),
            (_, Guest::Go) if *contender == BAKED => ("baked", ""),
            (_, Guest::Go) => ("go", contender.variant),
            (_, Guest::Compute) => ("compute", contender.variant),
        };
        (self.directory.join(format!("{name}.wasm")), variant)
    }

    /// A config as an argument of `peer`.
    pub fn config(&self, config: &Config) -> Result<String, String> {
        match config {
            Config::Text(text) => Ok((*text).to_owned()),
            Config::Document(size) => {
                let text = Value::Object(document(*size)).to_string();
                let path = write(&self.directory, &format!("{size}.json"), text.as_bytes())?;
                Ok(format!("@{}", path.display()))
            }
        }
    }
}

fn write(directory: &std::path::Path, name: &str, bytes: &[u8]) -> Result<PathBuf, String> {
    let path = directory.join(name);
    fs::write(&path, bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

/// A JSON object of at most `size` bytes, and not many less: what a listing of files looks like.
pub fn document(size: usize) -> Map<String, Value> {
    let item = |number: usize| {
        json!({
            "path": format!("/srv/data/{number:06}.log"),
            "size": number * 977 % 1_000_003,
            "mode": "0644",
            "tags": ["log", "kept"],
            "old": number.is_multiple_of(3),
        })
    };
    let mut items = Vec::new();
    let mut length = r#"{"items":[]}"#.len();
    loop {
        let next = item(items.len());
        length += next.to_string().len() + 1;
        if length > size {
            break;
        }
        items.push(next);
    }
    Map::from_iter([("items".to_owned(), Value::Array(items))])
}

//! Imports that belong to other hosts: what a module that has them was built for, and the flag that
//! builds it without them. The table is searched only for imports that this host does not offer.

use crate::error::{Foreign, PREVIEW_1, Problem};
use alloc::vec::Vec;
use wasmi::{ExternType, ImportType, Module, ValType};

/// What is recognised by its imports.
struct Row {
    /// Pairs of module and name; a `*` stands for any text.
    imports: &'static [(&'static str, &'static str)],
    /// Which of the imports with these names.
    only: fn(&ExternType) -> bool,
    what: &'static str,
    fix: &'static str,
    /// What explains these imports as well: beside one of these they are not named on their own.
    covered_by: &'static [&'static str],
}

const DYNAMIC: &str = "position-independent code, a dynamic library that needs a loader";
const EXCEPTIONS: &str = "C++ exceptions or setjmp, which only a JavaScript host implements";
const HALVES: &str = "64-bit numbers in two halves, which JavaScript of Emscripten puts together";
const EMSCRIPTEN: &str = "functions of Emscripten's JavaScript";
const STANDALONE: &str =
    "build with emcc -sSTANDALONE_WASM --no-entry, and without EM_ASM and EM_JS";

/// The rows; the first that an import matches is its own.
const ROWS: &[Row] = &[
    #[cfg(not(feature = "wasi"))]
    Row {
        imports: &[
            ("wasi_snapshot_preview1", "*"),
            ("env", "emscripten_notify_memory_growth"),
        ],
        only: any,
        what: "functions of WASI, which this host leaves out",
        fix: "use the functions of reglet_host, or have the host built with the feature `wasi` of tollgate",
        covered_by: &[],
    },
    #[cfg(not(feature = "host-functions"))]
    Row {
        imports: &[("reglet_host", "*")],
        only: any,
        what: "host functions, which this host leaves out",
        fix: "use the functions of WASI, or have the host built with the feature `host-functions` of tollgate",
        covered_by: &[],
    },
    Row {
        imports: &[
            ("env", "__stack_pointer"),
            ("env", "__memory_base*"),
            ("env", "__table_base*"),
            ("env", "__indirect_function_table"),
            ("GOT.mem", "*"),
            ("GOT.func", "*"),
        ],
        only: any,
        what: DYNAMIC,
        fix: "build without -fPIC and -shared, in Emscripten without -sSIDE_MODULE and -sMAIN_MODULE, in Rust with -Crelocation-model=static",
        covered_by: &[],
    },
    Row {
        imports: &[("*", "*")],
        only: |ty| matches!(ty, ExternType::Memory(_)),
        what: "a memory that the host has to provide; a plugin has its own and exports it as memory",
        fix: "build without -Wl,--import-memory, in Rust without -Clink-arg=--import-memory, in AssemblyScript without --importMemory, in Emscripten without -sIMPORTED_MEMORY",
        covered_by: &[DYNAMIC],
    },
    Row {
        imports: &[("*", "*")],
        only: |ty| matches!(ty, ExternType::Table(_)),
        what: "a table that the host has to provide; a plugin has its own",
        fix: "build without -Wl,--import-table, in Rust without -Clink-arg=--import-table, in AssemblyScript without --importTable",
        covered_by: &[DYNAMIC],
    },
    Row {
        imports: &[
            ("env", "invoke_*"),
            ("env", "__cxa_*"),
            ("env", "__resumeException"),
            ("env", "llvm_eh_typeid_for*"),
            ("env", "emscripten_longjmp"),
            ("env", "_emscripten_throw_longjmp"),
            ("env", "saveSetjmp"),
            ("env", "testSetjmp"),
            ("env", "__wasm_setjmp*"),
            ("env", "__wasm_longjmp"),
            ("env", "setjmp"),
            ("env", "longjmp"),
        ],
        only: any,
        what: EXCEPTIONS,
        fix: "build with -fno-exceptions and without setjmp; in Emscripten, -sSUPPORT_LONGJMP=0 names what uses it",
        covered_by: &[],
    },
    Row {
        imports: &[("env", "setTempRet0"), ("env", "getTempRet0")],
        only: any,
        what: HALVES,
        fix: STANDALONE,
        covered_by: &[EXCEPTIONS, EMSCRIPTEN],
    },
    Row {
        imports: &[("env", "__syscall_*")],
        only: any,
        what: "system calls of Emscripten, whose file system is JavaScript",
        fix: "use the functions of reglet_host for files, or build with clang or zig for -target wasm32-wasi",
        covered_by: &[],
    },
    Row {
        imports: &[
            ("env", "emscripten_*"),
            ("env", "_emscripten_*"),
            ("env", "__emscripten_*"),
            ("env", "*_js"),
            ("env", "__assert_fail"),
            ("a", "*"),
        ],
        only: any,
        what: EMSCRIPTEN,
        fix: STANDALONE,
        covered_by: &[],
    },
    Row {
        imports: &[("env", "abort")],
        only: |ty| takes(ty, &[]),
        what: EMSCRIPTEN,
        fix: STANDALONE,
        covered_by: &[],
    },
    Row {
        imports: &[("env", "abort")],
        only: |ty| takes(ty, &[ValType::I32; 4]),
        what: "the function that AssemblyScript calls when it fails",
        fix: "build with asc --use abort=tollgate/abort if the plugin uses the kit tollgate.ts, or with --use abort= otherwise",
        covered_by: &[],
    },
    Row {
        imports: &[
            ("env", "seed"),
            ("env", "trace"),
            ("env", "console.*"),
            ("env", "Date.*"),
            ("env", "performance.*"),
            ("env", "process.*"),
            ("env", "crypto.*"),
        ],
        only: any,
        what: "functions of AssemblyScript's JavaScript host",
        fix: "do not use Math.random, trace, console, Date and process, or build with asc --config node_modules/@assemblyscript/wasi-shim/asconfig.json --exportStart _initialize",
        covered_by: &[],
    },
    Row {
        imports: &[
            ("__wbindgen_*", "*"),
            ("wbg", "*"),
            ("*_bg.js", "*"),
            ("env", "__wbindgen_*"),
            ("env", "__wbg_*"),
        ],
        only: any,
        what: "placeholders of wasm-bindgen, which a JavaScript host fills in",
        fix: "build with --target wasm32-wasip1, or without the features that use JavaScript (getrandom: wasm_js or js, chrono: wasmbind, uuid: js); `cargo tree -i wasm-bindgen` names the crate",
        covered_by: &[],
    },
    Row {
        imports: &[("gojs", "*"), ("go", "*")],
        only: any,
        what: "functions of Go's JavaScript host (GOOS=js)",
        fix: "build with GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared, in TinyGo with -target=wasip1 -buildmode=c-shared",
        covered_by: &[],
    },
    Row {
        imports: &[("wasi_unstable", "*")],
        only: any,
        what: "WASI as it was before preview 1 (2019)",
        fix: "build with a current compiler: in Rust --target wasm32-wasip1, in C -target wasm32-wasi with wasi-sdk or zig",
        covered_by: &[],
    },
    Row {
        imports: &[("wasi", "thread-spawn")],
        only: any,
        what: "threads of WASI",
        fix: "build without -pthread and for wasm32-wasip1 instead of wasm32-wasip1-threads",
        covered_by: &[],
    },
    Row {
        imports: &[("wasix_*", "*")],
        only: any,
        what: "WASIX, an extension of WASI by another engine",
        fix: "build with --target wasm32-wasip1 and an unmodified compiler",
        covered_by: &[],
    },
    Row {
        imports: &[("extism:*", "*"), ("env", "extism_*")],
        only: any,
        what: "the interface of Extism, which is another plugin system",
        fix: "build the plugin with a kit of tollgate instead of an Extism PDK; `tollgate new` writes a project",
        covered_by: &[],
    },
    Row {
        imports: &[("env", "proxy_*"), ("wapc", "*")],
        only: any,
        what: "the interface of another plugin system (proxy-wasm or waPC)",
        fix: "build the plugin with a kit of tollgate; `tollgate new` writes a project",
        covered_by: &[],
    },
    Row {
        imports: &[("wasi:*", "*"), ("*:*/*", "*"), ("cm32p2*", "*")],
        only: any,
        what: "interfaces of the component model, such as WASI preview 2",
        fix: PREVIEW_1,
        covered_by: &[],
    },
];

fn any(_: &ExternType) -> bool {
    true
}

/// Whether this is a function with these parameters and no result.
fn takes(ty: &ExternType, params: &[ValType]) -> bool {
    matches!(ty, ExternType::Func(ty) if ty.params() == params && ty.results().is_empty())
}

/// Whether a text matches a pattern, in which each `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(text) = text.strip_prefix(start) else {
        return false;
    };
    match rest.split_once('*') {
        None => text.ends_with(rest),
        // The first place is as good as any: what follows is only longer.
        Some((middle, _)) => match text.find(middle) {
            Some(at) => matches(rest, text.get(at..).unwrap_or_default()),
            None => false,
        },
    }
}

impl Row {
    fn covers(&self, import: &ImportType<'_>) -> bool {
        let mut names = self.imports.iter();
        (self.only)(import.ty())
            && names.any(|(module, name)| {
                matches(module, import.module()) && matches(name, import.name())
            })
    }
}

/// The imports of a module that were recognised.
#[derive(Default)]
pub(super) struct Recognised(Vec<Foreign>);

impl Recognised {
    /// Returns whether the import is one of another host's.
    pub(super) fn add(&mut self, import: &ImportType<'_>) -> bool {
        let Some(row) = ROWS.iter().find(|row| row.covers(import)) else {
            return false;
        };
        match self.0.iter_mut().find(|known| known.what == row.what) {
            Some(known) => known.others += 1,
            None => self.0.push(Foreign {
                module: import.module().into(),
                name: import.name().into(),
                others: 0,
                what: row.what,
                fix: row.fix,
            }),
        }
        true
    }

    /// Returns whether the module is a dynamic library, whose other imports from `env` a loader resolves.
    pub(super) fn is_dynamic(&self) -> bool {
        self.0.iter().any(|foreign| foreign.what == DYNAMIC)
    }

    /// One problem for each host that was recognised, in the order of their first imports.
    pub(super) fn problems(self) -> impl Iterator<Item = Problem> {
        let covered = |foreign: &Foreign| {
            let row = ROWS.iter().find(|row| row.what == foreign.what);
            let by = row.map_or(&[] as &[&str], |row| row.covered_by);
            self.0.iter().any(|other| by.contains(&other.what))
        };
        let kept: Vec<bool> = self.0.iter().map(|foreign| !covered(foreign)).collect();
        let kept = self.0.into_iter().zip(kept).filter(|(_, kept)| *kept);
        kept.map(|(foreign, _)| Problem::Foreign(foreign))
    }
}

/// Returns whether the module's 64-bit results are halved, so that the types of its exports say
/// nothing of its protocol.
pub(super) fn is_halved(module: &Module) -> bool {
    let halves =
        |import: ImportType<'_>| import.module() == "env" && import.name() == "setTempRet0";
    module.imports().any(halves)
}

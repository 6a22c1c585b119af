//! Which proposals of WebAssembly are enabled, and the names of those that are not. The engine is
//! configured with the same list in `mod.rs`; a test compares them.

use wasmparser::WasmFeatures;

/// What the validator accepts, by name, so that an upgrade cannot enable a proposal.
pub(super) fn enabled() -> WasmFeatures {
    let mut features = WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::REFERENCE_TYPES
        // References that hosts hold, which are part of the reference types.
        | WasmFeatures::GC_TYPES
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::TAIL_CALL
        | WasmFeatures::FLOATS;
    features.set(WasmFeatures::SIMD, cfg!(feature = "simd"));
    features
}

/// A proposal that is not enabled here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Proposal {
    pub(super) name: &'static str,
    /// What to do about it.
    pub(super) advice: &'static str,
    /// What the validator must accept besides to go on behind it.
    pub(super) features: WasmFeatures,
}

const SIMD: Proposal = Proposal {
    name: "SIMD",
    advice: "build the plugin without SIMD (in Rust without the target feature simd128, in C without -msimd128), or tollgate with the feature `simd`",
    features: WasmFeatures::SIMD,
};

const RELAXED_SIMD: Proposal = Proposal {
    name: "relaxed SIMD",
    advice: "its results differ between machines; build the plugin without it (in Rust without the target feature relaxed-simd, in C without -mrelaxed-simd)",
    features: WasmFeatures::SIMD.union(WasmFeatures::RELAXED_SIMD),
};

/// Those that are looked for, each before those that need it.
const PROPOSALS: &[Proposal] = &[
    SIMD,
    RELAXED_SIMD,
    Proposal {
        name: "threads",
        advice: "plugins have one thread; build the plugin without shared memory and atomics (in Rust without the target feature atomics, in C without -pthread)",
        features: WasmFeatures::THREADS,
    },
    Proposal {
        name: "multi-memory",
        advice: "build the plugin with one memory",
        features: WasmFeatures::MULTI_MEMORY,
    },
    Proposal {
        name: "memory64",
        advice: "build the plugin for wasm32",
        features: WasmFeatures::MEMORY64,
    },
    Proposal {
        name: "custom page sizes",
        advice: "build the plugin with pages of 64 KiB",
        features: WasmFeatures::CUSTOM_PAGE_SIZES,
    },
    Proposal {
        name: "exceptions",
        advice: "build the plugin without WebAssembly exceptions (in Rust with panic=abort, in C++ with -fno-exceptions)",
        features: WasmFeatures::EXCEPTIONS,
    },
    Proposal {
        name: "legacy exceptions",
        advice: "build the plugin without WebAssembly exceptions (in Rust with panic=abort, in C++ with -fno-exceptions)",
        features: WasmFeatures::EXCEPTIONS.union(WasmFeatures::LEGACY_EXCEPTIONS),
    },
    Proposal {
        name: "wide arithmetic",
        advice: "build the plugin without the target feature wide-arithmetic",
        features: WasmFeatures::WIDE_ARITHMETIC,
    },
    Proposal {
        name: "typed function references",
        advice: "build the plugin for WebAssembly 2.0",
        features: WasmFeatures::FUNCTION_REFERENCES,
    },
    Proposal {
        name: "garbage collection",
        advice: "build the plugin with a compiler that brings its own collector, as Go, Rust, C and AssemblyScript do",
        features: WasmFeatures::FUNCTION_REFERENCES.union(WasmFeatures::GC),
    },
    Proposal {
        name: "stack switching",
        advice: "build the plugin for WebAssembly 2.0",
        features: WasmFeatures::FUNCTION_REFERENCES
            .union(WasmFeatures::EXCEPTIONS)
            .union(WasmFeatures::STACK_SWITCHING),
    },
    Proposal {
        name: "memory control",
        advice: "build the plugin for WebAssembly 2.0",
        features: WasmFeatures::MEMORY_CONTROL,
    },
    Proposal {
        name: "shared-everything threads",
        advice: "plugins have one thread; build the plugin without shared memory and atomics",
        features: WasmFeatures::THREADS
            .union(WasmFeatures::FUNCTION_REFERENCES)
            .union(WasmFeatures::GC)
            .union(WasmFeatures::SHARED_EVERYTHING_THREADS),
    },
];

/// The first of these beyond the enabled ones that `gets_further` accepts: with it, the validator goes
/// on behind the place where it stopped.
pub(super) fn missing(gets_further: impl Fn(WasmFeatures) -> bool) -> Option<Proposal> {
    let disabled = PROPOSALS
        .iter()
        .filter(|proposal| !enabled().contains(proposal.features));
    disabled
        .copied()
        .find(|proposal| gets_further(enabled() | proposal.features))
}

/// The byte that operators of SIMD begin with.
const SIMD_PREFIX: u8 = 0xFD;

/// The lowest number of an operator of relaxed SIMD.
const FIRST_RELAXED: u32 = 0x100;

/// The proposal of an operator, if it is SIMD. Builds without it cannot read its operators.
pub(super) fn of_operator(prefix: u8, number: Option<u32>) -> Option<Proposal> {
    match number {
        _ if prefix != SIMD_PREFIX => None,
        Some(FIRST_RELAXED..) => Some(RELAXED_SIMD),
        _ if enabled().contains(WasmFeatures::SIMD) => None,
        _ => Some(SIMD),
    }
}

//! Modules before they run: limits on what is compiled, the contract of a plugin, rewriting, and the
//! compiled module that all instances of a plugin share. Nothing here executes guest code.

mod additions;
mod bake;
mod baked;
mod body;
mod cache;
mod contract;
mod count;
mod data;
mod edit;
mod encode;
mod engine_build;
mod engine_name;
#[cfg(test)]
mod equivalence;
mod features;
mod foreign;
mod functions;
mod growth;
mod instrument;
mod native_stack;
mod operators;
mod producers;
mod read;
mod refuse;
mod regions;
mod self_check;
mod shape;
#[cfg(all(test, tollgate_suite))]
mod test_suite;
mod write;
mod writes;

pub use baked::Baked;
pub use cache::ModuleCache;
pub use contract::AbiVersion;

pub(crate) use additions::RESERVED;
pub(crate) use bake::State;
pub(crate) use baked::DescriptorFlags;
pub(crate) use contract::{HARNESS_INITIALIZE, Offered};
pub(crate) use count::check_size;
pub(crate) use data::Initial;
pub(crate) use engine_build::{dispatch, must_warn_of_slow_engine};
pub(crate) use engine_name::engine_name;
pub(crate) use growth::{
    GROWTH_EXPORT, Growth, MEMORY_ELEMENT, MEMORY_EXPORT, table_element, table_export,
};
pub use instrument::Instruments;
pub(crate) use instrument::{
    BEGIN_ELEMENT, CALL_BYTES, CALLS_EXPORT, COMPARED_EXPORT, COMPARISON_BYTES, Counter,
    DEPTH_EXPORT, END_ELEMENT, Edge, Installed, NOTES_EXPORT, comparison_bytes, visit_operators,
};
pub(crate) use self_check::dispatch_is_sound;
pub(crate) use shape::Shape;
pub(crate) use write::{START_EXPORT, Variables, global_export};
pub(crate) use writes::{BLOCK_SHIFT, LISTED_EXPORT, take as take_marks};

use crate::{
    error::{LoadError, Problem, Unforkable},
    limits::{Limits, PAGE_BYTES, StackLimit},
    room,
    sync::OnceLock,
};
use alloc::{
    borrow::Cow,
    string::{String, ToString},
    vec::Vec,
};
use tollgate_abi::sha256;
use wasmi::CompilationMode;
use write::Written;

/// One unit of fuel pays for this many bytes in `memory.copy`, `memory.grow` and the like, in the engine
/// and where the host grows. With the
/// engine's default of 64, a unit of `memory.grow` takes 700 times as long as a unit of other code.
pub(crate) const BYTES_COPIED_PER_FUEL: u32 = 8;

/// A compiled module with its own engine: an engine's code memory only grows, so one shared by
/// several modules would keep the code of those already dropped.
pub(crate) struct Compiled {
    pub(crate) module: wasmi::Module,
    pub(crate) engine: wasmi::Engine,
    pub(crate) shape: Shape,
    /// The bytes that were loaded.
    original: Vec<u8>,
    digest: OnceLock<String>,
    /// The initial content of the memory.
    pub(crate) initial: Initial,
    /// How the state of an instance is read and set, or why it cannot be.
    pub(crate) state: Result<Variables, Unforkable>,
    /// The bytes of memory that it starts with, if the compiler of Go made it.
    pub(crate) go_memory: Option<u64>,
    /// What it records about its origin, if it was baked.
    pub(crate) baked: Option<Baked>,
    /// The instruments that it was given.
    pub(crate) installed: Option<Installed>,
    /// Whether it has a section of a baked module, readable or not.
    was_baked: bool,
}

impl Compiled {
    /// Compiles a module that is within `limits`, for instances with their `stack` to call on.
    pub(crate) fn new(bytes: Cow<'_, [u8]>, limits: &Limits) -> Result<Compiled, LoadError> {
        // Validated by the reading, and translated when first called: most functions of a Go program
        // never are.
        Compiled::translating(bytes, limits, CompilationMode::Lazy)
    }

    /// Compiles the same module with instruments.
    pub(crate) fn instrumented(
        &self,
        which: Instruments,
        limits: &Limits,
    ) -> Result<Compiled, LoadError> {
        room::check(self.original.len().saturating_mul(8))?;
        let mut reading = read::read_with_runs(&self.original, &limits.module)?;
        let written = write::write_with(&mut reading, Some((which, limits.stack)))?;
        let mut config = config(instrument::stack(limits.stack), CompilationMode::Lazy);
        instrument::set_costs(&mut config);
        let facts = Facts::of(reading);
        let original = room::copy(&self.original)?;
        Compiled::of(original, facts, written, wasmi::Engine::new(&config))
    }

    pub(crate) fn translating(
        bytes: Cow<'_, [u8]>,
        limits: &Limits,
        mode: CompilationMode,
    ) -> Result<Compiled, LoadError> {
        check_size(&limits.module, &bytes)?;
        room::check(bytes.len().saturating_mul(4))?;
        let mut reading = read::read(&bytes, &limits.module)?;
        let written = write::write(&mut reading)?;
        let engine = engine(limits.stack, mode);
        // What was read borrows the bytes.
        let facts = Facts::of(reading);
        let original = match bytes {
            Cow::Owned(bytes) => bytes,
            Cow::Borrowed(bytes) => room::copy(bytes)?,
        };
        Compiled::of(original, facts, written, engine)
    }

    /// Compiles the module that was written.
    fn of(
        original: Vec<u8>,
        facts: Facts,
        written: Written,
        engine: wasmi::Engine,
    ) -> Result<Compiled, LoadError> {
        let Facts {
            shape,
            baked,
            was_baked,
        } = facts;
        room::check(shape.loading())?;
        let refused = |error: wasmi::Error| LoadError::Compile(error.to_string().trim().into());
        let module = wasmi::Module::new(&engine, &written.bytes).map_err(refused)?;
        let go_memory = match shape.is_go {
            true => contract::memory_minimum(&module).map(|pages| pages.saturating_mul(PAGE_BYTES)),
            false => None,
        };
        Ok(Compiled {
            module,
            engine,
            shape,
            go_memory,
            original,
            digest: OnceLock::new(),
            initial: written.initial,
            state: written.state,
            baked,
            installed: written.installed,
            was_baked,
        })
    }

    /// The bytes that were loaded.
    pub(crate) fn original(&self) -> &[u8] {
        &self.original
    }

    /// Returns whether it was compiled from these bytes.
    pub(crate) fn is(&self, bytes: &[u8]) -> bool {
        *self.original == *bytes
    }

    /// Writes this module as it is after initialisation.
    pub(crate) fn bake(&self, state: &State<'_>, baked: &Baked) -> Result<Vec<u8>, Unforkable> {
        bake::write(&self.original, state, baked)
    }

    /// Returns whether it has a section of a baked module, readable or not.
    pub(crate) fn was_baked(&self) -> bool {
        self.was_baked
    }

    /// Returns what the baked section records for an export.
    pub(crate) fn baked_answer(&self, export: &str) -> Option<&str> {
        let answer = self.baked.as_ref()?.answers.get(export)?;
        Some(answer)
    }

    /// SHA-256 of the bytes that were loaded, in hexadecimal: identifies the module across processes.
    pub(crate) fn digest(&self) -> &str {
        let digest = || sha256::hex(&sha256::digest(&self.original));
        self.digest.get_or_init(digest)
    }

    /// Checks a compiled module against other limits.
    fn check(&self, limits: &Limits) -> Result<(), LoadError> {
        count::check(&limits.module, &self.shape.counts)
    }
}

/// How many regions each function with a body has, in their order: places at which fuel is charged, in the
/// module that runs in place of this one.
pub(crate) fn region_counts(bytes: &[u8], limits: &Limits) -> Result<Vec<usize>, LoadError> {
    check_size(&limits.module, bytes)?;
    room::check(bytes.len().saturating_mul(4))?;
    let written = write::write(&mut read::read(bytes, &limits.module)?)?;
    instrument::region_counts(&written.bytes)
}

/// What was read of a module, and does not borrow its bytes.
struct Facts {
    shape: Shape,
    baked: Option<Baked>,
    was_baked: bool,
}

impl Facts {
    fn of(reading: read::Reading<'_>) -> Facts {
        Facts {
            shape: reading.shape,
            baked: reading.baked,
            was_baked: reading.was_baked,
        }
    }
}

fn engine(stack: StackLimit, mode: CompilationMode) -> wasmi::Engine {
    wasmi::Engine::new(&config(stack, mode))
}

/// Every feature of the engine is chosen here by name, so that an upgrade of wasmi cannot enable one.
fn config(stack: StackLimit, mode: CompilationMode) -> wasmi::Config {
    let mut config = wasmi::Config::default();
    config
        .consume_fuel(true)
        // The first call of a function must not pay for its translation: the first and the hundredth
        // call cost the same.
        .fuel_cost(wasmi::CustomFuelCosts {
            bytes_copied_per_fuel: BYTES_COPIED_PER_FUEL,
            fuel_per_bytes_translated: 0,
            fuel_per_bytes_validated: 0,
        })
        .compilation_mode(mode)
        .set_max_recursion_depth(usize::try_from(stack.frames).unwrap_or(usize::MAX))
        .set_max_stack_height(usize::try_from(stack.bytes).unwrap_or(usize::MAX))
        .ignore_custom_sections(true)
        // The same as in `features`.
        .wasm_mutable_global(true)
        .wasm_sign_extension(true)
        .wasm_saturating_float_to_int(true)
        .wasm_multi_value(true)
        .wasm_bulk_memory(true)
        .wasm_reference_types(true)
        .wasm_extended_const(true)
        .floats(true)
        .wasm_tail_call(true)
        .wasm_multi_memory(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false);
    #[cfg(feature = "simd")]
    config
        .wasm_simd(true)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false);
    config
}

/// Returns the generation of the protocol that a module uses, if it meets the contract, and every
/// problem that keeps it from running within the limits.
pub(crate) fn check(
    compiled: &Compiled,
    offered: &[Offered],
    limits: &Limits,
) -> (Option<AbiVersion>, Vec<Problem>) {
    let mut problems = check_minima(compiled, limits);
    let version = match contract::check(&compiled.module, offered) {
        Ok(version) => Some(version),
        Err(broken) => {
            problems.extend(broken);
            None
        }
    };
    (version, problems)
}

/// Returns every problem that keeps a module from running as a harness within the limits.
pub(crate) fn check_harness(
    compiled: &Compiled,
    offered: &[Offered],
    limits: &Limits,
) -> Vec<Problem> {
    let mut problems = check_minima(compiled, limits);
    problems.extend(contract::check_harness(&compiled.module, offered));
    problems
}

/// Checks that the minimum sizes of memory and tables are within the limits.
fn check_minima(compiled: &Compiled, limits: &Limits) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(minimum) = contract::memory_minimum(&compiled.module)
        && minimum > u64::from(limits.memory.pages())
    {
        problems.push(Problem::MemoryMinimum {
            pages: minimum,
            limit: limits.memory,
        });
    }
    if compiled.shape.table_minimum > u64::from(limits.table_elements) {
        problems.push(Problem::TableMinimum {
            elements: compiled.shape.table_minimum,
            limit: limits.table_elements,
        });
    }
    problems
}

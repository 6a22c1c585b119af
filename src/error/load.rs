//! Why a runtime cannot be built, a module not be loaded, a config not be given to a plugin, and an
//! initialised plugin not be written.

use super::{Problem, Unforkable};
#[cfg(feature = "schema")]
use super::{TooExpensive, Violation};
use crate::{
    capability::{CapabilityError, UnknownKind},
    limits::InvalidMemoryLimit,
    printable::{Text, counted},
};
use alloc::{
    borrow::ToOwned,
    string::{String, ToString},
    vec::Vec,
};

/// Invalid options of a runtime.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// See [`MemoryLimit`](crate::MemoryLimit).
    #[error(transparent)]
    MemoryLimit(#[from] InvalidMemoryLimit),
    /// Nothing runs on no fuel.
    #[error("a fuel limit of 0 lets nothing run; use FuelLimit::Unlimited for no limit")]
    NoFuel,
    /// A deadline needs a clock.
    #[error(
        "there is no clock here to measure a deadline; give RuntimeBuilder::clock one, or set no deadline"
    )]
    NoClock,
    /// Nothing runs on no stack.
    #[error("a stack limit of {} and {} lets nothing run (at least 16 frames and 4096 bytes)", counted(.frames, "frame"), counted(.bytes, "byte"))]
    NoStack {
        /// The frames asked for.
        frames: u32,
        /// The bytes asked for.
        bytes: u32,
    },
    /// A host function of the embedder's cannot be offered.
    #[error("the host function {name} cannot be offered: {problem}")]
    HostFunction {
        /// The function, as `module.name`.
        name: Text,
        /// Why not.
        problem: &'static str,
    },
    /// A capability kind of the embedder's has a name that no grant can have.
    #[error(transparent)]
    CapabilityKind(CapabilityError),
    /// A grant has a kind that no host function of the runtime has.
    #[error(transparent)]
    UnknownKind(UnknownKind),
    /// The engine would abort the process: this build's compiler did not turn tail calls into jumps.
    #[error("this build of the engine is not sound: {} of a loop took {} of the native stack; enable the feature `portable-dispatch` of tollgate, or build the package wasmi with opt-level = 3 and debug-assertions = false, and without instrumentation", counted(.turns, "turn"), counted(.growth, "byte"))]
    UnsoundDispatch {
        /// How much the stack grew, in bytes.
        growth: usize,
        /// In how many turns.
        turns: i32,
    },
    /// The self-check could not run.
    #[error("the engine's self-check failed: {0}")]
    SelfCheck(Text),
    /// Relative grants and paths need a place to start from.
    #[error("the working directory cannot be used: {0}")]
    WorkingDirectory(Text),
}

/// Why a module cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are not a WebAssembly binary.
    #[error("failed to compile: these bytes are not a WebAssembly module ({0})")]
    NotWasm(Text),
    /// The bytes are a component, which is another format.
    #[error("{COMPONENT}; {PREVIEW_1}")]
    Component,
    /// The module is invalid.
    #[error("failed to compile: {0}")]
    Compile(Text),
    /// The module uses a proposal of WebAssembly that is not enabled.
    #[error("failed to compile: {}; {advice}", not_enabled(proposal, place))]
    NotEnabled {
        /// The proposal.
        proposal: &'static str,
        /// Where it is used: the function with its name, and the offset in the module.
        place: Text,
        /// What to do about it.
        advice: &'static str,
    },
    /// The module has too much of something to be compiled.
    #[error(
        "it has {found} {what}, more than the limit of {limit}; if you trust its author, raise ModuleLimits::{name}"
    )]
    TooMuch {
        /// What is counted.
        what: &'static str,
        /// How much of it there is.
        found: u64,
        /// How much there may be.
        limit: u64,
        /// The field of [`ModuleLimits`](crate::ModuleLimits).
        name: &'static str,
    },
    /// The module compiles but does not keep the contract.
    #[error("{}", joined(.0))]
    Contract(Vec<Problem>),
    /// The name is being loaded by the same thread.
    #[error("the name is being loaded by this thread already")]
    BeingLoaded,
    /// The machine has no memory left for it.
    #[error("the host ran out of memory")]
    HostOutOfMemory,
    /// The name is taken by another module.
    #[error(
        "the name is taken by a plugin with other bytes; use another name, or Runtime::replace"
    )]
    OtherContent,
}

impl LoadError {
    /// What is wrong, and how to build the module so that it loads, if flags of its compiler do it.
    /// `Display` reports both.
    #[must_use]
    pub fn fix(&self) -> Option<(String, &'static str)> {
        match self {
            LoadError::Component => Some((COMPONENT.to_owned(), PREVIEW_1)),
            LoadError::NotEnabled {
                proposal,
                place,
                advice,
            } => Some((not_enabled(proposal, place), advice)),
            _ => None,
        }
    }
}

const COMPONENT: &str = "this is a WebAssembly component, and plugins are core modules";

/// How to build what was built for the component model.
pub(crate) const PREVIEW_1: &str = "build for WASI preview 1 and without the component step: in Rust --target wasm32-wasip1, in TinyGo -target=wasip1 -buildmode=c-shared, in C -target wasm32-wasip1";

fn not_enabled(proposal: &str, place: &Text) -> String {
    let verb = if proposal.ends_with('s') { "are" } else { "is" };
    format!("{proposal} {verb} not enabled ({place})")
}

/// So many problems are named.
const MOST_PROBLEMS: usize = 16;

fn joined(problems: &[impl ToString]) -> String {
    let named = problems.iter().take(MOST_PROBLEMS);
    let mut named: Vec<String> = named.map(ToString::to_string).collect();
    if let Some(more) = problems.len().checked_sub(MOST_PROBLEMS + 1) {
        named.push(format!("and {} more", more + 1));
    }
    named.join("; ")
}

/// Why a config cannot be given to a plugin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A config is a JSON object (`null` counts as an empty one).
    #[error("a config is a JSON object, not {0}")]
    NotAnObject(&'static str),
    /// It cannot be serialised as JSON.
    #[error("it cannot be serialised: {0}")]
    NotSerializable(Text),
    /// The text is not JSON.
    #[error("not JSON: {0}")]
    NotJson(Text),
    /// It is not valid by the plugin's schema.
    #[cfg(feature = "schema")]
    #[error("{}", joined(.0))]
    Invalid(Vec<Violation>),
    /// Validating it against the plugin's schema would cost too much.
    #[cfg(feature = "schema")]
    #[error(
        "validating this config against the plugin's schema is too expensive: {0}; ask the plugin's author for a simpler schema, or skip config validation"
    )]
    TooExpensive(TooExpensive),
    /// It is larger than what may cross the boundary.
    #[error("it has {} of JSON, more than the limit of {limit}", counted(.bytes, "byte"))]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit, [`Limits::request_bytes`](crate::Limits::request_bytes).
        limit: u32,
    },
}

/// What keeps an initialised plugin from being written as a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BakeError {
    /// Its state cannot be copied at all.
    #[error(transparent)]
    Unforkable(#[from] Unforkable),
    /// It was baked before.
    #[error("it is baked already; bake the original")]
    AlreadyBaked,
    /// The runtime's fork policy is [`ForkPolicy::Never`](crate::ForkPolicy::Never).
    #[error("the runtime's fork policy is to initialise it for each call")]
    NeverForked,
    /// The host remembers something of its initialisation that no module can hold.
    #[error("its initialisation changed its file descriptors or left a line unfinished")]
    HostState,
    /// Its grants are written with it, up to a megabyte.
    #[error("it has more grants than can be written with it")]
    ManyGrants,
}

//! What can go wrong, sorted by who can act on it. A denial is not here: it is an ordinary reply
//! that the guest reads.

use crate::{
    capability::{CapabilityError, TooManyCapabilities, UnknownKind},
    limits::{Interrupted, InvalidMemoryLimit, MemoryLimit, Usage},
    module::{Problem, Unforkable},
    printable::{Printable, Text},
    schema::{TooExpensive, Violation},
};
use std::time::Duration;
use tollgate_abi::ErrorDetail;

/// Any failure of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The runtime's options contradict themselves: the embedder's to mend.
    #[error("the runtime cannot be built: {0}")]
    Build(#[from] BuildError),
    /// The module cannot be a plugin here: its author's to mend.
    #[error("failed to load plugin {plugin}: {problem}")]
    Load {
        /// The name it was to be loaded under.
        plugin: Text,
        /// What is wrong.
        problem: LoadError,
    },
    /// The initialised plugin cannot be written as a module: use it as it is.
    #[error("plugin {plugin} cannot be baked: {problem}")]
    Bake {
        /// Which plugin.
        plugin: Text,
        /// What is in the way.
        problem: BakeError,
    },
    /// No plugin of this name is loaded.
    #[error("plugin {plugin} not loaded; call load first")]
    NotLoaded {
        /// The name asked for.
        plugin: Text,
    },
    /// The config cannot be given to a plugin: the caller's to mend.
    #[error("the config for plugin {plugin} cannot be used: {problem}")]
    Config {
        /// Who was to get it.
        plugin: Text,
        /// What is wrong.
        problem: ConfigError,
    },
    /// A callback or host function called a plugin that is waiting for that very callback: a bug of
    /// the embedder's.
    #[error(
        "plugin {plugin} is being {doing} by this thread (or one that waits for it); a callback or host function cannot call it before that is done"
    )]
    Busy {
        /// Which plugin.
        plugin: Text,
        /// What is being done: `initialised`, or `asked for` its description, schema or manifest.
        doing: &'static str,
    },
    /// The guest was stopped, by itself or by a limit.
    #[error("plugin {plugin}: {} {fault}", running(.export))]
    Fault {
        /// Which plugin.
        plugin: Text,
        /// The export that was running.
        export: &'static str,
        /// What stopped it.
        fault: Fault,
        /// What it had used by then.
        usage: Box<Usage>,
    },
    /// The guest ran to its end but broke the protocol.
    #[error("plugin {plugin}: {} {error}", running(.export))]
    Protocol {
        /// Which plugin.
        plugin: Text,
        /// The export that was running.
        export: &'static str,
        /// How the protocol was broken.
        error: ProtocolError,
        /// What it had used by then.
        usage: Box<Usage>,
    },
}

fn running(export: &str) -> String {
    if export == INSTANTIATE {
        "instantiation".into()
    } else {
        format!("{export}()")
    }
}

/// The name by which errors call what happens before any export runs.
pub(crate) const INSTANTIATE: &str = "instantiate";

impl Error {
    /// What the call had used when it failed, if it came to run.
    pub fn usage(&self) -> Option<&Usage> {
        match self {
            Error::Fault { usage, .. } | Error::Protocol { usage, .. } => Some(usage),
            _ => None,
        }
    }
}

/// What keeps an initialised plugin from being written as a module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BakeError {
    /// Its state cannot be copied at all.
    #[error("{0}")]
    Unforkable(#[from] Unforkable),
    /// It was baked before.
    #[error("it is baked already; bake the original")]
    AlreadyBaked,
    /// The runtime initialises plugins for each call.
    #[error("the runtime's fork policy is to initialise it for each call")]
    NeverForked,
    /// The host remembers something of its initialisation that no module can hold.
    #[error("its initialisation changed its file descriptors or left a line unfinished")]
    HostState,
    /// What it was granted is written down with it, as far as a megabyte goes.
    #[error("it has more grants than can be written down with it")]
    ManyGrants,
}

/// Options that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// See [`MemoryLimit`].
    #[error(transparent)]
    MemoryLimit(#[from] InvalidMemoryLimit),
    /// Nothing runs on no fuel.
    #[error(
        "a fuel limit of 0 lets nothing run; ask for FuelLimit::Unlimited if you want no limit"
    )]
    NoFuel,
    /// Nothing runs on no stack.
    #[error(
        "a stack limit of {frames} frames and {bytes} bytes lets nothing run (at least 16 frames and 4096 bytes)"
    )]
    NoStack {
        /// The frames asked for.
        frames: u32,
        /// The bytes asked for.
        bytes: u32,
    },
    /// A function of the embedder's cannot be offered.
    #[error("the host function {name} cannot be offered: {problem}")]
    HostFunction {
        /// The function, as `module.name`.
        name: Text,
        /// Why not.
        problem: &'static str,
    },
    /// A kind of the embedder's has a name that no grant could use.
    #[error("{0}")]
    CapabilityKind(CapabilityError),
    /// A grant of a kind that nothing answers for.
    #[error(transparent)]
    UnknownKind(UnknownKind),
    /// The engine would abort the process: this build's compiler did not turn tail calls into jumps.
    #[error(
        "this build of the engine is not sound: {turns} turns of a loop took {growth} bytes of the native stack; build with the feature `portable-dispatch`, or with opt-level 3 and without debug assertions"
    )]
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
    #[error(
        "this is a WebAssembly component, and plugins are core modules; build it without the component step"
    )]
    Component,
    /// The engine refuses the module.
    #[error("failed to compile: {0}")]
    Compile(Text),
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
    #[error("the name is taken by a plugin with other bytes; use another name, or a new runtime")]
    OtherContent,
}

/// So many problems are told; who has more has another problem.
const MOST_PROBLEMS: usize = 16;

fn joined(problems: &[impl ToString]) -> String {
    let told = problems.iter().take(MOST_PROBLEMS);
    let mut told: Vec<String> = told.map(ToString::to_string).collect();
    if let Some(more) = problems.len().checked_sub(MOST_PROBLEMS + 1) {
        told.push(format!("and {} more", more + 1));
    }
    told.join("; ")
}

/// Why a config cannot be given to a plugin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A config is a JSON object (`null` counts as an empty one).
    #[error("a config is a JSON object, not {0}")]
    NotAnObject(&'static str),
    /// The text is not JSON.
    #[error("not JSON: {0}")]
    NotJson(Text),
    /// It is not as the plugin's schema says.
    #[error("{}", joined(.0))]
    Invalid(Vec<Violation>),
    /// Validating it against the plugin's schema would cost too much.
    #[error(
        "validating this config against the plugin's schema is too expensive: {0}; ask the plugin's author for a simpler schema, or skip config validation"
    )]
    TooExpensive(TooExpensive),
    /// It is larger than what may cross the boundary.
    #[error("it has {bytes} bytes of JSON, more than the limit of {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit, [`Limits::request_bytes`](crate::Limits::request_bytes).
        limit: u32,
    },
}

/// What stopped a guest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The fuel limit is used up.
    #[error("ran out of fuel (limit {limit}); raise the fuel limit or look for a loop")]
    OutOfFuel {
        /// The limit of the call.
        limit: u64,
    },
    /// The memory limit was hit.
    #[error("memory limit exceeded ({limit}); raise the memory limit or look for a leak")]
    OutOfMemory {
        /// The limit of the instance.
        limit: MemoryLimit,
    },
    /// The table limit was hit.
    #[error("table limit exceeded ({limit} elements)")]
    OutOfTable {
        /// The limit, in elements.
        limit: u32,
    },
    /// The machine itself has no more memory.
    #[error("the host ran out of memory")]
    HostOutOfMemory,
    /// The call stack is used up.
    #[error(
        "overflowed the stack (limit {frames} frames, {bytes} bytes); look for endless recursion"
    )]
    StackOverflow {
        /// The limit in frames.
        frames: u32,
        /// The limit in bytes.
        bytes: u32,
    },
    /// The deadline passed.
    #[error("did not finish within its deadline of {} ms", .limit.as_millis())]
    Deadline {
        /// The time the call had.
        limit: Duration,
    },
    /// The fuel is used up that a deadline leaves to a plugin that cannot be interrupted.
    #[error(
        "used up the {limit} units of fuel that its deadline of {} ms leaves it: it contains table.grow, which cannot be interrupted, so the deadline bounds the fuel; raise the deadline, or build the plugin without reference types",
        .deadline.as_millis()
    )]
    DeadlineFuel {
        /// The deadline of the call.
        deadline: Duration,
        /// The fuel that the call had.
        limit: u64,
    },
    /// The call was cancelled, see [`Cancel`](crate::Cancel).
    #[error("was cancelled")]
    Cancelled,
    /// The guest called host functions too often.
    #[error("called host functions more than {limit} times; raise Limits::host_calls")]
    TooManyHostCalls {
        /// The limit of the call.
        limit: u64,
    },
    /// The guest moved too many bytes across the boundary.
    #[error("moved more than {limit} bytes to and from the host; raise Limits::moved_bytes")]
    TooManyBytes {
        /// The limit of the call.
        limit: u64,
    },
    /// The guest executed something that WebAssembly forbids, or gave up.
    #[error("trapped: {0}")]
    Trap(Text),
    /// The guest gave up by itself, as programs do.
    #[error("exited with code {code}")]
    Exit {
        /// The code it gave.
        code: u32,
    },
    /// A host function failed in a way that no reply can tell.
    #[error("was stopped by a fault of the host: {0}")]
    Host(Text),
}

impl From<Interrupted> for Fault {
    fn from(why: Interrupted) -> Fault {
        match why {
            Interrupted::Cancelled => Fault::Cancelled,
            Interrupted::Deadline(limit) => Fault::Deadline { limit },
        }
    }
}

/// How a guest broke the protocol.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// An optional export that was needed after all is missing.
    #[error("is not exported by the plugin")]
    NotExported,
    /// The packed result is 0 or has length 0.
    #[error("returned null pointer or zero length")]
    NullResult,
    /// The packed result has pointer 0 and a length.
    #[error("returned a null pointer with a length of {len} bytes")]
    NullPointer {
        /// The length.
        len: u32,
    },
    /// The result lies outside linear memory.
    #[error("returned {len} bytes at {ptr}, outside its memory of {memory} bytes")]
    ResultOutOfBounds {
        /// Where the result begins.
        ptr: u32,
        /// Its length.
        len: u32,
        /// The size of linear memory.
        memory: u64,
    },
    /// The result is larger than what may cross the boundary.
    #[error("returned {len} bytes, more than the limit of {limit}")]
    ResultTooLarge {
        /// The length.
        len: u32,
        /// The limit, [`Limits::result_bytes`](crate::Limits::result_bytes).
        limit: u32,
    },
    /// The result is not text.
    #[error("returned bytes that are not UTF-8 (from byte {at})")]
    NotUtf8 {
        /// The first wrong byte.
        at: usize,
    },
    /// The result is not JSON.
    #[error("returned something that is not JSON: {0}")]
    NotJson(Text),
    /// The result exceeds the nesting limit.
    #[error("returned JSON nested {depth} levels deep, more than the limit of {limit}")]
    TooDeep {
        /// The deepest nesting.
        depth: usize,
        /// The limit.
        limit: usize,
    },
    /// The result holds too many values. A value takes up to 112 bytes of memory in addition to its
    /// text when it is read, an object as much as six values.
    #[error(
        "returned JSON of {values} values, more than the limit of {limit} (an object counts as five values more)"
    )]
    TooManyValues {
        /// How many there are, about. An object counts for five more, since it takes much memory.
        values: usize,
        /// The limit.
        limit: usize,
    },
    /// The result is JSON of another shape.
    #[error("returned JSON of the wrong shape: {0}")]
    WrongShape(Text),
    /// The plugin declares more capabilities than one plugin may.
    #[error("declares {0}")]
    TooManyCapabilities(TooManyCapabilities),
    /// The plugin wants a newer host than this one is compatible with: the line 0.3.
    #[error(
        "asks for a host of version {wanted} or newer, and this host is compatible with 0.3; use an older build of the plugin"
    )]
    HostTooOld {
        /// What it asks for.
        wanted: Text,
    },
    /// The plugin reports an error where it should describe itself.
    #[error("failed inside the plugin: {}", Printable(.0))]
    Reported(ErrorDetail),
    /// `allocate` gave no buffer.
    #[error("needed a buffer of {bytes} bytes, and allocate() returned null pointer")]
    NoBuffer {
        /// The size asked for.
        bytes: usize,
    },
    /// `allocate` gave a buffer that lies outside linear memory.
    #[error(
        "needed a buffer of {bytes} bytes, and allocate() returned {ptr}, which does not fit into the memory of {memory} bytes"
    )]
    BufferOutOfBounds {
        /// Where the buffer would begin.
        ptr: u32,
        /// The size asked for.
        bytes: usize,
        /// The size of linear memory.
        memory: u64,
    },
    /// Host functions called `allocate`, which called host functions, and so on.
    #[error("called host functions from within allocate(), more than {limit} levels deep")]
    Reentrancy {
        /// The limit.
        limit: u32,
    },
}

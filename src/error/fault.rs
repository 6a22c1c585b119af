//! Why a call that ran has no answer.

use crate::{
    capability::TooManyCapabilities,
    effect::json,
    limits::{Interrupted, MemoryLimit},
    printable::{Printable, Text, counted},
};
use core::time::Duration;
use serde::Serialize;
use tollgate_abi::ErrorDetail;

/// What stopped a guest.
///
/// As JSON it is its name in snake case (`"cancelled"`), or an object with that key and what it holds
/// (`{"out_of_fuel":{"limit":1000}}`). Durations are in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// The fuel limit is used up.
    #[error("ran out of fuel (limit {limit}); raise the fuel limit or look for a loop")]
    OutOfFuel {
        /// The limit of the call.
        limit: u64,
    },
    /// The memory limit was hit.
    #[error(
        "memory limit exceeded ({limit}); raise the memory limit (--memory-mb), or have the plugin keep less in memory (in Go, look at a granted GOGC or GODEBUG)"
    )]
    OutOfMemory {
        /// The limit of the instance.
        limit: MemoryLimit,
    },
    /// The table limit was hit.
    #[error("table limit exceeded ({})", counted(.limit, "element"))]
    OutOfTable {
        /// The limit, in elements.
        limit: u32,
    },
    /// The machine itself has no more memory.
    #[error("the host ran out of memory")]
    HostOutOfMemory,
    /// The call stack is used up.
    #[error("overflowed the stack (limit {}, {}); look for endless recursion", counted(.frames, "frame"), counted(.bytes, "byte"))]
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
        #[serde(with = "json::nanoseconds")]
        limit: Duration,
    },
    /// The call was cancelled, see [`Cancel`](crate::Cancel).
    #[error("was cancelled")]
    Cancelled,
    /// The guest called host functions too often.
    #[error("called host functions more than {}; raise Limits::host_calls", counted(.limit, "time"))]
    TooManyHostCalls {
        /// The limit of the call.
        limit: u64,
    },
    /// The guest moved too many bytes across the boundary.
    #[error("moved more than {} to and from the host; raise Limits::moved_bytes", counted(.limit, "byte"))]
    TooManyBytes {
        /// The limit of the call.
        limit: u64,
    },
    /// The guest executed something that WebAssembly forbids, or gave up.
    #[error("trapped: {0}")]
    Trap(Text),
    /// The guest called `proc_exit`.
    #[error("exited with code {code}")]
    Exit {
        /// The code it gave.
        code: u32,
    },
    /// A host function failed in a way that no reply can express.
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
    #[error("returned a null pointer with a length of {}", counted(.len, "byte"))]
    NullPointer {
        /// The length.
        len: u32,
    },
    /// The result lies outside linear memory.
    #[error("returned {} at {ptr}, outside its memory of {}", counted(.len, "byte"), counted(.memory, "byte"))]
    ResultOutOfBounds {
        /// Where the result begins.
        ptr: u32,
        /// Its length.
        len: u32,
        /// The size of linear memory.
        memory: u64,
    },
    /// The result is larger than what may cross the boundary.
    #[error("returned {}, more than the limit of {limit}", counted(.len, "byte"))]
    ResultTooLarge {
        /// The length.
        len: u32,
        /// The limit, [`Limits::result_bytes`](crate::Limits::result_bytes).
        limit: u32,
    },
    /// The result is not JSON.
    #[error("returned something that is not JSON: {0}")]
    NotJson(Text),
    /// The result exceeds the nesting limit.
    #[error("returned JSON nested {} deep, more than the limit of {limit}", counted(.depth, "level"))]
    TooDeep {
        /// The deepest nesting.
        depth: usize,
        /// The limit.
        limit: usize,
    },
    /// The result holds too many values. A value takes up to 112 bytes of memory in addition to its
    /// text when it is read, an object as much as six values.
    #[error("returned JSON of {}, more than the limit of {limit} (an object counts as five values more)", counted(.values, "value"))]
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
    /// The plugin requires a newer host than this one, which is compatible with versions 0.3.
    #[error(
        "asks for a host of version {wanted} or newer, and this host is compatible with 0.3; use an older build of the plugin"
    )]
    HostTooOld {
        /// The version that it requires.
        wanted: Text,
    },
    /// The plugin reports an error where it should describe itself.
    #[error("failed inside the plugin: {}", Printable(.0))]
    Reported(ErrorDetail),
    /// `allocate` returned no buffer.
    #[error("needed a buffer of {}, and allocate() returned null pointer", counted(.bytes, "byte"))]
    NoBuffer {
        /// The size asked for.
        bytes: usize,
    },
    /// `allocate` returned a buffer outside linear memory.
    #[error("needed a buffer of {}, and allocate() returned {ptr}, which does not fit into the memory of {}", counted(.bytes, "byte"), counted(.memory, "byte"))]
    BufferOutOfBounds {
        /// Where the buffer would begin.
        ptr: u32,
        /// The size asked for.
        bytes: usize,
        /// The size of linear memory.
        memory: u64,
    },
    /// Host functions called `allocate`, which called host functions, and so on.
    #[error("called host functions from within allocate(), more than {} deep", counted(.limit, "level"))]
    Reentrancy {
        /// The limit.
        limit: u32,
    },
}

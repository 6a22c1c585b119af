//! What one call may use, what it used, and what may end it from outside. Limits are enforced
//! elsewhere: fuel in `guest`, memory and tables in its limiter, sizes where bytes cross the
//! boundary.

/// Declares limits, each with its default and its unit. A limit that is a group of limits has `each` in
/// place of a unit. What `limit_settings` makes of it is in `named`.
macro_rules! limits {
    (
        $(#[$about:meta])*
        pub struct $name:ident {
            $(
                $(#[doc = $doc:literal])*
                $(#[serde $serde:tt])*
                $field:ident: $ty:ty = $default:expr, $unit:ident $($in:literal)?;
            )*
        }
    ) => {
        $(#[$about])*
        #[expect(clippy::exhaustive_structs, reason = "callers construct it")]
        pub struct $name {
            $(
                $(#[doc = $doc])*
                $(#[serde $serde])*
                pub $field: $ty,
            )*
        }

        impl Default for $name {
            fn default() -> $name {
                $name { $( $field: $default, )* }
            }
        }

        impl $crate::limits::named::Group for $name {
            fn settings(&mut self) -> ::alloc::vec::Vec<$crate::limits::named::Setting<'_>> {
                let all = [$( limits!(@settings self, $field, concat!($($doc),*), $unit $($in)?) ),*];
                all.into_iter().flatten().collect()
            }
        }
    };
    (@settings $self:ident, $field:ident, $doc:expr, in $unit:literal) => {
        vec![$crate::limits::named::Setting {
            name: stringify!($field).into(),
            unit: $unit,
            documentation: $doc,
            amount: &mut $self.$field,
        }]
    };
    (@settings $self:ident, $field:ident, $doc:expr, each) => {
        $crate::limits::named::Group::settings(&mut $self.$field)
            .into_iter()
            .map(|setting| $crate::limits::named::Setting {
                name: format!("{}.{}", stringify!($field), setting.name),
                ..setting
            })
            .collect()
    };
}

mod amounts;
mod cancel;
mod clock;
mod deadline;
mod interrupt;
mod module;
mod named;
mod numbers;

pub use amounts::{FuelLimit, InvalidMemoryLimit, MemoryLimit, StackLimit};
pub use cancel::Cancel;
pub(crate) use clock::Clock;
pub(crate) use interrupt::{Interrupt, Interrupted};
pub(crate) use module::ModuleCounts;
pub use module::{Measured, ModuleLimits};
pub use named::{InvalidLimit, NamedLimit};

use crate::{effect::json, printable::counted};
use alloc::string::String;
use core::time::Duration;
use serde::{Deserialize, Serialize};

/// Bytes of one page of linear memory.
pub(crate) const PAGE_BYTES: u64 = 65_536;

/// How many host functions can be on the stack at once. They may be entered again from within `allocate`, each
/// time on more of the host's native stack (about 2.2 KiB) and with a new stack of the guest. Ordinary guests
/// never do.
pub(crate) const HOST_DEPTH: u32 = 16;

const LOG_BYTES: u32 = 1 << 20;
const REPORTED: u32 = 1000;
const OPEN_FILES: u32 = 256;

// Limits on what is reported and on open files came later than transcripts. With their defaults they are not written,
// so that recordings of all versions are the same text.

/// A limit of evidence as transcripts have it.
mod zero_is_none {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(limit: &Option<u32>, to: S) -> Result<S::Ok, S::Error> {
        limit.unwrap_or(0).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
        let limit = Option::<u32>::deserialize(from)?;
        Ok(limit.filter(|limit| *limit > 0))
    }
}

fn is_default_log_bytes(bytes: &u32) -> bool {
    *bytes == LOG_BYTES
}

fn is_default_reported(requests: &u32) -> bool {
    *requests == REPORTED
}

fn is_default_open_files(files: &u32) -> bool {
    *files == OPEN_FILES
}

limits! {
    /// What a module may hold and each call may use. [`Limits::default`] is what
    /// [`Runtime::new`](crate::Runtime::new) uses.
    ///
    /// As JSON, what is left out has its default, unlimited fuel and no deadline are `null`, no limit of
    /// evidence is `0`, and a deadline is in nanoseconds. By [name](Limits::set) they are all text.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    pub struct Limits {
        /// Fuel for one call, and as much again for the initialisation before it. Default:
        /// 100 000 000 000: on a server, 20 to 50 seconds of computation, or 45 to 120 with portable
        /// dispatch. An executed instruction costs 1.0 to 1.5 units, measured over programs in Go, Rust
        /// and C; a byte that crosses the boundary costs one, and a guest that sleeps pays one for each
        /// nanosecond.
        fuel: FuelLimit = FuelLimit::default(), in "units";
        /// Linear memory of one instance. Default: 256 MB.
        memory: MemoryLimit = MemoryLimit::default(), in "bytes";
        /// Elements of all tables of an instance. Default: 1 000 000.
        table_elements: u32 = 1_000_000, in "elements";
        /// The guest's call stack.
        stack: StackLimit = StackLimit::default(), each;
        /// Wall-clock time for one call, together with the initialisation before it where there is one.
        /// It is a safety net beside fuel, since fuel does not measure time. Default: none.
        #[serde(with = "json::optional_nanoseconds")]
        deadline: Option<Duration> = None, in "milliseconds";
        /// The most bytes that an export may answer with. Default: 64 MiB. Reading an answer takes up
        /// to 112 bytes of memory for each of its bytes, and 112 MB at most, in addition to its text.
        result_bytes: u32 = 64 << 20, in "bytes";
        /// The most bytes that one host function request may have, and the config too.
        /// Default: 1 MiB.
        request_bytes: u32 = 1 << 20, in "bytes";
        /// The most bytes of content that one host function reply may carry. Default: 10 MiB.
        reply_bytes: u32 = 10 << 20, in "bytes";
        /// The most calls of host functions that one call may make. Looking for a file or reading a clock
        /// costs the guest next to no fuel and the host far more. Default: 1 000 000.
        host_calls: u64 = 1_000_000, in "calls";
        /// The most bytes that may cross the boundary in one call, both ways together.
        /// Default: 1 GiB.
        moved_bytes: u64 = 1 << 30, in "bytes";
        /// The most bytes of JSON that the data and raw text of evidence may have together, and each of
        /// its message, metadata and error. What is longer is cut, see
        /// [`truncate_evidence`](crate::truncate_evidence). `None` is no limit. Default: 1 MiB.
        #[serde(with = "zero_is_none")]
        evidence_bytes: Option<u32> = Some(1 << 20), in "bytes";
        /// The most lines that one call may log, printed ones included; the rest is dropped with a
        /// warning and counted. Initialisation has as many of its own. The warning is
        /// [`Event::LimitReached`](crate::Event::LimitReached). Default: 10 000.
        log_lines: u32 = 10_000, in "lines";
        /// The most bytes that the lines of one call may have together, with the names, types and
        /// values of their attributes. From the first line that is too long on, all are dropped, with a
        /// warning. Default: 1 MiB.
        #[serde(skip_serializing_if = "is_default_log_bytes")]
        log_bytes: u32 = LOG_BYTES, in "bytes";
        /// The most different requests whose denial one call reports; the rest is denied all the same,
        /// and counted. A report is [`Event::Denied`](crate::Event::Denied), of 1 KiB of text on average.
        /// Default: 1000.
        #[serde(skip_serializing_if = "is_default_reported")]
        denials: u32 = REPORTED, in "requests";
        /// The most different granted requests that one call reports to an audit; the rest is counted. A
        /// report is [`Event::Granted`](crate::Event::Granted), of 1 KiB of text on average.
        /// Default: 1000.
        #[serde(skip_serializing_if = "is_default_reported")]
        audited: u32 = REPORTED, in "requests";
        /// The most descriptors that one instance may have open at once: files, directories and the four
        /// that are open from the start. A guest that opens more gets the error `EMFILE`, and the
        /// operator a warning, [`Event::LimitReached`](crate::Event::LimitReached). Whatever the limit,
        /// all instances together open no more files than half of what the process may. Default: 256.
        #[serde(skip_serializing_if = "is_default_open_files")]
        open_files: u32 = OPEN_FILES, in "descriptors";
        /// How much of everything a module may hold, checked when it is loaded. Not part of the JSON
        /// form: it decides what is loaded, and changes no call.
        #[serde(skip)]
        module: ModuleLimits = ModuleLimits::default(), each;
    }
}

impl Limits {
    /// The same limits, with this deadline if it is shorter.
    pub(crate) fn with_deadline(&self, deadline: Option<Duration>) -> Limits {
        Limits {
            deadline: [self.deadline, deadline].into_iter().flatten().min(),
            ..self.clone()
        }
    }

    /// The smaller of both for each limit. The stack and what a module may hold are those of `self`:
    /// a module is compiled with them.
    pub(crate) fn at_most(&self, other: &Limits) -> Limits {
        Limits {
            fuel: match self.fuel.units() <= other.fuel.units() {
                true => self.fuel,
                false => other.fuel,
            },
            module: self.module.clone(),
            memory: self.memory.min(other.memory),
            table_elements: self.table_elements.min(other.table_elements),
            stack: self.stack,
            deadline: [self.deadline, other.deadline].into_iter().flatten().min(),
            result_bytes: self.result_bytes.min(other.result_bytes),
            request_bytes: self.request_bytes.min(other.request_bytes),
            reply_bytes: self.reply_bytes.min(other.reply_bytes),
            host_calls: self.host_calls.min(other.host_calls),
            moved_bytes: self.moved_bytes.min(other.moved_bytes),
            evidence_bytes: [self.evidence_bytes, other.evidence_bytes]
                .into_iter()
                .flatten()
                .min(),
            log_lines: self.log_lines.min(other.log_lines),
            log_bytes: self.log_bytes.min(other.log_bytes),
            denials: self.denials.min(other.denials),
            audited: self.audited.min(other.audited),
            open_files: self.open_files.min(other.open_files),
        }
    }

    /// The first limit that exceeds that of `other`, and that one, both as text. The stack
    /// is part of how a module is compiled, and must be the same. Deadlines and what a module may hold
    /// are not compared.
    pub(crate) fn beyond(&self, other: &Limits) -> Option<(String, String)> {
        let Limits {
            fuel,
            memory,
            table_elements,
            stack,
            deadline: _,
            result_bytes,
            request_bytes,
            reply_bytes,
            host_calls,
            moved_bytes,
            // How much of an answer is returned is no burden to the runtime.
            evidence_bytes: _,
            log_lines,
            log_bytes,
            denials,
            audited,
            open_files,
            module: _,
        } = self;
        if *stack != other.stack {
            let text = |StackLimit { frames, bytes }: StackLimit| {
                format!(
                    "a stack of {} and {}",
                    counted(frames, "frame"),
                    counted(bytes, "byte")
                )
            };
            return Some((text(*stack), text(other.stack)));
        }
        if memory.pages() > other.memory.pages() {
            let text = |memory: MemoryLimit| format!("memory up to {memory}");
            return Some((text(*memory), text(other.memory)));
        }
        let pair = |(limit, there): (u32, u32)| (u64::from(limit), u64::from(there));
        let limits = [
            ("fuel of", (fuel.units(), other.fuel.units())),
            (
                "table elements up to",
                pair((*table_elements, other.table_elements)),
            ),
            (
                "result bytes up to",
                pair((*result_bytes, other.result_bytes)),
            ),
            (
                "request bytes up to",
                pair((*request_bytes, other.request_bytes)),
            ),
            ("reply bytes up to", pair((*reply_bytes, other.reply_bytes))),
            ("host calls up to", (*host_calls, other.host_calls)),
            ("bytes moved up to", (*moved_bytes, other.moved_bytes)),
            ("log lines up to", pair((*log_lines, other.log_lines))),
            ("log bytes up to", pair((*log_bytes, other.log_bytes))),
            ("reported denials up to", pair((*denials, other.denials))),
            ("audited requests up to", pair((*audited, other.audited))),
            ("open files up to", pair((*open_files, other.open_files))),
        ];
        let (what, (own, theirs)) = limits.into_iter().find(|(_, (own, other))| own > other)?;
        Some((format!("{what} {own}"), format!("{what} {theirs}")))
    }
}

/// What one call used, or initialisation, which is counted by itself. As JSON it is an object with
/// these fields.
///
/// Everything but the deadline is deterministic: the same module, config, limits and replies of
/// the world give the same figures on every machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Usage {
    /// Fuel burnt.
    pub fuel: u64,
    /// The most pages of 64 KiB that linear memory had.
    pub peak_memory_pages: u64,
    /// Calls of host functions.
    pub host_calls: u64,
    /// Bytes that went into the guest: the config and replies.
    pub bytes_in: u64,
    /// Bytes that came out of the guest: the result and requests.
    pub bytes_out: u64,
}

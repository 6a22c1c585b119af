//! What one call may use, what it used, and what may end it from outside. Limits are enforced
//! elsewhere: fuel in `guest`, memory and tables in its limiter, sizes where bytes cross the
//! boundary.

mod cancel;
mod deadline;
mod interrupt;
mod module;

pub use cancel::Cancel;
pub(crate) use interrupt::{Interrupt, Interrupted};
pub(crate) use module::ModuleCounts;
pub use module::{Measured, ModuleLimits};

use crate::effect::json;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Bytes of one page of linear memory.
pub(crate) const PAGE_BYTES: u64 = 65_536;

/// The most pages a 32-bit memory can have (4 GiB).
const MAX_PAGES: u32 = 65_536;

const PAGES_PER_MB: u32 = 16;

/// What a module may hold and each call may use. [`Limits::default`] is what
/// [`Runtime::new`](crate::Runtime::new) uses.
///
/// As JSON, what is left out has its default, unlimited fuel and no deadline are `null`, no limit of
/// evidence is `0`, and a deadline is in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "callers construct it")]
pub struct Limits {
    /// Fuel for one call, and as much again for the initialisation before it, which is not part of
    /// the call. Default: 100 000 000 000, about a minute of a tight loop or some seconds of Go
    /// code. Instructions cost about a unit each, bytes that cross the boundary one each, and a
    /// guest that sleeps pays one for each nanosecond.
    pub fuel: FuelLimit,
    /// How much of everything a module may hold, checked when it is loaded. Not part of the JSON
    /// form: it decides what is loaded, and changes no call.
    #[serde(skip)]
    pub module: ModuleLimits,
    /// Linear memory of one instance. Default: 256 MB.
    pub memory: MemoryLimit,
    /// Elements of all tables of an instance. Default: 1 000 000.
    pub table_elements: u32,
    /// The guest's call stack.
    pub stack: StackLimit,
    /// Wall-clock time for one call, together with the initialisation before it where there is
    /// one: a safety net beside fuel, since fuel does not measure time. Default: none.
    #[serde(with = "json::optional_nanoseconds")]
    pub deadline: Option<Duration>,
    /// The most bytes that an export may answer with. Default: 16 MiB. Reading an answer takes up
    /// to 112 bytes of memory for each of its bytes, and 112 MB at most, in addition to its text.
    pub result_bytes: u32,
    /// The most bytes that one host function request may have, and the config too.
    /// Default: 1 MiB.
    pub request_bytes: u32,
    /// The most bytes of content that one host function reply may carry. Default: 10 MiB.
    pub reply_bytes: u32,
    /// The most calls of host functions that one call may make. Looking for a file or reading a clock
    /// costs the guest next to no fuel and the host far more. Default: 1 000 000.
    pub host_calls: u64,
    /// The most bytes that may cross the boundary in one call, both ways together.
    /// Default: 1 GiB.
    pub moved_bytes: u64,
    /// The most bytes of JSON that the data and raw text of evidence may have together, and each of
    /// its message, metadata and error; what is longer is cut, see
    /// [`truncate_evidence`](crate::truncate_evidence). `None` is no limit. Default: 1 MiB.
    #[serde(with = "zero_is_none")]
    pub evidence_bytes: Option<u32>,
    /// The most lines that one call may log, printed ones included; the rest is dropped with a
    /// warning ([`Event::LimitReached`](crate::Event::LimitReached)) and counted. Initialisation
    /// has as many of its own. Default: 10 000.
    pub log_lines: u32,
    /// The most bytes that the lines of one call may have together, with the names, types and
    /// values of their attributes; from the first line that is too long on, all are dropped, with a
    /// warning. Default: 1 MiB.
    #[serde(skip_serializing_if = "is_default_log_bytes")]
    pub log_bytes: u32,
    /// The most different requests whose denial one call reports
    /// ([`Event::Denied`](crate::Event::Denied)), of 1 KiB of text each on average; the rest is
    /// denied all the same, and counted. Default: 1000.
    #[serde(skip_serializing_if = "is_default_reported")]
    pub denials: u32,
    /// The most different granted requests that one call reports to an audit
    /// ([`Event::Granted`](crate::Event::Granted)), of 1 KiB of text each on average.
    /// Default: 1000.
    #[serde(skip_serializing_if = "is_default_reported")]
    pub audited: u32,
    /// The most descriptors that one instance may have open at once: files, directories and the four
    /// that are open from the start. A guest that opens more gets the error `EMFILE`, and the
    /// operator a warning ([`Event::LimitReached`](crate::Event::LimitReached)). Whatever the limit,
    /// all instances together open no more files than half of what the process may. Default: 256.
    #[serde(skip_serializing_if = "is_default_open_files")]
    pub open_files: u32,
}

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

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            fuel: FuelLimit::default(),
            module: ModuleLimits::default(),
            memory: MemoryLimit::default(),
            table_elements: 1_000_000,
            stack: StackLimit::default(),
            deadline: None,
            result_bytes: 16 << 20,
            request_bytes: 1 << 20,
            reply_bytes: 10 << 20,
            host_calls: 1_000_000,
            moved_bytes: 1 << 30,
            evidence_bytes: Some(1 << 20),
            log_lines: 10_000,
            log_bytes: LOG_BYTES,
            denials: REPORTED,
            audited: REPORTED,
            open_files: OPEN_FILES,
        }
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
                format!("a stack of {frames} frames and {bytes} bytes")
            };
            return Some((text(*stack), text(other.stack)));
        }
        let pair = |(limit, there): (u32, u32)| (u64::from(limit), u64::from(there));
        let limits = [
            ("fuel of", (fuel.units(), other.fuel.units())),
            (
                "memory pages up to",
                pair((memory.pages(), other.memory.pages())),
            ),
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

/// How much fuel a call may burn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Option<u64>", into = "Option<u64>")]
#[expect(
    clippy::exhaustive_enums,
    reason = "there is a limit, or there is none"
)]
pub enum FuelLimit {
    /// So many units; 0 is refused when the runtime is built.
    Units(u64),
    /// No limit. A plugin that loops runs until the deadline, if there is one.
    Unlimited,
}

impl Default for FuelLimit {
    fn default() -> FuelLimit {
        FuelLimit::Units(100_000_000_000)
    }
}

impl From<u64> for FuelLimit {
    fn from(units: u64) -> FuelLimit {
        FuelLimit::Units(units)
    }
}

impl From<Option<u64>> for FuelLimit {
    fn from(units: Option<u64>) -> FuelLimit {
        units.map_or(FuelLimit::Unlimited, FuelLimit::Units)
    }
}

impl From<FuelLimit> for Option<u64> {
    fn from(limit: FuelLimit) -> Option<u64> {
        match limit {
            FuelLimit::Units(units) => Some(units),
            FuelLimit::Unlimited => None,
        }
    }
}

impl FuelLimit {
    /// The units, with "unlimited" as the largest number.
    pub(crate) fn units(self) -> u64 {
        match self {
            FuelLimit::Units(units) => units,
            FuelLimit::Unlimited => u64::MAX,
        }
    }
}

/// How much linear memory an instance may have, in whole pages of 64 KiB.
///
/// ```
/// use tollgate::MemoryLimit;
///
/// assert_eq!(MemoryLimit::from_megabytes(100)?.pages(), 1600);
/// assert_eq!(MemoryLimit::default(), MemoryLimit::from_megabytes(256)?);
/// assert_eq!(MemoryLimit::UNLIMITED, MemoryLimit::from_megabytes(4096)?); // all that 32 bits reach
/// assert!(MemoryLimit::from_megabytes(0).is_err());
/// assert!(MemoryLimit::from_megabytes(4097).is_err());
/// # Ok::<(), tollgate::InvalidMemoryLimit>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Pages", into = "Pages")]
pub struct MemoryLimit {
    pages: u32,
}

/// A memory limit as JSON, which may have any number.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pages {
    pages: u32,
}

impl From<Pages> for MemoryLimit {
    fn from(Pages { pages }: Pages) -> MemoryLimit {
        MemoryLimit::from_pages(pages)
    }
}

impl From<MemoryLimit> for Pages {
    fn from(MemoryLimit { pages }: MemoryLimit) -> Pages {
        Pages { pages }
    }
}

impl MemoryLimit {
    /// All that a 32-bit memory can have: 4 GiB.
    pub const UNLIMITED: MemoryLimit = MemoryLimit { pages: MAX_PAGES };

    /// A limit of `pages` pages of 64 KiB; more than 65 536 is the same as unlimited.
    #[must_use]
    pub const fn from_pages(pages: u32) -> MemoryLimit {
        MemoryLimit {
            pages: if pages > MAX_PAGES { MAX_PAGES } else { pages },
        }
    }

    /// A limit of 1 to 4096 megabytes.
    ///
    /// # Errors
    ///
    /// Any other number.
    pub fn from_megabytes(megabytes: u32) -> Result<MemoryLimit, InvalidMemoryLimit> {
        match megabytes {
            1..=4096 => Ok(MemoryLimit::from_pages(megabytes * PAGES_PER_MB)),
            _ => Err(InvalidMemoryLimit { megabytes }),
        }
    }

    /// The limit in pages of 64 KiB.
    #[must_use]
    pub const fn pages(self) -> u32 {
        self.pages
    }

    pub(crate) fn bytes(self) -> u64 {
        u64::from(self.pages) * PAGE_BYTES
    }
}

/// 256 MB.
impl Default for MemoryLimit {
    fn default() -> MemoryLimit {
        MemoryLimit {
            pages: 256 * PAGES_PER_MB,
        }
    }
}

impl std::fmt::Display for MemoryLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.pages.is_multiple_of(PAGES_PER_MB) {
            write!(f, "{} MB", self.pages / PAGES_PER_MB)
        } else {
            write!(f, "{} pages", self.pages)
        }
    }
}

/// A number of megabytes that is no memory limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid WASM memory limit: {megabytes} MB (must be from 1 to 4096 MB)")]
#[non_exhaustive]
pub struct InvalidMemoryLimit {
    /// The number.
    pub megabytes: u32,
}

/// How deep the guest may call. The guest's stack lives on the heap, so these bound memory; the
/// host's own stack is never at stake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "callers construct it")]
pub struct StackLimit {
    /// Nested calls. Default: 65 536; Go plugins need more than the engine's own default of 1 000.
    pub frames: u32,
    /// Bytes of values on the stack. Default: 16 MiB.
    pub bytes: u32,
}

impl Default for StackLimit {
    fn default() -> StackLimit {
        StackLimit {
            frames: 65_536,
            bytes: 16 << 20,
        }
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
